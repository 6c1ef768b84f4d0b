//! `SET key = value`: settings under Spark's names.

use std::collections::BTreeMap;

use millstream_spark::zone;
use millstream_spark::zone::Tz;
use sqlparser::tokenizer::Location;

use crate::error::{Checked, Fault, SqlErrorKind};

/// What is in force for the statements that follow.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) time_zone: Tz,
    /// All settings by name, as the driver reads them.
    pub(crate) values: BTreeMap<String, String>,
    /// What was set and has no effect.
    pub(crate) warnings: Vec<String>,
}

/// What becomes of times that only the parser before Spark 3 could read.
const TIME_PARSER_POLICY: &str = "spark.sql.legacy.timeParserPolicy";

/// The column that takes records with errors.
const CORRUPT_RECORD_COLUMN: &str = "spark.sql.columnNameOfCorruptRecord";

/// What becomes of a key that a map is given twice.
const MAP_KEY_POLICY: &str = "spark.sql.mapKeyDedupPolicy";

/// Settings that something here or in the driver reads.
const KNOWN: [&str; 15] = [
    "spark.sql.session.timeZone",
    "spark.sql.shuffle.partitions",
    "spark.sql.streaming.noDataMicroBatches.enabled",
    "spark.sql.streaming.checkpointLocation",
    "spark.sql.streaming.multipleWatermarkPolicy",
    "spark.sql.streaming.minBatchesToRetain",
    "spark.sql.streaming.pollingDelay",
    "spark.sql.streaming.noDataProgressEventInterval",
    "spark.sql.ansi.enabled",
    "spark.sql.caseSensitive",
    "spark.task.maxFailures",
    TIME_PARSER_POLICY,
    CORRUPT_RECORD_COLUMN,
    MAP_KEY_POLICY,
    "spark.sql.streaming.numRecentProgressUpdates",
];

impl Settings {
    /// The settings a file starts with, `given` by the command line.
    pub(crate) fn new(time_zone: Tz, given: &BTreeMap<String, String>) -> Self {
        Self {
            time_zone,
            values: given.clone(),
            warnings: Vec::new(),
        }
    }

    /// Applies one SET.
    pub(crate) fn set(&mut self, key: &str, value: Option<&str>, at: Location) -> Checked<()> {
        let known = KNOWN.iter().find(|k| k.eq_ignore_ascii_case(key)).copied();
        let Some(value) = value else {
            return Err(
                Fault::new(SqlErrorKind::Unsupported, at, format!("'{key}' is not set to anything"))
                    .help(format!("write SET {key} = value")),
            );
        };
        let wrong = |expected: &str| {
            Err(Fault::new(
                SqlErrorKind::Option,
                at,
                format!("'{key}' is '{value}', expected {expected}"),
            ))
        };
        match known {
            Some("spark.sql.session.timeZone") => match zone::parse(value) {
                Ok(tz) => self.time_zone = tz,
                Err(_) => return wrong("a time zone such as 'Europe/Berlin', 'UTC' or '+02:00'"),
            },
            Some("spark.sql.ansi.enabled") if !value.eq_ignore_ascii_case("false") => {
                return wrong("false: casts and overflows give NULL or wrap, as with Spark 3.5's defaults");
            }
            Some(TIME_PARSER_POLICY) if !["EXCEPTION", "CORRECTED"].contains(&value.to_ascii_uppercase().as_str()) => {
                return wrong("EXCEPTION or CORRECTED: the parser before Spark 3 is not here");
            }
            Some(MAP_KEY_POLICY) if !["EXCEPTION", "LAST_WIN"].contains(&value.to_ascii_uppercase().as_str()) => {
                return wrong("EXCEPTION or LAST_WIN");
            }
            Some("spark.sql.caseSensitive") if !value.eq_ignore_ascii_case("false") => {
                return wrong("false: names are found without regard to case");
            }
            Some("spark.sql.streaming.noDataMicroBatches.enabled")
                if !["true", "false"].contains(&value.to_ascii_lowercase().as_str()) =>
            {
                return wrong("true or false");
            }
            Some("spark.sql.streaming.multipleWatermarkPolicy")
                if !["min", "max"].contains(&value.to_ascii_lowercase().as_str()) =>
            {
                return wrong("min or max");
            }
            Some(
                "spark.sql.shuffle.partitions"
                | "spark.sql.streaming.minBatchesToRetain"
                | "spark.task.maxFailures"
                | "spark.sql.streaming.numRecentProgressUpdates",
            ) if !value.parse::<u32>().is_ok_and(|n| n > 0) => return wrong("a whole number from 1"),
            Some(_) => {}
            None => {
                let name = key.to_ascii_lowercase();
                if !name.starts_with("spark.") {
                    let help = millstream_common::options::nearest(key, &KNOWN).map_or_else(
                        || "settings are called as in Spark: spark.sql.session.timeZone, ...".to_owned(),
                        |n| format!("did you mean '{n}'?"),
                    );
                    return Err(Fault::new(SqlErrorKind::Name, at, format!("no setting '{key}'")).help(help));
                }
                self.warnings
                    .push(format!("SET {key}: this setting has no effect here"));
            }
        }
        self.values.insert(known.unwrap_or(key).to_owned(), value.to_owned());
        Ok(())
    }

    /// What becomes of times that only the parser before Spark 3 could read, when it is set.
    pub(crate) fn time_parser_policy(&self) -> Option<&str> {
        self.values.get(TIME_PARSER_POLICY).map(String::as_str)
    }

    /// The name of the column that takes records with errors, when it is set.
    pub(crate) fn corrupt_record_column(&self) -> Option<&str> {
        self.values.get(CORRUPT_RECORD_COLUMN).map(String::as_str)
    }

    /// Whether a map keeps the last value of a key it is given twice.
    pub(crate) fn last_key_wins(&self) -> bool {
        let policy = self.values.get(MAP_KEY_POLICY);
        policy.is_some_and(|policy| policy.eq_ignore_ascii_case("LAST_WIN"))
    }

    pub(crate) fn checkpoint(&self) -> Option<&str> {
        self.values
            .get("spark.sql.streaming.checkpointLocation")
            .map(String::as_str)
    }
}
