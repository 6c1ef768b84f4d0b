//! Watermarks: how far event time has come, and what that makes late or finished.

use std::collections::BTreeMap;

/// One watermark of a query: its number and its delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatermarkNode {
    /// Its number within the query, as task reports name it.
    pub id: u32,
    /// Milliseconds.
    pub delay_ms: i64,
}

/// Which of several watermarks counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The slowest one (`spark.sql.streaming.multipleWatermarkPolicy` = `min`).
    #[default]
    Min,
    /// The fastest one.
    Max,
}

/// What one task saw of event time at one watermark, milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EventTime {
    /// Which watermark.
    pub id: u32,
    /// The largest.
    pub max_ms: i64,
    /// The smallest; nulls count as 0.
    pub min_ms: i64,
    /// Their sum; nulls count as 0.
    pub sum_ms: f64,
    /// How many rows; with 0 the other fields mean nothing.
    pub count: u64,
}

/// The thresholds one batch applies. Milliseconds since the epoch; a group is concerned when it ends at or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Groups that are late: their rows are dropped and counted. The watermark of the batch before.
    pub late_ms: i64,
    /// Groups that are over: emitted (append) and removed. The watermark of this batch.
    pub evict_ms: i64,
}

impl Thresholds {
    /// Nothing is late, nothing is ever over.
    pub const NONE: Self = Self {
        late_ms: i64::MIN,
        evict_ms: i64::MIN,
    };
}

/// The query's watermark: per node the largest event time seen less its delay, over the nodes the smallest (or largest). Never
/// negative, never going back. A node that has seen no row yet counts as 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracker {
    nodes: BTreeMap<u32, (i64, Option<i64>)>,
    policy: Policy,
    global_ms: i64,
}

impl Tracker {
    /// The tracker of a query that stands at `restored_ms` (0 for a new one). Only the query's own watermark is kept in a
    /// checkpoint: after a restart every node must be seen again before the smallest moves.
    #[must_use]
    pub fn new(nodes: &[WatermarkNode], policy: Policy, restored_ms: i64) -> Self {
        Self {
            nodes: nodes.iter().map(|node| (node.id, (node.delay_ms, None))).collect(),
            policy,
            global_ms: restored_ms.max(0),
        }
    }

    /// Whether the query has a watermark at all.
    #[must_use]
    pub fn is_used(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// Where the watermark stands. Milliseconds since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.global_ms
    }

    /// Takes in what the tasks of a finished batch saw; counts from the next batch on.
    pub fn observe(&mut self, seen: &[EventTime]) {
        for stats in seen.iter().filter(|stats| stats.count > 0) {
            if let Some((delay_ms, reached)) = self.nodes.get_mut(&stats.id) {
                let candidate = stats.max_ms.saturating_sub(*delay_ms);
                *reached = Some(reached.map_or(candidate, |before| before.max(candidate)));
            }
        }
        let reached = self.nodes.values().map(|(_, reached)| reached.unwrap_or(0));
        let candidate = match self.policy {
            Policy::Min => reached.min(),
            Policy::Max => reached.max(),
        };
        self.global_ms = self.global_ms.max(candidate.unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: u32, delay_ms: i64) -> WatermarkNode {
        WatermarkNode { id, delay_ms }
    }

    fn seen(id: u32, max_ms: i64) -> EventTime {
        EventTime {
            id,
            max_ms,
            min_ms: 0,
            sum_ms: 0.0,
            count: 1,
        }
    }

    #[test]
    fn one_node_follows_its_maximum_and_never_goes_back() {
        let mut tracker = Tracker::new(&[node(0, 10)], Policy::Min, 0);
        for (max, expected) in [(5, 0), (30, 20), (25, 20), (31, 21)] {
            tracker.observe(&[seen(0, max)]);
            assert_eq!(tracker.now_ms(), expected);
        }
        tracker.observe(&[EventTime {
            count: 0,
            ..seen(0, 900)
        }]);
        assert_eq!(tracker.now_ms(), 21);
    }

    #[test]
    fn the_slowest_node_holds_back_and_a_silent_one_freezes() {
        let nodes = [node(0, 0), node(1, 5)];
        let mut tracker = Tracker::new(&nodes, Policy::Min, 0);
        tracker.observe(&[seen(0, 100)]);
        assert_eq!(tracker.now_ms(), 0);
        tracker.observe(&[seen(1, 50)]);
        assert_eq!(tracker.now_ms(), 45);
        let mut fastest = Tracker::new(&nodes, Policy::Max, 0);
        fastest.observe(&[seen(0, 100)]);
        assert_eq!(fastest.now_ms(), 100);
    }

    #[test]
    fn a_restored_watermark_stays_until_it_is_passed() {
        let mut tracker = Tracker::new(&[node(0, 0)], Policy::Min, 70);
        tracker.observe(&[seen(0, 60)]);
        assert_eq!(tracker.now_ms(), 70);
        tracker.observe(&[seen(0, 80)]);
        assert_eq!(tracker.now_ms(), 80);
    }
}
