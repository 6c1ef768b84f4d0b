//! `LIMIT` over a stream in append mode: so many rows over all batches together, not in each.
//!
//! A limit has a number within its query. How many rows each has let through before a batch is handed to the driver's
//! plan with the task's inputs, and how many after it is part of the batch's commit record.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::{DFSchemaRef, exec_datafusion_err, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties, RecordBatchStream,
};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};

use crate::operator::{one_partition, unary_operator};
use crate::slot::TaskInputs;

/// `LIMIT` over a stream in a logical plan. Nothing moves through it: what stands above sees the rows it let through.
#[derive(Clone, Debug)]
pub struct StreamLimitNode {
    input: LogicalPlan,
    fetch: u64,
    number: usize,
}

impl StreamLimitNode {
    /// The limit `number` of a query, to `fetch` rows of `input`.
    #[must_use]
    pub fn new(input: LogicalPlan, fetch: u64, number: usize) -> Self {
        Self { input, fetch, number }
    }

    pub(crate) fn exec(&self, input: Arc<dyn ExecutionPlan>) -> StreamLimitExec {
        StreamLimitExec::new(input, self.fetch, self.number)
    }
}

impl PartialEq for StreamLimitNode {
    fn eq(&self, other: &Self) -> bool {
        (self.number, self.fetch) == (other.number, other.fetch) && self.input == other.input
    }
}

impl Eq for StreamLimitNode {}

impl PartialOrd for StreamLimitNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.number, self.fetch).partial_cmp(&(other.number, other.fetch))
    }
}

impl Hash for StreamLimitNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
        self.fetch.hash(state);
        self.input.hash(state);
    }
}

impl UserDefinedLogicalNodeCore for StreamLimitNode {
    fn name(&self) -> &'static str {
        "StreamLimit"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamLimit: {}", self.fetch)
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        match (inputs.pop(), inputs.is_empty()) {
            (Some(input), true) => Ok(Self::new(input, self.fetch, self.number)),
            _ => internal_err!("a limit has one input"),
        }
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![output_columns.to_vec()])
    }
}

/// Runs a [`StreamLimitNode`]: on the driver, or in the one map task of a batch.
#[derive(Debug, Clone)]
pub struct StreamLimitExec {
    input: Arc<dyn ExecutionPlan>,
    fetch: u64,
    number: usize,
    properties: Arc<PlanProperties>,
}

impl StreamLimitExec {
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>, fetch: u64, number: usize) -> Self {
        let properties = one_partition(input.schema());
        Self {
            input,
            fetch,
            number,
            properties,
        }
    }

    /// How many rows it lets through in all.
    #[must_use]
    pub fn fetch(&self) -> u64 {
        self.fetch
    }

    /// Its number within the query.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    #[expect(clippy::unnecessary_wraps, reason = "as every operator of ours has it")]
    fn with_input(&self, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Ok(Self::new(input, self.fetch, self.number))
    }
}

impl DisplayAs for StreamLimitExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamLimitExec: fetch={} over all batches", self.fetch)
    }
}

impl ExecutionPlan for StreamLimitExec {
    fn name(&self) -> &'static str {
        "StreamLimitExec"
    }

    unary_operator!();

    // The partitions of the input are read one after the other: which rows pass does not depend on chance.
    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("a limit has one partition, {partition} was asked for");
        }
        let inputs = context
            .session_config()
            .get_extension::<TaskInputs>()
            .ok_or_else(|| exec_datafusion_err!("the task has no inputs"))?;
        let partitions = self.input.output_partitioning().partition_count();
        let streams = (0..partitions)
            .map(|partition| self.input.execute(partition, Arc::clone(&context)))
            .collect::<Result<Vec<_>>>()?;
        Ok(Box::pin(LimitStream {
            passed: inputs.passed_before(self.number),
            inputs,
            input: stream::iter(streams).flatten().boxed(),
            schema: self.input.schema(),
            fetch: self.fetch,
            number: self.number,
        }))
    }
}

struct LimitStream {
    inputs: Arc<TaskInputs>,
    input: BoxStream<'static, Result<RecordBatch>>,
    schema: SchemaRef,
    fetch: u64,
    number: usize,
    passed: u64,
}

impl LimitStream {
    fn cut(&mut self, batch: RecordBatch) -> RecordBatch {
        let left = self.fetch.saturating_sub(self.passed);
        let rows = batch.num_rows().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.passed += rows as u64;
        if rows < batch.num_rows() {
            batch.slice(0, rows)
        } else {
            batch
        }
    }
}

impl Stream for LimitStream {
    type Item = Result<RecordBatch>;

    // The input is read to its end even when nothing more may pass: watermarks below are told by all rows.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Poll::Ready(next) = self.input.poll_next_unpin(context) else {
            return Poll::Pending;
        };
        if next.is_none() {
            self.inputs.pass(self.number, self.passed);
        }
        Poll::Ready(next.map(|batch| batch.map(|batch| self.cut(batch))))
    }
}

impl RecordBatchStream for LimitStream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::execution::TaskContext;
    use datafusion::physical_plan::{ExecutionPlan, collect};

    use super::StreamLimitExec;
    use crate::slot::{Batches, SlotExec, TaskInputs};
    use crate::spec::SlotId;

    #[tokio::test]
    async fn a_limit_counts_on_from_the_batches_before() {
        let schema = Arc::new(Schema::new(vec![Field::new("v", DataType::Int32, true)]));
        let rows = |values: Vec<i32>| {
            RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int32Array::from(values))]).unwrap()
        };
        let slot = Arc::new(SlotExec::new(SlotId(0), Arc::clone(&schema)));
        let plan: Arc<dyn ExecutionPlan> = Arc::new(StreamLimitExec::new(slot, 5, 1));
        for (before, given, after) in [(0, 4, 4), (3, 2, 5), (5, 0, 5)] {
            let inputs = TaskInputs::default()
                .with(SlotId(0), Arc::new(Batches(vec![rows(vec![1, 2]), rows(vec![3, 4])])))
                .with_passed(vec![9, before]);
            let inputs = Arc::new(inputs);
            let context = inputs.context(&TaskContext::default());
            let batches = collect(Arc::clone(&plan), context).await.unwrap();
            assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), given);
            assert_eq!(inputs.passed(), [9, after]);
        }
    }
}
