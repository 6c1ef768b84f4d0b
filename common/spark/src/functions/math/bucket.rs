//! `width_bucket(value, min, max, buckets)`.

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;

use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::interval::{self, Range};

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new(
            "width_bucket",
            &[
                Kind::DoubleOrInterval,
                Kind::DoubleOrInterval,
                Kind::DoubleOrInterval,
                Kind::Long,
            ],
            bucket_type,
            width_bucket,
        )
        .udf(),
    ]
}

/// Numbers go with numbers, months with months and days with days.
fn bucket_type(given: &[DataType]) -> Result<DataType> {
    let kinds: Vec<_> = given
        .iter()
        .take(3)
        .filter(|of| !of.is_null())
        .map(|of| Range::of(of).map(Range::is_months))
        .collect();
    if kinds.windows(2).any(|two| two[0] != two[1]) {
        return plan_err!("width_bucket takes three numbers or three intervals of one kind");
    }
    Ok(DataType::Int64)
}

fn width_bucket(call: &Call<'_>) -> Result<ArrayRef> {
    let (values, least, most) = (doubles(call, 0)?, doubles(call, 1)?, doubles(call, 2)?);
    let counts = call.column(3)?;
    let counts = counts.as_primitive::<Int64Type>();
    let rows = values.iter().zip(&least).zip(&most).zip(counts);
    let buckets = rows.map(|(((value, least), most), count)| bucket(value?, least?, most?, count?));
    column(buckets.collect::<Int64Array>())
}

/// Numbers as they are, intervals as their months or microseconds.
fn doubles(call: &Call<'_>, at: usize) -> Result<Float64Array> {
    let values = call.column(at)?;
    let values = match Range::of(values.data_type()) {
        Some(_) => cast(&interval::amounts(&values), &DataType::Float64)?,
        None => cast(&values, &DataType::Float64)?,
    };
    Ok(values.as_primitive::<Float64Type>().clone())
}

/// The bucket a value falls into, 0 before the first and `count + 1` behind the last; the bounds may run down.
fn bucket(value: f64, least: f64, most: f64, count: i64) -> Option<i64> {
    if count <= 0 || count == i64::MAX || value.is_nan() || least == most || !least.is_finite() || !most.is_finite() {
        return None;
    }
    let (way, whole) = if least < most {
        (value - least, most - least)
    } else {
        (least - value, least - most)
    };
    Some(if way < 0.0 {
        0
    } else if way >= whole {
        count + 1
    } else {
        (count as f64 * way / whole) as i64 + 1
    })
}
