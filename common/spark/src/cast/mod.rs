//! Spark's CAST with ANSI mode off, on whole columns: a value that cannot be converted becomes NULL, integers wrap, doubles
//! saturate.
//!
//! Bytes become text as they are when they are valid UTF-8 (the buffers are shared, nothing is copied). Text in Arrow must be
//! valid, so each invalid sequence becomes U+FFFD at the cast, where Spark keeps the bytes and shows U+FFFD only when printing.

mod interval;
mod nested;
mod numeric;
mod parse_number;
pub mod parse_time;
pub mod text;
mod time;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, StringArray, StringBuilder, new_null_array};
use arrow::datatypes::{DataType, TimeUnit};

use crate::SparkError;
use crate::interval::Range;
use crate::types;
use crate::zone::Tz;

/// Casts a column as Spark does with ANSI mode off. Never fails on data.
///
/// # Errors
/// [`SparkError::NoCast`] when Spark refuses the pair of types at analysis.
pub fn cast_array(array: &ArrayRef, to: &DataType, tz: &Tz) -> Result<ArrayRef, SparkError> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    if array.data_type() == &DataType::Null {
        return Ok(new_null_array(to, array.len()));
    }
    if !can_cast(array.data_type(), to) {
        return Err(SparkError::NoCast {
            from: array.data_type().clone(),
            to: to.clone(),
        });
    }
    let source = normalize(array)?;
    let target = normal_type(to);
    let cast = if source.data_type() == &target {
        source
    } else {
        cast_normal(&source, &target, tz)?
    };
    if &target == to {
        Ok(cast)
    } else {
        Ok(arrow::compute::cast(&cast, to)?)
    }
}

/// Casts a column as `try_cast` does: as [`cast_array`], but text with a fraction is no whole number, and a number beyond a whole
/// number's range is NULL instead of what is left of it.
///
/// # Errors
/// As [`cast_array`].
pub fn try_cast_array(array: &ArrayRef, to: &DataType, tz: &Tz) -> Result<ArrayRef, SparkError> {
    let source = normalize(array)?;
    if let Some(texts) = source.as_string_opt::<i32>()
        && types::is_interval(to)
    {
        return interval::try_text_to_interval(texts, to);
    }
    let cast = cast_array(array, to, tz)?;
    if !types::is_integer(to) {
        return Ok(cast);
    }
    if let DataType::Timestamp(..) = source.data_type() {
        let seconds = cast_array(&source, &DataType::Int64, tz)?;
        return try_cast_array(&seconds, to, tz);
    }
    if !(types::is_number(source.data_type()) || source.data_type() == &DataType::Utf8) {
        return Ok(cast);
    }
    let kept: BooleanArray = if let Some(texts) = source.as_string_opt::<i32>() {
        texts
            .iter()
            .map(|text| Some(text.is_some_and(|text| !text.contains('.'))))
            .collect()
    } else {
        // What was cut is a fraction, so the value moved by less than one.
        let wide = DataType::Decimal128(types::DECIMAL_PRECISION_MAX, 9);
        let (before, after) = (cast_array(&source, &wide, tz)?, cast_array(&cast, &wide, tz)?);
        let one = crate::number::POWERS_OF_TEN[9] as u128;
        before
            .as_primitive::<arrow::datatypes::Decimal128Type>()
            .iter()
            .zip(after.as_primitive::<arrow::datatypes::Decimal128Type>())
            .map(|pair| match pair {
                (Some(before), Some(after)) => Some(before.abs_diff(after) < one),
                _ => Some(false),
            })
            .collect()
    };
    Ok(arrow::compute::nullif(&cast, &arrow::compute::not(&kept)?)?)
}

/// Whether Spark casts between the types with ANSI mode off.
pub fn can_cast(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    let (from, to) = (&normal_type(from), &normal_type(to));
    if from == to {
        return true;
    }
    match (from, to) {
        (T::Null, _) | (_, T::Utf8) => true,
        (from, to) if types::is_interval(from) || types::is_interval(to) => interval::can_cast(from, to),
        (T::Utf8, to) if types::is_number(to) => true,
        (T::Utf8, T::Binary | T::Boolean | T::Date32 | T::Timestamp(..)) => true,
        (from, T::Binary) => types::is_integer(from),
        (T::Boolean, to) => types::is_number(to) || matches!(to, T::Timestamp(_, Some(_))),
        (T::Date32, T::Timestamp(..) | T::Boolean) => true,
        (T::Date32, to) => types::is_number(to),
        (T::Timestamp(..), T::Timestamp(..) | T::Date32) => true,
        (T::Timestamp(_, Some(_)), to) => types::is_number(to) || to == &T::Boolean,
        (from, to) if types::is_number(from) => {
            types::is_number(to) || to == &T::Boolean || matches!(to, T::Timestamp(_, Some(_)))
        }
        (T::List(a), T::List(b)) => can_cast(a.data_type(), b.data_type()),
        (T::Map(..), T::Map(..)) => match (types::map_parts(from), types::map_parts(to)) {
            // A key is never NULL, so its cast must not fail.
            (Some((k1, v1)), Some((k2, v2))) => can_cast(k1, k2) && !can_fail(k1, k2) && can_cast(v1, v2),
            _ => false,
        },
        (T::Struct(a), T::Struct(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b.iter())
                    .all(|(a, b)| can_cast(a.data_type(), b.data_type()))
        }
        _ => false,
    }
}

/// Whether a cast makes some values NULL.
fn can_fail(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    let floating = |of: &DataType| matches!(of, T::Float32 | T::Float64);
    match (from, to) {
        (from, to) if from == to => false,
        // Only an empty map has keys of no type.
        (T::Null, _) | (T::Utf8, T::Binary) | (_, T::Utf8) => false,
        (T::Utf8, _) => true,
        (T::Timestamp(..), T::Date32) | (T::Date32, T::Timestamp(..)) => false,
        (_, T::Date32) | (T::Date32, _) => true,
        (from, T::Timestamp(..)) => floating(from),
        (from, T::Decimal128(precision, scale)) => match crate::coerce::decimal_of(from) {
            Some((whole, places)) => {
                i16::from(whole) - i16::from(places) > i16::from(*precision) - i16::from(*scale) || places > *scale
            }
            None => true,
        },
        (from, to) => (floating(from) || types::is_decimal(from)) && types::is_integer(to),
    }
}

/// Whether `TRY_CAST` casts between the types: it has fewer casts than CAST.
pub fn can_try_cast(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    let (from, to) = (&normal_type(from), &normal_type(to));
    match (from, to) {
        (from, to) if from == to => true,
        (from, T::Binary) if types::is_integer(from) => false,
        (T::Date32, to) if types::is_number(to) || to == &T::Boolean => false,
        (T::Timestamp(..), T::Boolean) | (T::Boolean, T::Timestamp(..)) => false,
        (T::List(a), T::List(b)) => can_try_cast(a.data_type(), b.data_type()),
        _ => can_cast(from, to),
    }
}

/// The one Arrow type this crate computes with for each Spark type.
pub fn normal_type(of: &DataType) -> DataType {
    match of {
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, Some(_)) => types::timestamp(),
        DataType::Timestamp(_, None) => types::timestamp_ntz(),
        DataType::Duration(_) => DataType::Duration(TimeUnit::Microsecond),
        DataType::Dictionary(_, value) => normal_type(value),
        DataType::LargeList(field) | DataType::FixedSizeList(field, _) => DataType::List(Arc::clone(field)),
        DataType::Decimal32(..) | DataType::Decimal64(..) if Range::of(of).is_some() => of.clone(),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        other => other.clone(),
    }
}

/// Brings a column to the [`normal_type`] of its type.
///
/// # Errors
/// [`SparkError::Arrow`] when Arrow has no such conversion.
pub fn normalize(array: &ArrayRef) -> Result<ArrayRef, SparkError> {
    let normal = normal_type(array.data_type());
    if &normal == array.data_type() {
        return Ok(Arc::clone(array));
    }
    Ok(arrow::compute::cast(array, &normal)?)
}

fn cast_normal(array: &ArrayRef, to: &DataType, tz: &Tz) -> Result<ArrayRef, SparkError> {
    use DataType as T;
    match (array.data_type(), to) {
        (T::Binary, T::Utf8) => Ok(binary_to_text(array.as_binary())),
        (_, T::Utf8) => Ok(Arc::new(text::to_text(array, tz))),
        (T::Utf8, T::Binary) => Ok(text_to_binary(array.as_string())),
        (T::Utf8, T::Boolean) => Ok(Arc::new(text_to_boolean(array.as_string()))),
        (T::Utf8, T::Date32 | T::Timestamp(..)) => time::text_to_time(array.as_string(), to, tz),
        (T::Utf8, to) if types::is_interval(to) => interval::text_to_interval(array.as_string(), to),
        (from, to) if types::is_interval(from) => interval::interval_to(array, to),
        (_, to) if types::is_interval(to) => interval::number_to_interval(array, to),
        (T::Utf8, _) => parse_number::text_to_number(array.as_string(), to),
        (_, T::Binary) => numeric::integer_to_binary(array),
        (T::Date32 | T::Timestamp(..), _) => time::time_to(array, to, tz),
        (_, T::Timestamp(..)) => time::number_to_time(array, to),
        (T::List(_), T::List(_)) | (T::Map(..), T::Map(..)) | (T::Struct(_), T::Struct(_)) => {
            nested::cast_nested(array, to, tz)
        }
        _ => numeric::number_to_number(array, to),
    }
}

/// Reinterprets bytes as text, sharing the buffers when all of it is valid.
fn binary_to_text(array: &BinaryArray) -> ArrayRef {
    let (offsets, values, nulls) = array.clone().into_parts();
    match StringArray::try_new(offsets, values, nulls) {
        Ok(text) => Arc::new(text),
        Err(_) => {
            let mut builder = StringBuilder::with_capacity(array.len(), array.value_data().len());
            for value in array {
                builder.append_option(value.map(repaired));
            }
            Arc::new(builder.finish())
        }
    }
}

/// Text with U+FFFD where the bytes are not UTF-8, as many as a JVM would put.
fn repaired(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(bytes.len());
    crate::json::utf8::append_repaired(bytes, &mut text);
    String::from_utf8(text).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned())
}

fn text_to_binary(array: &StringArray) -> ArrayRef {
    Arc::new(BinaryArray::from(array.clone()))
}

fn text_to_boolean(array: &StringArray) -> BooleanArray {
    array.iter().map(|text| text.and_then(parse_boolean)).collect()
}

fn parse_boolean(text: &str) -> Option<bool> {
    const TRUE: [&str; 5] = ["t", "true", "y", "yes", "1"];
    const FALSE: [&str; 5] = ["f", "false", "n", "no", "0"];
    let text = trim(text);
    if TRUE.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Some(true);
    }
    FALSE
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
        .then_some(false)
}

/// Cuts white space and control characters at both ends, as Spark does before it reads a value from text.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ' || c == '\u{7f}')
}

#[cfg(test)]
mod tests;
