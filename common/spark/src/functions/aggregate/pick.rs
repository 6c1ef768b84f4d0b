//! Aggregates that pick one row's value of each group: `first`, `last`, `max_by`, `min_by`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, new_empty_array};
use arrow::compute::interleave;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::frame::{Making, emitted, passing, rows_to_state};
use crate::functions::Result;

/// Chunks kept before the picked rows are copied together and the rest is let go.
const CHUNKS_MAX: usize = 16;

pub fn state(args: &[DataType]) -> Vec<DataType> {
    vec![args.first().cloned().unwrap_or(DataType::Null), DataType::Boolean]
}

pub fn extreme_state(args: &[DataType]) -> Vec<DataType> {
    args.iter().take(2).cloned().collect()
}

pub fn first(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(Box::new(FirstLast::new(making, false)))
}

pub fn last(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(Box::new(FirstLast::new(making, true)))
}

pub fn max_by(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(Box::new(Extreme::new(making, true)?))
}

pub fn min_by(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(Box::new(Extreme::new(making, false)?))
}

/// One picked row per group, referring into the arrays it came in; nothing is copied until it is emitted.
struct Picked {
    chunks: Vec<ArrayRef>,
    /// Chunk and row of each group's value; chunk 0 holds one NULL, which stands for no value.
    picks: Vec<(usize, usize)>,
}

const NOTHING: (usize, usize) = (0, 0);

impl Picked {
    fn new(kind: &DataType) -> Self {
        Self {
            chunks: vec![arrow::array::new_null_array(kind, 1)],
            picks: Vec::new(),
        }
    }

    fn grow(&mut self, total: usize) {
        if self.picks.len() < total {
            self.picks.resize(total, NOTHING);
        }
    }

    /// Adds an array that picks may refer to and returns its number.
    fn add(&mut self, values: &ArrayRef) -> Result<usize> {
        if self.chunks.len() > CHUNKS_MAX {
            let kept = self.gather(self.picks.len())?;
            self.chunks.truncate(1);
            self.chunks.push(kept);
            for (group, pick) in self.picks.iter_mut().enumerate() {
                *pick = (1, group);
            }
        }
        self.chunks.push(Arc::clone(values));
        Ok(self.chunks.len() - 1)
    }

    fn gather(&self, count: usize) -> Result<ArrayRef> {
        if count == 0 {
            return Ok(new_empty_array(self.chunks[0].data_type()));
        }
        let chunks: Vec<&dyn Array> = self.chunks.iter().map(AsRef::as_ref).collect();
        Ok(interleave(&chunks, &self.picks[..count])?)
    }

    fn emit(&mut self, count: usize) -> Result<ArrayRef> {
        let out = self.gather(count)?;
        self.picks.drain(..count);
        if self.picks.is_empty() {
            self.chunks.truncate(1);
        }
        Ok(out)
    }

    fn size(&self) -> usize {
        self.chunks
            .iter()
            .map(|chunk| chunk.get_array_memory_size())
            .sum::<usize>()
            + self.picks.capacity() * size_of::<(usize, usize)>()
    }
}

struct FirstLast {
    kind: DataType,
    picked: Picked,
    set: Vec<bool>,
    last: bool,
    ignore_nulls: bool,
}

impl FirstLast {
    fn new(making: &Making, last: bool) -> Self {
        let kind = making.args.first().cloned().unwrap_or(DataType::Null);
        Self {
            picked: Picked::new(&kind),
            set: Vec::new(),
            last,
            ignore_nulls: making.ignore_nulls,
            kind,
        }
    }

    fn take(&mut self, values: &ArrayRef, rows: impl Iterator<Item = (usize, usize)>, total: usize) -> Result<()> {
        self.picked.grow(total);
        if self.set.len() < total {
            self.set.resize(total, false);
        }
        if values.is_empty() {
            return Ok(());
        }
        let chunk = self.picked.add(values)?;
        for (row, group) in rows {
            if (self.last || !self.set[group]) && !(self.ignore_nulls && values.is_null(row)) {
                self.set[group] = true;
                self.picked.picks[group] = (chunk, row);
            }
        }
        Ok(())
    }
}

impl GroupsAccumulator for FirstLast {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.take(&values[0], passing(groups, filter), total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let count = emitted(emit_to, self.picked.picks.len());
        self.set.drain(..count);
        self.picked.emit(count)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let count = emitted(emit_to, self.picked.picks.len());
        let set: BooleanArray = self.set.drain(..count).map(Some).collect();
        Ok(vec![self.picked.emit(count)?, Arc::new(set)])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        let set = values[1].as_boolean();
        self.take(&values[0], passing(groups, Some(set)), total)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let each = Self {
            kind: self.kind.clone(),
            picked: Picked::new(&self.kind),
            set: Vec::new(),
            last: self.last,
            ignore_nulls: self.ignore_nulls,
        };
        rows_to_state(each, &values[..1], filter)
    }

    fn size(&self) -> usize {
        self.picked.size() + self.set.capacity()
    }
}

/// Keeps the value beside the largest or smallest key; of equal keys the later row wins, rows without a key do not count.
struct Extreme {
    value: DataType,
    key: DataType,
    values: Picked,
    keys: Picked,
    best: Vec<Option<Box<[u8]>>>,
    converter: RowConverter,
    largest: bool,
}

impl Extreme {
    fn new(making: &Making, largest: bool) -> Result<Self> {
        let value = making.args.first().cloned().unwrap_or(DataType::Null);
        let key = making.args.get(1).cloned().unwrap_or(DataType::Null);
        Self::of(value, key, largest)
    }

    fn of(value: DataType, key: DataType, largest: bool) -> Result<Self> {
        let converter = RowConverter::new(vec![SortField::new(key.clone())])?;
        Ok(Self {
            values: Picked::new(&value),
            keys: Picked::new(&key),
            best: Vec::new(),
            converter,
            largest,
            value,
            key,
        })
    }

    fn take(&mut self, columns: &[ArrayRef], rows: impl Iterator<Item = (usize, usize)>, total: usize) -> Result<()> {
        self.values.grow(total);
        self.keys.grow(total);
        if self.best.len() < total {
            self.best.resize(total, None);
        }
        let (values, keys) = (&columns[0], &columns[1]);
        if keys.is_empty() {
            return Ok(());
        }
        let encoded = self.converter.convert_columns(std::slice::from_ref(keys))?;
        let value_chunk = self.values.add(values)?;
        let key_chunk = self.keys.add(keys)?;
        for (row, group) in rows {
            if keys.is_null(row) {
                continue;
            }
            let key = encoded.row(row);
            let wins = match &self.best[group] {
                None => true,
                Some(best) if self.largest => key.as_ref() >= best.as_ref(),
                Some(best) => key.as_ref() <= best.as_ref(),
            };
            if wins {
                self.best[group] = Some(key.as_ref().into());
                self.values.picks[group] = (value_chunk, row);
                self.keys.picks[group] = (key_chunk, row);
            }
        }
        Ok(())
    }
}

impl GroupsAccumulator for Extreme {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.take(values, passing(groups, filter), total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.state(emit_to)?.swap_remove(0))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let count = emitted(emit_to, self.best.len());
        self.best.drain(..count);
        Ok(vec![self.values.emit(count)?, self.keys.emit(count)?])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.take(values, passing(groups, None), total)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        rows_to_state(
            Self::of(self.value.clone(), self.key.clone(), self.largest)?,
            values,
            filter,
        )
    }

    fn size(&self) -> usize {
        self.values.size() + self.keys.size() + self.best.iter().flatten().map(|key| key.len() + 16).sum::<usize>()
    }
}
