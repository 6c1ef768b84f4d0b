//! Ordering arrays and making them of ranges.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array};
use arrow::compute::{SortOptions, take};
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion::logical_expr::ScalarUDF;

use crate::functions::kernel::{Call, Function, Kind, Result, column};

pub fn functions() -> Vec<ScalarUDF> {
    let same = |given: &[DataType]| Ok(given.first().cloned().unwrap_or(DataType::Null));
    vec![
        Function::new("sort_array", &[Kind::List, Kind::Boolean], same, |call| {
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
        Function::new("array_sort", &[Kind::List], same, |call| sorted(call, |_| false, false)).udf(),
        Function::new("reverse", &[Kind::Any], reverse_type, reverse).udf(),
    ]
}

fn sorted(call: &Call<'_>, descending: impl Fn(usize) -> bool, nulls_first: bool) -> Result<ArrayRef> {
    let container = call.column(0)?;
    let Some(list) = container.as_list_opt::<i32>() else {
        return Ok(container);
    };
    let options = SortOptions {
        descending: false,
        nulls_first,
    };
    let converter = RowConverter::new(vec![SortField::new_with_options(list.value_type(), options)])?;
    let rows = converter.convert_columns(std::slice::from_ref(list.values()))?;
    let offsets = list.value_offsets();
    let mut order: Vec<u32> = (0..list.values().len() as u32).collect();
    for row in 0..list.len() {
        let part = &mut order[offsets[row] as usize..offsets[row + 1] as usize];
        part.sort_by(|a, b| rows.row(*a as usize).cmp(&rows.row(*b as usize)));
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
