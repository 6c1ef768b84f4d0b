//! Who runs what: the queue of tasks and the slots.

mod message;
mod slots;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use actix::prelude::*;
use millstream_proto::control::v1::ExecutorMessage;
use millstream_proto::control::v1::executor_message::Message as Report;
use tokio::sync::{mpsc, oneshot};

use crate::task::TaskRun;
use message::{Cancel, Drain, EndSession, RunTasks, SlotFreed};
pub use message::{Job, Which};
use slots::Slots;

/// Messages that may wait; each is one event of a session or a slot, so a burst stays far below.
const MAILBOX: usize = 1_024;

/// Coordinates the slots; does no work itself.
struct ExecutorActor {
    slots: Slots<Job>,
    threads: Vec<SyncSender<Job>>,
    drained: Vec<oneshot::Sender<()>>,
}

impl Actor for ExecutorActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(MAILBOX);
    }
}

impl ExecutorActor {
    /// Gives free slots the tasks that wait longest.
    fn start_waiting(&mut self) {
        while let Some((slot, job)) = self.slots.next() {
            if let Some(thread) = self.threads.get(slot) {
                // The slot is free, so its channel is empty; a thread that is gone has ended the process already.
                if thread.try_send(job).is_err() {
                    tracing::error!(slot, "a free slot does not take a task");
                }
            }
        }
        if self.slots.is_idle() {
            for waiting in self.drained.drain(..) {
                // Nobody waiting any more is fine.
                let _ = waiting.send(());
            }
        }
    }
}

impl Handler<RunTasks> for ExecutorActor {
    type Result = ();

    fn handle(&mut self, message: RunTasks, _: &mut Self::Context) {
        for job in message.0 {
            let (session, cancelled) = (job.run.query.session, Arc::clone(&job.run.cancelled));
            let names = slots::Names {
                session,
                query: job.run.query.spec.query.0.clone(),
                batch: job.run.batch,
                task: job.run.task.task_id,
            };
            self.slots.submit(job, names, cancelled);
        }
        self.start_waiting();
    }
}

impl Handler<Cancel> for ExecutorActor {
    type Result = ();

    fn handle(&mut self, message: Cancel, _: &mut Self::Context) {
        self.slots.cancel(|names| {
            names.session == message.session
                && names.query == message.query
                && match &message.which {
                    Which::Tasks(ids) => ids.contains(&names.task),
                    Which::Batch(batch) => names.batch == *batch,
                    Which::All => true,
                }
        });
    }
}

impl Handler<EndSession> for ExecutorActor {
    type Result = ();

    fn handle(&mut self, message: EndSession, _: &mut Self::Context) {
        self.slots.forget(|names| names.session == message.0);
        self.start_waiting();
    }
}

impl Handler<SlotFreed> for ExecutorActor {
    type Result = ();

    fn handle(&mut self, message: SlotFreed, _: &mut Self::Context) {
        self.slots.freed(message.0);
        self.start_waiting();
    }
}

impl Handler<Drain> for ExecutorActor {
    type Result = ();

    fn handle(&mut self, message: Drain, _: &mut Self::Context) {
        self.drained.push(message.0);
        self.start_waiting();
    }
}

/// The executor's slots. Cheap to clone.
#[derive(Clone)]
pub struct Executor {
    actor: Addr<ExecutorActor>,
    running: Arc<std::sync::atomic::AtomicU32>,
}

impl Executor {
    /// Starts `slots` threads and the actor that feeds them.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(slots: usize) -> std::io::Result<Self> {
        let running = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let (threads, receivers): (Vec<_>, Vec<_>) = (0..slots).map(|_| sync_channel::<Job>(1)).unzip();
        let (sender, started) = sync_channel(1);
        thread::Builder::new().name("coordinator".to_owned()).spawn(move || {
            let system = System::new();
            system.block_on(async move {
                let actor = ExecutorActor {
                    slots: Slots::new(slots),
                    threads,
                    drained: Vec::new(),
                }
                .start();
                // The receiver waits for exactly this.
                let _ = sender.send(actor);
            });
            // Ends with the process.
            if let Err(error) = system.run() {
                tracing::error!(%error, "the coordinator ended");
            }
        })?;
        let actor = started
            .recv()
            .map_err(|_| std::io::Error::other("the coordinator did not start"))?;
        for (slot, receiver) in receivers.into_iter().enumerate() {
            let (actor, running) = (actor.clone(), Arc::clone(&running));
            thread::Builder::new()
                .name(format!("slot-{slot}"))
                .spawn(move || run_slot(slot, &receiver, &actor, &running))?;
        }
        Ok(Self { actor, running })
    }

    /// How many tasks run right now.
    #[must_use]
    pub fn running(&self) -> u32 {
        self.running.load(Ordering::Relaxed)
    }

    /// Queues tasks; each reports once, also when it is called off.
    pub async fn run(&self, runs: Vec<TaskRun>, reports: &mpsc::Sender<ExecutorMessage>) {
        let jobs = runs
            .into_iter()
            .map(|run| Job {
                run,
                reports: reports.clone(),
            })
            .collect();
        self.tell(RunTasks(jobs)).await;
    }

    /// Calls off tasks of a query; they end soon and report so.
    pub async fn cancel(&self, session: u64, query: &str, which: Which) {
        self.tell(Cancel {
            session,
            query: query.to_owned(),
            which,
        })
        .await;
    }

    /// Calls off and forgets everything of a session.
    pub async fn end_session(&self, session: u64) {
        self.tell(EndSession(session)).await;
    }

    /// Completes when nothing runs and nothing waits.
    pub async fn drained(&self) {
        let (sender, idle) = oneshot::channel();
        self.tell(Drain(sender)).await;
        // An actor that is gone runs nothing.
        let _ = idle.await;
    }

    async fn tell<M>(&self, message: M)
    where
        M: Message<Result = ()> + Send + 'static,
        ExecutorActor: Handler<M>,
    {
        if self.actor.send(message).await.is_err() {
            tracing::error!("the coordinator is gone");
        }
    }
}

fn run_slot(slot: usize, jobs: &Receiver<Job>, actor: &Addr<ExecutorActor>, running: &std::sync::atomic::AtomicU32) {
    while let Ok(Job { run, reports }) = jobs.recv() {
        running.fetch_add(1, Ordering::Relaxed);
        let span = tracing::info_span!(
            "task",
            query = %run.query.spec.query,
            batch = run.batch,
            task = run.task.task_id,
            attempt = run.task.attempt
        );
        let report = span.in_scope(|| run.run());
        running.fetch_sub(1, Ordering::Relaxed);
        if let Report::TaskFailed(failed) = &report {
            span.in_scope(|| tracing::debug!(failure = ?failed.failure, "task failed"));
        }
        // A session that is gone wants no report.
        let _ = reports.blocking_send(ExecutorMessage { message: Some(report) });
        drop(run);
        if futures::executor::block_on(actor.send(SlotFreed(slot))).is_err() {
            return;
        }
    }
}

/// A flag nobody has set yet.
#[must_use]
pub fn not_cancelled() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(false))
}
