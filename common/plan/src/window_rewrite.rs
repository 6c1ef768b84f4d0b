//! `window(time, length [, slide [, start]])` as Spark has it: a function in SQL, an operator in the plan.
//!
//! The function only exists while a query is planned. The rewrite puts a [`TimeWindowNode`] below the aggregate or
//! projection that uses it, groups by the window's start, and rebuilds the struct `(start, end)` above.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, IntervalMonthDayNano};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, ScalarValue, internal_err, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::functions::core::expr_fn::named_struct;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    Aggregate, ColumnarValue, Expr, Extension, LogicalPlan, Projection, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, lit,
};
use datafusion::optimizer::AnalyzerRule;

use crate::event_time::{is_event_time, tag_field};
use crate::source::timestamp_type;
use crate::time_window::{TimeWindowNode, WindowShape};

/// The name of Spark's function.
pub const WINDOW: &str = "window";

/// The functions of this module, for a session that plans queries.
#[must_use]
pub fn window_functions() -> Vec<ScalarUDF> {
    vec![ScalarUDF::from(WindowFunction {
        signature: Signature::variadic_any(Volatility::Stable),
    })]
}

/// The type of a window: a struct of two instants.
#[must_use]
pub fn window_type() -> DataType {
    DataType::Struct(
        vec![
            Field::new("start", timestamp_type(), true),
            Field::new("end", timestamp_type(), true),
        ]
        .into(),
    )
}

/// The name of [`event_window`].
pub(crate) const EVENT_WINDOW: &str = "__event_window";

/// A function that gives back a window as it is, marked as event time.
pub(crate) fn event_window() -> ScalarUDF {
    ScalarUDF::from(EventWindow {
        signature: Signature::any(1, Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct EventWindow {
    signature: Signature,
}

impl ScalarUDFImpl for EventWindow {
    fn name(&self) -> &str {
        EVENT_WINDOW
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [window] => Ok(window.clone()),
            _ => internal_err!("{EVENT_WINDOW} takes one window"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [window] => Ok(Arc::new(tag_field(window))),
            _ => internal_err!("{EVENT_WINDOW} takes one window"),
        }
    }

    fn invoke_with_args(&self, mut arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match arguments.args.pop() {
            Some(window) => Ok(window),
            None => internal_err!("{EVENT_WINDOW} takes one window"),
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct WindowFunction {
    signature: Signature,
}

impl ScalarUDFImpl for WindowFunction {
    fn name(&self) -> &str {
        WINDOW
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        if !(2..=4).contains(&arguments.len()) {
            return plan_err!(
                "window takes a time, a duration and optionally a slide and a start time, {} arguments were given",
                arguments.len()
            );
        }
        if !matches!(arguments[0], DataType::Timestamp(..)) {
            return plan_err!(
                "the first argument of window is a TIMESTAMP, here it is {}",
                arguments[0]
            );
        }
        Ok(window_type())
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("window() is replaced by an operator when a query is planned")
    }
}

/// Replaces calls of `window` by [`TimeWindowNode`]s.
#[derive(Debug)]
pub struct WindowRewrite;

impl AnalyzerRule for WindowRewrite {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = plan.transform_up_with_subqueries(rewrite_node)?.data;
        plan.apply_with_subqueries(|node| {
            for expr in node.expressions() {
                if !windows_in(std::iter::once(&expr))?.is_empty() {
                    return plan_err!(
                        "window() can stand in GROUP BY or in a SELECT list, not in {}",
                        node.display()
                    );
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(plan)
    }

    fn name(&self) -> &'static str {
        "time_windows"
    }
}

fn rewrite_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Aggregate(aggregate) => rewrite_aggregate(aggregate),
        LogicalPlan::Projection(projection) => rewrite_projection(projection),
        other => Ok(Transformed::no(other)),
    }
}

fn rewrite_aggregate(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let calls = windows_in(aggregate.group_expr.iter())?;
    let Some(call) = only(&calls)? else {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    };
    let Aggregate {
        input,
        group_expr,
        aggr_expr,
        schema,
        ..
    } = aggregate;
    let (input, start, shape) = add_window(Arc::unwrap_or_clone(input), call)?;
    // Casts in the call have changed its name since, which an alias keeps: the column below has one of its own.
    let group_expr = group_expr.into_iter().map(|key| match key {
        Expr::Alias(alias) if alias.expr.as_ref() == call => *alias.expr,
        other => other,
    });
    // A part of the window is no event time: it is taken from the struct, under the name it has above.
    let group_expr = group_expr
        .zip(schema.iter())
        .map(|(key, (_, field))| {
            if &key == call {
                return Ok(Expr::Column(start.clone()));
            }
            let by = match key {
                Expr::GroupingSet(_) => Expr::Column(start.clone()),
                _ => parts_of(&start, shape),
            };
            let parts = replace_all(vec![key.clone()], call, &by)?;
            Ok(match parts.into_iter().next() {
                Some(set @ Expr::GroupingSet(_)) => set,
                Some(part) if part != key => part.alias(field.name()),
                _ => key,
            })
        })
        .collect::<Result<Vec<Expr>>>()?;
    let grouped = LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(input), group_expr, aggr_expr)?);
    // Above, everything finds the columns it knew: the window under the name of its call.
    let columns = grouped
        .schema()
        .columns()
        .into_iter()
        .zip(schema.iter())
        .map(|(column, (qualifier, field))| {
            if column == start {
                struct_of(&start, shape).alias_qualified(qualifier.cloned(), field.name())
            } else {
                Expr::Column(column)
            }
        })
        .collect();
    Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(
        columns,
        Arc::new(grouped),
    )?)))
}

fn rewrite_projection(projection: Projection) -> Result<Transformed<LogicalPlan>> {
    let calls = windows_in(projection.expr.iter())?;
    let Some(call) = only(&calls)? else {
        return Ok(Transformed::no(LogicalPlan::Projection(projection)));
    };
    let Projection {
        input, expr, schema, ..
    } = projection;
    let (input, start, shape) = add_window(Arc::unwrap_or_clone(input), call)?;
    let mut window = struct_of(&start, shape);
    if is_event_time(input.schema().qualified_field_from_column(&start)?.1.metadata()) {
        // The query above may group by the struct.
        window = event_window().call(vec![window]);
    }
    let expr = replace_all(expr, call, &window)?
        .into_iter()
        .zip(schema.iter())
        .map(|(expr, (qualifier, field))| match expr {
            Expr::Column(_) | Expr::Alias(_) => expr,
            other => other.alias_qualified(qualifier.cloned(), field.name()),
        })
        .collect();
    Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(
        expr,
        Arc::new(input),
    )?)))
}

/// The distinct calls of `window` in `exprs`.
fn windows_in<'a>(exprs: impl Iterator<Item = &'a Expr>) -> Result<Vec<Expr>> {
    let mut calls: Vec<Expr> = Vec::new();
    for expr in exprs {
        expr.apply(|part| {
            if is_window(part) && !calls.contains(part) {
                calls.push(part.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    Ok(calls)
}

fn is_window(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(call) if call.func.name() == WINDOW)
}

fn only(calls: &[Expr]) -> Result<Option<&Expr>> {
    match calls {
        [] => Ok(None),
        [call] => Ok(Some(call)),
        _ => plan_err!("multiple time window expressions would make a product of windows, which is not supported"),
    }
}

fn replace_all(exprs: Vec<Expr>, call: &Expr, by: &Expr) -> Result<Vec<Expr>> {
    exprs
        .into_iter()
        .map(|expr| {
            expr.transform_up(|part| {
                Ok(if &part == call {
                    Transformed::yes(by.clone())
                } else {
                    Transformed::no(part)
                })
            })
            .map(|transformed| transformed.data)
        })
        .collect()
}

/// `input` with the window's start as a further column.
fn add_window(input: LogicalPlan, call: &Expr) -> Result<(LogicalPlan, Column, WindowShape)> {
    let Expr::ScalarFunction(ScalarFunction { args, .. }) = call else {
        return internal_err!("not a call of window: {call}");
    };
    let duration = |index: usize| args.get(index).map(duration_us).transpose();
    let Some(length) = duration(1)? else {
        return plan_err!("window needs a duration");
    };
    let shape = WindowShape::try_new(length, duration(2)?.unwrap_or(length), duration(3)?.unwrap_or(0))?;
    let (input, time) = as_column(input, &args[0])?;
    let name = format!("__window_start_{}", input.schema().fields().len());
    let node = TimeWindowNode::try_new(input, time, shape, name.clone())?;
    let plan = LogicalPlan::Extension(Extension { node: Arc::new(node) });
    Ok((plan, Column::new_unqualified(name), shape))
}

/// `expr` as a column of `input`, computed by a projection if it is not one yet.
fn as_column(input: LogicalPlan, expr: &Expr) -> Result<(LogicalPlan, Expr)> {
    let microseconds = |expr: Expr, input: &LogicalPlan| -> Result<Expr> {
        use datafusion::logical_expr::ExprSchemable;
        if expr.get_type(input.schema())? == timestamp_type() {
            Ok(expr)
        } else {
            expr.cast_to(&timestamp_type(), input.schema())
        }
    };
    let expr = microseconds(expr.clone(), &input)?;
    if matches!(expr, Expr::Column(_)) {
        return Ok((input, expr));
    }
    let name = format!("__window_time_{}", input.schema().fields().len());
    let mut columns: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
    columns.push(expr.alias(&name));
    let plan = LogicalPlan::Projection(Projection::try_new(columns, Arc::new(input))?);
    Ok((plan, Expr::Column(Column::new_unqualified(name))))
}

/// The struct (start, end) of the window that starts at `start`.
fn struct_of(start: &Column, shape: WindowShape) -> Expr {
    let end = later(start, shape.length_us);
    named_struct(vec![lit("start"), Expr::Column(start.clone()), lit("end"), end])
}

/// The same struct, of which no part is event time: what is computed is none.
fn parts_of(start: &Column, shape: WindowShape) -> Expr {
    let end = later(start, shape.length_us);
    named_struct(vec![lit("start"), later(start, 0), lit("end"), end])
}

fn later(start: &Column, microseconds: i64) -> Expr {
    let nanoseconds = microseconds.saturating_mul(1_000);
    let length = ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(0, 0, nanoseconds)));
    Expr::Column(start.clone()) + Expr::Literal(length, None)
}

/// A duration argument in microseconds: an interval, or Spark's text such as `10 minutes` or `1 hour 30 minutes`.
fn duration_us(argument: &Expr) -> Result<i64> {
    let value = match argument {
        Expr::Literal(value, _) => value,
        Expr::Cast(cast) => return duration_us(&cast.expr),
        Expr::Alias(alias) => return duration_us(&alias.expr),
        other => return plan_err!("a window's durations are constants, '{other}' is not"),
    };
    if let ScalarValue::IntervalMonthDayNano(Some(interval)) = value {
        if interval.months != 0 {
            return plan_err!("a window's duration cannot have months: their length varies");
        }
        return Ok(i64::from(interval.days) * 86_400_000_000 + interval.nanoseconds / 1_000);
    }
    match value.try_as_str().flatten() {
        Some(text) => parse_duration(text),
        None => plan_err!("a window's duration is text such as '10 minutes', '{value}' is not"),
    }
}

/// Spark's text of a duration without months, in microseconds.
///
/// # Errors
/// Says what could not be read.
pub fn parse_duration(text: &str) -> Result<i64> {
    let wrong = || plan_err!("'{text}' is not a duration such as '10 minutes' or '1 hour 30 minutes'");
    let lower = text.trim().to_ascii_lowercase();
    let mut words = lower
        .strip_prefix("interval")
        .unwrap_or(&lower)
        .split_whitespace()
        .peekable();
    if words.peek().is_none() {
        return wrong();
    }
    let mut total = 0_i64;
    while let Some(number) = words.next() {
        let (Ok(number), Some(unit)) = (number.parse::<i64>(), words.next()) else {
            return wrong();
        };
        let unit_us = match unit.strip_suffix('s').unwrap_or(unit) {
            "microsecond" => 1,
            "millisecond" => 1_000,
            "second" => 1_000_000,
            "minute" => 60_000_000,
            "hour" => 3_600_000_000,
            "day" => 86_400_000_000,
            "week" => 7 * 86_400_000_000,
            "month" | "year" => {
                return plan_err!("'{text}': intervals of months or years are not supported here, their length varies");
            }
            _ => return wrong(),
        };
        let Some(sum) = number.checked_mul(unit_us).and_then(|us| total.checked_add(us)) else {
            return wrong();
        };
        total = sum;
    }
    Ok(total)
}
