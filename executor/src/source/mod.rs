//! The rows of a map task's slot: ranges of a source, read on the slot's own thread as the plan pulls them.

mod columns;
mod kafka;
mod rate;
mod value;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::error::DataFusionError;
use millstream_common::domain::offset::OffsetRange;
use millstream_plan::slot::InputSource;
use millstream_plan::spec::{SlotId, SourceSpec};
use parking_lot::Mutex;

use crate::error::TaskError;
use crate::query::Query;

/// Rows of a batch handed to the plan: enough to make its per-batch cost vanish, few enough to stay in the cache.
const ROWS_PER_BATCH: usize = 16_384;

/// What a task has read so far.
#[derive(Debug, Default)]
pub struct ScanCounts {
    /// Rows.
    pub rows: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
    /// Records that became nulls.
    pub malformed: u64,
    /// Ranges that are gone and were skipped.
    pub lost: Vec<OffsetRange>,
}

/// One task's reading: what it reads, what it has read, whether it is to stop.
#[derive(Clone)]
pub struct Scan {
    query: Arc<Query>,
    ranges: Vec<OffsetRange>,
    batch: u64,
    batch_time_us: i64,
    counts: Arc<Mutex<ScanCounts>>,
    cancelled: Arc<AtomicBool>,
}

impl Scan {
    /// Reads `ranges` for the batch of this number and time (microseconds since the epoch). Nothing is read yet.
    #[must_use]
    pub fn new(
        query: Arc<Query>,
        ranges: Vec<OffsetRange>,
        (batch, batch_time_us): (u64, i64),
        cancelled: Arc<AtomicBool>,
    ) -> Self {
        Self {
            query,
            ranges,
            batch,
            batch_time_us,
            counts: Arc::default(),
            cancelled,
        }
    }

    /// The rows of `slot`, for the task's plan.
    ///
    /// # Errors
    /// When the query has no such source or its options cannot be used.
    pub fn source(&self, slot: SlotId) -> Result<Arc<dyn InputSource>, TaskError> {
        match self.query.spec.sources.get(&slot) {
            Some(SourceSpec::Kafka(source)) => {
                let reader = self.query.reader(slot, source, self.batch, &self.ranges)?;
                Ok(Arc::new(kafka::KafkaScan::new(self.clone(), reader, source.clone())))
            }
            Some(SourceSpec::Rate(source)) => Ok(Arc::new(rate::RateScan::new(self.clone(), source.clone()))),
            Some(SourceSpec::Files(_)) | None => Err(TaskError::Unknown {
                what: "scanned source",
                index: u64::from(slot.0),
            }),
        }
    }

    /// What was read, taken once the plan has ended.
    #[must_use]
    pub fn take_counts(&self) -> ScanCounts {
        std::mem::take(&mut self.counts.lock())
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// An error of ours on its way through a plan.
fn through_plan(error: impl Into<TaskError>) -> DataFusionError {
    DataFusionError::External(Box::new(error.into()))
}
