//! What the machine is told.

use millstream_common::domain::id::ExecutorId;
use millstream_common::domain::offset::PartitionOffsets;

use crate::place::Candidate;
use crate::tasks::{Failed, Failure, Finished};

/// What one source has, as the broker says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Ends of all its partitions.
    pub latest: PartitionOffsets,
    /// First offsets of the partitions that the query has no position for.
    pub earliest_of_new: PartitionOffsets,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A time asked for by `WakeAt` has come.
    Wake,
    /// What the sources have, in their order.
    Listed(Vec<Listing>),
    /// The sources could not be asked.
    ListingFailed(Failure),
    /// The offset log entry is durable.
    Logged,
    /// The offset log entry could not be written.
    LogFailed(Failure),
    /// The executors that may be given work have changed.
    Executors(Vec<Candidate>),
    /// An executor is lost.
    ExecutorGone(ExecutorId),
    /// A task is done.
    TaskFinished(Finished),
    /// A task failed.
    TaskFailed(Failed),
    /// The rows were merged and, when the driver is the sink, emitted.
    Merged {
        /// How many rows each limit over the stream has let through, this batch included.
        passed: Vec<u64>,
    },
    /// The rows could not be had or emitted.
    MergeFailed {
        /// Why.
        failure: Failure,
        /// The executor that no longer has them.
        lost: Option<ExecutorId>,
    },
    /// The commit record is durable.
    Committed,
    /// The commit record could not be written.
    CommitFailed(Failure),
    /// The query is to end, its batch finished.
    Stop,
}
