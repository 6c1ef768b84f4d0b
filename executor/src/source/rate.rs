//! Generated rows `(timestamp, value)`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use millstream_common::domain::offset::OffsetRange;
use millstream_plan::slot::InputSource;
use millstream_plan::spec::RateSource;

use super::{ROWS_PER_BATCH, Scan, through_plan};
use crate::error::TaskError;

/// Offsets are values. A batch's last row has the batch's time, those before it are spaced by the rate: the same at a re-run.
pub(super) struct RateScan {
    scan: Scan,
    source: RateSource,
}

impl RateScan {
    pub(super) fn new(scan: Scan, source: RateSource) -> Self {
        Self { scan, source }
    }
}

impl InputSource for RateScan {
    fn open(&self, schema: &SchemaRef) -> Result<SendableRecordBatchStream> {
        let (schema, scan) = (Arc::clone(schema), self.scan.clone());
        let rate = i64::try_from(self.source.rows_per_second.max(1)).unwrap_or(i64::MAX);
        let pieces: Vec<(OffsetRange, i64)> = self.scan.ranges.iter().flat_map(pieces).collect();
        let batches = pieces.into_iter().map({
            let schema = Arc::clone(&schema);
            move |(range, last)| {
                if scan.is_cancelled() {
                    return Err(through_plan(TaskError::Cancelled));
                }
                scan.counts.lock().rows += range.len();
                rows(&schema, range.from..range.until, scan.batch_time_us, last, rate).map_err(through_plan)
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            schema,
            futures::stream::iter(batches),
        )))
    }
}

/// A range in batches, each with the last value of the whole.
fn pieces(range: &OffsetRange) -> Vec<(OffsetRange, i64)> {
    let last = range.until - 1;
    (range.from..range.until)
        .step_by(ROWS_PER_BATCH)
        .map(|from| {
            let until = from
                .saturating_add(i64::try_from(ROWS_PER_BATCH).unwrap_or(i64::MAX))
                .min(range.until);
            (
                OffsetRange {
                    partition: range.partition.clone(),
                    from,
                    until,
                },
                last,
            )
        })
        .collect()
}

fn rows(
    schema: &SchemaRef,
    values: std::ops::Range<i64>,
    time_us: i64,
    last: i64,
    rate: i64,
) -> Result<RecordBatch, TaskError> {
    let count = usize::try_from(values.end - values.start).unwrap_or(0);
    let columns = schema
        .fields()
        .iter()
        .map(|field| -> Result<ArrayRef, TaskError> {
            match field.name().to_ascii_lowercase().as_str() {
                "value" => Ok(Arc::new(Int64Array::from_iter_values(values.clone()))),
                "timestamp" => {
                    let instant = |value: i64| time_us - (last - value).saturating_mul(1_000_000) / rate;
                    let instants = TimestampMicrosecondArray::from_iter_values(values.clone().map(instant));
                    Ok(Arc::new(instants.with_timezone("UTC")))
                }
                _ => Err(TaskError::Column {
                    column: field.name().clone(),
                    reason: "the rate source has 'timestamp' and 'value'".to_owned(),
                }),
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|error| TaskError::plan("assembling rows")(error.into()))
}
