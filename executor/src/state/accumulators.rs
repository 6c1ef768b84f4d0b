//! One fresh accumulator per aggregate, for one pass over a set of groups.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, new_null_array};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::GroupsAccumulatorAdapter;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;

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
            .map(accumulator)
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

fn accumulator(function: &Arc<AggregateFunctionExpr>) -> datafusion::error::Result<Box<dyn GroupsAccumulator>> {
    if function.groups_accumulator_supported() {
        return function.create_groups_accumulator();
    }
    let function = Arc::clone(function);
    Ok(Box::new(GroupsAccumulatorAdapter::new(move || {
        function.create_accumulator()
    })))
}

/// The state of a group without any row: one row of all aggregates' state columns. It is that of a group whose only row is
/// filtered out: the state of an accumulator for single groups may look different.
pub(super) fn empty_states(layout: &Layout) -> Result<Vec<ArrayRef>, StateError> {
    let none = BooleanArray::from(vec![false]);
    let mut columns = Vec::with_capacity(layout.states.len());
    for (function, arguments) in layout.aggregates.iter().zip(&layout.arguments) {
        let row: Vec<ArrayRef> = arguments.iter().map(|of| new_null_array(of, 1)).collect();
        let state = accumulator(function).and_then(|mut empty| {
            empty.update_batch(&row, &[0], Some(&none), 1)?;
            empty.state(EmitTo::All)
        });
        columns.extend(state.map_err(StateError::aggregate("starting"))?);
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
