//! A job: statements in order, streaming queries together.

use std::collections::VecDeque;

use futures::future::select_all;
use millstream_common::process::shutdown::{Phase, Shutdown};
use millstream_driver_core::batch::Outcome;

use super::cluster::Cluster;
use super::compile::JobStatement;
use super::query::{QueryOptions, RunningQuery, start};
use crate::error::DriverError;
use crate::progress::ProgressMode;
use crate::query::Output;

/// What to run.
pub struct JobRequest {
    /// Its statements, from [`super::compile_job`].
    pub statements: Vec<JobStatement>,
    /// How progress is shown.
    pub progress: ProgressMode,
    /// Where streaming queries keep their logs and state, instead of what their statements say. With several of them each gets a
    /// folder below, by position.
    pub checkpoint: Option<String>,
    /// Where results go.
    pub output: Output,
}

/// Runs a job to its end on a cluster.
///
/// Asked to drain, running queries finish their batch and the job is done; asked to stop at once, it is `Interrupted`.
///
/// # Errors
/// The first query that cannot start or fails; the others are stopped after their batch.
pub async fn run_job(cluster: &Cluster, request: JobRequest, shutdown: &Shutdown) -> Result<(), DriverError> {
    let streams = request.statements.iter().filter(|s| s.is_streaming()).count();
    if request.statements.iter().any(JobStatement::needs_executors) {
        tokio::select! {
            ready = cluster.ready() => ready?,
            () = shutdown.draining() => return stopped(shutdown),
        }
    }
    let mut running: VecDeque<RunningQuery> = VecDeque::new();
    let mut failure = None;
    for (number, statement) in request.statements.into_iter().enumerate() {
        if shutdown.phase() != Phase::Running {
            break;
        }
        let compiled = match statement {
            JobStatement::Explained(text) => {
                request.output.print(&text).map_err(DriverError::Query)?;
                continue;
            }
            JobStatement::Query(compiled) => *compiled,
        };
        let streaming = compiled.stream.is_some();
        let own = request.checkpoint.as_ref().filter(|_| streaming).map(|folder| {
            if streams > 1 {
                format!("{}/{number}", folder.trim_end_matches('/'))
            } else {
                folder.clone()
            }
        });
        let options = QueryOptions {
            progress: request.progress,
            checkpoint: own.as_deref(),
            label: if streaming {
                format!("query {number}")
            } else {
                "query".to_owned()
            },
            output: request.output.clone(),
        };
        let started = tokio::select! {
            // One that has just started is not forgotten: it is asked to stop below.
            biased;
            started = start(cluster, compiled, options) => started,
            // A query that does not run yet, perhaps because a broker does not answer, has no batch to finish.
            () = shutdown.draining() => break,
        };
        match started {
            Ok(query) if streaming => running.push_back(query),
            Ok(query) => {
                failure = finish(cluster, VecDeque::from([query]), shutdown).await.err();
            }
            Err(error) => failure = Some(error),
        }
        if failure.is_some() {
            for query in &running {
                query.stop().await;
            }
            break;
        }
    }
    let ended = finish(cluster, running, shutdown).await;
    match failure {
        Some(error) => Err(error),
        None => ended,
    }
}

fn stopped(shutdown: &Shutdown) -> Result<(), DriverError> {
    match shutdown.phase() {
        Phase::Now => Err(DriverError::Interrupted),
        Phase::Running | Phase::Draining => Ok(()),
    }
}

/// Waits for all of them; when one fails, or the job is asked to end, the others finish their batch.
async fn finish(
    cluster: &Cluster,
    mut running: VecDeque<RunningQuery>,
    shutdown: &Shutdown,
) -> Result<(), DriverError> {
    let mut result = Ok(());
    let mut stopping = false;
    while !running.is_empty() {
        let waits = running.iter_mut().map(|query| Box::pin(query.wait()));
        let ended = tokio::select! {
            (outcome, index, _) = select_all(waits) => Some((outcome, index)),
            () = shutdown.now() => return Err(DriverError::Interrupted),
            () = shutdown.draining(), if !stopping => {
                cluster.drain();
                None
            }
        };
        let stop_others = match ended {
            None => true,
            Some((outcome, index)) => {
                if let Some(query) = running.remove(index) {
                    query.close(cluster).await;
                }
                match outcome {
                    Outcome::Done => false,
                    Outcome::Failed(failure) => {
                        if result.is_ok() {
                            result = Err(DriverError::Query(failure));
                        }
                        true
                    }
                }
            }
        };
        if stop_others && !stopping {
            stopping = true;
            for query in &running {
                query.stop().await;
            }
        }
    }
    result
}
