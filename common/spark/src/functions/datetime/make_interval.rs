//! Intervals made of numbers, and the fields of intervals.

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Int8Array, Int32Array, Int64Array, PrimitiveArray};
use arrow::datatypes::{DataType, Decimal128Type, Int32Type, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;

use crate::SparkError;
use crate::cast::cast_array;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::interval::{self, Calendar, Field, Range};
use crate::type_name::spark_type;
use crate::zone::DAY_US;

const NUMBERS: &[Kind] = &[
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Number,
];

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new(
            "make_interval",
            NUMBERS,
            |_| Ok(DataType::Interval(IntervalUnit::MonthDayNano)),
            make_calendar,
        )
        .required(0)
        .udf(),
        Function::new(
            "make_dt_interval",
            &[Kind::Int, Kind::Int, Kind::Int, Kind::Number],
            |_| Ok(Range::DAY_TO_SECOND.data_type()),
            make_day_time,
        )
        .required(0)
        .udf(),
        Function::new(
            "make_ym_interval",
            &[Kind::Int, Kind::Int],
            |_| Ok(Range::YEAR_TO_MONTH.data_type()),
            make_year_month,
        )
        .required(0)
        .udf(),
    ]
}

/// A whole number of each row; 0 where the argument is left out.
fn whole(call: &Call<'_>, at: usize) -> Result<Int32Array> {
    Ok(match call.args.get(at) {
        Some(_) => call.column(at)?.as_primitive::<Int32Type>().clone(),
        None => Int32Array::from_value(0, call.rows),
    })
}

/// Microseconds of seconds given as a number with six places.
fn seconds(call: &Call<'_>, at: usize) -> Result<Decimal128Array> {
    Ok(match call.args.get(at) {
        Some(_) => cast_array(&call.column(at)?, &DataType::Decimal128(18, 6), &call.zone)?
            .as_primitive::<Decimal128Type>()
            .clone(),
        None => Decimal128Array::from_value(0, call.rows),
    })
}

fn make_calendar(call: &Call<'_>) -> Result<ArrayRef> {
    let parts = (0..6).map(|at| whole(call, at)).collect::<Result<Vec<_>>>()?;
    let seconds = seconds(call, 6)?;
    let values = (0..call.rows).map(|row| {
        if parts.iter().any(|part| part.is_null(row)) || seconds.is_null(row) {
            return None;
        }
        let part = |at: usize| parts[at].value(row);
        let micros = i64::from(part(4)) * Field::Hour.unit() + i64::from(part(5)) * Field::Minute.unit();
        Calendar {
            months: part(0).checked_mul(12)?.checked_add(part(1))?,
            days: part(2).checked_mul(7)?.checked_add(part(3))?,
            micros: micros.checked_add(i64::try_from(seconds.value(row)).ok()?)?,
        }
        .arrow()
    });
    column(values.collect::<PrimitiveArray<IntervalMonthDayNanoType>>())
}

fn make_day_time(call: &Call<'_>) -> Result<ArrayRef> {
    let (days, hours, minutes) = (whole(call, 0)?, whole(call, 1)?, whole(call, 2)?);
    let seconds = seconds(call, 3)?;
    let micros: Int64Array = (0..call.rows)
        .map(|row| {
            if days.is_null(row) || hours.is_null(row) || minutes.is_null(row) || seconds.is_null(row) {
                return Ok(None);
            }
            let total = i128::from(days.value(row)) * i128::from(DAY_US)
                + i128::from(hours.value(row)) * i128::from(Field::Hour.unit())
                + i128::from(minutes.value(row)) * i128::from(Field::Minute.unit())
                + seconds.value(row);
            i64::try_from(total)
                .map(Some)
                .map_err(|_| SparkError::Overflow(Range::DAY_TO_SECOND.name()))
        })
        .collect::<std::result::Result<_, _>>()?;
    Ok(interval::column(&micros, Range::DAY_TO_SECOND)?)
}

fn make_year_month(call: &Call<'_>) -> Result<ArrayRef> {
    let (years, months) = (whole(call, 0)?, whole(call, 1)?);
    let total: Int64Array = years
        .iter()
        .zip(&months)
        .map(|(years, months)| Some(i64::from(years?) * 12 + i64::from(months?)))
        .collect();
    Ok(interval::column(&total, Range::YEAR_TO_MONTH)?)
}

/// The type of a field of an interval.
///
/// # Errors
/// A planning error for a field the interval does not have.
pub fn field_type(of: &DataType, field: Field) -> Result<DataType> {
    let there = match Range::of(of) {
        Some(range) => range.start <= field && field <= range.end,
        None => interval::is_calendar(of),
    };
    if !there {
        return plan_err!("cannot extract {} from {}", field.name(), spark_type(of));
    }
    Ok(match field {
        Field::Year | Field::Day => DataType::Int32,
        Field::Month | Field::Hour | Field::Minute => DataType::Int8,
        Field::Second => DataType::Decimal128(8, 6),
    })
}

/// A field of a column of intervals.
pub fn field_of(values: &ArrayRef, field: Field) -> Result<ArrayRef> {
    let amounts: Int64Array = match values.as_primitive_opt::<IntervalMonthDayNanoType>() {
        Some(values) => values.unary(|value| {
            let value = Calendar::of(value);
            match field {
                Field::Year | Field::Month => i64::from(value.months),
                Field::Day => i64::from(value.days) + value.micros / DAY_US,
                _ => value.micros,
            }
        }),
        None => interval::amounts(values),
    };
    let calendar = interval::is_calendar(values.data_type());
    let cut = |amount: i64| match field {
        Field::Day if calendar => amount,
        Field::Year | Field::Day => amount / field.unit(),
        Field::Month => amount % Field::Year.unit(),
        Field::Hour => amount % DAY_US / field.unit(),
        Field::Minute => amount % Field::Hour.unit() / field.unit(),
        Field::Second => amount % Field::Minute.unit(),
    };
    match field {
        Field::Year | Field::Day => column(amounts.unary::<_, Int32Type>(|amount| cut(amount) as i32)),
        Field::Second => {
            let seconds: Decimal128Array = amounts.unary(|amount| i128::from(cut(amount)));
            column(seconds.with_precision_and_scale(8, 6)?)
        }
        _ => {
            let small: Int8Array = amounts.unary(|amount| cut(amount) as i8);
            column(small)
        }
    }
}
