//! What limits have let through travels with the tasks, the commit record and the next start.

use super::*;

/// Plans a batch up to its launch.
fn launched(world: &mut World) -> (Vec<Launch>, Vec<u64>) {
    world.on(Event::Wake);
    let listing = Listing {
        latest: world.latest.clone(),
        earliest_of_new: PartitionOffsets::default(),
    };
    world.on(Event::Listed(vec![listing]));
    match world.on(Event::Logged).as_slice() {
        [Effect::Launch { launches, passed, .. }] => (launches.clone(), passed.clone()),
        other => panic!("{other:?}"),
    }
}

fn counted(launch: &Launch, passed: u64) -> Event {
    Event::TaskFinished(Finished {
        passed: vec![passed],
        ..done(launch, 0)
    })
}

fn stateless() -> Settings {
    Settings {
        reduce_tasks: 0,
        no_data_batches: false,
        ..settings()
    }
}

#[test]
fn rows_let_through_are_committed_once_though_a_task_ran_twice() {
    let mut world = World::new(stateless(), fresh(), &[5, 0]);
    let (launches, passed) = launched(&mut world);
    assert_eq!(passed, [0_u64; 0]);
    world.on(counted(&launches[0], 3));
    let lost = Event::MergeFailed {
        failure: Failure::new(FailureClass::LostBlock, "gone"),
        lost: Some(ExecutorId::from("a")),
    };
    let again = world.on(lost);
    let [Effect::Launch { launches, passed, .. }] = again.as_slice() else {
        panic!("{again:?}");
    };
    assert_eq!(
        *passed, [0_u64; 0],
        "a second attempt counts from where the first began"
    );
    world.on(counted(&launches[0], 3));
    let effects = world.on(merged());
    let [Effect::Commit(BatchId(0), record)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(record.passed, [3]);
    world.on(Event::Committed);
    world.latest = at(&[7, 0]);
    world.now += 100;
    assert_eq!(launched(&mut world).1, [3], "the next batch goes on counting");
}

#[test]
fn a_new_driver_goes_on_counting() {
    let planned = |ends: &[i64]| OffsetRecord {
        ends: vec![Some(at(ends))],
        ..OffsetRecord::default()
    };
    let committed = CommitRecord {
        passed: vec![3],
        ..CommitRecord::default()
    };
    let after = LastBatch {
        planned: Some((BatchId(0), planned(&[5, 0]))),
        before: None,
        committed: Some((BatchId(0), committed.clone())),
    };
    let mut world = World::new(stateless(), resume(after, 1).unwrap(), &[7, 0]);
    assert_eq!(launched(&mut world).1, [3]);
    let in_mid_batch = LastBatch {
        planned: Some((BatchId(1), planned(&[7, 0]))),
        before: Some(planned(&[5, 0])),
        committed: Some((BatchId(0), committed)),
    };
    let mut world = World::new(stateless(), resume(in_mid_batch, 1).unwrap(), &[7, 0]);
    let effects = world.on(Event::Wake);
    let [Effect::Launch { passed, batch, .. }] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!((*batch, passed.as_slice()), (BatchId(1), [3].as_slice()));
}
