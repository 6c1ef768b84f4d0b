//! What the coordinator is told.

use actix::Message;
use millstream_proto::control::v1::ExecutorMessage;
use tokio::sync::{mpsc, oneshot};

use crate::task::TaskRun;

/// A task and where its report goes.
pub struct Job {
    pub(super) run: TaskRun,
    pub(super) reports: mpsc::Sender<ExecutorMessage>,
}

/// Tasks arrived.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct RunTasks(pub(super) Vec<Job>);

/// Which tasks of a query.
#[derive(Debug)]
pub enum Which {
    /// These.
    Tasks(Vec<u64>),
    /// Those of one batch.
    Batch(u64),
    /// All.
    All,
}

/// Tasks are called off.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Cancel {
    pub(super) session: u64,
    pub(super) query: String,
    pub(super) which: Which,
}

/// A session is over.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct EndSession(pub(super) u64);

/// A slot has reported its task.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct SlotFreed(pub(super) usize);

/// Somebody waits for the slots to be idle.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Drain(pub(super) oneshot::Sender<()>);
