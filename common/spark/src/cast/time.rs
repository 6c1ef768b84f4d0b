//! Casts to and from dates and timestamps.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};

use super::{numeric, parse_time};
use crate::SparkError;
use crate::number;
use crate::zone::{self, DAY_US, SECOND_US, Tz};

/// Casts text to DATE, TIMESTAMP or TIMESTAMP_NTZ.
pub fn text_to_time(array: &StringArray, to: &DataType, tz: &Tz) -> Result<ArrayRef, SparkError> {
    Ok(match to {
        DataType::Date32 => Arc::new(
            array
                .iter()
                .map(|text| text.and_then(parse_time::parse_date))
                .collect::<Date32Array>(),
        ),
        DataType::Timestamp(_, Some(_)) => {
            let parsed: TimestampMicrosecondArray = array
                .iter()
                .map(|text| text.and_then(|text| parse_time::parse_timestamp(text, tz)))
                .collect();
            Arc::new(parsed.with_timezone("UTC"))
        }
        _ => Arc::new(
            array
                .iter()
                .map(|text| text.and_then(parse_time::parse_local))
                .collect::<TimestampMicrosecondArray>(),
        ),
    })
}

/// Casts DATE, TIMESTAMP or TIMESTAMP_NTZ to a number, a boolean or another of them.
pub fn time_to(array: &ArrayRef, to: &DataType, tz: &Tz) -> Result<ArrayRef, SparkError> {
    let no_cast = || SparkError::NoCast {
        from: array.data_type().clone(),
        to: to.clone(),
    };
    match array.data_type() {
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>();
            Ok(match to {
                DataType::Timestamp(_, None) => {
                    Arc::new(days.unary::<_, TimestampMicrosecondType>(|day| i64::from(day).wrapping_mul(DAY_US)))
                }
                DataType::Timestamp(_, Some(_)) => Arc::new(
                    days.unary::<_, TimestampMicrosecondType>(|day| {
                        zone::to_instant_us(i64::from(day).wrapping_mul(DAY_US), tz)
                    })
                    .with_timezone("UTC"),
                ),
                // A date is no number: NULL, not an error.
                _ => new_null_array(to, array.len()),
            })
        }
        DataType::Timestamp(_, zoned) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>();
            match (zoned, to) {
                (Some(_), DataType::Date32) => Ok(Arc::new(
                    micros.unary::<_, Date32Type>(|us| day_of(zone::to_local_us(us, tz))),
                )),
                (None, DataType::Date32) => Ok(Arc::new(micros.unary::<_, Date32Type>(day_of))),
                (Some(_), DataType::Timestamp(_, None)) => Ok(Arc::new(
                    micros.unary::<_, TimestampMicrosecondType>(|us| zone::to_local_us(us, tz)),
                )),
                (None, DataType::Timestamp(_, Some(_))) => Ok(Arc::new(
                    micros
                        .unary::<_, TimestampMicrosecondType>(|us| zone::to_instant_us(us, tz))
                        .with_timezone("UTC"),
                )),
                (Some(_), _) => instant_to_number(micros, to),
                _ => Err(no_cast()),
            }
        }
        _ => Err(no_cast()),
    }
}

fn day_of(local_us: i64) -> i32 {
    local_us.div_euclid(DAY_US) as i32
}

fn instant_to_number(micros: &TimestampMicrosecondArray, to: &DataType) -> Result<ArrayRef, SparkError> {
    Ok(match to {
        DataType::Boolean => Arc::new(BooleanArray::from_unary(micros, |us| us != 0)),
        // A decimal has the digits of the DOUBLE.
        DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => {
            let seconds: ArrayRef = Arc::new(micros.unary::<_, Float64Type>(|us| us as f64 / SECOND_US as f64));
            cast_number(&seconds, to)?
        }
        _ => {
            let seconds: ArrayRef = Arc::new(micros.unary::<_, Int64Type>(|us| us.div_euclid(SECOND_US)));
            cast_number(&seconds, to)?
        }
    })
}

fn cast_number(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, SparkError> {
    if array.data_type() == to {
        Ok(Arc::clone(array))
    } else {
        numeric::number_to_number(array, to)
    }
}

/// Casts numbers, read as seconds since the epoch, to TIMESTAMP.
pub fn number_to_time(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, SparkError> {
    let micros: Int64Array = match array.data_type() {
        // A boolean is one microsecond or none.
        DataType::Boolean => array.as_boolean().iter().map(|value| value.map(i64::from)).collect(),
        DataType::Float32 | DataType::Float64 => {
            let seconds = cast_number(array, &DataType::Float64)?;
            let seconds: &Float64Array = seconds.as_primitive();
            seconds.unary_opt(|value| value.is_finite().then_some((value * SECOND_US as f64) as i64))
        }
        DataType::Decimal128(_, scale) => {
            let unit = number::power_of_ten(u32::from(scale.unsigned_abs())).unwrap_or(1);
            let values: &Decimal128Array = array.as_primitive();
            values.unary_opt(|value| {
                value
                    .checked_mul(i128::from(SECOND_US))
                    .map(|scaled| (scaled / unit) as i64)
            })
        }
        _ => {
            let seconds = cast_number(array, &DataType::Int64)?;
            seconds
                .as_primitive::<Int64Type>()
                .unary(|value| value.saturating_mul(SECOND_US))
        }
    };
    let stamped = micros.reinterpret_cast::<TimestampMicrosecondType>();
    match to {
        DataType::Timestamp(_, Some(_)) => Ok(Arc::new(stamped.with_timezone("UTC"))),
        _ => Err(SparkError::NoCast {
            from: array.data_type().clone(),
            to: to.clone(),
        }),
    }
}
