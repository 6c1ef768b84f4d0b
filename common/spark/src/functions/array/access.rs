//! Elements of arrays and values of maps.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, MapArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Int32Type};
use datafusion::common::{exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::parts::equatable;
use crate::cast::cast_array;
use crate::coerce::tightest_type;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::type_name::spark_type;
use crate::types;

const PAIR: &[Kind] = &[Kind::Any, Kind::Any];

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        get_udf(),
        Function::new("element_at", PAIR, |given| strict_type("element_at", given), element_at).udf(),
        Function::new(
            "try_element_at",
            PAIR,
            |given| strict_type("try_element_at", given),
            element_at,
        )
        .udf(),
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
        Function::new("map_contains_key", PAIR, contains_key_type, map_contains_key).udf(),
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

/// As [`element_type`], but an index has to be INT and a key of the type of the map's keys.
fn strict_type(function: &str, given: &[DataType]) -> Result<DataType> {
    match given {
        [
            DataType::List(field),
            DataType::Int8 | DataType::Int16 | DataType::Int32,
        ] => Ok(field.data_type().clone()),
        [map @ DataType::Map(..), key] => match types::map_parts(map) {
            Some((own, value)) if tightest_type(own, key).is_some() => Ok(value.clone()),
            _ => differ(function, map, key),
        },
        [of, by] => plan_err!(
            "function {function} requires an array and an int, or a map and a key, but {} and {} were given",
            spark_type(of),
            spark_type(by)
        ),
        _ => plan_err!("function {function} takes 2 arguments"),
    }
}

fn differ<T>(function: &str, map: &DataType, key: &DataType) -> Result<T> {
    plan_err!(
        "function {function} requires a map and a key of its keys' type, but {} and {} were given",
        spark_type(map),
        spark_type(key)
    )
}

fn contains_key_type(given: &[DataType]) -> Result<DataType> {
    match (types::map_parts(&given[0]), &given[1]) {
        (Some((own, _)), key) if !key.is_null() && tightest_type(own, key).is_some() => Ok(DataType::Boolean),
        _ => differ("map_contains_key", &given[0], &given[1]),
    }
}

fn element_at(call: &Call<'_>) -> Result<ArrayRef> {
    let (container, index) = (call.column(0)?, call.column(1)?);
    if container.as_list_opt::<i32>().is_some() {
        let index = cast_array(&index, &DataType::Int32, &call.zone)?;
        let index = index.as_primitive::<Int32Type>();
        if (0..call.rows).any(|row| container.is_valid(row) && index.is_valid(row) && index.value(row) == 0) {
            return exec_err!("positions in an array count from 1, or from -1 at its end; 0 was given");
        }
    }
    access(call, element_index)
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

/// The entry of each row's key; of several entries with the key the first.
fn find_keys(map: &MapArray, keys: &ArrayRef, call: &Call<'_>) -> Result<UInt32Array> {
    let wanted = cast_array(keys, map.key_type(), &call.zone)?;
    let rows = equatable(&[Arc::clone(map.keys()), Arc::clone(&wanted)])?;
    let [entries, wanted_rows] = rows.as_slice() else {
        return plan_err!("a map and a key are required");
    };
    let offsets = map.value_offsets();
    Ok((0..map.len())
        .map(|row| {
            if map.is_null(row) || wanted.is_null(row) {
                return None;
            }
            let key = wanted_rows.row(row);
            (offsets[row]..offsets[row + 1])
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
