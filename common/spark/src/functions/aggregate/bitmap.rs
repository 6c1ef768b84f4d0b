//! `bitmap_construct_agg` and `bitmap_or_agg`: 32768 bits a group.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::exec_err;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::frame::{Making, emitted, passing, rows_to_state};
use crate::functions::Result;

/// Bytes of a bitmap.
const BYTES: usize = 4096;

pub fn state(_: &[DataType]) -> Vec<DataType> {
    vec![DataType::Binary]
}

/// Sets the bits at the given positions.
pub fn construct(_: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(Box::new(Bitmaps {
        positions: true,
        bitmaps: Vec::new(),
    }))
}

/// Joins bitmaps.
pub fn union(_: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(Box::new(Bitmaps {
        positions: false,
        bitmaps: Vec::new(),
    }))
}

struct Bitmaps {
    positions: bool,
    bitmaps: Vec<Vec<u8>>,
}

impl Bitmaps {
    fn grow(&mut self, total: usize) {
        if self.bitmaps.len() < total {
            self.bitmaps.resize(total, vec![0; BYTES]);
        }
    }

    fn join(&mut self, group: usize, other: &[u8]) {
        for (own, other) in self.bitmaps[group].iter_mut().zip(other) {
            *own |= other;
        }
    }
}

impl GroupsAccumulator for Bitmaps {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.grow(total);
        let values = &values[0];
        for (row, group) in passing(groups, filter) {
            if values.is_null(row) {
                continue;
            }
            if !self.positions {
                self.join(group, values.as_binary::<i32>().value(row));
                continue;
            }
            let position = values.as_primitive::<Int64Type>().value(row);
            match usize::try_from(position) {
                Ok(at) if at < BYTES * 8 => self.bitmaps[group][at / 8] |= 1 << (at % 8),
                _ => return exec_err!("a bitmap has positions from 0 to {}, not {position}", BYTES * 8 - 1),
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let count = emitted(emit_to, self.bitmaps.len());
        let mut builder = BinaryBuilder::with_capacity(count, count * BYTES);
        self.bitmaps
            .drain(..count)
            .for_each(|bitmap| builder.append_value(bitmap));
        Ok(Arc::new(builder.finish()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.grow(total);
        let states = values[0].as_binary::<i32>();
        for (row, group) in groups.iter().enumerate() {
            if states.is_valid(row) {
                self.join(*group, states.value(row));
            }
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let each = Self {
            positions: self.positions,
            bitmaps: Vec::new(),
        };
        rows_to_state(each, values, filter)
    }

    fn size(&self) -> usize {
        self.bitmaps.len() * (BYTES + size_of::<Vec<u8>>())
    }
}
