//! What a slot runs: straight-line pipelines on the slot's own thread.

mod deliver;
mod map;
mod reduce;
mod write;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arrow::array::RecordBatch;
use datafusion::common::exec_datafusion_err;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use millstream_plan::slot::TaskInputs;
use millstream_proto::control::v1::executor_message::Message;
use millstream_proto::control::v1::task::Work;
use millstream_proto::control::v1::{BlockRef, Task, TaskFailed, TaskFinished};
use millstream_spark::{batch_clock, task_rows};
use tokio::runtime::{self, Handle, Runtime};

use crate::error::TaskError;
use crate::panics;
use crate::query::Query;
use crate::shuffle::{BlockClient, BlockStore};

thread_local! {
    /// Runs what operators spawn (a union below a join reads its branches so), on the slot's own thread: it has the task's clock.
    static SPAWNED: std::io::Result<Runtime> = runtime::Builder::new_current_thread().build();
}

/// What tasks of this process share.
#[derive(Debug)]
pub struct Services {
    /// Blocks held here.
    pub blocks: Arc<BlockStore>,
    /// Blocks held elsewhere.
    pub client: BlockClient,
    /// Where others find the blocks held here.
    pub address: String,
    /// Runs requests to stores and other processes.
    pub runtime: Handle,
}

/// One attempt of one task.
#[derive(Debug)]
pub struct TaskRun {
    /// The query it belongs to.
    pub query: Arc<Query>,
    /// What is shared.
    pub services: Arc<Services>,
    /// The batch.
    pub batch: u64,
    /// What `current_timestamp()` answers.
    pub batch_time_us: i64,
    /// The work.
    pub task: Task,
    /// Set when the task is called off.
    pub cancelled: Arc<AtomicBool>,
}

impl TaskRun {
    /// Runs the task to its end on this thread and reports it. A panic fails the task, not the process.
    #[must_use]
    pub fn run(&self) -> Message {
        let started = Instant::now();
        let _guarded = panics::caught();
        let result = catch_unwind(AssertUnwindSafe(|| {
            let _clock = batch_clock::scope(self.batch_time_us);
            let _rows = task_rows::scope(0);
            self.work()
        }));
        let result = result.unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let message = words
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("without words");
            Err(TaskError::Panicked {
                message: message.to_owned(),
            })
        });
        match result {
            Ok(mut finished) => {
                let took = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
                finished.metrics.get_or_insert_default().duration_us = took;
                Message::TaskFinished(finished)
            }
            Err(error) => Message::TaskFailed(self.failed(&error)),
        }
    }

    /// The report of a task that failed.
    #[must_use]
    pub fn failed(&self, error: &TaskError) -> TaskFailed {
        TaskFailed {
            task_id: self.task.task_id,
            attempt: self.task.attempt,
            query_id: self.query.spec.query.0.clone(),
            generation: self.query.spec.generation.0,
            batch_id: self.batch,
            failure: Some(error.to_wire()),
        }
    }

    fn work(&self) -> Result<TaskFinished, TaskError> {
        self.check()?;
        match &self.task.work {
            Some(Work::Map(work)) => map::run(self, work),
            Some(Work::Reduce(work)) => reduce::run(self, work),
            Some(Work::Write(work)) => write::run(self, work),
            None => Err(TaskError::Unknown {
                what: "kind of work of task",
                index: self.task.task_id,
            }),
        }
    }

    /// A report without anything in it yet.
    fn report(&self) -> TaskFinished {
        TaskFinished {
            task_id: self.task.task_id,
            attempt: self.task.attempt,
            query_id: self.query.spec.query.0.clone(),
            generation: self.query.spec.generation.0,
            batch_id: self.batch,
            ..TaskFinished::default()
        }
    }

    /// Ends the task when it was called off.
    fn check(&self) -> Result<(), TaskError> {
        if self.cancelled.load(Ordering::Relaxed) {
            Err(TaskError::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Runs `plan` over `inputs` and hands its batches to `each`, in order.
    fn drive(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        inputs: &Arc<TaskInputs>,
        mut each: impl FnMut(RecordBatch) -> Result<(), TaskError>,
    ) -> Result<(), TaskError> {
        let context = inputs.context(self.query.context());
        SPAWNED.with(|spawned| {
            let spawned = spawned.as_ref().map_err(|error| {
                let source = exec_datafusion_err!("cannot start the slot's runtime: {error}");
                TaskError::plan("starting the plan")(source)
            })?;
            let started = {
                let _spawning = spawned.enter();
                plan.execute(0, context)
            };
            let mut rows = started.map_err(TaskError::plan("starting the plan"))?;
            // `each` may wait for other runtimes: it runs outside of this one.
            while let Some(batch) = spawned.block_on(rows.next()) {
                self.check()?;
                each(batch.map_err(TaskError::plan("running the plan"))?)?;
            }
            Ok(())
        })
    }

    /// The rows of `blocks`, block by block in the order of the tasks that made them, whatever the order of the list.
    fn fetch(&self, blocks: &[BlockRef]) -> Result<Vec<RecordBatch>, TaskError> {
        /// Blocks asked for at once: enough to hide the network, few enough not to drown a node.
        const AT_ONCE: usize = 8;
        let mut blocks: Vec<&BlockRef> = blocks.iter().collect();
        blocks.sort_by_key(|block| block.block.as_ref().map(|id| (id.stage, id.task_index)));
        let client = &self.services.client;
        let fetched = futures::stream::iter(blocks)
            .map(|block| async move {
                client.block(block).await.map_err(|source| TaskError::Fetch {
                    block: Some(Box::new(block.clone())),
                    source,
                })
            })
            .buffered(AT_ONCE)
            .collect::<Vec<_>>();
        let mut batches = Vec::new();
        for block in self.services.runtime.block_on(fetched) {
            batches.extend(block?);
        }
        Ok(batches)
    }
}
