//! Wire types to the core's and back. The generated types of tasks are named here only.

use millstream_common::domain::failure::FailureClass;
use millstream_common::domain::id::{ExecutorId, TaskId};
use millstream_driver_core::checkpoint::{StateFile, files_for};
use millstream_driver_core::tasks::{Failed, Failure, Finished, Launch, Totals, Work};
use millstream_driver_core::watermark::{EventTime, Thresholds};
use millstream_plan::spec::key_groups_of;
use millstream_proto::control::v1 as wire;

/// The class a failure on the wire belongs to. An unset kind is a broken promise of the sender.
pub fn class(kind: wire::FailureKind) -> FailureClass {
    match kind {
        wire::FailureKind::User => FailureClass::User,
        wire::FailureKind::External => FailureClass::External,
        wire::FailureKind::Internal | wire::FailureKind::Unspecified => FailureClass::Internal,
        wire::FailureKind::DataLoss => FailureClass::DataLoss,
        wire::FailureKind::LostBlock => FailureClass::LostBlock,
        wire::FailureKind::Fenced => FailureClass::Fenced,
        wire::FailureKind::Cancelled => FailureClass::Cancelled,
    }
}

/// A failure on the wire.
pub fn failure(failure: Option<wire::Failure>) -> (Failure, Option<(u32, u32)>) {
    let failure = failure.unwrap_or_default();
    let lost = failure
        .lost_block
        .as_ref()
        .and_then(|block| block.block.as_ref())
        .map(|block| (block.stage, block.task_index));
    (Failure::new(class(failure.kind()), failure.message), lost)
}

/// A task's failure.
pub fn failed(executor: ExecutorId, report: wire::TaskFailed) -> Failed {
    let (failure, lost_block) = failure(report.failure);
    Failed {
        task: TaskId(report.task_id),
        attempt: report.attempt,
        executor,
        failure,
        lost_block,
    }
}

/// A task's success; what of it stays with the executor is told by what it names.
pub fn finished(executor: ExecutorId, report: &wire::TaskFinished) -> Finished {
    let metrics = report.metrics.clone().unwrap_or_default();
    Finished {
        task: TaskId(report.task_id),
        attempt: report.attempt,
        executor,
        holds: report.rows_block.is_some() || report.blocks.iter().any(|block| block.rows > 0),
        totals: Totals {
            input_rows: metrics.input_rows,
            input_bytes: metrics.input_bytes,
            output_rows: metrics.output_rows,
            malformed: metrics.malformed_records,
            late_rows: metrics.late_rows,
            state_rows: metrics.state_rows_total,
            state_updated: metrics.state_rows_updated,
            state_removed: metrics.state_rows_removed,
            state_bytes: metrics.state_bytes,
            state_commit_us: metrics.state_commit_us,
            shuffle_bytes: metrics.shuffle_bytes,
        },
        event_time: metrics
            .event_time
            .iter()
            .map(|stats| EventTime {
                id: stats.watermark,
                max_ms: stats.max_ms,
                min_ms: stats.min_ms,
                sum_ms: stats.sum_ms,
                count: stats.count,
            })
            .collect(),
        state_files: report.state_files.iter().map(state_file).collect(),
        passed: report.passed.clone(),
    }
}

fn state_file(file: &wire::StateFile) -> StateFile {
    StateFile {
        path: file.path.clone(),
        version: file.version,
        snapshot: file.snapshot,
        from: file.key_group_from,
        until: file.key_group_until,
        rows: file.rows,
        bytes: file.bytes,
    }
}

fn to_state_file(file: StateFile) -> wire::StateFile {
    wire::StateFile {
        path: file.path,
        version: file.version,
        snapshot: file.snapshot,
        key_group_from: file.from,
        key_group_until: file.until,
        rows: file.rows,
        bytes: file.bytes,
    }
}

/// What a task needs beyond its launch.
pub struct TaskInputs<'a> {
    pub thresholds: Thresholds,
    /// Version and files of the state before the batch.
    pub state: (u64, &'a [StateFile]),
    /// How many rows each limit over the stream has let through before the batch.
    pub passed: &'a [u64],
    pub reduce_tasks: u32,
    /// Blocks of the map tasks for one reduce task.
    pub blocks: &'a dyn Fn(u32) -> Vec<wire::BlockRef>,
    /// Rows for a write task.
    pub rows: &'a dyn Fn(u32) -> Vec<wire::BlockRef>,
}

/// One attempt of a task on the wire.
pub fn task(launch: &Launch, inputs: &TaskInputs<'_>) -> wire::Task {
    let work = match &launch.work {
        Work::Map {
            stage, index, ranges, ..
        } => wire::task::Work::Map(wire::MapTask {
            stage: *stage,
            index: *index,
            ranges: ranges
                .iter()
                .map(|range| wire::OffsetRange {
                    topic: range.partition.topic.clone(),
                    partition: range.partition.partition,
                    from: range.from,
                    until: range.until,
                })
                .collect(),
            passed: inputs.passed.to_vec(),
        }),
        Work::Reduce { index } => {
            let groups = key_groups_of(*index, inputs.reduce_tasks);
            let files = files_for(inputs.state.1, groups.start, groups.end);
            wire::task::Work::Reduce(wire::ReduceTask {
                index: *index,
                inputs: (inputs.blocks)(*index),
                state: Some(wire::StateVersion {
                    version: inputs.state.0,
                    files: files.into_iter().map(to_state_file).collect(),
                }),
                late_before_ms: inputs.thresholds.late_ms,
                evict_before_ms: inputs.thresholds.evict_ms,
            })
        }
        Work::Write { index } => wire::task::Work::Write(wire::WriteTask {
            index: *index,
            inputs: (inputs.rows)(*index),
        }),
    };
    wire::Task {
        task_id: launch.task.0,
        attempt: launch.attempt,
        work: Some(work),
    }
}
