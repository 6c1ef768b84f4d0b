//! `function(...) OVER (...)`.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::planner::{PlannerResult, RawWindowExpr};
use datafusion::logical_expr::{Expr, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition, lit};
use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, FunctionArguments, WindowSpec, WindowType};
use sqlparser::tokenizer::Location;

use super::call::{null_flag, nulls, texts};
use super::scope::{Place, Scope, Typed};
use super::{Planner, engine_fault};
use crate::error::{Checked, Fault, SqlErrorKind};

impl Planner<'_> {
    pub(super) fn window_call(
        &mut self,
        name: &str,
        function: &ast::Function,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        if !scope.place.allows_windows() {
            let message = format!(
                "{name} OVER (...) is a window function: it cannot stand in {}",
                scope.place.name()
            );
            return Err(Fault::new(SqlErrorKind::Type, at, message)
                .help("compute it in a subquery and use its result around it"));
        }
        let definition = match (
            self.state.window_functions().get(name),
            self.state.aggregate_functions().get(name),
        ) {
            (Some(udf), _) => WindowFunctionDefinition::WindowUDF(Arc::clone(udf)),
            (None, Some(udf)) => WindowFunctionDefinition::AggregateUDF(Arc::clone(udf)),
            (None, None) => {
                let known: Vec<&str> = self.state.window_functions().keys().map(String::as_str).collect();
                let fault = Fault::new(SqlErrorKind::Name, at, format!("no window function '{name}'"));
                return Err(match millstream_common::options::nearest(name, &known) {
                    Some(near) => fault.help(format!("did you mean '{near}'?")),
                    None => fault,
                });
            }
        };
        let spec = self.window_spec(function, scope, at)?;
        let (list, distinct) = match &function.args {
            FunctionArguments::List(list) => (
                list.args.as_slice(),
                matches!(list.duplicate_treatment, Some(ast::DuplicateTreatment::Distinct)),
            ),
            _ => (&[][..], false),
        };
        let mut args = Vec::new();
        for arg in list {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => args.push(self.expr(e, scope)?),
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => args.push(Typed {
                    expr: lit(1_i64),
                    text: "1".into(),
                }),
                _ => {
                    return Err(Fault::new(
                        SqlErrorKind::Syntax,
                        at,
                        format!("this is no argument of {name}"),
                    ));
                }
            }
        }
        let mut treatment = function.null_treatment.map(nulls);
        if let FunctionArguments::List(list) = &function.args {
            for clause in &list.clauses {
                if let ast::FunctionArgumentClause::IgnoreOrRespectNulls(n) = clause {
                    treatment = Some(nulls(*n));
                }
            }
        }
        let shown = texts(&args);
        let treatment = null_flag(name, &mut args).or(treatment);
        let partition_by = spec
            .partition_by
            .iter()
            .map(|e| self.expr(e, scope))
            .collect::<Checked<Vec<_>>>()?;
        let mut order_by = Vec::new();
        let mut order_text = Vec::new();
        for item in &spec.order_by {
            let typed = self.expr(&item.expr, scope)?;
            let direction = if item.options.asc.unwrap_or(true) {
                "ASC"
            } else {
                "DESC"
            };
            let first = item.options.nulls_first.unwrap_or(item.options.asc.unwrap_or(true));
            order_text.push(format!(
                "{} {direction} NULLS {}",
                typed.text,
                if first { "FIRST" } else { "LAST" }
            ));
            order_by.push(super::query::sort(typed.expr, &item.options));
        }
        let ranks = matches!(&definition, WindowFunctionDefinition::WindowUDF(_));
        let window_frame = self.frame(&spec, &mut order_by, scope, at)?;
        let text = window_text(name, &shown, &partition_by, &order_text, &spec, ranks);
        let args = args.into_iter().map(|a| widened(a.expr)).collect();
        let mut raw = RawWindowExpr {
            func_def: definition,
            args,
            partition_by: partition_by.into_iter().map(|t| t.expr).collect(),
            order_by,
            window_frame,
            filter: function
                .filter
                .as_ref()
                .map(|f| self.condition(f, &scope.at(Place::Aggregate)).map(Box::new))
                .transpose()?,
            null_treatment: treatment,
            distinct,
        };
        for planner in self.state.expr_planners() {
            match planner.plan_window(raw).map_err(|e| engine_fault(&e, at))? {
                PlannerResult::Planned(expr) => return Ok(Typed { expr, text }),
                PlannerResult::Original(same) => raw = same,
            }
        }
        let RawWindowExpr {
            func_def: fun,
            args,
            partition_by,
            order_by,
            window_frame,
            filter,
            null_treatment,
            distinct,
        } = raw;
        let params = WindowFunctionParams {
            args,
            partition_by,
            order_by,
            window_frame,
            filter,
            null_treatment,
            distinct,
        };
        let expr = Expr::WindowFunction(Box::new(WindowFunction { fun, params }));
        // The engine numbers rows without a sign; Spark's are INT.
        let expr = match self.type_of(&expr, scope, at)? {
            DataType::UInt64 => datafusion::logical_expr::cast(expr, DataType::Int32),
            _ => expr,
        };
        Ok(Typed { expr, text })
    }

    /// The window's definition, with the named window it builds on.
    fn window_spec(&self, function: &ast::Function, scope: &Scope, at: Location) -> Checked<WindowSpec> {
        let named = |ident: &ast::Ident| {
            scope.windows.get(&ident.value.to_lowercase()).cloned().ok_or_else(|| {
                Fault::new(SqlErrorKind::Name, at, format!("no window '{}'", ident.value))
                    .help(format!("define it: WINDOW {} AS (...)", ident.value))
            })
        };
        match &function.over {
            Some(WindowType::NamedWindow(ident)) => named(ident),
            Some(WindowType::WindowSpec(spec)) => match &spec.window_name {
                None => Ok(spec.clone()),
                Some(ident) => {
                    let mut base = named(ident)?;
                    base.partition_by.extend(spec.partition_by.iter().cloned());
                    base.order_by.extend(spec.order_by.iter().cloned());
                    base.window_frame = spec.window_frame.clone().or(base.window_frame);
                    Ok(base)
                }
            },
            None => Err(Fault::new(SqlErrorKind::Syntax, at, "expected OVER (...)")),
        }
    }

    fn frame(
        &mut self,
        spec: &WindowSpec,
        order_by: &mut Vec<datafusion::logical_expr::SortExpr>,
        scope: &Scope,
        at: Location,
    ) -> Checked<WindowFrame> {
        let Some(frame) = &spec.window_frame else {
            if let [only] = order_by.as_slice()
                && self.type_of(&only.expr, scope, at)?.is_nested()
            {
                // Peers are found by comparing whole values: the same rows as with RANGE, which computes with them.
                let start = WindowFrameBound::Preceding(ScalarValue::UInt64(None));
                return Ok(WindowFrame::new_bounds(
                    WindowFrameUnits::Groups,
                    start,
                    WindowFrameBound::CurrentRow,
                ));
            }
            return Ok(WindowFrame::new((!order_by.is_empty()).then_some(false)));
        };
        let units = match frame.units {
            ast::WindowFrameUnits::Rows => WindowFrameUnits::Rows,
            ast::WindowFrameUnits::Range => WindowFrameUnits::Range,
            ast::WindowFrameUnits::Groups => WindowFrameUnits::Groups,
        };
        let mut bound = |bound: &ast::WindowFrameBound| -> Checked<WindowFrameBound> {
            let value = |planner: &mut Self, e: &Option<Box<ast::Expr>>| -> Checked<ScalarValue> {
                let Some(e) = e else {
                    return Ok(if units == WindowFrameUnits::Range {
                        ScalarValue::Null
                    } else {
                        ScalarValue::UInt64(None)
                    });
                };
                match planner.expr(e, scope)?.expr {
                    Expr::Literal(v, _) => match (units, i64::try_from(v.clone())) {
                        (WindowFrameUnits::Range, _) => Ok(v),
                        (_, Ok(n)) if n >= 0 => Ok(ScalarValue::UInt64(u64::try_from(n).ok())),
                        _ => Err(Fault::new(
                            SqlErrorKind::Type,
                            at,
                            "a frame's bound is a whole number, not below 0",
                        )),
                    },
                    _ => Err(Fault::new(SqlErrorKind::Type, at, "a frame's bound is a literal")),
                }
            };
            Ok(match bound {
                ast::WindowFrameBound::CurrentRow => WindowFrameBound::CurrentRow,
                ast::WindowFrameBound::Preceding(e) => WindowFrameBound::Preceding(value(self, e)?),
                ast::WindowFrameBound::Following(e) => WindowFrameBound::Following(value(self, e)?),
            })
        };
        let start = bound(&frame.start_bound)?;
        let end = frame
            .end_bound
            .as_ref()
            .map_or(Ok(WindowFrameBound::CurrentRow), &mut bound)?;
        let frame = WindowFrame::new_bounds(units, start, end);
        frame.regularize_order_bys(order_by).map_err(|e| engine_fault(&e, at))?;
        Ok(frame)
    }
}

/// The engine's window functions take BIGINT where Spark's take INT.
fn widened(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(ScalarValue::Int32(Some(n)), m) => Expr::Literal(ScalarValue::Int64(Some(i64::from(n))), m),
        other => other,
    }
}

fn window_text(
    name: &str,
    args: &str,
    partition_by: &[Typed],
    order_by: &[String],
    spec: &WindowSpec,
    ranks: bool,
) -> String {
    let mut parts = Vec::new();
    if !partition_by.is_empty() {
        parts.push(format!("PARTITION BY {}", texts(partition_by)));
    }
    if !order_by.is_empty() {
        parts.push(format!("ORDER BY {}", order_by.join(", ")));
    }
    let frame = match &spec.window_frame {
        Some(frame) => {
            let end = frame
                .end_bound
                .as_ref()
                .map_or("CURRENT ROW".to_owned(), ToString::to_string);
            format!("{} BETWEEN {} AND {end}", frame.units, frame.start_bound)
        }
        None if order_by.is_empty() => "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING".to_owned(),
        None if ranks => "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW".to_owned(),
        None => "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW".to_owned(),
    };
    parts.push(frame);
    format!("{name}({args}) OVER ({})", parts.join(" "))
}
