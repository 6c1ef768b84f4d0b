//! Merges the partial rows of a range of key groups with their state.

use std::sync::Arc;
use std::time::Instant;

use millstream_plan::slot::Batches;
use millstream_proto::control::v1::{ReduceTask, StateFile, TaskFinished};

use super::TaskRun;
use super::deliver::{Delivery, REDUCE_STAGE};
use crate::error::TaskError;
use crate::state::{Rules, StateFileRef};

/// Blocks → merge with the version asked for → staged state and its file → row-wise operators → driver or sink.
///
/// The staged result is the base of the next batch once `BatchCommitted` or a task for the next version says so.
pub(super) fn run(run: &TaskRun, task: &ReduceTask) -> Result<TaskFinished, TaskError> {
    let (reduce, _) = run.query.reduce()?;
    let post = run.query.plan(reduce.post)?;
    let inputs = run.fetch(&task.inputs)?;
    run.check()?;
    let shared = run.query.state(task.index)?;
    let mut state = shared.lock();
    // The wait for an earlier attempt may have been long.
    run.check()?;
    let base = task.state.clone().unwrap_or_default();
    let known: Vec<StateFileRef> = base.files.iter().map(known_file).collect();
    state.open(base.version, &known)?;
    let rules = Rules {
        mode: reduce.output_mode,
        late_before_us: task.late_before_ms.saturating_mul(1_000),
        evict_before_us: task.evict_before_ms.saturating_mul(1_000),
    };
    let outcome = state.stage(run.batch, &inputs, rules)?;
    let started = Instant::now();
    let mut report = run.report();
    let saved = match run.check() {
        Ok(()) => state.save(&known),
        Err(error) => {
            state.abort(run.batch);
            return Err(error);
        }
    };
    match saved {
        Ok(file) => report.state_files = file.into_iter().map(wire_file).collect(),
        Err(error) => {
            state.abort(run.batch);
            return Err(error.into());
        }
    }
    let metrics = report.metrics.get_or_insert_default();
    metrics.state_commit_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    metrics.input_rows = inputs.iter().map(|batch| batch.num_rows() as u64).sum();
    metrics.late_rows = outcome.late_rows;
    metrics.state_rows_total = state.rows() as u64;
    metrics.state_rows_updated = outcome.updated;
    metrics.state_rows_removed = outcome.removed;
    metrics.state_bytes = state.bytes() as u64;
    drop(state);
    let slots = Arc::new(
        run.query
            .inputs()
            .with(reduce.post_slot, Arc::new(Batches(vec![outcome.rows]))),
    );
    let mut delivery = Delivery::open(run, reduce.output, post.schema(), task.index)?;
    run.drive(&post, &slots, |batch| delivery.take(batch))?;
    delivery.finish(REDUCE_STAGE, task.index, &mut report)?;
    Ok(report)
}

fn known_file(file: &StateFile) -> StateFileRef {
    StateFileRef {
        path: file.path.clone(),
        version: file.version,
        snapshot: file.snapshot,
        key_groups: file.key_group_from..file.key_group_until,
        rows: file.rows,
        bytes: file.bytes,
    }
}

fn wire_file(file: StateFileRef) -> StateFile {
    StateFile {
        path: file.path,
        version: file.version,
        snapshot: file.snapshot,
        key_group_from: file.key_groups.start,
        key_group_until: file.key_groups.end,
        rows: file.rows,
        bytes: file.bytes,
    }
}
