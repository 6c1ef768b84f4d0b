//! `median`, `percentile` and `percentile_approx`, over all values of a group. The approximate one is exact here: it gives a value
//! of the group, as Spark does below its accuracy.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, StructArray, UInt32Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{SortOptions, sort, take};
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::collect::{Finish, collecting};
use super::frame::Making;
use crate::cast::cast_array;
use crate::functions::Result;
use crate::interval::{self, Range};
use crate::type_name::spark_type;
use crate::types;
use crate::zone::Tz;

pub fn exact_type(args: &[DataType]) -> Result<DataType> {
    let own = args
        .first()
        .and_then(Range::of)
        .map_or(DataType::Float64, |range| range.widest().data_type());
    Ok(if several(args) { types::list(own) } else { own })
}

pub fn approx_type(args: &[DataType]) -> Result<DataType> {
    let own = match args.first() {
        Some(text) if types::is_text(text) => DataType::Float64,
        Some(own)
            if types::is_number(own)
                || own.is_null()
                || Range::of(own).is_some()
                || matches!(own, DataType::Date32 | DataType::Timestamp(..)) =>
        {
            own.clone()
        }
        other => {
            let name = other.map(spark_type).unwrap_or_default();
            return plan_err!("percentile_approx takes numbers, dates, timestamps and intervals, but {name} was given");
        }
    };
    Ok(if several(args) { types::list(own) } else { own })
}

fn several(args: &[DataType]) -> bool {
    matches!(args.get(1), Some(DataType::List(_)))
}

/// State of `percentile` with a frequency: the values beside their frequencies.
pub fn exact_state(args: &[DataType]) -> Vec<DataType> {
    match args.len() {
        3 => vec![types::list(weighted_value())],
        _ => super::collect::state(args),
    }
}

fn weighted_value() -> DataType {
    DataType::Struct(Fields::from(vec![
        Field::new("value", DataType::Float64, true),
        Field::new("frequency", DataType::Int64, true),
    ]))
}

pub fn median(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    collecting(making, false, |lists, making| {
        answers(lists, making, |values| values.interpolated(0.5))
    })
}

pub fn exact(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    percentages(making)?;
    let finish: Finish = |lists, making| {
        let wanted = percentages(making)?;
        by_percentage(lists, &wanted, making, Sorted::interpolated)
    };
    if making.args.len() < 3 {
        return collecting(making, making.distinct, finish);
    }
    let mut weighted = making.clone();
    weighted.args[0] = weighted_value();
    Ok(Box::new(Weighted {
        inner: collecting(&weighted, making.distinct, finish)?,
    }))
}

/// `percentile_cont`: value, percentage, and whether the order is descending.
pub fn continuous(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    percentages(making)?;
    collecting(making, making.distinct, |lists, making| {
        let wanted: Vec<f64> = match is_descending(making) {
            true => percentages(making)?.iter().map(|percentage| 1.0 - percentage).collect(),
            false => percentages(making)?,
        };
        by_percentage(lists, &wanted, making, Sorted::interpolated)
    })
}

/// `percentile_disc`: the first value at or after the share of the ordered values.
pub fn discrete(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    percentages(making)?;
    collecting(making, making.distinct, |lists, making| {
        let wanted = percentages(making)?;
        let pick = match is_descending(making) {
            true => |values: &Sorted, share: f64| values.at_rank(values.count + 1 - values.rank(share)),
            false => |values: &Sorted, share: f64| values.at_rank(values.rank(share)),
        };
        by_percentage(lists, &wanted, making, pick)
    })
}

fn is_descending(making: &Making) -> bool {
    matches!(making.constants.get(2), Some(Some(ScalarValue::Boolean(Some(true)))))
}

/// One double a group, or a list of them when a list of percentages was asked for.
fn by_percentage(
    lists: &ListArray,
    wanted: &[f64],
    making: &Making,
    pick: fn(&Sorted, f64) -> f64,
) -> Result<ArrayRef> {
    if !several(&making.args) {
        let share = wanted.first().copied().unwrap_or_default();
        return answers(lists, making, |values| pick(values, share));
    }
    let mut picked = Vec::new();
    let mut present = Vec::with_capacity(lists.len());
    for group in 0..lists.len() {
        let values = Sorted::of(&lists.value(group));
        if values.count > 0 {
            wanted.iter().for_each(|share| picked.push(pick(&values, *share)));
        }
        present.push(values.count > 0 && !wanted.is_empty());
    }
    let picked = in_own_type(picked.into(), making)?;
    let field = Arc::new(Field::new_list_field(picked.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(present.iter().map(|present| if *present { wanted.len() } else { 0 }));
    Ok(Arc::new(ListArray::try_new(
        field,
        offsets,
        picked,
        Some(present.into()),
    )?))
}

fn answers(lists: &ListArray, making: &Making, pick: impl Fn(&Sorted) -> f64) -> Result<ArrayRef> {
    let picked = (0..lists.len()).map(|group| {
        let values = Sorted::of(&lists.value(group));
        (values.count > 0).then(|| pick(&values))
    });
    in_own_type(picked.collect(), making)
}

/// Percentiles of intervals are intervals, of their whole months or microseconds.
fn in_own_type(picked: Float64Array, making: &Making) -> Result<ArrayRef> {
    match making.args.first().and_then(Range::of) {
        Some(range) => {
            let amounts: Int64Array = picked.unary(|amount| amount as i64);
            Ok(interval::column(&amounts, range.widest())?)
        }
        None => Ok(Arc::new(picked)),
    }
}

/// Numbers, and the months or microseconds of intervals.
fn doubles(values: &ArrayRef) -> Float64Array {
    match Range::of(values.data_type()) {
        Some(_) => interval::amounts(values).unary(|amount| amount as f64),
        None => values.as_primitive::<Float64Type>().clone(),
    }
}

/// The values of a group in order; each with the number of values up to its last repetition.
struct Sorted {
    values: Vec<(f64, i64)>,
    count: i64,
}

impl Sorted {
    fn of(group: &ArrayRef) -> Self {
        let mut values: Vec<(f64, i64)> = match group.as_struct_opt() {
            Some(weighted) => {
                let frequencies = weighted.column(1).as_primitive::<Int64Type>();
                let values = weighted.column(0).as_primitive::<Float64Type>();
                values
                    .values()
                    .iter()
                    .copied()
                    .zip(frequencies.values().iter().copied())
                    .collect()
            }
            None => {
                let values = doubles(group);
                values.values().iter().map(|value| (*value, 1)).collect()
            }
        };
        values.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut count = 0;
        for (_, frequency) in &mut values {
            count += *frequency;
            *frequency = count;
        }
        Self { values, count }
    }

    /// The value of a rank that counts from 1.
    fn at_rank(&self, rank: i64) -> f64 {
        let at = self.values.partition_point(|(_, until)| *until < rank);
        self.values
            .get(at)
            .or(self.values.last())
            .map_or(f64::NAN, |value| value.0)
    }

    /// The rank of the first value at or after a share of all.
    fn rank(&self, share: f64) -> i64 {
        ((share * self.count as f64).ceil() as i64).clamp(1, self.count.max(1))
    }

    /// The value at a fraction of the way through, between two neighbours in proportion.
    fn interpolated(&self, share: f64) -> f64 {
        let position = (self.count - 1) as f64 * share;
        let (lower, higher) = (position.floor(), position.ceil());
        let (low, high) = (self.at_rank(lower as i64 + 1), self.at_rank(higher as i64 + 1));
        if lower == higher || low == high {
            low
        } else {
            (higher - position) * low + (position - lower) * high
        }
    }
}

/// Brings values and frequencies together; values that come no time or are NULL are left out.
struct Weighted {
    inner: Box<dyn GroupsAccumulator>,
}

impl Weighted {
    fn weighted(values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
        let frequencies = values[2].as_primitive::<Int64Type>();
        if let Some(negative) = frequencies.iter().flatten().find(|frequency| *frequency < 0) {
            return exec_err!("the frequency of percentile must not be negative, {negative} was given");
        }
        let kept: NullBuffer = (0..values[0].len())
            .map(|row| values[0].is_valid(row) && frequencies.is_valid(row) && frequencies.value(row) > 0)
            .collect();
        let DataType::Struct(fields) = weighted_value() else {
            return exec_err!("values beside their frequencies are a struct");
        };
        let columns: Vec<ArrayRef> = vec![Arc::new(doubles(&values[0])), Arc::clone(&values[2])];
        Ok(vec![Arc::new(StructArray::try_new(fields, columns, Some(kept))?)])
    }
}

impl GroupsAccumulator for Weighted {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.inner.update_batch(&Self::weighted(values)?, groups, filter, total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.inner.evaluate(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.inner.merge_batch(values, groups, total)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(&Self::weighted(values)?, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}

pub fn approx(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    percentages(making)?;
    if let Some(Some(accuracy)) = making.constants.get(2) {
        let accuracy = cast_array(&accuracy.to_array()?, &DataType::Int64, &Tz::UTC)?;
        let accuracy = accuracy.as_primitive::<Int64Type>();
        if accuracy.is_null(0) || !(1..=i64::from(i32::MAX)).contains(&accuracy.value(0)) {
            return exec_err!(
                "the accuracy of percentile_approx is a whole number between 1 and {}",
                i32::MAX
            );
        }
    }
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
        let nulls: NullBuffer = sorted_groups
            .iter()
            .map(|values| !values.is_empty() && !wanted.is_empty())
            .collect();
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
