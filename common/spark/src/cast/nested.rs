//! Casts of arrays, maps and structs: element by element, structs by position.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray};
use arrow::datatypes::DataType;

use super::cast_array;
use crate::SparkError;
use crate::zone::Tz;

/// Casts a nested column to a nested type of the same shape.
pub fn cast_nested(array: &ArrayRef, to: &DataType, tz: &Tz) -> Result<ArrayRef, SparkError> {
    match to {
        DataType::List(field) => {
            let list = array.as_list::<i32>();
            let values = cast_array(list.values(), field.data_type(), tz)?;
            Ok(Arc::new(ListArray::try_new(
                Arc::clone(field),
                list.offsets().clone(),
                values,
                list.nulls().cloned(),
            )?))
        }
        DataType::Struct(fields) => {
            let row = array.as_struct();
            let columns = row
                .columns()
                .iter()
                .zip(fields.iter())
                .map(|(column, field)| cast_array(column, field.data_type(), tz))
                .collect::<Result<Vec<_>, _>>()?;
            // A failed cast makes NULLs, whatever the source field promised.
            let fields = fields
                .iter()
                .map(|field| Arc::new(field.as_ref().clone().with_nullable(true)))
                .collect();
            Ok(Arc::new(StructArray::try_new_with_length(
                fields,
                columns,
                row.nulls().cloned(),
                row.len(),
            )?))
        }
        DataType::Map(entries_field, sorted) => {
            let map = array.as_map();
            let DataType::Struct(fields) = entries_field.data_type() else {
                return Err(SparkError::NoCast {
                    from: array.data_type().clone(),
                    to: to.clone(),
                });
            };
            let columns = map
                .entries()
                .columns()
                .iter()
                .zip(fields.iter())
                .map(|(column, field)| cast_array(column, field.data_type(), tz))
                .collect::<Result<Vec<_>, _>>()?;
            let entries = StructArray::try_new(fields.clone(), columns, None)?;
            Ok(Arc::new(MapArray::try_new(
                Arc::clone(entries_field),
                map.offsets().clone(),
                entries,
                map.nulls().cloned(),
                *sorted,
            )?))
        }
        _ => Err(SparkError::NoCast {
            from: array.data_type().clone(),
            to: to.clone(),
        }),
    }
}
