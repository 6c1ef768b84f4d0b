//! Rows as Kafka records.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, SchemaRef};
use millstream_kafka::Sender;

use crate::error::TaskError;

/// How long the last records may take to be acknowledged.
const FLUSH_DEADLINE: Duration = Duration::from_secs(120);

/// Sends rows with the columns `value` and, optionally, `key`, `topic`, `partition` and `headers`; others are ignored.
pub(super) struct KafkaWriter {
    sender: Sender,
    columns: Columns,
    /// Wins over the column.
    topic: Option<String>,
    pace: Option<Pace>,
    cancelled: Arc<AtomicBool>,
}

/// Positions of the columns that matter.
struct Columns {
    value: usize,
    key: Option<usize>,
    topic: Option<usize>,
    partition: Option<usize>,
    headers: Option<usize>,
}

impl KafkaWriter {
    pub(super) fn new(
        sender: Sender,
        schema: &SchemaRef,
        topic: Option<String>,
        rows_per_second: Option<f64>,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Self, TaskError> {
        let find = |name: &str| {
            schema
                .fields()
                .iter()
                .position(|field| field.name().eq_ignore_ascii_case(name))
        };
        let typed = |name: &'static str, expected: &'static str, accepts: fn(&DataType) -> bool| match find(name) {
            Some(at) if !accepts(schema.field(at).data_type()) => Err(TaskError::SinkRows {
                expected,
                found: format!("column '{name}' is {}", schema.field(at).data_type()),
            }),
            found => Ok(found),
        };
        let value =
            typed("value", "a column 'value' of STRING or BINARY", is_bytes)?.ok_or_else(|| TaskError::SinkRows {
                expected: "a column 'value'",
                found: "there is none".to_owned(),
            })?;
        let columns = Columns {
            value,
            key: typed("key", "a column 'key' of STRING or BINARY", is_bytes)?,
            topic: typed("topic", "a column 'topic' of STRING", is_text)?,
            partition: typed("partition", "a column 'partition' of INT", |data_type| {
                *data_type == DataType::Int32
            })?,
            headers: typed(
                "headers",
                "a column 'headers' of ARRAY<STRUCT<key: STRING, value: BINARY>>",
                |data_type| matches!(data_type, DataType::List(_)),
            )?,
        };
        if topic.is_none() && columns.topic.is_none() {
            return Err(TaskError::SinkRows {
                expected: "a topic",
                found: "there is neither the option 'topic' nor a column of that name".to_owned(),
            });
        }
        let pace = rows_per_second.filter(|rate| *rate > 0.0).map(Pace::new);
        Ok(Self {
            sender,
            columns,
            topic,
            pace,
            cancelled,
        })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), TaskError> {
        let columns = &self.columns;
        let bytes = |at: Option<usize>| at.map(|at| as_type(batch.column(at), &DataType::Binary)).transpose();
        let values = as_type(batch.column(columns.value), &DataType::Binary)?;
        let keys = bytes(columns.key)?;
        let topics = match columns.topic {
            Some(at) if self.topic.is_none() => Some(as_type(batch.column(at), &DataType::Utf8)?),
            _ => None,
        };
        let partitions = columns.partition.map(|at| batch.column(at).as_primitive::<Int32Type>());
        let headers = columns.headers.map(|at| batch.column(at).as_list::<i32>());
        for row in 0..batch.num_rows() {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(TaskError::Cancelled);
            }
            if let Some(pace) = &mut self.pace {
                pace.wait(&self.cancelled);
            }
            let topic = match (&self.topic, &topics) {
                (Some(topic), _) => topic.as_str(),
                (None, Some(topics)) if topics.is_valid(row) => topics.as_string::<i32>().value(row),
                _ => {
                    return Err(TaskError::SinkRows {
                        expected: "a topic in every row",
                        found: "column 'topic' is NULL and the option 'topic' is not set".to_owned(),
                    });
                }
            };
            let partition = partitions
                .filter(|partitions| partitions.is_valid(row))
                .map(|column| column.value(row));
            let headers = headers
                .map(|headers| headers_of(headers, row))
                .transpose()?
                .unwrap_or_default();
            let key = keys.as_ref().and_then(|keys| bytes_at(keys, row));
            self.sender
                .send(topic, partition, key, bytes_at(&values, row), &headers)?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), TaskError> {
        Ok(self.sender.flush(FLUSH_DEADLINE)?)
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_bytes(data_type: &DataType) -> bool {
    is_text(data_type)
        || matches!(
            data_type,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView
        )
}

fn as_type(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, TaskError> {
    cast(column, data_type).map_err(|error| TaskError::plan("reading the sink's columns")(error.into()))
}

fn bytes_at(column: &ArrayRef, row: usize) -> Option<&[u8]> {
    column
        .as_binary_opt::<i32>()
        .filter(|bytes| bytes.is_valid(row))
        .map(|bytes| bytes.value(row))
}

/// Headers of one record, in order.
type Headers = Vec<(String, Option<Vec<u8>>)>;

fn headers_of(headers: &ListArray, row: usize) -> Result<Headers, TaskError> {
    if headers.is_null(row) {
        return Ok(Vec::new());
    }
    let entries = headers.value(row);
    let mistyped = || TaskError::SinkRows {
        expected: "headers of STRUCT<key: STRING, value: BINARY>",
        found: format!("they are {}", entries.data_type()),
    };
    let fields = entries.as_struct_opt().ok_or_else(mistyped)?;
    let [keys, values] = fields.columns() else {
        return Err(mistyped());
    };
    let (keys, values) = (as_type(keys, &DataType::Utf8)?, as_type(values, &DataType::Binary)?);
    Ok((0..fields.len())
        .filter(|entry| fields.is_valid(*entry))
        .map(|entry| {
            let value = bytes_at(&values, entry).map(<[u8]>::to_vec);
            (keys.as_string::<i32>().value(entry).to_owned(), value)
        })
        .collect())
}

/// Spaces rows evenly from the first one on.
struct Pace {
    interval: Duration,
    next: Option<Instant>,
}

impl Pace {
    /// A cancelled task does not sleep longer than this.
    const NAP_MAX: Duration = Duration::from_millis(100);

    fn new(rows_per_second: f64) -> Self {
        let interval = Duration::try_from_secs_f64(1.0 / rows_per_second).unwrap_or(Duration::MAX);
        Self { interval, next: None }
    }

    fn wait(&mut self, cancelled: &AtomicBool) {
        let due = *self.next.get_or_insert_with(Instant::now);
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() || cancelled.load(Ordering::Relaxed) {
                break;
            }
            std::thread::sleep(left.min(Self::NAP_MAX));
        }
        self.next = due.checked_add(self.interval);
    }
}
