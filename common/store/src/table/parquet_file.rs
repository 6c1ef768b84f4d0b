//! Parquet files.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};
use millstream_common::options::Options;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, Type as PhysicalType, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{LoadedFile, columns};
use crate::error::StoreError;

const BATCH_ROWS: usize = 8192;

/// The columns of the first file, as Spark takes them without `mergeSchema`.
pub(super) fn infer(files: &[LoadedFile]) -> Result<Vec<Field>, StoreError> {
    let Some(file) = files.first() else {
        return Ok(Vec::new());
    };
    let metadata = metadata(file)?;
    let physical = physical_types(&metadata);
    let fields = metadata.schema().fields().iter().zip(physical);
    Ok(fields
        .map(|(field, physical)| {
            let data_type = match (physical, field.data_type()) {
                // The old 96-bit timestamps are instants, though nothing in the file says so.
                (Some(PhysicalType::INT96), DataType::Timestamp(_, None)) => {
                    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
                }
                (_, found) => columns::engine_type(found),
            };
            Field::new(field.name(), data_type, true)
        })
        .collect())
}

/// Adds the rows of a file, with the columns of `schema`, found by name in any case.
pub(super) fn decode(file: &LoadedFile, schema: &SchemaRef, batches: &mut Vec<RecordBatch>) -> Result<(), StoreError> {
    let bad = |error: &dyn std::fmt::Display| {
        StoreError::bad_file(&file.name, format!("not a readable Parquet file: {error}"))
    };
    let metadata = metadata(file)?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.bytes.clone(), metadata)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|error| bad(&error))?;
    for batch in reader {
        let batch = batch.map_err(|error| bad(&error))?;
        let found = batch.schema();
        let columns = schema.fields().iter().map(|wanted| {
            let same = |field: &Arc<Field>| field.name() == wanted.name();
            let alike = |field: &Arc<Field>| field.name().eq_ignore_ascii_case(wanted.name());
            let position = found
                .fields()
                .iter()
                .position(same)
                .or_else(|| found.fields().iter().position(alike));
            columns::fit(
                &file.name,
                position.map(|at| batch.column(at)),
                wanted,
                batch.num_rows(),
            )
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let fitted = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options);
        batches.push(fitted.map_err(|error| bad(&error))?);
    }
    Ok(())
}

fn metadata(file: &LoadedFile) -> Result<ArrowReaderMetadata, StoreError> {
    ArrowReaderMetadata::load(&file.bytes, ArrowReaderOptions::new())
        .map_err(|error| StoreError::bad_file(&file.name, format!("not a readable Parquet file: {error}")))
}

/// The physical types of the top-level columns, none for nested ones.
fn physical_types(metadata: &ArrowReaderMetadata) -> Vec<Option<PhysicalType>> {
    let root = metadata.metadata().file_metadata().schema_descr().root_schema();
    let fields = root.get_fields().iter();
    fields
        .map(|field| field.is_primitive().then(|| field.get_physical_type()))
        .collect()
}

/// Writes one Parquet file into memory; `compression` is `snappy` (default), `zstd` or `none`.
pub(super) struct ParquetEncoder {
    writer: ArrowWriter<Vec<u8>>,
}

impl ParquetEncoder {
    pub(super) fn new(schema: &SchemaRef, options: &Options) -> Result<Self, StoreError> {
        let compression = match options.get("compression").map(str::to_ascii_lowercase).as_deref() {
            None | Some("snappy") => Compression::SNAPPY,
            Some("zstd") => Compression::ZSTD(ZstdLevel::default()),
            Some("none" | "uncompressed") => Compression::UNCOMPRESSED,
            Some(_) => return Err(options.invalid("compression", "snappy, zstd or none").into()),
        };
        let properties = WriterProperties::builder().set_compression(compression).build();
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties))
            .map_err(|error| StoreError::bad_file("Parquet part", error))?;
        Ok(Self { writer })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        self.writer
            .write(batch)
            .map_err(|error| StoreError::bad_file("Parquet part", error))
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, StoreError> {
        self.writer
            .into_inner()
            .map_err(|error| StoreError::bad_file("Parquet part", error))
    }
}
