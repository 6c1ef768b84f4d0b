//! What the logs hold -> where a query goes on.

use millstream_common::domain::id::BatchId;
use millstream_common::domain::offset::PartitionOffsets;
use thiserror::Error;

use super::log::{CommitRecord, OffsetRecord, StateFile};

/// The newest entries of both logs, as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastBatch {
    /// The newest `offsets/N`.
    pub planned: Option<(BatchId, OffsetRecord)>,
    /// `offsets/N-1`.
    pub before: Option<OffsetRecord>,
    /// The newest `commits/M`.
    pub committed: Option<(BatchId, CommitRecord)>,
}

/// How a query goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Nothing was ever planned: batch 0, from the position the sources begin at.
    Fresh,
    /// Everything planned was committed.
    After {
        /// The next batch.
        next: BatchId,
        /// Where it starts, per source.
        starts: Vec<Option<PartitionOffsets>>,
        /// The watermark of the last batch: late rows of the next are told by it.
        previous_watermark_ms: i64,
        /// Where the watermark stands.
        watermark_ms: i64,
        /// The state to start from.
        state_files: Vec<StateFile>,
        /// How many rows each limit has let through.
        passed: Vec<u64>,
    },
    /// A batch was planned and not committed: it runs again exactly as logged.
    Again {
        /// Which.
        batch: BatchId,
        /// As logged.
        record: OffsetRecord,
        /// Where it starts, per source; none for batch 0: from the position the sources begin at.
        starts: Option<Vec<Option<PartitionOffsets>>>,
        /// The watermark of the batch before: late rows are told by it.
        previous_watermark_ms: i64,
        /// The state to start from.
        state_files: Vec<StateFile>,
        /// How many rows each limit has let through.
        passed: Vec<u64>,
    },
}

/// Logs that contradict each other or the query.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResumeError {
    /// The log has a hole.
    #[error(
        "batch {missing} is not in the offset log, though batch {planned} is: entries were deleted by hand, use a new checkpoint"
    )]
    Hole {
        /// The entry that should be there.
        missing: BatchId,
        /// The newest entry.
        planned: BatchId,
    },
    /// Batches were committed that are not planned.
    #[error(
        "batch {committed} is committed and not in the offset log: entries were deleted by hand, use a new checkpoint"
    )]
    CommittedAhead {
        /// The newest commit.
        committed: BatchId,
    },
    /// More than one batch is uncommitted.
    #[error(
        "batch {planned} is planned though batch {missing} was never committed: entries were deleted by hand, use a new checkpoint"
    )]
    CommitsBehind {
        /// The newest entry.
        planned: BatchId,
        /// The commit that should be there.
        missing: BatchId,
    },
    /// The query reads another number of sources.
    #[error(
        "the checkpoint holds offsets of {logged} sources, the query reads {actual}: a changed query needs a new checkpoint"
    )]
    OtherSources {
        /// In the log.
        logged: usize,
        /// In the query.
        actual: usize,
    },
}

/// Decides how a query over `sources` scanned sources goes on.
///
/// # Errors
/// Logs that contradict each other or the query.
pub fn resume(last: LastBatch, sources: usize) -> Result<Resume, ResumeError> {
    let Some((planned, record)) = last.planned else {
        return match last.committed {
            None => Ok(Resume::Fresh),
            Some((committed, _)) => Err(ResumeError::CommittedAhead { committed }),
        };
    };
    if record.ends.len() != sources {
        return Err(ResumeError::OtherSources {
            logged: record.ends.len(),
            actual: sources,
        });
    }
    let before_id = planned.0.checked_sub(1).map(BatchId);
    match last.committed {
        Some((committed, _)) if committed > planned => Err(ResumeError::CommittedAhead { committed }),
        Some((committed, commit)) if committed == planned => Ok(Resume::After {
            next: planned.next(),
            starts: record.ends,
            previous_watermark_ms: record.watermark_ms,
            watermark_ms: record.watermark_ms.max(commit.next_watermark_ms),
            state_files: commit.state_files,
            passed: commit.passed,
        }),
        committed => {
            let Some(before_id) = before_id else {
                return Ok(Resume::Again {
                    batch: planned,
                    record,
                    starts: None,
                    previous_watermark_ms: 0,
                    state_files: Vec::new(),
                    passed: Vec::new(),
                });
            };
            let before = last.before.ok_or(ResumeError::Hole {
                missing: before_id,
                planned,
            })?;
            match committed {
                Some((committed, commit)) if committed == before_id => Ok(Resume::Again {
                    batch: planned,
                    record,
                    starts: Some(before.ends),
                    previous_watermark_ms: before.watermark_ms,
                    state_files: commit.state_files,
                    passed: commit.passed,
                }),
                Some(_) | None => Err(ResumeError::CommitsBehind {
                    planned,
                    missing: before_id,
                }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(watermark_ms: i64) -> OffsetRecord {
        OffsetRecord {
            watermark_ms,
            ends: vec![None],
            ..OffsetRecord::default()
        }
    }

    fn logs(planned: Option<u64>, before: bool, committed: Option<u64>) -> LastBatch {
        LastBatch {
            planned: planned.map(|n| (BatchId(n), record(10))),
            before: before.then(|| record(5)),
            committed: committed.map(|n| {
                let next_watermark_ms = 12;
                (
                    BatchId(n),
                    CommitRecord {
                        next_watermark_ms,
                        ..CommitRecord::default()
                    },
                )
            }),
        }
    }

    #[test]
    fn every_combination_of_logs_has_its_answer() {
        let hole = ResumeError::Hole {
            missing: BatchId(6),
            planned: BatchId(7),
        };
        let behind = ResumeError::CommitsBehind {
            planned: BatchId(7),
            missing: BatchId(6),
        };
        let ahead = |n| ResumeError::CommittedAhead { committed: BatchId(n) };
        assert_eq!(resume(logs(None, false, None), 1), Ok(Resume::Fresh));
        assert_eq!(resume(logs(None, false, Some(3)), 1), Err(ahead(3)));
        assert_eq!(resume(logs(Some(7), true, Some(8)), 1), Err(ahead(8)));
        assert_eq!(resume(logs(Some(7), false, Some(6)), 1), Err(hole));
        assert_eq!(resume(logs(Some(7), true, Some(5)), 1), Err(behind.clone()));
        assert_eq!(resume(logs(Some(7), true, None), 1), Err(behind));
        assert!(matches!(
            resume(logs(Some(7), true, Some(7)), 1),
            Ok(Resume::After {
                next: BatchId(8),
                previous_watermark_ms: 10,
                watermark_ms: 12,
                ..
            })
        ));
        assert!(matches!(
            resume(logs(Some(7), true, Some(6)), 1),
            Ok(Resume::Again {
                batch: BatchId(7),
                previous_watermark_ms: 5,
                ..
            })
        ));
        assert!(matches!(
            resume(logs(Some(0), false, None), 1),
            Ok(Resume::Again {
                batch: BatchId(0),
                starts: None,
                previous_watermark_ms: 0,
                ..
            })
        ));
        assert!(matches!(
            resume(logs(Some(0), false, Some(0)), 2),
            Err(ResumeError::OtherSources { logged: 1, actual: 2 })
        ));
    }
}
