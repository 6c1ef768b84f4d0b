//! Elements of arrays and values of maps.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, Int64Array, ListArray, MapArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Int32Type};
use arrow::row::{RowConverter, SortField};
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;

use crate::cast::cast_array;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::type_name::spark_type;
use crate::types;

const PAIR: &[Kind] = &[Kind::Any, Kind::Any];

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        get_udf(),
        Function::new("element_at", PAIR, element_type, |call| access(call, element_index)).udf(),
        Function::new("try_element_at", PAIR, element_type, |call| access(call, element_index)).udf(),
        Function::new("size", &[Kind::Any], size_type, |call| size(call, Some(-1)))
            .aliases(&["cardinality"])
            .udf(),
        Function::new(
            "array_size",
            &[Kind::List],
            |_| Ok(DataType::Int32),
            |call| size(call, None),
        )
        .udf(),
        Function::new(
            "array_position",
            &[Kind::List, Kind::Any],
            |_| Ok(DataType::Int64),
            array_position,
        )
        .udf(),
        Function::new(
            "map_contains_key",
            &[Kind::Map, Kind::Any],
            |_| Ok(DataType::Boolean),
            map_contains_key,
        )
        .udf(),
    ]
}

pub fn get_udf() -> ScalarUDF {
    Function::new("get", PAIR, element_type, |call| {
        access(call, |index, length| {
            usize::try_from(index).ok().filter(|at| *at < length)
        })
    })
    .udf()
}

/// An index that counts from 1, or from the end when negative.
fn element_index(index: i32, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let index = i64::from(index);
    let at = if index > 0 { index - 1 } else { length + index };
    (index != 0 && (0..length).contains(&at)).then_some(at as usize)
}

fn element_type(given: &[DataType]) -> Result<DataType> {
    match given {
        [DataType::List(field), index] if types::is_integer(index) || index.is_null() => Ok(field.data_type().clone()),
        [map @ DataType::Map(..), _] => Ok(types::map_parts(map).map_or(DataType::Null, |(_, value)| value.clone())),
        [DataType::Null, _] => Ok(DataType::Null),
        [of, by] => plan_err!("cannot take an element of {} by {}", spark_type(of), spark_type(by)),
        _ => plan_err!("an element is taken by an array or map and one index or key"),
    }
}

fn access(call: &Call<'_>, index: impl Fn(i32, usize) -> Option<usize>) -> Result<ArrayRef> {
    let container = call.column(0)?;
    let key = call.column(1)?;
    match container.data_type() {
        DataType::List(_) => {
            let list = container.as_list::<i32>();
            let indices = cast_array(&key, &DataType::Int32, &call.zone)?;
            let indices = indices.as_primitive::<Int32Type>();
            let offsets = list.value_offsets();
            let picks: UInt32Array = (0..list.len())
                .map(|row| {
                    if list.is_null(row) || indices.is_null(row) {
                        return None;
                    }
                    let (from, until) = (offsets[row], offsets[row + 1]);
                    index(indices.value(row), (until - from) as usize).map(|at| from as u32 + at as u32)
                })
                .collect();
            Ok(take(list.values(), &picks, None)?)
        }
        DataType::Map(..) => {
            let map = container.as_map();
            let found = find_keys(map, &key, call)?;
            Ok(take(map.values(), &found, None)?)
        }
        _ => Ok(arrow::array::new_null_array(call.returns, call.rows)),
    }
}

/// The entry of each row's key; of several entries with the key the last.
fn find_keys(map: &MapArray, keys: &ArrayRef, call: &Call<'_>) -> Result<UInt32Array> {
    let wanted = cast_array(keys, map.key_type(), &call.zone)?;
    let converter = RowConverter::new(vec![SortField::new(map.key_type().clone())])?;
    let entries = converter.convert_columns(std::slice::from_ref(map.keys()))?;
    let wanted_rows = converter.convert_columns(std::slice::from_ref(&wanted))?;
    let offsets = map.value_offsets();
    Ok((0..map.len())
        .map(|row| {
            if map.is_null(row) || wanted.is_null(row) {
                return None;
            }
            let key = wanted_rows.row(row);
            (offsets[row]..offsets[row + 1])
                .rev()
                .find(|at| entries.row(*at as usize) == key)
                .map(|at| at as u32)
        })
        .collect())
}

fn map_contains_key(call: &Call<'_>) -> Result<ArrayRef> {
    let (container, key) = (call.column(0)?, call.column(1)?);
    let map = container.as_map();
    let found = find_keys(map, &key, call)?;
    let answers: BooleanArray = (0..map.len())
        .map(|row| (map.is_valid(row) && key.is_valid(row)).then(|| found.is_valid(row)))
        .collect();
    column(answers)
}

fn size_type(given: &[DataType]) -> Result<DataType> {
    match given {
        [DataType::List(_) | DataType::Map(..) | DataType::Null] => Ok(DataType::Int32),
        [other] => plan_err!(
            "function size requires array or map, but {} was given",
            spark_type(other)
        ),
        _ => plan_err!("function size takes 1 argument"),
    }
}

fn size(call: &Call<'_>, of_null: Option<i32>) -> Result<ArrayRef> {
    let container = call.column(0)?;
    let offsets: &[i32] = match container.data_type() {
        DataType::List(_) => container.as_list::<i32>().value_offsets(),
        DataType::Map(..) => container.as_map().value_offsets(),
        _ => return column(Int32Array::from(vec![of_null; call.rows])),
    };
    let sizes: Int32Array = (0..container.len())
        .map(|row| {
            if container.is_null(row) {
                of_null
            } else {
                Some(offsets[row + 1] - offsets[row])
            }
        })
        .collect();
    column(sizes)
}

/// The first position of a value, counted from 1; 0 when it is not there.
fn array_position(call: &Call<'_>) -> Result<ArrayRef> {
    let container = call.column(0)?;
    let Some(list): Option<&ListArray> = container.as_list_opt::<i32>() else {
        return Ok(arrow::array::new_null_array(&DataType::Int64, call.rows));
    };
    let wanted = cast_array(&call.column(1)?, &list.value_type(), &call.zone)?;
    let converter = RowConverter::new(vec![SortField::new(list.value_type())])?;
    let elements = converter.convert_columns(std::slice::from_ref(list.values()))?;
    let wanted_rows = converter.convert_columns(std::slice::from_ref(&wanted))?;
    let offsets = list.value_offsets();
    let positions: Int64Array = (0..list.len())
        .map(|row| {
            if list.is_null(row) || wanted.is_null(row) {
                return None;
            }
            let key = wanted_rows.row(row);
            let found = (offsets[row]..offsets[row + 1]).find(|at| elements.row(*at as usize) == key);
            Some(found.map_or(0, |at| i64::from(at - offsets[row]) + 1))
        })
        .collect();
    column(positions)
}
