//! Times moved by intervals, and the intervals between times. Months and days are those of the local calendar, the rest is
//! counted on the time line.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, TimestampMicrosecondArray};
use arrow::compute::kernels::arity::{binary, try_unary};
use arrow::datatypes::{DataType, Date32Type, Int64Type, IntervalMonthDayNanoType, TimestampMicrosecondType};
use chrono::{Datelike, Months, NaiveDate};
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;

use super::fields::date_of;
use crate::SparkError;
use crate::cast::cast_array;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::interval::{self, Calendar, Field, Range};
use crate::type_name::spark_type;
use crate::types;
use crate::zone::{self, DAY_US, Tz};

const TWO: &[Kind] = &[Kind::Any, Kind::Any];

/// The functions of this file.
pub fn functions() -> Vec<ScalarUDF> {
    vec![add_udf(), subtract_udf(), difference_udf()]
}

/// `time + interval`.
pub fn add_udf() -> ScalarUDF {
    Function::new("spark_time_add", TWO, moved_type, |call| shift(call, false)).udf()
}

/// `time - interval`.
pub fn subtract_udf() -> ScalarUDF {
    Function::new("spark_time_subtract", TWO, moved_type, |call| shift(call, true)).udf()
}

/// `time - time`.
pub fn difference_udf() -> ScalarUDF {
    Function::new(
        "spark_time_difference",
        TWO,
        |given| Ok(difference_range(given).data_type()),
        difference,
    )
    .udf()
}

/// The type of a time moved by an interval: a date stays one where the interval has no part of a day.
pub fn moved_type(given: &[DataType]) -> Result<DataType> {
    let [time, by] = given else {
        return plan_err!("a time is moved by one interval");
    };
    let fields = Range::of(by);
    if fields.is_none() && !interval::is_calendar(by) {
        return plan_err!("{} cannot be moved by {}", spark_type(time), spark_type(by));
    }
    match (time, fields) {
        (DataType::Date32, Some(range)) if range.end > Field::Day => Ok(types::timestamp()),
        (DataType::Date32 | DataType::Timestamp(..), _) => Ok(time.clone()),
        (DataType::Utf8, fields) if !fields.is_some_and(Range::is_months) => Ok(DataType::Utf8),
        _ => plan_err!("{} cannot be moved by {}", spark_type(time), spark_type(by)),
    }
}

fn shift(call: &Call<'_>, back: bool) -> Result<ArrayRef> {
    let (times, intervals) = (call.column(0)?, call.column(1)?);
    // Dates and local times have no zone, the others are moved on the calendar of the session's.
    let local = matches!(call.returns, DataType::Date32 | DataType::Timestamp(_, None));
    let carrier = if local {
        types::timestamp_ntz()
    } else {
        types::timestamp()
    };
    let zone = if local { Tz::UTC } else { call.zone };
    let instants = cast_array(&times, &carrier, &call.zone)?;
    let instants = instants.as_primitive::<TimestampMicrosecondType>();
    let steps = Steps::of(&intervals);
    let moved = instants
        .iter()
        .enumerate()
        .map(|(row, us)| {
            let (Some(us), false) = (us, intervals.is_null(row)) else {
                return Ok(None);
            };
            let step = steps.get(row);
            let step = if back { step.checked_neg() } else { Some(step) };
            step.and_then(|step| move_instant(us, step, &zone))
                .map(Some)
                .ok_or_else(|| SparkError::Overflow(spark_type(call.returns)))
        })
        .collect::<std::result::Result<TimestampMicrosecondArray, SparkError>>()?;
    let moved = if local { moved } else { moved.with_timezone("UTC") };
    Ok(cast_array(&column(moved)?, call.returns, &call.zone)?)
}

/// The intervals of a column as what a time is moved by.
enum Steps<'a> {
    Months(Int64Array),
    Micros(Int64Array),
    Calendar(&'a arrow::array::PrimitiveArray<IntervalMonthDayNanoType>),
}

impl<'a> Steps<'a> {
    fn of(array: &'a ArrayRef) -> Self {
        match (
            array.as_primitive_opt::<IntervalMonthDayNanoType>(),
            Range::of(array.data_type()),
        ) {
            (Some(values), _) => Self::Calendar(values),
            (None, Some(range)) if range.is_months() => Self::Months(interval::amounts(array)),
            _ => Self::Micros(interval::amounts(array)),
        }
    }

    fn get(&self, row: usize) -> Calendar {
        match self {
            Self::Months(months) => Calendar {
                months: i32::try_from(months.value(row)).unwrap_or_default(),
                ..Calendar::default()
            },
            // 24 hours are a day of the calendar, however the interval was written.
            Self::Micros(micros) => Calendar {
                months: 0,
                days: i32::try_from(micros.value(row) / DAY_US).unwrap_or_default(),
                micros: micros.value(row) % DAY_US,
            },
            Self::Calendar(values) => Calendar::of(values.value(row)),
        }
    }
}

/// Moves an instant; None when it leaves the calendar.
pub fn move_instant(us: i64, by: Calendar, zone: &Tz) -> Option<i64> {
    let moved = if by.months == 0 && by.days == 0 {
        us
    } else {
        let offset = zone::offset_seconds(us, zone);
        let local = zone::to_local_us(us, zone);
        let date = date_of(i32::try_from(local.div_euclid(DAY_US)).ok()?)?;
        let date = match by.months {
            0 => date,
            months if months > 0 => date.checked_add_months(Months::new(months.unsigned_abs()))?,
            months => date.checked_sub_months(Months::new(months.unsigned_abs()))?,
        };
        let day = i64::from(date.num_days_from_ce() - NaiveDate::default().num_days_from_ce()) + i64::from(by.days);
        zone::to_instant_near_us(day.checked_mul(DAY_US)? + local.rem_euclid(DAY_US), offset, zone)
    };
    moved.checked_add(by.micros)
}

/// Between dates lie days, between other times days to seconds.
fn difference_range(given: &[DataType]) -> Range {
    if given.iter().any(|of| matches!(of, DataType::Timestamp(..))) {
        Range::DAY_TO_SECOND
    } else {
        Range::DAY
    }
}

fn difference(call: &Call<'_>) -> Result<ArrayRef> {
    let (end, start) = (call.column(0)?, call.column(1)?);
    let range = difference_range(&[end.data_type().clone(), start.data_type().clone()]);
    if range == Range::DAY {
        let end = cast_array(&end, &DataType::Date32, &call.zone)?;
        let days: Int64Array = binary(
            end.as_primitive::<Date32Type>(),
            start.as_primitive::<Date32Type>(),
            // Where there is no date stands any number.
            |end, start| (i64::from(end) - i64::from(start)).wrapping_mul(DAY_US),
        )?;
        return Ok(interval::column(&days, range)?);
    }
    // What counts is what clocks on the wall show, of the first time's kind.
    let zone = match end.data_type() {
        DataType::Timestamp(_, None) => Tz::UTC,
        _ => call.zone,
    };
    let wall = |times: &ArrayRef| -> Result<Int64Array> {
        let times = match times.data_type() {
            DataType::Timestamp(..) => times.clone(),
            _ => cast_array(times, &types::timestamp(), &call.zone)?,
        };
        let times = times.as_primitive::<TimestampMicrosecondType>();
        let local: Int64Array = try_unary::<_, _, Int64Type>(times, |us| Ok(zone::to_local_us(us, &zone)))?;
        Ok(local)
    };
    let micros: Int64Array = binary(&wall(&end)?, &wall(&start)?, i64::wrapping_sub)?;
    Ok(interval::column(&micros, range)?)
}
