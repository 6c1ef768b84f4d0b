//! How JSON is read and written: Spark's options of `from_json`, `to_json` and the JSON source.

use super::JsonError;
use super::convert::Context;
use super::scan::Leniency;
use crate::pattern::Pattern;
use crate::zone::Tz;

/// What happens to a record that cannot be read in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ParseMode {
    /// Nulls take the place of what could not be read.
    #[default]
    Permissive,
    /// The query fails.
    FailFast,
}

/// What happens to a date or time text that only Spark 2 would have read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeParserPolicy {
    /// The query fails, so that nobody gets other values than before without knowing.
    #[default]
    Exception,
    /// The text is not a time: null.
    Corrected,
}

impl TimeParserPolicy {
    /// Reads a policy's name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "EXCEPTION" => Some(Self::Exception),
            "CORRECTED" => Some(Self::Corrected),
            _ => None,
        }
    }
}

/// Options of reading and writing JSON. The default is Spark's, in UTC.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonOptions {
    /// Zone of timestamps that name none, and of timestamps written.
    pub time_zone: Tz,
    /// Pattern of TIMESTAMP text; without one ISO and its relaxed forms are read, and `yyyy-MM-dd'T'HH:mm:ss.SSSXXX` written.
    pub timestamp_format: Option<String>,
    /// Pattern of TIMESTAMP_NTZ text.
    pub timestamp_ntz_format: Option<String>,
    /// Pattern of DATE text.
    pub date_format: Option<String>,
    /// What happens to a record that cannot be read in full.
    pub mode: ParseMode,
    /// What happens to a time text that only Spark 2 would have read.
    pub time_parser_policy: TimeParserPolicy,
    /// Name of the STRING column that takes the text of records with errors, if it is declared.
    pub corrupt_record_column: String,
    /// What the parser lets through beyond strict JSON.
    pub leniency: Leniency,
    /// Schema inference: scalars are STRING.
    pub primitives_as_string: bool,
    /// Schema inference: numbers with a fraction are DECIMAL where one holds them.
    pub prefer_decimal: bool,
    /// Schema inference: fields that are never but null or empty are left out.
    pub drop_null_fields: bool,
    /// Schema inference: texts that are times have their type.
    pub infer_timestamp: bool,
    /// Whether times that do not fit their pattern may be ISO text; by default where there is no pattern.
    pub time_fallback: Option<bool>,
    /// Writing: null fields of structs are left out.
    pub ignore_null_fields: bool,
    /// Writing: one name or element a line, indented.
    pub pretty: bool,
}

impl Default for JsonOptions {
    fn default() -> Self {
        Self {
            time_zone: Tz::UTC,
            timestamp_format: None,
            timestamp_ntz_format: None,
            date_format: None,
            mode: ParseMode::default(),
            time_parser_policy: TimeParserPolicy::default(),
            corrupt_record_column: "_corrupt_record".to_owned(),
            leniency: Leniency::default(),
            primitives_as_string: false,
            prefer_decimal: false,
            drop_null_fields: false,
            infer_timestamp: false,
            time_fallback: None,
            ignore_null_fields: true,
            pretty: false,
        }
    }
}

impl JsonOptions {
    /// Takes options by their Spark names, in any case; names it does not know are ignored, as Spark does.
    ///
    /// # Errors
    /// [`JsonError::Option`] for a value that is not allowed.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        time_zone: Tz,
    ) -> Result<Self, JsonError> {
        let mut options = Self {
            time_zone,
            ..Self::default()
        };
        for (name, value) in pairs {
            options.set(name, value)?;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), JsonError> {
        let wrong = |expected: &'static str| JsonError::Option {
            option: name.to_owned(),
            value: value.to_owned(),
            expected,
        };
        let flag = || match value.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(wrong("true or false")),
        };
        let text = || Some(value.to_owned());
        match name.to_ascii_lowercase().as_str() {
            "mode" => {
                self.mode = match value.to_ascii_uppercase().as_str() {
                    "FAILFAST" => ParseMode::FailFast,
                    "DROPMALFORMED" => return Err(wrong("PERMISSIVE or FAILFAST")),
                    // As in Spark, whatever else it says.
                    _ => ParseMode::Permissive,
                }
            }
            "timezone" => {
                self.time_zone = crate::zone::parse(value).map_err(|_| wrong("a region such as Europe/Berlin"))?
            }
            "timeparserpolicy" => {
                self.time_parser_policy =
                    TimeParserPolicy::parse(value).ok_or_else(|| wrong("EXCEPTION or CORRECTED"))?;
            }
            "locale" if !value.to_ascii_lowercase().starts_with("en") => return Err(wrong("en-US")),
            "enabledatetimeparsingfallback" => self.time_fallback = Some(flag()?),
            "dropfieldifallnull" => self.drop_null_fields = flag()?,
            "infertimestamp" => self.infer_timestamp = flag()?,
            "timestampformat" => self.timestamp_format = text(),
            "timestampntzformat" => self.timestamp_ntz_format = text(),
            "dateformat" => self.date_format = text(),
            "columnnameofcorruptrecord" => self.corrupt_record_column = value.to_owned(),
            "allowsinglequotes" => self.leniency.single_quotes = flag()?,
            "allowunquotedfieldnames" => self.leniency.unquoted_names = flag()?,
            "allownumericleadingzeros" => self.leniency.leading_zeros = flag()?,
            "allownonnumericnumbers" => self.leniency.non_numeric_numbers = flag()?,
            "allowbackslashescapinganycharacter" => self.leniency.backslash_any = flag()?,
            "allowcomments" => self.leniency.comments = flag()?,
            "allowunquotedcontrolchars" => self.leniency.control_characters = flag()?,
            "primitivesasstring" => self.primitives_as_string = flag()?,
            "prefersdecimal" => self.prefer_decimal = flag()?,
            "ignorenullfields" => self.ignore_null_fields = flag()?,
            "pretty" => self.pretty = flag()?,
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn context(&self) -> Result<Context, JsonError> {
        let pattern = |text: &Option<String>| text.as_deref().map(Pattern::for_reading).transpose();
        Ok(Context {
            zone: self.time_zone,
            timestamp_pattern: pattern(&self.timestamp_format)?,
            local_pattern: pattern(&self.timestamp_ntz_format)?,
            date_pattern: pattern(&self.date_format)?,
            time_fallback: self.time_fallback == Some(true),
            non_numeric_numbers: self.leniency.non_numeric_numbers,
            partial: false,
            ambiguous: None,
            scratch: Vec::new(),
        })
    }
}
