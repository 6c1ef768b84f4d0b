//! Event-time windows: one output row for every window an input row falls into.
//!
//! A window is identified by its start; its end is start + length. The start is one more column of the rows, of the
//! timestamp type, so that grouping by a window is grouping by one 64-bit value. Arithmetic is in whole microseconds
//! since the epoch, with floored remainders, as Spark's.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::{Array, AsArray, RecordBatch, TimestampMicrosecondArray, UInt32Array};
use arrow::datatypes::{Field, Schema, SchemaRef, TimestampMicrosecondType};
use datafusion::common::{DFSchema, DFSchemaRef, internal_err, plan_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, RecordBatchStream};
use futures::{Stream, StreamExt};
use serde::{Deserialize, Serialize};

use crate::event_time::{EVENT_TIME, WINDOW_LENGTH};
use crate::operator::{one_partition, unary_operator};
use crate::source::timestamp_type;

/// The shape of a time window, all in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WindowShape {
    /// Length of a window.
    pub length_us: i64,
    /// Distance between the starts of two windows.
    pub slide_us: i64,
    /// Where windows are anchored, relative to the epoch.
    pub start_us: i64,
}

impl WindowShape {
    /// Checks Spark's rules: length > 0, 0 < slide <= length, |start| < slide.
    ///
    /// # Errors
    /// Names the rule that is broken.
    pub fn try_new(length_us: i64, slide_us: i64, start_us: i64) -> Result<Self> {
        if length_us <= 0 {
            return plan_err!("the window duration must be greater than 0, it is {length_us} microseconds");
        }
        if slide_us <= 0 {
            return plan_err!("the slide duration must be greater than 0, it is {slide_us} microseconds");
        }
        if slide_us > length_us {
            return plan_err!(
                "the slide duration ({slide_us} microseconds) must not exceed the window duration ({length_us})"
            );
        }
        if start_us.abs() >= slide_us {
            return plan_err!(
                "the start time ({start_us} microseconds) must be smaller than the slide duration ({slide_us})"
            );
        }
        Ok(Self {
            length_us,
            slide_us,
            start_us,
        })
    }

    /// Whether windows do not overlap.
    #[must_use]
    pub fn is_tumbling(&self) -> bool {
        self.length_us == self.slide_us
    }

    /// The start of the latest window that begins at or before `time_us`.
    #[must_use]
    pub fn latest_start(&self, time_us: i64) -> i64 {
        time_us.wrapping_sub(time_us.wrapping_sub(self.start_us).rem_euclid(self.slide_us))
    }

    /// The starts of all windows `time_us` is in, latest first.
    pub fn starts(self, time_us: i64) -> impl Iterator<Item = i64> {
        let latest = self.latest_start(time_us);
        (0..)
            .map(move |k: i64| latest.wrapping_sub(k.wrapping_mul(self.slide_us)))
            .take_while(move |start| time_us.wrapping_sub(*start) < self.length_us)
    }
}

/// Adds the start of each row's window as a last column; a row without event time is dropped, one in several windows is
/// repeated for each.
#[derive(Clone, Debug)]
pub struct TimeWindowNode {
    input: LogicalPlan,
    time: Expr,
    shape: WindowShape,
    column: String,
    schema: DFSchemaRef,
}

impl TimeWindowNode {
    /// Windows of `shape` over the column `time` of `input`; the new column is called `column`.
    ///
    /// # Errors
    /// When `time` is no column of the input.
    pub fn try_new(input: LogicalPlan, time: Expr, shape: WindowShape, column: String) -> Result<Self> {
        let Expr::Column(name) = &time else {
            return internal_err!("a window's time is a column, not {time}");
        };
        let index = input.schema().index_of_column(name)?;
        let start = start_field(input.schema().qualified_field(index).1, &column, shape);
        let fields = input
            .schema()
            .iter()
            .map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)))
            .chain([(None, Arc::new(start))])
            .collect();
        let schema = Arc::new(DFSchema::new_with_metadata(fields, input.schema().metadata().clone())?);
        Ok(Self {
            input,
            time,
            shape,
            column,
            schema,
        })
    }

    /// The windows' shape.
    #[must_use]
    pub fn shape(&self) -> WindowShape {
        self.shape
    }

    /// The new column's name.
    #[must_use]
    pub fn column(&self) -> &str {
        &self.column
    }

    /// The position of the time column in the input.
    ///
    /// # Errors
    /// When an optimizer rule has replaced the column by something else.
    pub fn time_index(&self) -> Result<usize> {
        match &self.time {
            Expr::Column(name) => self.input.schema().index_of_column(name),
            other => internal_err!("a window's time became an expression: {other}"),
        }
    }
}

fn start_field(time: &Field, column: &str, shape: WindowShape) -> Field {
    let mut field = Field::new(column, timestamp_type(), false);
    let mut metadata = field.metadata().clone();
    if let Some(watermark) = time.metadata().get(EVENT_TIME) {
        metadata.insert(EVENT_TIME.to_owned(), watermark.clone());
    }
    metadata.insert(WINDOW_LENGTH.to_owned(), shape.length_us.to_string());
    field.set_metadata(metadata);
    field
}

impl PartialEq for TimeWindowNode {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.column == other.column && self.time == other.time && self.input == other.input
    }
}

impl Eq for TimeWindowNode {}

impl PartialOrd for TimeWindowNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.shape, &self.column).partial_cmp(&(other.shape, &other.column))
    }
}

impl Hash for TimeWindowNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.shape.hash(state);
        self.column.hash(state);
        self.time.hash(state);
        self.input.hash(state);
    }
}

impl UserDefinedLogicalNodeCore for TimeWindowNode {
    fn name(&self) -> &'static str {
        "TimeWindow"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![self.time.clone()]
    }

    // Everything but the window itself may be filtered before rows are repeated.
    fn prevent_predicate_push_down_columns(&self) -> std::collections::HashSet<String> {
        std::collections::HashSet::from([self.column.clone()])
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WindowShape {
            length_us,
            slide_us,
            start_us,
        } = self.shape;
        write!(
            f,
            "TimeWindow: {} length={length_us}us slide={slide_us}us start={start_us}us",
            self.time
        )
    }

    fn with_exprs_and_inputs(&self, mut exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        match (exprs.pop(), inputs.pop()) {
            (Some(time), Some(input)) => Self::try_new(input, time, self.shape, self.column.clone()),
            _ => internal_err!("a time window has one time and one input"),
        }
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let width = self.input.schema().fields().len();
        let mut columns: Vec<usize> = output_columns.iter().copied().filter(|index| *index < width).collect();
        columns.push(self.time_index().ok()?);
        columns.sort_unstable();
        columns.dedup();
        Some(vec![columns])
    }
}

/// Runs a [`TimeWindowNode`].
#[derive(Debug, Clone)]
pub struct TimeWindowExec {
    pub(crate) input: Arc<dyn ExecutionPlan>,
    pub(crate) time: usize,
    pub(crate) shape: WindowShape,
    pub(crate) column: String,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl TimeWindowExec {
    /// Windows of `shape` over the column at `time` of `input`.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn try_new(input: Arc<dyn ExecutionPlan>, time: usize, shape: WindowShape, column: String) -> Result<Self> {
        let schema = input.schema();
        let Some(time_field) = schema.fields().get(time) else {
            return internal_err!("no column {time} to make windows of");
        };
        let start = start_field(time_field, &column, shape);
        let fields: Vec<_> = schema.fields().iter().cloned().chain([Arc::new(start)]).collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        Ok(Self {
            input,
            time,
            shape,
            column,
            properties: one_partition(Arc::clone(&schema)),
            schema,
        })
    }

    /// The position of the new column.
    #[must_use]
    pub fn start_column(&self) -> usize {
        self.schema.fields().len() - 1
    }

    fn with_input(&self, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Self::try_new(input, self.time, self.shape, self.column.clone())
    }
}

impl DisplayAs for TimeWindowExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WindowShape {
            length_us,
            slide_us,
            start_us,
        } = self.shape;
        let time = self.schema.field(self.time).name();
        write!(
            f,
            "TimeWindowExec: time={time}, length={length_us}us, slide={slide_us}us, start={start_us}us"
        )
    }
}

impl ExecutionPlan for TimeWindowExec {
    fn name(&self) -> &'static str {
        "TimeWindowExec"
    }

    unary_operator!();

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        Ok(Box::pin(TimeWindowStream {
            input: self.input.execute(partition, context)?,
            time: self.time,
            shape: self.shape,
            schema: Arc::clone(&self.schema),
        }))
    }
}

struct TimeWindowStream {
    input: SendableRecordBatchStream,
    time: usize,
    shape: WindowShape,
    schema: SchemaRef,
}

impl TimeWindowStream {
    fn expand(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let times = batch.column(self.time).as_primitive::<TimestampMicrosecondType>();
        if self.shape.is_tumbling() && times.null_count() == 0 {
            let starts: TimestampMicrosecondArray = times.unary(|time| self.shape.latest_start(time));
            return self.with_starts(batch.columns().to_vec(), starts);
        }
        let mut rows = Vec::with_capacity(times.len());
        let mut starts = Vec::with_capacity(times.len());
        for (row, time) in times.iter().enumerate() {
            let Some(time) = time else { continue };
            for start in self.shape.starts(time) {
                rows.push(
                    u32::try_from(row)
                        .map_err(|_| datafusion::common::exec_datafusion_err!("a batch of {row} rows"))?,
                );
                starts.push(start);
            }
        }
        let rows = UInt32Array::from(rows);
        let columns = arrow::compute::take_arrays(batch.columns(), &rows, None)?;
        self.with_starts(columns, TimestampMicrosecondArray::from(starts))
    }

    fn with_starts(&self, mut columns: Vec<Arc<dyn Array>>, starts: TimestampMicrosecondArray) -> Result<RecordBatch> {
        columns.push(Arc::new(starts.with_timezone("UTC")));
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

impl Stream for TimeWindowStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.input.poll_next_unpin(context);
        next.map(|next| next.map(|batch| batch.and_then(|batch| self.expand(&batch))))
    }
}

impl RecordBatchStream for TimeWindowStream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn shape(length: i64, slide: i64, start: i64) -> WindowShape {
        WindowShape::try_new(length * MINUTE, slide * MINUTE, start * MINUTE).unwrap()
    }

    fn starts(shape: WindowShape, minute: i64) -> Vec<i64> {
        shape.starts(minute * MINUTE).map(|start| start / MINUTE).collect()
    }

    #[test]
    fn windows_are_half_open_latest_first() {
        assert_eq!(starts(shape(10, 5, 0), 12), [10, 5]);
        assert_eq!(starts(shape(10, 5, 0), 10), [10, 5]);
        assert_eq!(starts(shape(10, 10, 0), 9), [0]);
        assert_eq!(starts(shape(10, 10, 3), 12), [3]);
        assert_eq!(starts(shape(10, 10, -3), 12), [7]);
    }

    #[test]
    fn a_length_that_is_no_multiple_of_the_slide_gives_two_or_three_windows() {
        assert_eq!(starts(shape(10, 4, 0), 8), [8, 4, 0]);
        assert_eq!(starts(shape(10, 4, 0), 11), [8, 4]);
    }

    #[test]
    fn times_before_the_epoch_use_the_floored_remainder() {
        assert_eq!(starts(shape(10, 5, 0), -2), [-5, -10]);
    }

    #[test]
    fn rules_are_checked() {
        for (length, slide, start) in [(0, 1, 0), (10, 0, 0), (5, 10, 0), (10, 5, 5), (10, 5, -5), (-1, 1, 0)] {
            assert!(
                WindowShape::try_new(length, slide, start).is_err(),
                "{length} {slide} {start}"
            );
        }
    }
}
