//! Functions of lambda functions that the engine has not: those that carry something from element to element.
//!
//! A lambda function is evaluated for all rows at once: for the first elements of all arrays, then for the second ones, and so
//! on, so the number of evaluations depends on the longest array and not on the number of rows.

mod aggregate;
mod sort;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, ListArray, UInt32Array};
use arrow::compute::take_arrays;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, HigherOrderFunctionArgs, HigherOrderUDF, LambdaArgument, ValueOrLambda};

use super::kernel::Result;
use crate::type_name::spark_type;

pub use sort::NAME as SORT_BY;

/// The functions of this category.
pub fn functions() -> Vec<Arc<HigherOrderUDF>> {
    vec![
        Arc::new(HigherOrderUDF::new_from_impl(aggregate::Aggregate::new())),
        Arc::new(HigherOrderUDF::new_from_impl(sort::SortBy::new())),
    ]
}

/// The field of a lambda function's parameter.
fn parameter(of: &DataType) -> FieldRef {
    Arc::new(Field::new("", of.clone(), true))
}

/// The element type of the array a function works on.
fn element(function: &str, of: &DataType) -> Result<DataType> {
    match of {
        DataType::List(field) => Ok(field.data_type().clone()),
        other => plan_err!(
            "function {function} requires an array, but {} was given",
            spark_type(other)
        ),
    }
}

/// A value argument as a column.
fn value(args: &HigherOrderFunctionArgs, at: usize) -> Result<ArrayRef> {
    match args.args.get(at) {
        Some(ValueOrLambda::Value(value)) => value.to_array(args.number_rows),
        _ => exec_err!("argument {} is no value", at + 1),
    }
}

fn list(args: &HigherOrderFunctionArgs) -> Result<ListArray> {
    match value(args, 0)?.as_list_opt::<i32>() {
        Some(list) => Ok(list.clone()),
        None => exec_err!("argument 1 is no array"),
    }
}

fn lambda(args: &HigherOrderFunctionArgs, at: usize) -> Result<&LambdaArgument> {
    match args.args.get(at) {
        Some(ValueOrLambda::Lambda(lambda)) => Ok(lambda),
        _ => exec_err!("argument {} is no lambda function", at + 1),
    }
}

/// What a lambda function gives for `values`, whose row `i` belongs to row `rows[i]` of the batch.
fn evaluated(lambda: &LambdaArgument, values: &[ArrayRef], rows: &UInt32Array) -> Result<ArrayRef> {
    let closures: Vec<_> = values.iter().map(|value| || Ok(Arc::clone(value))).collect();
    let closures: Vec<&dyn Fn() -> Result<ArrayRef>> =
        closures.iter().map(|f| f as &dyn Fn() -> Result<ArrayRef>).collect();
    let result: ColumnarValue = lambda.evaluate(&closures, |captured| Ok(take_arrays(captured, rows, None)?))?;
    result.into_array(rows.len())
}
