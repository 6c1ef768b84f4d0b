//! From a batch that is decided to one that exists: tasks, rows, commit.

use std::mem;

use millstream_common::domain::id::{BatchId, ExecutorId, TaskId};

use super::{BatchMachine, MERGE_ATTEMPTS, State};
use crate::batch::effect::{Effect, Outcome};
use crate::batch::plan::Batch;
use crate::batch::report::report;
use crate::batch::settings::EmitMode;
use crate::checkpoint::{CommitRecord, StateFile, merge};
use crate::tasks::{Failed, Failure, Finished, TaskBook, Verdict, Work};
use crate::trigger::Trigger;
use crate::watermark::{EventTime, Thresholds};

impl BatchMachine {
    pub(super) fn run(&mut self, mut batch: Batch, now_ms: i64) -> Vec<Effect> {
        batch.run_ms = now_ms;
        self.merge_failures = 0;
        let work = batch.work(&self.settings);
        let book = TaskBook::new(self.take_tasks(work.len()), work, self.settings.max_failures);
        self.state = State::Running { batch, book };
        self.proceed(now_ms)
    }

    pub(super) fn take_tasks(&mut self, count: usize) -> TaskId {
        let first = self.next_task;
        self.next_task = TaskId(first.0 + count as u64);
        first
    }

    /// Goes on with a batch whose tasks have moved: starts the next phase, or leaves the state when all are done.
    pub(super) fn proceed(&mut self, now_ms: i64) -> Vec<Effect> {
        match mem::replace(&mut self.state, State::Finished) {
            State::Running { batch, book } if book.phase().is_none() => {
                let effect = Effect::Merge {
                    batch: batch.id,
                    timestamp_ms: batch.timestamp_ms,
                    tasks: book.reports().map(|(_, report)| report.task).collect(),
                    passed: self.passed.clone(),
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

    pub(super) fn launch(&mut self, now_ms: i64) -> Vec<Effect> {
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
                passed: self.passed.clone(),
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

    pub(super) fn executor_gone(&mut self, executor: &ExecutorId, now_ms: i64) -> Vec<Effect> {
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

    pub(super) fn task_finished(&mut self, report: Finished, now_ms: i64) -> Vec<Effect> {
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

    pub(super) fn task_failed(&mut self, report: &Failed, now_ms: i64) -> Vec<Effect> {
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

    pub(super) fn merged(&mut self, passed: Vec<u64>, now_ms: i64) -> Vec<Effect> {
        match mem::replace(&mut self.state, State::Finished) {
            State::Merging { batch, mut book } => {
                self.passed_with_batch = passed;
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

    pub(super) fn merge_failed(&mut self, failure: Failure, lost: Option<ExecutorId>, now_ms: i64) -> Vec<Effect> {
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

    pub(super) fn commit(&mut self, mut batch: Batch, book: TaskBook, now_ms: i64) -> Vec<Effect> {
        batch.commit_ms = now_ms;
        let seen: Vec<EventTime> = book
            .reports()
            .flat_map(|(_, report)| report.event_time.clone())
            .collect();
        let new: Vec<StateFile> = book
            .reports()
            .flat_map(|(_, report)| report.state_files.clone())
            .collect();
        for (_, report) in book.reports() {
            count_all(&mut self.passed_with_batch, &report.passed);
        }
        self.tracker.observe(&seen);
        let files = merge(&self.files, &new);
        let record = CommitRecord {
            next_watermark_ms: self.tracker.now_ms(),
            state_files: files.clone(),
            passed: self.passed_with_batch.clone(),
        };
        let effect = Effect::Commit(batch.id, record);
        self.state = State::Committing { batch, book, files };
        vec![effect]
    }

    pub(super) fn committed(&mut self, now_ms: i64) -> Vec<Effect> {
        let (batch, book, files) = match mem::replace(&mut self.state, State::Finished) {
            State::Committing { batch, book, files } => (batch, book, files),
            other => {
                self.state = other;
                return Vec::new();
            }
        };
        let report = report(
            &self.settings,
            self.tracker.is_used().then(|| self.tracker.now_ms()),
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
        self.passed.clone_from(&self.passed_with_batch);
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
    pub(super) fn purge(&mut self, committed: BatchId) -> Option<Effect> {
        let below = BatchId(committed.0.checked_sub(self.settings.retained)?);
        let kept = self.garbage.split_off(&below);
        let files = mem::replace(&mut self.garbage, kept).into_values().flatten().collect();
        Some(Effect::Purge(below, files))
    }
}

/// Adds what a task has counted: a limit only ever lets more through, and is counted in one place.
fn count_all(passed: &mut Vec<u64>, by_task: &[u64]) {
    if passed.len() < by_task.len() {
        passed.resize(by_task.len(), 0);
    }
    for (passed, counted) in passed.iter_mut().zip(by_task) {
        *passed = (*passed).max(*counted);
    }
}
