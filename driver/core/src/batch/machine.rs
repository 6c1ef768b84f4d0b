//! The machine: `on(event, now) -> effects`.

use std::collections::BTreeMap;
use std::mem;

use millstream_common::domain::failure::FailureClass;
use millstream_common::domain::id::{BatchId, ExecutorId, TaskId};
use millstream_common::domain::offset::PartitionOffsets;

use super::effect::{Effect, Outcome};
use super::event::{Event, Listing};
use super::plan::{Available, Batch, available};
use super::report::report;
use super::settings::{EmitMode, Settings};
use crate::checkpoint::{CommitRecord, Resume, StateFile, files_for, merge};
use crate::place::Candidate;
use crate::tasks::{Failed, Failure, Finished, Home, TaskBook, Verdict, Work};
use crate::trigger::Trigger;
use crate::watermark::{EventTime, Thresholds, Tracker};

/// How often sources are asked again after a failure, and how long after. Milliseconds.
const LISTING_ATTEMPTS: u32 = 3;
const LISTING_RETRY_MS: i64 = 1_000;
/// How often lost rows are made again for one batch.
const MERGE_ATTEMPTS: u32 = 4;

/// Where a query starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// What the checkpoint says.
    pub resume: Resume,
    /// Where the sources begin when no batch was ever logged, in their order.
    pub initial: Vec<PartitionOffsets>,
    /// The first number for a task.
    pub first_task: TaskId,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Waiting {
        until_ms: i64,
    },
    Listing {
        fired_ms: i64,
    },
    Logging {
        batch: Batch,
    },
    Running {
        batch: Batch,
        book: TaskBook,
    },
    Merging {
        batch: Batch,
        book: TaskBook,
    },
    Writing {
        batch: Batch,
        book: TaskBook,
    },
    Committing {
        batch: Batch,
        book: TaskBook,
        files: Vec<StateFile>,
    },
    Finished,
}

/// One query's life. Feed it events, carry out its effects in order.
#[derive(Clone, Debug)]
pub struct BatchMachine {
    settings: Settings,
    state: State,
    next: BatchId,
    positions: Vec<PartitionOffsets>,
    /// Whether a batch was ever logged: before, even a batch without data runs.
    started: bool,
    /// A batch that is logged and not committed, to be run first.
    again: Option<Batch>,
    frozen: Option<Vec<PartitionOffsets>>,
    tracker: Tracker,
    previous_watermark_ms: i64,
    /// The watermark the last batch of this run evicted with.
    evicted_ms: Option<i64>,
    files: Vec<StateFile>,
    /// Replaced state files by the batch that replaced them.
    garbage: BTreeMap<BatchId, Vec<StateFile>>,
    candidates: Vec<Candidate>,
    homes: BTreeMap<Home, ExecutorId>,
    next_task: TaskId,
    stopping: bool,
    previous_fired_ms: Option<i64>,
    listing_failures: u32,
    merge_failures: u32,
    starved_until_ms: Option<i64>,
    lanes: u32,
}

impl BatchMachine {
    /// A query that goes on where `start` says; it acts at the first `Wake`.
    #[must_use]
    pub fn new(settings: Settings, start: Start) -> Self {
        let lanes = settings.lanes.max(1);
        let mut machine = Self {
            tracker: Tracker::new(&settings.watermarks, settings.policy, 0),
            state: State::Waiting { until_ms: i64::MIN },
            next: BatchId(0),
            positions: start.initial,
            started: false,
            again: None,
            frozen: None,
            previous_watermark_ms: 0,
            evicted_ms: None,
            files: Vec::new(),
            garbage: BTreeMap::new(),
            candidates: Vec::new(),
            homes: BTreeMap::new(),
            next_task: start.first_task,
            stopping: false,
            previous_fired_ms: None,
            listing_failures: 0,
            merge_failures: 0,
            starved_until_ms: None,
            lanes,
            settings,
        };
        match start.resume {
            Resume::Fresh => {}
            Resume::After {
                next,
                starts,
                previous_watermark_ms,
                watermark_ms,
                state_files,
            } => {
                machine.next = next;
                machine.started = true;
                machine.positions = starts.into_iter().map(Option::unwrap_or_default).collect();
                machine.previous_watermark_ms = previous_watermark_ms;
                machine.restore_watermark(watermark_ms);
                machine.files = state_files;
            }
            Resume::Again {
                batch,
                record,
                starts,
                previous_watermark_ms,
                state_files,
            } => {
                machine.next = batch;
                machine.started = true;
                machine.previous_watermark_ms = previous_watermark_ms;
                machine.restore_watermark(record.watermark_ms);
                machine.files = state_files;
                let logged = starts.unwrap_or_else(|| vec![None; machine.positions.len()]);
                for (position, start) in machine.positions.iter_mut().zip(&logged) {
                    if let Some(start) = start {
                        position.clone_from(start);
                    }
                }
                machine.again = Some(Batch::from_record(batch, &record, logged, &machine.positions, lanes));
            }
        }
        machine
    }

    fn restore_watermark(&mut self, watermark_ms: i64) {
        self.tracker = Tracker::new(&self.settings.watermarks, self.settings.policy, watermark_ms);
    }

    /// The batch that runs or runs next.
    #[must_use]
    pub fn batch(&self) -> BatchId {
        self.next
    }

    /// Whether nothing will happen any more.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.state == State::Finished
    }

    /// The state a reduce task starts from: its version and the files of its key groups.
    #[must_use]
    pub fn state_files(&self, from: u32, until: u32) -> Vec<StateFile> {
        files_for(&self.files, from, until)
    }

    /// The reports of the present batch's tasks, in the order of their numbers.
    pub fn reports(&self) -> impl Iterator<Item = (&Work, &Finished)> {
        let book = match &self.state {
            State::Running { book, .. }
            | State::Merging { book, .. }
            | State::Writing { book, .. }
            | State::Committing { book, .. } => Some(book),
            State::Waiting { .. } | State::Listing { .. } | State::Logging { .. } | State::Finished => None,
        };
        book.into_iter().flat_map(TaskBook::reports)
    }

    /// Takes an event at `now_ms` (epoch milliseconds) and says what is to be done. Events that the present state does not wait for
    /// (late and duplicate ones) change nothing.
    pub fn on(&mut self, event: Event, now_ms: i64) -> Vec<Effect> {
        match event {
            Event::Wake => self.wake(now_ms),
            Event::Listed(listings) => self.listed(&listings, now_ms),
            Event::ListingFailed(failure) => self.listing_failed(failure, now_ms),
            Event::Logged => self.logged(now_ms),
            Event::LogFailed(failure) => match self.state {
                State::Logging { .. } => self.fail(failure),
                State::Waiting { .. }
                | State::Listing { .. }
                | State::Running { .. }
                | State::Merging { .. }
                | State::Writing { .. }
                | State::Committing { .. }
                | State::Finished => Vec::new(),
            },
            Event::Executors(candidates) => {
                self.candidates = candidates;
                self.launch(now_ms)
            }
            Event::ExecutorGone(executor) => self.executor_gone(&executor, now_ms),
            Event::TaskFinished(report) => self.task_finished(report, now_ms),
            Event::TaskFailed(report) => self.task_failed(&report, now_ms),
            Event::Merged => self.merged(now_ms),
            Event::MergeFailed { failure, lost } => self.merge_failed(failure, lost, now_ms),
            Event::Committed => self.committed(now_ms),
            Event::CommitFailed(failure) => match self.state {
                State::Committing { .. } => self.fail(failure),
                State::Waiting { .. }
                | State::Listing { .. }
                | State::Logging { .. }
                | State::Running { .. }
                | State::Merging { .. }
                | State::Writing { .. }
                | State::Finished => Vec::new(),
            },
            Event::Stop => self.stop(),
        }
    }

    fn wake(&mut self, now_ms: i64) -> Vec<Effect> {
        match &self.state {
            State::Waiting { until_ms } if now_ms < *until_ms => vec![Effect::WakeAt(*until_ms)],
            State::Waiting { .. } => self.fire(now_ms),
            State::Running { .. } | State::Writing { .. } => match self.starved_until_ms {
                Some(until_ms) if now_ms >= until_ms => self.fail(Failure::new(
                    FailureClass::External,
                    format!(
                        "no executor for {} s: start executors and point them at this driver's address, or use --local N",
                        self.settings.executor_wait_ms / 1000
                    ),
                )),
                Some(until_ms) => vec![Effect::WakeAt(until_ms)],
                None => Vec::new(),
            },
            State::Listing { .. }
            | State::Logging { .. }
            | State::Merging { .. }
            | State::Committing { .. }
            | State::Finished => Vec::new(),
        }
    }

    fn fire(&mut self, now_ms: i64) -> Vec<Effect> {
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

    fn listed(&mut self, listings: &[Listing], now_ms: i64) -> Vec<Effect> {
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

    /// The last batch of this run left groups behind that the watermark has passed since.
    fn evictions_due(&self) -> bool {
        let possible = self.settings.no_data_batches && self.settings.evicts && self.settings.trigger != Trigger::Once;
        possible
            && self.settings.emit != EmitMode::Complete
            && self.evicted_ms.is_some_and(|evicted| self.tracker.now_ms() > evicted)
    }

    fn plan(&mut self, found: Available, listings: &[Listing], fired_ms: i64, now_ms: i64) -> Vec<Effect> {
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

    fn listing_failed(&mut self, failure: Failure, now_ms: i64) -> Vec<Effect> {
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

    fn logged(&mut self, now_ms: i64) -> Vec<Effect> {
        match mem::replace(&mut self.state, State::Finished) {
            State::Logging { mut batch } => {
                batch.wal_commit_ms = Some(now_ms - batch.run_ms);
                self.run(batch, now_ms)
            }
            other => {
                self.state = other;
                Vec::new()
            }
        }
    }

    fn run(&mut self, mut batch: Batch, now_ms: i64) -> Vec<Effect> {
        batch.run_ms = now_ms;
        self.merge_failures = 0;
        let work = batch.work(&self.settings);
        let book = TaskBook::new(self.take_tasks(work.len()), work, self.settings.max_failures);
        self.state = State::Running { batch, book };
        self.proceed(now_ms)
    }

    fn take_tasks(&mut self, count: usize) -> TaskId {
        let first = self.next_task;
        self.next_task = TaskId(first.0 + count as u64);
        first
    }

    /// Goes on with a batch whose tasks have moved: starts the next phase, or leaves the state when all are done.
    fn proceed(&mut self, now_ms: i64) -> Vec<Effect> {
        match mem::replace(&mut self.state, State::Finished) {
            State::Running { batch, book } if book.phase().is_none() => {
                let effect = Effect::Merge {
                    batch: batch.id,
                    timestamp_ms: batch.timestamp_ms,
                    tasks: book.reports().map(|(_, report)| report.task).collect(),
                };
                self.state = State::Merging { batch, book };
                vec![effect]
            }
            State::Writing { batch, book } if book.phase().is_none() => self.commit(batch, book, now_ms),
            other => {
                self.state = other;
                self.launch(now_ms)
            }
        }
    }

    fn launch(&mut self, now_ms: i64) -> Vec<Effect> {
        let (State::Running { batch, book } | State::Writing { batch, book }) = &mut self.state else {
            return Vec::new();
        };
        let launches = book.launch(&self.candidates, &mut self.homes);
        let starved = book.is_starved();
        let mut effects = Vec::new();
        if !launches.is_empty() {
            let thresholds = if self.settings.evicts && self.settings.emit != EmitMode::Complete {
                Thresholds {
                    late_ms: self.previous_watermark_ms,
                    evict_ms: batch.watermark_ms,
                }
            } else {
                Thresholds::NONE
            };
            effects.push(Effect::Launch {
                batch: batch.id,
                timestamp_ms: batch.timestamp_ms,
                thresholds,
                state: (batch.id.0, self.files.clone()),
                launches,
            });
        }
        match (starved, self.starved_until_ms) {
            (true, None) => {
                let until_ms = now_ms + self.settings.executor_wait_ms;
                self.starved_until_ms = Some(until_ms);
                effects.extend([Effect::Starved(until_ms), Effect::WakeAt(until_ms)]);
            }
            (true, Some(_)) | (false, None) => {}
            (false, Some(_)) => self.starved_until_ms = None,
        }
        effects
    }

    fn executor_gone(&mut self, executor: &ExecutorId, now_ms: i64) -> Vec<Effect> {
        self.candidates.retain(|candidate| candidate.executor != *executor);
        self.homes.retain(|_, home| home != executor);
        match &mut self.state {
            State::Running { book, .. } | State::Writing { book, .. } => {
                book.lost(executor);
                self.proceed(now_ms)
            }
            // The merge finds out by itself whether it still needed anything from there.
            State::Merging { .. }
            | State::Waiting { .. }
            | State::Listing { .. }
            | State::Logging { .. }
            | State::Committing { .. }
            | State::Finished => Vec::new(),
        }
    }

    fn task_finished(&mut self, report: Finished, now_ms: i64) -> Vec<Effect> {
        match &mut self.state {
            State::Running { book, .. } | State::Writing { book, .. } => {
                if book.finished(report) {
                    self.proceed(now_ms)
                } else {
                    Vec::new()
                }
            }
            State::Waiting { .. }
            | State::Listing { .. }
            | State::Logging { .. }
            | State::Merging { .. }
            | State::Committing { .. }
            | State::Finished => Vec::new(),
        }
    }

    fn task_failed(&mut self, report: &Failed, now_ms: i64) -> Vec<Effect> {
        let verdict = match &mut self.state {
            State::Running { book, .. } | State::Writing { book, .. } => book.failed(report, &mut self.homes),
            State::Waiting { .. }
            | State::Listing { .. }
            | State::Logging { .. }
            | State::Merging { .. }
            | State::Committing { .. }
            | State::Finished => Verdict::Ignored,
        };
        match verdict {
            Verdict::Ignored => Vec::new(),
            Verdict::Retry => self.proceed(now_ms),
            Verdict::Fatal(failure) => self.fail(failure),
        }
    }

    fn merged(&mut self, now_ms: i64) -> Vec<Effect> {
        match mem::replace(&mut self.state, State::Finished) {
            State::Merging { batch, mut book } => {
                if self.settings.write_tasks == 0 {
                    return self.commit(batch, book, now_ms);
                }
                let work = (0..self.settings.write_tasks)
                    .map(|index| Work::Write { index })
                    .collect();
                book.add(self.take_tasks(self.settings.write_tasks as usize), work);
                self.state = State::Writing { batch, book };
                self.proceed(now_ms)
            }
            other => {
                self.state = other;
                Vec::new()
            }
        }
    }

    fn merge_failed(&mut self, failure: Failure, lost: Option<ExecutorId>, now_ms: i64) -> Vec<Effect> {
        match mem::replace(&mut self.state, State::Finished) {
            State::Merging { batch, mut book } => {
                self.merge_failures += 1;
                let retry = failure.class.retryable() && self.merge_failures < MERGE_ATTEMPTS;
                match lost {
                    Some(executor) if retry => {
                        book.lost(&executor);
                        self.state = State::Running { batch, book };
                        self.proceed(now_ms)
                    }
                    Some(_) | None => {
                        self.state = State::Merging { batch, book };
                        self.fail(failure)
                    }
                }
            }
            other => {
                self.state = other;
                Vec::new()
            }
        }
    }

    fn commit(&mut self, mut batch: Batch, book: TaskBook, now_ms: i64) -> Vec<Effect> {
        batch.commit_ms = now_ms;
        let seen: Vec<EventTime> = book
            .reports()
            .flat_map(|(_, report)| report.event_time.clone())
            .collect();
        let new: Vec<StateFile> = book
            .reports()
            .flat_map(|(_, report)| report.state_files.clone())
            .collect();
        self.tracker.observe(&seen);
        let files = merge(&self.files, &new);
        let record = CommitRecord {
            next_watermark_ms: self.tracker.now_ms(),
            state_files: files.clone(),
        };
        let effect = Effect::Commit(batch.id, record);
        self.state = State::Committing { batch, book, files };
        vec![effect]
    }

    fn committed(&mut self, now_ms: i64) -> Vec<Effect> {
        let (batch, book, files) = match mem::replace(&mut self.state, State::Finished) {
            State::Committing { batch, book, files } => (batch, book, files),
            other => {
                self.state = other;
                return Vec::new();
            }
        };
        let report = report(
            &self.settings,
            self.tracker.is_used(),
            self.previous_fired_ms,
            &batch,
            &book,
            now_ms,
        );
        let mut effects = vec![Effect::Announce(batch.id), Effect::Report(Box::new(report))];
        let replaced = self
            .files
            .iter()
            .filter(|file| !files.contains(file))
            .cloned()
            .collect();
        self.garbage.insert(batch.id, replaced);
        self.files = files;
        effects.extend(self.purge(batch.id));
        self.evicted_ms = Some(batch.watermark_ms);
        self.previous_watermark_ms = batch.watermark_ms;
        self.previous_fired_ms = Some(batch.fired_ms);
        self.next = batch.id.next();
        self.positions = batch.ends;
        if self.stopping || !self.settings.durable || self.settings.trigger == Trigger::Once {
            effects.extend(self.finish(Outcome::Done));
            return effects;
        }
        let until_ms = self.settings.trigger.next_ms(batch.fired_ms, true, now_ms);
        self.state = State::Waiting { until_ms };
        effects.extend(self.wake(now_ms));
        effects
    }

    /// What no retained batch needs any more.
    fn purge(&mut self, committed: BatchId) -> Option<Effect> {
        let below = BatchId(committed.0.checked_sub(self.settings.retained)?);
        let kept = self.garbage.split_off(&below);
        let files = mem::replace(&mut self.garbage, kept).into_values().flatten().collect();
        Some(Effect::Purge(below, files))
    }

    fn stop(&mut self) -> Vec<Effect> {
        self.stopping = true;
        match self.state {
            State::Waiting { .. } | State::Listing { .. } => self.finish(Outcome::Done),
            State::Logging { .. }
            | State::Running { .. }
            | State::Merging { .. }
            | State::Writing { .. }
            | State::Committing { .. }
            | State::Finished => Vec::new(),
        }
    }

    fn fail(&mut self, failure: Failure) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let State::Running { batch, book } | State::Merging { batch, book } | State::Writing { batch, book } =
            &self.state
        {
            let running = book.runs().map(|(task, executor)| (task, executor.clone())).collect();
            effects.push(Effect::Abort(batch.id, running));
        }
        effects.extend(self.finish(Outcome::Failed(failure)));
        effects
    }

    fn finish(&mut self, outcome: Outcome) -> Vec<Effect> {
        self.state = State::Finished;
        vec![Effect::Finish(outcome)]
    }
}
