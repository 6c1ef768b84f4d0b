//! Spark for comparison: PySpark and its Kafka connector from the package registries, kept in the cache.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use millstream_tests::broker::{Broker, Record, unique};
use millstream_tests::process::Process;
use millstream_tests::sql::Desk;
use millstream_tests::table::Table;
use xtask::workspace;

use crate::Options;
use crate::engine::{Engine, RUN_DEADLINE, memory_over, watch_memory};
use crate::load::Trickle;
use crate::progress::{self, Latency, Throughput};
use crate::queries::{Query, TOPIC, TRICKLE_TOPIC};

/// The version compared with.
const VERSION: &str = "3.5.7";

/// A Python with PySpark, and the connector's jars.
#[derive(Clone, Debug)]
pub struct Installation {
    python: PathBuf,
    jars: PathBuf,
}

/// Spark with settings.
pub struct Spark {
    installation: Installation,
    shuffle_partitions: u32,
}

impl Installation {
    /// Fetches what the cache does not have.
    ///
    /// # Errors
    /// When Python 3 or Maven is missing, or a registry cannot be reached.
    pub fn ready() -> Result<Self> {
        xtask::prerequisites::for_kafka()?;
        let folder = workspace::cache_dir()?.join(format!("spark-{VERSION}"));
        let (python, jars) = (folder.join("venv/bin/python"), folder.join("jars"));
        let done = folder.join("complete");
        if !done.is_file() {
            eprintln!("fetching PySpark {VERSION} (about 320 MB) into {}", folder.display());
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder)?;
            workspace::run(Command::new("python3").args(["-m", "venv"]).arg(folder.join("venv")))
                .context("no virtual environment: sudo apt-get install -y python3-venv")?;
            let package = format!("pyspark=={VERSION}");
            workspace::run(Command::new(&python).args(["-m", "pip", "install", "--quiet", &package]))?;
            fs::write(folder.join("pom.xml"), pom())?;
            let mut maven = Command::new("mvn");
            maven.args([
                "-q",
                "-B",
                "-Dstyle.color=never",
                "dependency:copy-dependencies",
                "-DincludeScope=runtime",
            ]);
            maven
                .arg(format!("-DoutputDirectory={}", jars.display()))
                .current_dir(&folder);
            workspace::run(&mut maven)?;
            fs::write(&done, "")?;
        }
        Ok(Self { python, jars })
    }

    /// Spark with this many shuffle partitions.
    pub fn with_shuffle_partitions(&self, count: u32) -> Spark {
        Spark {
            installation: self.clone(),
            shuffle_partitions: count,
        }
    }
}

fn pom() -> String {
    // Spark brings the Scala library and the logging interfaces itself; a second copy would not mix.
    format!(
        r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millstream</groupId><artifactId>spark-kafka-connector</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.spark</groupId><artifactId>spark-sql-kafka-0-10_2.12</artifactId><version>{VERSION}</version>
      <exclusions>
        <exclusion><groupId>org.scala-lang</groupId><artifactId>*</artifactId></exclusion>
        <exclusion><groupId>org.slf4j</groupId><artifactId>*</artifactId></exclusion>
        <exclusion><groupId>org.apache.hadoop</groupId><artifactId>*</artifactId></exclusion>
      </exclusions>
    </dependency>
  </dependencies>
</project>
"#
    )
}

impl Spark {
    fn start(&self, arguments: &[(&str, &str)]) -> Result<Process> {
        let jars = fs::read_dir(&self.installation.jars)?
            .flatten()
            .map(|entry| entry.path().display().to_string());
        let jars: Vec<String> = jars.filter(|path| path.ends_with(".jar")).collect();
        let mut command = Command::new(&self.installation.python);
        command
            .arg(workspace::root().join("tests/bench/spark.py"))
            .arg("--jars")
            .arg(jars.join(","));
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
