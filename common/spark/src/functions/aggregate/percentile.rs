//! `median`, `percentile` and `percentile_approx`, over all values of a group. The approximate one is exact here: it gives a value
//! of the group, as Spark does below its accuracy.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Float64Builder, ListArray, ListBuilder, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{SortOptions, sort, take};
use arrow::datatypes::{DataType, Field, Float64Type};
use chrono_tz::Tz;
use datafusion::common::{ScalarValue, exec_err};
use datafusion::logical_expr::GroupsAccumulator;

use super::collect::collecting;
use super::frame::Making;
use crate::cast::cast_array;
use crate::functions::Result;
use crate::types;

pub fn exact_type(args: &[DataType]) -> Result<DataType> {
    Ok(if several(args) {
        types::list(DataType::Float64)
    } else {
        DataType::Float64
    })
}

pub fn approx_type(args: &[DataType]) -> Result<DataType> {
    let own = args.first().cloned().unwrap_or(DataType::Null);
    Ok(if several(args) { types::list(own) } else { own })
}

fn several(args: &[DataType]) -> bool {
    matches!(args.get(1), Some(DataType::List(_)))
}

pub fn median(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    collecting(making, making.distinct, |lists, _| {
        let medians: Float64Array = (0..lists.len())
            .map(|group| interpolated(&sorted(lists, group), 0.5))
            .collect();
        Ok(Arc::new(medians))
    })
}

pub fn exact(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    percentages(making)?;
    collecting(making, making.distinct, |lists, making| {
        let wanted = percentages(making)?;
        if !several(&making.args) {
            let answers: Float64Array = (0..lists.len())
                .map(|group| interpolated(&sorted(lists, group), wanted[0]))
                .collect();
            return Ok(Arc::new(answers));
        }
        let mut builder =
            ListBuilder::new(Float64Builder::new()).with_field(Field::new_list_field(DataType::Float64, true));
        for group in 0..lists.len() {
            let values = sorted(lists, group);
            for percentage in &wanted {
                builder.values().append_option(interpolated(&values, *percentage));
            }
            builder.append(!values.is_empty());
        }
        Ok(Arc::new(builder.finish()))
    })
}

pub fn approx(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    percentages(making)?;
    collecting(making, making.distinct, |lists, making| {
        let wanted = percentages(making)?;
        let mut picks: Vec<Option<u32>> = Vec::with_capacity(lists.len() * wanted.len());
        let mut sorted_groups: Vec<ArrayRef> = Vec::with_capacity(lists.len());
        let mut start = 0u32;
        for group in 0..lists.len() {
            let values = sort(
                &lists.value(group),
                Some(SortOptions {
                    descending: false,
                    nulls_first: false,
                }),
            )?;
            let n = values.len();
            for percentage in &wanted {
                let rank = (percentage * n as f64).ceil().max(1.0) as u32;
                picks.push((n > 0).then(|| start + rank - 1));
            }
            start += n as u32;
            sorted_groups.push(values);
        }
        let chunks: Vec<&dyn Array> = sorted_groups.iter().map(AsRef::as_ref).collect();
        let all = if chunks.is_empty() {
            lists.values().slice(0, 0)
        } else {
            arrow::compute::concat(&chunks)?
        };
        let picked = take(&all, &UInt32Array::from(picks), None)?;
        if !several(&making.args) {
            return Ok(picked);
        }
        let field = Arc::new(Field::new_list_field(picked.data_type().clone(), true));
        let offsets = OffsetBuffer::from_lengths(vec![wanted.len(); lists.len()]);
        let nulls: NullBuffer = sorted_groups.iter().map(|values| !values.is_empty()).collect();
        Ok(Arc::new(ListArray::try_new(field, offsets, picked, Some(nulls))?))
    })
}

/// The constant percentages asked for, each between 0 and 1.
fn percentages(making: &Making) -> Result<Vec<f64>> {
    let Some(Some(constant)) = making.constants.get(1) else {
        return exec_err!("the percentage must be a constant");
    };
    let values = match constant {
        ScalarValue::List(list) => list.value(0),
        single => single.to_array()?,
    };
    let values = cast_array(&values, &DataType::Float64, &Tz::UTC)?;
    let values = values.as_primitive::<Float64Type>();
    if values.null_count() > 0 || values.values().iter().any(|value| !(0.0..=1.0).contains(value)) {
        return exec_err!("percentages must be between 0.0 and 1.0, {constant} was given");
    }
    Ok(values.values().to_vec())
}

fn sorted(lists: &ListArray, group: usize) -> Vec<f64> {
    let mut values = lists.value(group).as_primitive::<Float64Type>().values().to_vec();
    values.sort_by(f64::total_cmp);
    values
}

/// The value at a fraction of the way through sorted values, between two neighbours in proportion.
fn interpolated(sorted: &[f64], percentage: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = last as f64 * percentage;
    let (lower, higher) = (position.floor(), position.ceil());
    let (low, high) = (sorted[lower as usize], sorted[higher as usize]);
    Some(if lower == higher || low == high {
        low
    } else {
        (higher - position) * low + (position - lower) * high
    })
}
