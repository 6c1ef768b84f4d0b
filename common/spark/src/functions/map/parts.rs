//! Keys, values and entries of maps.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, new_null_array};
use arrow::datatypes::{DataType, Field};
use datafusion::logical_expr::ScalarUDF;

use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::types;

const MAP: &[Kind] = &[Kind::Map];

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new(
            "map_keys",
            MAP,
            |given| Ok(types::list(key_and_value(&given[0]).0)),
            |call| parts(call, |map| Arc::clone(map.keys())),
        )
        .udf(),
        Function::new(
            "map_values",
            MAP,
            |given| Ok(types::list(key_and_value(&given[0]).1)),
            |call| parts(call, |map| Arc::clone(map.values())),
        )
        .udf(),
        Function::new("map_entries", MAP, entries_type, |call| {
            parts(call, |map| Arc::new(map.entries().clone()))
        })
        .udf(),
    ]
}

/// Types of keys and values; those of NULL without a type have none either.
fn key_and_value(of: &DataType) -> (DataType, DataType) {
    types::map_parts(of).map_or((DataType::Null, DataType::Null), |(key, value)| {
        (key.clone(), value.clone())
    })
}

fn entries_type(given: &[DataType]) -> Result<DataType> {
    let (key, value) = key_and_value(&given[0]);
    // Nullable, although no key is NULL: what is done with the entries does not know where they came from.
    let fields = vec![Field::new("key", key, true), Field::new("value", value, true)];
    Ok(types::list(DataType::Struct(fields.into())))
}

/// A list for each map of what `values` holds for all entries.
fn parts(call: &Call<'_>, values: fn(&MapArray) -> ArrayRef) -> Result<ArrayRef> {
    let container = call.column(0)?;
    let (Some(map), DataType::List(field)) = (container.as_map_opt(), call.returns) else {
        return Ok(new_null_array(call.returns, call.rows));
    };
    let values = values(map);
    let values: ArrayRef = match (field.data_type(), values.as_struct_opt()) {
        (DataType::Struct(fields), Some(entries)) if entries.fields() != fields => {
            let columns = entries.columns().to_vec();
            Arc::new(StructArray::try_new_with_length(
                fields.clone(),
                columns,
                None,
                entries.len(),
            )?)
        }
        _ => values,
    };
    column(ListArray::try_new(
        Arc::clone(field),
        map.offsets().clone(),
        values,
        map.nulls().cloned(),
    )?)
}
