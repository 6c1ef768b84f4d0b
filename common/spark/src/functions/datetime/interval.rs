//! Instants moved by intervals: months and days on the local calendar of the session, the rest on the time line.

use arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::compute::kernels::arity::try_binary;
use arrow::datatypes::{
    DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use chrono::{Datelike, Months, NaiveDate};
use chrono_tz::Tz;
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;

use super::fields::date_of;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::type_name::spark_type;
use crate::types;
use crate::zone::{self, DAY_US};

/// Name of `timestamp + interval`.
pub const ADD: &str = "spark_time_add";
/// Name of `timestamp - interval`.
pub const SUBTRACT: &str = "spark_time_subtract";

/// The functions of this file.
pub fn functions() -> Vec<ScalarUDF> {
    vec![add_udf(), subtract_udf()]
}

/// `timestamp + interval`.
pub fn add_udf() -> ScalarUDF {
    Function::new(ADD, &[Kind::Timestamp, Kind::Any], returns, |call| shift(call, 1)).udf()
}

/// `timestamp - interval`.
pub fn subtract_udf() -> ScalarUDF {
    Function::new(SUBTRACT, &[Kind::Timestamp, Kind::Any], returns, |call| shift(call, -1)).udf()
}

fn returns(given: &[DataType]) -> Result<DataType> {
    match given {
        [_, by] if types::is_interval(by) => Ok(types::timestamp()),
        [_, by] => plan_err!("a timestamp cannot be moved by {}", spark_type(by)),
        _ => plan_err!("a timestamp is moved by one interval"),
    }
}

fn shift(call: &Call<'_>, sign: i32) -> Result<ArrayRef> {
    let times = call.column(0)?;
    let intervals = arrow::compute::cast(&call.column(1)?, &DataType::Interval(IntervalUnit::MonthDayNano))?;
    let shifted: TimestampMicrosecondArray = try_binary(
        times.as_primitive::<TimestampMicrosecondType>(),
        intervals.as_primitive::<IntervalMonthDayNanoType>(),
        |us, by| {
            move_instant(us, by, sign, &call.zone)
                .ok_or_else(|| ArrowError::ComputeError("a timestamp moved out of the calendar's range".to_owned()))
        },
    )?;
    column(shifted.with_timezone("UTC"))
}

/// The instant moved by an interval, forth (`sign` 1) or back (-1); None beyond the calendar.
pub fn move_instant(us: i64, by: IntervalMonthDayNano, sign: i32, zone: &Tz) -> Option<i64> {
    let (months, mut days) = (by.months.checked_mul(sign)?, by.days.checked_mul(sign)?);
    let mut rest_us = by.nanoseconds / 1000 * i64::from(sign);
    if months == 0 {
        // 24 hours are a day of the calendar, however the interval was written.
        days = days.checked_add(i32::try_from(rest_us / DAY_US).ok()?)?;
        rest_us %= DAY_US;
    }
    let moved = if months == 0 && days == 0 {
        us
    } else {
        let local = zone::to_local_us(us, zone);
        let date = date_of(i32::try_from(local.div_euclid(DAY_US)).ok()?)?;
        let date = match months {
            0 => date,
            months if months > 0 => date.checked_add_months(Months::new(months.unsigned_abs()))?,
            months => date.checked_sub_months(Months::new(months.unsigned_abs()))?,
        };
        let day = date.num_days_from_ce() - NaiveDate::default().num_days_from_ce() + days;
        zone::to_instant_us(i64::from(day) * DAY_US + local.rem_euclid(DAY_US), zone)
    };
    moved.checked_add(rest_us)
}
