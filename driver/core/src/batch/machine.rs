//! The machine: `on(event, now) -> effects`.

mod planning;
mod running;

use std::collections::BTreeMap;
use std::mem;

use millstream_common::domain::failure::FailureClass;
use millstream_common::domain::id::{BatchId, ExecutorId, TaskId};
use millstream_common::domain::offset::PartitionOffsets;

use super::effect::{Effect, Outcome};
use super::event::Event;
use super::plan::Batch;
use super::settings::Settings;
use crate::checkpoint::{Resume, StateFile, files_for};
use crate::place::Candidate;
use crate::tasks::{Failure, Finished, Home, TaskBook, Work};
use crate::watermark::Tracker;

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
    /// Rows that each limit has let through: in committed batches, and with the one that runs.
    passed: Vec<u64>,
    passed_with_batch: Vec<u64>,
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
            passed: Vec::new(),
            passed_with_batch: Vec::new(),
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
                passed,
            } => {
                machine.next = next;
                machine.started = true;
                machine.positions = starts.into_iter().map(Option::unwrap_or_default).collect();
                machine.previous_watermark_ms = previous_watermark_ms;
                machine.restore_watermark(watermark_ms);
                machine.files = state_files;
                machine.passed = passed;
            }
            Resume::Again {
                batch,
                record,
                starts,
                previous_watermark_ms,
                state_files,
                passed,
            } => {
                machine.next = batch;
                machine.started = true;
                machine.previous_watermark_ms = previous_watermark_ms;
                machine.restore_watermark(record.watermark_ms);
                machine.files = state_files;
                machine.passed = passed;
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
            Event::Merged { passed } => self.merged(passed, now_ms),
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
