//! Writes rows the driver has merged to the sink.

use millstream_plan::spec::StageOutput;
use millstream_proto::control::v1::{TaskFinished, WriteTask};

use super::TaskRun;
use super::deliver::{Delivery, REDUCE_STAGE, count};
use crate::error::TaskError;

/// Blocks, in the order of their tasks → sink.
pub(super) fn run(run: &TaskRun, task: &WriteTask) -> Result<TaskFinished, TaskError> {
    let batches = run.fetch(&task.inputs)?;
    let mut report = run.report();
    report.metrics.get_or_insert_default().input_rows = count(&batches);
    let Some(first) = batches.first() else {
        return Ok(report);
    };
    let mut delivery = Delivery::open(run, StageOutput::Sink, first.schema(), task.index)?;
    for batch in batches {
        run.check()?;
        delivery.take(batch)?;
    }
    delivery.finish(REDUCE_STAGE, task.index, &mut report)?;
    Ok(report)
}
