//! A window's frame, written out: its bounds and their distances.

use arrow::datatypes::{DataType, IntervalMonthDayNano};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, SortExpr, WindowFrame, WindowFrameBound, WindowFrameUnits};
use millstream_spark::interval::{Range, constant, is_calendar};
use millstream_spark::type_name::spark_type;
use millstream_spark::types::is_number;
use sqlparser::ast;
use sqlparser::tokenizer::Location;

use crate::error::{Checked, Fault, SqlErrorKind};
use crate::interval::Interval;
use crate::plan::scope::{Scope, Typed};
use crate::plan::{Planner, engine_fault};

impl Planner<'_> {
    /// A frame that is written out, and what Spark shows of it.
    pub(super) fn frame(
        &mut self,
        frame: &ast::WindowFrame,
        order_by: &mut Vec<SortExpr>,
        scope: &Scope,
        at: Location,
    ) -> Checked<(WindowFrame, String)> {
        let units = match frame.units {
            ast::WindowFrameUnits::Rows => WindowFrameUnits::Rows,
            ast::WindowFrameUnits::Range => WindowFrameUnits::Range,
            ast::WindowFrameUnits::Groups => {
                return Err(Fault::new(SqlErrorKind::Syntax, at, "a frame has ROWS or RANGE"));
            }
        };
        let current = ast::WindowFrameBound::CurrentRow;
        let (start, end) = (&frame.start_bound, frame.end_bound.as_ref().unwrap_or(&current));
        refuse_bounds(start, end, at)?;
        self.check_distances([start, end], units, order_by, scope, at)?;
        let (start, start_text) = self.bound(start, units, order_by, scope, at)?;
        let (end, end_text) = self.bound(end, units, order_by, scope, at)?;
        let (start, end) = (nearest(start), nearest(end));
        let text = format!("{units} BETWEEN {start_text} AND {end_text}");
        if units == WindowFrameUnits::Range && order_by.len() != 1 && (offset(&start) || offset(&end)) {
            let message = "a frame of RANGE with a distance needs one expression in the window's ORDER BY";
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        }
        // Peers of a NULL are in a frame of RANGE all the same.
        let peers = units == WindowFrameUnits::Range && without_rows(&start, &end);
        if peers || backwards(&start, &end) {
            let message = "the frame's begin lies behind its end";
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        }
        if without_rows(&start, &end) {
            // The engine wants bounds in their order: further back than there are rows.
            let far = WindowFrameBound::Preceding(ScalarValue::UInt64(Some(u64::from(u32::MAX))));
            let frame = WindowFrame::new_bounds(WindowFrameUnits::Rows, far.clone(), far);
            return Ok((frame, text));
        }
        let frame = WindowFrame::new_bounds(units, start, end);
        frame.regularize_order_bys(order_by).map_err(|e| engine_fault(&e, at))?;
        Ok((frame, text))
    }

    /// Rows are counted by INT; two distances of time have one type.
    fn check_distances(
        &mut self,
        bounds: [&ast::WindowFrameBound; 2],
        units: WindowFrameUnits,
        order_by: &[SortExpr],
        scope: &Scope,
        at: Location,
    ) -> Checked<()> {
        let mut kinds = Vec::new();
        for bound in bounds {
            if let ast::WindowFrameBound::Preceding(Some(e)) | ast::WindowFrameBound::Following(Some(e)) = bound {
                let typed = self.expr(plain_text(e), scope)?;
                kinds.push(self.type_of(&typed.expr, scope, at)?);
            }
        }
        let shown = |of: &DataType| spark_type(of).to_uppercase();
        if units == WindowFrameUnits::Rows
            && let Some(other) = kinds.iter().find(|of| **of != DataType::Int32)
        {
            let message = format!("a frame of ROWS counts by INT, a distance is {}", shown(other));
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        }
        let timed = match order_by {
            [only] => matches!(
                self.type_of(&only.expr, scope, at)?,
                DataType::Date32 | DataType::Timestamp(..)
            ),
            _ => false,
        };
        if let (true, WindowFrameUnits::Range, [start, end]) = (timed, units, kinds.as_slice())
            && start != end
        {
            let message = format!(
                "the frame's distances have two types: {} and {}",
                shown(start),
                shown(end)
            );
            return Err(Fault::new(SqlErrorKind::Type, at, message).help("write both with the same fields"));
        }
        Ok(())
    }

    fn bound(
        &mut self,
        bound: &ast::WindowFrameBound,
        units: WindowFrameUnits,
        order_by: &[SortExpr],
        scope: &Scope,
        at: Location,
    ) -> Checked<(WindowFrameBound, String)> {
        let (distance, word) = match bound {
            ast::WindowFrameBound::CurrentRow => return Ok((WindowFrameBound::CurrentRow, "CURRENT ROW".into())),
            ast::WindowFrameBound::Preceding(e) => (e, "PRECEDING"),
            ast::WindowFrameBound::Following(e) => (e, "FOLLOWING"),
        };
        let Some(distance) = distance else {
            let none = match units {
                WindowFrameUnits::Range => ScalarValue::Null,
                _ => ScalarValue::UInt64(None),
            };
            let bound = match word {
                "PRECEDING" => WindowFrameBound::Preceding(none),
                _ => WindowFrameBound::Following(none),
            };
            return Ok((bound, format!("UNBOUNDED {word}")));
        };
        let typed = self.expr(plain_text(distance), scope)?;
        let mut text = format!("{} {word}", typed.text);
        if let (WindowFrameUnits::Range, "PRECEDING", [only]) = (units, word, order_by) {
            let (of, given) = (
                self.type_of(&only.expr, scope, at)?,
                self.type_of(&typed.expr, scope, at)?,
            );
            // Spark converts the distance with its sign and shows that.
            // A text is negated as a DOUBLE.
            let given = if given == DataType::Utf8 {
                DataType::Float64
            } else {
                given
            };
            if of != given && (is_number(&of) || Range::of(&of).is_some()) {
                text = format!("(- {}) FOLLOWING", typed.text);
            }
        }
        let bound = match units {
            WindowFrameUnits::Range => {
                let value = self.distance(&typed, order_by, scope, at)?;
                match word {
                    "PRECEDING" => WindowFrameBound::Preceding(value),
                    _ => WindowFrameBound::Following(value),
                }
            }
            _ => {
                let Some(n) = self.whole_number(&typed.expr) else {
                    let message = format!("a frame's bound is a constant whole number, {} is none", typed.text);
                    return Err(Fault::new(SqlErrorKind::Type, at, message));
                };
                let rows = ScalarValue::UInt64(Some(n.unsigned_abs()));
                // A negative distance goes the other way.
                match (word, n < 0) {
                    ("PRECEDING", false) | ("FOLLOWING", true) => WindowFrameBound::Preceding(rows),
                    _ => WindowFrameBound::Following(rows),
                }
            }
        };
        Ok((bound, text))
    }

    /// A distance between values of the window's order, in a type that can be added to them.
    fn distance(&mut self, typed: &Typed, order_by: &[SortExpr], scope: &Scope, at: Location) -> Checked<ScalarValue> {
        let [only] = order_by else {
            let message = "a frame of RANGE with a distance needs one expression in the window's ORDER BY";
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        };
        let (of, given) = (
            self.type_of(&only.expr, scope, at)?,
            self.type_of(&typed.expr, scope, at)?,
        );
        let fits = match (&of, &given) {
            (DataType::Date32, DataType::Int8 | DataType::Int16 | DataType::Int32) => true,
            (DataType::Date32, given) => Range::of(given).is_some_and(Range::is_months),
            (DataType::Timestamp(..), given) => Range::of(given).is_some() || is_calendar(given),
            (of, given) => match (Range::of(of), Range::of(given)) {
                (Some(of), Some(given)) => of.is_months() == given.is_months(),
                (None, None) => is_number(of) && (is_number(given) || *given == DataType::Utf8),
                _ => false,
            },
        };
        let misfit = || {
            let message = format!(
                "the window is ordered by {}, a distance of {} does not fit: {}",
                spark_type(&of).to_uppercase(),
                spark_type(&given).to_uppercase(),
                typed.text
            );
            Fault::new(SqlErrorKind::Type, at, message)
        };
        if !fits {
            return Err(misfit());
        }
        if let Some(ordered) = Range::of(&of) {
            let value = match self.folded(typed.expr.clone()) {
                Expr::Literal(value, _) => constant(&value).and_then(|(_, amount)| ordered.literal(amount)),
                _ => None,
            };
            return value.ok_or_else(misfit);
        }
        let to = match &of {
            DataType::Date32 | DataType::Timestamp(..) => None,
            DataType::Decimal128(p, s) => Some(DataType::Decimal128(
                *p.max(&(10 + u8::try_from(*s).unwrap_or(0))).min(&38),
                *s,
            )),
            other => Some(other.clone()),
        };
        let expr = match to {
            Some(to) if to != given => datafusion::logical_expr::cast(typed.expr.clone(), to),
            _ => typed.expr.clone(),
        };
        match self.folded(expr) {
            // The engine adds intervals of the calendar to times.
            Expr::Literal(value, _) if Range::of(&given).is_some() => calendar(&value).ok_or_else(misfit),
            // Days are added to a date as an interval.
            Expr::Literal(value, _) if of == DataType::Date32 && given.is_integer() => i32::try_from(value)
                .map(|days| ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(0, days, 0))))
                .map_err(|_| misfit()),
            Expr::Literal(value, _) if !value.is_null() => Ok(value),
            _ => Err(Fault::new(SqlErrorKind::Type, at, "a frame's bound is a constant")),
        }
    }
}

/// A frame cannot begin at the end, or end at the beginning.
fn refuse_bounds(start: &ast::WindowFrameBound, end: &ast::WindowFrameBound, at: Location) -> Checked<()> {
    let wrong = matches!(start, ast::WindowFrameBound::Following(None))
        || matches!(end, ast::WindowFrameBound::Preceding(None));
    if wrong {
        let message = "a frame goes from UNBOUNDED PRECEDING at the earliest to UNBOUNDED FOLLOWING at the latest";
        return Err(Fault::new(SqlErrorKind::Type, at, message));
    }
    Ok(())
}

/// A constant interval of fixed fields as one of the calendar; None when it is too long for that. Hours are not days here: a
/// day may have 23 of them.
fn calendar(value: &ScalarValue) -> Option<ScalarValue> {
    let (range, amount) = constant(value)?;
    let interval = if range.is_months() {
        IntervalMonthDayNano::new(i32::try_from(amount).ok()?, 0, 0)
    } else {
        IntervalMonthDayNano::new(0, 0, amount.checked_mul(1000)?)
    };
    Some(ScalarValue::IntervalMonthDayNano(Some(interval)))
}

/// Whether a bound is some distance away.
fn offset(bound: &WindowFrameBound) -> bool {
    match bound {
        WindowFrameBound::CurrentRow => false,
        WindowFrameBound::Preceding(n) | WindowFrameBound::Following(n) => !n.is_null(),
    }
}

fn backwards(start: &WindowFrameBound, end: &WindowFrameBound) -> bool {
    match (start, end) {
        (WindowFrameBound::Preceding(s), WindowFrameBound::Preceding(e)) => !s.is_null() && !e.is_null() && s < e,
        (WindowFrameBound::Following(s), WindowFrameBound::Following(e)) => !s.is_null() && !e.is_null() && s > e,
        (WindowFrameBound::Following(s), WindowFrameBound::Preceding(e)) => !s.is_null() && !e.is_null(),
        _ => false,
    }
}

/// The bound itself; a distance of nothing is the row's own place.
fn nearest(bound: WindowFrameBound) -> WindowFrameBound {
    match &bound {
        WindowFrameBound::Preceding(n) | WindowFrameBound::Following(n)
            if !n.is_null() && ScalarValue::new_zero(&n.data_type()).is_ok_and(|zero| *n == zero) =>
        {
            WindowFrameBound::CurrentRow
        }
        _ => bound,
    }
}

/// Whether a frame has no row: one that ends before the row it begins at, or begins behind the row it ends at.
fn without_rows(start: &WindowFrameBound, end: &WindowFrameBound) -> bool {
    matches!(
        (start, end),
        (WindowFrameBound::CurrentRow, WindowFrameBound::Preceding(_))
            | (WindowFrameBound::Following(_), WindowFrameBound::CurrentRow)
    )
}

/// A quoted distance, which the parser takes for an interval.
fn plain_text(distance: &ast::Expr) -> &ast::Expr {
    let ast::Expr::Interval(interval) = distance else {
        return distance;
    };
    match interval.value.as_ref() {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::SingleQuotedString(text) if Interval::decode(text).is_none() => &interval.value,
            _ => distance,
        },
        _ => distance,
    }
}
