//! Functions of times whose syntax or types are their own: `timestampadd(unit, n, t)`, and `try_add` with dates and intervals.

use datafusion::logical_expr::lit;
use millstream_spark::analyzer::rewrite_tolerant;
use millstream_spark::operators::Arithmetic;
use sqlparser::ast::{self, FunctionArgExpr};
use sqlparser::tokenizer::Location;

use super::arguments::{Arguments, texts};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::scope::{Scope, Typed};
use crate::plan::{Planner, engine_fault, place};

/// The units of `timestampadd` and `timestampdiff`.
const UNITS: [&str; 11] = [
    "YEAR",
    "QUARTER",
    "MONTH",
    "WEEK",
    "DAY",
    "DAYOFYEAR",
    "HOUR",
    "MINUTE",
    "SECOND",
    "MILLISECOND",
    "MICROSECOND",
];

impl Planner<'_> {
    /// `try_add` and its like with a date, a timestamp or an interval on one side; none for numbers.
    pub(super) fn try_with_times(
        &mut self,
        name: &str,
        arguments: &Arguments<'_>,
        scope: &Scope,
        at: Location,
    ) -> Checked<Option<Typed>> {
        let operator = match name {
            "try_add" => Arithmetic::Add,
            "try_subtract" => Arithmetic::Subtract,
            "try_multiply" => Arithmetic::Multiply,
            _ => Arithmetic::Divide,
        };
        let args = self.arguments(arguments, scope)?;
        let [left, right] = args.as_slice() else {
            return Ok(None);
        };
        let planned = rewrite_tolerant(
            operator,
            &left.expr,
            &right.expr,
            scope.schema.as_ref(),
            &self.time_zone,
        )
        .map_err(|e| engine_fault(&e, at))?;
        Ok(planned.map(|expr| Typed {
            expr,
            text: format!("{name}({})", texts(&args)),
        }))
    }

    /// `timestampadd(unit, count, time)`, `timestampdiff(unit, start, end)` and their other names.
    pub(super) fn in_units(
        &mut self,
        name: &str,
        arguments: &Arguments<'_>,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        let [FunctionArgExpr::Expr(ast::Expr::Identifier(unit)), rest @ ..] = arguments.list.as_slice() else {
            return Err(Fault::new(SqlErrorKind::Type, at, format!("{name} takes a unit first"))
                .help(format!("for instance: {name}(DAY, ...)")));
        };
        let word = unit.value.to_uppercase();
        if !UNITS.contains(&word.as_str()) || word == "DAYOFYEAR" && !name.ends_with("add") {
            let message = format!("'{}' is not a unit of time", unit.value);
            return Err(
                Fault::new(SqlErrorKind::Type, place(unit.span), message).help(format!("one of {}", UNITS.join(", ")))
            );
        }
        let mut args = Vec::with_capacity(rest.len());
        for arg in rest {
            match arg {
                FunctionArgExpr::Expr(arg) => args.push(self.expr(arg, scope)?),
                _ => {
                    return Err(Fault::new(
                        SqlErrorKind::Type,
                        at,
                        format!("'*' is no argument of {name}"),
                    ));
                }
            }
        }
        let known = if name.ends_with("add") {
            "timestampadd"
        } else {
            "timestampdiff"
        };
        let text = format!("{known}({word}, {})", texts(&args));
        let exprs = std::iter::once(lit(word))
            .chain(args.into_iter().map(|arg| arg.expr))
            .collect();
        Ok(Typed {
            expr: self.scalar(&[known], exprs, scope, at)?,
            text,
        })
    }
}
