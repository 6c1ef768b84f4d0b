//! Which reduce task a partial row belongs to.

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::error::ArrowError;
use millstream_plan::spec::reduce_task_of;

use crate::keys::{KeyError, hash_rows, normalised};

/// Cuts `batch`, whose first `key_count` columns are the group keys, into one batch per reduce task; rows keep their order.
///
/// # Errors
/// The outer error for keys that cannot be hashed, the inner one when rows cannot be taken.
pub fn partition(
    batch: &RecordBatch,
    key_count: usize,
    tasks: u32,
) -> Result<Result<Vec<RecordBatch>, ArrowError>, KeyError> {
    if tasks <= 1 {
        return Ok(Ok(vec![batch.clone()]));
    }
    let keys: Vec<_> = batch.columns().iter().take(key_count).map(normalised).collect();
    let mut rows: Vec<Vec<u32>> = (0..tasks).map(|_| Vec::new()).collect();
    for (row, hash) in (0_u32..).zip(hash_rows(&keys, batch.num_rows())?) {
        let task = usize::try_from(reduce_task_of(hash, tasks)).unwrap_or(0);
        if let Some(rows) = rows.get_mut(task) {
            rows.push(row);
        }
    }
    Ok(rows
        .into_iter()
        .map(|rows| take_record_batch(batch, &UInt32Array::from(rows)))
        .collect())
}
