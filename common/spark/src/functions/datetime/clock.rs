//! The current time, which is the micro-batch's: one answer for all rows of a batch, never folded while planning.

use arrow::array::{Date32Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use crate::functions::kernel::{Function, column};
use crate::zone::{self, DAY_US};
use crate::{batch_clock, types};

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new(
            "current_timestamp",
            &[],
            |_| Ok(types::timestamp()),
            |call| {
                let now = batch_clock::now_us();
                column(TimestampMicrosecondArray::from(vec![now; call.rows]).with_timezone("UTC"))
            },
        )
        .aliases(&["now"])
        .volatile()
        .udf(),
        Function::new(
            "current_date",
            &[],
            |_| Ok(DataType::Date32),
            |call| {
                let today = zone::to_local_us(batch_clock::now_us(), &call.zone).div_euclid(DAY_US);
                column(Date32Array::from(vec![today as i32; call.rows]))
            },
        )
        .aliases(&["curdate", "today"])
        .volatile()
        .udf(),
        Function::new(
            "localtimestamp",
            &[],
            |_| Ok(types::timestamp_ntz()),
            |call| {
                let now = zone::to_local_us(batch_clock::now_us(), &call.zone);
                column(TimestampMicrosecondArray::from(vec![now; call.rows]))
            },
        )
        .volatile()
        .udf(),
        Function::new(
            "current_timezone",
            &[],
            |_| Ok(DataType::Utf8),
            |call| column(StringArray::from(vec![call.zone.to_string(); call.rows])),
        )
        .udf(),
    ]
}
