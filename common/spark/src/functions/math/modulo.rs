//! `pmod`: what a division leaves over, with the sign of the divisor's size: never negative for a positive divisor.

use arrow::array::{ArrayRef, AsArray, Decimal128Array, Float32Array, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type, Int64Type};
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;

use crate::cast::cast_array;
use crate::coerce::{common_of, decimal_of};
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::number;
use crate::types;

pub fn functions() -> Vec<ScalarUDF> {
    vec![Function::new("pmod", &[Kind::Number, Kind::Number], pmod_type, pmod).udf()]
}

fn pmod_type(given: &[DataType]) -> Result<DataType> {
    let [left, right] = given else {
        return plan_err!("function pmod takes 2 arguments");
    };
    let whole = |kind: &DataType| types::is_integer(kind) || types::is_decimal(kind);
    if (types::is_decimal(left) || types::is_decimal(right)) && whole(left) && whole(right) {
        let (Some((p1, s1)), Some((p2, s2))) = (decimal_of(left), decimal_of(right)) else {
            return plan_err!("function pmod takes numbers");
        };
        let scale = s1.max(s2);
        let digits = (i16::from(p1) - i16::from(s1)).min(i16::from(p2) - i16::from(s2)) + i16::from(scale);
        let most = i16::from(types::DECIMAL_PRECISION_MAX);
        return Ok(DataType::Decimal128(digits.clamp(1, most) as u8, scale));
    }
    match common_of(given) {
        Some(common) => Ok(common),
        None => plan_err!("function pmod takes numbers"),
    }
}

fn pmod(call: &Call<'_>) -> Result<ArrayRef> {
    let cast = |at: usize, to: &DataType| -> Result<ArrayRef> { Ok(cast_array(&call.column(at)?, to, &call.zone)?) };
    match call.returns {
        DataType::Decimal128(precision, scale) => {
            let wide = DataType::Decimal128(types::DECIMAL_PRECISION_MAX, *scale);
            let (left, right) = (cast(0, &wide)?, cast(1, &wide)?);
            let pairs = left
                .as_primitive::<Decimal128Type>()
                .iter()
                .zip(right.as_primitive::<Decimal128Type>());
            let rests: Decimal128Array = pairs
                .map(|(value, by)| rest(value?, by?).filter(|rest| number::fits(*rest, *precision)))
                .collect();
            column(rests.with_precision_and_scale(*precision, *scale)?)
        }
        DataType::Float32 => {
            let (left, right) = (cast(0, call.returns)?, cast(1, call.returns)?);
            let pairs = left
                .as_primitive::<Float32Type>()
                .iter()
                .zip(right.as_primitive::<Float32Type>());
            let real = |value: f32, by: f32| {
                if value % by < 0.0 {
                    (value % by + by) % by
                } else {
                    value % by
                }
            };
            let rests = pairs.map(|(value, by)| Some(real(value?, by.filter(|by| *by != 0.0)?)));
            column(rests.collect::<Float32Array>())
        }
        kind if types::is_integer(kind) => {
            let (left, right) = (cast(0, &DataType::Int64)?, cast(1, &DataType::Int64)?);
            let pairs = left
                .as_primitive::<Int64Type>()
                .iter()
                .zip(right.as_primitive::<Int64Type>());
            let width = kind.primitive_width().unwrap_or(8) * 8;
            let rests: ArrayRef = std::sync::Arc::new(
                pairs
                    .map(|(value, by)| whole_rest(value?, by?, width))
                    .collect::<Int64Array>(),
            );
            Ok(cast_array(&rests, kind, &call.zone)?)
        }
        _ => {
            let (left, right) = (cast(0, &DataType::Float64)?, cast(1, &DataType::Float64)?);
            let pairs = left
                .as_primitive::<Float64Type>()
                .iter()
                .zip(right.as_primitive::<Float64Type>());
            let real = |value: f64, by: f64| {
                if value % by < 0.0 {
                    (value % by + by) % by
                } else {
                    value % by
                }
            };
            let rests = pairs.map(|(value, by)| Some(real(value?, by.filter(|by| *by != 0.0)?)));
            column(rests.collect::<Float64Array>())
        }
    }
}

fn rest(value: i128, by: i128) -> Option<i128> {
    let rest = value.checked_rem(by)?;
    if rest < 0 {
        (rest + by).checked_rem(by)
    } else {
        Some(rest)
    }
}

/// The sum in between wraps at the width of the type.
fn whole_rest(value: i64, by: i64, width: usize) -> Option<i64> {
    if by == 0 {
        return None;
    }
    let rest = value.wrapping_rem(by);
    if rest >= 0 {
        return Some(rest);
    }
    let unused = 64 - width as u32;
    let sum = (rest.wrapping_add(by) << unused) >> unused;
    Some(sum.wrapping_rem(by))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_wrap_at_the_width_of_their_type() {
        assert_eq!(whole_rest(-10, 3, 32), Some(2));
        assert_eq!(whole_rest(-10, -3, 32), Some(-1));
        assert_eq!(whole_rest(-7, i64::from(i32::MIN), 32), Some(2_147_483_641));
        assert_eq!(whole_rest(-7, i64::MIN, 64), Some(i64::MAX - 6));
        assert_eq!(rest(-75, 20), Some(5));
    }
}
