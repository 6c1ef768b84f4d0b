//! The engine's types for what files hold.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use millstream_spark::type_name::spark_type;

use crate::error::StoreError;

/// The engine's type for a type found in a file.
pub(super) fn engine_type(found: &DataType) -> DataType {
    let inner =
        |field: &FieldRef, name: &str| Arc::new(Field::new(name, engine_type(field.data_type()), field.is_nullable()));
    match found {
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Date64 => DataType::Date32,
        // Unsigned numbers get the next wider type that holds all of them.
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Dictionary(_, value) => engine_type(value),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            DataType::List(inner(item, "item"))
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| inner(field, field.name())).collect()),
        DataType::Map(entries, sorted) => match entries.data_type() {
            DataType::Struct(pair) => {
                let pair = pair.iter().map(|field| inner(field, field.name())).collect();
                DataType::Map(
                    Arc::new(Field::new(entries.name(), DataType::Struct(pair), false)),
                    *sorted,
                )
            }
            _ => found.clone(),
        },
        other => other.clone(),
    }
}

/// The column a schema wants, from the one a file has; all null when it has none.
pub(super) fn fit(file: &str, found: Option<&ArrayRef>, wanted: &Field, rows: usize) -> Result<ArrayRef, StoreError> {
    let Some(found) = found else {
        return Ok(new_null_array(wanted.data_type(), rows));
    };
    if found.data_type() == wanted.data_type() {
        return Ok(Arc::clone(found));
    }
    let misfit = |reason: String| StoreError::BadFile {
        file: file.to_owned(),
        line: None,
        column: Some(wanted.name().clone()),
        reason,
    };
    let types = || {
        (
            spark_type(&engine_type(found.data_type())),
            spark_type(wanted.data_type()),
        )
    };
    // Arrow would also wrap a value in a list.
    let nested_differs = found.data_type().is_nested() != wanted.data_type().is_nested();
    if nested_differs || !can_cast_types(found.data_type(), wanted.data_type()) {
        let (has, wants) = types();
        return Err(misfit(format!(
            "the file has {has}, the declared type is {wants}: declare it as {has}"
        )));
    }
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(found, wanted.data_type(), &strict).map_err(|error| {
        let (has, wants) = types();
        misfit(format!(
            "a value of type {has} does not fit the declared {wants}: {error}"
        ))
    })
}
