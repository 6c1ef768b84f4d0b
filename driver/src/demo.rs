//! The nine jobs on an embedded broker: everything runs for real, only the broker is an imitation inside this process.
//!
//! ```text
//! this process: driver + broker      two executor processes      one temporary folder, removed at the end
//! 01 -> 02 -> [03 05 06 08 09 stream] -> 04 plays 1,800 sales in -> last tables of 05 08 09, 07 reads what 06 wrote
//! ```

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use millstream_common::process::shutdown::{Phase, Shutdown, ShutdownTrigger};
use millstream_kafka::mock::MockBroker;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::error::{DriverError, chain};
use crate::progress::ProgressMode;
use crate::query::Output;
use crate::run::{Cluster, ClusterOptions, Executors, JobRequest, JobText, ListenAt, compile_job, run_job};

/// Sales in both files together: what the streaming totals add up to in the end.
const ALL_SALES: u64 = 2_050;
/// How many ticks of their trigger the last records may take through the streaming jobs.
const SETTLE_TICKS: u32 = 10;

const DATA: [(&str, &str); 3] = [
    (
        "sales_seed.csv",
        include_str!("../../bootstrap/jobs/data/sales_seed.csv"),
    ),
    (
        "sales_incremental_large.csv",
        include_str!("../../bootstrap/jobs/data/sales_incremental_large.csv"),
    ),
    (
        "sales_regions.csv",
        include_str!("../../bootstrap/jobs/data/sales_regions.csv"),
    ),
];

/// A job and what to say of it.
struct Job {
    file: &'static str,
    sql: &'static str,
    says: &'static str,
}

macro_rules! job {
    ($file:literal, $says:literal) => {
        Job {
            file: $file,
            sql: include_str!(concat!("../../bootstrap/jobs/", $file)),
            says: $says,
        }
    };
}

const SEED: Job = job!(
    "01_seed_sales_kafka.sql",
    "A CSV file with 250 sales becomes 250 Kafka records: keyed, as JSON, written by the executors."
);
const BATCH_READ: Job = job!(
    "02_batch_read_kafka.sql",
    "A batch query reads the topic once, from first to last record. The same rows also go to a CSV file."
);
const CONSOLE: Job = job!(
    "03_streaming_read_kafka_console.sql",
    "A streaming query: the totals by country again after every micro-batch, while job 4 plays more sales into the topic."
);
const INCREMENTAL: Job = job!(
    "04_incremental_sales_kafka.sql",
    "1,800 more sales, one after the other at a steady pace. Jobs 5, 6, 8 and 9 are watching too; their results follow."
);
const WINDOWS: Job = job!(
    "05_streaming_read_kafka_console_window.sql",
    "The same totals in sliding windows of ten minutes every five, by the records' own time. This is its last batch."
);
const TO_KAFKA: Job = job!(
    "06_streaming_read_kafka_kafka.sql",
    "Totals sent to a second topic after every micro-batch, with a checkpoint. It prints nothing: job 7 reads the topic."
);
const READ_TOTALS: Job = job!(
    "07_batch_read_kafka.sql",
    "A batch query over what job 6 wrote: the newest record of each country is the one that counts."
);
const JOIN_WINDOWS: Job = job!(
    "08_streaming_read_kafka_join_window.sql",
    "Every sale joined with a file of regions as it arrives, then the windows of job 5. This is its last batch."
);
const JOIN: Job = job!(
    "09_streaming_read_kafka_join.sql",
    "The same join without windows: all sales by region. This is its last batch."
);

/// Runs the article's nine jobs on an embedded broker with executors of its own, and shows their tables.
#[derive(Debug, Parser)]
#[command(
    name = "millstream-driver demo",
    after_help = "Example:\n  millstream-driver demo --executors 3\n\nNothing has to be installed; Ctrl-C ends it at any moment; nothing is left behind."
)]
struct Arguments {
    /// Play the sales at the original pace, two a second, with a batch a minute (15 minutes)
    #[arg(long)]
    pace: bool,
    /// Executor processes
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    executors: u8,
}

/// A folder of the demo's own, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("millstream-demo-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(path.join("data"))?;
        let folder = Self(path);
        for (name, text) in DATA {
            fs::write(folder.0.join("data").join(name), text)?;
        }
        Ok(folder)
    }

    fn text(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing else knows the folder; what cannot be removed is in the system's temporary place.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Text that a streaming job has printed so far.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<String>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Printed {
    /// From the banner of the last batch on.
    fn last_batch(&self) -> String {
        let text = self.0.lock();
        let banner = text
            .rfind("\nBatch: ")
            .and_then(|at| text[..at].rfind('\n').map_or(Some(0), |line| Some(line + 1)));
        banner.map_or_else(String::new, |at| text[at..].to_owned())
    }

    /// The sum of the third column, orders, in the last batch.
    fn orders(&self) -> u64 {
        let batch = self.last_batch();
        batch
            .lines()
            .filter_map(|line| line.split('|').nth(3)?.trim().parse::<u64>().ok())
            .sum()
    }
}

/// A streaming job that runs.
struct Stream {
    job: &'static Job,
    printed: Printed,
    trigger: ShutdownTrigger,
    task: JoinHandle<Result<(), DriverError>>,
}

impl Stream {
    /// Lets it finish its batch and waits for its end.
    async fn stop(self) -> Result<Printed, DriverError> {
        self.trigger.request(Phase::Draining);
        let ended = self.task.await.map_err(|_| DriverError::Broken { part: "demo" })?;
        ended.map(|()| self.printed)
    }
}

/// What every job of the demo gets.
struct Scene {
    cluster: Arc<Cluster>,
    conf: Vec<(String, String)>,
    /// Where streaming jobs keep logs and state: inside the demo's folder, so that they go with it.
    checkpoints: String,
    /// The interval of the streaming jobs' trigger.
    tick: Duration,
    shutdown: Shutdown,
}

/// Runs the demo; `arguments` are those after `demo`.
///
/// # Errors
/// `Usage` for wrong arguments; whatever keeps a job from running. Being told to stop is no error.
pub async fn run(arguments: Vec<String>, program: Option<String>, shutdown: &Shutdown) -> Result<(), DriverError> {
    let named = std::iter::once("millstream-driver demo".to_owned()).chain(arguments);
    let arguments = match Arguments::try_parse_from(named) {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            return Err(DriverError::Usage {
                message: error.to_string().trim_end().to_owned(),
            });
        }
        Err(help) => return say(&help.to_string()),
    };
    let started = Instant::now();
    let folder = Folder::new().map_err(|error| DriverError::Usage {
        message: format!(
            "the demo needs a temporary folder below {}: {error}",
            std::env::temp_dir().display()
        ),
    })?;
    let broker = MockBroker::start(1).map_err(|error| broker_error(&error))?;
    for topic in ["pagila.sales.spark.streaming", "pagila.sales.spark.streaming.out"] {
        broker.create_topic(topic, 4).map_err(|error| broker_error(&error))?;
    }
    let options = ClusterOptions {
        listen: ListenAt {
            first_port: 0,
            last_port: 0,
            ..ListenAt::default()
        },
        executors: Executors::Local {
            count: usize::from(arguments.executors),
            slots: Some(2),
            program,
        },
        wait: Duration::from_secs(60),
    };
    let cluster = Arc::new(Cluster::start(options).await?);
    say(&format!(
        "Millstream runs the nine jobs: one driver (process {}), {} executors, an embedded Kafka broker at {}.\nThe jobs are in bootstrap/jobs; Ctrl-C ends this at any moment.\n",
        std::process::id(),
        arguments.executors,
        broker.bootstrap_servers(),
    ))?;
    let (tick, rate) = if arguments.pace {
        (Duration::from_secs(60), "2")
    } else {
        (Duration::from_secs(2), "200")
    };
    let value = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let scene = Scene {
        cluster: Arc::clone(&cluster),
        conf: vec![
            value("bootstrap_servers", &broker.bootstrap_servers()),
            value("data", &folder.text("data")),
            value("output", &folder.text("output")),
            value("checkpoints", &folder.text("checkpoints")),
            value("trigger", &format!("PROCESSING TIME '{} seconds'", tick.as_secs())),
            value("rows_per_second", rate),
        ],
        checkpoints: folder.text("checkpoints"),
        tick,
        shutdown: shutdown.clone(),
    };
    let played = scene.play().await;
    drop(scene);
    // Every job has ended: this is the last handle.
    if let Ok(cluster) = Arc::try_unwrap(cluster) {
        cluster.stop().await;
    }
    drop(broker);
    drop(folder);
    match played {
        Ok(()) if shutdown.phase() == Phase::Running => say(&format!(
            "All nine jobs ran, in {:.0} s. Executors, broker and files are gone.\n",
            started.elapsed().as_secs_f64()
        )),
        Ok(()) | Err(DriverError::Interrupted) => say("Stopped. Executors, broker and files are gone.\n"),
        Err(error) => Err(error),
    }
}

fn broker_error(error: &dyn std::error::Error) -> DriverError {
    DriverError::Usage {
        message: format!("the embedded broker does not start: {}", chain(error)),
    }
}

/// Prints a line of the demo's own between the tables.
fn say(text: &str) -> Result<(), DriverError> {
    Output::stdout()
        .print(&format!("{}\n", text.trim_end_matches('\n')))
        .map_err(DriverError::Query)
}

fn introduce(job: &Job) -> Result<(), DriverError> {
    say(&format!("\n== {}\n   {}\n\n", job.file, job.says))
}

impl Scene {
    async fn play(&self) -> Result<(), DriverError> {
        for job in [&SEED, &BATCH_READ] {
            introduce(job)?;
            self.finish(job).await?;
        }
        introduce(&CONSOLE)?;
        let mut streams = vec![self.start(&CONSOLE, Some(Output::stdout()))];
        streams.extend([&WINDOWS, &TO_KAFKA, &JOIN_WINDOWS, &JOIN].map(|job| self.start(job, None)));
        let played = self.play_in(&streams).await;
        let (mut results, mut failure) = (Vec::new(), None);
        for stream in streams {
            let job = stream.job;
            match stream.stop().await {
                Ok(printed) => results.push((job, printed)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        // A stream that failed is why the rest did not go on.
        if let Some(error) = failure {
            return Err(error);
        }
        played?;
        for (job, printed) in results.iter().filter(|(job, _)| job.file != CONSOLE.file) {
            introduce(job)?;
            if job.file == TO_KAFKA.file {
                introduce(&READ_TOTALS)?;
                self.finish(&READ_TOTALS).await?;
            } else {
                say(&printed.last_batch())?;
            }
        }
        Ok(())
    }

    /// Job 4, and the time its last records need through the streaming jobs.
    async fn play_in(&self, streams: &[Stream]) -> Result<(), DriverError> {
        self.pause(Duration::from_secs(3), streams).await?;
        introduce(&INCREMENTAL)?;
        self.finish(&INCREMENTAL).await?;
        let regions = streams.iter().find(|stream| stream.job.file == JOIN.file);
        let played = Instant::now();
        while played.elapsed() < SETTLE_TICKS * self.tick
            && regions.is_some_and(|stream| stream.printed.orders() < ALL_SALES)
        {
            self.pause(Duration::from_millis(100), streams).await?;
        }
        // All fire on the same clock; the slowest needs a moment more to show its last batch.
        self.pause(Duration::from_millis(1_500), streams).await
    }

    /// Waits, unless it is time to stop or a stream has ended, which none does by itself.
    async fn pause(&self, time: Duration, streams: &[Stream]) -> Result<(), DriverError> {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.shutdown.draining() => return Err(DriverError::Interrupted),
        }
        if streams.iter().any(|stream| stream.task.is_finished()) {
            return Err(DriverError::Broken { part: "streaming job" });
        }
        Ok(())
    }

    /// Runs a batch job to its end; a Ctrl-C ends it at once, there is nothing to lose.
    async fn finish(&self, job: &'static Job) -> Result<(), DriverError> {
        let (trigger, shutdown) = Shutdown::manual();
        let running = self.execute(job, Output::stdout(), shutdown);
        tokio::pin!(running);
        tokio::select! {
            ended = &mut running => ended,
            () = self.shutdown.draining() => {
                trigger.request(Phase::Now);
                running.await.and(Err(DriverError::Interrupted))
            }
        }
    }

    /// Starts a streaming job; without an output of its own it prints into memory.
    fn start(&self, job: &'static Job, output: Option<Output>) -> Stream {
        let (trigger, shutdown) = Shutdown::manual();
        let printed = Printed::default();
        let output = output.unwrap_or_else(|| Output::to(Box::new(printed.clone())));
        let task = tokio::spawn(self.execute(job, output, shutdown));
        Stream {
            job,
            printed,
            trigger,
            task,
        }
    }

    /// Compiles a job and runs it to its end.
    fn execute(
        &self,
        job: &'static Job,
        output: Output,
        shutdown: Shutdown,
    ) -> impl Future<Output = Result<(), DriverError>> + Send + 'static {
        let (cluster, conf) = (Arc::clone(&self.cluster), self.conf.clone());
        let checkpoint = format!("{}/{}", self.checkpoints, job.file);
        async move {
            let text = JobText {
                name: format!("bootstrap/jobs/{}", job.file),
                text: job.sql.to_owned(),
            };
            let statements = compile_job(&[text], &conf, false).await?;
            let progress = ProgressMode::None;
            run_job(
                &cluster,
                JobRequest {
                    statements,
                    progress,
                    checkpoint: Some(checkpoint),
                    output,
                },
                &shutdown,
            )
            .await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_batch_is_cut_out() {
        let mut printed = Printed::default();
        let batch =
            |n: u32, rows: &str| format!("----\nBatch: {n}\n----\n+--+\n|region|sales|orders|\n+--+\n{rows}+--+\n\n");
        let _ = printed.write(batch(0, "|a|1.00|1|\n").as_bytes());
        assert_eq!(printed.orders(), 1);
        let _ = printed.write(batch(1, "|a|1.00|3|\n|b|1,000.00|4|\n").as_bytes());
        assert!(printed.last_batch().starts_with("----\nBatch: 1\n"));
        assert_eq!(printed.orders(), 7);
    }
}
