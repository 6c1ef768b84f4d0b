//! `SET key = value`: settings under Spark's names.

use std::collections::BTreeMap;

use millstream_spark::zone;
use millstream_spark::zone::Tz;
use sqlparser::tokenizer::Location;

use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::InForce;

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

/// Whether `to_json` leaves null fields out.
const IGNORE_NULL_FIELDS: &str = "spark.sql.jsonGenerator.ignoreNullFields";

/// Whether names that differ in upper and lower case are different names.
const CASE_SENSITIVE: &str = "spark.sql.caseSensitive";

/// What becomes of a key that a map is given twice.
const MAP_KEY_POLICY: &str = "spark.sql.mapKeyDedupPolicy";

/// Settings that something here or in the driver reads.
const KNOWN: [&str; 16] = [
    "spark.sql.session.timeZone",
    "spark.sql.shuffle.partitions",
    "spark.sql.streaming.noDataMicroBatches.enabled",
    "spark.sql.streaming.checkpointLocation",
    "spark.sql.streaming.multipleWatermarkPolicy",
    "spark.sql.streaming.minBatchesToRetain",
    "spark.sql.streaming.pollingDelay",
    "spark.sql.streaming.noDataProgressEventInterval",
    "spark.sql.ansi.enabled",
    CASE_SENSITIVE,
    IGNORE_NULL_FIELDS,
    "spark.task.maxFailures",
    TIME_PARSER_POLICY,
    CORRUPT_RECORD_COLUMN,
    MAP_KEY_POLICY,
    "spark.sql.streaming.numRecentProgressUpdates",
];

/// Settings that change answers in Spark and have their default alone here: another value is refused rather than not followed.
const DEFAULT_ONLY: [(&str, &str); 12] = [
    ("spark.sql.decimalOperations.allowPrecisionLoss", "true"),
    ("spark.sql.json.enablePartialResults", "true"),
    ("spark.sql.timestampType", "TIMESTAMP_LTZ"),
    ("spark.sql.groupByAliases", "true"),
    ("spark.sql.groupByOrdinal", "true"),
    ("spark.sql.orderByOrdinal", "true"),
    ("spark.sql.crossJoin.enabled", "true"),
    ("spark.sql.lateralColumnAlias.enableImplicitResolution", "true"),
    ("spark.sql.parser.escapedStringLiterals", "false"),
    ("spark.sql.parser.quotedRegexColumnNames", "false"),
    ("spark.sql.streaming.unsupportedOperationCheck", "true"),
    ("spark.sql.legacy.sizeOfNull", "true"),
];

/// Begins the names of settings that bring back what older versions did; nearly all are `false`.
const LEGACY: &str = "spark.sql.legacy.";

/// The only value a setting may have here; None when it may have any.
fn only_value(key: &str, value: &str) -> Option<&'static str> {
    if let Some((_, default)) = DEFAULT_ONLY.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)) {
        return Some(default);
    }
    let switched_on = key.to_ascii_lowercase().starts_with(LEGACY) && value.eq_ignore_ascii_case("true");
    switched_on.then_some("false")
}

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
            Some(CASE_SENSITIVE | IGNORE_NULL_FIELDS | "spark.sql.streaming.noDataMicroBatches.enabled")
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
            None if let Some(only) = only_value(key, value) => {
                if !value.eq_ignore_ascii_case(only) {
                    return wrong(&format!("{only}: the other way to answer is not here"));
                }
            }
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

    /// What expressions are planned by.
    pub(crate) fn in_force(&self) -> InForce {
        let is = |key: &str, value: &str| self.values.get(key).is_some_and(|v| v.eq_ignore_ascii_case(value));
        InForce {
            time_parser_policy: self.values.get(TIME_PARSER_POLICY).cloned(),
            corrupt_record_column: self.values.get(CORRUPT_RECORD_COLUMN).cloned(),
            ignore_null_fields: self.values.get(IGNORE_NULL_FIELDS).cloned(),
            last_key_wins: is(MAP_KEY_POLICY, "LAST_WIN"),
            exact_names: is(CASE_SENSITIVE, "true"),
        }
    }

    pub(crate) fn checkpoint(&self) -> Option<&str> {
        self.values
            .get("spark.sql.streaming.checkpointLocation")
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::only_value;

    #[test]
    fn settings_that_change_answers_keep_their_defaults() {
        assert_eq!(only_value("spark.sql.json.enablePartialResults", "false"), Some("true"));
        assert_eq!(only_value("spark.sql.legacy.sizeOfNull", "true"), Some("true"));
        assert_eq!(
            only_value("spark.sql.legacy.setopsPrecedence.enabled", "TRUE"),
            Some("false")
        );
        assert_eq!(
            only_value("spark.sql.legacy.parquet.int96RebaseModeInRead", "CORRECTED"),
            None
        );
        assert_eq!(only_value("spark.sql.adaptive.enabled", "false"), None);
    }
}
