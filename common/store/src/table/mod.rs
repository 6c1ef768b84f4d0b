//! Files of rows: reading whole tables, writing part files.
//!
//! Reading, once, by the driver:
//! ```text
//! infer_schema(&source) -> columns                            when no schema is declared (planning)
//! read(&source, Some(&columns), &tz) -> (schema, batches)     when the query runs
//! ```
//! Writing, by tasks in parallel, made visible by the driver:
//! ```text
//! FileSink::open(path, format, options)                       driver and tasks
//!   .prepare()                                                driver, before a batch query: refuses or empties the folder
//!   .writer(schema, &tz) -> PartWriter                        task
//!       writer.write(&batch) ...; writer.finish(task).await -> FilePart (serialisable, sent to the driver)
//!   .commit_batch(&parts)                                     driver, at the end of a batch query: _SUCCESS
//!   .commit_stream(batch_id, &parts) -> Created               driver, at the end of a micro-batch: _spark_metadata/N
//!   .abort(&parts)                                            driver, when the write failed: best effort
//! ```
//! Columns have the engine's types only (STRING = `Utf8`, TIMESTAMP = microseconds `UTC`, ...), whatever the file had.

mod columns;
mod csv_file;
mod csv_infer;
mod csv_text;
mod csv_write;
mod files;
mod iso;
mod json_file;
mod json_write;
mod manifest;
mod parquet_file;
mod sink;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use bytes::Bytes;
use millstream_common::options::Options;
use millstream_plan::spec::{FileFormat, FileSource};
use millstream_spark::zone::Tz;

use crate::error::StoreError;

pub use manifest::FilePart;
pub use sink::{FileSink, PartWriter};

/// The name of a format in messages.
#[must_use]
pub fn format_name(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Csv => "CSV",
        FileFormat::Json => "JSON",
        FileFormat::Parquet => "Parquet",
    }
}

/// Reads all rows of a file, folder or pattern, files in the order of their names, rows in the order of the file.
///
/// With `declared` the batches have exactly these columns, nullable: found by position in CSV, by name in JSON (exact)
/// and Parquet (any case), null where a file has none. Without, the columns are those of [`infer_schema`]. Names that
/// begin with `_` or `.` are skipped; a folder with a `_spark_metadata` log has the files the log names. A name that
/// ends in `.gz` is decompressed.
///
/// # Errors
/// `NoFiles`, `Failed`, `BadOption`; `BadFile` with the line for what cannot be decoded under `mode` = `FAILFAST`, for
/// a truncated file, and for types that do not fit.
pub async fn read(
    source: &FileSource,
    declared: Option<&[Field]>,
    tz: &Tz,
) -> Result<(SchemaRef, Vec<RecordBatch>), StoreError> {
    let files = files::load(source).await?;
    let (format, options, tz) = (source.format, source.options.clone(), *tz);
    let declared = declared.map(<[Field]>::to_vec);
    off_runtime(move || {
        let fields = match declared {
            Some(fields) => fields,
            None => infer(format, &options, &files)?,
        };
        let fields: Vec<Field> = fields.into_iter().map(|field| field.with_nullable(true)).collect();
        let schema = SchemaRef::new(Schema::new(fields));
        let mut batches = Vec::new();
        for file in &files {
            decode(format, &options, file, &schema, &tz, &mut batches)?;
        }
        Ok((schema, batches))
    })
    .await
}

/// The columns of a file, folder or pattern: Parquet's own, JSON's by looking at every value, CSV's all STRING named by
/// the header or `_c0`, `_c1`, ..., or with `inferSchema` by looking at every value.
///
/// # Errors
/// As [`read`].
pub async fn infer_schema(source: &FileSource) -> Result<Vec<Field>, StoreError> {
    let files = files::load(source).await?;
    let (format, options) = (source.format, source.options.clone());
    off_runtime(move || infer(format, &options, &files)).await
}

/// A file whose bytes are in memory, decompressed.
pub(crate) struct LoadedFile {
    /// Full path or URL, for messages.
    pub name: String,
    /// What it holds.
    pub bytes: Bytes,
}

fn infer(format: FileFormat, options: &Options, files: &[LoadedFile]) -> Result<Vec<Field>, StoreError> {
    match format {
        FileFormat::Parquet => parquet_file::infer(files),
        FileFormat::Csv => csv_file::infer(options, files),
        FileFormat::Json => json_file::infer(options, files),
    }
}

fn decode(
    format: FileFormat,
    options: &Options,
    file: &LoadedFile,
    schema: &SchemaRef,
    tz: &Tz,
    batches: &mut Vec<RecordBatch>,
) -> Result<(), StoreError> {
    match format {
        FileFormat::Parquet => parquet_file::decode(file, schema, batches),
        FileFormat::Csv => csv_file::decode(options, file, schema, tz, batches),
        FileFormat::Json => json_file::decode(options, file, schema, tz, batches),
    }
}

/// Runs work that computes for long on a thread of its own.
async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // The runtime shuts down, or the work panicked (which ends the process).
        Err(error) => Err(StoreError::bad_file("reading was broken off", error)),
    }
}

#[cfg(test)]
mod tests;
