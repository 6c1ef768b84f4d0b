//! The queries of one session, and what the driver orders about them.

use std::sync::Arc;

use dashmap::DashMap;
use millstream_proto::control::v1::driver_message::Message as Order;
use millstream_proto::control::v1::executor_message::Message as Report;
use millstream_proto::control::v1::{ExecutorMessage, PrepareFailed, PrepareQuery, RunTasks, Task, TaskFailed};
use tokio::sync::mpsc;

use super::Member;
use crate::actor::{Which, not_cancelled};
use crate::error::TaskError;
use crate::query::Query;
use crate::task::TaskRun;

/// Queries set up for one session.
pub(super) struct Queries {
    session: u64,
    member: Arc<Member>,
    reports: mpsc::Sender<ExecutorMessage>,
    by_id: DashMap<String, Arc<Query>>,
}

impl Queries {
    pub(super) fn new(session: u64, member: Arc<Member>, reports: mpsc::Sender<ExecutorMessage>) -> Self {
        Self {
            session,
            member,
            reports,
            by_id: DashMap::new(),
        }
    }

    /// Memory of all states.
    pub(super) fn state_bytes(&self) -> u64 {
        self.by_id.iter().map(|query| query.state_bytes()).sum()
    }

    /// Carries out one order. Orders of a session are carried out in their order; only tasks run beside each other.
    pub(super) async fn obey(&self, order: Order) {
        match order {
            Order::PrepareQuery(message) => self.prepare(message).await,
            Order::RunTasks(message) => self.run(message).await,
            Order::CancelTasks(message) => {
                if self.get(&message.query_id, message.generation).is_some() {
                    self.cancel(&message.query_id, Which::Tasks(message.task_ids)).await;
                }
            }
            Order::BatchCommitted(message) => {
                if let Some(query) = self.get(&message.query_id, message.generation) {
                    let batch = message.batch_id;
                    self.release_blocks(&message.query_id, |made_for| made_for <= batch);
                    blocking(move || query.commit(batch)).await;
                }
            }
            Order::BatchAborted(message) => {
                if let Some(query) = self.get(&message.query_id, message.generation) {
                    let batch = message.batch_id;
                    // Tasks still running hold their state's lock.
                    self.cancel(&message.query_id, Which::Batch(batch)).await;
                    self.release_blocks(&message.query_id, |made_for| made_for == batch);
                    blocking(move || query.abort(batch)).await;
                }
            }
            Order::ReleaseQuery(message) => {
                if let Some(query) = self.get(&message.query_id, message.generation) {
                    self.cancel(&message.query_id, Which::All).await;
                    self.by_id.remove(&message.query_id);
                    self.release_blocks(&message.query_id, |_| true);
                    // Closing consumers takes a while.
                    blocking(move || drop(query)).await;
                }
            }
            // The session is registered; a repeated answer changes nothing, and refusals end the session elsewhere.
            Order::Registered(_) | Order::Rejected(_) => {}
        }
    }

    /// The query, when this very start of it is set up.
    fn get(&self, query: &str, generation: u64) -> Option<Arc<Query>> {
        let found = self.by_id.get(query).map(|query| Arc::clone(&query))?;
        (found.spec.generation.0 == generation).then_some(found)
    }

    async fn prepare(&self, message: PrepareQuery) {
        if self
            .by_id
            .get(&message.query_id)
            .is_some_and(|known| known.spec.generation.0 > message.generation)
        {
            return;
        }
        let services = &self.member.services;
        match Query::prepare(&message, self.session, &services.client, &self.member.tables).await {
            Ok(query) => {
                self.cancel(&message.query_id, Which::All).await;
                self.release_blocks(&message.query_id, |_| true);
                self.by_id.insert(message.query_id, Arc::new(query));
            }
            Err(error) => {
                let failed = PrepareFailed {
                    query_id: message.query_id,
                    generation: message.generation,
                    failure: Some(error.to_wire()),
                };
                self.report(Report::PrepareFailed(failed)).await;
            }
        }
    }

    async fn run(&self, message: RunTasks) {
        let Some(query) = self.get(&message.query_id, message.generation) else {
            for task in &message.tasks {
                self.report(Report::TaskFailed(fenced(&message, task))).await;
            }
            return;
        };
        let runs = message.tasks.into_iter().map(|task| TaskRun {
            query: Arc::clone(&query),
            services: Arc::clone(&self.member.services),
            batch: message.batch_id,
            batch_time_us: message.batch_time_us,
            task,
            cancelled: not_cancelled(),
        });
        self.member.executor.run(runs.collect(), &self.reports).await;
    }

    async fn cancel(&self, query: &str, which: Which) {
        self.member.executor.cancel(self.session, query, which).await;
    }

    fn release_blocks(&self, query: &str, done: impl Fn(u64) -> bool) {
        self.member.services.blocks.release(self.session, query, done);
    }

    async fn report(&self, report: Report) {
        // A stream that has ended wants no report.
        let _ = self.reports.send(ExecutorMessage { message: Some(report) }).await;
    }
}

fn fenced(message: &RunTasks, task: &Task) -> TaskFailed {
    TaskFailed {
        task_id: task.task_id,
        attempt: task.attempt,
        query_id: message.query_id.clone(),
        generation: message.generation,
        batch_id: message.batch_id,
        failure: Some(
            TaskError::Fenced {
                generation: message.generation,
            }
            .to_wire(),
        ),
    }
}

/// Runs something that may wait for a lock or a client, off the threads that carry the network.
async fn blocking(work: impl FnOnce() + Send + 'static) {
    if let Err(error) = tokio::task::spawn_blocking(work).await {
        tracing::error!(%error, "an order was not carried out");
    }
}
