//! The same answer after processes were killed, stopped and started again.

use std::time::Duration;

use anyhow::{Context as _, Result};
use millstream_tests::broker::{Broker, unique};
use millstream_tests::jobs::{self, Sales};
use millstream_tests::process::{Process, alive, signal};
use millstream_tests::sql::{Desk, Run};
use millstream_tests::table::Table;

const DEADLINE: Duration = Duration::from_secs(120);
const PARTITIONS: i32 = 4;

/// All sales in a topic, and a query over them in some three hundred small batches.
struct Stage {
    broker: Broker,
    desk: Desk,
    topic: String,
}

impl Stage {
    fn new() -> Result<Self> {
        let (broker, desk, topic) = (Broker::shared()?, Desk::new()?, unique("sales"));
        broker.create(&topic, PARTITIONS)?;
        broker.produce(
            &topic,
            &jobs::records(&jobs::sales(Sales::All)?, PARTITIONS, 1_620_604_800_000, 1_000),
        )?;
        Ok(Self { broker, desk, topic })
    }

    fn query(&self, records_per_batch: u32, trigger: &str) -> Result<Run> {
        let sql = format!(
            "CREATE TABLE sales (amount FLOAT, country STRING) USING kafka OPTIONS (
               'kafka.bootstrap.servers' '{}', subscribe '{}', startingOffsets 'earliest', 'value.format' 'json',
               maxOffsetsPerTrigger {records_per_batch});
             CREATE TABLE regions (country STRING, region STRING) USING csv OPTIONS (path '{}/sales_regions.csv', header true);
             SELECT coalesce(region, 'Unassigned') AS region, format_number(sum(amount), 2) AS sales, count(amount) AS orders
             FROM STREAM sales LEFT JOIN regions USING (country)
             GROUP BY coalesce(region, 'Unassigned')
             ORDER BY sum(amount) DESC
             OUTPUT MODE complete TRIGGER {trigger} CHECKPOINT '{}';",
            self.broker.servers(),
            self.topic,
            jobs::data(),
            self.desk.text("checkpoint"),
        );
        self.desk.job("query.sql", &sql)
    }
}

fn expected() -> Vec<String> {
    jobs::printed(&jobs::by_region(Sales::All))
}

/// Waits until batch `number` has been printed.
fn wait_for_batch(process: &mut Process, number: u64) -> Result<()> {
    process.wait_for(&format!("batch {number}"), DEADLINE, |process| {
        Table::last(&process.stdout())?
            .batch
            .filter(|batch| *batch >= number)
            .map(|_| ())
    })
}

/// The last table of a run, and that its batches follow `from` without a gap.
#[track_caller]
fn assert_goes_on(stdout: &str, from: u64) -> Option<u64> {
    let tables = Table::all(stdout);
    let batches: Vec<u64> = tables.iter().filter_map(|table| table.batch).collect();
    if let Some(first) = batches.first() {
        // The batch under way when a driver died is run again under its number.
        assert!(
            *first == from || *first + 1 == from,
            "goes on at batch {first}, expected {from}"
        );
        assert_eq!(batches, (*first..*first + batches.len() as u64).collect::<Vec<_>>());
    }
    batches.last().copied()
}

#[test]
fn executors_killed_in_mid_run_change_nothing() -> Result<()> {
    let stage = Stage::new()?;
    let mut driver = stage.query(7, "AVAILABLE NOW")?.executors(3).start()?;
    wait_for_batch(&mut driver, 20)?;
    let first = driver.children();
    let victim = *first.first().context("the driver has no executors")?;
    signal(victim, "KILL")?;
    wait_for_batch(&mut driver, 80)?;
    let left = driver
        .children()
        .into_iter()
        .find(|pid| *pid != victim && alive(*pid))
        .context("no executor is left")?;
    signal(left, "KILL")?;
    let finished = driver.finish(DEADLINE)?.expect(0)?;
    assert_eq!(Table::last(&finished.stdout).context("no table")?.lines(), expected());
    assert_goes_on(&finished.stdout, 0);
    Ok(())
}

#[test]
fn local_executors_that_are_all_killed_are_started_again() -> Result<()> {
    let stage = Stage::new()?;
    let mut driver = stage.query(7, "AVAILABLE NOW")?.executors(2).start()?;
    wait_for_batch(&mut driver, 20)?;
    for executor in driver.children() {
        signal(executor, "KILL")?;
    }
    let finished = driver.finish(DEADLINE)?.expect(0)?;
    assert_eq!(Table::last(&finished.stdout).context("no table")?.lines(), expected());
    assert_goes_on(&finished.stdout, 0);
    Ok(())
}

#[test]
fn an_executor_killed_in_a_large_batch_changes_nothing() -> Result<()> {
    let stage = Stage::new()?;
    // Enough records for a batch to last.
    let sales = jobs::sales(Sales::All)?;
    for round in 0..20 {
        stage.broker.produce(
            &stage.topic,
            &jobs::records(&sales, PARTITIONS, 1_620_604_800_000 + round, 1_000),
        )?;
    }
    let mut driver = stage.query(10_000_000, "AVAILABLE NOW")?.executors(2).start()?;
    // The batch is in the log: its tasks are on their way.
    let planned = stage.desk.path("checkpoint/offsets/0");
    driver.wait_for("the plan of batch 0", DEADLINE, |_| planned.exists().then_some(()))?;
    if let Some(victim) = driver.children().first() {
        signal(*victim, "KILL")?;
    }
    let finished = driver.finish(DEADLINE)?.expect(0)?;
    let table = Table::last(&finished.stdout).context("no table")?;
    let orders: u32 = table.rows.iter().filter_map(|row| row[2].parse::<u32>().ok()).sum();
    assert_eq!(orders, 21 * 2_050);
    Ok(())
}

#[test]
fn a_stopped_driver_goes_on_where_it_was() -> Result<()> {
    let stage = Stage::new()?;
    let (mut next, mut printed) = (0, String::new());
    for stop_after in [15, 40] {
        let mut driver = stage.query(7, "PROCESSING TIME '0 seconds'")?.start()?;
        wait_for_batch(&mut driver, stop_after)?;
        driver.signal("INT")?;
        let finished = driver.finish(DEADLINE)?.expect(0)?;
        // A stop finishes and commits its batch: the next start begins with a new one.
        let last = assert_goes_on(&finished.stdout, next).context("no batch")?;
        next = last + 1;
        printed = finished.stdout;
    }
    assert_ne!(
        Table::last(&printed).context("no table")?.lines(),
        expected(),
        "stopped too late to show anything"
    );
    let finished = stage.query(7, "AVAILABLE NOW")?.finish(DEADLINE)?.expect(0)?;
    assert_goes_on(&finished.stdout, next);
    assert_eq!(Table::last(&finished.stdout).context("no table")?.lines(), expected());
    // Nothing new: nothing runs, nothing is printed, the answer stays.
    let idle = stage.query(7, "AVAILABLE NOW")?.finish(DEADLINE)?.expect(0)?;
    assert!(Table::all(&idle.stdout).is_empty(), "{}", idle.stdout);
    Ok(())
}

#[test]
fn a_killed_driver_takes_its_executors_along_and_the_next_one_goes_on() -> Result<()> {
    let stage = Stage::new()?;
    let mut next = 0;
    for kill_after in [10, 30, 60] {
        let mut driver = stage.query(7, "AVAILABLE NOW")?.start()?;
        wait_for_batch(&mut driver, kill_after)?;
        let executors = driver.children();
        assert_eq!(executors.len(), 2);
        let finished = driver.kill()?;
        let last = assert_goes_on(&finished.stdout, next).context("no batch")?;
        next = last + 1;
        let gone = std::time::Instant::now();
        while executors.iter().any(|pid| alive(*pid)) {
            assert!(
                gone.elapsed() < Duration::from_secs(10),
                "executors outlive their driver"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let finished = stage.query(7, "AVAILABLE NOW")?.finish(DEADLINE)?.expect(0)?;
    assert_eq!(Table::last(&finished.stdout).context("no table")?.lines(), expected());
    Ok(())
}

#[test]
fn another_number_of_executors_goes_on_with_the_state() -> Result<()> {
    let stage = Stage::new()?;
    for (executors, stop_after) in [(1, 20), (2, 60), (3, 100)] {
        let mut driver = stage
            .query(7, "PROCESSING TIME '0 seconds'")?
            .executors(executors)
            .start()?;
        wait_for_batch(&mut driver, stop_after)?;
        driver.signal("TERM")?;
        driver.finish(DEADLINE)?.expect(0)?;
    }
    let finished = stage
        .query(7, "AVAILABLE NOW")?
        .executors(2)
        .finish(DEADLINE)?
        .expect(0)?;
    assert_eq!(Table::last(&finished.stdout).context("no table")?.lines(), expected());
    Ok(())
}
