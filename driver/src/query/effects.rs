//! The only interpreter of the batch machine's effects.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use millstream_common::domain::id::{BatchId, ExecutorId, TaskId};
use millstream_common::domain::offset::PartitionOffsets;
use millstream_driver_core::batch::{Effect, Event, Listing};
use millstream_driver_core::checkpoint::{CommitRecord, StateFile};
use millstream_driver_core::offsets::SkippedKind;
use millstream_driver_core::tasks::{Failure, Finished, Launch, Work};
use millstream_driver_core::watermark::Thresholds;
use millstream_plan::spec::SinkSpec;
use millstream_proto::control::v1 as proto;
use millstream_proto::control::v1::driver_message::Message as ToExecutor;
use millstream_spark::render::ShowOptions;
use millstream_store::table::{FilePart, FileSink};
use tokio::runtime::Handle as Runtime;

use super::actor::{Happened, QueryActor};
use super::checkpoint::Checkpoint;
use super::emit::{Output, QueryEvent, ResultRows};
use super::prepare::Prepared;
use super::rows::{TaskRows, finish, gather};
use super::source::SourceFacts;
use super::wire;
use crate::cluster::Registry;
use crate::cluster::blocks::{BlockFetcher, BlockStore, to_ipc};
use crate::error::{DriverError, chain};
use crate::progress::Watcher;

/// Stage number of the rows that the driver merged, in the names of blocks.
const MERGED_STAGE: u32 = u32::MAX;

/// What a query's effects need.
pub struct QueryContext {
    /// The query, compiled.
    pub prepared: Arc<Prepared>,
    /// Its sources, in order.
    pub sources: Vec<SourceFacts>,
    /// Its logs; none for a batch query.
    pub checkpoint: Option<Checkpoint>,
    /// Executors.
    pub registry: Arc<Registry>,
    /// The driver's own blocks.
    pub blocks: Arc<BlockStore>,
    /// Where they are served.
    pub blocks_address: String,
    /// Executors' blocks.
    pub fetcher: Arc<BlockFetcher>,
    /// Where the driver's own sinks write.
    pub output: Output,
    /// Who hears of progress.
    pub watcher: Watcher,
    /// Where everything slow runs.
    pub runtime: Runtime,
}

fn as_failure(error: &DriverError) -> Failure {
    Failure::new(error.class(), chain(error))
}

impl QueryActor {
    pub(super) fn perform(&mut self, effect: Effect, ctx: &mut Context<Self>) {
        let context = Arc::clone(&self.context);
        match effect {
            Effect::WakeAt(at_ms) => self.wake_at(at_ms, ctx),
            Effect::List(positions) => self.spawn(ctx, async move {
                match list(&context, &positions).await {
                    Ok(listings) => Event::Listed(listings),
                    Err(failure) => Event::ListingFailed(failure),
                }
            }),
            Effect::Log(batch, record) => self.spawn(ctx, async move {
                let Some(checkpoint) = &context.checkpoint else {
                    return Event::Logged;
                };
                match checkpoint.log(batch, &record).await {
                    Ok(()) => Event::Logged,
                    Err(error) => Event::LogFailed(as_failure(&error)),
                }
            }),
            Effect::Launch {
                batch,
                timestamp_ms,
                thresholds,
                state,
                passed,
                launches,
            } => self.launch(batch, timestamp_ms, thresholds, (&state, &passed), launches),
            Effect::Merge {
                batch,
                timestamp_ms,
                passed,
                ..
            } => self.merge(batch, timestamp_ms, passed, ctx),
            Effect::Commit(batch, record) => {
                let parts = self.written();
                self.spawn(ctx, async move {
                    match commit(&context, batch, &record, parts).await {
                        Ok(()) => Event::Committed,
                        Err(error) => Event::CommitFailed(as_failure(&error)),
                    }
                });
            }
            Effect::Announce(batch) => self.announce(batch),
            Effect::Abort(batch, running) => self.abort(batch, running),
            Effect::Purge(below, files) => {
                self.context.runtime.spawn(async move {
                    if let Some(checkpoint) = &context.checkpoint
                        && let Err(error) = checkpoint.purge(below, &files).await
                    {
                        tracing::warn!(error = chain(&error), "old entries of the checkpoint are left behind");
                    }
                });
            }
            Effect::Skipped(skipped) => {
                for one in &skipped {
                    context.watcher.warn(&match one.kind {
                        // A batch query has read nothing before: there is nothing to lose.
                        SkippedKind::Shrunk { from, end } if !context.prepared.streaming => format!(
                            "nothing is read from partition {}: it ends at {end}, before the starting offset {from}",
                            one.partition
                        ),
                        _ => format!("data loss accepted: {one}"),
                    });
                }
            }
            Effect::Starved(until_ms) => {
                let wait_s = (until_ms - self.now_ms()).max(0) / 1000;
                context
                    .watcher
                    .warn(&format!("no executor to run tasks, waiting up to {wait_s} s"));
            }
            Effect::Report(report) => {
                context.watcher.batch(&report);
                context.output.tell(|| QueryEvent::Batch(report));
            }
            Effect::Idle(next) => {
                context.watcher.idle(next);
                context.output.tell(|| QueryEvent::Idle);
            }
            Effect::Finish(outcome) => self.end(outcome, ctx),
        }
    }

    /// Runs something slow elsewhere; what comes of it is an event.
    fn spawn(&self, ctx: &Context<Self>, work: impl Future<Output = Event> + Send + 'static) {
        let address = ctx.address();
        self.context.runtime.spawn(async move {
            let event = work.await;
            // A query that has ended takes no events.
            let _ = address.send(Happened(event)).await;
        });
    }

    fn wake_at(&mut self, at_ms: i64, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        let wait_ms = u64::try_from(at_ms - self.now_ms()).unwrap_or(0);
        let timer = ctx.run_later(Duration::from_millis(wait_ms), |actor, ctx| {
            actor.timer = None;
            actor.happen(Event::Wake, ctx);
        });
        self.timer = Some(timer);
    }

    fn launch(
        &mut self,
        batch: BatchId,
        timestamp_ms: i64,
        thresholds: Thresholds,
        (state, passed): (&(u64, Vec<StateFile>), &[u64]),
        launches: Vec<Launch>,
    ) {
        let spec = &self.context.prepared.spec;
        let blocks = |partition: u32| self.blocks_for(batch, partition);
        let rows = |index: u32| self.merged_rows(batch, index);
        let inputs = wire::TaskInputs {
            thresholds,
            state: (state.0, &state.1),
            passed,
            reduce_tasks: spec.reduce.as_ref().map_or(1, |reduce| reduce.tasks),
            blocks: &blocks,
            rows: &rows,
        };
        let mut by_executor: std::collections::BTreeMap<ExecutorId, Vec<proto::Task>> = Default::default();
        for launch in &launches {
            by_executor
                .entry(launch.executor.clone())
                .or_default()
                .push(wire::task(launch, &inputs));
        }
        for (executor, tasks) in by_executor {
            let run = proto::RunTasks {
                query_id: spec.query.0.clone(),
                generation: spec.generation.0,
                batch_id: batch.0,
                batch_time_us: timestamp_ms.saturating_mul(1000),
                tasks,
            };
            if !self.context.registry.send(&executor, ToExecutor::RunTasks(run)) {
                // The cluster finds it gone in a moment and says so.
                tracing::warn!(%executor, "tasks could not be sent");
            }
        }
    }

    /// The reports the machine has accepted, with what came with them.
    fn accepted(&self) -> impl Iterator<Item = (&Work, &Finished, &super::actor::Stored)> {
        self.machine.reports().filter_map(|(work, finished)| {
            let stored = self.reports.get(&(finished.task, finished.attempt))?;
            Some((work, finished, stored))
        })
    }

    fn blocks_for(&self, batch: BatchId, partition: u32) -> Vec<proto::BlockRef> {
        let query_id = &self.context.prepared.spec.query.0;
        let mut refs = Vec::new();
        for (work, finished, stored) in self.accepted() {
            let Work::Map { stage, index, .. } = work else { continue };
            let full = stored.report.blocks.iter();
            for block in full.filter(|block| block.partition == partition && block.rows > 0) {
                refs.push(proto::BlockRef {
                    blocks_address: stored.blocks_address.clone(),
                    block: Some(proto::BlockId {
                        query_id: query_id.clone(),
                        batch_id: batch.0,
                        stage: *stage,
                        task_index: *index,
                        attempt: finished.attempt,
                        partition,
                    }),
                    rows: block.rows,
                    bytes: block.bytes,
                });
            }
        }
        refs
    }

    fn merged_block(&self, batch: BatchId, index: u32) -> proto::BlockId {
        proto::BlockId {
            query_id: self.context.prepared.spec.query.0.clone(),
            batch_id: batch.0,
            stage: MERGED_STAGE,
            task_index: index,
            attempt: 1,
            partition: 0,
        }
    }

    fn merged_rows(&self, batch: BatchId, index: u32) -> Vec<proto::BlockRef> {
        let block = self.merged_block(batch, index);
        let (rows, bytes) = self.context.blocks.size(&block).unwrap_or_default();
        vec![proto::BlockRef {
            blocks_address: self.context.blocks_address.clone(),
            block: Some(block),
            rows,
            bytes,
        }]
    }

    fn merge(&mut self, batch: BatchId, timestamp_ms: i64, passed: Vec<u64>, ctx: &mut Context<Self>) {
        let context = Arc::clone(&self.context);
        if context.prepared.passes_on {
            self.spawn(ctx, async { Event::Merged { passed } });
            return;
        }
        let prepared = &context.prepared;
        let into = |work: &Work| match work {
            Work::Map { stage, .. } => prepared.map_into.get(*stage as usize).copied().flatten(),
            Work::Reduce { .. } => prepared.reduce_into,
            Work::Write { .. } => None,
        };
        let tasks: Vec<TaskRows> = self
            .accepted()
            .filter_map(|(work, finished, stored)| {
                Some(TaskRows {
                    into: into(work)?,
                    executor: finished.executor.clone(),
                    report: Arc::clone(&stored.report),
                })
            })
            .collect();
        let block = self.merged_block(batch, 0);
        self.spawn(ctx, async move {
            match emit(&context, batch, timestamp_ms, (tasks, passed), block).await {
                Ok(passed) => Event::Merged { passed },
                Err((failure, lost)) => Event::MergeFailed { failure, lost },
            }
        });
    }

    fn written(&self) -> Vec<FilePart> {
        let modified_ms = self.now_ms();
        self.accepted()
            .flat_map(|(.., stored)| stored.report.written_files.iter())
            .map(|file| FilePart {
                name: file.path.clone(),
                size: file.bytes,
                modified_ms,
                rows: file.rows,
            })
            .collect()
    }

    fn announce(&mut self, batch: BatchId) {
        let spec = &self.context.prepared.spec;
        self.context
            .registry
            .send_all(&ToExecutor::BatchCommitted(proto::BatchCommitted {
                query_id: spec.query.0.clone(),
                generation: spec.generation.0,
                batch_id: batch.0,
            }));
        self.context.blocks.drop_rows(&spec.query.0);
        self.reports.clear();
    }

    fn abort(&mut self, batch: BatchId, running: Vec<(TaskId, ExecutorId)>) {
        let spec = &self.context.prepared.spec;
        for (task, executor) in running {
            let cancel = proto::CancelTasks {
                query_id: spec.query.0.clone(),
                generation: spec.generation.0,
                task_ids: vec![task.0],
            };
            self.context.registry.send(&executor, ToExecutor::CancelTasks(cancel));
        }
        self.context
            .registry
            .send_all(&ToExecutor::BatchAborted(proto::BatchAborted {
                query_id: spec.query.0.clone(),
                generation: spec.generation.0,
                batch_id: batch.0,
            }));
        self.reports.clear();
    }
}

async fn list(context: &QueryContext, positions: &[PartitionOffsets]) -> Result<Vec<Listing>, Failure> {
    let asked = context
        .sources
        .iter()
        .zip(positions)
        .map(|(source, position)| async move {
            if context.prepared.streaming {
                return source.list(position).await;
            }
            Ok(Listing {
                latest: source.end().await?,
                earliest_of_new: PartitionOffsets::default(),
            })
        });
    futures::future::try_join_all(asked).await
}

async fn commit(
    context: &QueryContext,
    batch: BatchId,
    record: &CommitRecord,
    parts: Vec<FilePart>,
) -> Result<(), DriverError> {
    if let SinkSpec::Files {
        format, path, options, ..
    } = &context.prepared.sink
    {
        let failed = |source| DriverError::Store {
            action: format!("making files of {path} visible"),
            source,
        };
        let sink = FileSink::open(path, *format, options).map_err(failed)?;
        if context.prepared.streaming {
            sink.commit_stream(batch.0, &parts).await.map_err(failed)?;
        } else {
            sink.commit_batch(&parts).await.map_err(failed)?;
        }
    }
    match &context.checkpoint {
        Some(checkpoint) => checkpoint.commit(batch, record).await,
        None => Ok(()),
    }
}

async fn emit(
    context: &QueryContext,
    batch: BatchId,
    timestamp_ms: i64,
    (tasks, passed): (Vec<TaskRows>, Vec<u64>),
    block: proto::BlockId,
) -> Result<Vec<u64>, super::rows::Lost> {
    let slots = gather(tasks, &context.fetcher).await?;
    let prepared = &context.prepared;
    let (rows, passed) = finish(Arc::clone(prepared), slots, timestamp_ms, passed).await?;
    let names = &prepared.spec.output_names;
    match &prepared.sink {
        SinkSpec::Console { num_rows, truncate } => {
            let options = ShowOptions {
                num_rows: *num_rows,
                truncate: if *truncate { 20 } else { 0 },
                vertical: false,
            };
            let number = prepared.streaming.then_some(batch.0);
            context
                .watcher
                .suspended(|| context.output.show(number, names, &rows, &options, &prepared.time_zone))
                .map_err(|failure| (failure, None))?;
        }
        SinkSpec::Memory => {
            context.output.tell(|| {
                QueryEvent::Rows(ResultRows {
                    batch: batch.0,
                    names: names.clone(),
                    schema: prepared.last.schema(),
                    batches: rows,
                })
            });
        }
        SinkSpec::Kafka { .. } | SinkSpec::Files { .. } => {
            let bytes = to_ipc(&prepared.last.schema(), &rows).map_err(|error| {
                let failure = Failure::new(
                    millstream_common::domain::failure::FailureClass::Internal,
                    chain(&error),
                );
                (failure, None)
            })?;
            let count = rows.iter().map(|batch| batch.num_rows() as u64).sum();
            context.blocks.put_rows(&block, count, bytes);
        }
        SinkSpec::Noop => {}
    }
    Ok(passed)
}
