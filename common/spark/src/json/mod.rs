//! JSON as Spark reads and writes it.
//!
//! ```text
//! bytes -> scan (checks every byte, borrows) -> convert (value to type) -> column (Arrow builders that can be cut back)
//!                                  ^ shape: expects the names in the previous record's order
//! ```
//! [`RecordDecoder`] is the way from Kafka values to columns; `from_json` runs on the same parts, so both give the same rows.

mod base64_text;
pub(crate) mod column;
mod convert;
mod escape;
pub(crate) mod from_json;
pub(crate) mod functions;
mod infer;
mod options;
mod path;
mod record;
mod recover;
mod root;
pub(crate) mod scan;
mod shape;
pub(crate) mod text_out;
pub(crate) mod text_time;
mod tokens;
mod units;
pub(crate) mod utf8;
mod words;
mod write;

#[cfg(test)]
pub(crate) mod tests;

use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::pattern::PatternError;

pub use functions::udfs;
pub use infer::{infer_columns, infer_type, type_text};
pub use options::{JsonOptions, ParseMode, TimeParserPolicy};
pub use record::RecordDecoder;
pub use scan::Leniency;
pub use write::Writer;

/// Why JSON could not be read or written as asked.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// No JSON value can become this type.
    #[error("JSON cannot be read as {data_type}; declare the column as a type of Spark's schema text")]
    UnsupportedType {
        /// The type asked for.
        data_type: DataType,
    },
    /// JSON names are texts, so a map's keys have to be.
    #[error("JSON cannot be read as a map with keys of type {data_type}; declare the keys as STRING")]
    MapKey {
        /// The key type asked for.
        data_type: DataType,
    },
    /// A projection names a column that was not declared.
    #[error("column {index} is projected, but only {declared} are declared")]
    Projection {
        /// The place asked for, from 0.
        index: usize,
        /// How many columns there are.
        declared: usize,
    },
    /// The column for the text of bad records has another type than STRING.
    #[error("the column `{column}` takes the text of bad records; expected type STRING, found {data_type}")]
    CorruptColumn {
        /// Its name.
        column: String,
        /// Its declared type.
        data_type: DataType,
    },
    /// An option has a value it does not allow.
    #[error("JSON option {option}: expected {expected}, found `{value}`")]
    Option {
        /// The option as given.
        option: String,
        /// The value as given.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// A date or time pattern cannot be used.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// FAILFAST mode met a record that cannot be read in full.
    #[error("malformed JSON record in FAILFAST mode: {record}; use mode PERMISSIVE to get nulls instead")]
    Malformed {
        /// The start of the record.
        record: String,
    },
    /// FAILFAST mode met a line of separated values that cannot be read in full.
    #[error("malformed CSV line in FAILFAST mode: {line}; use mode PERMISSIVE to get nulls instead")]
    MalformedLine {
        /// The start of the line.
        line: String,
    },
    /// Schema inference met a number whose decimal type would have a negative scale.
    #[error("the number {number} has no DECIMAL type without a negative scale; leave out prefersDecimal")]
    NegativeScale {
        /// The number.
        number: String,
    },
    /// A text is a time by Spark 2's rules and none by Spark 3's.
    #[error(
        "`{text}` is a date or time only by the lenient rules before Spark 3; clean the data, or set the option timeParserPolicy to CORRECTED to read null"
    )]
    AmbiguousTime {
        /// The text.
        text: String,
    },
    /// The text of one column exceeds what one array can hold.
    #[error("a text column of {bytes} bytes is too large for one batch; read fewer records at a time")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Arrow refused what was built.
    #[error("building Arrow columns")]
    Arrow(#[from] ArrowError),
}
