//! Arrays made of parts: `array`, `array_insert` and its kin, `array_repeat`, `slice`, `flatten`, `arrays_zip`, concatenation.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StringBuilder, StructArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{concat, interleave, take};
use arrow::datatypes::{DataType, Field, Fields, Int32Type};
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::parts::{Picked, check_length, element_of, list_of, range};
use super::sets::merged;
use crate::cast::cast_array;
use crate::coerce::common_of;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::type_name::spark_type;
use crate::types;

const ELEMENT_LAST: &[Kind] = &[Kind::Any, Kind::Any];

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new("array", &[Kind::Any], array_type, make_list)
            .aliases(&["make_array"])
            .variadic()
            .udf(),
        Function::new(
            "array_append",
            ELEMENT_LAST,
            |given| merged("array_append", given),
            |call| insert(call, 1, |_, length| Some(length as i64)),
        )
        .udf(),
        Function::new(
            "array_prepend",
            ELEMENT_LAST,
            |given| merged("array_prepend", given),
            |call| insert(call, 1, |_, _| Some(0)),
        )
        .udf(),
        Function::new(
            "array_insert",
            &[Kind::Any, Kind::Any, Kind::Any],
            |given| {
                check_int("array_insert", &given[1])?;
                merged("array_insert", &[given[0].clone(), given[2].clone()])
            },
            array_insert,
        )
        .udf(),
        Function::new(
            "array_repeat",
            &[Kind::Any, Kind::Any],
            |given| {
                if !given[1].is_null() {
                    check_int("array_repeat", &given[1])?;
                }
                Ok(types::list(given[0].clone()))
            },
            repeat,
        )
        .udf(),
        Function::new(
            "slice",
            &[Kind::List, Kind::Int, Kind::Int],
            |given| Ok(of_null(&given[0])),
            slice,
        )
        .udf(),
        Function::new("array_join", &[Kind::Any, Kind::Text, Kind::Text], join_type, join)
            .required(2)
            .udf(),
        Function::new("flatten", &[Kind::List], flatten_type, flatten).udf(),
        Function::new(
            "arrays_zip",
            &[Kind::Any],
            |_| plan_err!("the names of arrays_zip's fields are missing"),
            zip,
        )
        .variadic()
        .returns_by_constants(zip_type)
        .udf(),
    ]
}

fn of_null(given: &DataType) -> DataType {
    if given.is_null() {
        types::list(DataType::Null)
    } else {
        given.clone()
    }
}

/// Spark widens to INT here, it does not narrow.
fn check_int(function: &str, given: &DataType) -> Result<()> {
    match given {
        DataType::Int8 | DataType::Int16 | DataType::Int32 => Ok(()),
        other => plan_err!(
            "function {function} requires int as argument 2, but {} was given",
            spark_type(other)
        ),
    }
}

fn array_type(given: &[DataType]) -> Result<DataType> {
    match common_of(given) {
        Some(common) => Ok(types::list(common)),
        None => {
            let given: Vec<String> = given.iter().map(spark_type).collect();
            plan_err!(
                "the elements of an array need one type, here they are {}",
                given.join(", ")
            )
        }
    }
}

/// `array(a, b, ...)`: argument `i` of a row is its element `i`.
fn make_list(call: &Call<'_>) -> Result<ArrayRef> {
    let DataType::List(field) = call.returns else {
        return plan_err!("an array is built");
    };
    let columns = (0..call.args.len())
        .map(|at| Ok(cast_array(&call.column(at)?, field.data_type(), &call.zone)?))
        .collect::<Result<Vec<_>>>()?;
    let values = match columns.as_slice() {
        [] => arrow::array::new_empty_array(field.data_type()),
        [one] => Arc::clone(one),
        many => {
            let many: Vec<&dyn Array> = many.iter().map(AsRef::as_ref).collect();
            let places: Vec<(usize, usize)> = (0..call.rows)
                .flat_map(|row| (0..many.len()).map(move |at| (at, row)))
                .collect();
            interleave(&many, &places)?
        }
    };
    let lengths = std::iter::repeat_n(columns.len(), call.rows);
    column(ListArray::try_new(
        Arc::clone(field),
        OffsetBuffer::from_lengths(lengths),
        values,
        None,
    )?)
}

fn array_insert(call: &Call<'_>) -> Result<ArrayRef> {
    let positions = cast_array(&call.column(1)?, &DataType::Int32, &call.zone)?;
    let positions = positions.as_primitive::<Int32Type>();
    if (0..call.rows).any(|row| positions.is_valid(row) && positions.value(row) == 0) {
        return exec_err!("array positions count from 1, 0 was given");
    }
    insert(call, 2, |row, length| {
        if positions.is_null(row) {
            return None;
        }
        match i64::from(positions.value(row)) {
            position if position > 0 => Some(position - 1),
            // -1 is the place behind the last element.
            position => Some(length as i64 + position + 1),
        }
    })
}

/// Puts an element (argument `element_at`) at a place of each array, NULLs filling a gap before it; NULL where there is no place.
fn insert(call: &Call<'_>, element_at: usize, place: impl Fn(usize, usize) -> Option<i64>) -> Result<ArrayRef> {
    let element = element_of("array_insert", call.returns)?;
    let list = list_of(call, 0, element)?;
    let added = cast_array(&call.column(element_at)?, element, &call.zone)?;
    let olds = list.values().len();
    let values = concat(&[list.values().as_ref(), added.as_ref()])?;
    let mut picked = Picked::with_capacity(call.rows);
    for row in 0..call.rows {
        let old = range(&list, row);
        let Some(at) = place(row, old.len()).filter(|_| list.is_valid(row)) else {
            picked.null();
            continue;
        };
        if at < 0 {
            // Before the beginning: the element first, then NULLs, then the array.
            picked.push(olds + row);
            picked.gap(at.unsigned_abs() as usize);
            picked.extend(old);
        } else {
            let at = at as usize;
            let head = at.min(old.len());
            picked.extend(old.start..old.start + head);
            picked.gap(at - head);
            picked.push(olds + row);
            picked.extend(old.start + head..old.end);
        }
        check_length("array_insert", picked.len())?;
        picked.close();
    }
    picked.finish(&values, call.returns)
}

fn repeat(call: &Call<'_>) -> Result<ArrayRef> {
    let counts = cast_array(&call.column(1)?, &DataType::Int32, &call.zone)?;
    let counts = counts.as_primitive::<Int32Type>();
    let mut picked = Picked::with_capacity(call.rows);
    for row in 0..call.rows {
        if counts.is_null(row) {
            picked.null();
            continue;
        }
        let count = usize::try_from(counts.value(row)).unwrap_or(0);
        check_length("array_repeat", count)?;
        for _ in 0..count {
            picked.push(row);
        }
        picked.close();
    }
    picked.finish(&call.column(0)?, call.returns)
}

fn slice(call: &Call<'_>) -> Result<ArrayRef> {
    let list = list_of(call, 0, element_of("slice", call.returns)?)?;
    let (starts, lengths) = (call.column(1)?, call.column(2)?);
    let (starts, lengths) = (starts.as_primitive::<Int32Type>(), lengths.as_primitive::<Int32Type>());
    let mut picked = Picked::with_capacity(call.rows);
    for row in 0..call.rows {
        if list.is_null(row) || starts.is_null(row) || lengths.is_null(row) {
            picked.null();
            continue;
        }
        let (start, length) = (i64::from(starts.value(row)), i64::from(lengths.value(row)));
        if start == 0 {
            return exec_err!("slice: positions in an array count from 1, 0 was given");
        }
        if length < 0 {
            return exec_err!("slice: a length of 0 or more is required, {length} was given");
        }
        let all = range(&list, row);
        let from = if start > 0 { start - 1 } else { all.len() as i64 + start };
        if (0..all.len() as i64).contains(&from) {
            let until = (from + length).min(all.len() as i64);
            picked.extend(all.start + from as usize..all.start + until as usize);
        }
        picked.close();
    }
    picked.finish(list.values(), call.returns)
}

fn join_type(given: &[DataType]) -> Result<DataType> {
    match &given[0] {
        DataType::Null => Ok(DataType::Utf8),
        list if element_of("array_join", list)?.is_nested() => plan_err!(
            "function array_join requires an array of texts, but {} was given",
            spark_type(list)
        ),
        _ => Ok(DataType::Utf8),
    }
}

/// The elements as one text; NULLs are left out unless there is a text for them.
fn join(call: &Call<'_>) -> Result<ArrayRef> {
    let list = list_of(call, 0, &DataType::Utf8)?;
    let (elements, between) = (list.values().as_string::<i32>(), call.text(1)?);
    let for_null = (call.args.len() > 2).then(|| call.text(2)).transpose()?;
    let mut out = StringBuilder::with_capacity(call.rows, elements.value_data().len());
    let mut text = String::new();
    for row in 0..call.rows {
        if list.is_null(row) || between.is_null(row) || for_null.as_ref().is_some_and(|texts| texts.is_null(row)) {
            out.append_null();
            continue;
        }
        text.clear();
        let for_null = for_null.as_ref().map(|texts| texts.value(row));
        let parts = range(&list, row).filter_map(|at| {
            if elements.is_valid(at) {
                Some(elements.value(at))
            } else {
                for_null
            }
        });
        for (i, part) in parts.enumerate() {
            if i > 0 {
                text.push_str(between.value(row));
            }
            text.push_str(part);
        }
        out.append_value(&text);
    }
    column(out.finish())
}

fn flatten_type(given: &[DataType]) -> Result<DataType> {
    match element_of("flatten", &given[0])? {
        inner @ DataType::List(_) => Ok(inner.clone()),
        other => plan_err!(
            "function flatten requires an array of arrays, its elements are {}",
            spark_type(other)
        ),
    }
}

/// NULL where one of the inner arrays is.
fn flatten(call: &Call<'_>) -> Result<ArrayRef> {
    let outer = list_of(call, 0, call.returns)?;
    let inner = outer.values().as_list::<i32>();
    let mut picked = Picked::with_capacity(call.rows);
    for row in 0..call.rows {
        if outer.is_null(row) || range(&outer, row).any(|at| inner.is_null(at)) {
            picked.null();
            continue;
        }
        for at in range(&outer, row) {
            picked.extend(range(inner, at));
        }
        picked.close();
    }
    picked.finish(inner.values(), call.returns)
}

/// Arguments are a name and an array in turn.
fn zip_type(given: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    let mut fields = Vec::with_capacity(given.len() / 2);
    for (pair, constant) in given.chunks(2).zip(constants.chunks(2)) {
        let (Some(Some(ScalarValue::Utf8(Some(name)))), [_, array]) = (constant.first(), pair) else {
            return plan_err!("arrays_zip takes names and arrays in turn");
        };
        let element = match array {
            DataType::Null => &DataType::Null,
            array => element_of("arrays_zip", array)?,
        };
        fields.push(Field::new(name, element.clone(), true));
    }
    Ok(types::list(DataType::Struct(fields.into())))
}

/// Arrays side by side, the shorter ones filled with NULL; NULL where one of them is.
fn zip(call: &Call<'_>) -> Result<ArrayRef> {
    let DataType::List(field) = call.returns else {
        return plan_err!("arrays_zip gives an array");
    };
    let DataType::Struct(fields) = field.data_type() else {
        return plan_err!("arrays_zip gives an array of structs");
    };
    let lists = fields
        .iter()
        .enumerate()
        .map(|(at, field)| list_of(call, 2 * at + 1, field.data_type()))
        .collect::<Result<Vec<_>>>()?;
    let nulls = lists
        .iter()
        .fold(None, |nulls, list| NullBuffer::union(nulls.as_ref(), list.nulls()));
    let longest = |row: usize| {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return 0;
        }
        lists.iter().map(|list| range(list, row).len()).max().unwrap_or(0)
    };
    let lengths: Vec<usize> = (0..call.rows).map(longest).collect();
    let total = lengths.iter().sum();
    let columns = lists
        .iter()
        .map(|list| {
            let picks: UInt32Array = lengths
                .iter()
                .enumerate()
                .flat_map(|(row, length)| {
                    let own = range(list, row);
                    (0..*length).map(move |at| (at < own.len()).then(|| (own.start + at) as u32))
                })
                .collect();
            Ok(take(list.values(), &picks, None)?)
        })
        .collect::<Result<Vec<_>>>()?;
    let rows = StructArray::try_new_with_length(Fields::clone(fields), columns, None, total)?;
    column(ListArray::try_new(
        Arc::clone(field),
        OffsetBuffer::from_lengths(lengths),
        Arc::new(rows),
        nulls,
    )?)
}
