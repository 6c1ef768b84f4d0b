//! Ranges into tasks.

use std::collections::BTreeMap;

use millstream_common::domain::offset::{OffsetRange, PartitionOffsets};

/// Makes at most `lanes` tasks: partition number i of the source (in order of topic and number) belongs to lane i mod `lanes`.
///
/// A function of its arguments only, and stable from batch to batch while the partitions are the same: a lane's consumer keeps its
/// partitions, and the re-run of a batch has the same tasks. Returns the lane of each task beside its ranges; lanes without
/// ranges have no task.
#[must_use]
pub fn cut_by_lane(ranges: &[OffsetRange], partitions: &PartitionOffsets, lanes: u32) -> Vec<(u32, Vec<OffsetRange>)> {
    let lanes = lanes.max(1);
    let lane_of: BTreeMap<_, _> = partitions
        .iter()
        .zip((0..lanes).cycle())
        .map(|((partition, _), lane)| (partition, lane))
        .collect();
    let mut tasks: BTreeMap<u32, Vec<OffsetRange>> = BTreeMap::new();
    for range in ranges.iter().filter(|range| !range.is_empty()) {
        let lane = lane_of.get(&range.partition).copied().unwrap_or(0);
        tasks.entry(lane).or_default().push(range.clone());
    }
    tasks.into_iter().collect()
}

/// Cuts ranges into about `min_partitions` pieces, as the option of that name asks.
///
/// Nothing is cut when there are that many ranges already. Ranges whose rounded share is at most one stay whole, the others are cut
/// in proportion to their size, the last piece taking the remainder.
#[must_use]
pub fn cut_into(ranges: &[OffsetRange], min_partitions: u32) -> Vec<OffsetRange> {
    let ranges: Vec<OffsetRange> = ranges.iter().filter(|range| !range.is_empty()).cloned().collect();
    let wanted = u64::from(min_partitions);
    if ranges.len() as u64 >= wanted {
        return ranges;
    }
    let share = |range: &OffsetRange, total: u64, parts: u64| {
        let exact = u128::from(range.len()) * u128::from(parts) * 2;
        // Rounded half up.
        u64::try_from((exact + u128::from(total)) / (2 * u128::from(total.max(1)))).unwrap_or(1)
    };
    let total: u64 = ranges.iter().map(OffsetRange::len).sum();
    let whole = |range: &OffsetRange| share(range, total, wanted) <= 1;
    let kept = ranges.iter().filter(|range| whole(range)).count() as u64;
    let rest: u64 = ranges.iter().filter(|range| !whole(range)).map(OffsetRange::len).sum();
    ranges
        .iter()
        .flat_map(|range| {
            if whole(range) {
                return vec![range.clone()];
            }
            pieces(range, share(range, rest, wanted.saturating_sub(kept)).max(1))
        })
        .collect()
}

fn pieces(range: &OffsetRange, count: u64) -> Vec<OffsetRange> {
    let count = count.min(range.len()).max(1);
    let size = i64::try_from(range.len() / count).unwrap_or(i64::MAX);
    (0..count)
        .zip(0i64..)
        .map(|(n, i)| OffsetRange {
            partition: range.partition.clone(),
            from: range.from + i * size,
            until: if n + 1 == count {
                range.until
            } else {
                range.from + (i + 1) * size
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use millstream_common::domain::offset::TopicPartition;
    use proptest::prelude::*;

    use super::*;

    fn range(partition: i32, from: i64, until: i64) -> OffsetRange {
        OffsetRange {
            partition: TopicPartition::new("t", partition),
            from,
            until,
        }
    }

    fn positions(count: i32) -> PartitionOffsets {
        (0..count).map(|p| (TopicPartition::new("t", p), 0)).collect()
    }

    #[test]
    fn a_lane_keeps_its_partitions_whichever_of_them_have_data() {
        let all: Vec<_> = (0..5).map(|p| range(p, 0, 9)).collect();
        let tasks = cut_by_lane(&all, &positions(5), 2);
        let lanes: Vec<Vec<i32>> = tasks
            .iter()
            .map(|(_, r)| r.iter().map(|r| r.partition.partition).collect())
            .collect();
        assert_eq!(lanes, [vec![0, 2, 4], vec![1, 3]]);
        let some = cut_by_lane(&[range(1, 0, 3), range(3, 2, 2)], &positions(5), 2);
        assert_eq!(some, [(1, vec![range(1, 0, 3)])]);
    }

    #[test]
    fn min_partitions_cuts_the_large_ranges() {
        assert_eq!(cut_into(&[range(0, 0, 10), range(1, 0, 10)], 2).len(), 2);
        let cut = cut_into(&[range(0, 0, 1), range(1, 0, 10)], 4);
        assert_eq!(cut, [range(0, 0, 1), range(1, 0, 3), range(1, 3, 6), range(1, 6, 10)]);
    }

    proptest! {
        #[test]
        fn pieces_cover_the_ranges_exactly(sizes in prop::collection::vec(0i64..1000, 1..10), min in 1u32..40) {
            let ranges: Vec<_> = sizes.iter().zip(0..).map(|(size, p)| range(p, 5, 5 + size)).collect();
            let cut = cut_into(&ranges, min);
            for whole in ranges.iter().filter(|range| !range.is_empty()) {
                let mut next = whole.from;
                for piece in cut.iter().filter(|piece| piece.partition == whole.partition) {
                    prop_assert_eq!(piece.from, next);
                    prop_assert!(!piece.is_empty());
                    next = piece.until;
                }
                prop_assert_eq!(next, whole.until);
            }
        }
    }
}
