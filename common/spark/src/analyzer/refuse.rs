//! Operands Spark refuses where the engine would make something of them.

use arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::Operator;

use crate::coerce::common_of;
use crate::type_name::spark_type;
use crate::{interval, types};

/// Whether it is one of `& | ^`.
pub(super) fn is_bits(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::BitwiseAnd | Operator::BitwiseOr | Operator::BitwiseXor
    )
}

/// `& | ^` are for whole numbers.
pub(super) fn check_bits(operator: Operator, left: &DataType, right: &DataType) -> Result<()> {
    if !is_bits(operator) {
        return Ok(());
    }
    let whole = |of: &DataType| types::is_integer(of) || of.is_null();
    match [left, right].into_iter().find(|of| !whole(of)) {
        Some(other) => plan_err!("{operator} takes whole numbers, not {}", spark_type(other)),
        None => Ok(()),
    }
}

/// `div` of numbers is for whole numbers and decimals.
pub(super) fn check_whole_division(left: &DataType, right: &DataType) -> Result<()> {
    let inexact = |of: &DataType| of.is_floating() || types::is_text(of);
    if inexact(left) || inexact(right) {
        return plan_err!(
            "div takes whole numbers and decimals, not {} and {}",
            spark_type(left),
            spark_type(right)
        );
    }
    Ok(())
}

/// Maps have no order and no equality.
pub(super) fn refuse_maps<'a>(compared: impl IntoIterator<Item = &'a DataType>) -> Result<()> {
    match compared.into_iter().find(|of| types::has_map(of)) {
        Some(map) => plan_err!("{} cannot be compared: there is no order of maps", spark_type(map)),
        None => Ok(()),
    }
}

/// Intervals of months, days and microseconds have no order, nor are they found equal.
pub(super) fn refuse_calendar<'a>(compared: impl IntoIterator<Item = &'a DataType>) -> Result<()> {
    match compared.into_iter().any(interval::is_calendar) {
        true => plan_err!("intervals of the calendar cannot be compared: a month has no fixed length"),
        false => Ok(()),
    }
}

/// A boolean may equal a number, but is neither above nor below one.
pub(super) fn check_ordered(left: &DataType, right: &DataType) -> Result<()> {
    match (left, right) {
        (DataType::Boolean, number) | (number, DataType::Boolean) if types::is_number(number) => {
            plan_err!("boolean and {} have no order", spark_type(number))
        }
        _ => Ok(()),
    }
}

/// The type of several values that need one; None when their fields differ only in names, which the engine settles.
pub(super) fn one_type(of: &[DataType]) -> Result<Option<DataType>> {
    match common_of(of) {
        Some(common) => Ok(Some(common)),
        None if of.iter().any(DataType::is_nested) => Ok(None),
        None => {
            let shown: Vec<_> = of.iter().map(spark_type).collect();
            plan_err!("no type holds the values of all of {}", shown.join(", "))
        }
    }
}
