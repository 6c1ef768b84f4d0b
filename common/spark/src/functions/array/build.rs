//! Arrays and maps made of parts: `sequence`, `array_insert`, `array_prepend`, `map_concat`.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int64Array, ListArray, MapArray, MutableArrayData, StructArray, make_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type};
use datafusion::common::{exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use crate::cast::cast_array;
use crate::coerce::{common_number, common_of, common_type};
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::type_name::spark_type;
use crate::types;

/// Elements a sequence has at most, as in Java's arrays.
const SEQUENCE_LENGTH_MAX: i64 = i32::MAX as i64 - 15;

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new("sequence", &[Kind::Any, Kind::Any, Kind::Any], sequence_type, sequence)
            .required(2)
            .udf(),
        Function::new("array_prepend", &[Kind::List, Kind::Any], with_element, |call| {
            insert(call, |_, _| Some(0), 1)
        })
        .udf(),
        Function::new(
            "array_insert",
            &[Kind::List, Kind::Int, Kind::Any],
            |given| with_element(&[given[0].clone(), given[2].clone()]),
            array_insert,
        )
        .udf(),
        Function::new("map_concat", &[Kind::Map], map_type, map_concat)
            .variadic()
            .udf(),
    ]
}

fn sequence_type(given: &[DataType]) -> Result<DataType> {
    match given {
        [DataType::Date32, DataType::Date32, ..] => Ok(types::list(DataType::Date32)),
        [from, until, ..] => match common_number(from, until) {
            Some(common) if types::is_integer(&common) => Ok(types::list(common)),
            _ => plan_err!(
                "function sequence takes whole numbers or dates, not {} and {}",
                spark_type(from),
                spark_type(until)
            ),
        },
        _ => plan_err!("function sequence takes 2 or 3 arguments"),
    }
}

fn sequence(call: &Call<'_>) -> Result<ArrayRef> {
    let as_longs = |at: usize| -> Result<Int64Array> {
        let values = call.column(at)?;
        if let Some(days) = values.as_primitive_opt::<Date32Type>() {
            return Ok(days.unary(i64::from));
        }
        Ok(cast_array(&values, &DataType::Int64, &call.zone)?
            .as_primitive::<Int64Type>()
            .clone())
    };
    let (from, until) = (as_longs(0)?, as_longs(1)?);
    let is_date = call.returns == &types::list(DataType::Date32);
    let steps = match call.args.len() {
        2 => None,
        _ if is_date => return exec_err!("sequence of dates with a step is not supported"),
        _ => Some(as_longs(2)?),
    };
    let mut elements = Vec::new();
    let mut lengths = Vec::with_capacity(call.rows);
    let mut valid = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let missing = from.is_null(row) || until.is_null(row) || steps.as_ref().is_some_and(|steps| steps.is_null(row));
        valid.push(!missing);
        if missing {
            lengths.push(0);
            continue;
        }
        let (start, end) = (from.value(row), until.value(row));
        let step = steps
            .as_ref()
            .map_or(if start <= end { 1 } else { -1 }, |steps| steps.value(row));
        let span = i128::from(end) - i128::from(start);
        if span != 0 && (step == 0 || (span > 0) != (step > 0)) {
            return exec_err!("sequence cannot go from {start} to {end} by {step}");
        }
        let length = if span == 0 { 1 } else { span / i128::from(step) + 1 };
        if length > i128::from(SEQUENCE_LENGTH_MAX) {
            return exec_err!("sequence from {start} to {end} by {step} is too long");
        }
        elements.extend((0..length as i64).map(|at| start + at * step));
        lengths.push(length as usize);
    }
    let values: ArrayRef = if is_date {
        Arc::new(elements.iter().map(|day| Some(*day as i32)).collect::<Date32Array>())
    } else {
        Arc::new(Int64Array::from(elements))
    };
    let DataType::List(field) = call.returns else {
        return plan_err!("a sequence is an array");
    };
    let values = cast_array(&values, field.data_type(), &call.zone)?;
    column(ListArray::try_new(
        Arc::clone(field),
        OffsetBuffer::from_lengths(lengths),
        values,
        Some(NullBuffer::from(valid)),
    )?)
}

/// The type of an array with one more element.
fn with_element(given: &[DataType]) -> Result<DataType> {
    match given {
        [DataType::List(field), element] => match common_type(field.data_type(), element) {
            Some(common) => Ok(types::list(common)),
            None => plan_err!("{} does not fit into {}", spark_type(element), spark_type(&given[0])),
        },
        [DataType::Null, _] => Ok(DataType::Null),
        _ => plan_err!("an array and an element are required"),
    }
}

fn array_insert(call: &Call<'_>) -> Result<ArrayRef> {
    let positions = call.column(1)?;
    let positions = positions.as_primitive::<Int32Type>();
    insert(
        call,
        |row, length| {
            let position = i64::from(positions.value(row));
            let length = length as i64;
            match position {
                0 => None,
                position if position > 0 => Some(position - 1),
                // -1 is the place behind the last element.
                position => Some(length + position + 1),
            }
        },
        2,
    )
}

/// Puts an element (argument `element_at`) at a place of each array, NULLs filling a gap before it.
fn insert(call: &Call<'_>, place: impl Fn(usize, usize) -> Option<i64>, element_at: usize) -> Result<ArrayRef> {
    let DataType::List(field) = call.returns else {
        return Ok(arrow::array::new_null_array(call.returns, call.rows));
    };
    let container = cast_array(&call.column(0)?, call.returns, &call.zone)?;
    let list = container.as_list::<i32>();
    let added = cast_array(&call.column(element_at)?, field.data_type(), &call.zone)?;
    let (old, new) = (list.values().to_data(), added.to_data());
    let mut merged = MutableArrayData::new(vec![&old, &new], true, old.len() + new.len());
    let offsets = list.value_offsets();
    let mut lengths = Vec::with_capacity(list.len());
    for row in 0..list.len() {
        if list.is_null(row) {
            lengths.push(0);
            continue;
        }
        let (from, until) = (offsets[row] as usize, offsets[row + 1] as usize);
        let length = until - from;
        let Some(at) = place(row, length) else {
            return exec_err!("array positions count from 1, 0 was given");
        };
        if at < 0 {
            // Before the beginning: the element first, then NULLs, then the array.
            merged.try_extend(1, row, row + 1)?;
            let gap = at.unsigned_abs() as usize;
            merged.try_extend_nulls(gap)?;
            merged.try_extend(0, from, until)?;
            lengths.push(length + 1 + gap);
            continue;
        }
        let at = at as usize;
        let (head, gap) = (at.min(length), at.saturating_sub(length));
        merged.try_extend(0, from, from + head)?;
        merged.try_extend_nulls(gap)?;
        merged.try_extend(1, row, row + 1)?;
        merged.try_extend(0, from + head, until)?;
        lengths.push(length + gap + 1);
    }
    let values = make_array(merged.freeze());
    column(ListArray::try_new(
        Arc::clone(field),
        OffsetBuffer::from_lengths(lengths),
        values,
        list.nulls().cloned(),
    )?)
}

fn map_type(given: &[DataType]) -> Result<DataType> {
    match common_of(given) {
        Some(common @ DataType::Map(..)) => Ok(common),
        _ if given.is_empty() => Ok(types::map(DataType::Utf8, DataType::Utf8)),
        _ => plan_err!("function map_concat takes maps of one type"),
    }
}

fn map_concat(call: &Call<'_>) -> Result<ArrayRef> {
    let DataType::Map(entries_field, sorted) = call.returns else {
        return plan_err!("map_concat gives a map");
    };
    let DataType::Struct(fields) = entries_field.data_type() else {
        return plan_err!("a map has keys and values");
    };
    let parts = (0..call.args.len())
        .map(|at| {
            Ok(cast_array(&call.column(at)?, call.returns, &call.zone)?
                .as_map()
                .clone())
        })
        .collect::<Result<Vec<MapArray>>>()?;
    let data: Vec<_> = parts.iter().map(|part| part.entries().to_data()).collect();
    let mut merged = MutableArrayData::new(data.iter().collect(), false, 0);
    let nulls = parts.iter().fold(None, |nulls: Option<NullBuffer>, part| {
        NullBuffer::union(nulls.as_ref(), part.nulls())
    });
    let mut lengths = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let mut length = 0;
        if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
            for (at, part) in parts.iter().enumerate() {
                let (from, until) = (
                    part.value_offsets()[row] as usize,
                    part.value_offsets()[row + 1] as usize,
                );
                merged.try_extend(at, from, until)?;
                length += until - from;
            }
        }
        lengths.push(length);
    }
    let entries = make_array(merged.freeze());
    let entries = StructArray::try_new(fields.clone(), entries.as_struct().columns().to_vec(), None)?;
    column(MapArray::try_new(
        Arc::clone(entries_field),
        OffsetBuffer::from_lengths(lengths),
        entries,
        nulls,
        *sorted,
    )?)
}
