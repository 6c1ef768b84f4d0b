//! Spark for comparison.

use std::time::{Duration, Instant};

use anyhow::Result;
use millstream_tests::broker::{Broker, Record, unique};
use millstream_tests::process::Process;
use millstream_tests::spark::Installation;
use millstream_tests::sql::Desk;
use millstream_tests::table::Table;
use xtask::workspace;

use crate::Options;
use crate::engine::{Engine, RUN_DEADLINE, memory_over, watch_memory};
use crate::load::Trickle;
use crate::progress::{self, Latency, Throughput};
use crate::queries::{Query, TOPIC, TRICKLE_TOPIC};

/// Spark with settings.
pub struct Spark {
    installation: Installation,
    shuffle_partitions: u32,
}

impl Spark {
    /// Spark with this many shuffle partitions.
    pub fn with_shuffle_partitions(installation: &Installation, count: u32) -> Self {
        Self {
            installation: installation.clone(),
            shuffle_partitions: count,
        }
    }

    fn start(&self, arguments: &[(&str, &str)]) -> Result<Process> {
        let mut command = self
            .installation
            .script(&workspace::root().join("tests/bench/spark.py"))?;
        command
            .arg("--shuffle-partitions")
            .arg(self.shuffle_partitions.to_string());
        command
            .arg("--regions")
            .arg(workspace::root().join("bootstrap/jobs/data/sales_regions.csv"));
        for (name, value) in arguments {
            command.arg(format!("--{name}")).arg(value);
        }
        Process::spawn(&mut command)
    }
}

impl Engine for Spark {
    fn name(&self) -> String {
        format!("spark-{}", self.shuffle_partitions)
    }

    fn tuned(&self) -> bool {
        self.shuffle_partitions == 2
    }

    fn throughput(&self, broker: &Broker, query: Query, options: &Options) -> Result<Throughput> {
        let (desk, out) = (Desk::new()?, unique("bench.out"));
        broker.create(&out, 4)?;
        let (batch, checkpoint) = (options.batch.to_string(), desk.text("checkpoint"));
        let arguments = [
            ("bootstrap", broker.servers()),
            ("topic", TOPIC),
            ("query", query.name()),
            ("batch", &batch),
            ("checkpoint", &checkpoint),
            ("out", &out),
        ];
        let mut process = self.start(&arguments)?;
        let memory = watch_memory(&mut process)?;
        let finished = process.finish(RUN_DEADLINE)?.expect(0)?;
        broker.delete(&out)?;
        progress::throughput(&progress::batches(&finished.stdout), options.records, memory)
    }

    fn latency(&self, broker: &Broker, query: Query, time: Duration) -> Result<Latency> {
        let (desk, out) = (Desk::new()?, unique("bench.out"));
        let topic = unique(TRICKLE_TOPIC);
        broker.create(&out, 4)?;
        broker.create(&topic, 4)?;
        // The session takes its time to start: that is measured as the first row, not here.
        let (seconds, checkpoint) = ((time.as_secs() + 15).to_string(), desk.text("checkpoint"));
        let arguments = [
            ("bootstrap", broker.servers()),
            ("topic", topic.as_str()),
            ("query", query.name()),
            ("seconds", &seconds),
            ("checkpoint", &checkpoint),
            ("out", &out),
        ];
        let trickle = Trickle::start(broker.servers(), &topic);
        let process = self.start(&arguments)?;
        let memory = memory_over(&process, time);
        let finished = process.finish(RUN_DEADLINE)?.expect(0)?;
        drop(trickle);
        broker.delete(&out)?;
        broker.delete(&topic)?;
        progress::latency(&progress::batches(&finished.stdout), memory)
    }

    fn first_row(&self, broker: &Broker) -> Result<Duration> {
        let (desk, topic) = (Desk::new()?, unique("bench.few"));
        broker.create(&topic, 4)?;
        let records: Vec<Record> = (0..1_000)
            .map(|n| Record::of(format!(r#"{{"payment_id":{n},"amount":1.99,"country":"C{}"}}"#, n % 20)).to(n % 4))
            .collect();
        broker.produce(&topic, &records)?;
        let checkpoint = desk.text("checkpoint");
        let arguments = [
            ("bootstrap", broker.servers()),
            ("topic", topic.as_str()),
            ("query", "group"),
            ("sink", "console"),
            ("seconds", "20"),
            ("checkpoint", checkpoint.as_str()),
            ("out", "unused"),
        ];
        let started = Instant::now();
        let mut process = self.start(&arguments)?;
        process.wait_for("a first row", Duration::from_secs(90), |process| {
            Table::all(&process.stdout())
                .into_iter()
                .find(|table| !table.rows.is_empty())
        })?;
        let took = started.elapsed();
        drop(process);
        broker.delete(&topic)?;
        Ok(took)
    }
}
