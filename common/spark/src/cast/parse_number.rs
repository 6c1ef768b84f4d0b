//! Casts of text to numbers.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, PrimitiveArray, StringArray};
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};

use super::trim;
use crate::SparkError;
use crate::number;

/// Casts a text column to a numeric type; text that is no number becomes NULL.
pub fn text_to_number(array: &StringArray, to: &DataType) -> Result<ArrayRef, SparkError> {
    Ok(match to {
        DataType::Int8 => integers::<Int8Type>(array),
        DataType::Int16 => integers::<Int16Type>(array),
        DataType::Int32 => integers::<Int32Type>(array),
        DataType::Int64 => integers::<Int64Type>(array),
        DataType::Float32 => Arc::new(
            array
                .iter()
                .map(|text| text.and_then(parse_f32))
                .collect::<PrimitiveArray<Float32Type>>(),
        ),
        DataType::Float64 => Arc::new(
            array
                .iter()
                .map(|text| text.and_then(parse_f64))
                .collect::<PrimitiveArray<Float64Type>>(),
        ),
        DataType::Decimal128(precision, scale) => {
            let cast: Decimal128Array = array
                .iter()
                .map(|text| text.and_then(|text| parse_decimal(trim(text), *precision, *scale)))
                .collect::<PrimitiveArray<Decimal128Type>>();
            Arc::new(cast.with_precision_and_scale(*precision, *scale)?)
        }
        _ => {
            return Err(SparkError::NoCast {
                from: DataType::Utf8,
                to: to.clone(),
            });
        }
    })
}

/// Zeros of the scripts' digits beside ASCII's, each followed by its nine others.
const ZEROS: [u32; 36] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50,
    0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50,
    0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
];

/// Reads a decimal, in the digits of any script as Java's `BigDecimal` does.
fn parse_decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    if text.is_ascii() {
        return number::parse_decimal(text.as_bytes(), precision, scale);
    }
    let mut digits = String::with_capacity(text.len());
    for c in text.chars() {
        let code = u32::from(c);
        // Sorted: the last zero not above the character.
        let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= code)].last();
        digits.push(match zero.map(|zero| code - zero) {
            Some(digit @ 0..=9) => char::from_digit(digit, 10)?,
            _ => c,
        });
    }
    number::parse_decimal(digits.as_bytes(), precision, scale)
}

fn integers<T>(array: &StringArray) -> ArrayRef
where
    T: arrow::array::ArrowPrimitiveType,
    T::Native: TryFrom<i64>,
{
    let cast: PrimitiveArray<T> = array
        .iter()
        .map(|text| {
            text.and_then(parse_i64)
                .and_then(|value| T::Native::try_from(value).ok())
        })
        .collect();
    Arc::new(cast)
}

/// Reads a whole number; a fraction of digits is cut off. None for anything else and beyond 64 bits.
pub fn parse_i64(text: &str) -> Option<i64> {
    let bytes = trim(text).as_bytes();
    let (negative, digits) = match bytes.first()? {
        b'-' => (true, &bytes[1..]),
        b'+' => (false, &bytes[1..]),
        _ => (false, bytes),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value: i64 = 0;
    for (at, byte) in digits.iter().enumerate() {
        if *byte == b'.' {
            if !digits[at + 1..].iter().all(u8::is_ascii_digit) {
                return None;
            }
            break;
        }
        if !byte.is_ascii_digit() {
            return None;
        }
        // Counts down, so that the smallest number has a place.
        value = value.checked_mul(10)?.checked_sub(i64::from(byte - b'0'))?;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// Reads a double as `Double.parseDouble` does, or one of the names of NaN and the infinities.
pub fn parse_f64(text: &str) -> Option<f64> {
    let (negative, rest) = split_sign(trim(text));
    let value: f64 = match special(rest, text) {
        Some(value) => value,
        None => match hexadecimal(rest) {
            Some(value) => value,
            None => fast_float2::parse(numeric_part(rest)?).ok()?,
        },
    };
    Some(if negative { -value } else { value })
}

/// Reads a float as `Float.parseFloat` does.
pub fn parse_f32(text: &str) -> Option<f32> {
    let (negative, rest) = split_sign(trim(text));
    let value: f32 = match special(rest, text).or_else(|| hexadecimal(rest)) {
        Some(value) => value as f32,
        None => fast_float2::parse(numeric_part(rest)?).ok()?,
    };
    Some(if negative { -value } else { value })
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// The value a word stands for; NaN has no sign in the whole text.
fn special(word: &str, whole: &str) -> Option<f64> {
    if word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("infinity") {
        Some(f64::INFINITY)
    } else if word.eq_ignore_ascii_case("nan") && !trim(whole).starts_with(['+', '-']) {
        Some(f64::NAN)
    } else {
        None
    }
}

/// Reads Java's hexadecimal form, `0x1.8p1`, without its sign.
fn hexadecimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    let (mantissa, exponent) = digits.split_once(['p', 'P'])?;
    let exponent = exponent.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(exponent);
    let exponent: i32 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let places = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    Some(value * 2f64.powi(exponent.checked_sub(places)?))
}

/// Cuts Java's type suffix and refuses what the float parser would take beyond digits.
fn numeric_part(text: &str) -> Option<&str> {
    let first = text.as_bytes().first()?;
    if !(first.is_ascii_digit() || *first == b'.') {
        return None;
    }
    Some(match text.as_bytes() {
        [.., before, b'd' | b'D' | b'f' | b'F'] if before.is_ascii_digit() || *before == b'.' => {
            &text[..text.len() - 1]
        }
        _ => text,
    })
}
