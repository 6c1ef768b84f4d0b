//! Starts one query and waits for its end.

use std::sync::Arc;

use actix::Addr;
use millstream_common::domain::failure::FailureClass;
use millstream_common::domain::id::{Generation, QueryId, TaskId};
use millstream_common::domain::offset::PartitionOffsets;
use millstream_driver_core::batch::{BatchMachine, Event, Outcome, Start};
use millstream_driver_core::checkpoint::{Resume, resume};
use millstream_driver_core::offsets::Mode;
use millstream_driver_core::tasks::Failure;
use millstream_plan::spec::SinkSpec;
use millstream_store::table::FileSink;
use tokio::sync::oneshot;

use super::cluster::Cluster;
use crate::cluster::QueryRoute;
use crate::error::DriverError;
use crate::progress::{ProgressMode, QueryName, Watcher};
use crate::query::checkpoint::Checkpoint;
use crate::query::{Compiled, Happened, Output, Placement, Prepared, QueryActor, QueryContext, SourceFacts, prepare};

/// Messages that may wait for one query: reports of its tasks and a few events.
const QUERY_MAILBOX: usize = 4096;
/// Numbers for the tasks of one query.
const TASKS_PER_QUERY: u64 = 1 << 40;

/// A query that runs.
pub struct RunningQuery {
    id: QueryId,
    actor: Addr<QueryActor>,
    done: oneshot::Receiver<Outcome>,
    checkpoint: Option<Checkpoint>,
}

/// How queries of a job are shown and where they keep their state.
pub struct QueryOptions<'a> {
    /// How progress is shown.
    pub progress: ProgressMode,
    /// Replaces the statement's own checkpoint.
    pub checkpoint: Option<&'a str>,
    /// Names it in lines of progress.
    pub label: String,
    /// Where results go, and who listens.
    pub output: Output,
}

/// Starts a query.
///
/// # Errors
/// What keeps it from starting: a wrong option, a broker or store that does not answer, a checkpoint that does not fit.
pub async fn start(
    cluster: &Cluster,
    compiled: Compiled,
    options: QueryOptions<'_>,
) -> Result<RunningQuery, DriverError> {
    let streaming = compiled.stream.clone();
    let checkpoint = match &streaming {
        None => None,
        Some(stream) => Some(open_checkpoint(options.checkpoint.or(stream.checkpoint.as_deref())).await?),
    };
    let query = checkpoint
        .as_ref()
        .map_or_else(|| QueryId(uuid::Uuid::new_v4().to_string()), |open| open.query.clone());
    let placement = Placement {
        query: query.clone(),
        generation: checkpoint.as_ref().map_or(Generation(1), |open| open.generation),
        slots: cluster.slots(),
        blocks_address: cluster.address.clone(),
        state_location: checkpoint.as_ref().map(Checkpoint::state_location),
    };
    let name = streaming.as_ref().and_then(|stream| stream.name.clone());
    let prepared = prepare(compiled, placement, &cluster.blocks).await?;
    check_sink(&prepared).await?;
    let mut sources = open_sources(&prepared)?;
    if let Some(checkpoint) = &checkpoint {
        for (index, source) in sources.iter_mut().enumerate() {
            if let Some(start_ms) = source.start_ms_mut() {
                *start_ms = checkpoint.first_start(index, *start_ms).await?;
            }
        }
    }
    let started = start_position(&prepared, checkpoint.as_ref(), &sources, cluster.next_query()).await?;
    let watcher = Watcher::new(
        options.progress,
        QueryName {
            id: query.0.clone(),
            run_id: uuid::Uuid::new_v4().to_string(),
            name: name.clone(),
            sources: sources.iter().map(SourceFacts::description).collect(),
            sink: describe_sink(&prepared.sink),
        },
        name.unwrap_or(options.label),
        streaming.is_some(),
    );
    let machine = BatchMachine::new(prepared.machine.clone(), started);
    let route = (prepared.spec.generation, Arc::clone(&prepared.message));
    let context = Arc::new(QueryContext {
        prepared: Arc::new(prepared),
        sources,
        checkpoint: checkpoint.clone(),
        registry: Arc::clone(&cluster.registry),
        blocks: Arc::clone(&cluster.blocks),
        blocks_address: cluster.address.clone(),
        fetcher: Arc::clone(&cluster.fetcher),
        output: options.output,
        watcher,
        runtime: tokio::runtime::Handle::current(),
    });
    let (done, ended) = oneshot::channel();
    let actor = cluster
        .stage
        .spawn(QUERY_MAILBOX, move |_| QueryActor::new(machine, context, done))
        .await?;
    let (generation, prepare) = route;
    cluster.registry.open_query(
        query.clone(),
        QueryRoute {
            generation,
            actor: actor.clone(),
            prepare,
        },
    );
    let running = RunningQuery {
        id: query,
        actor,
        done: ended,
        checkpoint,
    };
    running.tell(Event::Executors(cluster.registry.usable())).await;
    running.tell(Event::Wake).await;
    Ok(running)
}

async fn open_checkpoint(location: Option<&str>) -> Result<Checkpoint, DriverError> {
    match location {
        Some(location) => Checkpoint::open(location, false).await,
        None => {
            let folder = std::env::temp_dir().join(format!("millstream-{}", uuid::Uuid::new_v4()));
            Checkpoint::open(&folder.display().to_string(), true).await
        }
    }
}

/// A batch write into a folder is refused before anything runs.
async fn check_sink(prepared: &Prepared) -> Result<(), DriverError> {
    if let SinkSpec::Files {
        format, path, options, ..
    } = &prepared.sink
        && !prepared.streaming
    {
        let failed = |source| DriverError::Store {
            action: format!("writing to {path}"),
            source,
        };
        FileSink::open(path, *format, options)
            .map_err(failed)?
            .prepare()
            .await
            .map_err(failed)?;
    }
    Ok(())
}

/// What keeps a query from starting is wrong use when the job is at fault, whoever finds it.
fn cannot_start(failure: Failure) -> DriverError {
    match failure.class {
        FailureClass::User => DriverError::Usage {
            message: failure.message,
        },
        _ => DriverError::Query(failure),
    }
}

fn open_sources(prepared: &Prepared) -> Result<Vec<SourceFacts>, DriverError> {
    let mode = if prepared.streaming { Mode::Stream } else { Mode::Batch };
    prepared
        .scanned
        .iter()
        .filter_map(|slot| prepared.spec.sources.get(slot))
        .map(|source| SourceFacts::open(source, mode).map_err(cannot_start))
        .collect()
}

/// Reads the logs and, for a query that never ran, where its sources begin.
async fn start_position(
    prepared: &Prepared,
    checkpoint: Option<&Checkpoint>,
    sources: &[SourceFacts],
    number: u64,
) -> Result<Start, DriverError> {
    let first_task = TaskId(number * TASKS_PER_QUERY + 1);
    let Some(checkpoint) = checkpoint else {
        let begins = sources.iter().map(SourceFacts::begin);
        let initial = futures::future::try_join_all(begins).await.map_err(cannot_start)?;
        return Ok(Start {
            resume: Resume::Fresh,
            initial,
            first_task,
        });
    };
    let decision = resume(checkpoint.last_batch().await?, sources.len()).map_err(|error| DriverError::Checkpoint {
        location: checkpoint.location(),
        reason: error.to_string(),
    })?;
    let mut initial = Vec::with_capacity(sources.len());
    for (index, source) in sources.iter().enumerate() {
        let position = match (&decision, checkpoint.initial(index).await?) {
            (_, Some(position)) => position,
            (Resume::Fresh, None) => {
                let position = source.begin().await.map_err(cannot_start)?;
                checkpoint.set_initial(index, &position).await?;
                position
            }
            (Resume::After { .. } | Resume::Again { .. }, None) => PartitionOffsets::default(),
        };
        initial.push(position);
    }
    if prepared.machine.sources.len() != sources.len() {
        return Err(DriverError::Broken {
            part: "list of sources",
        });
    }
    Ok(Start {
        resume: decision,
        initial,
        first_task,
    })
}

fn describe_sink(sink: &SinkSpec) -> String {
    match sink {
        SinkSpec::Console { num_rows, truncate } => {
            format!("org.apache.spark.sql.execution.streaming.ConsoleTable$[numRows={num_rows}, truncate={truncate}]")
        }
        SinkSpec::Kafka { topic, .. } => format!("KafkaSink[{}]", topic.as_deref().unwrap_or("topic column")),
        SinkSpec::Files { path, .. } => format!("FileSink[{path}]"),
        SinkSpec::Noop => "NoOpTable".to_owned(),
        SinkSpec::Memory => "MemorySink".to_owned(),
    }
}

impl RunningQuery {
    async fn tell(&self, event: Event) {
        // A query that has ended takes no events.
        let _ = self.actor.send(Happened(event)).await;
    }

    /// Lets the query finish its batch and end.
    pub async fn stop(&self) {
        self.tell(Event::Stop).await;
    }

    /// Waits for the end. Cancel safe.
    pub async fn wait(&mut self) -> Outcome {
        match (&mut self.done).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Failed(Failure::new(FailureClass::Internal, "the query's actor ended early")),
        }
    }

    /// Releases what executors hold for it, and a temporary checkpoint.
    pub async fn close(self, cluster: &Cluster) {
        cluster.registry.close_query(&self.id);
        if let Some(checkpoint) = &self.checkpoint {
            checkpoint.close().await;
        }
    }
}
