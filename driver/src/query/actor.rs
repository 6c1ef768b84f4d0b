//! One query's actor: takes reports, feeds the batch machine, has its effects carried out.

use std::collections::HashMap;
use std::sync::Arc;

use actix::prelude::*;
use millstream_common::domain::id::{ExecutorId, TaskId};
use millstream_common::time::{Clock, SystemClock};
use millstream_driver_core::batch::{BatchMachine, Event, Outcome};
use millstream_driver_core::tasks::Failure;
use millstream_proto::control::v1::{PrepareFailed, TaskFailed, TaskFinished};
use tokio::sync::oneshot;

use super::effects::QueryContext;
use super::wire;

/// A report of success as it came, and where its blocks are.
pub(super) struct Stored {
    pub report: Arc<TaskFinished>,
    pub blocks_address: String,
}

/// Runs one query. Everything it waits for ends in a message to it.
pub struct QueryActor {
    pub(super) machine: BatchMachine,
    pub(super) context: Arc<QueryContext>,
    /// Reports of the present batch by task and attempt.
    pub(super) reports: HashMap<(TaskId, u32), Stored>,
    pub(super) timer: Option<SpawnHandle>,
    done: Option<oneshot::Sender<Outcome>>,
    clock: SystemClock,
}

impl QueryActor {
    /// An actor that tells `done` how the query ended.
    #[must_use]
    pub fn new(machine: BatchMachine, context: Arc<QueryContext>, done: oneshot::Sender<Outcome>) -> Self {
        Self {
            machine,
            context,
            reports: HashMap::new(),
            timer: None,
            done: Some(done),
            clock: SystemClock::new(),
        }
    }

    pub(super) fn happen(&mut self, event: Event, ctx: &mut Context<Self>) {
        tracing::trace!(?event, "event");
        let effects = self.machine.on(event, self.clock.now_ms());
        for effect in effects {
            self.perform(effect, ctx);
        }
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    pub(super) fn end(&mut self, outcome: Outcome, ctx: &mut Context<Self>) {
        if let Some(done) = self.done.take() {
            // Whoever started the query may be gone.
            let _ = done.send(outcome);
        }
        ctx.stop();
    }

    fn stale(&self, generation: u64) -> bool {
        generation != self.context.prepared.spec.generation.0
    }
}

impl Actor for QueryActor {
    type Context = Context<Self>;
}

/// An event for the batch machine.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Happened(
    /// What.
    pub Event,
);

impl Handler<Happened> for QueryActor {
    type Result = ();

    fn handle(&mut self, message: Happened, ctx: &mut Self::Context) {
        self.happen(message.0, ctx);
    }
}

/// What an executor reports about this query.
#[derive(Message)]
#[rtype(result = "()")]
pub enum TaskReport {
    /// A task is done.
    Finished(ExecutorId, Box<TaskFinished>),
    /// A task failed.
    Failed(ExecutorId, Box<TaskFailed>),
    /// The query could not be set up there.
    NotPrepared(ExecutorId, Box<PrepareFailed>),
}

impl Handler<TaskReport> for QueryActor {
    type Result = ();

    fn handle(&mut self, message: TaskReport, ctx: &mut Self::Context) {
        let event = match message {
            TaskReport::Finished(_, report) if self.stale(report.generation) => return,
            TaskReport::Failed(_, report) if self.stale(report.generation) => return,
            TaskReport::NotPrepared(_, report) if self.stale(report.generation) => return,
            TaskReport::Finished(executor, report) => {
                let finished = wire::finished(executor.clone(), &report);
                tracing::debug!(task = %finished.task, %executor, "task finished, {} us",
                    report.metrics.as_ref().map_or(0, |metrics| metrics.duration_us));
                let info = self.context.registry.executor(&executor);
                let stored = Stored {
                    report: Arc::new(*report),
                    blocks_address: info.map(|info| info.blocks_address).unwrap_or_default(),
                };
                self.reports.insert((finished.task, finished.attempt), stored);
                Event::TaskFinished(finished)
            }
            TaskReport::Failed(executor, report) => {
                let failed = wire::failed(executor, *report);
                tracing::warn!(task = %failed.task, attempt = failed.attempt, executor = %failed.executor,
                    failure = failed.failure.message, "task failed");
                Event::TaskFailed(failed)
            }
            TaskReport::NotPrepared(executor, report) => {
                let (failure, _) = wire::failure(report.failure);
                let message = format!("executor {executor} cannot set the query up: {}", failure.message);
                let failure = Failure::new(failure.class, message);
                self.end(Outcome::Failed(failure), ctx);
                return;
            }
        };
        self.happen(event, ctx);
    }
}
