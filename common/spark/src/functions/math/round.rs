//! Rounding to places: `round` half up, `bround` half to even, `ceil` and `floor`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float32Array, new_null_array};
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::logical_expr::ScalarUDF;

use crate::cast::cast_array;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::number::{self, POWERS_OF_TEN};
use crate::types;
use crate::zone::Tz;

/// A direction of rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    HalfUp,
    HalfEven,
    Up,
    Down,
}

/// Decimal a double is read as before it is cut up or down at a place.
const DOUBLE_AS_DECIMAL: (u8, i8) = (30, 15);

/// Beyond this place on either side rounding changes no more.
const FARTHEST_PLACE: i32 = 1_000;

const NUMBER_PLACES: &[Kind] = &[Kind::Number, Kind::Int];

pub fn functions() -> Vec<ScalarUDF> {
    let unused = |given: &[DataType]| Ok(given.first().cloned().unwrap_or(DataType::Null));
    let rounding = |name, returns, body| {
        Function::new(name, NUMBER_PLACES, unused, body)
            .required(1)
            .returns_by_constants(returns)
    };
    vec![
        rounding("round", round_type, |call: &Call<'_>| round(call, Mode::HalfUp)).udf(),
        rounding("bround", round_type, |call: &Call<'_>| round(call, Mode::HalfEven)).udf(),
        rounding("ceil", cut_type, |call: &Call<'_>| cut(call, Mode::Up))
            .aliases(&["ceiling"])
            .udf(),
        rounding("floor", cut_type, |call: &Call<'_>| cut(call, Mode::Down)).udf(),
    ]
}

fn places_of(constant: Option<&ScalarValue>) -> Result<i32> {
    // While planning, a constant may still be an expression: the type is then settled once it was folded.
    let Some(constant) = constant else {
        return Ok(0);
    };
    let places = cast_array(&constant.to_array()?, &DataType::Int32, &Tz::UTC)?;
    let places = places.as_primitive::<Int32Type>().iter().next().flatten();
    // No number has that many digits.
    Ok(places.unwrap_or(0).clamp(-FARTHEST_PLACE, FARTHEST_PLACE))
}

/// Whether the number of places is NULL, and with it every answer.
fn no_places(call: &Call<'_>) -> Result<bool> {
    let Some(constant) = call.constant(1) else {
        return Ok(false);
    };
    Ok(cast_array(&constant.to_array()?, &DataType::Int32, &Tz::UTC)?.is_null(0))
}

fn constant_places(call: &Call<'_>) -> Result<i32> {
    match call.constant(1) {
        Some(constant) => places_of(Some(constant)),
        None => plan_err!("the number of places must be a constant"),
    }
}

fn rounded_decimal(precision: u8, scale: i8, places: i32) -> DataType {
    let whole = i32::from(precision) - i32::from(scale) + 1;
    let most = i32::from(types::DECIMAL_PRECISION_MAX);
    if places < 0 {
        DataType::Decimal128(whole.max(1 - places).min(most) as u8, 0)
    } else {
        let kept = i32::from(scale).min(places);
        DataType::Decimal128((whole + kept).min(most) as u8, kept as i8)
    }
}

fn round_type(given: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    let places = if given.len() > 1 { places_of(constants[1])? } else { 0 };
    Ok(match given.first() {
        Some(DataType::Decimal128(precision, scale)) => rounded_decimal(*precision, *scale, places),
        Some(other) => other.clone(),
        None => DataType::Null,
    })
}

fn cut_type(given: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    let Some(own) = given.first() else {
        return Ok(DataType::Null);
    };
    if given.len() > 1 {
        let (precision, scale) = crate::coerce::decimal_of(own).unwrap_or(DOUBLE_AS_DECIMAL);
        return Ok(rounded_decimal(precision, scale, places_of(constants[1])?));
    }
    Ok(match own {
        DataType::Decimal128(precision, scale) => rounded_decimal(*precision, *scale, 0),
        _ => DataType::Int64,
    })
}

/// Drops `places` digits of an unscaled value.
fn drop_digits(value: i128, places: i32, mode: Mode) -> i128 {
    let Some(by) = u32::try_from(places).ok().and_then(number::power_of_ten) else {
        return if places > 0 { 0 } else { value };
    };
    match mode {
        Mode::HalfUp => number::div_half_up(value, by),
        Mode::HalfEven => {
            let quotient = value / by;
            let rest = (value % by).unsigned_abs();
            let other = by.unsigned_abs() - rest;
            if rest > other || (rest == other && quotient % 2 != 0) {
                quotient + value.signum()
            } else {
                quotient
            }
        }
        Mode::Down => value.div_euclid(by),
        Mode::Up => -((-value).div_euclid(by)),
    }
}

/// Rounds an unscaled value at a place, in the scale of the result.
fn round_unscaled(value: i128, scale: i8, places: i32, mode: Mode) -> i128 {
    let dropped = drop_digits(value, i32::from(scale) - places, mode);
    match u32::try_from(-places).ok().and_then(number::power_of_ten) {
        Some(unit) if places < 0 => dropped.saturating_mul(unit),
        _ => dropped,
    }
}

fn round_decimals(values: &Decimal128Array, places: i32, mode: Mode, returns: &DataType) -> Result<ArrayRef> {
    let scale = values.scale();
    let &DataType::Decimal128(precision, result_scale) = returns else {
        return plan_err!("a decimal rounds to a decimal");
    };
    let rounded: Decimal128Array = values.unary_opt(|value| {
        let rounded = round_unscaled(value, scale, places.min(i32::from(scale)), mode);
        number::fits(rounded, precision).then_some(rounded)
    });
    column(rounded.with_precision_and_scale(precision, result_scale)?)
}

fn round(call: &Call<'_>, mode: Mode) -> Result<ArrayRef> {
    if no_places(call)? {
        return Ok(new_null_array(call.returns, call.rows));
    }
    let values = call.column(0)?;
    let places = if call.args.len() > 1 { constant_places(call)? } else { 0 };
    match values.data_type() {
        DataType::Decimal128(..) => round_decimals(values.as_primitive(), places, mode, call.returns),
        DataType::Float64 => column(
            values
                .as_primitive::<Float64Type>()
                .unary::<_, Float64Type>(|value| round_f64(value, places, mode)),
        ),
        DataType::Float32 => {
            // By the digits of the float taken for a double.
            let rounded: Float32Array = values
                .as_primitive::<Float32Type>()
                .unary(|value| round_f64(f64::from(value), places, mode) as f32);
            column(rounded)
        }
        _ if places >= 0 => Ok(values),
        own => {
            let own = own.clone();
            let wide = cast_array(&values, &DataType::Int64, &Tz::UTC)?;
            let rounded = wide
                .as_primitive::<Int64Type>()
                .unary::<_, Int64Type>(|value| round_unscaled(i128::from(value), 0, places, mode) as i64);
            let rounded: ArrayRef = Arc::new(rounded);
            Ok(cast_array(&rounded, &own, &Tz::UTC)?)
        }
    }
}

fn round_f64(value: f64, places: i32, mode: Mode) -> f64 {
    if !value.is_finite() {
        return value;
    }
    if let Some(rounded) = round_clear(value, places, mode) {
        return rounded;
    }
    let mut buffer = ryu::Buffer::new();
    round_digits(buffer.format_finite(value), value, places, mode)
}

/// Rounds without digits where they could not decide otherwise: not near the middle between two results. Both the whole number and
/// the power of ten are exact, so that their quotient is the double nearest to the decimal.
fn round_clear(value: f64, places: i32, mode: Mode) -> Option<f64> {
    const POWERS: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
    /// Whole numbers up to here are exact.
    const EXACT: f64 = 4_503_599_627_370_496.0;
    if !matches!(mode, Mode::HalfUp | Mode::HalfEven) {
        return None;
    }
    let power = *POWERS.get(usize::try_from(places).ok()?)?;
    let scaled = value * power;
    let whole = scaled.trunc();
    let rest = (scaled - whole).abs();
    // The product is off by half its last place, the shortest digits by as much again.
    let doubt = scaled.abs() * 4.0 * f64::EPSILON;
    if scaled.abs() >= EXACT || (rest - 0.5).abs() <= doubt {
        return None;
    }
    let rounded = if rest > 0.5 {
        whole + 1.0_f64.copysign(scaled)
    } else {
        whole
    };
    // Adding 0 makes 0 of -0.
    Some(rounded / power + 0.0)
}

/// Rounds by the shortest digits of a value, as `BigDecimal` of its text does.
fn round_digits(shortest: &str, value: f64, places: i32, mode: Mode) -> f64 {
    /// Digits of a double's text at most; with a few more the places hold it exactly.
    const EXACT_SCALE: i8 = 20;
    if places >= i32::from(EXACT_SCALE) || value.abs() >= 1e17 {
        return value;
    }
    let digits = number::parse_decimal(shortest.as_bytes(), types::DECIMAL_PRECISION_MAX, EXACT_SCALE);
    let Some(unscaled) = digits else {
        return value;
    };
    let rounded = round_unscaled(unscaled, EXACT_SCALE, places, mode);
    number::decimal_to_f64(rounded, places.max(0) as i8)
}

fn cut(call: &Call<'_>, mode: Mode) -> Result<ArrayRef> {
    let values = call.column(0)?;
    if call.args.len() > 1 {
        let (precision, scale) = crate::coerce::decimal_of(values.data_type()).unwrap_or(DOUBLE_AS_DECIMAL);
        let values = cast_array(&values, &DataType::Decimal128(precision, scale), &Tz::UTC)?;
        return round_decimals(values.as_primitive(), constant_places(call)?, mode, call.returns);
    }
    match values.data_type() {
        DataType::Decimal128(_, scale) => {
            let unit = POWERS_OF_TEN[scale.max(&0).unsigned_abs() as usize];
            let &DataType::Decimal128(precision, _) = call.returns else {
                return plan_err!("a decimal is cut to a decimal");
            };
            let whole: Decimal128Array = values.as_primitive::<Decimal128Type>().unary(|value| match mode {
                Mode::Up => -((-value).div_euclid(unit)),
                _ => value.div_euclid(unit),
            });
            column(whole.with_precision_and_scale(precision, 0)?)
        }
        own if types::is_integer(own) => Ok(cast_array(&values, &DataType::Int64, &Tz::UTC)?),
        _ => {
            let values = cast_array(&values, &DataType::Float64, &Tz::UTC)?;
            column(
                values
                    .as_primitive::<Float64Type>()
                    .unary::<_, Int64Type>(|value| match mode {
                        Mode::Up => value.ceil() as i64,
                        _ => value.floor() as i64,
                    }),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_gives_what_the_digits_give() {
        let mut seed = 1_u64;
        for at in 0..200_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let places = at % 10;
            // Random doubles, and those with few digits, which are near ties.
            let value = match at % 3 {
                0 => f64::from_bits(seed),
                1 => (seed >> 40) as f64 / 1_000.0,
                _ => -((seed >> 50) as f64) / 16.0,
            };
            for mode in [Mode::HalfUp, Mode::HalfEven] {
                let mut buffer = ryu::Buffer::new();
                if let (true, Some(short)) = (value.is_finite(), round_clear(value, places, mode)) {
                    let long = round_digits(buffer.format_finite(value), value, places, mode);
                    assert_eq!(short.to_bits(), long.to_bits(), "{value:e} to {places} places");
                }
            }
        }
    }

    #[test]
    fn doubles_round_by_their_digits() {
        for (value, places, mode, wanted) in [
            (2.5, 0, Mode::HalfUp, 3.0),
            (2.5, 0, Mode::HalfEven, 2.0),
            (-2.5, 0, Mode::HalfUp, -3.0),
            (1.005, 2, Mode::HalfUp, 1.01),
            (2.675, 2, Mode::HalfUp, 2.68),
            (1234.0, -2, Mode::HalfUp, 1200.0),
            (1e300, 2, Mode::HalfUp, 1e300),
            (1e-25, 3, Mode::HalfUp, 0.0),
        ] {
            assert_eq!(round_f64(value, places, mode), wanted, "{value} {places}");
        }
        assert_eq!(rounded_decimal(10, 2, 1), DataType::Decimal128(10, 1));
        assert_eq!(rounded_decimal(10, 2, -3), DataType::Decimal128(9, 0));
    }
}
