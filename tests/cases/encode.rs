//! Values as the cases' JSON has them.

use anyhow::{Result, bail};
use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimeUnit, TimestampMicrosecondType,
};
use base64::Engine as _;
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

/// One value: numbers as they are, times and decimals as text, bytes in base64, maps as pairs.
///
/// # Errors
/// For a type that no result has.
pub fn value(array: &dyn Array, row: usize, tz: &Tz) -> Result<Value> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::Int8 => json!(array.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => json!(array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => json!(array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(row)),
        // By way of text, so that the shortest float stays short.
        DataType::Float32 => number(array.as_primitive::<Float32Type>().value(row).to_string().parse()?),
        DataType::Float64 => number(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::Binary => {
            json!(base64::engine::general_purpose::STANDARD.encode(array.as_binary::<i32>().value(row)))
        }
        DataType::Decimal128(_, scale) => json!(decimal(array.as_primitive::<Decimal128Type>().value(row), *scale)),
        DataType::Date32 => json!(date(i64::from(array.as_primitive::<Date32Type>().value(row)))),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            json!(instant(array.as_primitive::<TimestampMicrosecondType>().value(row)))
        }
        DataType::Timestamp(_, None) | DataType::Interval(_) | DataType::Duration(_) => {
            json!(millstream_spark::render::value_to_text(array, row, tz))
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            Value::Array(
                (0..items.len())
                    .map(|at| value(&items, at, tz))
                    .collect::<Result<_>>()?,
            )
        }
        DataType::Map(_, _) => {
            let entries = array.as_map().value(row);
            let pair = |at| {
                Ok(json!([
                    value(entries.column(0), at, tz)?,
                    value(entries.column(1), at, tz)?
                ]))
            };
            Value::Array((0..entries.len()).map(pair).collect::<Result<_>>()?)
        }
        DataType::Struct(fields) => {
            let (columns, mut object) = (array.as_struct(), Map::new());
            for (field, column) in fields.iter().zip(columns.columns()) {
                object.insert(field.name().clone(), value(column, row, tz)?);
            }
            Value::Object(object)
        }
        other => bail!("no encoding for {other}"),
    })
}

fn number(value: f64) -> Value {
    if value.is_nan() {
        json!("NaN")
    } else if value.is_infinite() {
        json!(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        json!(value)
    }
}

fn decimal(unscaled: i128, scale: i8) -> String {
    let scale = usize::try_from(scale).unwrap_or(0);
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

fn date(days: i64) -> String {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let year = if (0..=9_999).contains(&year) {
        format!("{year:04}")
    } else {
        format!("{year:+05}")
    };
    format!("{year}-{month:02}-{day:02}")
}

fn instant(us: i64) -> String {
    let (days, rest) = (us.div_euclid(86_400_000_000), us.rem_euclid(86_400_000_000));
    let (second, fraction) = (rest / 1_000_000, rest % 1_000_000);
    format!(
        "{}T{:02}:{:02}:{:02}.{fraction:06}Z",
        date(days),
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_the_cases() {
        assert_eq!(decimal(-5, 2), "-0.05");
        assert_eq!(decimal(1_234, 0), "1234");
        assert_eq!(instant(-1), "1969-12-31T23:59:59.999999Z");
        assert_eq!(date(19_000), "2022-01-08");
    }
}
