//! Sliding windows without repeating rows: aggregate per pane (one slide), then copy each partial row to its windows.
//!
//! A row is aggregated once, into the pane it falls into; a pane belongs to length / slide windows. Copies are made of
//! partial rows, of which there are as many as groups, not of records. The state stays keyed by window, so late rows
//! and eviction are exactly those of windows.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::{Array, AsArray, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, RecordBatchStream};
use futures::{Stream, StreamExt};

use crate::operator::{one_partition, unary_operator};
use crate::time_window::WindowShape;

/// Copies each row, whose `column` is the start of a pane, to all windows of `shape` that contain the pane.
#[derive(Debug, Clone)]
pub struct PaneExpandExec {
    pub(crate) input: Arc<dyn ExecutionPlan>,
    pub(crate) column: usize,
    pub(crate) shape: WindowShape,
    properties: Arc<PlanProperties>,
}

impl PaneExpandExec {
    /// Expands the panes in the column at `column` of `input` to windows of `shape`.
    ///
    /// # Errors
    /// When panes do not add up to windows (`length` is no multiple of `slide`).
    pub fn try_new(input: Arc<dyn ExecutionPlan>, column: usize, shape: WindowShape) -> Result<Self> {
        if shape.length_us % shape.slide_us != 0 {
            return internal_err!(
                "windows of {} us do not consist of panes of {} us",
                shape.length_us,
                shape.slide_us
            );
        }
        let schema = input.schema();
        Ok(Self {
            input,
            column,
            shape,
            properties: one_partition(schema),
        })
    }

    fn with_input(&self, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Self::try_new(input, self.column, self.shape)
    }
}

impl DisplayAs for PaneExpandExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "PaneExpandExec: windows per pane={}",
            self.shape.length_us / self.shape.slide_us
        )
    }
}

impl ExecutionPlan for PaneExpandExec {
    fn name(&self) -> &'static str {
        "PaneExpandExec"
    }

    unary_operator!();

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        Ok(Box::pin(PaneStream {
            input: self.input.execute(partition, context)?,
            column: self.column,
            shape: self.shape,
            pending: None,
        }))
    }
}

struct PaneStream {
    input: SendableRecordBatchStream,
    column: usize,
    shape: WindowShape,
    /// The batch being copied and how often it was.
    pending: Option<(RecordBatch, i64)>,
}

impl PaneStream {
    /// The copy of `batch` for the window that starts `copy` slides before each pane.
    fn shifted(&self, batch: &RecordBatch, copy: i64) -> Result<RecordBatch> {
        let panes = batch.column(self.column).as_primitive::<TimestampMicrosecondType>();
        let shift = copy * self.shape.slide_us;
        let starts: TimestampMicrosecondArray = panes.unary(|pane| pane.wrapping_sub(shift));
        let mut columns = batch.columns().to_vec();
        columns[self.column] = Arc::new(starts.with_timezone("UTC")) as Arc<dyn Array>;
        Ok(RecordBatch::try_new(batch.schema(), columns)?)
    }
}

impl Stream for PaneStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.pending.is_none() {
            match self.input.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(batch))) => self.pending = Some((batch, 0)),
                other => return other,
            }
        }
        let Some((batch, copy)) = self.pending.take() else {
            return Poll::Ready(None);
        };
        let shifted = self.shifted(&batch, copy);
        if copy + 1 < self.shape.length_us / self.shape.slide_us {
            self.pending = Some((batch, copy + 1));
        }
        Poll::Ready(Some(shifted))
    }
}

impl RecordBatchStream for PaneStream {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}
