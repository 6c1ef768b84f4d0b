//! From a trigger to a batch that is decided.

use millstream_common::domain::failure::FailureClass;
use millstream_common::domain::offset::PartitionOffsets;

use super::{BatchMachine, LISTING_ATTEMPTS, LISTING_RETRY_MS, State};
use crate::batch::effect::{Effect, Outcome};
use crate::batch::event::Listing;
use crate::batch::plan::{Available, Batch, available};
use crate::batch::settings::EmitMode;
use crate::tasks::Failure;
use crate::trigger::Trigger;

impl BatchMachine {
    pub(super) fn fire(&mut self, now_ms: i64) -> Vec<Effect> {
        if let Some(mut batch) = self.again.take() {
            batch.fired_ms = now_ms;
            return self.run(batch, now_ms);
        }
        self.state = State::Listing { fired_ms: now_ms };
        if let Some(frozen) = &self.frozen {
            // All that counts is known since the first trigger.
            let listings: Vec<Listing> = frozen
                .iter()
                .map(|latest| Listing {
                    latest: latest.clone(),
                    earliest_of_new: PartitionOffsets::default(),
                })
                .collect();
            return self.listed(&listings, now_ms);
        }
        vec![Effect::List(self.positions.clone())]
    }

    pub(super) fn listed(&mut self, listings: &[Listing], now_ms: i64) -> Vec<Effect> {
        let State::Listing { fired_ms } = self.state else {
            return Vec::new();
        };
        self.listing_failures = 0;
        if self.settings.trigger.ends() && self.frozen.is_none() {
            self.frozen = Some(listings.iter().map(|listing| listing.latest.clone()).collect());
        }
        let limited = self.settings.durable && self.settings.trigger != Trigger::Once;
        let since_last_ms = self.previous_fired_ms.map_or(i64::MAX, |before| now_ms - before);
        let found = match available(
            &self.settings.sources,
            &self.positions,
            listings,
            limited,
            since_last_ms,
        ) {
            Ok(found) => found,
            Err(lost) => return self.fail(Failure::new(FailureClass::DataLoss, lost.to_string())),
        };
        if !self.started || found.moved(&self.positions) {
            return self.plan(found, listings, fired_ms, now_ms);
        }
        if self.evictions_due() {
            let nothing = Available {
                ends: self.positions.clone(),
                ranges: vec![Vec::new(); self.positions.len()],
                new_starts: vec![PartitionOffsets::default(); self.positions.len()],
                skipped: Vec::new(),
            };
            return self.plan(nothing, listings, fired_ms, now_ms);
        }
        if self.settings.trigger.ends() {
            return self.finish(Outcome::Done);
        }
        let until_ms = self.settings.trigger.next_ms(fired_ms, false, now_ms);
        self.state = State::Waiting { until_ms };
        vec![Effect::Idle(self.next), Effect::WakeAt(until_ms)]
    }

    /// The watermark has moved since the last batch of this run: groups may be over. Whether any group can ever end does not
    /// matter, as in Spark.
    pub(super) fn evictions_due(&self) -> bool {
        let aggregates = self.settings.reduce_tasks > 0 && !self.settings.watermarks.is_empty();
        let possible = self.settings.no_data_batches && aggregates && self.settings.trigger != Trigger::Once;
        possible
            && self.settings.emit != EmitMode::Complete
            && self.evicted_ms.is_some_and(|evicted| self.tracker.now_ms() > evicted)
    }

    pub(super) fn plan(&mut self, found: Available, listings: &[Listing], fired_ms: i64, now_ms: i64) -> Vec<Effect> {
        let starts = self
            .positions
            .iter()
            .map(|start| self.started.then(|| start.clone()))
            .collect();
        let batch = Batch {
            id: self.next,
            fired_ms,
            timestamp_ms: now_ms,
            watermark_ms: self.tracker.now_ms(),
            starts,
            ends: found.ends,
            latest: listings.iter().map(|listing| Some(listing.latest.clone())).collect(),
            ranges: found.ranges,
            new_starts: found.new_starts,
            lanes: self.lanes,
            latest_offset_ms: Some(now_ms - fired_ms),
            run_ms: now_ms,
            ..Batch::default()
        };
        self.started = true;
        let mut effects = Vec::new();
        if !found.skipped.is_empty() {
            effects.push(Effect::Skipped(found.skipped));
        }
        if self.settings.durable {
            effects.push(Effect::Log(batch.id, batch.record()));
            self.state = State::Logging { batch };
        } else {
            effects.extend(self.run(batch, now_ms));
        }
        effects
    }

    pub(super) fn listing_failed(&mut self, failure: Failure, now_ms: i64) -> Vec<Effect> {
        let State::Listing { .. } = self.state else {
            return Vec::new();
        };
        self.listing_failures += 1;
        if !failure.class.retryable() || self.listing_failures >= LISTING_ATTEMPTS {
            return self.fail(failure);
        }
        let until_ms = now_ms + LISTING_RETRY_MS;
        self.state = State::Waiting { until_ms };
        vec![Effect::WakeAt(until_ms)]
    }
}
