//! Sinks that executors write themselves, a task at a time.

mod files;
mod kafka;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use millstream_plan::spec::SinkSpec;
use millstream_proto::control::v1::WrittenFile;
use tokio::runtime::Handle;

use crate::error::TaskError;
use crate::query::Query;

/// One task's way into the sink. Dropped without [`Self::finish`], nothing may rely on what was written.
pub struct SinkWriter {
    names: Arc<Query>,
    kind: Kind,
    rows: u64,
}

enum Kind {
    Kafka(kafka::KafkaWriter),
    Files(Box<files::FilesWriter>),
    Noop,
}

impl SinkWriter {
    /// Opens the query's sink for task `index`; `schema` is that of the rows to come.
    ///
    /// # Errors
    /// When the rows do not suit the sink, its options cannot be used, or the query's sink is written by the driver.
    pub fn open(
        query: &Arc<Query>,
        schema: &SchemaRef,
        index: u32,
        runtime: &Handle,
        cancelled: &Arc<AtomicBool>,
    ) -> Result<Self, TaskError> {
        let schema = named(schema, &query.spec.output_names);
        let kind = match &query.spec.sink {
            Some(SinkSpec::Kafka {
                topic, rows_per_second, ..
            }) => Kind::Kafka(kafka::KafkaWriter::new(
                query.sender()?,
                &schema,
                topic.clone(),
                *rows_per_second,
                Arc::clone(cancelled),
            )?),
            Some(SinkSpec::Files {
                format, path, options, ..
            }) => Kind::Files(Box::new(files::FilesWriter::open(
                (path, *format, options),
                &schema,
                query.time_zone,
                index,
                runtime.clone(),
            )?)),
            Some(SinkSpec::Noop) => Kind::Noop,
            Some(SinkSpec::Console { .. } | SinkSpec::Memory) | None => {
                return Err(TaskError::Unknown {
                    what: "parallel sink",
                    index: 0,
                });
            }
        };
        Ok(Self {
            names: Arc::clone(query),
            kind,
            rows: 0,
        })
    }

    /// Writes rows, in order.
    ///
    /// # Errors
    /// When a row cannot be written or an earlier one turns out not to be.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), TaskError> {
        self.rows += u64::try_from(batch.num_rows()).unwrap_or(0);
        match &mut self.kind {
            Kind::Kafka(writer) => writer.write(batch),
            Kind::Files(writer) => {
                let schema = named(batch.schema_ref(), &self.names.spec.output_names);
                let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                let batch = RecordBatch::try_new_with_options(schema, batch.columns().to_vec(), &options)
                    .map_err(|error| TaskError::plan("naming output columns")(error.into()))?;
                writer.write(&batch)
            }
            Kind::Noop => Ok(()),
        }
    }

    /// Makes sure everything is written; the number of rows and the files, which the commit makes visible.
    ///
    /// # Errors
    /// When something is not.
    pub fn finish(self) -> Result<(u64, Vec<WrittenFile>), TaskError> {
        let files = match self.kind {
            Kind::Kafka(writer) => {
                writer.finish()?;
                Vec::new()
            }
            Kind::Files(writer) => writer.finish()?,
            Kind::Noop => Vec::new(),
        };
        Ok((self.rows, files))
    }
}

/// The schema under the names the user sees; plans may use others inside.
fn named(schema: &SchemaRef, names: &[String]) -> SchemaRef {
    if names.len() != schema.fields().len() {
        return Arc::clone(schema);
    }
    let fields = schema.fields().iter().zip(names);
    Arc::new(Schema::new(
        fields
            .map(|(field, name)| Field::clone(field).with_name(name))
            .collect::<Vec<_>>(),
    ))
}
