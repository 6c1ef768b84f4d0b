//! Arithmetic with dates, timestamps and intervals: which function computes it, by the types of the operands.

use arrow::datatypes::DataType;
use datafusion::common::{ScalarValue, plan_err};
use datafusion::logical_expr::Expr;

use super::expr::cast_to;
use crate::functions::Result;
use crate::functions::datetime::{date_add_call, time_difference_call, time_shift_call};
use crate::interval::{self, Range};
use crate::operators::{Arithmetic, interval_call};
use crate::type_name::spark_type;
use crate::types;
use crate::zone::Tz;

/// What an operand is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Date,
    Time,
    Months,
    Micros,
    Calendar,
    Text,
    Null,
    Other,
}

impl Kind {
    fn of(of: &DataType) -> Self {
        match of {
            DataType::Date32 => Self::Date,
            DataType::Timestamp(..) => Self::Time,
            DataType::Null => Self::Null,
            of if types::is_text(of) => Self::Text,
            of if interval::is_calendar(of) => Self::Calendar,
            of => match Range::of(of) {
                Some(range) if range.is_months() => Self::Months,
                Some(_) => Self::Micros,
                None => Self::Other,
            },
        }
    }

    fn is_interval(self) -> bool {
        matches!(self, Self::Months | Self::Micros | Self::Calendar)
    }
}

/// One side of an operator.
pub struct Side {
    /// The operand.
    pub expr: Expr,
    /// Its type.
    pub of: DataType,
}

/// Rewrites an operator with a date, a timestamp or an interval on one side; None when there is none. `tolerant` makes a division
/// by zero NULL.
///
/// # Errors
/// A planning error for operands that do not go together.
pub fn rewrite(operator: Arithmetic, left: &Side, right: &Side, tolerant: bool, zone: &Tz) -> Result<Option<Expr>> {
    let (l, r) = (Kind::of(&left.of), Kind::of(&right.of));
    let temporal = |kind: Kind| kind.is_interval() || matches!(kind, Kind::Date | Kind::Time);
    if !temporal(l) && !temporal(r) {
        return Ok(None);
    }
    let planned = match operator {
        Arithmetic::Add => add((left, l), (right, r)),
        Arithmetic::Subtract => subtract((left, l), (right, r)),
        _ => scale(operator, (left, l), (right, r), tolerant, zone)?,
    };
    match planned {
        Some(expr) => Ok(Some(expr)),
        None => plan_err!(
            "cannot compute with {} and {}",
            spark_type(&left.of),
            spark_type(&right.of)
        ),
    }
}

fn small_number(of: &DataType) -> bool {
    matches!(of, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Null)
}

/// Whether a time, or text that reads as one, can be moved by an interval.
fn moves(time: Kind, by: Kind) -> bool {
    match time {
        Kind::Date | Kind::Time => by.is_interval(),
        Kind::Text => matches!(by, Kind::Micros | Kind::Calendar),
        _ => false,
    }
}

fn add((left, l): (&Side, Kind), (right, r): (&Side, Kind)) -> Option<Expr> {
    let (a, b) = (|| left.expr.clone(), || right.expr.clone());
    if moves(l, r) {
        Some(time_shift_call(a(), b(), false))
    } else if moves(r, l) {
        Some(time_shift_call(b(), a(), false))
    } else if l == Kind::Date && small_number(&right.of) {
        Some(date_add_call(a(), b()))
    } else if r == Kind::Date && small_number(&left.of) {
        Some(date_add_call(b(), a()))
    } else {
        combined(Arithmetic::Add, (left, l), (right, r))
    }
}

fn subtract((left, l): (&Side, Kind), (right, r): (&Side, Kind)) -> Option<Expr> {
    let (a, b) = (|| left.expr.clone(), || right.expr.clone());
    match (l, r) {
        (l, r) if moves(l, r) => Some(time_shift_call(a(), b(), true)),
        (Kind::Date | Kind::Time | Kind::Null, Kind::Time) | (Kind::Time, Kind::Date | Kind::Null) => {
            Some(time_difference_call(a(), b()))
        }
        (Kind::Date | Kind::Text | Kind::Null, Kind::Date) => Some(time_difference_call(a(), b())),
        (Kind::Date, Kind::Null) => Some(date_add_call(a(), Expr::Literal(ScalarValue::Int32(None), None))),
        (Kind::Date, _) if small_number(&right.of) => Some(date_add_call(a(), Expr::Negative(Box::new(b())))),
        _ => combined(Arithmetic::Subtract, (left, l), (right, r)),
    }
}

/// The sum or difference of two intervals of one kind; NULL takes the kind beside it.
fn combined(operator: Arithmetic, (left, l): (&Side, Kind), (right, r): (&Side, Kind)) -> Option<Expr> {
    let typed = |side: &Side, kind: Kind, other: &DataType| match kind {
        Kind::Null => cast_to(side.expr.clone(), &side.of, other, &Tz::UTC).ok(),
        _ => Some(side.expr.clone()),
    };
    let fits = l == r && l.is_interval() || l == Kind::Null && r.is_interval() || r == Kind::Null && l.is_interval();
    if !fits {
        return None;
    }
    interval_call(operator, typed(left, l, &right.of)?, typed(right, r, &left.of)?, false)
}

/// Whether one interval counts another: both of one kind, or one of them NULL.
fn counts(left: Kind, right: Kind) -> bool {
    let fixed = |kind: Kind| matches!(kind, Kind::Months | Kind::Micros);
    fixed(left) && (right == left || right == Kind::Null) || left == Kind::Null && fixed(right)
}

/// Intervals times and divided by numbers; text is read as DOUBLE.
fn scale(
    operator: Arithmetic,
    (left, l): (&Side, Kind),
    (right, r): (&Side, Kind),
    tolerant: bool,
    zone: &Tz,
) -> Result<Option<Expr>> {
    let (interval, number, kind) = match operator {
        Arithmetic::Multiply if r.is_interval() => (right, left, l),
        Arithmetic::IntDiv if counts(l, r) => {
            let typed = |side: &Side, other: &Side| match side.of.is_null() {
                true => cast_to(side.expr.clone(), &side.of, &other.of, zone),
                false => Ok(side.expr.clone()),
            };
            return Ok(interval_call(
                operator,
                typed(left, right)?,
                typed(right, left)?,
                tolerant,
            ));
        }
        Arithmetic::Multiply | Arithmetic::Divide if l.is_interval() => (left, right, r),
        _ => return Ok(None),
    };
    let factor = match kind {
        Kind::Text => cast_to(number.expr.clone(), &number.of, &DataType::Float64, zone)?,
        Kind::Null => cast_to(number.expr.clone(), &number.of, &DataType::Int32, zone)?,
        Kind::Other if types::is_number(&number.of) => number.expr.clone(),
        _ => return Ok(None),
    };
    Ok(interval_call(operator, interval.expr.clone(), factor, tolerant))
}
