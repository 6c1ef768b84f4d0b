//! One fresh accumulator per aggregate, for one pass over a set of groups.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::GroupsAccumulatorAdapter;

use super::error::StateError;
use super::layout::Layout;

/// Accumulators of all aggregates; groups are numbered from 0.
pub(super) struct Accumulators<'a> {
    layout: &'a Layout,
    accumulators: Vec<Box<dyn GroupsAccumulator>>,
}

impl<'a> Accumulators<'a> {
    pub(super) fn fresh(layout: &'a Layout) -> Result<Self, StateError> {
        let accumulators = layout
            .aggregates
            .iter()
            .map(|function| {
                if function.groups_accumulator_supported() {
                    function.create_groups_accumulator()
                } else {
                    let function = Arc::clone(function);
                    let adapter = GroupsAccumulatorAdapter::new(move || function.create_accumulator());
                    Ok(Box::new(adapter) as Box<dyn GroupsAccumulator>)
                }
            })
            .collect::<Result<_, _>>()
            .map_err(StateError::aggregate("starting"))?;
        Ok(Self { layout, accumulators })
    }

    /// Merges state rows (all aggregates' columns in order) into groups `ids`, of which there are `groups`.
    pub(super) fn merge(&mut self, states: &[ArrayRef], ids: &[usize], groups: usize) -> Result<(), StateError> {
        let mut rest = states;
        for (accumulator, count) in self.accumulators.iter_mut().zip(&self.layout.state_counts) {
            let Some((columns, tail)) = rest.split_at_checked(*count) else {
                return Err(StateError::PartialShape {
                    found: self.layout.keys.len() + states.len(),
                    expected: self.layout.partial.fields().len(),
                });
            };
            accumulator
                .merge_batch(columns, ids, groups)
                .map_err(StateError::aggregate("merging"))?;
            rest = tail;
        }
        Ok(())
    }

    /// The state rows of all groups, in the order of their numbers.
    pub(super) fn into_states(mut self) -> Result<Vec<ArrayRef>, StateError> {
        let mut columns = Vec::with_capacity(self.layout.states.len());
        for accumulator in &mut self.accumulators {
            let states = accumulator
                .state(EmitTo::All)
                .map_err(StateError::aggregate("taking the state"))?;
            columns.extend(states);
        }
        for (column, field) in columns.iter_mut().zip(&self.layout.states) {
            *column = typed(column, field.data_type())?;
        }
        Ok(columns)
    }

    /// The values of all groups, in the order of their numbers.
    pub(super) fn into_values(mut self) -> Result<Vec<ArrayRef>, StateError> {
        let mut columns = Vec::with_capacity(self.accumulators.len());
        for (accumulator, function) in self.accumulators.iter_mut().zip(&self.layout.aggregates) {
            let values = accumulator
                .evaluate(EmitTo::All)
                .map_err(StateError::aggregate("taking the value"))?;
            columns.push(typed(&values, function.field().data_type())?);
        }
        Ok(columns)
    }
}

/// The state of a group without any row: one row of all aggregates' state columns.
pub(super) fn empty_states(layout: &Layout) -> Result<Vec<ArrayRef>, StateError> {
    let mut columns = Vec::with_capacity(layout.states.len());
    for function in &layout.aggregates {
        let state = function.create_accumulator().and_then(|mut empty| empty.state());
        for value in state.map_err(StateError::aggregate("starting"))? {
            columns.push(value.to_array().map_err(StateError::aggregate("starting"))?);
        }
    }
    for (column, field) in columns.iter_mut().zip(&layout.states) {
        *column = typed(column, field.data_type())?;
    }
    Ok(columns)
}

/// Functions may differ from their declaration in a nested field's nullability or a decimal's scale; chunks must not.
fn typed(column: &ArrayRef, data_type: &arrow::datatypes::DataType) -> Result<ArrayRef, StateError> {
    if column.data_type() == data_type {
        return Ok(Arc::clone(column));
    }
    arrow::compute::cast(column, data_type).map_err(StateError::columns("restoring a declared type"))
}
