//! Offsets: positions next to be read, and half-open ranges of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A partition of a topic. Ordered by topic, then number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// The partition `partition` of `topic`.
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        Self {
            topic: topic.into(),
            partition,
        }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// The records `from <= offset < until` of one partition. Not a count: offsets may have gaps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OffsetRange {
    /// Where.
    pub partition: TopicPartition,
    /// The first offset that belongs to the range.
    pub from: i64,
    /// The first offset that no longer does.
    pub until: i64,
}

impl OffsetRange {
    /// How many offsets the range spans, 0 when it is empty or reversed.
    #[must_use]
    pub fn len(&self) -> u64 {
        u64::try_from(self.until - self.from).unwrap_or(0)
    }

    /// Whether no offset belongs to it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.until <= self.from
    }
}

impl fmt::Display for OffsetRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}, {})", self.partition, self.from, self.until)
    }
}

/// A position per partition. Serialises as Spark writes it: `{"topic":{"0":123,"1":456}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartitionOffsets(pub BTreeMap<String, BTreeMap<i32, i64>>);

impl PartitionOffsets {
    /// The position of `partition`, if it is known.
    #[must_use]
    pub fn get(&self, partition: &TopicPartition) -> Option<i64> {
        self.0
            .get(&partition.topic)
            .and_then(|topic| topic.get(&partition.partition))
            .copied()
    }

    /// Sets the position of `partition`.
    pub fn set(&mut self, partition: &TopicPartition, offset: i64) {
        self.0
            .entry(partition.topic.clone())
            .or_default()
            .insert(partition.partition, offset);
    }

    /// All positions, ordered by topic and partition.
    pub fn iter(&self) -> impl Iterator<Item = (TopicPartition, i64)> + '_ {
        self.0.iter().flat_map(|(topic, partitions)| {
            partitions
                .iter()
                .map(move |(partition, offset)| (TopicPartition::new(topic.clone(), *partition), *offset))
        })
    }

    /// How many partitions have a position.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// Whether no partition has a position.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FromIterator<(TopicPartition, i64)> for PartitionOffsets {
    fn from_iter<I: IntoIterator<Item = (TopicPartition, i64)>>(positions: I) -> Self {
        let mut offsets = Self::default();
        for (partition, offset) in positions {
            offsets.set(&partition, offset);
        }
        offsets
    }
}
