//! The CSV functions of SQL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field};
use datafusion::common::{exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::read::{decode, float};
use super::write::LineWriter;
use super::{CsvOptions, split};
use crate::cast::parse_time;
use crate::functions::{Call, Function, Kind, Result};
use crate::json::from_json::SchemaFunction;
use crate::json::functions::call_options;
use crate::json::type_text;
use crate::pattern::Pattern;
use crate::zone::Tz;

/// Returns `from_csv`, `to_csv` and `schema_of_csv`. The schema of `from_csv` has to be a literal.
pub fn udfs() -> Vec<ScalarUDF> {
    vec![
        ScalarUDF::new_from_impl(SchemaFunction::new("from_csv", from_csv)),
        Function::new("to_csv", &[Kind::Any, Kind::Map], to_csv_type, to_csv)
            .required(1)
            .udf(),
        Function::new(
            "schema_of_csv",
            &[Kind::Text, Kind::Map],
            |_| Ok(DataType::Utf8),
            schema_of_csv,
        )
        .required(1)
        .udf(),
    ]
}

fn csv_options(pairs: &[(String, String)], zone: Tz) -> Result<CsvOptions> {
    Ok(CsvOptions::from_pairs(
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())),
        zone,
    )?)
}

fn from_csv(column: &ArrayRef, to: &DataType, options: &[(String, String)], zone: Tz) -> Result<ArrayRef> {
    match to {
        DataType::Struct(fields) => Ok(decode(column, fields, &csv_options(options, zone)?)?),
        _ => plan_err!("from_csv: expected a schema such as 'a INT, b STRING'"),
    }
}

fn to_csv_type(given: &[DataType]) -> Result<DataType> {
    match given.first() {
        Some(DataType::Struct(_)) => Ok(DataType::Utf8),
        _ => plan_err!("to_csv: expected a struct"),
    }
}

fn to_csv(call: &Call<'_>) -> Result<ArrayRef> {
    let options = csv_options(&call_options(call, 1)?, call.zone)?;
    let writer = LineWriter::new(&options)?;
    let column = call.column(0)?;
    let Some(rows) = column.as_struct_opt() else {
        return exec_err!("to_csv: expected a struct, found {}", column.data_type());
    };
    let mut builder = StringBuilder::new();
    let mut line = String::new();
    for row in 0..rows.len() {
        line.clear();
        if rows.is_valid(row) {
            writer.push(rows.columns(), row, &mut line);
        }
        builder.append_option(rows.is_valid(row).then_some(&line));
    }
    Ok(Arc::new(builder.finish()))
}

fn schema_of_csv(call: &Call<'_>) -> Result<ArrayRef> {
    let options = csv_options(&call_options(call, 1)?, call.zone)?;
    let lines = call.text(0)?;
    let schemas = lines
        .iter()
        .map(|line| line.map(|l| schema_of(l, &options)).transpose());
    Ok(Arc::new(schemas.collect::<Result<StringArray>>()?))
}

fn schema_of(line: &str, options: &CsvOptions) -> Result<String> {
    if line.is_empty() {
        return exec_err!("schema_of_csv: expected a line with values, found an empty one");
    }
    let inference = Inference::new(options)?;
    let values = split(line, options).into_iter().enumerate();
    let fields = values.map(|(at, value)| Field::new(format!("_c{at}"), inference.infer(value.as_deref()), true));
    Ok(type_text(&DataType::Struct(fields.collect())))
}

/// What the types of a line's values are told by.
struct Inference<'o> {
    options: &'o CsvOptions,
    date: Option<Pattern>,
    timestamp: Option<Pattern>,
}

impl<'o> Inference<'o> {
    fn new(options: &'o CsvOptions) -> Result<Self> {
        let pattern = |text: &Option<String>| text.as_deref().map(Pattern::for_reading).transpose();
        Ok(Self {
            options,
            date: pattern(&options.date_format)?,
            timestamp: pattern(&options.timestamp_format)?,
        })
    }

    /// Returns the narrowest type that holds a value.
    fn infer(&self, value: Option<&str>) -> DataType {
        let Some(text) = value.filter(|text| !text.is_empty() && *text != self.options.null_value) else {
            return DataType::Utf8;
        };
        if text.parse::<i32>().is_ok() {
            DataType::Int32
        } else if text.parse::<i64>().is_ok() {
            DataType::Int64
        } else if let Some(precision) = whole_digits(text) {
            DataType::Decimal128(precision, 0)
        } else if float(text, self.options).is_some() {
            DataType::Float64
        } else if self.is_date(text) {
            DataType::Date32
        } else if self.is_timestamp(text) {
            crate::types::timestamp()
        } else if matches!(text.to_ascii_lowercase().as_str(), "true" | "false") {
            DataType::Boolean
        } else {
            DataType::Utf8
        }
    }

    fn is_date(&self, text: &str) -> bool {
        self.options.prefer_date
            && match &self.date {
                Some(pattern) => pattern.date(text).is_some(),
                None => text.len() == 10 && parse_time::parse_date(text).is_some(),
            }
    }

    fn is_timestamp(&self, text: &str) -> bool {
        match &self.timestamp {
            Some(pattern) => pattern.instant(text, &self.options.time_zone).is_some(),
            None => parse_time::parse_timestamp(text, &self.options.time_zone).is_some(),
        }
    }
}

/// The digits of a number without a fraction, if a decimal holds them. A point may end it, and commas part its digits.
fn whole_digits(text: &str) -> Option<u8> {
    let digits: String = text.chars().filter(|c| *c != ',').collect();
    let digits = digits.strip_prefix(['+', '-']).unwrap_or(&digits);
    let digits = digits.strip_suffix('.').unwrap_or(digits);
    let precision = digits.trim_start_matches('0').len().max(1);
    let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    u8::try_from(precision)
        .ok()
        .filter(|precision| whole && *precision <= 38)
}
