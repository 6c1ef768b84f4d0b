//! `greatest` and `least`: the NULLs among the arguments are left out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::compute::kernels::cmp;
use arrow::compute::kernels::zip::zip;
use arrow::compute::{is_null, or, prep_null_mask_filter};
use arrow::datatypes::DataType;
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;

use crate::cast::cast_array;
use crate::coerce::common_of;
use crate::functions::array::parts::{check_orderable, comparable};
use crate::functions::kernel::{Call, Function, Kind, Result};
use crate::type_name::spark_type;

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new(
            "greatest",
            &[Kind::Any, Kind::Any, Kind::Any],
            |given| common("greatest", given),
            |call| extreme(call, true),
        )
        .variadic()
        .required(2)
        .udf(),
        Function::new(
            "least",
            &[Kind::Any, Kind::Any, Kind::Any],
            |given| common("least", given),
            |call| extreme(call, false),
        )
        .variadic()
        .required(2)
        .udf(),
    ]
}

fn common(function: &str, given: &[DataType]) -> Result<DataType> {
    match common_of(given) {
        Some(common) => {
            check_orderable(function, &common)?;
            Ok(common)
        }
        None => {
            let given: Vec<String> = given.iter().map(spark_type).collect();
            plan_err!(
                "function {function} requires values of one type, but {} were given",
                given.join(", ")
            )
        }
    }
}

fn extreme(call: &Call<'_>, greatest: bool) -> Result<ArrayRef> {
    let mut best = cast_array(&call.column(0)?, call.returns, &call.zone)?;
    if call.returns.is_null() {
        return Ok(best);
    }
    for at in 1..call.args.len() {
        let next = cast_array(&call.column(at)?, call.returns, &call.zone)?;
        let better = if greatest {
            beyond(&next, &best)?
        } else {
            beyond(&best, &next)?
        };
        let better = if better.null_count() > 0 {
            prep_null_mask_filter(&better)
        } else {
            better
        };
        let missing = is_null(&best)?;
        best = zip(&or(&missing, &better)?, &next, &best)?;
    }
    Ok(best)
}

/// Where the left value is the larger one; NULL where one of the two is.
fn beyond(left: &ArrayRef, right: &ArrayRef) -> Result<BooleanArray> {
    if !left.data_type().is_nested() {
        return Ok(cmp::gt(left, right)?);
    }
    let rows = comparable(&[Arc::clone(left), Arc::clone(right)])?;
    let [lefts, rights] = rows.as_slice() else {
        return plan_err!("two values are compared");
    };
    Ok((0..left.len())
        .map(|row| (left.is_valid(row) && right.is_valid(row)).then(|| lefts.row(row) > rights.row(row)))
        .collect())
}
