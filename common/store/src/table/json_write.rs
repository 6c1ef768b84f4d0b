//! Rows as JSON lines, as Spark's `to_json` writes them: null fields of objects left out, nulls in arrays and maps kept.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Schema, TimestampMicrosecondType};
use chrono_tz::Tz;
use millstream_common::options::Options;
use millstream_spark::cast::text::{Style, write_value};
use millstream_spark::type_name::spark_type;

use super::iso::write_timestamp;
use crate::error::StoreError;

const OPTIONS: &[&str] = &[
    "path",
    "ignoreNullFields",
    "compression",
    "singleFile",
    "mode",
    "encoding",
];

/// Writes one file of JSON lines into memory.
pub(super) struct JsonEncoder {
    out: String,
    names: Vec<String>,
    keep_nulls: bool,
    tz: Tz,
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
        Ok(Self {
            out: String::new(),
            names: schema.fields().iter().map(|field| field.name().clone()).collect(),
            keep_nulls: !options.flag("ignoreNullFields", true)?,
            tz,
        })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) {
        for row in 0..batch.num_rows() {
            let fields = self
                .names
                .iter()
                .map(String::as_str)
                .zip(batch.columns().iter().map(AsRef::as_ref));
            object(fields, row, self.keep_nulls, &self.tz, &mut self.out);
            self.out.push('\n');
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out.into_bytes()
    }
}

fn object<'a>(
    fields: impl Iterator<Item = (&'a str, &'a dyn Array)>,
    row: usize,
    keep_nulls: bool,
    tz: &Tz,
    out: &mut String,
) {
    out.push('{');
    let mut first = true;
    for (name, array) in fields {
        if array.is_null(row) && !keep_nulls {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        quoted(name, out);
        out.push(':');
        value(array, row, keep_nulls, tz, out);
    }
    out.push('}');
}

fn value(array: &dyn Array, row: usize, keep_nulls: bool, tz: &Tz, out: &mut String) {
    if array.is_null(row) {
        out.push_str("null");
        return;
    }
    match array.data_type() {
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter().map(AsRef::as_ref);
            object(
                fields.iter().map(|field| field.name().as_str()).zip(columns),
                row,
                keep_nulls,
                tz,
                out,
            );
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            out.push('[');
            for item in 0..items.len() {
                if item > 0 {
                    out.push(',');
                }
                value(items.as_ref(), item, keep_nulls, tz, out);
            }
            out.push(']');
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            out.push('{');
            for entry in 0..entries.len() {
                if entry > 0 {
                    out.push(',');
                }
                let mut key = String::new();
                write_value(entries.column(0).as_ref(), entry, Style::Cast, tz, &mut key);
                quoted(&key, out);
                out.push(':');
                value(entries.column(1).as_ref(), entry, keep_nulls, tz, out);
            }
            out.push('}');
        }
        DataType::Timestamp(_, zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            quoted(&write_timestamp(micros, zone.as_ref().map(|_| tz)), out);
        }
        DataType::Binary => quoted(&base64(array.as_binary::<i32>().value(row)), out),
        DataType::Float32 | DataType::Float64 => {
            let start = out.len();
            write_value(array, row, Style::Cast, tz, out);
            // NaN and the infinities are no JSON numbers.
            if out[start..].contains(['N', 'I']) {
                out.insert(start, '"');
                out.push('"');
            }
        }
        // Decimals in full, without an exponent.
        data_type if data_type.is_numeric() => write_value(array, row, Style::Show, tz, out),
        DataType::Boolean => write_value(array, row, Style::Cast, tz, out),
        DataType::Utf8 => quoted(array.as_string::<i32>().value(row), out),
        _ => {
            let mut text = String::new();
            write_value(array, row, Style::Cast, tz, &mut text);
            quoted(&text, out);
        }
    }
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
