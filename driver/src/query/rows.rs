//! Brings a batch's rows together and runs the driver's part of the plan over them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::ExecutionPlanProperties;
use datafusion::physical_plan::common::collect;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use millstream_common::domain::failure::FailureClass;
use millstream_common::domain::id::ExecutorId;
use millstream_driver_core::tasks::Failure;
use millstream_plan::slot::{Batches, TaskInputs};
use millstream_plan::spec::SlotId;
use millstream_proto::control::v1::TaskFinished;

use super::prepare::Prepared;
use crate::cluster::blocks::{BlockError, BlockFetcher, from_ipc};

/// One task's rows, where they are.
pub struct TaskRows {
    /// The slot of the driver's plan they belong to.
    pub into: SlotId,
    /// Who made them.
    pub executor: ExecutorId,
    /// Its report: with the rows, or where they are.
    pub report: Arc<TaskFinished>,
}

/// Rows that could not be had; names the executor that lost them.
pub type Lost = (Failure, Option<ExecutorId>);

/// Fetches all rows, by slot, in the order of the tasks.
pub async fn gather(tasks: Vec<TaskRows>, fetcher: &BlockFetcher) -> Result<BTreeMap<SlotId, Vec<RecordBatch>>, Lost> {
    let fetches = tasks.iter().map(|task| async {
        match &task.report.rows_block {
            Some(block) => fetcher.fetch(block).await.and_then(|bytes| from_ipc(&bytes)),
            None => from_ipc(&task.report.rows_ipc),
        }
    });
    let fetched = futures::future::join_all(fetches).await;
    let mut slots: BTreeMap<SlotId, Vec<RecordBatch>> = BTreeMap::new();
    for (task, rows) in tasks.into_iter().zip(fetched) {
        match rows {
            Ok(batches) => slots.entry(task.into).or_default().extend(batches),
            Err(error) => {
                let class = match error {
                    BlockError::Lost { .. } => FailureClass::LostBlock,
                    BlockError::Malformed(_) => FailureClass::Internal,
                };
                let failure = Failure::new(class, crate::error::chain(&error));
                return Err((failure, Some(task.executor)));
            }
        }
    }
    Ok(slots)
}

/// Runs the driver's plan over the rows of all slots; with the rows, how many each limit over the stream has let through when
/// it was `passed` before.
///
/// On a thread of its own: the batch's time is known by thread, and a long sort must not hold up anything else.
pub async fn finish(
    prepared: Arc<Prepared>,
    mut slots: BTreeMap<SlotId, Vec<RecordBatch>>,
    timestamp_ms: i64,
    passed: Vec<u64>,
) -> Result<(Vec<RecordBatch>, Vec<u64>), Lost> {
    let runtime = tokio::runtime::Handle::current();
    let run = move || -> datafusion::error::Result<_> {
        let mut inputs = TaskInputs::default();
        let into = prepared.map_into.iter().flatten().chain(prepared.reduce_into.iter());
        for slot in into.copied().collect::<std::collections::BTreeSet<_>>() {
            let batches = slots.remove(&slot).unwrap_or_default();
            inputs = inputs.with(slot, Arc::new(Batches(batches)));
        }
        for (slot, batches) in &prepared.tables {
            inputs = inputs.with(*slot, Arc::new(Batches(batches.clone())));
        }
        let inputs = Arc::new(inputs.with_passed(passed));
        let context = inputs.context(&prepared.base);
        let plan = reset_plan_states(Arc::clone(&prepared.last))?;
        let _time = millstream_spark::batch_clock::scope(timestamp_ms.saturating_mul(1000));
        let _rows = millstream_spark::task_rows::scope(0);
        let mut rows = Vec::new();
        // Branches of a union come one after the other, as in Spark, and on this thread, which has the clock.
        for branch in 0..plan.output_partitioning().partition_count() {
            let branch = plan.execute(branch, Arc::clone(&context))?;
            rows.extend(runtime.block_on(collect(branch))?);
        }
        Ok((rows, inputs.passed()))
    };
    let internal = |message: String| (Failure::new(FailureClass::Internal, message), None);
    match tokio::task::spawn_blocking(run).await {
        Ok(Ok(finished)) => Ok(finished),
        Ok(Err(error)) => Err((
            Failure::new(
                FailureClass::User,
                format!("finishing the query over its rows: {}", error.strip_backtrace()),
            ),
            None,
        )),
        Err(_) => Err(internal("the driver's part of the query panicked".to_owned())),
    }
}
