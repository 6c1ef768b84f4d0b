//! An engine under measurement, and ours.

use std::time::{Duration, Instant};

use anyhow::Result;
use millstream_tests::broker::{Broker, Record, unique};
use millstream_tests::process::{Process, children_of, resident_bytes};
use millstream_tests::sql::{Desk, Run};
use millstream_tests::table::Table;

use crate::Options;
use crate::load::Trickle;
use crate::progress::{self, Latency, Throughput};
use crate::queries::{Query, TOPIC, TRICKLE_TOPIC};

/// A run over the whole topic that takes longer is broken.
pub const RUN_DEADLINE: Duration = Duration::from_secs(900);

/// What every engine can be asked.
pub trait Engine {
    /// Its name in the report.
    fn name(&self) -> String;
    /// Whether its settings suit two cores.
    fn tuned(&self) -> bool;
    /// Reads the whole topic through a query.
    ///
    /// # Errors
    /// When it fails or does not read every record.
    fn throughput(&self, broker: &Broker, query: Query, options: &Options) -> Result<Throughput>;
    /// Micro-batch durations at the steady pace.
    ///
    /// # Errors
    /// When it fails.
    fn latency(&self, broker: &Broker, query: Query, time: Duration) -> Result<Latency>;
    /// From the start of the process to the first printed row.
    ///
    /// # Errors
    /// When it fails.
    fn first_row(&self, broker: &Broker) -> Result<Duration>;
}

/// Millstream: a driver and its executors.
pub struct Millstream {
    /// Executor processes.
    pub executors: u32,
}

impl Millstream {
    fn run(&self, desk: &Desk, sql: &str) -> Result<Run> {
        Ok(desk
            .job("bench.sql", sql)?
            .executors(self.executors)
            .arg("--progress")
            .arg("json"))
    }
}

impl Engine for Millstream {
    fn name(&self) -> String {
        "millstream".to_owned()
    }

    fn tuned(&self) -> bool {
        true
    }

    fn throughput(&self, broker: &Broker, query: Query, options: &Options) -> Result<Throughput> {
        let (desk, out) = (Desk::new()?, unique("bench.out"));
        broker.create(&out, 4)?;
        let checkpoint = desk.text("checkpoint");
        let sql = query.sql(
            broker.servers(),
            TOPIC,
            Some(options.batch),
            "AVAILABLE NOW",
            &checkpoint,
            &out,
        );
        let mut process = self.run(&desk, &sql)?.start()?;
        let memory = watch_memory(&mut process)?;
        let finished = process.finish(RUN_DEADLINE)?.expect(0)?;
        broker.delete(&out)?;
        progress::throughput(&progress::batches(&finished.stderr), options.records, memory)
    }

    fn latency(&self, broker: &Broker, query: Query, time: Duration) -> Result<Latency> {
        let (desk, out) = (Desk::new()?, unique("bench.out"));
        let topic = unique(TRICKLE_TOPIC);
        broker.create(&out, 4)?;
        broker.create(&topic, 4)?;
        let checkpoint = desk.text("checkpoint");
        let sql = query.sql(
            broker.servers(),
            &topic,
            None,
            "PROCESSING TIME '0 seconds'",
            &checkpoint,
            &out,
        );
        let trickle = Trickle::start(broker.servers(), &topic);
        let process = self.run(&desk, &sql)?.start()?;
        let memory = memory_over(&process, time);
        process.signal("INT")?;
        let finished = process.finish(Duration::from_secs(30))?.expect(0)?;
        drop(trickle);
        broker.delete(&out)?;
        broker.delete(&topic)?;
        progress::latency(&progress::batches(&finished.stderr), memory)
    }

    fn first_row(&self, broker: &Broker) -> Result<Duration> {
        let (desk, topic) = (Desk::new()?, unique("bench.few"));
        broker.create(&topic, 4)?;
        let records: Vec<Record> = (0..1_000)
            .map(|n| Record::of(format!(r#"{{"payment_id":{n},"amount":1.99,"country":"C{}"}}"#, n % 20)).to(n % 4))
            .collect();
        broker.produce(&topic, &records)?;
        let sql = format!(
            "CREATE TABLE sales (payment_id INT, amount FLOAT, country STRING) USING kafka OPTIONS (
  'kafka.bootstrap.servers' '{}', subscribe '{topic}', startingOffsets 'earliest', 'value.format' 'json');
SELECT country, sum(amount) AS sales FROM STREAM sales GROUP BY country OUTPUT MODE complete TRIGGER PROCESSING TIME '0 seconds';\n",
            broker.servers()
        );
        let run = self.run(&desk, &sql)?;
        let started = Instant::now();
        let mut process = run.start()?;
        process.wait_for("a first row", Duration::from_secs(30), |process| {
            Table::all(&process.stdout())
                .into_iter()
                .find(|table| !table.rows.is_empty())
        })?;
        let took = started.elapsed();
        process.signal("INT")?;
        process.finish(Duration::from_secs(30))?.expect(0)?;
        broker.delete(&topic)?;
        Ok(took)
    }
}

/// Largest resident memory of a process and all below it, until it ends.
pub fn watch_memory(process: &mut Process) -> Result<u64> {
    let (pid, mut peak) = (process.id(), 0);
    process.wait_for("its end", RUN_DEADLINE, |_| {
        let now = family_bytes(pid);
        peak = peak.max(now);
        std::thread::sleep(Duration::from_millis(100));
        // A process that has ended and is not yet waited for has no resident memory.
        (now == 0).then_some(())
    })?;
    Ok(peak)
}

/// The same over a stretch of time.
pub fn memory_over(process: &Process, time: Duration) -> u64 {
    let (started, mut peak) = (Instant::now(), 0);
    while started.elapsed() < time {
        peak = peak.max(family_bytes(process.id()));
        std::thread::sleep(Duration::from_millis(200));
    }
    peak
}

fn family_bytes(pid: u32) -> u64 {
    resident_bytes(pid) + children_of(pid).into_iter().map(family_bytes).sum::<u64>()
}
