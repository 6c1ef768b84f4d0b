//! A folder that rows are written to, as files under unique names.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use flate2::Compression;
use flate2::write::GzEncoder;
use millstream_common::options::Options;
use millstream_plan::spec::FileFormat;
use millstream_spark::zone::Tz;
use uuid::Uuid;

use super::csv_write::CsvEncoder;
use super::json_write::JsonEncoder;
use super::manifest::{self, FilePart};
use super::parquet_file::ParquetEncoder;
use crate::error::StoreError;
use crate::{Created, Store};

/// Created when all files of a batch query are written.
const SUCCESS: &str = "_SUCCESS";

/// Where and how rows are written. Driver and tasks open it from the same options; see [`super`] for who calls what.
#[derive(Clone, Debug)]
pub struct FileSink {
    store: Store,
    format: FileFormat,
    options: Options,
}

impl FileSink {
    /// Opens a sink on a folder that may not exist yet.
    ///
    /// # Errors
    /// `BadLocation`; `BadOption`.
    pub fn open(path: &str, format: FileFormat, options: &Options) -> Result<Self, StoreError> {
        SaveMode::from_options(options)?;
        compressed(format, options)?;
        Ok(Self {
            store: Store::open(path)?,
            format,
            options: options.clone(),
        })
    }

    /// Makes the folder ready for a batch query: empties it with `mode` = `overwrite`, refuses one with files in it by
    /// default (`errorifexists`). False when nothing is to be written (`ignore`).
    ///
    /// # Errors
    /// `Exists`; `Failed`.
    pub async fn prepare(&self) -> Result<bool, StoreError> {
        let mode = SaveMode::from_options(&self.options)?;
        if mode == SaveMode::Append {
            return Ok(true);
        }
        let found = self.store.list("").await?;
        match mode {
            _ if found.is_empty() => Ok(true),
            SaveMode::ErrorIfExists => Err(StoreError::Exists {
                path: self.store.location().to_string(),
            }),
            SaveMode::Ignore => Ok(false),
            SaveMode::Append | SaveMode::Overwrite => self.store.delete_many(&found).await.map(|()| true),
        }
    }

    /// A writer for one task's rows, which must have this schema.
    ///
    /// # Errors
    /// `UnsupportedType` for a column the format has no form for; `BadOption`.
    pub fn writer(&self, schema: &SchemaRef, tz: &Tz) -> Result<PartWriter, StoreError> {
        let encoder = match self.format {
            FileFormat::Csv => Encoder::Csv(CsvEncoder::new(schema, &self.options, *tz)?),
            FileFormat::Json => Encoder::Json(JsonEncoder::new(schema, &self.options, *tz)?),
            FileFormat::Parquet => Encoder::Parquet(Box::new(ParquetEncoder::new(schema, &self.options)?)),
        };
        Ok(PartWriter {
            sink: self.clone(),
            encoder,
            rows: 0,
        })
    }

    /// Ends a batch query: from now on `_SUCCESS` says that the files are complete.
    ///
    /// # Errors
    /// `Failed`; calling again is safe.
    pub async fn commit_batch(&self, _parts: &[FilePart]) -> Result<(), StoreError> {
        self.store.put(SUCCESS, Vec::new()).await
    }

    /// Ends a micro-batch: the files are in the table from now on. A batch whose log exists is committed already, with
    /// the files that log names; those given are then not part of the table.
    ///
    /// # Errors
    /// `Failed`; calling again with the same parts is safe.
    pub async fn commit_stream(&self, batch: u64, parts: &[FilePart]) -> Result<Created, StoreError> {
        manifest::commit(&self.store, batch, parts).await
    }

    /// Removes files of a write that failed.
    ///
    /// # Errors
    /// `Failed`; what is left is never read through the log.
    pub async fn abort(&self, parts: &[FilePart]) -> Result<(), StoreError> {
        let paths: Vec<String> = parts.iter().map(|part| part.name.clone()).collect();
        self.store.delete_many(&paths).await
    }
}

/// One task's rows on their way into one file. Dropping it writes nothing.
pub struct PartWriter {
    sink: FileSink,
    encoder: Encoder,
    rows: u64,
}

impl PartWriter {
    /// Adds rows, in order. They are held in memory, encoded, until the end.
    ///
    /// # Errors
    /// `BadFile` when they do not fit the writer's schema.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        self.rows += u64::try_from(batch.num_rows()).unwrap_or(0);
        match &mut self.encoder {
            Encoder::Csv(encoder) => {
                encoder.write(batch);
                Ok(())
            }
            Encoder::Json(encoder) => {
                encoder.write(batch);
                Ok(())
            }
            Encoder::Parquet(encoder) => encoder.write(batch),
        }
    }

    /// How many rows were added.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes the file, durably, under a name nobody else uses. It is not part of the table before the driver commits.
    ///
    /// # Errors
    /// `Failed`.
    pub async fn finish(self, task: u32) -> Result<FilePart, StoreError> {
        let sink = self.sink;
        let bytes = match self.encoder {
            Encoder::Csv(encoder) => encoder.finish(),
            Encoder::Json(encoder) => encoder.finish(),
            Encoder::Parquet(encoder) => encoder.finish()?,
        };
        let gzip = compressed(sink.format, &sink.options)?;
        let bytes = if gzip { zip(&bytes) } else { bytes };
        let suffix = match sink.format {
            FileFormat::Csv => "csv",
            FileFormat::Json => "json",
            FileFormat::Parquet => "parquet",
        };
        let gz = if gzip { ".gz" } else { "" };
        let name = format!("part-{task:05}-{}-c000.{suffix}{gz}", Uuid::new_v4());
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        sink.store.put(&name, bytes).await?;
        let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(FilePart {
            name,
            size,
            modified_ms: i64::try_from(age.as_millis()).unwrap_or(i64::MAX),
            rows: self.rows,
        })
    }
}

enum Encoder {
    Csv(CsvEncoder),
    Json(JsonEncoder),
    Parquet(Box<ParquetEncoder>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SaveMode {
    ErrorIfExists,
    Append,
    Overwrite,
    Ignore,
}

impl SaveMode {
    fn from_options(options: &Options) -> Result<Self, StoreError> {
        match options.get("mode").map(str::to_ascii_lowercase).as_deref() {
            None | Some("error" | "errorifexists" | "default") => Ok(Self::ErrorIfExists),
            Some("append") => Ok(Self::Append),
            Some("overwrite") => Ok(Self::Overwrite),
            Some("ignore") => Ok(Self::Ignore),
            Some(_) => Err(options
                .invalid("mode", "errorifexists, append, overwrite or ignore")
                .into()),
        }
    }
}

/// Whether the whole file is compressed with gzip; Parquet compresses inside.
fn compressed(format: FileFormat, options: &Options) -> Result<bool, StoreError> {
    match (
        format,
        options.get("compression").map(str::to_ascii_lowercase).as_deref(),
    ) {
        (FileFormat::Parquet, _) | (_, None | Some("none" | "uncompressed")) => Ok(false),
        (_, Some("gzip" | "gz")) => Ok(true),
        (_, Some(_)) => Err(options.invalid("compression", "none or gzip").into()),
    }
}

fn zip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing into memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
