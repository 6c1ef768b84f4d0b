//! The text of `offsets/N` and `commits/N`: Spark's lines, ours added where Spark keeps settings.

use std::collections::BTreeMap;

use millstream_common::domain::offset::PartitionOffsets;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const VERSION: &str = "v1";
/// Stands for a source without a position.
const NO_OFFSET: &str = "-";

/// A log entry that cannot be read.
#[derive(Debug, Error)]
pub enum FormatError {
    /// Not the format this program writes.
    #[error("expected the first line to be '{VERSION}', found '{found}'")]
    Version {
        /// The first line.
        found: String,
    },
    /// The entry ends too early.
    #[error("the entry ends before its {part}")]
    Truncated {
        /// What is missing.
        part: &'static str,
    },
    /// A line is not the JSON it should be.
    #[error("the {part} is not valid JSON")]
    Json {
        /// Which line.
        part: &'static str,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
}

/// What is decided about a batch before it runs: `offsets/N`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetRecord {
    /// The watermark the batch runs with. Milliseconds since the epoch.
    pub watermark_ms: i64,
    /// What `current_timestamp()` says in it. Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Settings that are fixed with the batch, by name.
    pub conf: BTreeMap<String, String>,
    /// The position behind the batch, per source in plan order; none: the source has no position yet.
    pub ends: Vec<Option<PartitionOffsets>>,
}

#[derive(Serialize, Deserialize)]
struct BatchMetadata {
    #[serde(rename = "batchWatermarkMs")]
    watermark_ms: i64,
    #[serde(rename = "batchTimestampMs")]
    timestamp_ms: i64,
    #[serde(default)]
    conf: BTreeMap<String, String>,
}

impl OffsetRecord {
    /// The entry's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let metadata = BatchMetadata {
            watermark_ms: self.watermark_ms,
            timestamp_ms: self.timestamp_ms,
            conf: self.conf.clone(),
        };
        let mut lines = vec![VERSION.to_owned(), json(&metadata)];
        lines.extend(
            self.ends
                .iter()
                .map(|end| end.as_ref().map_or_else(|| NO_OFFSET.to_owned(), json)),
        );
        lines.join("\n")
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// A text that is not one.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let mut lines = body(text)?;
        let part = "batch metadata";
        let metadata: BatchMetadata = from_json(lines.next().ok_or(FormatError::Truncated { part })?, part)?;
        let ends = lines
            .filter(|line| !line.is_empty())
            .map(|line| match line {
                NO_OFFSET => Ok(None),
                line => from_json(line, "source offset").map(Some),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            watermark_ms: metadata.watermark_ms,
            timestamp_ms: metadata.timestamp_ms,
            conf: metadata.conf,
            ends,
        })
    }
}

/// One immutable file of state: a snapshot, or the change one batch made, for one range of key groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateFile {
    /// Where, relative to the checkpoint or absolute.
    pub path: String,
    /// Files apply in the order of their version.
    pub version: u64,
    /// Replaces all earlier files of its range.
    pub snapshot: bool,
    /// First key group.
    pub from: u32,
    /// First key group that is not in it.
    pub until: u32,
    /// Rows in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
}

/// That a batch exists: `commits/N`. Names every file its state is made of, so that one record is enough to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitRecord {
    /// The watermark of the next batch. Milliseconds since the epoch.
    #[serde(rename = "nextBatchWatermarkMs")]
    pub next_watermark_ms: i64,
    /// The files that make up the state after this batch.
    #[serde(rename = "stateFiles", default, skip_serializing_if = "Vec::is_empty")]
    pub state_files: Vec<StateFile>,
    /// How many rows each `LIMIT` over the stream has let through up to this batch.
    #[serde(rename = "limitRows", default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<u64>,
}

impl CommitRecord {
    /// The record's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{VERSION}\n{}", json(self))
    }

    /// Reads a record.
    ///
    /// # Errors
    /// A text that is not one.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let part = "commit metadata";
        let mut lines = body(text)?;
        from_json(lines.next().ok_or(FormatError::Truncated { part })?, part)
    }
}

fn body(text: &str) -> Result<std::str::Lines<'_>, FormatError> {
    let mut lines = text.lines();
    match lines.next() {
        Some(VERSION) => Ok(lines),
        found => Err(FormatError::Version {
            found: found.unwrap_or_default().to_owned(),
        }),
    }
}

fn from_json<T: serde::de::DeserializeOwned>(line: &str, part: &'static str) -> Result<T, FormatError> {
    serde_json::from_str(line).map_err(|source| FormatError::Json { part, source })
}

/// The types written here have only text keys and numbers, which always serialise.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use millstream_common::domain::offset::TopicPartition;

    use super::*;

    #[test]
    fn entries_read_as_spark_writes_them() {
        let text = "v1\n{\"batchWatermarkMs\":5,\"batchTimestampMs\":1700000000000,\"conf\":{\"a\":\"b\"}}\n{\"t\":{\"0\":123,\"1\":456}}\n-";
        let record = OffsetRecord::parse(text).unwrap();
        assert_eq!((record.watermark_ms, record.timestamp_ms), (5, 1_700_000_000_000));
        let first = record.ends[0].as_ref().unwrap();
        assert_eq!(first.get(&TopicPartition::new("t", 1)), Some(456));
        assert_eq!(record.ends[1], None);
        assert_eq!(record.to_text(), text);
        let commit = CommitRecord::parse("v1\n{\"nextBatchWatermarkMs\":7}").unwrap();
        assert_eq!(commit.next_watermark_ms, 7);
        assert_eq!(commit.to_text(), "v1\n{\"nextBatchWatermarkMs\":7}");
    }

    #[test]
    fn damaged_entries_say_what_is_wrong() {
        for (text, expected) in [
            ("", "found ''"),
            ("v9\n{}", "found 'v9'"),
            ("v1", "ends before its batch metadata"),
            ("v1\n{", "batch metadata is not valid JSON"),
        ] {
            let error = OffsetRecord::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
