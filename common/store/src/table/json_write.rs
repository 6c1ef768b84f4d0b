//! Rows as JSON lines, as Spark's `to_json` writes them: null fields of objects left out, nulls in arrays and maps kept.

use arrow::array::{Array, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Schema};
use millstream_common::options::Options;
use millstream_spark::json::{JsonOptions, Writer};
use millstream_spark::type_name::spark_type;
use millstream_spark::zone::Tz;

use crate::error::StoreError;

const OPTIONS: &[&str] = &[
    "path",
    "ignoreNullFields",
    "timeParserPolicy",
    "compression",
    "singleFile",
    "mode",
    "encoding",
];

/// Writes one file of JSON lines into memory.
pub(super) struct JsonEncoder {
    out: Vec<u8>,
    writer: Writer,
}

impl JsonEncoder {
    pub(super) fn new(schema: &Schema, options: &Options, tz: Tz) -> Result<Self, StoreError> {
        options.check_known(OPTIONS, &[])?;
        for field in schema.fields() {
            if matches!(field.data_type(), DataType::Interval(_) | DataType::Duration(_)) {
                return Err(StoreError::UnsupportedType {
                    column: field.name().clone(),
                    data_type: spark_type(field.data_type()),
                    format: "JSON",
                    reason: "cast it to STRING",
                });
            }
        }
        let json = JsonOptions {
            time_zone: tz,
            ignore_null_fields: options.flag("ignoreNullFields", true)?,
            ..JsonOptions::default()
        };
        let writer = Writer::new(&json).map_err(|error| StoreError::bad_file("options", error))?;
        Ok(Self {
            out: Vec::new(),
            writer,
        })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) {
        let rows = StructArray::from(batch.clone());
        for row in 0..rows.len() {
            self.writer.push(&rows, row, 0, &mut self.out);
            self.out.push(b'\n');
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }
}
