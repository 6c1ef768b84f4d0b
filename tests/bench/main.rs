//! The benchmark: Millstream and Spark take turns on the same topic of the same broker. See `README.md` beside this file.

mod engine;
mod load;
mod micro;
mod progress;
mod queries;
mod raw;
mod report;
mod spark;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use millstream_tests::broker::Broker;
use millstream_tests::spark::Installation;
use xtask::kafka::{Cluster, Settings};

use engine::{Engine, Millstream};
use queries::Query;
use report::Report;

const USAGE: &str = "\
cargo xtask bench [OPTIONS]
cargo xtask bench micro [--only LIST]     what single functions cost, without Kafka

  --only LIST       engines to run: millstream, spark, raw (comma separated; default all)
  --records N       records in the topic (default 8000000)
  --batch N         records per micro-batch, maxOffsetsPerTrigger (default 1000000)
  --queries LIST    group, window, join, kafka (default all)
  --skip LIST       parts to leave out: throughput, latency, first-row
  --rounds N        turns of every engine on every query (default 1; the best turn counts)
  --bootstrap LIST  use brokers that run already instead of starting one
  --keep-topic      with --bootstrap: reuse the records of an earlier run
  --executors N     executor processes of Millstream (default 2)
  --json FILE       where the figures go (default: bench.json in the target directory)
";

/// What to measure.
pub struct Options {
    only: Vec<String>,
    /// Records in the topic.
    pub records: u64,
    /// Records per micro-batch.
    pub batch: u64,
    queries: Vec<Query>,
    skip: Vec<String>,
    rounds: u32,
    bootstrap: Option<String>,
    keep_topic: bool,
    executors: u32,
    json: PathBuf,
}

impl Options {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            only: list("millstream,spark,raw"),
            records: 8_000_000,
            batch: 1_000_000,
            queries: Query::ALL.to_vec(),
            skip: Vec::new(),
            rounds: 1,
            bootstrap: None,
            keep_topic: false,
            executors: 2,
            json: xtask::workspace::target_dir().join("bench.json"),
        };
        let mut arguments = arguments;
        while let Some(name) = arguments.next() {
            if name == "--keep-topic" {
                options.keep_topic = true;
                continue;
            }
            if name == "--help" {
                println!("{USAGE}");
                std::process::exit(0);
            }
            let value = arguments
                .next()
                .with_context(|| format!("{name} needs a value\n\n{USAGE}"))?;
            match name.as_str() {
                "--only" => options.only = list(&value),
                "--records" => options.records = number(&name, &value)?,
                "--batch" => options.batch = number(&name, &value)?,
                "--queries" => {
                    let named = list(&value)
                        .into_iter()
                        .map(|name| Query::named(&name))
                        .collect::<Result<Vec<_>>>();
                    options.queries = named?;
                }
                "--skip" => options.skip = list(&value),
                "--rounds" => options.rounds = u32::try_from(number(&name, &value)?)?,
                "--executors" => options.executors = u32::try_from(number(&name, &value)?)?,
                "--bootstrap" => options.bootstrap = Some(value),
                "--json" => options.json = PathBuf::from(value),
                _ => bail!("unknown option {name}\n\n{USAGE}"),
            }
        }
        Ok(options)
    }

    fn runs(&self, engine: &str) -> bool {
        self.only.iter().any(|name| name == engine)
    }

    fn measures(&self, part: &str) -> bool {
        !self.skip.iter().any(|name| name == part)
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

fn number(name: &str, text: &str) -> Result<u64> {
    text.replace('_', "")
        .parse()
        .with_context(|| format!("{name} is '{text}', expected a number"))
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    let done = if arguments.next_if(|first| first == "micro").is_some() {
        micro::run(arguments)
    } else {
        Options::parse(arguments).and_then(|options| run(&options))
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    // Fetched before anything is measured.
    let spark = if options.runs("spark") {
        Some(Installation::ready()?)
    } else {
        None
    };
    let cluster = match &options.bootstrap {
        Some(_) => None,
        None => {
            let settings = Settings {
                heap_mb: 1_536,
                quick_start: false,
                ..Settings::default()
            };
            Some(Cluster::start(settings)?)
        }
    };
    let servers = match (&cluster, &options.bootstrap) {
        (Some(cluster), _) => cluster.bootstrap_servers(),
        (None, servers) => servers.clone().unwrap_or_default(),
    };
    let broker = Broker::at(servers);
    let mut report = Report::new(options.records, options.batch);
    prepare(&broker, options, &mut report)?;

    let mut engines: Vec<Box<dyn Engine>> = Vec::new();
    if options.runs("millstream") {
        engines.push(Box::new(Millstream {
            executors: options.executors,
        }));
    }
    if let Some(spark) = &spark {
        engines.push(Box::new(spark::Spark::with_shuffle_partitions(spark, 2)));
        engines.push(Box::new(spark::Spark::with_shuffle_partitions(spark, 200)));
    }
    if options.runs("raw") {
        report.raw(raw::rate(&broker, queries::TOPIC, options.records)?);
    }
    if options.measures("throughput") {
        for query in &options.queries {
            for _ in 0..options.rounds {
                for engine in &engines {
                    eprintln!("{}: {}", engine.name(), query.title());
                    let outcome = engine.throughput(&broker, *query, options);
                    report.throughput(&engine.name(), *query, outcome);
                }
            }
        }
    }
    // Idle engines all cost the same with few or many shuffle partitions: the tuned Spark stands for both.
    engines.retain(|engine| engine.tuned());
    for engine in &engines {
        if options.measures("latency") {
            for query in [Query::Group, Query::Kafka] {
                eprintln!(
                    "{}: micro-batches at {} records/s, {}",
                    engine.name(),
                    load::TRICKLE_RATE,
                    query.title()
                );
                report.latency(
                    &engine.name(),
                    query,
                    engine.latency(&broker, query, Duration::from_secs(30)),
                );
            }
        }
        if options.measures("first-row") {
            eprintln!("{}: time to the first row", engine.name());
            report.first_row(&engine.name(), engine.first_row(&broker));
        }
    }
    print!("{}", report.table());
    if let Some(folder) = options.json.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    std::fs::write(&options.json, report.json()?)
        .with_context(|| format!("cannot write {}", options.json.display()))?;
    eprintln!("figures: {}", options.json.display());
    report.failures()
}

/// Fills the topics.
fn prepare(broker: &Broker, options: &Options, report: &mut Report) -> Result<()> {
    if options.keep_topic
        && broker
            .count(queries::TOPIC)
            .is_ok_and(|count| count.unsigned_abs() >= options.records)
    {
        return Ok(());
    }
    broker.create(queries::TOPIC, 4)?;
    eprintln!("writing {} records", options.records);
    let rate = load::fill(broker.servers(), queries::TOPIC, options.records)?;
    report.loaded(rate);
    Ok(())
}
