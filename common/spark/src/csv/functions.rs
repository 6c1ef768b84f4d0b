//! The CSV functions of SQL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field};
use chrono_tz::Tz;
use datafusion::common::{exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::read::decode;
use super::write::LineWriter;
use super::{CsvOptions, split};
use crate::cast::parse_time;
use crate::functions::{Call, Function, Kind, Result};
use crate::json::from_json::SchemaFunction;
use crate::json::functions::call_options;
use crate::json::type_text;

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
    let values = split(line, options).into_iter().enumerate();
    let fields = values.map(|(at, value)| Field::new(format!("_c{at}"), infer(value.as_deref(), options), true));
    Ok(type_text(&DataType::Struct(fields.collect())))
}

/// Returns the narrowest type that holds a value.
fn infer(value: Option<&str>, options: &CsvOptions) -> DataType {
    let Some(text) = value.filter(|text| *text != options.null_value) else {
        return DataType::Utf8;
    };
    let number = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    let digits = text.trim_start_matches(['+', '-']);
    let special = [
        &options.nan_value,
        &options.positive_infinity,
        &options.negative_infinity,
    ];
    if text.parse::<i32>().is_ok() {
        DataType::Int32
    } else if text.parse::<i64>().is_ok() {
        DataType::Int64
    } else if digits.len() <= 38 && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        DataType::Decimal128(u8::try_from(digits.len()).unwrap_or(38), 0)
    } else if (number && text.parse::<f64>().is_ok()) || special.iter().any(|s| *s == text) {
        DataType::Float64
    } else if text.len() == 10 && parse_time::parse_date(text).is_some() {
        DataType::Date32
    } else if parse_time::parse_timestamp(text, &options.time_zone).is_some() {
        crate::types::timestamp()
    } else if matches!(text.to_ascii_lowercase().as_str(), "true" | "false") {
        DataType::Boolean
    } else {
        DataType::Utf8
    }
}
