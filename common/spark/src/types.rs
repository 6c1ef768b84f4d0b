//! Spark's types as Arrow types, built in one place so that nested field names agree everywhere.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};

use crate::interval::Range;

/// Largest precision of a decimal.
pub const DECIMAL_PRECISION_MAX: u8 = 38;
/// Scale kept at least when a decimal result must be cut to [`DECIMAL_PRECISION_MAX`] digits.
pub const DECIMAL_ADJUSTED_SCALE_MIN: i16 = 6;

/// Spark's TIMESTAMP: an instant, microseconds since the epoch.
pub fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Spark's TIMESTAMP_NTZ: a local date and time, in microseconds.
pub fn timestamp_ntz() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

/// ARRAY of `element`, elements nullable.
pub fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

/// MAP from `key` to `value`, values nullable.
pub fn map(key: DataType, value: DataType) -> DataType {
    let entries = DataType::Struct(map_fields(key, value));
    DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
}

/// The two fields of a map's entries.
pub fn map_fields(key: DataType, value: DataType) -> Fields {
    Fields::from(vec![Field::new("key", key, false), Field::new("value", value, true)])
}

/// Key and value types of a map type.
pub fn map_parts(of: &DataType) -> Option<(&DataType, &DataType)> {
    match of {
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => Some((fields[0].data_type(), fields[1].data_type())),
            _ => None,
        },
        _ => None,
    }
}

/// Element type of an array type.
pub fn element(of: &DataType) -> Option<&DataType> {
    match of {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            Some(field.data_type())
        }
        _ => None,
    }
}

/// Whether values are text.
pub fn is_text(of: &DataType) -> bool {
    matches!(of, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Whether values are bytes.
pub fn is_binary(of: &DataType) -> bool {
    matches!(
        of,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)
    )
}

/// Whether values are whole numbers of a fixed width.
pub fn is_integer(of: &DataType) -> bool {
    of.is_integer()
}

/// Whether values are decimals.
pub fn is_decimal(of: &DataType) -> bool {
    matches!(
        of,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..)
    ) && Range::of(of).is_none()
}

/// Whether values are numbers of any kind.
pub fn is_number(of: &DataType) -> bool {
    of.is_integer() || matches!(of, DataType::Float32 | DataType::Float64) || is_decimal(of)
}

/// Whether values are intervals, of fixed fields or of the calendar.
pub fn is_interval(of: &DataType) -> bool {
    Range::of(of).is_some() || matches!(of, DataType::Interval(_) | DataType::Duration(_))
}

/// Whether the type is a map or holds one.
pub fn has_map(of: &DataType) -> bool {
    match of {
        DataType::Map(..) => true,
        DataType::List(element) => has_map(element.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_map(field.data_type())),
        _ => false,
    }
}
