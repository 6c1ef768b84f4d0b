//! Runs one case on the driver and its executors.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use millstream_driver::error::{DriverError, chain};
use millstream_driver::progress::ProgressMode;
use millstream_driver::query::{Compiled, Output, QueryEvent, ResultRows};
use millstream_driver::run::{Cluster, QueryOptions, RunningQuery, start};
use millstream_driver_core::batch::{BatchReport, Outcome};
use millstream_plan::spec::SinkSpec;
use millstream_spark::render::{ShowOptions, show};
use millstream_spark::zone::Tz;
use millstream_tests::broker::Broker;
use millstream_tests::case::Case;
use serde_json::{Value, json};
use std::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{encode, job};

/// A query over a few records that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often a stream is run again when a group of records fell into two micro-batches.
const ATTEMPTS: u32 = 6;

/// What a case gave.
pub struct Actual {
    /// In the shape of `expected.json`.
    pub document: Value,
    /// Text that was drawn: the name of the golden's file, the name of ours, the text.
    pub text: Option<(&'static str, &'static str, String)>,
}

/// Where cases run.
pub struct Bench {
    /// Driver and executors.
    pub cluster: Cluster,
    /// Where the records are put.
    pub broker: Broker,
}

/// The engine's refusal or failure, and when it came.
struct Refused(Value);

impl Refused {
    fn new(phase: &str, class: &str, message: &str) -> Self {
        Self(json!({"phase": phase, "error_class": class, "gist": message}))
    }

    fn error(phase: &str, error: &DriverError) -> Self {
        Self::new(phase, &format!("{:?}", error.class()), &chain(error))
    }
}

/// What the engine gave: rows or a refusal.
type Answer<T> = std::result::Result<T, Refused>;

impl Bench {
    /// Runs a case.
    ///
    /// # Errors
    /// What is not the engine's answer: a broken case, a broker that does not answer, a hanging query.
    pub async fn run(&self, case: &Case) -> Result<Actual> {
        let answer = if case.is_stream() {
            self.stream(case).await?
        } else {
            self.batch(case).await?
        };
        Ok(answer.unwrap_or_else(|Refused(error)| Actual {
            document: json!({"kind": case.spec["kind"], "error": error}),
            text: None,
        }))
    }

    async fn batch(&self, case: &Case) -> Result<Answer<Actual>> {
        let topic = format!("case_{}", case.name.replace('-', "_"));
        self.broker.create(&topic, case.partitions())?;
        self.broker.produce(&topic, &case.records)?;
        let answer = self.batch_rows(case, &topic).await;
        self.broker.delete(&topic)?;
        let result = match answer? {
            Ok(result) => result,
            Err(refused) => return Ok(Err(refused)),
        };
        let tz: Tz = case.zone().parse().map_err(|_| anyhow::anyhow!("no such zone"))?;
        let document = json!({
            "kind": "batch",
            "ordered": case.ordered(),
            "schema": encode::schema(&result.names, &result.schema),
            "rows": in_order(encode::rows(&result.batches, tz)?, case.ordered()),
        });
        let text = match show_options(&case.spec["show"]) {
            None => None,
            Some(options) => {
                let text = show(&result.batches, &result.names, &options, &tz)?;
                Some(("expected_show.txt", "actual_show.txt", text))
            }
        };
        Ok(Ok(Actual { document, text }))
    }

    async fn batch_rows(&self, case: &Case, topic: &str) -> Result<Answer<ResultRows>> {
        let compiled = match job::compile(case, self.broker.servers(), topic, SinkSpec::Memory).await? {
            Ok(compiled) => compiled,
            Err(error) => return Ok(Err(Refused::error("analysis", &error))),
        };
        let (mut query, mut events) = match self.start(compiled, None, Output::to(Box::new(io::sink()))).await {
            Ok(started) => started,
            Err(error) => return Ok(Err(Refused::error("start", &error))),
        };
        let outcome = tokio::time::timeout(DEADLINE, query.wait()).await;
        query.close(&self.cluster).await;
        if let Outcome::Failed(failure) = outcome.context("the query hangs")? {
            let class = format!("{:?}", failure.class);
            return Ok(Err(Refused::new("runtime", &class, &failure.message)));
        }
        let mut rows = None;
        while let Ok(event) = events.try_recv() {
            if let QueryEvent::Rows(result) = event {
                rows = Some(result);
            }
        }
        Ok(Ok(rows.context("the query gave no result")?))
    }

    async fn start(
        &self,
        compiled: Compiled,
        checkpoint: Option<&str>,
        output: Output,
    ) -> std::result::Result<(RunningQuery, UnboundedReceiver<QueryEvent>), DriverError> {
        let (listener, events) = unbounded_channel();
        let options = QueryOptions {
            progress: ProgressMode::None,
            checkpoint,
            label: "case".to_owned(),
            output: output.with_listener(listener),
        };
        Ok((start(&self.cluster, compiled, options).await?, events))
    }

    async fn stream(&self, case: &Case) -> Result<Answer<Actual>> {
        let tz: Tz = case.zone().parse().map_err(|_| anyhow::anyhow!("no such zone"))?;
        let fed = match self.feed_whole(case, &SinkSpec::Memory).await? {
            Ok(fed) => fed,
            Err(refused) => return Ok(Err(refused)),
        };
        let mut schema = Value::Null;
        let mut batches = Vec::new();
        for (report, rows) in &fed.batches {
            let instant = |ms: Option<i64>| ms.map_or(Value::Null, |ms| encode::instant_ms(ms).into());
            let rows = rows
                .as_ref()
                .with_context(|| format!("no rows of batch {}", report.batch.0))?;
            schema = encode::schema(&rows.names, &rows.schema);
            batches.push(json!({
                "batch": report.batch.0,
                "input_rows": report.totals.input_rows,
                "watermark_used": instant(report.watermark_ms),
                "watermark_next": instant(report.next_watermark_ms),
                "rows": in_order(encode::rows(&rows.batches, tz)?, case.ordered()),
            }));
        }
        let document = json!({"kind": "stream", "ordered": case.ordered(), "schema": schema, "batches": batches});
        let text = match case.spec.get("console") {
            None => None,
            Some(console) => {
                let sink = SinkSpec::Console {
                    num_rows: show_options(console).map_or(20, |options| options.num_rows),
                    truncate: console["truncate"] != false,
                };
                match self.feed_whole(case, &sink).await? {
                    Ok(fed) => Some(("expected_console.txt", "actual_console.txt", fed.console)),
                    Err(refused) => return Ok(Err(refused)),
                }
            }
        };
        Ok(Ok(Actual { document, text }))
    }

    /// Feeds a stream, again when a group of records was seen in parts.
    async fn feed_whole(&self, case: &Case, sink: &SinkSpec) -> Result<Answer<Fed>> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        for _ in 0..ATTEMPTS {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let topic = format!("case_{}_{number}", case.name.split('-').next().unwrap_or_default());
            let checkpoint = tempfile::tempdir()?;
            self.broker.create(&topic, case.partitions())?;
            let feed = Feed {
                bench: self,
                case,
                sink,
                topic: &topic,
                checkpoint: &checkpoint.path().display().to_string(),
                console: Console::default(),
            };
            let fed = feed.all().await;
            self.broker.delete(&topic)?;
            match fed? {
                Ok(Some(fed)) => return Ok(Ok(fed)),
                Ok(None) => {}
                Err(refused) => return Ok(Err(refused)),
            }
        }
        bail!("groups of records were split over micro-batches {ATTEMPTS} times")
    }
}

/// The batches of a whole run.
struct Fed {
    batches: Vec<(BatchReport, Option<ResultRows>)>,
    console: String,
}

/// One run of a stream, group by group.
struct Feed<'a> {
    bench: &'a Bench,
    case: &'a Case,
    sink: &'a SinkSpec,
    topic: &'a str,
    checkpoint: &'a str,
    console: Console,
}

/// A query that runs and what it tells.
struct Live {
    query: RunningQuery,
    events: UnboundedReceiver<QueryEvent>,
}

/// Why waiting ended.
enum Drained {
    Yes,
    /// A micro-batch ended inside a group.
    Split,
    Failed(Refused),
}

impl Feed<'_> {
    /// None: a group was split.
    async fn all(&self) -> Result<Answer<Option<Fed>>> {
        let (mut batches, mut live, mut total) = (Vec::new(), None::<Live>, 0);
        for (index, size) in self.case.groups.iter().enumerate() {
            if self.case.restarts_before(index)
                && let Some(running) = live.take()
            {
                self.end(running).await?;
            }
            let group = self
                .case
                .records
                .get(total..total + size)
                .context("batches.json counts more records")?;
            if !group.is_empty() {
                self.bench.broker.produce(self.topic, group)?;
            }
            total += size;
            let mut running = match live.take() {
                Some(running) => running,
                None => match self.start().await? {
                    Ok(running) => running,
                    Err(refused) => return Ok(Err(refused)),
                },
            };
            let drained = self
                .drain(&mut running, (*size > 0).then_some(total), &mut batches)
                .await;
            match drained {
                Ok(Drained::Yes) => live = Some(running),
                Ok(Drained::Split) => {
                    self.end(running).await?;
                    return Ok(Ok(None));
                }
                Ok(Drained::Failed(refused)) => {
                    running.query.close(&self.bench.cluster).await;
                    return Ok(Err(refused));
                }
                Err(error) => {
                    self.end(running).await?;
                    return Err(error);
                }
            }
        }
        if let Some(running) = live {
            self.end(running).await?;
        }
        let console = self.console.text();
        Ok(Ok(Some(Fed { batches, console })))
    }

    async fn start(&self) -> Result<Answer<Live>> {
        let servers = self.bench.broker.servers();
        let compiled = match job::compile(self.case, servers, self.topic, self.sink.clone()).await? {
            Ok(compiled) => compiled,
            Err(error) => return Ok(Err(Refused::error("analysis", &error))),
        };
        let output = Output::to(Box::new(self.console.clone()));
        Ok(match self.bench.start(compiled, Some(self.checkpoint), output).await {
            Ok((query, events)) => Ok(Live { query, events }),
            Err(error) => Err(Refused::error("start", &error)),
        })
    }

    /// Waits until every source has read `total` records (none: as many as it has) and no batch is due any more.
    async fn drain(
        &self,
        live: &mut Live,
        total: Option<usize>,
        batches: &mut Vec<(BatchReport, Option<ResultRows>)>,
    ) -> Result<Drained> {
        let started = Instant::now();
        let (mut reached, mut rows) = (total.is_none(), None);
        loop {
            let left = DEADLINE.saturating_sub(started.elapsed());
            ensure!(!left.is_zero(), "the stream does not come to rest");
            let event = tokio::select! {
                event = live.events.recv() => event,
                outcome = live.query.wait() => return Ok(ended(outcome)),
                () = tokio::time::sleep(left) => continue,
            };
            match event {
                Some(QueryEvent::Rows(result)) => rows = Some(result),
                Some(QueryEvent::Batch(report)) => {
                    let ends = report
                        .sources
                        .iter()
                        .map(|source| source.end.iter().map(|(_, end)| end).sum::<i64>());
                    let ends: Vec<usize> = ends.map(|end| usize::try_from(end).unwrap_or(0)).collect();
                    batches.push((*report, rows.take()));
                    if let Some(total) = total {
                        if ends.iter().any(|end| *end != total) {
                            return Ok(Drained::Split);
                        }
                        reached = true;
                    }
                }
                Some(QueryEvent::Idle) if reached => return Ok(Drained::Yes),
                Some(QueryEvent::Idle) => {}
                None => {
                    let outcome = tokio::time::timeout(left, live.query.wait()).await;
                    return Ok(ended(outcome.context("the query tells nothing any more")?));
                }
            }
        }
    }

    async fn end(&self, mut live: Live) -> Result<()> {
        live.query.stop().await;
        let outcome = tokio::time::timeout(DEADLINE, live.query.wait()).await;
        live.query.close(&self.bench.cluster).await;
        outcome.context("the query does not stop")?;
        Ok(())
    }
}

fn ended(outcome: Outcome) -> Drained {
    Drained::Failed(match outcome {
        Outcome::Done => Refused::new("runtime", "Internal", "the stream ended by itself"),
        Outcome::Failed(failure) => Refused::new("runtime", &format!("{:?}", failure.class), &failure.message),
    })
}

/// Rows sorted by their text, unless their order counts.
fn in_order(mut rows: Vec<Value>, ordered: bool) -> Value {
    if !ordered {
        rows.sort_by_cached_key(Value::to_string);
    }
    Value::Array(rows)
}

fn show_options(spec: &Value) -> Option<ShowOptions> {
    spec.as_object()?;
    let number = |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok());
    Some(ShowOptions {
        num_rows: number(&spec["num_rows"]).unwrap_or(20),
        truncate: match &spec["truncate"] {
            Value::Bool(false) => 0,
            width => number(width).unwrap_or(20),
        },
        vertical: spec["vertical"] == true,
    })
}

/// What a console sink printed.
#[derive(Clone, Default)]
struct Console(Arc<Mutex<Vec<u8>>>);

impl Console {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
