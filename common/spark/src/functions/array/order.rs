//! Ordering arrays and making them of ranges.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;

use super::parts::{check_orderable, comparable, element_of, range};
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::type_name::spark_type;

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new("sort_array", &[Kind::List, Kind::Any], sort_type, |call| {
            let ascending = if call.args.len() > 1 {
                Some(call.column(1)?)
            } else {
                None
            };
            let descending = |row: usize| {
                ascending
                    .as_ref()
                    .is_some_and(|column| column.is_valid(row) && !column.as_boolean().value(row))
            };
            // Ascending starts with the NULLs, descending ends with them.
            sorted(call, descending, true)
        })
        .required(1)
        .udf(),
        Function::new("array_sort", &[Kind::Any], array_sort_type, |call| {
            sorted(call, |_| false, false)
        })
        .udf(),
        Function::new("reverse", &[Kind::Any], reverse_type, reverse).udf(),
    ]
}

fn sort_type(given: &[DataType]) -> Result<DataType> {
    check_orderable("sort_array", &given[0])?;
    if given.get(1).is_some_and(|of| of != &DataType::Boolean) {
        return plan_err!("function sort_array requires true or false as argument 2");
    }
    Ok(if given[0].is_null() {
        crate::types::list(DataType::Null)
    } else {
        given[0].clone()
    })
}

fn array_sort_type(given: &[DataType]) -> Result<DataType> {
    check_orderable("array_sort", element_of("array_sort", &given[0])?)?;
    Ok(given[0].clone())
}

fn sorted(call: &Call<'_>, descending: impl Fn(usize) -> bool, nulls_first: bool) -> Result<ArrayRef> {
    let container = call.column(0)?;
    let Some(list) = container.as_list_opt::<i32>() else {
        return Ok(container);
    };
    let values = list.values();
    let rows = &comparable(&[Arc::clone(values)])?[0];
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    for row in 0..list.len() {
        let part = &mut order[range(list, row)];
        if nulls_first {
            part.sort_by(|a, b| rows.row(*a as usize).cmp(&rows.row(*b as usize)));
        } else {
            // Only whole elements that are NULL go last, a NULL within an element stays the smallest value.
            let key = |at: u32| (values.is_null(at as usize), rows.row(at as usize));
            part.sort_by(|a, b| key(*a).cmp(&key(*b)));
        }
        if descending(row) {
            part.reverse();
        }
    }
    rebuilt(list, order)
}

/// The list with its elements in another order.
fn rebuilt(list: &ListArray, order: Vec<u32>) -> Result<ArrayRef> {
    let DataType::List(field) = list.data_type() else {
        return Ok(Arc::new(list.clone()));
    };
    let values = take(list.values(), &UInt32Array::from(order), None)?;
    column(ListArray::try_new(
        Arc::clone(field),
        list.offsets().clone(),
        values,
        list.nulls().cloned(),
    )?)
}

fn reverse_type(given: &[DataType]) -> Result<DataType> {
    Ok(match given.first() {
        Some(list @ DataType::List(_)) => list.clone(),
        Some(nested) if nested.is_nested() => {
            return plan_err!("function reverse takes a text or an array, not {}", spark_type(nested));
        }
        _ => DataType::Utf8,
    })
}

fn reverse(call: &Call<'_>) -> Result<ArrayRef> {
    let value = call.column(0)?;
    if let Some(list) = value.as_list_opt::<i32>() {
        let offsets = list.value_offsets();
        let mut order: Vec<u32> = (0..list.values().len() as u32).collect();
        for row in 0..list.len() {
            order[offsets[row] as usize..offsets[row + 1] as usize].reverse();
        }
        return rebuilt(list, order);
    }
    let texts = crate::cast::cast_array(&value, &DataType::Utf8, &call.zone)?;
    let reversed = texts
        .as_string::<i32>()
        .iter()
        .map(|text| Some(text?.chars().rev().collect::<String>()));
    column(reversed.collect::<arrow::array::StringArray>())
}
