//! Separated values in SQL: `from_csv`, `to_csv` and `schema_of_csv`.

mod functions;
mod line;
mod read;
mod write;

#[cfg(test)]
mod tests;

use crate::json::{JsonError, ParseMode, TimeParserPolicy};
use crate::zone::Tz;

pub use functions::udfs;
pub use line::split;

/// Options of reading and writing one line of separated values. The default is Spark's, in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOptions {
    /// What stands between two values.
    pub separator: String,
    /// Encloses values; `None` if nothing does.
    pub quote: Option<char>,
    /// Takes the meaning from the next quote inside quotes.
    pub escape: Option<char>,
    /// Inside quotes, takes the meaning from the next escape character; by default the escape character itself, if it is not
    /// the quote.
    pub escape_escape: Option<char>,
    /// Writing: a value with a quote in it is quoted.
    pub escape_quotes: bool,
    /// Lines beginning with this are no values.
    pub comment: Option<char>,
    /// The text of null; unquoted nothing is null too.
    pub null_value: String,
    /// What a quoted nothing stands for, if it is not null.
    pub empty_value: Option<String>,
    /// Whether blanks before values are dropped; by default only when writing.
    pub ignore_leading_blanks: Option<bool>,
    /// Whether blanks behind values are dropped; by default only when writing.
    pub ignore_trailing_blanks: Option<bool>,
    /// The text of a float that is not a number.
    pub nan_value: String,
    /// The text of the infinite float.
    pub positive_infinity: String,
    /// The text of the negative infinite float.
    pub negative_infinity: String,
    /// Writing: every value is quoted.
    pub quote_all: bool,
    /// What happens to a line that cannot be read in full.
    pub mode: ParseMode,
    /// What happens to a time text that only Spark 2 would have read.
    pub time_parser_policy: TimeParserPolicy,
    /// Name of the STRING column that takes lines with errors, if it is declared.
    pub corrupt_record_column: String,
    /// Zone of timestamps that name none, and of timestamps written.
    pub time_zone: Tz,
    /// Schema inference: a text that is a date is one, rather than a timestamp.
    pub prefer_date: bool,
    /// Pattern of TIMESTAMP text.
    pub timestamp_format: Option<String>,
    /// Pattern of TIMESTAMP_NTZ text.
    pub timestamp_ntz_format: Option<String>,
    /// Pattern of DATE text.
    pub date_format: Option<String>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            separator: ",".to_owned(),
            quote: Some('"'),
            escape: Some('\\'),
            escape_escape: None,
            escape_quotes: true,
            comment: None,
            null_value: String::new(),
            empty_value: None,
            ignore_leading_blanks: None,
            ignore_trailing_blanks: None,
            nan_value: "NaN".to_owned(),
            positive_infinity: "Inf".to_owned(),
            negative_infinity: "-Inf".to_owned(),
            quote_all: false,
            mode: ParseMode::default(),
            time_parser_policy: TimeParserPolicy::default(),
            corrupt_record_column: "_corrupt_record".to_owned(),
            time_zone: Tz::UTC,
            prefer_date: true,
            timestamp_format: None,
            timestamp_ntz_format: None,
            date_format: None,
        }
    }
}

/// Blanks around values are everything up to the space.
fn is_blank(c: char) -> bool {
    c <= ' '
}

impl CsvOptions {
    /// What makes the escape character a plain one inside quotes.
    fn escape_of_escape(&self) -> Option<char> {
        self.escape_escape
            .or(self.escape.filter(|escape| Some(*escape) != self.quote))
    }

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
        let wrong = |expected| JsonError::Option {
            option: name.to_owned(),
            value: value.to_owned(),
            expected,
        };
        let flag = || match value.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(wrong("true or false")),
        };
        let character = || match (value.chars().next(), value.chars().count()) {
            (None | Some('\0'), 0 | 1) => Ok(None),
            (only, 1) => Ok(only),
            _ if value == "\\u0000" => Ok(None),
            _ => Err(wrong("one character")),
        };
        let text = || Some(value.to_owned());
        match name.to_ascii_lowercase().as_str() {
            "sep" | "delimiter" => {
                self.separator = match value {
                    "" => return Err(wrong("at least one character")),
                    "\\t" => "\t".to_owned(),
                    "\\\\" => "\\".to_owned(),
                    other => other.to_owned(),
                }
            }
            "quote" => self.quote = character()?,
            "escape" => self.escape = character()?,
            "chartoescapequoteescaping" => self.escape_escape = character()?,
            "escapequotes" => self.escape_quotes = flag()?,
            "locale" if !value.to_ascii_lowercase().starts_with("en") => return Err(wrong("en-US")),
            "comment" => self.comment = character()?,
            "nullvalue" => self.null_value = value.to_owned(),
            "emptyvalue" => self.empty_value = text(),
            "ignoreleadingwhitespace" => self.ignore_leading_blanks = Some(flag()?),
            "ignoretrailingwhitespace" => self.ignore_trailing_blanks = Some(flag()?),
            "nanvalue" => self.nan_value = value.to_owned(),
            "positiveinf" => self.positive_infinity = value.to_owned(),
            "negativeinf" => self.negative_infinity = value.to_owned(),
            "quoteall" => self.quote_all = flag()?,
            "mode" => {
                self.mode = match value.to_ascii_uppercase().as_str() {
                    "FAILFAST" => ParseMode::FailFast,
                    "DROPMALFORMED" => return Err(wrong("PERMISSIVE or FAILFAST")),
                    // As in Spark, whatever else it says.
                    _ => ParseMode::Permissive,
                }
            }
            "preferdate" => self.prefer_date = flag()?,
            "columnnameofcorruptrecord" => self.corrupt_record_column = value.to_owned(),
            "timezone" => {
                self.time_zone = crate::zone::parse(value).map_err(|_| wrong("a region such as Europe/Berlin"))?
            }
            "timeparserpolicy" => {
                self.time_parser_policy =
                    TimeParserPolicy::parse(value).ok_or_else(|| wrong("EXCEPTION or CORRECTED"))?;
            }
            "timestampformat" => self.timestamp_format = text(),
            "timestampntzformat" => self.timestamp_ntz_format = text(),
            "dateformat" => self.date_format = text(),
            _ => {}
        }
        Ok(())
    }
}
