//! The tasks of one batch: what waits, what runs where, what is done and what of it can still be lost.

use std::collections::BTreeMap;
use std::fmt;

use millstream_common::domain::failure::FailureClass;
use millstream_common::domain::id::{ExecutorId, TaskId};
use millstream_common::domain::offset::OffsetRange;

use crate::checkpoint::StateFile;
use crate::place::{Candidate, place};
use crate::watermark::EventTime;

/// Attempts of one task before the query fails, when nothing else is set (`spark.task.maxFailures`).
pub const MAX_FAILURES: u32 = 4;
/// How often a task may find the blocks it needs lost.
const MAX_LOST_BLOCKS: u32 = 8;

/// What a task does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Reads ranges of a source and runs a map stage over them.
    Map {
        /// Which map stage.
        stage: u32,
        /// Position in the stage, the same at a re-run.
        index: u32,
        /// Which lane of the source: decides where it runs.
        lane: u32,
        /// What it reads.
        ranges: Vec<OffsetRange>,
    },
    /// Merges the partial rows of its key groups with their state.
    Reduce {
        /// Which range of key groups.
        index: u32,
    },
    /// Writes rows the driver merged.
    Write {
        /// Position among the write tasks.
        index: u32,
    },
}

/// What decides where a task runs: work with the same home runs on the same executor from batch to batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Home {
    /// Lane of a map stage's source.
    Lane(u32, u32),
    /// Reduce task.
    Reduce(u32),
    /// Write task.
    Write(u32),
}

impl Work {
    /// What decides where it runs.
    #[must_use]
    pub fn home(&self) -> Home {
        match self {
            Self::Map { stage, lane, .. } => Home::Lane(*stage, *lane),
            Self::Reduce { index } => Home::Reduce(*index),
            Self::Write { index } => Home::Write(*index),
        }
    }

    fn phase(&self) -> Phase {
        match self {
            Self::Map { .. } => Phase::Map,
            Self::Reduce { .. } => Phase::Reduce,
            Self::Write { .. } => Phase::Write,
        }
    }
}

/// Tasks of a later phase need all of the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Map tasks.
    Map,
    /// Reduce tasks.
    Reduce,
    /// Write tasks.
    Write,
}

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind.
    pub class: FailureClass,
    /// What happened, where, what to do.
    pub message: String,
}

impl Failure {
    /// A failure of this class.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { class, message }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Numbers of one task, or the sum over the tasks of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Records read.
    pub input_rows: u64,
    /// Their bytes.
    pub input_bytes: u64,
    /// Rows given to the next stage, the driver or the sink.
    pub output_rows: u64,
    /// Records that could not be decoded.
    pub malformed: u64,
    /// Partial rows dropped as late.
    pub late_rows: u64,
    /// Groups in the state.
    pub state_rows: u64,
    /// Groups touched.
    pub state_updated: u64,
    /// Groups removed.
    pub state_removed: u64,
    /// Memory of the state.
    pub state_bytes: u64,
    /// Time to write state, microseconds.
    pub state_commit_us: u64,
    /// Bytes of shuffle blocks made.
    pub shuffle_bytes: u64,
}

impl Totals {
    /// Adds the numbers of another task.
    pub fn add(&mut self, other: &Self) {
        self.input_rows += other.input_rows;
        self.input_bytes += other.input_bytes;
        self.output_rows += other.output_rows;
        self.malformed += other.malformed;
        self.late_rows += other.late_rows;
        self.state_rows += other.state_rows;
        self.state_updated += other.state_updated;
        self.state_removed += other.state_removed;
        self.state_bytes += other.state_bytes;
        self.state_commit_us += other.state_commit_us;
        self.shuffle_bytes += other.shuffle_bytes;
    }
}

/// A task's report of success.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// Which task.
    pub task: TaskId,
    /// Which attempt of it.
    pub attempt: u32,
    /// Where it ran.
    pub executor: ExecutorId,
    /// Something that is still needed stays at that executor (shuffle blocks, rows not sent along).
    pub holds: bool,
    /// Its numbers.
    pub totals: Totals,
    /// What it saw of event time.
    pub event_time: Vec<EventTime>,
    /// State files it wrote.
    pub state_files: Vec<StateFile>,
    /// How many rows each limit over the stream has let through; 0 for those it does not count.
    pub passed: Vec<u64>,
}

/// A task's report of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Which task.
    pub task: TaskId,
    /// Which attempt of it.
    pub attempt: u32,
    /// Where it ran.
    pub executor: ExecutorId,
    /// Why.
    pub failure: Failure,
    /// The map task (stage, index) whose block could not be had.
    pub lost_block: Option<(u32, u32)>,
}

#[derive(Clone, Debug, PartialEq)]
enum TaskState {
    Waiting,
    Running(ExecutorId),
    Done(Box<Finished>),
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    work: Work,
    attempt: u32,
    failures: u32,
    lost_blocks: u32,
    state: TaskState,
}

/// One attempt to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Where.
    pub executor: ExecutorId,
    /// Which task.
    pub task: TaskId,
    /// Which attempt of it.
    pub attempt: u32,
    /// What it does.
    pub work: Work,
}

/// What a report of failure means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An attempt that no longer counts.
    Ignored,
    /// It is tried again.
    Retry,
    /// The batch cannot be done.
    Fatal(Failure),
}

/// The tasks of one batch. Every report names task and attempt; those of attempts that no longer count change nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskBook {
    entries: BTreeMap<TaskId, Entry>,
    max_failures: u32,
}

impl TaskBook {
    /// A book of tasks numbered from `first`.
    #[must_use]
    pub fn new(first: TaskId, work: Vec<Work>, max_failures: u32) -> Self {
        let mut book = Self {
            entries: BTreeMap::new(),
            max_failures: max_failures.max(1),
        };
        book.add(first, work);
        book
    }

    /// Adds tasks numbered from `first`.
    pub fn add(&mut self, first: TaskId, work: Vec<Work>) {
        let mut id = first;
        for work in work {
            let entry = Entry {
                work,
                attempt: 0,
                failures: 0,
                lost_blocks: 0,
                state: TaskState::Waiting,
            };
            self.entries.insert(id, entry);
            id = id.next();
        }
    }

    /// How many tasks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no tasks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The earliest phase that is not done; none when everything is.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.entries
            .values()
            .filter(|entry| !matches!(entry.state, TaskState::Done(_)))
            .map(|entry| entry.work.phase())
            .min()
    }

    /// Whether a task of the present phase waits for an executor.
    #[must_use]
    pub fn is_starved(&self) -> bool {
        self.phase().is_some_and(|phase| self.waiting(phase).next().is_some())
    }

    fn waiting(&self, phase: Phase) -> impl Iterator<Item = (&TaskId, &Entry)> {
        self.entries
            .iter()
            .filter(move |(_, entry)| entry.work.phase() == phase && entry.state == TaskState::Waiting)
    }

    /// Starts the waiting tasks of the present phase on `candidates`, at their homes where those are usable; `homes` is updated.
    pub fn launch(&mut self, candidates: &[Candidate], homes: &mut BTreeMap<Home, ExecutorId>) -> Vec<Launch> {
        let Some(phase) = self.phase() else {
            return Vec::new();
        };
        if candidates.is_empty() || self.waiting(phase).next().is_none() {
            return Vec::new();
        }
        // All homes of the phase are placed together, running and done ones too: one task of many that is tried again must not
        // make the others' executors look idle.
        let keys: Vec<Home> = self
            .entries
            .values()
            .filter(|entry| entry.work.phase() == phase)
            .map(|entry| entry.work.home())
            .collect();
        let placed = place(&keys, candidates, homes);
        let mut launches = Vec::new();
        for (task, entry) in &mut self.entries {
            if entry.work.phase() != phase || entry.state != TaskState::Waiting {
                continue;
            }
            let Some(executor) = placed.get(&entry.work.home()) else {
                continue;
            };
            entry.attempt += 1;
            entry.state = TaskState::Running(executor.clone());
            launches.push(Launch {
                executor: executor.clone(),
                task: *task,
                attempt: entry.attempt,
                work: entry.work.clone(),
            });
        }
        homes.extend(placed);
        launches
    }

    /// Takes a report of success; false when that attempt no longer counts.
    pub fn finished(&mut self, report: Finished) -> bool {
        let Some(entry) = self.running(report.task, report.attempt, &report.executor) else {
            return false;
        };
        entry.state = TaskState::Done(Box::new(report));
        true
    }

    /// Takes a report of failure. The task's home is given up, so that it is tried elsewhere if there is an elsewhere.
    pub fn failed(&mut self, report: &Failed, homes: &mut BTreeMap<Home, ExecutorId>) -> Verdict {
        let max_failures = self.max_failures;
        let Some(entry) = self.running(report.task, report.attempt, &report.executor) else {
            return Verdict::Ignored;
        };
        match report.failure.class {
            FailureClass::User | FailureClass::DataLoss | FailureClass::Fenced => {
                return Verdict::Fatal(report.failure.clone());
            }
            FailureClass::LostBlock => {
                entry.lost_blocks += 1;
                if entry.lost_blocks >= MAX_LOST_BLOCKS {
                    return Verdict::Fatal(report.failure.clone());
                }
                entry.state = TaskState::Waiting;
                if let Some((stage, index)) = report.lost_block {
                    self.rerun_map(stage, index);
                }
            }
            // Called off by an executor that ends: not the task's fault.
            FailureClass::Cancelled => {
                entry.state = TaskState::Waiting;
                homes.remove(&entry.work.home());
            }
            FailureClass::External | FailureClass::Internal => {
                entry.failures += 1;
                if entry.failures >= max_failures {
                    let message = format!(
                        "task {} failed {} times, the last time on {}: {}",
                        report.task, entry.failures, report.executor, report.failure.message
                    );
                    return Verdict::Fatal(Failure::new(report.failure.class, message));
                }
                entry.state = TaskState::Waiting;
                homes.remove(&entry.work.home());
            }
        }
        Verdict::Retry
    }

    /// An executor is lost with all it held: what ran there, and what is done and still needed from there, waits again.
    pub fn lost(&mut self, executor: &ExecutorId) {
        // Blocks of map tasks are not needed any more once every later task is done.
        let blocks_needed = self.entries.values().any(|entry| {
            entry.work.phase() == Phase::Reduce
                && !matches!(&entry.state, TaskState::Done(report) if report.executor != *executor || !report.holds)
        });
        let reduces = self.entries.values().any(|entry| entry.work.phase() == Phase::Reduce);
        for entry in self.entries.values_mut() {
            let again = match &entry.state {
                TaskState::Waiting => false,
                TaskState::Running(at) => at == executor,
                TaskState::Done(report) => {
                    let needed = match entry.work.phase() {
                        Phase::Map => !reduces || blocks_needed,
                        Phase::Reduce => true,
                        Phase::Write => false,
                    };
                    report.executor == *executor && report.holds && needed
                }
            };
            if again {
                entry.state = TaskState::Waiting;
            }
        }
    }

    fn rerun_map(&mut self, stage: u32, index: u32) {
        for entry in self.entries.values_mut() {
            let same = matches!(&entry.work, Work::Map { stage: s, index: i, .. } if (*s, *i) == (stage, index));
            if same && matches!(entry.state, TaskState::Done(_)) {
                entry.state = TaskState::Waiting;
            }
        }
    }

    fn running(&mut self, task: TaskId, attempt: u32, executor: &ExecutorId) -> Option<&mut Entry> {
        self.entries
            .get_mut(&task)
            .filter(|entry| entry.attempt == attempt && entry.state == TaskState::Running(executor.clone()))
    }

    /// The reports of the tasks that are done, in the order of their numbers.
    pub fn reports(&self) -> impl Iterator<Item = (&Work, &Finished)> {
        self.entries.values().filter_map(|entry| match &entry.state {
            TaskState::Done(report) => Some((&entry.work, report.as_ref())),
            TaskState::Waiting | TaskState::Running(_) => None,
        })
    }

    /// The attempts that run, with their executors.
    pub fn runs(&self) -> impl Iterator<Item = (TaskId, &ExecutorId)> {
        self.entries.iter().filter_map(|(task, entry)| match &entry.state {
            TaskState::Running(executor) => Some((*task, executor)),
            TaskState::Waiting | TaskState::Done(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(names: &[&str]) -> Vec<Candidate> {
        names
            .iter()
            .map(|name| Candidate {
                executor: ExecutorId::from(*name),
                slots: 1,
            })
            .collect()
    }

    fn map(index: u32) -> Work {
        Work::Map {
            stage: 0,
            index,
            lane: index,
            ranges: Vec::new(),
        }
    }

    fn book() -> TaskBook {
        TaskBook::new(TaskId(1), vec![map(0), map(1), Work::Reduce { index: 0 }], 2)
    }

    fn done(launch: &Launch, holds: bool) -> Finished {
        Finished {
            task: launch.task,
            attempt: launch.attempt,
            executor: launch.executor.clone(),
            holds,
            totals: Totals::default(),
            event_time: Vec::new(),
            state_files: Vec::new(),
            passed: Vec::new(),
        }
    }

    fn failed(launch: &Launch, class: FailureClass, lost_block: Option<(u32, u32)>) -> Failed {
        Failed {
            task: launch.task,
            attempt: launch.attempt,
            executor: launch.executor.clone(),
            failure: Failure::new(class, "why"),
            lost_block,
        }
    }

    #[test]
    fn phases_follow_each_other() {
        let (mut book, mut homes) = (book(), BTreeMap::new());
        let maps = book.launch(&candidates(&["a", "b"]), &mut homes);
        assert_eq!(
            maps.iter().map(|l| l.executor.0.as_str()).collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert!(book.finished(done(&maps[0], true)));
        assert!(!book.finished(done(&maps[0], true)), "a duplicate report counts once");
        assert_eq!(book.launch(&candidates(&["a", "b"]), &mut homes), []);
        assert!(book.finished(done(&maps[1], true)));
        let reduces = book.launch(&candidates(&["a", "b"]), &mut homes);
        assert_eq!(reduces.len(), 1);
        assert!(book.finished(done(&reduces[0], false)));
        assert_eq!(book.phase(), None);
    }

    #[test]
    fn an_executor_takes_along_what_ran_and_the_blocks_it_held() {
        let (mut book, mut homes) = (book(), BTreeMap::new());
        let maps = book.launch(&candidates(&["a", "b"]), &mut homes);
        book.finished(done(&maps[0], true));
        book.finished(done(&maps[1], true));
        let reduces = book.launch(&candidates(&["a", "b"]), &mut homes);
        book.lost(&ExecutorId::from("a"));
        assert_eq!(book.phase(), Some(Phase::Map));
        assert!(
            !book.finished(done(&reduces[0], false)),
            "the lost attempt no longer counts"
        );
        let again = book.launch(&candidates(&["b"]), &mut homes);
        assert_eq!(
            (again.len(), again[0].attempt, again[0].executor.0.as_str()),
            (1, 2, "b")
        );
        book.finished(done(&again[0], true));
        let reduces = book.launch(&candidates(&["b"]), &mut homes);
        assert!(book.finished(done(&reduces[0], false)));
        // Its rows came with the report: nothing it held is needed now.
        book.lost(&ExecutorId::from("b"));
        assert_eq!(book.phase(), None);
    }

    #[test]
    fn failures_are_counted_by_class() {
        let (mut book, mut homes) = (book(), BTreeMap::new());
        let maps = book.launch(&candidates(&["a"]), &mut homes);
        assert_eq!(
            book.failed(&failed(&maps[0], FailureClass::External, None), &mut homes),
            Verdict::Retry
        );
        assert_eq!(
            book.failed(&failed(&maps[0], FailureClass::External, None), &mut homes),
            Verdict::Ignored
        );
        let again = book.launch(&candidates(&["a"]), &mut homes);
        assert_eq!(
            book.failed(&failed(&again[0], FailureClass::Cancelled, None), &mut homes),
            Verdict::Retry
        );
        let again = book.launch(&candidates(&["a"]), &mut homes);
        let verdict = book.failed(&failed(&again[0], FailureClass::External, None), &mut homes);
        assert!(matches!(verdict, Verdict::Fatal(failure) if failure.message.contains("failed 2 times")));
        let verdict = book.failed(&failed(&maps[1], FailureClass::User, None), &mut homes);
        assert!(matches!(verdict, Verdict::Fatal(_)));
    }

    #[test]
    fn a_lost_block_sends_its_map_task_round_again() {
        let (mut book, mut homes) = (book(), BTreeMap::new());
        for launch in book.launch(&candidates(&["a"]), &mut homes) {
            book.finished(done(&launch, true));
        }
        let reduce = &book.launch(&candidates(&["a"]), &mut homes)[0];
        assert_eq!(
            book.failed(&failed(reduce, FailureClass::LostBlock, Some((0, 1))), &mut homes),
            Verdict::Retry
        );
        let maps = book.launch(&candidates(&["a"]), &mut homes);
        assert_eq!(maps.iter().map(|l| l.work.clone()).collect::<Vec<_>>(), [map(1)]);
    }
}
