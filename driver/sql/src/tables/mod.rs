//! Tables of a job file: what was declared, and the source or sink it is when used as one.

mod files;
mod kafka;

use arrow::datatypes::{Field, Schema, SchemaRef};
use millstream_common::options::{OptionError, Options, nearest};
use millstream_plan::source::{kafka_schema, rate_schema};
use millstream_plan::spec::{FileFormat, RateSource, SinkSpec, SourceSpec};
use millstream_spark::ddl;
use sqlparser::tokenizer::Location;
use std::sync::Arc;

use crate::error::{Checked, Fault, SqlErrorKind};
use crate::parse::CreateTable;

/// What `USING` can name.
const PROVIDERS: [&str; 8] = ["kafka", "csv", "json", "parquet", "rate", "console", "noop", "memory"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    Kafka,
    Files(FileFormat),
    Rate,
    Console,
    Noop,
    Memory,
}

/// A declared table, its option names checked.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) provider: Provider,
    pub(crate) options: Options,
    /// Places of the options by lower-case name.
    places: Vec<(String, Location)>,
    pub(crate) at: Location,
    /// The declared columns and their text.
    pub(crate) columns: Option<(Vec<Field>, String)>,
}

/// A table used as a source.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) spec: SourceSpec,
    pub(crate) schema: SchemaRef,
}

impl Table {
    /// Checks a declaration: provider, columns, names of options.
    pub(crate) fn declare(create: CreateTable) -> Checked<Self> {
        let provider = provider(&create)?;
        let mut options = Options::default();
        let mut places = Vec::new();
        for option in create.options {
            places.push((option.name.to_ascii_lowercase(), option.at));
            options.set(option.name, option.value);
        }
        let columns = match create.columns {
            None => None,
            Some((text, at)) => {
                let fields = ddl::parse_schema(&text).map_err(|e| {
                    // The message's own position counts from the column list, which nobody can see.
                    let message = e.to_string();
                    let message = message
                        .split_once(": ")
                        .map_or(message.as_str(), |(_, rest)| rest)
                        .to_owned();
                    Fault::new(
                        SqlErrorKind::Type,
                        shift(at, &text, e.position().saturating_sub(1)),
                        message,
                    )
                })?;
                if let Some(twice) = duplicate(&fields) {
                    return Err(Fault::new(
                        SqlErrorKind::Name,
                        at,
                        format!("column '{twice}' is declared twice"),
                    ));
                }
                Some((fields, text.split_whitespace().collect::<Vec<_>>().join(" ")))
            }
        };
        let table = Self {
            name: create.name,
            provider,
            options,
            places,
            at: create.at,
            columns,
        };
        let known = match provider {
            Provider::Kafka => table.options.check_known(&kafka::options(), &["kafka."]),
            Provider::Files(format) => table.options.check_known(&files::options(format), &[]),
            Provider::Rate => table.options.check_known(&["rowsPerSecond", "numPartitions"], &[]),
            Provider::Console => table.options.check_known(&["numRows", "truncate"], &[]),
            Provider::Noop | Provider::Memory => table.options.check_known(&[], &[]),
        };
        known.map_err(|e| table.option_fault(&e, create.provider_at))?;
        table.check_always(create.provider_at)?;
        Ok(table)
    }

    /// Hands a setting of the session to a table whose values are JSON, unless it has an option of its own.
    pub(crate) fn reading_option(&mut self, name: &str, value: &str) {
        let json = self.provider == Provider::Kafka && self.columns.is_some()
            || self.provider == Provider::Files(FileFormat::Json);
        if json && self.options.get(name).is_none() {
            self.options.set(name, value);
        }
    }

    /// What can be said against the options whatever the table is used for.
    fn check_always(&self, at: Location) -> Checked<()> {
        let checked = match self.provider {
            Provider::Kafka => kafka::check_both(&self.options),
            Provider::Files(format) => files::check_both(&self.options, format),
            _ => Ok(()),
        };
        checked.map_err(|e| self.option_fault(&e, at))?;
        if self.columns.is_some() && !matches!(self.provider, Provider::Kafka | Provider::Files(_)) {
            return Err(Fault::new(
                SqlErrorKind::Option,
                at,
                "a table of this kind has columns of its own, none can be declared",
            ));
        }
        let json = self
            .options
            .get("value.format")
            .is_some_and(|f| f.eq_ignore_ascii_case("json"));
        match (self.provider, &self.columns, json) {
            (Provider::Kafka, Some(_), false) => Err(Fault::new(
                SqlErrorKind::Option,
                at,
                "columns are declared, but nothing says how to find them in a record's value",
            )
            .help("add the option 'value.format' 'json', or leave the columns out and use from_json(CAST(value AS STRING), '...')")),
            (Provider::Kafka, None, true) => Err(Fault::new(
                SqlErrorKind::Option,
                at,
                "'value.format' is json, but no columns are declared",
            )
            .help("declare them: CREATE TABLE name (id INT, amount DOUBLE) USING kafka ...")),
            _ => Ok(()),
        }
    }

    /// The table as a source. `inferred` are the columns of a file table that declares none.
    pub(crate) fn source(&self, stream: bool, inferred: Option<&SchemaRef>, at: Location) -> Checked<Source> {
        let source = match self.provider {
            Provider::Kafka => {
                let kafka = kafka::source(&self.options, self.columns.as_ref().map(|c| c.1.as_str()), stream)
                    .map_err(|e| self.option_fault(&e, at))?;
                let declared = self.columns.as_ref().map_or(&[][..], |c| &c.0);
                let schema = kafka_schema(declared, kafka.include_headers);
                Source {
                    spec: SourceSpec::Kafka(kafka),
                    schema,
                }
            }
            Provider::Rate => {
                if !stream {
                    return Err(Fault::new(
                        SqlErrorKind::Unsupported,
                        at,
                        format!("'{}' is a rate source, which never ends", self.name),
                    )
                    .help(format!("read it as a stream: FROM STREAM {}", self.name)));
                }
                let expected = "a whole number from 1";
                let positive = |name: &str, default: u64| match self.options.parse::<u64>(name, expected) {
                    Ok(Some(0)) => Err(self.option_fault(&self.options.invalid(name, expected), at)),
                    Ok(n) => Ok(n.unwrap_or(default)),
                    Err(e) => Err(self.option_fault(&e, at)),
                };
                let rate = RateSource {
                    rows_per_second: positive("rowsPerSecond", 1)?,
                    partitions: u32::try_from(positive("numPartitions", 1)?).unwrap_or(u32::MAX),
                };
                Source {
                    spec: SourceSpec::Rate(rate),
                    schema: rate_schema(),
                }
            }
            Provider::Files(format) => {
                if stream {
                    return Err(Fault::new(
                        SqlErrorKind::Unsupported,
                        at,
                        format!(
                            "'{}' is a table of files: streams of files are not supported",
                            self.name
                        ),
                    )
                    .help("read it without STREAM; files are read once, when the query starts"));
                }
                let spec = files::source(&self.options, format).map_err(|e| self.option_fault(&e, at))?;
                let schema = match (&self.columns, inferred) {
                    (Some((fields, _)), _) => Arc::new(Schema::new(fields.clone())),
                    (None, Some(schema)) => Arc::clone(schema),
                    (None, None) => {
                        return Err(Fault::new(
                            SqlErrorKind::Type,
                            at,
                            format!("the columns of '{}' are not known", self.name),
                        ));
                    }
                };
                Source {
                    spec: SourceSpec::Files(spec),
                    schema,
                }
            }
            Provider::Console | Provider::Noop | Provider::Memory => {
                return Err(Fault::new(
                    SqlErrorKind::Name,
                    at,
                    format!("'{}' can only be written, there is nothing to read", self.name),
                ));
            }
        };
        Ok(source)
    }

    /// The table as a sink.
    pub(crate) fn sink(&self, at: Location) -> Checked<SinkSpec> {
        match self.provider {
            Provider::Kafka => kafka::sink(&self.options).map_err(|e| self.option_fault(&e, at)),
            Provider::Files(format) => files::sink(&self.options, format).map_err(|e| self.option_fault(&e, at)),
            Provider::Console => {
                let num_rows = self
                    .options
                    .parse::<i64>("numRows", "a whole number")
                    .map_err(|e| self.option_fault(&e, at))?;
                let truncate = self
                    .options
                    .flag("truncate", true)
                    .map_err(|e| self.option_fault(&e, at))?;
                // Zero or less prints the header only.
                let num_rows = usize::try_from(num_rows.unwrap_or(20).max(0)).unwrap_or(usize::MAX);
                Ok(SinkSpec::Console { num_rows, truncate })
            }
            Provider::Noop => Ok(SinkSpec::Noop),
            Provider::Memory => Ok(SinkSpec::Memory),
            Provider::Rate => Err(Fault::new(
                SqlErrorKind::Name,
                at,
                format!("'{}' is a rate source: it cannot be written", self.name),
            )),
        }
    }

    /// Points at the option an error is about, else at `at`.
    fn option_fault(&self, error: &OptionError, at: Location) -> Box<Fault> {
        let (OptionError::Missing { name, .. }
        | OptionError::Invalid { name, .. }
        | OptionError::Unknown { name, .. }
        | OptionError::Forbidden { name, .. }) = error;
        let place = self
            .places
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map_or(at, |(_, at)| *at);
        Fault::new(SqlErrorKind::Option, place, format!("table '{}': {error}", self.name))
    }
}

fn provider(create: &CreateTable) -> Checked<Provider> {
    Ok(match create.provider.to_ascii_lowercase().as_str() {
        "kafka" => Provider::Kafka,
        "csv" => Provider::Files(FileFormat::Csv),
        "json" => Provider::Files(FileFormat::Json),
        "parquet" => Provider::Files(FileFormat::Parquet),
        "rate" => Provider::Rate,
        "console" => Provider::Console,
        "noop" => Provider::Noop,
        "memory" => Provider::Memory,
        other => {
            let help = match nearest(other, &PROVIDERS) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("known: {}", PROVIDERS.join(", ")),
            };
            let message = format!("there is no kind of table called '{}'", create.provider);
            return Err(Fault::new(SqlErrorKind::Name, create.provider_at, message).help(help));
        }
    })
}

fn duplicate(fields: &[Field]) -> Option<&str> {
    fields
        .iter()
        .enumerate()
        .find(|(i, f)| fields[..*i].iter().any(|o| o.name().eq_ignore_ascii_case(f.name())))
        .map(|(_, f)| f.name().as_str())
}

/// The place `characters` into `text`, which begins at `at`.
fn shift(at: Location, text: &str, characters: usize) -> Location {
    let before: String = text.chars().take(characters).collect();
    let lines = before.matches('\n').count() as u64;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u64;
    Location {
        line: at.line + lines,
        column: if lines == 0 { at.column + column } else { column + 1 },
    }
}
