//! Arrow values as the JSON of `expected.json`.

use anyhow::{Result, bail};
use arrow::array::{Array, AsArray as _};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use arrow::record_batch::RecordBatch;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millstream_spark::cast::{cast_array, normalize};
use millstream_spark::type_name::spark_type;
use millstream_spark::zone::Tz;
use serde_json::{Map, Value, json};

const DAY_US: i64 = 86_400_000_000;

/// Names and types of the columns.
pub fn schema(names: &[String], schema: &SchemaRef) -> Value {
    let columns = names.iter().zip(schema.fields());
    columns
        .map(|(name, field)| json!({"name": name, "type": spark_type(field.data_type())}))
        .collect()
}

/// All rows, in order.
///
/// # Errors
/// A type that Spark does not have.
pub fn rows(batches: &[RecordBatch], tz: Tz) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch.columns().iter().map(normalize).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let values = columns.iter().map(|column| value(column.as_ref(), row, tz));
            rows.push(Value::Array(values.collect::<Result<_>>()?));
        }
    }
    Ok(rows)
}

fn value(array: &dyn Array, row: usize, tz: Tz) -> Result<Value> {
    if array.is_null(row) || array.data_type() == &DataType::Null {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float32 => {
            let single = array.as_primitive::<Float32Type>().value(row);
            // The shortest text of the single, not of the double next to it.
            number(single.to_string().parse().unwrap_or(f64::from(single)))
        }
        DataType::Float64 => number(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => {
            let decimals = array.as_primitive::<Decimal128Type>();
            decimal(decimals.value_as_string(row), decimals.value(row), *scale).into()
        }
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Binary => STANDARD.encode(array.as_binary::<i32>().value(row)).into(),
        DataType::Date32 => date(i64::from(array.as_primitive::<Date32Type>().value(row))).into(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            instant_us(array.as_primitive::<TimestampMicrosecondType>().value(row)).into()
        }
        DataType::Timestamp(_, None) | DataType::Interval(_) | DataType::Decimal32(..) | DataType::Decimal64(..) => {
            let text = cast_array(&array.slice(row, 1), &DataType::Utf8, &tz)?;
            text.as_string::<i32>().value(0).into()
        }
        DataType::List(_) => list(array.as_list::<i32>().value(row).as_ref(), tz)?,
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let pairs = (0..entries.len()).map(|at| Ok(json!([value(keys, at, tz)?, value(values, at, tz)?])));
            Value::Array(pairs.collect::<Result<_>>()?)
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let mut object = Map::new();
            for (field, column) in fields.iter().zip(columns) {
                object.insert(field.name().clone(), value(column, row, tz)?);
            }
            Value::Object(object)
        }
        other => bail!("no Spark type has the form {other}"),
    })
}

fn list(array: &dyn Array, tz: Tz) -> Result<Value> {
    let values = (0..array.len()).map(|at| value(array, at, tz));
    Ok(Value::Array(values.collect::<Result<_>>()?))
}

/// The digits of a decimal, with the zeros PySpark puts behind tiny ones.
///
/// A value below a millionth reaches Python in engineering notation (its exponent a multiple of three, `10E-9`), and Python keeps the
/// digits that are written there. Answers of Spark are recorded that way, so ours are written that way to be compared as text.
fn decimal(mut text: String, unscaled: i128, scale: i8) -> String {
    let digits = unscaled.unsigned_abs().checked_ilog10().map_or(0, |log| log as i32 + 1);
    let exponent = digits - 1 - i32::from(scale);
    if digits > 0 && exponent < -6 {
        let before_point = exponent.rem_euclid(3) + 1;
        (digits..before_point).for_each(|_| text.push('0'));
    }
    text
}

fn number(value: f64) -> Value {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.into()
    } else {
        value.into()
    }
}

/// `yyyy-MM-dd`; years beyond four digits carry a sign.
fn date(days: i64) -> String {
    // Years begin in March here, so that a leap day is a year's last.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if (0..=9999).contains(&year) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:+05}-{month:02}-{day:02}")
    }
}

/// `yyyy-MM-ddTHH:mm:ss.ffffffZ`.
fn instant_us(us: i64) -> String {
    let (seconds, fraction) = (us.rem_euclid(DAY_US) / 1_000_000, us.rem_euclid(1_000_000));
    format!(
        "{}T{:02}:{:02}:{:02}.{fraction:06}Z",
        date(us.div_euclid(DAY_US)),
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// The same with milliseconds, as watermarks are written.
pub fn instant_ms(ms: i64) -> String {
    let text = instant_us(ms.saturating_mul(1_000));
    format!("{}Z", text.get(..text.len() - 4).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_the_goldens_do() {
        assert_eq!(instant_us(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(instant_us(-1), "1969-12-31T23:59:59.999999Z");
        assert_eq!(instant_ms(1_620_475_260_000), "2021-05-08T12:01:00.000Z");
        assert_eq!(date(2_932_897), "+10000-01-01");
        assert_eq!(date(-719_529), "-0001-12-31");
        assert_eq!(date(11_016), "2000-02-29");
    }

    #[test]
    fn tiny_decimals_get_the_zeros_of_engineering_notation() {
        for (text, unscaled, scale, written) in [
            ("0.00000001", 1, 8, "0.000000010"),
            ("-0.00000012", -12, 8, "-0.000000120"),
            ("0.000000001", 1, 9, "0.000000001"),
            ("0.0000000001", 1, 10, "0.000000000100"),
            ("0.0000001", 1, 7, "0.000000100"),
            ("0.00000000", 0, 8, "0.00000000"),
            ("0.000001", 1, 6, "0.000001"),
            ("0.000000010000", 10_000, 12, "0.000000010000"),
        ] {
            assert_eq!(decimal(text.to_owned(), unscaled, scale), written);
        }
    }
}
