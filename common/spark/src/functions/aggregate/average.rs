//! `avg` of the engine over states of groups without a value.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, UInt64Array};
use arrow::compute::kernels::cmp::eq;
use arrow::compute::nullif;
use arrow::datatypes::UInt64Type;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use crate::functions::Result;

/// Averages whose empty states say so.
///
/// A state written for a query without keys counts 0 values; the engine's merge of keyed states takes every count that is not NULL
/// for a group with values, and would answer NaN.
pub struct Averages(pub Box<dyn GroupsAccumulator>);

impl GroupsAccumulator for Averages {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.0.update_batch(values, groups, filter, total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.0.evaluate(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.0.state(emit_to)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        let [counts, sums] = values else {
            return self.0.merge_batch(values, groups, total);
        };
        let none = eq(counts.as_primitive::<UInt64Type>(), &UInt64Array::new_scalar(0))?;
        if none.true_count() == 0 {
            return self.0.merge_batch(values, groups, total);
        }
        let counts = nullif(counts, &none)?;
        self.0.merge_batch(&[counts, Arc::clone(sums)], groups, total)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.0.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
