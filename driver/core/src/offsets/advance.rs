//! How far one batch of one source goes, and what counts as lost data.

use std::fmt;

use millstream_common::domain::offset::{OffsetRange, PartitionOffsets, TopicPartition};
use thiserror::Error;

/// What a batch reads from one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advance {
    /// The position behind this batch, for the log.
    pub end: PartitionOffsets,
    /// What is read; empty ranges are left out.
    pub ranges: Vec<OffsetRange>,
    /// What cannot be read and was accepted as lost.
    pub skipped: Vec<Skipped>,
}

/// One partition of which records are, or may be, lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where.
    pub partition: TopicPartition,
    /// What was found.
    pub kind: SkippedKind,
}

/// How data of a partition went missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkippedKind {
    /// A new partition went away before its first offset was known.
    NewPartitionVanished,
    /// A new partition does not begin at offset 0: its first records were deleted before they were read.
    NewPartitionStartsAt(i64),
    /// A partition that was read before is no longer listed; the offset is where its reading stood.
    Vanished(i64),
    /// A partition ends before the position reached: it was created anew.
    Shrunk {
        /// Where reading stood.
        from: i64,
        /// Where the partition ends now.
        end: i64,
    },
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.partition;
        match self.kind {
            SkippedKind::NewPartitionVanished => write!(f, "new partition {at} vanished before it was read"),
            SkippedKind::NewPartitionStartsAt(offset) => {
                write!(f, "new partition {at} starts from {offset} instead of 0")
            }
            SkippedKind::Vanished(offset) => {
                write!(f, "partition {at} is gone, it was read up to offset {offset}")
            }
            SkippedKind::Shrunk { from, end } => write!(
                f,
                "partition {at} ends at {end}, before offset {from} already reached (was the topic created anew?)"
            ),
        }
    }
}

/// Data is lost and `failOnDataLoss` is true.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("data loss: {}; set failOnDataLoss to false to go on without these records", list(.0))]
pub struct DataLossError(
    /// Every partition concerned.
    pub Vec<Skipped>,
);

fn list(skipped: &[Skipped]) -> String {
    skipped.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Decides what a batch reads that starts at `start` and may go up to `latest`.
///
/// `earliest_of_new` holds the first offset of every partition in `latest` that `start` does not know. An empty `latest` means that
/// the broker listed nothing for a moment: the position is kept, nothing is read.
///
/// # Errors
/// Lost data under `fail_on_data_loss`, all partitions at once.
pub fn advance(
    start: &PartitionOffsets,
    latest: &PartitionOffsets,
    earliest_of_new: &PartitionOffsets,
    fail_on_data_loss: bool,
) -> Result<Advance, DataLossError> {
    if latest.is_empty() {
        return Ok(Advance {
            end: start.clone(),
            ..Advance::default()
        });
    }
    let mut plan = Advance::default();
    for (partition, end) in latest.iter() {
        let (from, kind) = match (start.get(&partition), earliest_of_new.get(&partition)) {
            (Some(from), _) if end < from => (end, Some(SkippedKind::Shrunk { from, end })),
            (Some(from), _) => (from, None),
            (None, Some(0)) => (0, None),
            (None, Some(earliest)) => (earliest, Some(SkippedKind::NewPartitionStartsAt(earliest))),
            (None, None) => {
                let kind = SkippedKind::NewPartitionVanished;
                plan.skipped.push(Skipped { partition, kind });
                continue;
            }
        };
        if let Some(kind) = kind {
            plan.skipped.push(Skipped {
                partition: partition.clone(),
                kind,
            });
        }
        plan.end.set(&partition, end.max(from));
        let range = OffsetRange {
            partition,
            from,
            until: end,
        };
        if !range.is_empty() {
            plan.ranges.push(range);
        }
    }
    for (partition, offset) in start.iter().filter(|(p, _)| latest.get(p).is_none()) {
        plan.skipped.push(Skipped {
            partition,
            kind: SkippedKind::Vanished(offset),
        });
    }
    if fail_on_data_loss && !plan.skipped.is_empty() {
        return Err(DataLossError(plan.skipped));
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(values: &[(i32, i64)]) -> PartitionOffsets {
        values.iter().map(|(p, o)| (TopicPartition::new("t", *p), *o)).collect()
    }

    fn ranges(plan: &Advance) -> Vec<(i32, i64, i64)> {
        plan.ranges
            .iter()
            .map(|r| (r.partition.partition, r.from, r.until))
            .collect()
    }

    #[test]
    fn known_partitions_go_on_and_new_ones_start_at_their_beginning() {
        let plan = advance(
            &at(&[(0, 5), (1, 7)]),
            &at(&[(0, 9), (1, 7), (2, 3)]),
            &at(&[(2, 0)]),
            true,
        )
        .unwrap();
        assert_eq!(ranges(&plan), [(0, 5, 9), (2, 0, 3)]);
        assert_eq!(plan.end, at(&[(0, 9), (1, 7), (2, 3)]));
    }

    #[test]
    fn an_empty_listing_changes_nothing() {
        let plan = advance(&at(&[(0, 5)]), &at(&[]), &at(&[]), true).unwrap();
        assert_eq!((plan.end, plan.ranges.len()), (at(&[(0, 5)]), 0));
    }

    #[test]
    fn every_kind_of_loss_fails_the_query_or_is_skipped() {
        type Case<'a> = (
            &'a [(i32, i64)],
            &'a [(i32, i64)],
            &'a [(i32, i64)],
            &'a [(i32, i64)],
            &'a [(i32, i64, i64)],
        );
        let cases: [Case; 4] = [
            // start, latest, earliest of new, end, ranges
            (&[(0, 5)], &[(0, 5), (1, 9)], &[], &[(0, 5)], &[]),
            (&[(0, 5)], &[(0, 5), (1, 9)], &[(1, 4)], &[(0, 5), (1, 9)], &[(1, 4, 9)]),
            (&[(0, 5), (1, 5)], &[(0, 6)], &[], &[(0, 6)], &[(0, 5, 6)]),
            (&[(0, 5)], &[(0, 2)], &[], &[(0, 2)], &[]),
        ];
        for (start, latest, new, end, expected) in cases {
            let strict = advance(&at(start), &at(latest), &at(new), true);
            assert_eq!(strict.map_err(|e| e.0.len()), Err(1), "{start:?} {latest:?}");
            let lax = advance(&at(start), &at(latest), &at(new), false).unwrap();
            assert_eq!((lax.end.clone(), ranges(&lax)), (at(end), expected.to_vec()));
            assert_eq!(lax.skipped.len(), 1);
        }
    }

    proptest! {
        #[test]
        fn batches_chain_without_gap_or_overlap(steps in prop::collection::vec(prop::collection::vec(0i64..50, 3), 1..12)) {
            let mut start = at(&[(0, 0), (1, 0), (2, 0)]);
            let mut read = [0i64; 3];
            for step in steps {
                let latest: PartitionOffsets =
                    start.iter().zip(&step).map(|((partition, from), more)| (partition, from + more)).collect();
                let plan = advance(&start, &latest, &PartitionOffsets::default(), true).unwrap();
                for range in &plan.ranges {
                    let seen = &mut read[range.partition.partition as usize];
                    prop_assert_eq!(range.from, *seen);
                    *seen = range.until;
                }
                start = plan.end;
            }
            for (partition, offset) in start.iter() {
                prop_assert_eq!(read[partition.partition as usize], offset);
            }
        }
    }
}
