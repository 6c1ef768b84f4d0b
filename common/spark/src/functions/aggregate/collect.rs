//! Aggregates over all values of a group: `collect_list`, `collect_set`, `mode`, and the base of the percentiles. NULLs are left
//! out. The state is one list per group.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, UInt32Array, new_empty_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field};
use arrow::row::{RowConverter, SortField};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::frame::{Make, Making, emitted, passing, rows_to_state};
use super::set_order::in_table_order;
use crate::functions::Result;
use crate::types;

/// Turns the lists of the groups into the answer.
pub type Finish = fn(&ListArray, &Making) -> Result<ArrayRef>;

pub fn state(args: &[DataType]) -> Vec<DataType> {
    vec![types::list(args.first().cloned().unwrap_or(DataType::Null))]
}

pub fn list(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    collecting(making, false, |lists, _| Ok(Arc::new(lists.clone())))
}

pub fn set(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    let mut collected = Collected::new(making.clone(), true, |lists, _| Ok(Arc::new(lists.clone())));
    collected.in_table_order = true;
    Ok(Box::new(collected))
}

pub fn mode(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    collecting(making, false, |lists, _| most_frequent(lists))
}

/// Makes an accumulator that keeps all values, or all different ones, and finishes them.
pub fn collecting(making: &Making, distinct: bool, finish: Finish) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(Box::new(Collected::new(making.clone(), distinct, finish)))
}

/// Makes an accumulator that keeps the different values of each group and hands them to another one in the end.
pub fn distinct_first(making: &Making, make: Make) -> Result<Box<dyn GroupsAccumulator>> {
    let collected = Collected::new(making.clone(), true, |lists, _| Ok(Arc::new(lists.clone())));
    Ok(Box::new(DistinctFirst { collected, make }))
}

struct DistinctFirst {
    collected: Collected,
    make: Make,
}

impl GroupsAccumulator for DistinctFirst {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.collected.update_batch(values, groups, filter, total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let lists = self.collected.emit(emit_to)?;
        let offsets = lists.value_offsets();
        let groups: Vec<usize> = (0..lists.len())
            .flat_map(|group| std::iter::repeat_n(group, (offsets[group + 1] - offsets[group]) as usize))
            .collect();
        let mut inner = (self.make)(&self.collected.making)?;
        inner.update_batch(&[Arc::clone(lists.values())], &groups, None, lists.len())?;
        inner.evaluate(EmitTo::All)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.collected.state(emit_to)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.collected.merge_batch(values, groups, total)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.collected.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.collected.size()
    }
}

struct Collected {
    making: Making,
    element: DataType,
    distinct: bool,
    /// Whether the different values come in the order of Spark's hash table.
    in_table_order: bool,
    finish: Finish,
    /// Values in the order of their arrival, and the group of each.
    chunks: Vec<ArrayRef>,
    groups: Vec<usize>,
    total: usize,
}

impl Collected {
    fn new(making: Making, distinct: bool, finish: Finish) -> Self {
        let element = making.args.first().cloned().unwrap_or(DataType::Null);
        Self {
            making,
            element,
            distinct,
            in_table_order: false,
            finish,
            chunks: Vec::new(),
            groups: Vec::new(),
            total: 0,
        }
    }

    fn add(&mut self, values: &ArrayRef, rows: impl Iterator<Item = (usize, usize)>) -> Result<()> {
        let mut kept = Vec::new();
        for (row, group) in rows {
            if values.is_valid(row) {
                kept.push(row as u32);
                self.groups.push(group);
            }
        }
        if kept.len() == values.len() {
            self.chunks.push(Arc::clone(values));
        } else if !kept.is_empty() {
            self.chunks.push(take(values, &UInt32Array::from(kept), None)?);
        }
        Ok(())
    }

    /// Takes the lists of the first groups out.
    fn emit(&mut self, emit_to: EmitTo) -> Result<ListArray> {
        let count = emitted(emit_to, self.total);
        let values = self.all_values()?;
        let mut ends = vec![0usize; self.total + 1];
        for group in &self.groups {
            ends[group + 1] += 1;
        }
        for group in 0..self.total {
            ends[group + 1] += ends[group];
        }
        // A counting sort keeps the order of arrival within a group.
        let mut next = ends.clone();
        let mut order = vec![0u32; self.groups.len()];
        for (row, group) in self.groups.iter().enumerate() {
            order[next[*group]] = row as u32;
            next[*group] += 1;
        }
        let lengths: Vec<usize> = (0..count).map(|group| ends[group + 1] - ends[group]).collect();
        let (now, later) = order.split_at(ends[count]);
        let (now, lengths) = if self.distinct {
            deduplicated(&values, now, &lengths)?
        } else {
            (now.to_vec(), lengths)
        };
        let now = match self.in_table_order {
            true => in_table_order(&values, now, &lengths),
            false => now,
        };
        let taken = take(&values, &UInt32Array::from(now), None)?;
        self.keep(&values, later, count)?;
        let field = Arc::new(Field::new_list_field(self.element.clone(), true));
        Ok(ListArray::try_new(
            field,
            OffsetBuffer::from_lengths(lengths),
            taken,
            None,
        )?)
    }

    fn keep(&mut self, values: &ArrayRef, rows: &[u32], emitted: usize) -> Result<()> {
        self.groups = rows.iter().map(|row| self.groups[*row as usize] - emitted).collect();
        self.chunks.clear();
        if !rows.is_empty() {
            self.chunks.push(take(values, &UInt32Array::from(rows.to_vec()), None)?);
        }
        self.total -= emitted;
        Ok(())
    }

    fn all_values(&self) -> Result<ArrayRef> {
        match self.chunks.as_slice() {
            [] => Ok(new_empty_array(&self.element)),
            [one] => Ok(Arc::clone(one)),
            many => {
                let chunks: Vec<&dyn Array> = many.iter().map(AsRef::as_ref).collect();
                Ok(concat(&chunks)?)
            }
        }
    }
}

/// Keeps the first of equal values of each group.
fn deduplicated(values: &ArrayRef, order: &[u32], lengths: &[usize]) -> Result<(Vec<u32>, Vec<usize>)> {
    let converter = RowConverter::new(vec![SortField::new(values.data_type().clone())])?;
    let rows = converter.convert_columns(std::slice::from_ref(values))?;
    let mut kept = Vec::with_capacity(order.len());
    let mut kept_lengths = Vec::with_capacity(lengths.len());
    let mut seen = HashSet::new();
    let mut at = 0;
    for length in lengths {
        seen.clear();
        let before = kept.len();
        for row in &order[at..at + length] {
            if seen.insert(rows.row(*row as usize)) {
                kept.push(*row);
            }
        }
        at += length;
        kept_lengths.push(kept.len() - before);
    }
    Ok((kept, kept_lengths))
}

/// The value each list holds most often, the earliest of several; NULL for an empty list.
fn most_frequent(lists: &ListArray) -> Result<ArrayRef> {
    let converter = RowConverter::new(vec![SortField::new(lists.value_type())])?;
    let rows = converter.convert_columns(std::slice::from_ref(lists.values()))?;
    let offsets = lists.value_offsets();
    let mut picks: Vec<Option<u32>> = Vec::with_capacity(lists.len());
    for list in 0..lists.len() {
        let mut counts: HashMap<_, (usize, usize)> = HashMap::new();
        for at in offsets[list] as usize..offsets[list + 1] as usize {
            counts.entry(rows.row(at)).or_insert((0, at)).0 += 1;
        }
        let best = counts
            .values()
            .max_by_key(|(count, first)| (*count, std::cmp::Reverse(*first)));
        picks.push(best.map(|(_, first)| *first as u32));
    }
    Ok(take(lists.values(), &UInt32Array::from(picks), None)?)
}

impl GroupsAccumulator for Collected {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.total = self.total.max(total);
        self.add(&values[0], passing(groups, filter))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let lists = self.emit(emit_to)?;
        (self.finish)(&lists, &self.making)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(self.emit(emit_to)?)])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.total = self.total.max(total);
        let lists = values[0].as_list::<i32>();
        let offsets = lists.value_offsets();
        let mut rows = Vec::with_capacity(lists.values().len());
        for (row, group) in groups.iter().enumerate() {
            if lists.is_valid(row) {
                rows.extend((offsets[row] as usize..offsets[row + 1] as usize).map(|at| (at, *group)));
            }
        }
        self.add(lists.values(), rows.into_iter())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        rows_to_state(Self::new(self.making.clone(), false, self.finish), values, filter)
    }

    fn size(&self) -> usize {
        self.chunks
            .iter()
            .map(|chunk| chunk.get_array_memory_size())
            .sum::<usize>()
            + self.groups.capacity() * size_of::<usize>()
    }
}
