//! Casts to and from intervals.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Int64Array, StringArray, new_null_array};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, IntervalMonthDayNanoType};

use super::numeric;
use crate::SparkError;
use crate::interval::{self, Calendar, Field, Range, parse_calendar};
use crate::number;
use crate::types;

/// Places of the microseconds in seconds.
const MICROS_SCALE: i8 = 6;

/// Whether there is a cast between the types, one of which is an interval.
pub fn can_cast(from: &DataType, to: &DataType) -> bool {
    let exact = |of: &DataType| types::is_integer(of) || types::is_decimal(of);
    match (Range::of(from), Range::of(to)) {
        (Some(from), Some(to)) => from.is_months() == to.is_months(),
        (Some(_), None) => exact(to),
        (None, Some(_)) => exact(from) || from == &DataType::Utf8,
        (None, None) => interval::is_calendar(to) && from == &DataType::Utf8,
    }
}

/// Casts text to an interval. Text that is no calendar interval is NULL; text that is none of fixed fields is an error, as no
/// other cast has one.
pub fn text_to_interval(array: &StringArray, to: &DataType) -> Result<ArrayRef, SparkError> {
    let Some(range) = Range::of(to) else {
        let values = array.iter().map(|text| {
            text.and_then(parse_calendar)
                .and_then(|(value, _)| Calendar::arrow(value))
        });
        return Ok(Arc::new(
            values.collect::<arrow::array::PrimitiveArray<IntervalMonthDayNanoType>>(),
        ));
    };
    let amounts = array
        .iter()
        .map(|text| {
            text.map(|text| interval::parse(text, range).ok_or_else(|| bad(text, range)))
                .transpose()
        })
        .collect::<Result<Int64Array, _>>()?;
    interval::column(&amounts, range)
}

/// As [`text_to_interval`], but NULL where the text is no such interval.
pub fn try_text_to_interval(array: &StringArray, to: &DataType) -> Result<ArrayRef, SparkError> {
    let Some(range) = Range::of(to) else {
        return text_to_interval(array, to);
    };
    let amounts: Int64Array = array
        .iter()
        .map(|text| text.and_then(|text| interval::parse(text, range)))
        .collect();
    interval::column(&amounts, range)
}

fn bad(text: &str, range: Range) -> SparkError {
    SparkError::BadValue {
        text: text.to_owned(),
        to: range.data_type(),
    }
}

/// Casts an interval of fixed fields to other fields, a whole number or a decimal.
pub fn interval_to(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, SparkError> {
    let Some(from) = Range::of(array.data_type()) else {
        return Err(no_cast(array, to));
    };
    let amounts = interval::amounts(array);
    if let Some(to) = Range::of(to) {
        return interval::column(&amounts.unary(|amount| to.cut(amount)), to);
    }
    if let DataType::Decimal128(precision, scale) = to
        && from.end == Field::Second
    {
        let seconds: Decimal128Array =
            amounts.unary_opt(|micros| number::rescale(i128::from(micros), MICROS_SCALE, *precision, *scale));
        return Ok(Arc::new(seconds.with_precision_and_scale(*precision, *scale)?));
    }
    let whole: Int64Array = amounts.unary(|amount| amount / from.end.unit());
    if types::is_integer(to) {
        return narrow(&whole, to);
    }
    numeric::number_to_number(&(Arc::new(whole) as ArrayRef), to)
}

/// Makes whole numbers smaller; those that do not fit are an error.
fn narrow(whole: &Int64Array, to: &DataType) -> Result<ArrayRef, SparkError> {
    let bits = to.primitive_width().unwrap_or_default() * 8;
    let fits = |value: i64| bits >= 64 || (value >> (bits - 1)) == (value >> 63);
    if let Some(value) = whole.iter().flatten().find(|value| !fits(*value)) {
        return Err(SparkError::BadValue {
            text: value.to_string(),
            to: to.clone(),
        });
    }
    let whole: ArrayRef = Arc::new(whole.clone());
    if to == &DataType::Int64 {
        Ok(whole)
    } else {
        numeric::number_to_number(&whole, to)
    }
}

/// Casts whole numbers and decimals, counted in the smallest field, to an interval.
pub fn number_to_interval(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, SparkError> {
    let Some(range) = Range::of(to) else {
        return Err(no_cast(array, to));
    };
    let amounts: Int64Array = match array.data_type() {
        DataType::Decimal128(_, scale) => {
            // A fraction of the field counts too, though its text does not show it.
            let unit = i128::from(range.end.unit());
            let values = array.as_primitive::<Decimal128Type>();
            values.try_unary(|value| {
                value
                    .checked_mul(unit)
                    .and_then(|amount| number::rescale(amount, *scale, types::DECIMAL_PRECISION_MAX, 0))
                    .and_then(|amount| i64::try_from(amount).ok())
                    .ok_or_else(|| SparkError::Overflow(range.name()))
            })?
        }
        DataType::Null => return Ok(new_null_array(to, array.len())),
        DataType::Int64 => scaled(array.as_primitive::<Int64Type>(), range)?,
        _ => {
            let wide = numeric::number_to_number(array, &DataType::Int64)?;
            scaled(wide.as_primitive::<Int64Type>(), range)?
        }
    };
    interval::column(&amounts, range)
}

fn scaled(values: &Int64Array, range: Range) -> Result<Int64Array, SparkError> {
    values.try_unary(|value| {
        value
            .checked_mul(range.end.unit())
            .ok_or_else(|| SparkError::Overflow(range.name()))
    })
}

fn no_cast(array: &ArrayRef, to: &DataType) -> SparkError {
    SparkError::NoCast {
        from: array.data_type().clone(),
        to: to.clone(),
    }
}
