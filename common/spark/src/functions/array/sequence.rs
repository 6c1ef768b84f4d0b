//! `sequence`: whole numbers by a step, dates and times by an interval.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, TimestampMicrosecondType,
};
use datafusion::common::{exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::parts::check_length;
use crate::cast::cast_array;
use crate::coerce::common_of;
use crate::functions::datetime::interval::move_instant;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::interval::{self, Calendar};
use crate::type_name::spark_type;
use crate::types;
use crate::zone::{self, DAY_US, Tz};

/// A month's length when the end of a sequence is estimated.
const MONTH_US: i64 = 28 * DAY_US;

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new("sequence", &[Kind::Any, Kind::Any, Kind::Any], sequence_type, sequence)
            .required(2)
            .udf(),
    ]
}

fn sequence_type(given: &[DataType]) -> Result<DataType> {
    let by_interval = given.get(2).is_some_and(types::is_interval);
    let alike = if by_interval { &given[..2] } else { given };
    match common_of(alike) {
        Some(common) if types::is_integer(&common) && !by_interval => Ok(types::list(common)),
        Some(common @ (DataType::Date32 | DataType::Timestamp(..))) if alike.len() == 2 => Ok(types::list(common)),
        _ => {
            let given: Vec<String> = given.iter().map(spark_type).collect();
            plan_err!(
                "function sequence takes whole numbers, or dates or timestamps and an interval, but {} were given",
                given.join(", ")
            )
        }
    }
}

fn sequence(call: &Call<'_>) -> Result<ArrayRef> {
    let DataType::List(field) = call.returns else {
        return plan_err!("a sequence is an array");
    };
    let element = field.data_type();
    let numbers = |at: usize| -> Result<Int64Array> {
        let values = cast_array(&call.column(at)?, element, &call.zone)?;
        Ok(match element {
            DataType::Date32 => values.as_primitive::<Date32Type>().unary(i64::from),
            DataType::Timestamp(..) => values.as_primitive::<TimestampMicrosecondType>().unary(|us| us),
            _ => arrow::compute::cast(&values, &DataType::Int64)?
                .as_primitive::<Int64Type>()
                .clone(),
        })
    };
    let (from, until) = (numbers(0)?, numbers(1)?);
    let steps = Steps::of(call, element)?;
    let nulls = NullBuffer::union(NullBuffer::union(from.nulls(), until.nulls()).as_ref(), steps.nulls());
    let mut elements = Vec::new();
    let mut lengths = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let before = elements.len();
        if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
            steps.extend(&mut elements, row, from.value(row), until.value(row))?;
        }
        lengths.push(elements.len() - before);
    }
    let values: ArrayRef = match element {
        DataType::Date32 => Arc::new(Int64Array::from(elements).unary::<_, Date32Type>(|day| day as i32)),
        DataType::Timestamp(_, zone) => Arc::new(
            Int64Array::from(elements)
                .unary::<_, TimestampMicrosecondType>(|us| us)
                .with_timezone_opt(zone.clone()),
        ),
        _ => arrow::compute::cast(&Int64Array::from(elements), element)?,
    };
    column(ListArray::try_new(
        Arc::clone(field),
        OffsetBuffer::from_lengths(lengths),
        values,
        nulls,
    )?)
}

/// The step of each row.
enum Steps {
    /// Whole numbers; none: by one towards the end.
    Numbers(Option<Int64Array>),
    /// Intervals; none: by one day towards the end.
    Intervals {
        steps: Option<ArrayRef>,
        dates: bool,
        zone: Tz,
    },
}

impl Steps {
    fn of(call: &Call<'_>, element: &DataType) -> Result<Self> {
        let given = (call.args.len() > 2).then(|| call.column(2)).transpose()?;
        if types::is_integer(element) {
            let steps = given
                .map(|steps| cast_array(&steps, &DataType::Int64, &call.zone))
                .transpose()?;
            return Ok(Self::Numbers(
                steps.map(|steps| steps.as_primitive::<Int64Type>().clone()),
            ));
        }
        Ok(Self::Intervals {
            steps: given.as_ref().map(interval::to_calendar),
            dates: element == &DataType::Date32,
            // Local times have no zone to follow.
            zone: if matches!(element, DataType::Timestamp(_, None)) {
                Tz::UTC
            } else {
                call.zone
            },
        })
    }

    fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Self::Numbers(steps) => steps.as_ref()?.nulls(),
            Self::Intervals { steps, .. } => steps.as_ref()?.nulls(),
        }
    }

    /// Adds a row's elements.
    fn extend(&self, out: &mut Vec<i64>, row: usize, from: i64, until: i64) -> Result<()> {
        let forth = from <= until;
        match self {
            Self::Numbers(steps) => {
                let default = if forth { 1 } else { -1 };
                by_number(
                    out,
                    from,
                    until,
                    steps.as_ref().map_or(default, |steps| steps.value(row)),
                )
            }
            Self::Intervals { steps, dates, zone } => {
                let default = IntervalMonthDayNano::new(0, if forth { 1 } else { -1 }, 0);
                let step = steps.as_ref().map_or(default, |steps| {
                    steps.as_primitive::<IntervalMonthDayNanoType>().value(row)
                });
                by_interval(out, (from, until), step, *dates, zone)
            }
        }
    }
}

fn check_bounds(from: i64, until: i64, step: i64) -> Result<()> {
    let fits = match step {
        0 => from == until,
        step if step > 0 => from <= until,
        _ => from >= until,
    };
    if !fits {
        return exec_err!("sequence cannot go from {from} to {until} by {step}");
    }
    let length = match step {
        0 => 1,
        step => (i128::from(until) - i128::from(from)) / i128::from(step) + 1,
    };
    check_length("sequence", usize::try_from(length).unwrap_or(usize::MAX))
}

fn by_number(out: &mut Vec<i64>, from: i64, until: i64, step: i64) -> Result<()> {
    check_bounds(from, until, step)?;
    if step == 0 {
        out.push(from);
        return Ok(());
    }
    let length = ((i128::from(until) - i128::from(from)) / i128::from(step)) as i64;
    out.extend((0..=length).map(|at| from + at * step));
    Ok(())
}

/// Days of dates, microseconds of timestamps, on the calendar of the zone.
fn by_interval(
    out: &mut Vec<i64>,
    (from, until): (i64, i64),
    step: IntervalMonthDayNano,
    dates: bool,
    zone: &Tz,
) -> Result<()> {
    let us = step.nanoseconds / 1000;
    let (months, days, us) = match step.months {
        0 => (0, i64::from(step.days) + us / DAY_US, us % DAY_US),
        months => (months, i64::from(step.days), us),
    };
    if dates && us != 0 && months == 0 {
        return exec_err!("sequence: between dates the step is a whole number of days, months or years");
    }
    if months == 0 && us == 0 && dates {
        return by_number(out, from, until, days);
    }
    if months == 0 && days == 0 && !dates {
        return by_number(out, from, until, us);
    }
    let instant = |value: i64| {
        if dates {
            zone::to_instant_us(value * DAY_US, zone)
        } else {
            value
        }
    };
    let (start, end) = (instant(from), instant(until));
    let estimate = us + i64::from(months) * MONTH_US + days * DAY_US;
    check_bounds(start, end, estimate)?;
    let mut at = start;
    let mut count: i32 = 0;
    while if estimate > 0 { at <= end } else { at >= end } {
        out.push(if dates {
            zone::to_local_us(at, zone).div_euclid(DAY_US)
        } else {
            at
        });
        count += 1;
        if estimate == 0 {
            break;
        }
        // Each element is as many steps from the first: 31 January, 28 February, 31 March.
        let whole = i64::from(count);
        let next = i32::try_from(days * whole)
            .ok()
            .zip(months.checked_mul(count))
            .and_then(|(days, months)| {
                let moved = move_instant(
                    start,
                    Calendar {
                        months,
                        days,
                        micros: 0,
                    },
                    zone,
                )?;
                moved.checked_add(us.checked_mul(whole)?)
            });
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    Ok(())
}
