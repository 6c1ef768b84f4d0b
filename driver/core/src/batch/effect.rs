//! What the machine wants done.

use millstream_common::domain::id::{BatchId, ExecutorId, TaskId};
use millstream_common::domain::offset::PartitionOffsets;

use crate::checkpoint::{CommitRecord, OffsetRecord, StateFile};
use crate::offsets::Skipped;
use crate::tasks::{Failure, Launch, Totals};
use crate::watermark::{EventTime, Thresholds};

/// How a query ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All it had to do is done, or it was stopped.
    Done,
    /// It cannot go on.
    Failed(Failure),
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send `Wake` at this time (epoch milliseconds); replaces an earlier wish.
    WakeAt(i64),
    /// Ask every source how far it reaches, and where the partitions begin that are not in its known position.
    List(Vec<PartitionOffsets>),
    /// Write `offsets/N`, failing when it exists.
    Log(BatchId, OffsetRecord),
    /// Start tasks.
    Launch {
        /// Of which batch.
        batch: BatchId,
        /// What `current_timestamp()` says. Epoch milliseconds.
        timestamp_ms: i64,
        /// For reduce tasks.
        thresholds: Thresholds,
        /// The state reduce tasks start from: version and files.
        state: (u64, Vec<StateFile>),
        /// For map tasks: how many rows each limit over the stream has let through before.
        passed: Vec<u64>,
        /// Which tasks where.
        launches: Vec<Launch>,
    },
    /// Bring together the rows these tasks gave, finish the query over them, emit.
    Merge {
        /// Of which batch.
        batch: BatchId,
        /// What `current_timestamp()` says. Epoch milliseconds.
        timestamp_ms: i64,
        /// Done tasks, in order.
        tasks: Vec<TaskId>,
        /// How many rows each limit over the stream has let through before.
        passed: Vec<u64>,
    },
    /// Make files of the sink visible and write `commits/N`, failing when it exists; a batch query has only the files.
    Commit(BatchId, CommitRecord),
    /// Tell executors that the batch exists.
    Announce(BatchId),
    /// Tell executors that the batch is undone, and call off the tasks that run.
    Abort(BatchId, Vec<(TaskId, ExecutorId)>),
    /// Delete log entries below this batch, and these state files, when there is time.
    Purge(BatchId, Vec<StateFile>),
    /// Records were lost and that was accepted.
    Skipped(Vec<Skipped>),
    /// Tasks wait and there is no executor; the query fails at this time (epoch milliseconds).
    Starved(i64),
    /// A batch is done.
    Report(Box<BatchReport>),
    /// A trigger fired and there was nothing to do.
    Idle(BatchId),
    /// The query has ended; nothing follows.
    Finish(Outcome),
}

/// How long the parts of a batch took. Milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Asking the sources; none when the batch was not planned in this run.
    pub latest_offset_ms: Option<i64>,
    /// Writing the offset log entry; none when it was there already.
    pub wal_commit_ms: Option<i64>,
    /// Running, merging, emitting.
    pub add_batch_ms: i64,
    /// Writing the commit record.
    pub commit_offsets_ms: i64,
    /// All of it.
    pub trigger_ms: i64,
}

/// One source in a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceReport {
    /// Where the batch began; none for a first batch.
    pub start: Option<PartitionOffsets>,
    /// Where it ended.
    pub end: PartitionOffsets,
    /// How far the source reached when the batch was planned.
    pub latest: Option<PartitionOffsets>,
    /// Records read.
    pub input_rows: u64,
}

/// What a batch did.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchReport {
    /// Which.
    pub batch: BatchId,
    /// When its trigger fired. Epoch milliseconds.
    pub fired_ms: i64,
    /// When the trigger before fired.
    pub previous_fired_ms: Option<i64>,
    /// The watermark it ran with, when the query has one. Epoch milliseconds.
    pub watermark_ms: Option<i64>,
    /// The watermark of the next batch, when the query has one. Epoch milliseconds.
    pub next_watermark_ms: Option<i64>,
    /// What it saw of event time, all watermarks and tasks together.
    pub event_time: Option<EventTime>,
    /// Per source.
    pub sources: Vec<SourceReport>,
    /// Sums over its tasks.
    pub totals: Totals,
    /// Reduce tasks that ran.
    pub reduce_tasks: u32,
    /// Rows that map, reduce or write tasks gave to the sink or the driver.
    pub output_rows: u64,
    /// How long it took.
    pub timings: Timings,
}
