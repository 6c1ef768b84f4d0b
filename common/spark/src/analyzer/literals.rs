//! Numeric literals, which beside a decimal count with fewer digits than their type has.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{BinaryExpr, Expr};

use crate::functions::Result;
use crate::functions::conversion::{cast_literal, spark_cast};
use crate::number;
use crate::operators::Arithmetic;
use crate::types;
use crate::zone::Tz;

/// A literal under a written cast to a whole number is no literal any more: beside a decimal it counts with all digits of its type.
pub(super) fn keep_written_casts(expr: Expr) -> Result<Transformed<Expr>> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else {
        return Ok(Transformed::no(expr));
    };
    let casts =
        |side: &Expr| matches!(side, Expr::Cast(cast) if types::is_integer(cast.field.data_type()) && of_literal(side));
    if Arithmetic::of(op).is_none() || !casts(&left) && !casts(&right) {
        return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
    }
    let kept = |side: Expr| match side {
        Expr::Cast(cast) if casts(&Expr::Cast(cast.clone())) => spark_cast(*cast.expr, cast.field.data_type()),
        other => Ok(other),
    };
    let (left, right) = (Box::new(kept(*left)?), Box::new(kept(*right)?));
    Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })))
}

fn of_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Cast(cast) => of_literal(&cast.expr),
        Expr::Literal(..) => true,
        _ => false,
    }
}

/// A numeric literal in the decimal type of the column it is compared with, when that holds it exactly: the column then needs
/// no cast.
pub(super) fn exact_literal(literal: &(Expr, DataType), column: &DataType, zone: &Tz) -> Option<Expr> {
    let (Expr::Literal(value, metadata), from) = literal else {
        return None;
    };
    if !types::is_decimal(column) || !(types::is_decimal(from) || types::is_integer(from)) || value.is_null() {
        return None;
    }
    let there = cast_literal(value, column, zone).ok()?;
    let back = cast_literal(&there, from, zone).ok()?;
    (&back == value).then(|| Expr::Literal(there, metadata.clone()))
}

/// Beside a decimal, a whole literal has only the digits it needs.
pub(super) fn narrow_literals(left: (Expr, DataType), right: (Expr, DataType)) -> ((Expr, DataType), (Expr, DataType)) {
    let narrow = |side: (Expr, DataType), other: &DataType| match &side {
        (Expr::Literal(value, metadata), from) if types::is_decimal(other) && types::is_integer(from) => {
            match decimal_literal(value) {
                Some(decimal) => {
                    let narrowed = decimal.data_type();
                    (Expr::Literal(decimal, metadata.clone()), narrowed)
                }
                None => side,
            }
        }
        _ => side,
    };
    let (left_type, right_type) = (left.1.clone(), right.1.clone());
    (narrow(left, &right_type), narrow(right, &left_type))
}

fn decimal_literal(value: &ScalarValue) -> Option<ScalarValue> {
    let whole = match value {
        ScalarValue::Int16(Some(value)) => i128::from(*value),
        ScalarValue::Int32(Some(value)) => i128::from(*value),
        ScalarValue::Int64(Some(value)) => i128::from(*value),
        _ => return None,
    };
    let precision = (1..=types::DECIMAL_PRECISION_MAX).find(|precision| number::fits(whole, *precision))?;
    Some(ScalarValue::Decimal128(Some(whole), precision, 0))
}
