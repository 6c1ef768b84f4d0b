//! `timestampadd` and `timestampdiff`: times moved by, and counted in, a unit.

use arrow::array::{ArrayRef, AsArray, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Int32Type, TimestampMicrosecondType};
use chrono::Datelike;
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;

use super::fields::date_of;
use super::interval::move_instant;
use crate::SparkError;
use crate::cast::cast_array;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::interval::{Calendar, Field};
use crate::types;
use crate::zone::{self, DAY_US, Tz};

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new(
            "timestampadd",
            &[Kind::Text, Kind::Int, Kind::Any],
            |given| {
                Ok(match given.get(2) {
                    Some(local @ DataType::Timestamp(_, None)) => local.clone(),
                    _ => types::timestamp(),
                })
            },
            add,
        )
        .udf(),
        Function::new(
            "timestampdiff",
            &[Kind::Text, Kind::Timestamp, Kind::Timestamp],
            |_| Ok(DataType::Int64),
            difference,
        )
        .udf(),
    ]
}

/// A unit of time, as months or as microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Months(i64),
    Micros(i64),
}

impl Unit {
    fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "YEAR" => Self::Months(12),
            "QUARTER" => Self::Months(3),
            "MONTH" => Self::Months(1),
            "WEEK" => Self::Micros(7 * DAY_US),
            "DAY" | "DAYOFYEAR" => Self::Micros(DAY_US),
            "HOUR" => Self::Micros(Field::Hour.unit()),
            "MINUTE" => Self::Micros(Field::Minute.unit()),
            "SECOND" => Self::Micros(Field::Second.unit()),
            "MILLISECOND" => Self::Micros(1000),
            "MICROSECOND" => Self::Micros(1),
            _ => return None,
        })
    }

    fn of(call: &Call<'_>) -> Result<Self> {
        let name = call.constant_text(0).flatten().unwrap_or_default();
        match Self::named(name) {
            Some(unit) => Ok(unit),
            None => plan_err!("{name:?} is not a unit of time"),
        }
    }

    /// What so many of it move a time by.
    fn step(self, count: i32) -> Option<Calendar> {
        let count = i64::from(count);
        Some(match self {
            Self::Months(months) => Calendar {
                months: i32::try_from(count.checked_mul(months)?).ok()?,
                ..Calendar::default()
            },
            Self::Micros(micros) => {
                let moved = count.checked_mul(micros)?;
                // Units of the clock are counted on the time line, however many days they make.
                let days = if micros < DAY_US { 0 } else { moved / DAY_US };
                Calendar {
                    months: 0,
                    days: i32::try_from(days).ok()?,
                    micros: moved - days * DAY_US,
                }
            }
        })
    }

    /// How many whole ones lie between two local times.
    fn between(self, start: i64, end: i64) -> Option<i64> {
        match self {
            Self::Micros(unit) => Some((end - start) / unit),
            Self::Months(months) => {
                // Days count on from the month, so that an unfinished month does not.
                let position = |day: i64| -> Option<i64> {
                    let date = date_of(i32::try_from(day).ok()?)?;
                    let month = i64::from(date.year()) * 12 + i64::from(date.month0());
                    Some(month * 32 + i64::from(date.day()))
                };
                let (first, mut last) = (start.div_euclid(DAY_US), end.div_euclid(DAY_US));
                let (from, to) = (start.rem_euclid(DAY_US), end.rem_euclid(DAY_US));
                // A last day that is not over does not count; which month it ends in matters.
                if last > first && to < from {
                    last -= 1;
                } else if last < first && to > from {
                    last += 1;
                }
                Some((position(last)? - position(first)?) / 32 / months)
            }
        }
    }
}

fn add(call: &Call<'_>) -> Result<ArrayRef> {
    let unit = Unit::of(call)?;
    let counts = call.column(1)?;
    let times = cast_array(&call.column(2)?, call.returns, &call.zone)?;
    let local = matches!(call.returns, DataType::Timestamp(_, None));
    let zone = if local { Tz::UTC } else { call.zone };
    let moved = times
        .as_primitive::<TimestampMicrosecondType>()
        .iter()
        .zip(counts.as_primitive::<Int32Type>())
        .map(|pair| match pair {
            (Some(us), Some(count)) => unit
                .step(count)
                .and_then(|step| move_instant(us, step, &zone))
                .map(Some)
                .ok_or_else(|| SparkError::Overflow("timestamp".to_owned())),
            _ => Ok(None),
        })
        .collect::<std::result::Result<TimestampMicrosecondArray, SparkError>>()?;
    column(if local { moved } else { moved.with_timezone("UTC") })
}

fn difference(call: &Call<'_>) -> Result<ArrayRef> {
    let unit = Unit::of(call)?;
    let (start, end) = (call.column(1)?, call.column(2)?);
    let counts: Int64Array = start
        .as_primitive::<TimestampMicrosecondType>()
        .iter()
        .zip(end.as_primitive::<TimestampMicrosecondType>())
        .map(|(start, end)| {
            unit.between(
                zone::to_local_us(start?, &call.zone),
                zone::to_local_us(end?, &call.zone),
            )
        })
        .collect();
    column(counts)
}
