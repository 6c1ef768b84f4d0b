//! Watermarks in the plan: which column is event time, and what of it a task has seen.
//!
//! The column is marked in its field's metadata, which projections, filters and joins carry along; that is how the stage
//! splitter finds the group key that decides when a group is over.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Field, SchemaRef, TimestampMicrosecondType};
use datafusion::common::{DFSchema, DFSchemaRef, internal_err, plan_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, RecordBatchStream};
use futures::{Stream, StreamExt};

use crate::operator::{one_partition, unary_operator};
use crate::slot::TaskInputs;

/// Metadata key of an event-time column. The value is the same for every watermark, so that a union of streams keeps it: the
/// query has one watermark in force, whichever column a group's key comes from.
pub const EVENT_TIME: &str = "millstream.event_time";
const MARKED: &str = "true";
/// Metadata key of a window's start; the value is the window's length in microseconds.
pub const WINDOW_LENGTH: &str = "millstream.window_length_us";

/// What a watermark operator has seen: event times in milliseconds, floored from microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EventTimeStats {
    /// The latest.
    pub max_ms: i64,
    /// The earliest; a null counts as the epoch.
    pub min_ms: i64,
    /// The sum, for the average; a null counts as the epoch.
    pub sum_ms: f64,
    /// Rows seen, those with a null included.
    pub count: u64,
}

impl EventTimeStats {
    /// Adds what another has seen.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        self.max_ms = self.max_ms.max(other.max_ms);
        self.min_ms = self.min_ms.min(other.min_ms);
        self.sum_ms += other.sum_ms;
        self.count += other.count;
    }

    fn observe(&mut self, times: &dyn Array) {
        let times = times.as_primitive::<TimestampMicrosecondType>();
        if times.is_empty() {
            return;
        }
        let nulls = times.null_count();
        let mut seen = Self {
            count: times.len() as u64,
            ..Self::default()
        };
        if let (Some(max), Some(min)) = (arrow::compute::max(times), arrow::compute::min(times)) {
            seen.max_ms = max.div_euclid(1_000);
            seen.min_ms = min.div_euclid(1_000);
        }
        if nulls > 0 {
            seen.max_ms = seen.max_ms.max(0);
            seen.min_ms = seen.min_ms.min(0);
        }
        #[expect(clippy::cast_precision_loss, reason = "an average for display")]
        let sum = times.iter().flatten().map(|time| time as f64 / 1_000.0).sum::<f64>();
        seen.sum_ms = sum;
        self.merge(&seen);
    }
}

/// `WATERMARK column DELAY OF ...` in a logical plan. Rows pass unchanged.
#[derive(Clone, Debug)]
pub struct WatermarkNode {
    input: LogicalPlan,
    /// The event-time column of the input.
    column: Expr,
    /// The watermark's number in the query.
    watermark: u32,
    schema: DFSchemaRef,
}

impl WatermarkNode {
    /// Watermark number `watermark` on `column` of `input`.
    ///
    /// # Errors
    /// When `column` is no timestamp column of the input.
    pub fn try_new(input: LogicalPlan, column: Expr, watermark: u32) -> Result<Self> {
        let Expr::Column(name) = &column else {
            return plan_err!("an event time is a column, not an expression");
        };
        let index = input.schema().index_of_column(name)?;
        let (_, field) = input.schema().qualified_field(index);
        if !matches!(field.data_type(), arrow::datatypes::DataType::Timestamp(_, Some(_))) {
            return plan_err!("the event time '{}' is not a TIMESTAMP", name.name);
        }
        let schema = tag(input.schema(), index)?;
        Ok(Self {
            input,
            column,
            watermark,
            schema,
        })
    }

    /// The watermark's number in the query.
    #[must_use]
    pub fn watermark(&self) -> u32 {
        self.watermark
    }

    /// The position of the event-time column.
    ///
    /// # Errors
    /// When an optimizer rule has replaced the column by something else.
    pub fn column_index(&self) -> Result<usize> {
        match &self.column {
            Expr::Column(name) => self.input.schema().index_of_column(name),
            other => internal_err!("the event time became an expression: {other}"),
        }
    }
}

fn tag(schema: &DFSchema, index: usize) -> Result<DFSchemaRef> {
    let fields = schema
        .iter()
        .enumerate()
        .map(|(i, (qualifier, field))| {
            let field = if i == index {
                Arc::new(tag_field(field))
            } else {
                Arc::clone(field)
            };
            (qualifier.cloned(), field)
        })
        .collect();
    Ok(Arc::new(DFSchema::new_with_metadata(
        fields,
        schema.metadata().clone(),
    )?))
}

pub(crate) fn tag_field(field: &Field) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.insert(EVENT_TIME.to_owned(), MARKED.to_owned());
    field.clone().with_metadata(metadata)
}

impl PartialEq for WatermarkNode {
    fn eq(&self, other: &Self) -> bool {
        self.watermark == other.watermark && self.column == other.column && self.input == other.input
    }
}

impl Eq for WatermarkNode {}

impl PartialOrd for WatermarkNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.watermark.partial_cmp(&other.watermark)
    }
}

impl Hash for WatermarkNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.watermark.hash(state);
        self.column.hash(state);
        self.input.hash(state);
    }
}

impl UserDefinedLogicalNodeCore for WatermarkNode {
    fn name(&self) -> &'static str {
        "Watermark"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![self.column.clone()]
    }

    // Spark pushes a predicate below the watermark only when it does not look at the event time: rows that such a
    // predicate removes do not move time, rows that the others remove do.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        match &self.column {
            Expr::Column(column) => HashSet::from([column.name.clone()]),
            _ => self.schema.fields().iter().map(|field| field.name().clone()).collect(),
        }
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watermark: {}", self.column)
    }

    fn with_exprs_and_inputs(&self, mut exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        match (exprs.pop(), inputs.pop()) {
            (Some(column), Some(input)) => Self::try_new(input, column, self.watermark),
            _ => internal_err!("a watermark has one column and one input"),
        }
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let mut columns = output_columns.to_vec();
        columns.push(self.column_index().ok()?);
        columns.sort_unstable();
        columns.dedup();
        Some(vec![columns])
    }
}

/// Runs a [`WatermarkNode`]: passes rows on and reports their event times to the task's [`TaskInputs`].
#[derive(Debug, Clone)]
pub struct WatermarkExec {
    pub(crate) input: Arc<dyn ExecutionPlan>,
    pub(crate) column: usize,
    pub(crate) watermark: u32,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl WatermarkExec {
    /// Watermark number `watermark` on the column at `column` of `input`.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn try_new(input: Arc<dyn ExecutionPlan>, column: usize, watermark: u32) -> Result<Self> {
        let schema = input.schema();
        if column >= schema.fields().len() {
            return internal_err!("no column {column} to take event time from");
        }
        let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
        fields[column] = Arc::new(tag_field(&fields[column]));
        let schema = Arc::new(arrow::datatypes::Schema::new_with_metadata(
            fields,
            schema.metadata().clone(),
        ));
        Ok(Self {
            input,
            column,
            watermark,
            properties: one_partition(Arc::clone(&schema)),
            schema,
        })
    }

    fn with_input(&self, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Self::try_new(input, self.column, self.watermark)
    }
}

impl DisplayAs for WatermarkExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WatermarkExec: column={}", self.schema.field(self.column).name())
    }
}

impl ExecutionPlan for WatermarkExec {
    fn name(&self) -> &'static str {
        "WatermarkExec"
    }

    unary_operator!();

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        Ok(Box::pin(WatermarkStream {
            inputs: context.session_config().get_extension::<TaskInputs>(),
            input: self.input.execute(partition, context)?,
            column: self.column,
            watermark: self.watermark,
            schema: Arc::clone(&self.schema),
            seen: EventTimeStats::default(),
        }))
    }
}

struct WatermarkStream {
    inputs: Option<Arc<TaskInputs>>,
    input: SendableRecordBatchStream,
    column: usize,
    watermark: u32,
    schema: SchemaRef,
    seen: EventTimeStats,
}

impl Stream for WatermarkStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = match self.input.poll_next_unpin(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(next) => next,
        };
        Poll::Ready(match next {
            Some(Ok(batch)) => {
                let column = self.column;
                self.seen.observe(batch.column(column));
                let schema = Arc::clone(&self.schema);
                Some(RecordBatch::try_new(schema, batch.columns().to_vec()).map_err(Into::into))
            }
            Some(Err(error)) => Some(Err(error)),
            None => {
                let seen = std::mem::take(&mut self.seen);
                if let Some(inputs) = &self.inputs {
                    inputs.observe(self.watermark, seen);
                }
                None
            }
        })
    }
}

impl RecordBatchStream for WatermarkStream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// Whether this field carries event time.
#[must_use]
pub fn is_event_time(metadata: &HashMap<String, String>) -> bool {
    metadata.contains_key(EVENT_TIME)
}

/// The length in microseconds of the window whose start this field carries, if it does.
#[must_use]
pub fn window_length_of(metadata: &HashMap<String, String>) -> Option<i64> {
    metadata.get(WINDOW_LENGTH).and_then(|text| text.parse().ok())
}
