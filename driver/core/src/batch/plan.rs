//! One batch, planned: what it reads and the tasks that takes.

use std::collections::BTreeMap;

use millstream_common::domain::id::BatchId;
use millstream_common::domain::offset::{OffsetRange, PartitionOffsets};

use super::event::Listing;
use super::settings::{Settings, SourceSettings};
use crate::checkpoint::OffsetRecord;
use crate::offsets::{DataLossError, Skipped, advance, cut_by_lane, cut_into, split_limit};
use crate::tasks::Work;

/// Name, in a log entry, of the lanes the batch was cut into.
const LANES: &str = "millstream.lanes";
/// Name, in a log entry, of the first offsets of partitions that appeared with the batch; the source's number follows.
const NEW_STARTS: &str = "millstream.newPartitionStarts.";

/// A batch that is decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub id: BatchId,
    /// When its trigger fired.
    pub fired_ms: i64,
    /// What `current_timestamp()` says.
    pub timestamp_ms: i64,
    /// The watermark it runs with.
    pub watermark_ms: i64,
    /// Where every source stood before; none for a first batch.
    pub starts: Vec<Option<PartitionOffsets>>,
    /// Where every source stands after.
    pub ends: Vec<PartitionOffsets>,
    /// How far every source reached.
    pub latest: Vec<Option<PartitionOffsets>>,
    /// What is read of every source.
    pub ranges: Vec<Vec<OffsetRange>>,
    /// Where partitions begin that appeared with this batch.
    pub new_starts: Vec<PartitionOffsets>,
    /// Lanes it is cut into.
    pub lanes: u32,
    pub latest_offset_ms: Option<i64>,
    pub wal_commit_ms: Option<i64>,
    /// When its tasks were first started.
    pub run_ms: i64,
    /// When its commit began.
    pub commit_ms: i64,
}

/// What there is to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Available {
    pub ends: Vec<PartitionOffsets>,
    pub ranges: Vec<Vec<OffsetRange>>,
    pub new_starts: Vec<PartitionOffsets>,
    pub skipped: Vec<Skipped>,
}

impl Available {
    /// Whether a source stands elsewhere than it did.
    pub fn moved(&self, positions: &[PartitionOffsets]) -> bool {
        self.ends.iter().zip(positions).any(|(end, position)| end != position)
    }
}

/// Finds what a batch reads from where the sources stand.
///
/// # Errors
/// Lost data of a source that must not lose any.
pub fn available(
    sources: &[SourceSettings],
    positions: &[PartitionOffsets],
    listings: &[Listing],
    limited: bool,
    since_last_ms: i64,
) -> Result<Available, DataLossError> {
    let mut found = Available::default();
    for ((source, position), listing) in sources.iter().zip(positions).zip(listings) {
        let full = advance(
            position,
            &listing.latest,
            &listing.earliest_of_new,
            source.fail_on_data_loss,
        )?;
        let size: u64 = full.ranges.iter().map(OffsetRange::len).sum();
        let due = since_last_ms >= i64::try_from(source.limits.max_delay_ms).unwrap_or(i64::MAX);
        let held_back = limited && !due && source.limits.min.is_some_and(|min| size < min);
        if held_back {
            found.ends.push(position.clone());
            found.ranges.push(Vec::new());
            found.new_starts.push(PartitionOffsets::default());
            continue;
        }
        let mut begins = full.end.clone();
        for range in &full.ranges {
            begins.set(&range.partition, range.from);
        }
        let end = match source.limits.max {
            Some(max) if limited => split_limit(&begins, &full.end, max),
            Some(_) | None => full.end,
        };
        let ranges = full
            .ranges
            .into_iter()
            .map(|range| OffsetRange {
                until: end.get(&range.partition).unwrap_or(range.from),
                ..range
            })
            .filter(|range| !range.is_empty())
            .collect();
        found.new_starts.push(
            begins
                .iter()
                .filter(|(partition, _)| position.get(partition).is_none())
                .collect(),
        );
        found.ends.push(end);
        found.ranges.push(ranges);
        found.skipped.extend(full.skipped);
    }
    Ok(found)
}

impl Batch {
    /// The log entry of this batch.
    pub fn record(&self) -> OffsetRecord {
        let mut conf = BTreeMap::from([(LANES.to_owned(), self.lanes.to_string())]);
        for (source, starts) in self
            .new_starts
            .iter()
            .enumerate()
            .filter(|(_, starts)| !starts.is_empty())
        {
            conf.insert(
                format!("{NEW_STARTS}{source}"),
                serde_json::to_string(starts).unwrap_or_default(),
            );
        }
        OffsetRecord {
            watermark_ms: self.watermark_ms,
            timestamp_ms: self.timestamp_ms,
            conf,
            ends: self.ends.iter().cloned().map(Some).collect(),
        }
    }

    /// The batch that was logged, exactly.
    pub fn from_record(
        id: BatchId,
        record: &OffsetRecord,
        starts: Vec<Option<PartitionOffsets>>,
        positions: &[PartitionOffsets],
        lanes: u32,
    ) -> Self {
        let ends: Vec<PartitionOffsets> = record.ends.iter().map(|end| end.clone().unwrap_or_default()).collect();
        let new_starts: Vec<PartitionOffsets> = (0..ends.len())
            .map(|source| {
                let logged = record.conf.get(&format!("{NEW_STARTS}{source}"));
                logged
                    .and_then(|text| serde_json::from_str(text).ok())
                    .unwrap_or_default()
            })
            .collect();
        let ranges = ends
            .iter()
            .zip(positions)
            .zip(&new_starts)
            .map(|((end, position), new)| {
                end.iter()
                    .map(|(partition, until)| OffsetRange {
                        from: position.get(&partition).or_else(|| new.get(&partition)).unwrap_or(0),
                        partition,
                        until,
                    })
                    .filter(|range| !range.is_empty())
                    .collect()
            })
            .collect();
        Self {
            id,
            timestamp_ms: record.timestamp_ms,
            watermark_ms: record.watermark_ms,
            latest: vec![None; ends.len()],
            starts,
            ends,
            ranges,
            new_starts,
            lanes: record
                .conf
                .get(LANES)
                .and_then(|lanes| lanes.parse().ok())
                .unwrap_or(lanes),
            ..Self::default()
        }
    }

    /// The map and reduce tasks of this batch.
    pub fn work(&self, settings: &Settings) -> Vec<Work> {
        let mut work = Vec::new();
        for (stage, source) in (0u32..).zip(&settings.map_stages) {
            let (Some(ranges), Some(end), Some(source)) = (
                self.ranges.get(*source),
                self.ends.get(*source),
                settings.sources.get(*source),
            ) else {
                continue;
            };
            let tasks: Vec<(u32, Vec<OffsetRange>)> = match source.min_partitions {
                _ if settings.whole_stages.contains(&stage) => cut_by_lane(ranges, end, 1),
                Some(min) if min as usize > ranges.len() => (0..)
                    .zip(cut_into(ranges, min).into_iter().map(|range| vec![range]))
                    .collect(),
                Some(_) | None => cut_by_lane(ranges, end, self.lanes),
            };
            work.extend((0u32..).zip(tasks).map(|(index, (lane, ranges))| Work::Map {
                stage,
                index,
                lane,
                ranges,
            }));
        }
        work.extend((0..settings.reduce_tasks).map(|index| Work::Reduce { index }));
        work
    }
}
