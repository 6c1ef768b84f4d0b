//! `window(time, length [, slide [, start]])`.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use sqlparser::ast::{FunctionArgExpr, Spanned};
use sqlparser::tokenizer::Location;

use crate::error::{Checked, Fault, SqlErrorKind};
use crate::interval;
use crate::plan::scope::{Scope, Typed};
use crate::plan::{Planner, place};

impl Planner<'_> {
    /// `window(time, length [, slide [, start]])`; checked here, where the place is known.
    pub(super) fn time_window(&mut self, list: &[&FunctionArgExpr], scope: &Scope, at: Location) -> Checked<Typed> {
        let usage = "window(time, '10 minutes' [, slide [, start]])";
        if !(2..=4).contains(&list.len()) {
            return Err(Fault::new(
                SqlErrorKind::Type,
                at,
                format!("window takes 2 to 4 arguments, here {}", list.len()),
            )
            .help(usage));
        }
        let FunctionArgExpr::Expr(time) = list[0] else {
            return Err(Fault::new(SqlErrorKind::Type, at, "the first argument of window is a time").help(usage));
        };
        let time_at = place(time.span());
        let mut typed = self.expr(time, scope)?;
        match self.type_of(&typed.expr, scope, time_at)? {
            DataType::Timestamp(_, Some(_)) => {}
            DataType::Utf8 => typed.expr = self.scalar(&["to_timestamp"], vec![typed.expr], scope, time_at)?,
            DataType::Date32 => {
                typed.expr = datafusion::logical_expr::cast(typed.expr, millstream_plan::source::timestamp_type());
            }
            other => {
                let of = millstream_spark::type_name::spark_type(&other).to_uppercase();
                return Err(Fault::new(
                    SqlErrorKind::Type,
                    time_at,
                    format!("window needs a TIMESTAMP, {} is {of}", typed.text),
                ));
            }
        }
        let names = ["length", "slide", "start"];
        let mut lengths = Vec::new();
        for (arg, what) in list[1..].iter().zip(names) {
            lengths.push(self.length(arg, what, scope, at)?);
        }
        let (length, length_at, _) = lengths[0].clone();
        let (slide, slide_at, _) = lengths.get(1).cloned().unwrap_or((length, length_at, String::new()));
        let (start, start_at, _) = lengths.get(2).cloned().unwrap_or((0, at, String::new()));
        let wrong = |at, message: &str| Err(Fault::new(SqlErrorKind::Option, at, message));
        if length <= 0 {
            return wrong(length_at, "the window's length is not above 0");
        }
        if slide <= 0 {
            return wrong(slide_at, "the window's slide is not above 0");
        }
        if slide > length {
            return wrong(
                slide_at,
                "the window's slide is longer than the window: rows between windows would be lost",
            );
        }
        if start.abs() >= slide {
            return wrong(start_at, "the window's start is not shorter than its slide");
        }
        let span = |us: i64| {
            let value = arrow::datatypes::IntervalMonthDayNano::new(0, 0, us.saturating_mul(1000));
            Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(value)), None)
        };
        let args = vec![typed.expr, span(length), span(slide), span(start)];
        Ok(Typed {
            expr: self.scalar(&["window"], args, scope, at)?,
            text: "window".into(),
        })
    }

    pub(super) fn length(
        &mut self,
        arg: &FunctionArgExpr,
        what: &str,
        scope: &Scope,
        at: Location,
    ) -> Checked<(i64, Location, String)> {
        let FunctionArgExpr::Expr(e) = arg else {
            return Err(Fault::new(
                SqlErrorKind::Type,
                at,
                format!("the window's {what} is a length of time"),
            ));
        };
        let arg_at = place(e.span());
        let arg_at = if arg_at.line == 0 { at } else { arg_at };
        let months = || {
            Fault::new(
                SqlErrorKind::Option,
                arg_at,
                format!("the window's {what} counts months, which have no fixed length"),
            )
            .help("use days or weeks")
        };
        match self.expr(e, scope)?.expr {
            Expr::Literal(ScalarValue::Utf8(Some(text)), _) => {
                let parsed = interval::parse_text(&text).ok_or_else(|| {
                    Fault::new(
                        SqlErrorKind::Option,
                        arg_at,
                        format!("'{text}' is not a length of time"),
                    )
                    .help("for instance '10 minutes' or '1 hour 30 minutes'")
                })?;
                parsed.fixed_us().map(|us| (us, arg_at, text)).ok_or_else(months)
            }
            Expr::Literal(value, _) if interval::Interval::of_constant(&value).is_some() => {
                interval::Interval::of_constant(&value)
                    .and_then(interval::Interval::fixed_us)
                    .map(|us| (us, arg_at, String::new()))
                    .ok_or_else(months)
            }
            _ => Err(Fault::new(
                SqlErrorKind::Option,
                arg_at,
                format!("the window's {what} is a literal, such as '10 minutes'"),
            )),
        }
    }
}
