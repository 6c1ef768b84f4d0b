//! What becomes of a task's rows: to the driver, or into the sink.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millstream_plan::spec::StageOutput;
use millstream_proto::control::v1::{BlockRef, TaskFinished};

use super::TaskRun;
use crate::error::TaskError;
use crate::shuffle::{BlockKey, encode};
use crate::sink::SinkWriter;

/// Rows up to this size travel in the report; larger ones are fetched from here.
const INLINE_BYTES: usize = 256 << 10;

/// Stage number of blocks that hold rows for the driver made by reduce tasks: no map stage has it.
pub(super) const REDUCE_STAGE: u32 = u32::MAX;

/// Takes a task's rows as they come.
pub(super) enum Delivery<'a> {
    Driver {
        run: &'a TaskRun,
        schema: SchemaRef,
        batches: Vec<RecordBatch>,
    },
    Sink {
        writer: Box<SinkWriter>,
    },
}

impl<'a> Delivery<'a> {
    pub(super) fn open(
        run: &'a TaskRun,
        output: StageOutput,
        schema: SchemaRef,
        index: u32,
    ) -> Result<Self, TaskError> {
        Ok(match output {
            StageOutput::Driver => Self::Driver {
                run,
                schema,
                batches: Vec::new(),
            },
            StageOutput::Sink => {
                let writer = SinkWriter::open(&run.query, &schema, index, &run.services.runtime, &run.cancelled)?;
                Self::Sink {
                    writer: Box::new(writer),
                }
            }
            StageOutput::Shuffle => {
                return Err(TaskError::Unknown {
                    what: "shuffle behind task",
                    index: run.task.task_id,
                });
            }
        })
    }

    pub(super) fn take(&mut self, batch: RecordBatch) -> Result<(), TaskError> {
        match self {
            Self::Driver { batches, .. } => {
                if batch.num_rows() > 0 {
                    batches.push(batch);
                }
                Ok(())
            }
            Self::Sink { writer } => writer.write(&batch),
        }
    }

    /// Puts the rows, or what was made of them, into the report.
    pub(super) fn finish(self, stage: u32, index: u32, report: &mut TaskFinished) -> Result<(), TaskError> {
        let rows = match self {
            Self::Driver { run, schema, batches } => {
                let rows = count(&batches);
                let size: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
                // Sizes in memory overstate slices, so small results are measured by what would be sent.
                let inline = if size <= INLINE_BYTES * 8 {
                    Some(encode(&schema, &batches)?)
                } else {
                    None
                };
                match inline.filter(|bytes| bytes.len() <= INLINE_BYTES) {
                    Some(bytes) => report.rows_ipc = bytes.into(),
                    None => report.rows_block = Some(run.keep(stage, index, 0, batches)?),
                }
                rows
            }
            Self::Sink { writer } => {
                let (rows, files) = writer.finish()?;
                report.written_files = files;
                rows
            }
        };
        report.metrics.get_or_insert_default().output_rows = rows;
        Ok(())
    }
}

impl TaskRun {
    /// Keeps a block for others to fetch.
    pub(super) fn keep(
        &self,
        stage: u32,
        index: u32,
        partition: u32,
        batches: Vec<RecordBatch>,
    ) -> Result<BlockRef, TaskError> {
        let key = BlockKey {
            query: self.query.spec.query.0.clone(),
            batch: self.batch,
            stage,
            task: index,
            attempt: self.task.attempt,
            partition,
        };
        let (rows, block) = (count(&batches), Some((&key).into()));
        let bytes = self.services.blocks.put(self.query.session, key, batches)?;
        Ok(BlockRef {
            blocks_address: self.services.address.clone(),
            block,
            rows,
            bytes,
        })
    }
}

/// Rows of all batches.
pub(super) fn count(batches: &[RecordBatch]) -> u64 {
    batches
        .iter()
        .map(|batch| u64::try_from(batch.num_rows()).unwrap_or(0))
        .sum()
}
