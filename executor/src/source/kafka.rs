//! Ranges of Kafka partitions as record batches.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use millstream_common::domain::offset::OffsetRange;
use millstream_kafka::SourceReader;
use millstream_plan::slot::InputSource;
use millstream_plan::spec::KafkaSource;

use super::columns::RecordColumns;
use super::{ROWS_PER_BATCH, Scan, through_plan};
use crate::error::TaskError;

/// Time without any progress after which a read fails; `kafkaConsumer.pollTimeoutMs` overrides it.
const POLL_TIMEOUT: Duration = Duration::from_secs(120);

pub(super) struct KafkaScan {
    scan: Scan,
    reader: Arc<SourceReader>,
    source: KafkaSource,
}

impl KafkaScan {
    pub(super) fn new(scan: Scan, reader: Arc<SourceReader>, source: KafkaSource) -> Self {
        Self { scan, reader, source }
    }
}

impl InputSource for KafkaScan {
    fn open(&self, schema: &SchemaRef) -> Result<SendableRecordBatchStream> {
        let columns = RecordColumns::try_new(schema, &self.source.value_format, self.scan.query.time_zone)
            .map_err(through_plan)?;
        let timeout = match self.source.options.get("kafkaConsumer.pollTimeoutMs") {
            Some(text) => Duration::from_millis(text.trim().parse().map_err(|_| {
                through_plan(
                    self.source
                        .options
                        .invalid("kafkaConsumer.pollTimeoutMs", "milliseconds"),
                )
            })?),
            None => POLL_TIMEOUT,
        };
        let pull = Pull {
            ranges: self
                .scan
                .ranges
                .iter()
                .filter(|range| !range.is_empty())
                .cloned()
                .collect(),
            scan: self.scan.clone(),
            reader: Arc::clone(&self.reader),
            fail_on_data_loss: self.source.fail_on_data_loss,
            timeout,
            columns,
        };
        // Blocking in a stream is right here: the plan has this thread for itself.
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(schema),
            futures::stream::iter(pull),
        )))
    }
}

/// Reads as the plan asks.
struct Pull {
    scan: Scan,
    reader: Arc<SourceReader>,
    /// What is left.
    ranges: VecDeque<OffsetRange>,
    fail_on_data_loss: bool,
    timeout: Duration,
    columns: RecordColumns,
}

impl Pull {
    /// The next batch: full, or what the ranges still had.
    fn read(&mut self) -> Result<Option<RecordBatch>, TaskError> {
        while self.columns.rows() < ROWS_PER_BATCH {
            if self.scan.is_cancelled() {
                return Err(TaskError::Cancelled);
            }
            let Some(range) = self.ranges.front_mut() else { break };
            let (columns, scan) = (&mut self.columns, &self.scan);
            let (topic, partition) = (range.partition.topic.as_str(), range.partition.partition);
            let report = self
                .reader
                .read(range, self.fail_on_data_loss, self.timeout, &mut |messages| {
                    for message in messages.iter() {
                        columns.append(topic, partition, &message);
                    }
                    if columns.rows() >= ROWS_PER_BATCH || scan.is_cancelled() {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                })?;
            let mut counts = scan.counts.lock();
            counts.rows += report.records;
            counts.bytes += report.bytes;
            counts.lost.extend(report.lost);
            range.from = report.position;
            if range.is_empty() {
                self.ranges.pop_front();
            }
        }
        if self.columns.rows() == 0 {
            return Ok(None);
        }
        let (batch, malformed) = self.columns.finish()?;
        self.scan.counts.lock().malformed += malformed;
        Ok(Some(batch))
    }
}

impl Iterator for Pull {
    type Item = Result<RecordBatch, DataFusionError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.read() {
            Ok(batch) => batch.map(Ok),
            Err(error) => {
                self.ranges.clear();
                Some(Err(through_plan(error)))
            }
        }
    }
}
