//! The leaf of every plan of ours: rows that come from outside the plan.
//!
//! A plan is compiled once and run by many tasks; what differs between tasks is the rows of its slots. They are handed
//! over in a [`TaskInputs`] extension of the task's configuration, so that a task costs no planning at all.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, exec_datafusion_err, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::AcrossPartitions;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties as _, PhysicalExpr,
    PlanProperties, ReplaceChildrenOptions,
};
use futures::stream;

use crate::event_time::EventTimeStats;
use crate::operator::one_partition;
use crate::spec::SlotId;

/// Rows claimed by a slot of unknown size: large, so that the other side of a join is the one that is hashed.
const UNKNOWN_ROWS: usize = 1_000_000_000;

/// Gives the rows of one slot to one task.
pub trait InputSource: Send + Sync {
    /// Opens the rows with exactly the columns of `schema`, found by name, in its order.
    ///
    /// # Errors
    /// When a column is not there or the source cannot be read.
    fn open(&self, schema: &SchemaRef) -> Result<SendableRecordBatchStream>;
}

/// The rows of all slots of one task, and what the task's operators observe.
#[derive(Default)]
pub struct TaskInputs {
    slots: BTreeMap<SlotId, Arc<dyn InputSource>>,
    event_time: Mutex<BTreeMap<u32, EventTimeStats>>,
    passed: Mutex<Vec<u64>>,
}

impl TaskInputs {
    /// Sets the rows of `slot`.
    #[must_use]
    pub fn with(mut self, slot: SlotId, source: Arc<dyn InputSource>) -> Self {
        self.slots.insert(slot, source);
        self
    }

    /// Sets how many rows each limit over a stream has let through before.
    #[must_use]
    pub fn with_passed(mut self, passed: Vec<u64>) -> Self {
        self.passed = Mutex::new(passed);
        self
    }

    /// How many rows each limit over a stream has let through, those of the task's plan as far as it has run.
    #[must_use]
    pub fn passed(&self) -> Vec<u64> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn passed_before(&self, limit: usize) -> u64 {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        passed.get(limit).copied().unwrap_or(0)
    }

    pub(crate) fn pass(&self, limit: usize, rows: u64) {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if passed.len() <= limit {
            passed.resize(limit + 1, 0);
        }
        passed[limit] = rows;
    }

    /// What each watermark operator of the task has seen so far, by watermark number.
    #[must_use]
    pub fn event_time(&self) -> BTreeMap<u32, EventTimeStats> {
        self.event_time.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds what a watermark operator has seen; called once per stream, at its end.
    pub(crate) fn observe(&self, watermark: u32, seen: EventTimeStats) {
        let mut all = self.event_time.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(watermark).or_default().merge(&seen);
    }

    /// The context in which a plan finds these inputs; cheap, made for every task.
    #[must_use]
    pub fn context(self: &Arc<Self>, base: &TaskContext) -> Arc<TaskContext> {
        let config = base.session_config().clone().with_extension(Arc::clone(self));
        Arc::new(TaskContext::new(
            None,
            base.session_id(),
            config,
            Default::default(),
            Default::default(),
            Default::default(),
            Default::default(),
            base.runtime_env(),
        ))
    }
}

/// Batches that are already in memory.
pub struct Batches(pub Vec<RecordBatch>);

impl InputSource for Batches {
    fn open(&self, schema: &SchemaRef) -> Result<SendableRecordBatchStream> {
        let batches: Vec<_> = self.0.iter().map(|batch| select(batch, schema)).collect();
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(schema),
            stream::iter(batches),
        )))
    }
}

/// The columns of `schema`, by name, out of `batch`. A batch that has the very columns asked for is taken by position,
/// because the columns of an operator's output may share a name.
fn select(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let have = batch.schema();
    let same = have.fields().len() == schema.fields().len()
        && have
            .fields()
            .iter()
            .zip(schema.fields())
            .all(|(have, want)| have.name() == want.name());
    let columns = if same {
        batch.columns().to_vec()
    } else {
        schema
            .fields()
            .iter()
            .map(|field| {
                batch
                    .column_by_name(field.name())
                    .cloned()
                    .ok_or_else(|| exec_datafusion_err!("the slot's rows have no column '{}'", field.name()))
            })
            .collect::<Result<_>>()?
    };
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

/// Reads the rows of one slot: one partition, in the order in which the source gives them.
#[derive(Debug, Clone)]
pub struct SlotExec {
    slot: SlotId,
    schema: SchemaRef,
    /// How many rows it says it has, for the choice of join sides only.
    rows: usize,
    properties: Arc<PlanProperties>,
}

impl SlotExec {
    /// A slot of unknown, large size.
    #[must_use]
    pub fn new(slot: SlotId, schema: SchemaRef) -> Self {
        Self::with_rows(slot, schema, UNKNOWN_ROWS)
    }

    /// A slot with about `rows` rows.
    #[must_use]
    pub fn with_rows(slot: SlotId, schema: SchemaRef, rows: usize) -> Self {
        Self {
            slot,
            properties: one_partition(Arc::clone(&schema)),
            schema,
            rows,
        }
    }

    /// A slot for the rows of `node`, which run elsewhere. What they have the same value in is still known, so that operators above,
    /// planned with that knowledge, keep their form (a window whose partitions need no sorting by a constant).
    ///
    /// # Errors
    /// When the constants of `node` contradict each other, which is a defect.
    pub fn standing_for(slot: SlotId, node: &Arc<dyn ExecutionPlan>) -> Result<Self> {
        let mut own = Self::new(slot, node.schema());
        let constants = node.equivalence_properties().constants().into_iter();
        let uniform = constants.filter(|constant| matches!(constant.across_partitions, AcrossPartitions::Uniform(_)));
        let mut properties = PlanProperties::clone(&own.properties);
        properties.eq_properties.add_constants(uniform)?;
        own.properties = Arc::new(properties);
        Ok(own)
    }

    /// Which slot.
    #[must_use]
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// How many rows it says it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }
}

impl DisplayAs for SlotExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "SlotExec: slot={}, columns=[{}]", self.slot.0, names.join(", "))
    }
}

impl ExecutionPlan for SlotExec {
    fn name(&self) -> &'static str {
        "SlotExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() {
            Ok(self)
        } else {
            internal_err!("a slot has no children")
        }
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("a slot has one partition, {partition} was asked for");
        }
        let inputs = context
            .session_config()
            .get_extension::<TaskInputs>()
            .ok_or_else(|| exec_datafusion_err!("the task has no inputs"))?;
        let source = inputs
            .slots
            .get(&self.slot)
            .ok_or_else(|| exec_datafusion_err!("the task has no rows for slot {}", self.slot.0))?;
        source.open(&self.schema)
    }

    fn partition_statistics(&self, _partition: Option<usize>) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = Precision::Inexact(self.rows);
        statistics.total_byte_size = Precision::Inexact(self.rows.saturating_mul(100));
        Ok(Arc::new(statistics))
    }
}
