//! Rows as CSV text, as Spark writes them.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Schema, TimestampMicrosecondType};
use millstream_common::options::Options;
use millstream_spark::cast::text::to_text;
use millstream_spark::type_name::spark_type;
use millstream_spark::zone::Tz;

use super::csv_text::Dialect;
use super::iso::write_timestamp;
use crate::error::StoreError;

const OPTIONS: &[&str] = &[
    "path",
    "sep",
    "delimiter",
    "quote",
    "escape",
    "header",
    "nullValue",
    "emptyValue",
    "quoteAll",
    "escapeQuotes",
    "ignoreLeadingWhiteSpace",
    "ignoreTrailingWhiteSpace",
    "encoding",
    "charset",
    "compression",
    "singleFile",
    "mode",
];

/// Writes one CSV file into memory.
pub(super) struct CsvEncoder {
    out: String,
    dialect: Dialect,
    null_value: String,
    empty_value: String,
    quote_all: bool,
    escape_quotes: bool,
    tz: Tz,
}

impl CsvEncoder {
    pub(super) fn new(schema: &Schema, options: &Options, tz: Tz) -> Result<Self, StoreError> {
        options.check_known(OPTIONS, &[])?;
        for field in schema.fields() {
            if field.data_type().is_nested() || matches!(field.data_type(), DataType::Interval(_)) {
                return Err(StoreError::UnsupportedType {
                    column: field.name().clone(),
                    data_type: spark_type(field.data_type()),
                    format: "CSV",
                    reason: "write its fields as columns, or to_json of it",
                });
            }
        }
        let text = |name: &str, default: &str| options.get(name).unwrap_or(default).to_owned();
        let mut encoder = Self {
            out: String::new(),
            dialect: Dialect::from_options(options, true)?,
            null_value: text("nullValue", ""),
            empty_value: text("emptyValue", "\"\""),
            quote_all: options.flag("quoteAll", false)?,
            escape_quotes: options.flag("escapeQuotes", true)?,
            tz,
        };
        if options.flag("header", false)? {
            let names: Vec<Option<&str>> = schema
                .fields()
                .iter()
                .map(|field| Some(field.name().as_str()))
                .collect();
            encoder.row(&names);
        }
        Ok(encoder)
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) {
        let columns: Vec<StringArray> = batch.columns().iter().map(|column| texts(column, &self.tz)).collect();
        let mut fields = Vec::with_capacity(columns.len());
        for row in 0..batch.num_rows() {
            fields.clear();
            fields.extend(
                columns
                    .iter()
                    .map(|column| column.is_valid(row).then(|| column.value(row))),
            );
            self.row(&fields);
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out.into_bytes()
    }

    fn row(&mut self, fields: &[Option<&str>]) {
        for (column, field) in fields.iter().enumerate() {
            if column > 0 {
                self.out.push_str(&self.dialect.separator);
            }
            match field {
                None => self.out.push_str(&self.null_value),
                Some("") => self.out.push_str(&self.empty_value),
                Some(text) => field_text(&mut self.out, text, &self.dialect, self.quote_all, self.escape_quotes),
            }
        }
        self.out.push('\n');
    }
}

/// Adds a value, in quotes when it could be misread without.
fn field_text(out: &mut String, text: &str, dialect: &Dialect, quote_all: bool, escape_quotes: bool) {
    let text = if dialect.trim_left { text.trim_start() } else { text };
    let text = if dialect.trim_right { text.trim_end() } else { text };
    let Some(quote) = dialect.quote else {
        out.push_str(text);
        return;
    };
    let has_quote = if escape_quotes {
        text.contains(quote)
    } else {
        text.starts_with(quote)
    };
    if !(quote_all || has_quote || text.contains(['\n', '\r']) || text.contains(&dialect.separator)) {
        out.push_str(text);
        return;
    }
    out.push(quote);
    for c in text.chars() {
        if c == quote {
            out.push(dialect.escape.unwrap_or(quote));
        }
        out.push(c);
    }
    out.push(quote);
}

/// A column as CSV shows it: as CAST to STRING does, but for timestamps, which are written as ISO 8601.
fn texts(column: &ArrayRef, tz: &Tz) -> StringArray {
    match column.data_type() {
        DataType::Timestamp(_, zone) => {
            let zone = zone.as_ref().map(|_| tz);
            let values = column.as_primitive::<TimestampMicrosecondType>().iter();
            values
                .map(|value| value.map(|micros| write_timestamp(micros, zone)))
                .collect()
        }
        _ => to_text(column, tz),
    }
}
