//! Reads ranges of a source and runs a stage's plan over them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use millstream_common::domain::offset::{OffsetRange, TopicPartition};
use millstream_plan::slot::TaskInputs;
use millstream_plan::spec::StageOutput;
use millstream_proto::control::v1::{BlockInfo, DataLoss, EventTimeStats, MapTask, TaskFinished, TaskMetrics};
use millstream_spark::task_rows;

use super::TaskRun;
use super::deliver::{Delivery, count};
use crate::error::TaskError;
use crate::shuffle::partition;
use crate::source::Scan;

/// Ranges → records → columns → the stage's plan → shuffle blocks, rows for the driver, or the sink.
pub(super) fn run(run: &TaskRun, task: &MapTask) -> Result<TaskFinished, TaskError> {
    let stage = usize::try_from(task.stage)
        .ok()
        .and_then(|at| run.query.spec.map_stages.get(at));
    let stage = stage.ok_or(TaskError::Unknown {
        what: "map stage",
        index: u64::from(task.stage),
    })?;
    let _rows = task_rows::scope(i32::try_from(task.index).unwrap_or(i32::MAX));
    let plan = run.query.plan(stage.plan)?;
    let ranges = task.ranges.iter().map(range).collect();
    let scan = Scan::new(
        Arc::clone(&run.query),
        ranges,
        (run.batch, run.batch_time_us),
        Arc::clone(&run.cancelled),
    );
    let inputs = run.query.inputs().with(stage.slot, scan.source(stage.slot)?);
    let inputs = Arc::new(inputs.with_passed(task.passed.clone()));
    let mut report = run.report();
    if stage.output == StageOutput::Shuffle {
        let mut cut = Cut::new(run)?;
        run.drive(&plan, &inputs, |batch| cut.take(&batch))?;
        cut.finish(task, &mut report)?;
    } else {
        let mut delivery = Delivery::open(run, stage.output, plan.schema(), task.index)?;
        run.drive(&plan, &inputs, |batch| delivery.take(batch))?;
        delivery.finish(task.stage, task.index, &mut report)?;
    }
    report.passed = inputs.passed();
    measure(&scan, &inputs, report.metrics.get_or_insert_default());
    Ok(report)
}

/// Partial rows on their way into one block per reduce task.
struct Cut<'a> {
    run: &'a TaskRun,
    key_count: usize,
    tasks: u32,
    parts: Vec<Vec<RecordBatch>>,
}

impl<'a> Cut<'a> {
    fn new(run: &'a TaskRun) -> Result<Self, TaskError> {
        let (reduce, layout) = run.query.reduce()?;
        let tasks = reduce.tasks.max(1);
        Ok(Self {
            run,
            key_count: layout.key_count(),
            tasks,
            parts: (0..tasks).map(|_| Vec::new()).collect(),
        })
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<(), TaskError> {
        let cut = partition(batch, self.key_count, self.tasks)?
            .map_err(|error| TaskError::plan("cutting partial rows")(error.into()))?;
        for (part, rows) in self.parts.iter_mut().zip(cut) {
            if rows.num_rows() > 0 {
                part.push(rows);
            }
        }
        Ok(())
    }

    fn finish(self, task: &MapTask, report: &mut TaskFinished) -> Result<(), TaskError> {
        let mut metrics = TaskMetrics::default();
        for (partition, batches) in (0_u32..).zip(self.parts) {
            let rows = count(&batches);
            // An empty block is only a number in the report: nobody fetches it.
            let bytes = if rows == 0 {
                0
            } else {
                self.run.keep(task.stage, task.index, partition, batches)?.bytes
            };
            metrics.output_rows += rows;
            metrics.shuffle_bytes += bytes;
            report.blocks.push(BlockInfo { partition, rows, bytes });
        }
        report.metrics = Some(metrics);
        Ok(())
    }
}

fn measure(scan: &Scan, inputs: &TaskInputs, metrics: &mut TaskMetrics) {
    let counts = scan.take_counts();
    metrics.input_rows = counts.rows;
    metrics.input_bytes = counts.bytes;
    metrics.malformed_records = counts.malformed;
    metrics.data_loss = counts
        .lost
        .into_iter()
        .map(|lost| DataLoss {
            topic: lost.partition.topic,
            partition: lost.partition.partition,
            from: lost.from,
            until: lost.until,
            reason: "the records are no longer there".to_owned(),
        })
        .collect();
    metrics.event_time = inputs
        .event_time()
        .into_iter()
        .map(|(watermark, seen)| EventTimeStats {
            watermark,
            max_ms: seen.max_ms,
            min_ms: seen.min_ms,
            sum_ms: seen.sum_ms,
            count: seen.count,
        })
        .collect();
}

fn range(range: &millstream_proto::control::v1::OffsetRange) -> OffsetRange {
    OffsetRange {
        partition: TopicPartition::new(range.topic.clone(), range.partition),
        from: range.from,
        until: range.until,
    }
}
