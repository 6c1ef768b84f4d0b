//! What a query is, apart from its operators: sources, sink, stages. Sent to executors once per query.

use std::collections::BTreeMap;

use millstream_common::domain::id::{Generation, QueryId};
pub use millstream_common::domain::subscription::Subscription;
use millstream_common::options::Options;
use serde::{Deserialize, Serialize};

/// A place in a plan where rows come in from outside: a source, a static table, the output of an earlier stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SlotId(pub u32);

/// How the value of a Kafka record becomes columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValueFormat {
    /// Kafka's own columns only.
    Raw,
    /// One JSON object per value; the declared columns are its fields, decoded as `from_json` does.
    Json {
        /// Spark's DDL text of the declared columns, in order.
        ddl: String,
        /// Options of `from_json` (`timestampFormat`, ...).
        options: Options,
    },
}

/// A Kafka source, its options checked. `options` keeps all as given (starting and ending offsets, limits, `kafka.*`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaSource {
    /// What to read.
    pub subscription: Subscription,
    /// `includeHeaders`: the `headers` column exists.
    pub include_headers: bool,
    /// `failOnDataLoss`.
    pub fail_on_data_loss: bool,
    /// How values become columns.
    pub value_format: ValueFormat,
    /// All options as given.
    pub options: Options,
}

/// The `rate` source: `rowsPerSecond` rows `(timestamp, value)` a second, offsets are row numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateSource {
    /// `rowsPerSecond`.
    pub rows_per_second: u64,
    /// `numPartitions`: tasks a batch is cut into.
    pub partitions: u32,
}

/// Files read as a table: the whole content, once, by the driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSource {
    /// The files' format.
    pub format: FileFormat,
    /// A file, folder or glob; `s3://`, `s3a://`, `file://` or a plain path.
    pub path: String,
    /// All options as given (`sep`, `header`, `quote`, `nullValue`, `inferSchema`, ...).
    pub options: Options,
}

/// Formats of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileFormat {
    /// Separated values, as Spark reads and writes them.
    Csv,
    /// One JSON object per line.
    Json,
    /// Apache Parquet.
    Parquet,
}

/// Where the rows of a slot come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceSpec {
    /// Topics of a Kafka cluster.
    Kafka(KafkaSource),
    /// Generated rows.
    Rate(RateSource),
    /// Files, read once: a static table.
    Files(FileSource),
}

impl SourceSpec {
    /// Whether the rows are read by executors, range by range (Kafka, rate) and not held as a static table.
    #[must_use]
    pub fn is_scanned(&self) -> bool {
        matches!(self, Self::Kafka(_) | Self::Rate(_))
    }
}

/// Where the rows of a query go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SinkSpec {
    /// Printed as a table by the driver.
    Console {
        /// `numRows`.
        num_rows: usize,
        /// `truncate`: cut cells to 20 characters.
        truncate: bool,
    },
    /// Produced to Kafka by the executors.
    Kafka {
        /// Option `topic`; wins over a `topic` column.
        topic: Option<String>,
        /// `rowsPerSecond`: pace of a batch write, in row order.
        rows_per_second: Option<f64>,
        /// All options as given.
        options: Options,
    },
    /// Files under a folder.
    Files {
        /// The files' format.
        format: FileFormat,
        /// The folder.
        path: String,
        /// One file holding all rows (`singleFile`).
        single_file: bool,
        /// All options as given.
        options: Options,
    },
    /// Rows are computed and dropped.
    Noop,
    /// Rows are handed to the caller (tests, the runner of cases); never leaves the driver.
    Memory,
}

impl SinkSpec {
    /// Whether executors write this sink themselves, in parallel.
    #[must_use]
    pub fn is_parallel(&self) -> bool {
        match self {
            Self::Kafka { rows_per_second, .. } => rows_per_second.is_none(),
            Self::Files { single_file, .. } => !single_file,
            Self::Noop => true,
            Self::Console { .. } | Self::Memory => false,
        }
    }
}

/// Spark's output modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputMode {
    /// Rows that will not change any more.
    Append,
    /// Rows that changed in this batch.
    Update,
    /// The whole result.
    Complete,
}

/// When micro-batches start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trigger {
    /// At once when there is data (0), or at multiples of this interval since the epoch.
    ProcessingTime {
        /// Milliseconds.
        interval_ms: u64,
    },
    /// All that is there at the start, in as many batches as the limits ask for, then stop.
    AvailableNow,
    /// All that is there at the start, in one batch, then stop.
    Once,
}

/// What makes a query a streaming query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSettings {
    /// `OUTPUT MODE`.
    pub output_mode: OutputMode,
    /// `TRIGGER`.
    pub trigger: Trigger,
    /// `CHECKPOINT`; none: a temporary one, removed at the end.
    pub checkpoint: Option<String>,
    /// `QUERY NAME`, shown in progress.
    pub name: Option<String>,
}

/// One watermark of a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatermarkSpec {
    /// Its number within the query, as reports name it.
    pub id: u32,
    /// The event-time column, for messages.
    pub column: String,
    /// The delay in milliseconds.
    pub delay_ms: i64,
}

/// What an executor must know of a query, apart from the plans, which travel beside it and are named by index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuerySpec {
    /// The query.
    pub query: QueryId,
    /// This start of it.
    pub generation: Generation,
    /// Session time zone, an IANA name.
    pub time_zone: String,
    /// Scanned sources by slot.
    pub sources: BTreeMap<SlotId, SourceSpec>,
    /// Map stages; tasks name them by position.
    pub map_stages: Vec<MapStageSpec>,
    /// The reduce stage of an aggregating streaming query.
    pub reduce: Option<ReduceStageSpec>,
    /// The sink executors write to, when they do.
    pub sink: Option<SinkSpec>,
    /// Names of the output columns as the user sees them.
    pub output_names: Vec<String>,
}

/// A stage that reads ranges of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapStageSpec {
    /// The source it reads.
    pub slot: SlotId,
    /// Index of its plan. With `output` = `Shuffle` the plan's root is a partial aggregate.
    pub plan: usize,
    /// What becomes of its rows.
    pub output: StageOutput,
    /// A batch is read by one task.
    #[serde(default)]
    pub whole: bool,
}

/// What becomes of a stage's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageOutput {
    /// Cut by key group into blocks for the reduce tasks.
    Shuffle,
    /// Sent to the driver.
    Driver,
    /// Written to the sink by the task.
    Sink,
}

/// The stage that merges partial rows with state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReduceStageSpec {
    /// Index of a plan whose root is the partial aggregate over an empty slot: it names keys, aggregates and their types.
    pub aggregate: usize,
    /// Index of the plan of row-wise operators (HAVING, projection) over the aggregate's output, in slot `post_slot`.
    pub post: usize,
    /// The slot of `post`'s input.
    pub post_slot: SlotId,
    /// How many reduce tasks share the key groups.
    pub tasks: u32,
    /// Which rows are emitted and evicted.
    pub output_mode: OutputMode,
    /// The group column that holds event time, when late rows are dropped and groups evicted by it.
    pub event_time_key: Option<EventTimeKey>,
    /// What becomes of the rows.
    pub output: StageOutput,
    /// Where state files go; none: state is held in memory only (temporary checkpoint on one machine still names one).
    pub state_location: Option<String>,
}

/// The group column that decides when a group is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTimeKey {
    /// Its position among the group columns.
    pub column: usize,
    /// Added to its value (microseconds) to get the instant the group ends: the window's length for a window's start, 0 for a
    /// raw event time.
    pub duration_us: i64,
}

/// How many key groups a state is divided into: the unit in which state moves between reduce tasks.
pub const KEY_GROUPS: u32 = 256;

/// The key groups of reduce task `index` of `tasks`: contiguous, half-open, together all of them.
#[must_use]
pub fn key_groups_of(index: u32, tasks: u32) -> std::ops::Range<u32> {
    let bound =
        |i: u32| u32::try_from(u64::from(i) * u64::from(KEY_GROUPS) / u64::from(tasks.max(1))).unwrap_or(KEY_GROUPS);
    bound(index)..bound(index + 1)
}

/// The reduce task of `tasks` that owns the group with this key hash.
#[must_use]
pub fn reduce_task_of(hash: u64, tasks: u32) -> u32 {
    let group = u32::try_from(hash % u64::from(KEY_GROUPS)).unwrap_or(0);
    // The inverse of `key_groups_of`: the largest index whose first group is not beyond `group`.
    let tasks = tasks.max(1);
    u32::try_from(((u64::from(group) + 1) * u64::from(tasks)).div_ceil(u64::from(KEY_GROUPS)) - 1).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_group_belongs_to_exactly_the_task_that_claims_it() {
        for tasks in [1, 2, 3, 5, 7, 16, 100, 255, 256] {
            for index in 0..tasks {
                for group in key_groups_of(index, tasks) {
                    assert_eq!(
                        reduce_task_of(u64::from(group), tasks),
                        index,
                        "group {group} of {tasks}"
                    );
                }
            }
            assert_eq!(key_groups_of(tasks - 1, tasks).end, KEY_GROUPS);
        }
    }
}
