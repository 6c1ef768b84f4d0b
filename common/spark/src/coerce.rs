//! The types Spark brings two values to before it compares, combines or computes with them (ANSI mode off).

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};

use crate::cast::normal_type;
use crate::interval::Range;
use crate::types::{self, DECIMAL_ADJUSTED_SCALE_MIN, DECIMAL_PRECISION_MAX};

/// Order of the numeric types: of two the later one holds both.
const NUMERIC_ORDER: [DataType; 6] = [
    DataType::Int8,
    DataType::Int16,
    DataType::Int32,
    DataType::Int64,
    DataType::Float32,
    DataType::Float64,
];

/// Precision and scale of the decimal that holds every value of an integer or decimal type.
pub fn decimal_of(of: &DataType) -> Option<(u8, i8)> {
    match normal_type(of) {
        DataType::Int8 => Some((3, 0)),
        DataType::Int16 => Some((5, 0)),
        DataType::Int32 => Some((10, 0)),
        DataType::Int64 => Some((20, 0)),
        DataType::Decimal128(precision, scale) => Some((precision, scale)),
        _ => None,
    }
}

/// Cuts a result's precision to 38 digits, the scale to no less than 6 of its places.
pub fn adjusted_decimal(precision: i16, scale: i16) -> DataType {
    let most = i16::from(DECIMAL_PRECISION_MAX);
    if precision <= most {
        return DataType::Decimal128(precision.max(1) as u8, scale as i8);
    }
    let whole = precision - scale;
    let scale = (most - whole).max(scale.min(DECIMAL_ADJUSTED_SCALE_MIN));
    DataType::Decimal128(DECIMAL_PRECISION_MAX, scale as i8)
}

fn wider_decimal((p1, s1): (u8, i8), (p2, s2): (u8, i8)) -> DataType {
    let scale = i16::from(s1.max(s2));
    let whole = (i16::from(p1) - i16::from(s1)).max(i16::from(p2) - i16::from(s2));
    let most = i16::from(DECIMAL_PRECISION_MAX);
    DataType::Decimal128((whole + scale).min(most) as u8, scale.min(most) as i8)
}

/// The numeric type both numbers are brought to; None unless both are numbers.
pub fn common_number(left: &DataType, right: &DataType) -> Option<DataType> {
    let (left, right) = (normal_type(left), normal_type(right));
    if left == right && types::is_number(&left) {
        return Some(left);
    }
    if types::is_decimal(&left) || types::is_decimal(&right) {
        return match (decimal_of(&left), decimal_of(&right)) {
            (Some(left), Some(right)) => Some(wider_decimal(left, right)),
            _ if types::is_number(&left) && types::is_number(&right) => Some(DataType::Float64),
            _ => None,
        };
    }
    let rank = |of: &DataType| NUMERIC_ORDER.iter().position(|kind| kind == of);
    NUMERIC_ORDER.get(rank(&left)?.max(rank(&right)?)).cloned()
}

/// The type of a column made of values of both types (CASE, COALESCE, IN, ARRAY, UNION); None when Spark has none.
pub fn common_type(left: &DataType, right: &DataType) -> Option<DataType> {
    let (left, right) = (normal_type(left), normal_type(right));
    if left == right {
        return Some(left);
    }
    match (&left, &right) {
        (DataType::Null, other) | (other, DataType::Null) => return Some(other.clone()),
        (DataType::List(a), DataType::List(b)) => {
            return common_type(a.data_type(), b.data_type()).map(types::list);
        }
        (DataType::Map(..), DataType::Map(..)) => {
            let ((k1, v1), (k2, v2)) = (types::map_parts(&left)?, types::map_parts(&right)?);
            return Some(types::map(common_type(k1, k2)?, common_type(v1, v2)?));
        }
        (DataType::Struct(a), DataType::Struct(b)) if a.len() == b.len() => {
            let fields = a
                .iter()
                .zip(b.iter())
                .map(|(a, b)| {
                    if !a.name().eq_ignore_ascii_case(b.name()) {
                        return None;
                    }
                    Some(Arc::new(Field::new(
                        a.name(),
                        common_type(a.data_type(), b.data_type())?,
                        true,
                    )))
                })
                .collect::<Option<Vec<_>>>()?;
            return Some(DataType::Struct(fields.into()));
        }
        _ => {}
    }
    common_number(&left, &right)
        .or_else(|| Some(Range::of(&left)?.covering(Range::of(&right)?)?.data_type()))
        .or_else(|| common_time(&left, &right))
        .or_else(|| promoted_text(&left, &right))
}

/// The type that holds every value of both types as it is: no text for numbers, no rounding; None when Spark has none.
pub fn tightest_type(left: &DataType, right: &DataType) -> Option<DataType> {
    let (left, right) = (normal_type(left), normal_type(right));
    if left == right {
        return Some(left);
    }
    match (&left, &right) {
        (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
        (DataType::Utf8, _) | (_, DataType::Utf8) => None,
        (DataType::List(a), DataType::List(b)) => tightest_type(a.data_type(), b.data_type()).map(types::list),
        (DataType::Map(..), DataType::Map(..)) => {
            let ((k1, v1), (k2, v2)) = (types::map_parts(&left)?, types::map_parts(&right)?);
            Some(types::map(tightest_type(k1, k2)?, tightest_type(v1, v2)?))
        }
        (DataType::Struct(a), DataType::Struct(b)) if a.len() == b.len() => {
            let fields = a.iter().zip(b.iter()).map(|(a, b)| {
                if !a.name().eq_ignore_ascii_case(b.name()) {
                    return None;
                }
                Some(Field::new(a.name(), tightest_type(a.data_type(), b.data_type())?, true))
            });
            Some(DataType::Struct(fields.collect::<Option<Vec<_>>>()?.into()))
        }
        (decimal, other) | (other, decimal) if types::is_decimal(decimal) => {
            let (precision, scale) = decimal_of(decimal)?;
            let (other_precision, other_scale) = decimal_of(other).filter(|_| types::is_integer(other))?;
            let (whole, other_whole) = (
                i16::from(precision) - i16::from(scale),
                i16::from(other_precision) - i16::from(other_scale),
            );
            (whole >= other_whole && scale >= other_scale).then(|| decimal.clone())
        }
        _ => common_number(&left, &right).or_else(|| common_time(&left, &right)),
    }
}

/// As [`tightest_type`], but decimals may grow and meet floating numbers.
pub fn wider_type_without_text(left: &DataType, right: &DataType) -> Option<DataType> {
    tightest_type(left, right).or_else(|| common_number(left, right))
}

/// Whether the types differ at most in names and nullability of what is nested.
pub fn same_shape(left: &DataType, right: &DataType) -> bool {
    match (left, right) {
        (DataType::List(a), DataType::List(b)) | (DataType::Map(a, _), DataType::Map(b, _)) => {
            same_shape(a.data_type(), b.data_type())
        }
        (DataType::Struct(a), DataType::Struct(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_shape(a.data_type(), b.data_type()))
        }
        _ => left == right,
    }
}

/// The one type of several values; None when Spark has none.
pub fn common_of(of: &[DataType]) -> Option<DataType> {
    // Texts first: the order of the values must not matter.
    let (texts, others): (Vec<_>, Vec<_>) = of.iter().partition(|of| has_text(of));
    texts
        .into_iter()
        .chain(others)
        .try_fold(DataType::Null, |folded, kind| common_type(&folded, kind))
}

/// As [`common_of`], but nothing becomes text for the sake of a text beside it. Rows that differ in the names of their fields
/// take those of the first.
pub fn common_as_written(of: &[DataType]) -> Option<DataType> {
    let known: Vec<&DataType> = of.iter().filter(|of| !of.is_null()).collect();
    let Some(first) = known.first() else {
        return Some(DataType::Null);
    };
    let texts = known.iter().filter(|of| types::is_text(of)).count();
    if texts > 0 && texts < known.len() {
        return None;
    }
    let alike = known.iter().all(|of| same_shape(of, first));
    common_of(of).or_else(|| alike.then(|| (*first).clone()))
}

fn has_text(of: &DataType) -> bool {
    match of {
        DataType::List(element) => has_text(element.data_type()),
        of => types::is_text(of),
    }
}

fn common_time(left: &DataType, right: &DataType) -> Option<DataType> {
    match (left, right) {
        (DataType::Date32, DataType::Timestamp(..)) => Some(right.clone()),
        (DataType::Timestamp(..), DataType::Date32) => Some(left.clone()),
        (DataType::Timestamp(..), DataType::Timestamp(..)) => Some(types::timestamp()),
        _ => None,
    }
}

fn promoted_text(left: &DataType, right: &DataType) -> Option<DataType> {
    let promotes = |of: &DataType| {
        types::is_number(of) || matches!(of, DataType::Date32 | DataType::Timestamp(..)) || types::is_interval(of)
    };
    match (left, right) {
        (DataType::Utf8, other) | (other, DataType::Utf8) if promotes(other) => Some(DataType::Utf8),
        _ => None,
    }
}

/// The type two values are compared in; None when Spark does not compare them.
pub fn comparison_type(left: &DataType, right: &DataType) -> Option<DataType> {
    let (left, right) = (normal_type(left), normal_type(right));
    if left == right {
        return Some(left);
    }
    match (&left, &right) {
        (DataType::Utf8, other) | (other, DataType::Utf8) => match other {
            DataType::Null => Some(DataType::Utf8),
            // No decimal can be picked for text that is not read yet.
            other if types::is_decimal(other) => Some(DataType::Float64),
            other if types::is_number(other) => Some(other.clone()),
            DataType::Boolean | DataType::Binary | DataType::Date32 | DataType::Timestamp(..) => Some(other.clone()),
            _ => None,
        },
        (DataType::Boolean, other) | (other, DataType::Boolean) if types::is_number(other) => Some(other.clone()),
        _ => common_type(&left, &right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DataType as T;

    #[test]
    fn numbers_widen() {
        assert_eq!(common_type(&T::Int32, &T::Int64), Some(T::Int64));
        assert_eq!(common_type(&T::Int64, &T::Float32), Some(T::Float32));
        assert_eq!(
            common_type(&T::Decimal128(10, 2), &T::Int32),
            Some(T::Decimal128(12, 2))
        );
        assert_eq!(common_type(&T::Decimal128(10, 2), &T::Float32), Some(T::Float64));
        assert_eq!(
            common_type(&T::Decimal128(38, 0), &T::Decimal128(38, 10)),
            Some(T::Decimal128(38, 10))
        );
    }

    #[test]
    fn text_wins_in_columns_and_yields_in_comparisons() {
        assert_eq!(common_type(&T::Utf8, &T::Int32), Some(T::Utf8));
        assert_eq!(common_type(&T::Utf8, &T::Boolean), None);
        assert_eq!(comparison_type(&T::Utf8, &T::Int32), Some(T::Int32));
        assert_eq!(comparison_type(&T::Utf8, &T::Decimal128(3, 1)), Some(T::Float64));
        assert_eq!(comparison_type(&T::Utf8, &T::Date32), Some(T::Date32));
        assert_eq!(common_of(&[T::Int32, T::Null, T::Utf8]), Some(T::Utf8));
    }

    #[test]
    fn precision_is_cut_at_38() {
        assert_eq!(adjusted_decimal(40, 10), T::Decimal128(38, 8));
        assert_eq!(adjusted_decimal(60, 30), T::Decimal128(38, 8));
        assert_eq!(adjusted_decimal(77, 36), T::Decimal128(38, 6));
    }
}
