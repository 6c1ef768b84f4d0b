//! Rows as files of a table.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millstream_common::options::Options;
use millstream_plan::spec::FileFormat;
use millstream_proto::control::v1::WrittenFile;
use millstream_spark::zone::Tz;
use millstream_store::table::{FileSink, PartWriter};
use tokio::runtime::Handle;

use crate::error::TaskError;

/// One file of a task, under a name no other attempt uses; none without rows.
pub(super) struct FilesWriter {
    writer: PartWriter,
    task: u32,
    runtime: Handle,
}

impl FilesWriter {
    pub(super) fn open(
        (path, format, options): (&str, FileFormat, &Options),
        schema: &SchemaRef,
        time_zone: Tz,
        task: u32,
        runtime: Handle,
    ) -> Result<Self, TaskError> {
        let writer = FileSink::open(path, format, options)?.writer(schema, &time_zone)?;
        Ok(Self { writer, task, runtime })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), TaskError> {
        Ok(self.writer.write(batch)?)
    }

    pub(super) fn finish(self) -> Result<Vec<WrittenFile>, TaskError> {
        if self.writer.rows() == 0 {
            return Ok(Vec::new());
        }
        let part = self.runtime.block_on(self.writer.finish(self.task))?;
        Ok(vec![WrittenFile {
            path: part.name,
            rows: part.rows,
            bytes: part.size,
        }])
    }
}
