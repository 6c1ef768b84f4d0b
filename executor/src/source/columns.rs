//! Kafka records as columns: only those a plan uses.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, Int32Builder, Int64Builder, ListBuilder, RecordBatch, RecordBatchOptions, StringBuilder,
    StructBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, SchemaRef};
use millstream_kafka::Message;
use millstream_plan::spec::ValueFormat;
use millstream_spark::ddl;
use millstream_spark::zone::Tz;

use super::value::ValueDecoder;
use crate::error::TaskError;

/// Builds batches of one schema out of records.
pub(super) struct RecordColumns {
    schema: SchemaRef,
    columns: Vec<Column>,
    decoder: Option<ValueDecoder>,
    rows: usize,
}

enum Column {
    /// Position in the decoder's projection.
    Decoded(usize),
    Key(BinaryBuilder),
    Value(BinaryBuilder),
    Topic(StringBuilder),
    Partition(Int32Builder),
    Offset(Int64Builder),
    Timestamp(TimestampMicrosecondBuilder),
    TimestampType(Int32Builder),
    Headers(Box<ListBuilder<StructBuilder>>),
}

impl RecordColumns {
    /// Columns of `schema` by name: the declared ones of `format` first, then Kafka's own.
    ///
    /// # Errors
    /// [`TaskError::Column`] for a column that is neither, or a declaration that cannot be read.
    pub(super) fn try_new(schema: &SchemaRef, format: &ValueFormat, time_zone: Tz) -> Result<Self, TaskError> {
        let declared = match format {
            ValueFormat::Raw => Vec::new(),
            ValueFormat::Json { ddl, .. } => ddl::parse_schema(ddl).map_err(|error| TaskError::Column {
                column: "value".to_owned(),
                reason: error.to_string(),
            })?,
        };
        let mut projection = Vec::new();
        let columns = schema
            .fields()
            .iter()
            .map(|field| match position(&declared, field.name()) {
                Some(at) => {
                    projection.push(at);
                    Ok(Column::Decoded(projection.len() - 1))
                }
                None => Column::of_kafka(field),
            })
            .collect::<Result<_, _>>()?;
        let decoder = match format {
            ValueFormat::Json { options, .. } if !projection.is_empty() => {
                Some(ValueDecoder::json(&declared, &projection, options, time_zone)?)
            }
            _ => None,
        };
        Ok(Self {
            schema: Arc::clone(schema),
            columns,
            decoder,
            rows: 0,
        })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn append(&mut self, topic: &str, partition: i32, message: &Message<'_>) {
        self.rows += 1;
        if let Some(decoder) = &mut self.decoder {
            decoder.append(message.value);
        }
        for column in &mut self.columns {
            match column {
                Column::Decoded(_) => {}
                Column::Key(builder) => builder.append_option(message.key),
                Column::Value(builder) => builder.append_option(message.value),
                Column::Topic(builder) => builder.append_value(topic),
                Column::Partition(builder) => builder.append_value(partition),
                Column::Offset(builder) => builder.append_value(message.offset),
                Column::Timestamp(builder) => builder.append_value(message.timestamp_ms.saturating_mul(1_000)),
                Column::TimestampType(builder) => builder.append_value(message.timestamp_type.code()),
                Column::Headers(builder) => append_headers(builder, message),
            }
        }
    }

    /// The rows since the last call, and how many of them could not be decoded.
    pub(super) fn finish(&mut self) -> Result<(RecordBatch, u64), TaskError> {
        let (decoded, malformed) = match &mut self.decoder {
            Some(decoder) => decoder.finish()?,
            None => (Vec::new(), 0),
        };
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter_mut().zip(self.schema.fields()) {
            columns.push(match column {
                Column::Decoded(at) => decoded.get(*at).cloned().ok_or_else(|| TaskError::Column {
                    column: field.name().clone(),
                    reason: "the decoder did not give it".to_owned(),
                })?,
                Column::Key(builder) | Column::Value(builder) => Arc::new(builder.finish()),
                Column::Topic(builder) => Arc::new(builder.finish()),
                Column::Partition(builder) | Column::TimestampType(builder) => Arc::new(builder.finish()),
                Column::Offset(builder) => Arc::new(builder.finish()),
                Column::Timestamp(builder) => Arc::new(builder.finish().with_timezone("UTC")),
                Column::Headers(builder) => Arc::new(builder.finish()),
            });
        }
        let options = RecordBatchOptions::new()
            .with_row_count(Some(self.rows))
            .with_match_field_names(false);
        self.rows = 0;
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| TaskError::plan("assembling records")(error.into()))?;
        Ok((batch, malformed))
    }
}

impl Column {
    fn of_kafka(field: &Field) -> Result<Self, TaskError> {
        Ok(match field.name().to_ascii_lowercase().as_str() {
            "key" => Self::Key(BinaryBuilder::new()),
            "value" => Self::Value(BinaryBuilder::new()),
            "topic" => Self::Topic(StringBuilder::new()),
            "partition" => Self::Partition(Int32Builder::new()),
            "offset" => Self::Offset(Int64Builder::new()),
            "timestamp" => Self::Timestamp(TimestampMicrosecondBuilder::new()),
            "timestamptype" => Self::TimestampType(Int32Builder::new()),
            "headers" => Self::Headers(Box::new(headers_builder(field)?)),
            _ => {
                return Err(TaskError::Column {
                    column: field.name().clone(),
                    reason: "it is neither declared nor one of Kafka's own".to_owned(),
                });
            }
        })
    }
}

fn position(declared: &[Field], name: &str) -> Option<usize> {
    let exact = declared.iter().position(|field| field.name() == name);
    exact.or_else(|| {
        declared
            .iter()
            .position(|field| field.name().eq_ignore_ascii_case(name))
    })
}

fn headers_builder(field: &Field) -> Result<ListBuilder<StructBuilder>, TaskError> {
    let mistyped = || TaskError::Column {
        column: field.name().clone(),
        reason: format!("headers are an array of struct(key, value), not {}", field.data_type()),
    };
    let DataType::List(item) = field.data_type() else {
        return Err(mistyped());
    };
    let DataType::Struct(fields) = item.data_type() else {
        return Err(mistyped());
    };
    let types: Vec<&DataType> = fields.iter().map(|field: &FieldRef| field.data_type()).collect();
    if types != [&DataType::Utf8, &DataType::Binary] {
        return Err(mistyped());
    }
    let entry = StructBuilder::new(
        Fields::clone(fields),
        vec![Box::new(StringBuilder::new()), Box::new(BinaryBuilder::new())],
    );
    Ok(ListBuilder::new(entry).with_field(Arc::clone(item)))
}

/// A record without headers has NULL, not an empty array.
fn append_headers(builder: &mut ListBuilder<StructBuilder>, message: &Message<'_>) {
    let mut any = false;
    for (key, value) in message.headers() {
        any = true;
        let entry = builder.values();
        if let Some(keys) = entry.field_builder::<StringBuilder>(0) {
            keys.append_value(key);
        }
        if let Some(values) = entry.field_builder::<BinaryBuilder>(1) {
            values.append_option(value);
        }
        entry.append(true);
    }
    builder.append(any);
}
