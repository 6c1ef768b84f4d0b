//! Conversions: `spark_cast(value, NULL of the type)`, which stands for every CAST once a plan is analyzed.

use arrow::datatypes::DataType;
use datafusion::common::{ScalarValue, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ScalarUDF};
use std::sync::{Arc, LazyLock};

use super::{Call, Function, Kind, Result};
use crate::SparkError;
use crate::cast::{can_cast, can_try_cast, cast_array, try_cast_array};
use arrow::array::ArrayRef;

/// Name under which the cast is registered and shipped.
pub const SPARK_CAST: &str = "spark_cast";

/// Mark of a cast to TIMESTAMP_NTZ; see [`cast_arguments`].
const LOCAL: &str = "local";
/// What a cast takes: the value, a NULL of the type, and perhaps a mark.
const CAST_KINDS: &[Kind] = &[Kind::Any, Kind::Any, Kind::Any];

static CAST: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(spark_cast_udf()));

static TRY_CAST: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(spark_try_cast_udf()));

/// The functions of this category.
pub fn functions() -> Vec<ScalarUDF> {
    vec![spark_cast_udf(), spark_try_cast_udf()]
}

/// Builds Spark's `try_cast`, which does not cut what the target cannot hold but gives NULL.
///
/// # Errors
/// As [`spark_cast`].
pub fn spark_try_cast(value: Expr, to: &DataType) -> Result<Expr> {
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::clone(&TRY_CAST),
        cast_arguments(value, to)?,
    )))
}

fn spark_try_cast_udf() -> ScalarUDF {
    Function::new("spark_try_cast", CAST_KINDS, try_cast_type, |call| {
        Ok(try_cast_array(&call.column(0)?, call.returns, &call.zone)?)
    })
    .required(2)
    .udf()
}

fn spark_cast_udf() -> ScalarUDF {
    Function::new(SPARK_CAST, CAST_KINDS, cast_type, cast_column)
        .required(2)
        .udf()
}

/// Builds Spark's cast of an expression; the type travels as a typed NULL, so that the plan ships by name.
///
/// # Errors
/// A planning error for types no literal can have.
pub fn spark_cast(value: Expr, to: &DataType) -> Result<Expr> {
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::clone(&CAST),
        cast_arguments(value, to)?,
    )))
}

/// The value and the witness of the type. The engine takes a NULL of TIMESTAMP and one of TIMESTAMP_NTZ for equal, and would
/// compute two such casts of one value once: a mark keeps those apart.
fn cast_arguments(value: Expr, to: &DataType) -> Result<Vec<Expr>> {
    let mut args = vec![value, Expr::Literal(ScalarValue::try_from(to)?, None)];
    if matches!(to, DataType::Timestamp(_, None)) {
        args.push(Expr::Literal(ScalarValue::from(LOCAL), None));
    }
    Ok(args)
}

/// Casts a literal while planning.
///
/// # Errors
/// As [`cast_array`].
pub fn cast_literal(value: &ScalarValue, to: &DataType, zone: &crate::zone::Tz) -> Result<ScalarValue> {
    let array = cast_array(&value.to_array()?, to, zone)?;
    ScalarValue::try_from_array(&array, 0)
}

fn cast_type(given: &[DataType]) -> Result<DataType> {
    match given {
        [from, to, ..] if can_cast(from, to) => Ok(to.clone()),
        [from, to, ..] => Err(SparkError::NoCast {
            from: from.clone(),
            to: to.clone(),
        }
        .into()),
        _ => plan_err!("spark_cast takes a value and a NULL of the type"),
    }
}

fn try_cast_type(given: &[DataType]) -> Result<DataType> {
    match given {
        [from, to, ..] if !can_try_cast(from, to) => Err(SparkError::NoCast {
            from: from.clone(),
            to: to.clone(),
        }
        .into()),
        _ => cast_type(given),
    }
}

fn cast_column(call: &Call<'_>) -> Result<ArrayRef> {
    Ok(cast_array(&call.column(0)?, call.returns, &call.zone)?)
}
