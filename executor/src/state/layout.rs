//! Which columns a state has: group keys first, then each aggregate's state columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimestampMicrosecondType};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use millstream_plan::spec::EventTimeKey;

use super::error::StateError;

/// The shape of one query's state, taken from its partial aggregate.
#[derive(Debug)]
pub struct Layout {
    /// Aggregates in output order.
    pub(super) aggregates: Vec<Arc<AggregateFunctionExpr>>,
    /// Types of each aggregate's arguments, those it is ordered by behind them.
    pub(super) arguments: Vec<Vec<DataType>>,
    /// Group columns.
    pub(super) keys: Vec<FieldRef>,
    /// State columns of all aggregates, in order.
    pub(super) states: Vec<FieldRef>,
    /// State columns of each aggregate: their number.
    pub(super) state_counts: Vec<usize>,
    /// Group columns, then one column per aggregate: what [`super::Table::stage`] emits.
    pub(super) output: SchemaRef,
    /// Columns of partial rows: group columns, then state columns.
    pub(super) partial: SchemaRef,
    /// The group column that holds event time.
    pub(super) event_time: Option<EventTimeKey>,
}

impl Layout {
    /// Reads the layout off `plan`, whose root must be an `AggregateExec` in partial mode.
    ///
    /// # Errors
    /// [`StateError::NotAnAggregate`] for another root, [`StateError::Aggregate`] when a function does not name its state,
    /// [`StateError::EventTimeType`] when the event-time column is no timestamp.
    pub fn try_new(plan: &Arc<dyn ExecutionPlan>, event_time: Option<EventTimeKey>) -> Result<Self, StateError> {
        let Some(aggregate) = plan.downcast_ref::<AggregateExec>() else {
            return Err(StateError::NotAnAggregate {
                found: plan.name().to_owned(),
            });
        };
        let aggregates = aggregate.aggr_expr().to_vec();
        let mut states = Vec::new();
        let mut state_counts = Vec::with_capacity(aggregates.len());
        for function in &aggregates {
            let fields = function
                .state_fields()
                .map_err(StateError::aggregate("naming the state columns"))?;
            state_counts.push(fields.len());
            states.extend(fields.into_iter().map(nullable));
        }
        let input = aggregate.input_schema();
        let arguments = aggregates
            .iter()
            .map(|function| {
                let ordered_by = function.order_bys().iter().map(|sort| Arc::clone(&sort.expr));
                let all = function.expressions().into_iter().chain(ordered_by);
                all.map(|expr| expr.data_type(&input)).collect()
            })
            .collect::<Result<_, _>>()
            .map_err(StateError::aggregate("finding the arguments"))?;
        let schema = aggregate.schema();
        let key_count = schema.fields().len().saturating_sub(states.len());
        let keys: Vec<FieldRef> = schema.fields().iter().take(key_count).cloned().map(nullable).collect();
        if let Some(key) = event_time {
            let data_type = keys
                .get(key.column)
                .map_or(DataType::Null, |field| field.data_type().clone());
            if !is_event_time(&data_type) {
                return Err(StateError::EventTimeType {
                    column: key.column,
                    data_type,
                });
            }
        }
        let results = aggregates.iter().map(|function| nullable(function.field()));
        let output = Arc::new(Schema::new(keys.iter().cloned().chain(results).collect::<Vec<_>>()));
        let partial = Arc::new(Schema::new(keys.iter().chain(&states).cloned().collect::<Vec<_>>()));
        Ok(Self {
            aggregates,
            arguments,
            keys,
            states,
            state_counts,
            output,
            partial,
            event_time,
        })
    }

    /// The columns of emitted rows: group columns, then one per aggregate.
    #[must_use]
    pub fn output(&self) -> &SchemaRef {
        &self.output
    }

    /// The columns of partial rows: group columns, then state columns.
    #[must_use]
    pub fn partial(&self) -> &SchemaRef {
        &self.partial
    }

    /// How many group columns there are; 0 for a global aggregate.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// The instant each group ends, microseconds; NULL where event time is NULL. `None` without an event-time key.
    pub(super) fn ends(&self, keys: &[ArrayRef]) -> Result<Option<Int64Array>, StateError> {
        let Some(key) = self.event_time else { return Ok(None) };
        let mistyped = |data_type: DataType| StateError::EventTimeType {
            column: key.column,
            data_type,
        };
        let column = keys.get(key.column).ok_or_else(|| mistyped(DataType::Null))?;
        let (instants, added) = match column.as_struct_opt() {
            Some(window) => match window.column_by_name("end") {
                Some(end) => (end, 0),
                None => return Err(mistyped(column.data_type().clone())),
            },
            None => (column, key.duration_us),
        };
        let instants = instants
            .as_primitive_opt::<TimestampMicrosecondType>()
            .ok_or_else(|| mistyped(instants.data_type().clone()))?;
        Ok(Some(instants.unary(|instant| instant.saturating_add(added))))
    }
}

fn is_event_time(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, _) => true,
        DataType::Struct(fields) => fields
            .iter()
            .any(|field| field.name() == "end" && is_event_time(field.data_type())),
        _ => false,
    }
}

fn nullable(field: impl Into<FieldRef>) -> FieldRef {
    let field: FieldRef = field.into();
    if field.is_nullable() {
        field
    } else {
        Arc::new(Field::clone(&field).with_nullable(true))
    }
}
