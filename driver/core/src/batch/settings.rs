//! What of a query the machine must know.

use crate::offsets::Limits;
use crate::trigger::Trigger;
use crate::watermark::{Policy, WatermarkNode};

/// Which rows an aggregating streaming query emits; decides thresholds and no-data batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmitMode {
    /// Groups that are over.
    Append,
    /// Groups that changed.
    Update,
    /// All groups.
    Complete,
}

/// One scanned source, in the order of the query's plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    /// How much one batch takes.
    pub limits: Limits,
    /// Lost records fail the query.
    pub fail_on_data_loss: bool,
    /// Tasks a batch is cut into at least.
    pub min_partitions: Option<u32>,
}

/// A query as the machine sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its scanned sources.
    pub sources: Vec<SourceSettings>,
    /// For every map stage the position of its source in `sources`.
    pub map_stages: Vec<usize>,
    /// The map stages that read a batch in one task.
    pub whole_stages: Vec<u32>,
    /// Reduce tasks; 0: there is no reduce stage.
    pub reduce_tasks: u32,
    /// Tasks that write rows the driver merged; 0: the driver is the sink or executors wrote in their stage.
    pub write_tasks: u32,
    /// When batches start.
    pub trigger: Trigger,
    /// Batches are logged and committed; false for a batch query.
    pub durable: bool,
    /// Which rows come out.
    pub emit: EmitMode,
    /// A group of the reduce stage ends at some event time: rows can be late, groups can be evicted.
    pub evicts: bool,
    /// Its watermarks.
    pub watermarks: Vec<WatermarkNode>,
    /// Which of them counts.
    pub policy: Policy,
    /// Whether a batch without data runs to evict what the last one made due.
    pub no_data_batches: bool,
    /// Attempts of one task.
    pub max_failures: u32,
    /// How long tasks wait when there is no executor. Milliseconds.
    pub executor_wait_ms: i64,
    /// Batches whose log entries and state are kept.
    pub retained: u64,
    /// Lanes the partitions of a source are dealt to: tasks of one batch when there are more partitions than that.
    pub lanes: u32,
}
