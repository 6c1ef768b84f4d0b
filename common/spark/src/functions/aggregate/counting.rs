//! `count_if`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::frame::{Making, emitted, passing, rows_to_state};
use crate::functions::Result;

pub fn state(_: &[DataType]) -> Vec<DataType> {
    vec![DataType::Int64]
}

pub fn count_if(_: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(Box::new(CountIf::default()))
}

#[derive(Default)]
struct CountIf {
    counts: Vec<i64>,
}

impl CountIf {
    fn grow(&mut self, total: usize) {
        if self.counts.len() < total {
            self.counts.resize(total, 0);
        }
    }
}

impl GroupsAccumulator for CountIf {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.grow(total);
        let tests = values[0].as_boolean();
        for (row, group) in passing(groups, filter) {
            if tests.is_valid(row) && tests.value(row) {
                self.counts[group] += 1;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let count = emitted(emit_to, self.counts.len());
        Ok(Arc::new(self.counts.drain(..count).collect::<Int64Array>()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.grow(total);
        let counts = values[0].as_primitive::<Int64Type>();
        for (row, group) in groups.iter().enumerate() {
            if counts.is_valid(row) {
                self.counts[*group] += counts.value(row);
            }
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        rows_to_state(Self::default(), values, filter)
    }

    fn size(&self) -> usize {
        self.counts.capacity() * size_of::<i64>()
    }
}
