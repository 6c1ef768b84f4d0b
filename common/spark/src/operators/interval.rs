//! Arithmetic of intervals: sums and differences of two, multiples and fractions of one, and how often one goes into another.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, PrimitiveArray};
use arrow::compute::kernels::arity::try_binary;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, IntervalMonthDayNanoType, i256};
use arrow::error::ArrowError;
use datafusion::common::{exec_err, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ScalarUDF};

use super::Arithmetic;
use crate::cast::cast_array;
use crate::functions::{Call, Function, Kind, Result};
use crate::interval::{self, Calendar, Range};
use crate::number::power_of_ten;
use crate::type_name::spark_type;
use crate::types;

const TWO: &[Kind] = &[Kind::Any, Kind::Any];

static UDFS: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(|| functions().into_iter().map(Arc::new).collect());

/// The functions behind the operators on intervals.
pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new("spark_interval_add", TWO, sum_type, |call| sum(call, false)).udf(),
        Function::new("spark_interval_subtract", TWO, sum_type, |call| sum(call, true)).udf(),
        Function::new("spark_interval_multiply", TWO, scaled_type, |call| {
            scale(call, Scale::Times)
        })
        .udf(),
        Function::new("spark_interval_divide", TWO, scaled_type, |call| scale(call, Scale::By)).udf(),
        Function::new("spark_interval_try_divide", TWO, scaled_type, |call| {
            scale(call, Scale::TryBy)
        })
        .udf(),
        Function::new(
            "spark_interval_abs",
            &[Kind::Any],
            |given| Ok(given[0].clone()),
            magnitude,
        )
        .udf(),
        Function::new("spark_interval_intdiv", TWO, |_| Ok(DataType::Int64), times_within).udf(),
    ]
}

/// Builds the call of an operator whose first operand is an interval. `tolerant` makes a division by zero NULL.
pub(crate) fn call(operator: Arithmetic, left: Expr, right: Expr, tolerant: bool) -> Option<Expr> {
    let at = match operator {
        Arithmetic::Add => 0,
        Arithmetic::Subtract => 1,
        Arithmetic::Multiply => 2,
        Arithmetic::Divide if tolerant => 4,
        Arithmetic::Divide => 3,
        Arithmetic::IntDiv => 6,
        Arithmetic::Modulo => return None,
    };
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::clone(UDFS.get(at)?),
        vec![left, right],
    )))
}

/// Builds `interval / number` that is NULL where the number is 0.
pub fn interval_share(interval: Expr, number: Expr) -> Expr {
    let share = call(Arithmetic::Divide, interval.clone(), number, true);
    share.unwrap_or(interval)
}

fn sum_type(given: &[DataType]) -> Result<DataType> {
    let [left, right] = given else {
        return plan_err!("an operator takes two operands");
    };
    if interval::is_calendar(left) && interval::is_calendar(right) {
        return Ok(left.clone());
    }
    match Range::of(left).and_then(|left| left.covering(Range::of(right)?)) {
        Some(range) => Ok(range.data_type()),
        None => plan_err!("cannot compute with {} and {}", spark_type(left), spark_type(right)),
    }
}

fn overflow(range: &str) -> ArrowError {
    ArrowError::ComputeError(format!("the result does not fit {range}"))
}

fn sum(call: &Call<'_>, subtract: bool) -> Result<ArrayRef> {
    let (left, right) = (call.column(0)?, call.column(1)?);
    if let Some(range) = Range::of(call.returns) {
        let (left, right) = (interval::amounts(&left), interval::amounts(&right));
        let total: Int64Array = try_binary(&left, &right, |a: i64, b: i64| {
            let total = if subtract { a.checked_sub(b) } else { a.checked_add(b) };
            total.ok_or_else(|| overflow(&range.name()))
        })?;
        return Ok(interval::column(&total, range)?);
    }
    let total: PrimitiveArray<IntervalMonthDayNanoType> = try_binary(
        left.as_primitive::<IntervalMonthDayNanoType>(),
        right.as_primitive::<IntervalMonthDayNanoType>(),
        |a, b| {
            let b = Calendar::of(b);
            let b = if subtract { b.checked_neg() } else { Some(b) };
            b.and_then(|b| Calendar::of(a).checked_add(b))
                .and_then(Calendar::arrow)
                .ok_or_else(|| overflow("interval"))
        },
    )?;
    Ok(Arc::new(total))
}

/// A multiple or a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Times,
    By,
    /// NULL for a division by zero, which otherwise is an error.
    TryBy,
}

/// The widest type of its kind. Text was cast to DOUBLE before.
fn scaled_type(given: &[DataType]) -> Result<DataType> {
    let [left, right] = given else {
        return plan_err!("an operator takes two operands");
    };
    if !(types::is_number(right) || right == &DataType::Null) {
        return plan_err!("cannot compute with {} and {}", spark_type(left), spark_type(right));
    }
    if interval::is_calendar(left) {
        return Ok(left.clone());
    }
    match Range::of(left) {
        Some(range) => Ok(range.widest().data_type()),
        None => plan_err!("{} is not an interval", spark_type(left)),
    }
}

fn scale(call: &Call<'_>, how: Scale) -> Result<ArrayRef> {
    let (left, right) = (call.column(0)?, call.column(1)?);
    let Some(range) = Range::of(call.returns) else {
        return scale_calendar(&left, &right, how, call);
    };
    let left = interval::amounts(&left);
    let name = range.name();
    let fits = |value: Option<i64>| value.map(Some).ok_or_else(|| overflow(&name));
    let zero = || match how {
        Scale::TryBy => Ok(None),
        _ => Err(ArrowError::ComputeError(
            "an interval was divided by zero: try_divide gives NULL instead".to_owned(),
        )),
    };
    let scaled = match right.data_type() {
        DataType::Float32 | DataType::Float64 => {
            let right = cast_array(&right, &DataType::Float64, &call.zone)?;
            each(&left, right.as_primitive::<Float64Type>(), |a, b| match how {
                Scale::Times => fits(rounded(a as f64 * b)),
                _ if b == 0.0 => zero(),
                _ => fits(rounded(a as f64 / b)),
            })
        }
        DataType::Decimal128(_, places) => {
            let unit = i256::from_i128(power_of_ten(u32::from(places.unsigned_abs())).unwrap_or(1));
            each(&left, right.as_primitive::<Decimal128Type>(), |a, b| {
                let (a, b) = (i256::from(a), i256::from_i128(b));
                match how {
                    Scale::Times => fits(half_up(a.wrapping_mul(b), unit)),
                    _ if b == i256::ZERO => zero(),
                    _ => fits(half_up(a.wrapping_mul(unit), b)),
                }
            })
        }
        _ => {
            let right = cast_array(&right, &DataType::Int64, &call.zone)?;
            each(&left, right.as_primitive::<Int64Type>(), |a, b| match how {
                Scale::Times => fits(a.checked_mul(b)),
                _ if b == 0 => zero(),
                _ => fits(half_up(i256::from(a), i256::from(b))),
            })
        }
    };
    Ok(interval::column(&scaled?, range)?)
}

fn each<T: arrow::array::ArrowPrimitiveType>(
    left: &Int64Array,
    right: &PrimitiveArray<T>,
    one: impl Fn(i64, T::Native) -> std::result::Result<Option<i64>, ArrowError>,
) -> std::result::Result<Int64Array, ArrowError> {
    left.iter()
        .zip(right)
        .map(|pair| match pair {
            (Some(a), Some(b)) => one(a, b),
            _ => Ok(None),
        })
        .collect()
}

/// The nearest whole number, halves away from zero.
fn rounded(value: f64) -> Option<i64> {
    let value = value.round();
    (value >= -(2f64.powi(63)) && value < 2f64.powi(63)).then_some(value as i64)
}

fn half_up(value: i256, by: i256) -> Option<i64> {
    let quotient = value.checked_div(by)?;
    let rest = value.checked_rem(by)?.wrapping_abs();
    let up = rest >= by.wrapping_abs().wrapping_sub(rest) && rest != i256::ZERO;
    let one = match (up, (value < i256::ZERO) != (by < i256::ZERO)) {
        (false, _) => i256::ZERO,
        (true, true) => i256::MINUS_ONE,
        (true, false) => i256::ONE,
    };
    i64::try_from(quotient.checked_add(one)?.to_i128()?).ok()
}

fn scale_calendar(left: &ArrayRef, right: &ArrayRef, how: Scale, call: &Call<'_>) -> Result<ArrayRef> {
    let factors = cast_array(right, &DataType::Float64, &call.zone)?;
    let scaled = left
        .as_primitive::<IntervalMonthDayNanoType>()
        .iter()
        .zip(factors.as_primitive::<Float64Type>())
        .map(|pair| {
            let (value, factor) = (Calendar::of(pair.0?), pair.1?);
            match how {
                Scale::Times => value.times(factor),
                _ if factor == 0.0 => None,
                _ => value.times(1.0 / factor),
            }
            .and_then(Calendar::arrow)
        })
        .collect::<PrimitiveArray<IntervalMonthDayNanoType>>();
    Ok(Arc::new(scaled))
}

/// Builds `abs(interval)`.
pub(crate) fn magnitude_call(interval: Expr) -> Option<Expr> {
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::clone(UDFS.get(5)?),
        vec![interval],
    )))
}

fn magnitude(call: &Call<'_>) -> Result<ArrayRef> {
    let values = call.column(0)?;
    let Some(range) = Range::of(values.data_type()) else {
        return exec_err!("{} is not an interval", spark_type(values.data_type()));
    };
    Ok(interval::column(
        &interval::amounts(&values).unary(i64::wrapping_abs),
        range,
    )?)
}

fn times_within(call: &Call<'_>) -> Result<ArrayRef> {
    let (left, right) = (call.column(0)?, call.column(1)?);
    if Range::of(left.data_type()).map(Range::is_months) != Range::of(right.data_type()).map(Range::is_months) {
        return exec_err!(
            "cannot compute with {} and {}",
            spark_type(left.data_type()),
            spark_type(right.data_type())
        );
    }
    let (left, right) = (interval::amounts(&left), interval::amounts(&right));
    let times: Int64Array = left.iter().zip(&right).map(|(a, b)| a?.checked_div(b?)).collect();
    Ok(Arc::new(times))
}
