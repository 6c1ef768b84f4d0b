//! The machine against tables: every pair of state and event, and the sequences of batches that matter.

use millstream_common::domain::failure::FailureClass;
use millstream_common::domain::id::{BatchId, ExecutorId, TaskId};
use millstream_common::domain::offset::{OffsetRange, PartitionOffsets, TopicPartition};

mod limits;

use super::*;
use crate::batch::plan::Batch;
use crate::checkpoint::{CommitRecord, LastBatch, OffsetRecord, resume};
use crate::offsets::Limits;
use crate::place::Candidate;
use crate::tasks::{Failed, Failure, Finished, Launch, Totals};
use crate::trigger::Trigger;
use crate::watermark::{EventTime, Policy, Thresholds, WatermarkNode};

fn at(values: &[i64]) -> PartitionOffsets {
    values
        .iter()
        .zip(0..)
        .map(|(offset, p)| (TopicPartition::new("t", p), *offset))
        .collect()
}

fn settings() -> Settings {
    Settings {
        sources: vec![SourceSettings {
            limits: Limits::none(),
            fail_on_data_loss: true,
            min_partitions: None,
        }],
        map_stages: vec![0],
        whole_stages: Vec::new(),
        reduce_tasks: 1,
        write_tasks: 0,
        trigger: Trigger::ProcessingTime { interval_ms: 0 },
        durable: true,
        emit: EmitMode::Append,
        evicts: true,
        watermarks: vec![WatermarkNode { id: 0, delay_ms: 10 }],
        policy: Policy::Min,
        no_data_batches: true,
        max_failures: 2,
        executor_wait_ms: 1_000,
        retained: 100,
        lanes: 2,
    }
}

/// A driver that carries effects out at once: listings come from `latest`, tasks succeed and report the event time `seen`.
struct World {
    machine: BatchMachine,
    latest: PartitionOffsets,
    seen: i64,
    now: i64,
    log: Vec<String>,
    thresholds: Vec<Thresholds>,
}

impl World {
    fn new(settings: Settings, resume: crate::checkpoint::Resume, latest: &[i64]) -> Self {
        let start = Start {
            resume,
            initial: vec![at(&[0, 0])],
            first_task: TaskId(1),
        };
        let mut machine = BatchMachine::new(settings, start);
        machine.on(Event::Executors(vec![executor("a")]), 0);
        Self {
            machine,
            latest: at(latest),
            seen: 0,
            now: 1_000,
            log: Vec::new(),
            thresholds: Vec::new(),
        }
    }

    fn on(&mut self, event: Event) -> Vec<Effect> {
        self.machine.on(event, self.now)
    }

    /// Wakes the machine and carries out what follows until it waits or ends.
    fn run(&mut self) {
        let mut todo: std::collections::VecDeque<Effect> = self.on(Event::Wake).into();
        while let Some(effect) = todo.pop_front() {
            self.now += 1;
            let event = match effect {
                Effect::List(_) => Some(Event::Listed(vec![Listing {
                    latest: self.latest.clone(),
                    earliest_of_new: PartitionOffsets::default(),
                }])),
                Effect::Log(batch, record) => {
                    self.log.push(format!("log {batch} wm {}", record.watermark_ms));
                    Some(Event::Logged)
                }
                Effect::Launch {
                    launches, thresholds, ..
                } => {
                    self.thresholds.push(thresholds);
                    for launch in launches {
                        let report = done(&launch, self.seen);
                        todo.extend(self.machine.on(Event::TaskFinished(report), self.now));
                    }
                    None
                }
                Effect::Merge { passed, .. } => Some(Event::Merged { passed: passed.clone() }),
                Effect::Commit(batch, record) => {
                    self.log
                        .push(format!("commit {batch} next wm {}", record.next_watermark_ms));
                    Some(Event::Committed)
                }
                Effect::Report(report) => {
                    self.log.push(format!("rows {}", report.totals.input_rows));
                    None
                }
                Effect::Finish(outcome) => {
                    self.log.push(format!("{outcome:?}"));
                    None
                }
                Effect::Idle(_) => {
                    self.log.push("idle".to_owned());
                    return;
                }
                Effect::WakeAt(_) => return,
                Effect::Announce(_)
                | Effect::Abort(..)
                | Effect::Purge(..)
                | Effect::Skipped(_)
                | Effect::Starved(_) => None,
            };
            if let Some(event) = event {
                todo.extend(self.machine.on(event, self.now));
            }
        }
    }
}

fn executor(name: &str) -> Candidate {
    Candidate {
        executor: ExecutorId::from(name),
        slots: 1,
    }
}

fn done(launch: &Launch, seen: i64) -> Finished {
    let rows: u64 = match &launch.work {
        crate::tasks::Work::Map { ranges, .. } => ranges.iter().map(|r| r.len()).sum(),
        crate::tasks::Work::Reduce { .. } | crate::tasks::Work::Write { .. } => 0,
    };
    Finished {
        task: launch.task,
        attempt: launch.attempt,
        executor: launch.executor.clone(),
        holds: true,
        totals: Totals {
            input_rows: rows,
            ..Totals::default()
        },
        event_time: vec![EventTime {
            id: 0,
            max_ms: seen,
            min_ms: seen,
            sum_ms: 0.0,
            count: rows,
        }],
        state_files: Vec::new(),
        passed: Vec::new(),
    }
}

fn merged() -> Event {
    Event::Merged { passed: Vec::new() }
}

fn fresh() -> crate::checkpoint::Resume {
    crate::checkpoint::Resume::Fresh
}

#[test]
fn the_watermark_of_a_batch_comes_from_the_batches_before_and_evicts_in_a_batch_without_data() {
    let mut world = World::new(settings(), fresh(), &[5, 5]);
    world.seen = 100;
    world.run();
    let expected = [
        "log 0 wm 0",
        "commit 0 next wm 90",
        "rows 10",
        // Nothing new, but groups up to 90 are over now.
        "log 1 wm 90",
        "commit 1 next wm 90",
        "rows 0",
        "idle",
    ];
    assert_eq!(world.log, expected);
    // The late threshold is the watermark of the batch before, one batch without data makes up for the difference.
    let thresholds: Vec<_> = world.thresholds.iter().map(|t| (t.late_ms, t.evict_ms)).collect();
    assert_eq!(thresholds.last(), Some(&(0, 90)));
    world.latest = at(&[6, 5]);
    world.now += 100;
    world.run();
    assert_eq!(world.thresholds.last().map(|t| (t.late_ms, t.evict_ms)), Some((90, 90)));
}

#[test]
fn available_now_takes_what_was_there_in_limited_batches_then_evicts_then_ends() {
    let mut query = settings();
    query.trigger = Trigger::AvailableNow;
    query.sources[0].limits.max = Some(4);
    let mut world = World::new(query, fresh(), &[5, 3]);
    world.seen = 100;
    world.run();
    let commits = world.log.iter().filter(|line| line.starts_with("commit")).count();
    assert_eq!(world.log.last().map(String::as_str), Some("Done"));
    let rows: u64 = world
        .log
        .iter()
        .filter_map(|l| l.strip_prefix("rows ")?.parse::<u64>().ok())
        .sum();
    assert_eq!((rows, commits), (8, 3), "{:?}", world.log);
    let mut query = settings();
    query.trigger = Trigger::AvailableNow;
    let mut world = World::new(query, fresh(), &[5, 3]);
    world.seen = 100;
    world.run();
    assert_eq!(
        world.log[3], "log 1 wm 90",
        "the groups of the last batch are still evicted"
    );
    assert_eq!(world.log.last().map(String::as_str), Some("Done"));
}

#[test]
fn once_takes_everything_in_one_batch_and_ends() {
    let mut query = settings();
    query.trigger = Trigger::Once;
    query.sources[0].limits.max = Some(4);
    let mut world = World::new(query, fresh(), &[5, 3]);
    world.seen = 100;
    world.run();
    assert_eq!(world.log, ["log 0 wm 0", "commit 0 next wm 90", "rows 8", "Done"]);
}

#[test]
fn a_batch_query_is_one_batch_without_log() {
    let mut query = settings();
    (query.durable, query.trigger, query.reduce_tasks) = (false, Trigger::Once, 0);
    let mut world = World::new(query, fresh(), &[5, 3]);
    world.run();
    assert_eq!(world.log, ["commit 0 next wm 0", "rows 8", "Done"]);
}

#[test]
fn a_logged_batch_runs_again_exactly_and_no_batch_without_data_follows_a_restart() {
    let first = OffsetRecord {
        watermark_ms: 7,
        timestamp_ms: 555,
        ends: vec![Some(at(&[4, 4]))],
        ..OffsetRecord::default()
    };
    let again = resume(
        LastBatch {
            planned: Some((BatchId(0), first.clone())),
            ..LastBatch::default()
        },
        1,
    );
    let mut world = World::new(settings(), again.unwrap(), &[4, 4]);
    let effects = world.on(Event::Wake);
    assert!(
        matches!(
            &effects[..],
            [Effect::Launch {
                timestamp_ms: 555,
                batch: BatchId(0),
                ..
            }]
        ),
        "{effects:?}"
    );
    let after = resume(
        LastBatch {
            planned: Some((BatchId(0), first)),
            before: None,
            committed: Some((
                BatchId(0),
                CommitRecord {
                    next_watermark_ms: 90,
                    ..CommitRecord::default()
                },
            )),
        },
        1,
    );
    let mut world = World::new(settings(), after.unwrap(), &[4, 4]);
    world.run();
    assert_eq!(world.log, ["idle"]);
    world.latest = at(&[5, 4]);
    world.now += 100;
    world.run();
    assert_eq!(world.log[1], "log 1 wm 90");
    assert_eq!(world.thresholds.last().map(|t| (t.late_ms, t.evict_ms)), Some((7, 90)));
}

#[test]
fn tasks_without_an_executor_wait_for_a_stated_time() {
    let mut world = World::new(settings(), fresh(), &[5, 5]);
    world.on(Event::Executors(Vec::new()));
    world.run();
    assert_eq!(world.log, ["log 0 wm 0"]);
    let effects = world.machine.on(Event::Executors(vec![executor("b")]), 1_500);
    assert!(matches!(&effects[..], [Effect::Launch { .. }]));
    let effects = world.machine.on(Event::ExecutorGone(ExecutorId::from("b")), 1_600);
    assert!(matches!(&effects[..], [Effect::Starved(2_600), Effect::WakeAt(2_600)]));
    let effects = world.machine.on(Event::Wake, 2_600);
    assert!(matches!(
        &effects[..],
        [Effect::Abort(..), Effect::Finish(Outcome::Failed(_))]
    ));
}

#[test]
fn lost_rows_are_made_again_before_they_are_emitted() {
    let mut query = settings();
    (query.reduce_tasks, query.write_tasks) = (0, 1);
    let mut world = World::new(query, fresh(), &[5, 0]);
    let mut machine = at_merge(&mut world);
    let lost = Event::MergeFailed {
        failure: Failure::new(FailureClass::LostBlock, "gone"),
        lost: Some(ExecutorId::from("a")),
    };
    let effects = machine.on(lost, 2_000);
    let [Effect::Launch { launches, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(launches[0].attempt, 2);
    let effects = machine.on(Event::TaskFinished(done(&launches[0], 0)), 2_001);
    assert!(matches!(&effects[..], [Effect::Merge { .. }]));
    let effects = machine.on(merged(), 2_002);
    let [Effect::Launch { launches, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    let effects = machine.on(Event::TaskFinished(done(&launches[0], 0)), 2_003);
    assert!(matches!(&effects[..], [Effect::Commit(..)]));
}

fn at_merge(world: &mut World) -> BatchMachine {
    world.on(Event::Wake);
    let listing = Listing {
        latest: world.latest.clone(),
        earliest_of_new: PartitionOffsets::default(),
    };
    world.on(Event::Listed(vec![listing]));
    let mut effects = world.on(Event::Logged);
    while let Some(Effect::Launch { launches, .. }) = effects.first().cloned() {
        effects = launches
            .iter()
            .flat_map(|l| world.on(Event::TaskFinished(done(l, 0))))
            .collect();
    }
    assert!(matches!(&effects[..], [Effect::Merge { .. }]), "{effects:?}");
    world.machine.clone()
}

/// The machine in each of its states, by name.
fn states() -> Vec<(&'static str, BatchMachine)> {
    let mut world = World::new(settings(), fresh(), &[5, 0]);
    let mut states = vec![("waiting", world.machine.clone())];
    world.on(Event::Wake);
    states.push(("listing", world.machine.clone()));
    let listing = Listing {
        latest: world.latest.clone(),
        earliest_of_new: PartitionOffsets::default(),
    };
    world.on(Event::Listed(vec![listing]));
    states.push(("logging", world.machine.clone()));
    world.on(Event::Logged);
    states.push(("running", world.machine.clone()));
    let mut world = World::new(settings(), fresh(), &[5, 0]);
    let mut machine = at_merge(&mut world);
    states.push(("merging", machine.clone()));
    machine.on(merged(), 1_000);
    states.push(("committing", machine.clone()));
    machine.on(
        Event::CommitFailed(Failure::new(FailureClass::External, "disk full")),
        1_000,
    );
    states.push(("finished", machine));
    let mut query = settings();
    query.write_tasks = 1;
    let mut world = World::new(query, fresh(), &[5, 0]);
    let mut machine = at_merge(&mut world);
    machine.on(merged(), 1_000);
    states.push(("writing", machine));
    states
}

#[test]
fn every_event_in_every_state_has_its_effect() {
    let failure = || Failure::new(FailureClass::User, "wrong");
    let events: Vec<(&str, Event)> = vec![
        ("wake", Event::Wake),
        (
            "listed",
            Event::Listed(vec![Listing {
                latest: at(&[5, 0]),
                earliest_of_new: PartitionOffsets::default(),
            }]),
        ),
        ("listing failed", Event::ListingFailed(failure())),
        ("logged", Event::Logged),
        ("log failed", Event::LogFailed(failure())),
        ("executors", Event::Executors(vec![executor("a")])),
        ("executor gone", Event::ExecutorGone(ExecutorId::from("a"))),
        ("merged", merged()),
        (
            "merge failed",
            Event::MergeFailed {
                failure: failure(),
                lost: None,
            },
        ),
        ("committed", Event::Committed),
        ("commit failed", Event::CommitFailed(failure())),
        ("stop", Event::Stop),
        (
            "stale task",
            Event::TaskFailed(Failed {
                task: TaskId(99),
                attempt: 1,
                executor: ExecutorId::from("a"),
                failure: failure(),
                lost_block: None,
            }),
        ),
    ];
    // Pairs that do something, with their first effect; all others must do nothing.
    let active = [
        ("waiting", "wake", "List"),
        ("listing", "listed", "Log"),
        ("listing", "listing failed", "Finish"),
        ("logging", "logged", "Launch"),
        ("logging", "log failed", "Finish"),
        ("running", "executor gone", "Starved"),
        ("writing", "executor gone", "Starved"),
        ("merging", "merged", "Commit"),
        ("merging", "merge failed", "Abort"),
        ("committing", "committed", "Announce"),
        ("committing", "commit failed", "Finish"),
        ("waiting", "stop", "Finish"),
        ("listing", "stop", "Finish"),
    ];
    for (state, machine) in states() {
        for (name, event) in &events {
            let effects = machine.clone().on(event.clone(), 1_000);
            let first = effects.first().map(|effect| format!("{effect:?}"));
            let expected = active.iter().find(|(s, e, _)| s == &state && e == name);
            match (first, expected) {
                (None, None) => {}
                (Some(first), Some((.., prefix))) if first.starts_with(prefix) => {}
                (first, expected) => panic!("{state}, {name}: {first:?} instead of {expected:?}"),
            }
        }
    }
}

#[test]
fn a_stage_that_counts_reads_in_one_task() {
    let two_lanes = |whole_stages: Vec<u32>| {
        let settings = Settings {
            whole_stages,
            ..settings()
        };
        let ranges = (0..2)
            .map(|partition| OffsetRange {
                partition: TopicPartition::new("t", partition),
                from: 0,
                until: 4,
            })
            .collect();
        let mut end = PartitionOffsets::default();
        for partition in 0..2 {
            end.set(&TopicPartition::new("t", partition), 4);
        }
        let batch = Batch {
            ranges: vec![ranges],
            ends: vec![end],
            lanes: 2,
            ..Batch::default()
        };
        let work = batch.work(&settings);
        work.iter()
            .filter(|one| matches!(one, crate::tasks::Work::Map { .. }))
            .count()
    };
    assert_eq!(two_lanes(Vec::new()), 2);
    assert_eq!(two_lanes(vec![0]), 1);
}
