//! Decimal arithmetic with Spark's precision rules: exact first, then cut to 38 digits, half up; NULL when it does not fit.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, PrimitiveArray};
use arrow::compute::kernels::arity::binary;
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, i256};

use super::Arithmetic;
use crate::coerce::adjusted_decimal;
use crate::functions::Result;
use crate::number::{POWERS_OF_TEN, div_half_up, fits, power_of_ten};

/// Scale a division keeps at least.
const DIVISION_SCALE_MIN: i16 = 6;

/// The type of a decimal operation, by precision and scale of its operands.
pub fn result_type(operator: Arithmetic, (p1, s1): (u8, i8), (p2, s2): (u8, i8)) -> DataType {
    let (p1, s1, p2, s2) = (i16::from(p1), i16::from(s1), i16::from(p2), i16::from(s2));
    match operator {
        Arithmetic::Add | Arithmetic::Subtract => {
            let scale = s1.max(s2);
            adjusted_decimal((p1 - s1).max(p2 - s2) + scale + 1, scale)
        }
        Arithmetic::Multiply => adjusted_decimal(p1 + p2 + 1, s1 + s2),
        Arithmetic::Divide => {
            let scale = DIVISION_SCALE_MIN.max(s1 + p2 + 1);
            adjusted_decimal(p1 - s1 + s2 + scale, scale)
        }
        Arithmetic::Modulo => {
            let scale = s1.max(s2);
            adjusted_decimal((p1 - s1).min(p2 - s2) + scale, scale)
        }
        Arithmetic::IntDiv => DataType::Int64,
    }
}

/// Computes a decimal operation over two columns of the same length.
///
/// # Errors
/// When the columns differ in length.
pub fn compute(operator: Arithmetic, left: &Decimal128Array, right: &Decimal128Array) -> Result<ArrayRef> {
    let (s1, s2) = (left.scale(), right.scale());
    let returns = result_type(operator, (left.precision(), s1), (right.precision(), s2));
    let one = |a: i128, b: i128, precision: u8, scale: i8| match operator {
        Arithmetic::Add => sum(a, s1, b, s2, precision, scale),
        Arithmetic::Subtract => sum(a, s1, -b, s2, precision, scale),
        Arithmetic::Multiply => product(a, b, s1 + s2, precision, scale),
        Arithmetic::Divide => quotient(a, b, i32::from(scale) - i32::from(s1) + i32::from(s2), precision),
        Arithmetic::Modulo => remainder(a, s1, b, s2, precision, scale),
        Arithmetic::IntDiv => whole_quotient(a, s1, b, s2),
    };
    let (precision, scale) = match returns {
        DataType::Decimal128(precision, scale) => (precision, scale),
        _ => (0, 0),
    };
    let results = Rows { left, right }.map(|a, b| one(a, b, precision, scale))?;
    if operator == Arithmetic::IntDiv {
        let whole: PrimitiveArray<Int64Type> = results.unary_opt(|value| Some(value as i64));
        return Ok(Arc::new(whole));
    }
    Ok(Arc::new(results.with_precision_and_scale(precision, scale)?))
}

struct Rows<'a> {
    left: &'a Decimal128Array,
    right: &'a Decimal128Array,
}

impl Rows<'_> {
    /// Applies an operation that may have no result; i128::MIN, which no decimal has, marks those until they are masked.
    fn map(&self, operation: impl Fn(i128, i128) -> Option<i128>) -> Result<PrimitiveArray<Decimal128Type>> {
        let marked: PrimitiveArray<Decimal128Type> =
            binary(self.left, self.right, |a, b| operation(a, b).unwrap_or(i128::MIN))?;
        if marked.values().contains(&i128::MIN) {
            return Ok(marked.unary_opt(|value| (value != i128::MIN).then_some(value)));
        }
        Ok(marked)
    }
}

fn sum(a: i128, s1: i8, b: i128, s2: i8, precision: u8, scale: i8) -> Option<i128> {
    let exact = s1.max(s2);
    let up = |value: i128, from: i8| value.checked_mul(POWERS_OF_TEN[(exact - from) as usize]);
    if let (Some(a), Some(b)) = (up(a, s1), up(b, s2))
        && let Some(total) = a.checked_add(b)
    {
        return cut(total, exact - scale, precision);
    }
    let wide = |value: i128, from: i8| i256::from_i128(value).wrapping_mul(wide_power(u32::from((exact - from) as u8)));
    cut_wide(wide(a, s1).wrapping_add(wide(b, s2)), exact - scale, precision)
}

fn product(a: i128, b: i128, exact: i8, precision: u8, scale: i8) -> Option<i128> {
    match a.checked_mul(b) {
        Some(product) => cut(product, exact - scale, precision),
        None => cut_wide(
            i256::from_i128(a).wrapping_mul(i256::from_i128(b)),
            exact - scale,
            precision,
        ),
    }
}

fn quotient(a: i128, b: i128, shift: i32, precision: u8) -> Option<i128> {
    if b == 0 {
        return None;
    }
    let shift = shift.max(0) as u32;
    if let Some(power) = power_of_ten(shift)
        && let Some(scaled) = a.checked_mul(power)
    {
        let value = div_half_up(scaled, b);
        return fits(value, precision).then_some(value);
    }
    let scaled = i256::from_i128(a).checked_mul(wide_power(shift))?;
    let divisor = i256::from_i128(b);
    let half_up = wide_div_half_up(scaled, divisor)?;
    let value = half_up.to_i128()?;
    fits(value, precision).then_some(value)
}

fn remainder(a: i128, s1: i8, b: i128, s2: i8, precision: u8, scale: i8) -> Option<i128> {
    if b == 0 {
        return None;
    }
    let exact = s1.max(s2);
    let wide = |value: i128, from: i8| i256::from_i128(value).wrapping_mul(wide_power(u32::from((exact - from) as u8)));
    let rest = wide(a, s1).checked_rem(wide(b, s2))?;
    cut_wide(rest, exact - scale, precision)
}

fn whole_quotient(a: i128, s1: i8, b: i128, s2: i8) -> Option<i128> {
    if b == 0 {
        return None;
    }
    let exact = s1.max(s2);
    let wide = |value: i128, from: i8| i256::from_i128(value).wrapping_mul(wide_power(u32::from((exact - from) as u8)));
    wide(a, s1).checked_div(wide(b, s2))?.to_i128()
}

/// Drops `places` digits, half up.
fn cut(value: i128, places: i8, precision: u8) -> Option<i128> {
    let value = match u32::try_from(places) {
        Ok(places) if places > 0 => div_half_up(value, power_of_ten(places)?),
        _ => value,
    };
    fits(value, precision).then_some(value)
}

fn cut_wide(value: i256, places: i8, precision: u8) -> Option<i128> {
    let value = match u32::try_from(places) {
        Ok(places) if places > 0 => wide_div_half_up(value, wide_power(places))?,
        _ => value,
    };
    let value = value.to_i128()?;
    fits(value, precision).then_some(value)
}

fn wide_power(exponent: u32) -> i256 {
    i256::from_i128(10).wrapping_pow(exponent)
}

fn wide_div_half_up(value: i256, by: i256) -> Option<i256> {
    let quotient = value.checked_div(by)?;
    let rest = value.checked_rem(by)?.wrapping_abs();
    if rest >= by.wrapping_abs().wrapping_sub(rest) && rest != i256::ZERO {
        let negative = (value < i256::ZERO) != (by < i256::ZERO);
        let one = if negative { i256::MINUS_ONE } else { i256::ONE };
        return quotient.checked_add(one);
    }
    Some(quotient)
}
