//! Names and types of CSV columns that nobody declared.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, TimeUnit};
use millstream_spark::cast::parse_time::{parse_date, parse_timestamp};

use super::csv_file::{CsvOptions, is_integer};
use super::csv_text::Token;

/// The names of the columns: the header's, those without one or with one used twice made unique by their position; or
/// `_c0`, `_c1`, ... without a header.
pub(super) fn names(first: &[Token<'_>], csv: &CsvOptions) -> Vec<String> {
    if !csv.header {
        return (0..first.len()).map(|column| format!("_c{column}")).collect();
    }
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for token in first {
        *uses.entry(token.text.to_lowercase()).or_default() += 1;
    }
    let name = |(column, token): (usize, &Token<'_>)| match csv.value(token) {
        None => format!("_c{column}"),
        Some(text) if uses.get(&text.to_lowercase()).is_some_and(|count| *count > 1) => format!("{text}{column}"),
        Some(text) => text.to_owned(),
    };
    first.iter().enumerate().map(name).collect()
}

/// The narrowest type that all values of a column so far have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    /// Only nulls.
    Nothing,
    Integer,
    Long,
    Double,
    Date,
    Timestamp,
    Boolean,
    Text,
}

impl Guess {
    /// The guess after one more value.
    pub(super) fn widened(self, value: &str) -> Self {
        if self == Self::Text {
            return self;
        }
        let found = Self::of(value);
        match (self, found) {
            (Self::Nothing, found) => found,
            (before, found) if before == found => found,
            (Self::Integer, Self::Long) | (Self::Long, Self::Integer) => Self::Long,
            (Self::Integer | Self::Long, Self::Double) | (Self::Double, Self::Integer | Self::Long) => Self::Double,
            (Self::Date, Self::Timestamp) | (Self::Timestamp, Self::Date) => Self::Timestamp,
            _ => Self::Text,
        }
    }

    fn of(value: &str) -> Self {
        if is_integer(value) {
            return if value.parse::<i32>().is_ok() {
                Self::Integer
            } else if value.parse::<i64>().is_ok() {
                Self::Long
            } else {
                Self::Double
            };
        }
        if is_decimal(value) || matches!(value, "NaN" | "Inf" | "-Inf") {
            return Self::Double;
        }
        // The zone does not matter here: only whether the text is one. Years of five digits and more are no dates.
        let dated = value.as_bytes().get(4) == Some(&b'-');
        if dated && value.len() <= 10 && parse_date(value).is_some() {
            return Self::Date;
        }
        if dated && parse_timestamp(value, &millstream_spark::zone::Tz::UTC).is_some() {
            return Self::Timestamp;
        }
        if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") {
            return Self::Boolean;
        }
        Self::Text
    }

    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::Nothing | Self::Text => DataType::Utf8,
            Self::Integer => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Boolean => DataType::Boolean,
        }
    }
}

/// A number with a fraction or an exponent, as Java writes one.
fn is_decimal(text: &str) -> bool {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'+' | b'-' | b'e' | b'E'));
    plain && text.parse::<f64>().is_ok()
}
