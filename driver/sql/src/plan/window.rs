//! `function(...) OVER (...)`.

mod frame;

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{NullTreatment, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::planner::{PlannerResult, RawWindowExpr};
use datafusion::logical_expr::{
    Expr, SortExpr, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition, lit, when,
};
use millstream_spark::types::has_map;
use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, FunctionArguments, WindowSpec, WindowType};
use sqlparser::tokenizer::Location;

use super::call::{null_flag, nulls, shown_call, texts};
use super::scope::{Place, Scope, Typed};
use super::select::no_map_here;
use super::{Planner, engine_fault};
use crate::error::{Checked, Fault, SqlErrorKind};

/// A window's keys and order, planned, with what is shown of it.
#[derive(Clone)]
struct Over {
    partition_by: Vec<Typed>,
    order_by: Vec<SortExpr>,
    order_text: Vec<String>,
    frame: WindowFrame,
    frame_text: String,
}

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
        let definition = self.window_function(name, at)?;
        let spec = self.window_spec(function, scope, at)?;
        refuse_in_window(name, function, &spec, at)?;
        let (mut args, shown) = self.window_args(name, function, scope, at)?;
        let mut treatment = function.null_treatment.map(nulls);
        if let FunctionArguments::List(list) = &function.args {
            for clause in &list.clauses {
                if let ast::FunctionArgumentClause::IgnoreOrRespectNulls(n) = clause {
                    treatment = Some(nulls(*n));
                }
            }
        }
        let skips = [
            "first",
            "first_value",
            "last",
            "last_value",
            "any_value",
            "nth_value",
            "lag",
            "lead",
        ];
        if treatment == Some(NullTreatment::IgnoreNulls) && !skips.contains(&name) {
            let message = format!("{name} does not take IGNORE NULLS");
            return Err(Fault::new(SqlErrorKind::Type, at, message).help(format!("these do: {}", skips.join(", "))));
        }
        let shown = match (name, treatment) {
            ("first_value" | "last_value", Some(NullTreatment::IgnoreNulls)) => {
                let first_name = name.trim_end_matches("_value");
                shown.replacen(name, first_name, 1)
            }
            _ => shown,
        };
        let treatment = null_flag(name, &mut args).or(treatment);
        let (exprs, shown) = if function.within_group.is_empty() {
            (args.iter().map(|a| a.expr.clone()).collect(), shown)
        } else {
            self.ordered_set(name, &args, function, scope, at)?
        };
        let (settled, exprs) = self.settled(name, exprs, scope, at)?;
        let definition = match self.state.aggregate_functions().get(&settled) {
            Some(udf) if settled != name => WindowFunctionDefinition::AggregateUDF(Arc::clone(udf)),
            _ => definition,
        };
        if name == "nth_value"
            && let Some(n) = args.get(1)
            && self.whole_number(&n.expr).is_some_and(|n| n < 1)
        {
            let message = format!("nth_value counts rows from 1, {} is below that", n.text);
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        }
        let inner = scope.at(Place::Window);
        let over = self.window_over(name, &args, &spec, &inner, at)?;
        let ignoring = if name == "nth_value" && treatment == Some(NullTreatment::IgnoreNulls) {
            " ignore nulls"
        } else {
            ""
        };
        let text = format!("{shown}{ignoring} OVER ({})", over.text());
        let mut args: Vec<Expr> = exprs.into_iter().map(widened).collect();
        // The engine takes nothing but a constant for a missing row.
        let computed = match (name, args.get(2)) {
            ("lag" | "lead", Some(default)) if !matches!(default, Expr::Literal(..)) => args.pop(),
            _ => None,
        };
        let expr = match computed {
            Some(default) => self.or_computed(&definition, args, default, &over, treatment, at)?,
            None => self.planned_window(definition, args, over, treatment, at)?,
        };
        // The engine numbers rows without a sign; Spark's are INT.
        let expr = match self.type_of(&expr, scope, at)? {
            DataType::UInt64 if name == "regr_count" => datafusion::logical_expr::cast(expr, DataType::Int64),
            DataType::UInt64 => datafusion::logical_expr::cast(expr, DataType::Int32),
            _ => expr,
        };
        Ok(Typed { expr, text })
    }

    fn window_function(&self, name: &str, at: Location) -> Checked<WindowFunctionDefinition> {
        match (
            self.state.window_functions().get(name),
            self.state.aggregate_functions().get(name),
        ) {
            (Some(udf), _) => Ok(WindowFunctionDefinition::WindowUDF(Arc::clone(udf))),
            (None, Some(udf)) => Ok(WindowFunctionDefinition::AggregateUDF(Arc::clone(udf))),
            (None, None) if self.state.scalar_functions().contains_key(name) => {
                let message = format!("{name} is neither an aggregate nor a window function: OVER (...) does not fit");
                Err(Fault::new(SqlErrorKind::Type, at, message))
            }
            (None, None) => {
                let known: Vec<&str> = self.state.window_functions().keys().map(String::as_str).collect();
                let fault = Fault::new(SqlErrorKind::Name, at, format!("no window function '{name}'"));
                Err(match millstream_common::options::nearest(name, &known) {
                    Some(near) => fault.help(format!("did you mean '{near}'?")),
                    None => fault,
                })
            }
        }
    }

    /// The arguments, those that are implied as well, and the call as Spark shows it.
    fn window_args(
        &mut self,
        name: &str,
        function: &ast::Function,
        scope: &Scope,
        at: Location,
    ) -> Checked<(Vec<Typed>, String)> {
        let list = match &function.args {
            FunctionArguments::List(list) => list.args.as_slice(),
            _ => &[],
        };
        let inner = Scope {
            place: Place::Window,
            ..scope.clone()
        };
        let mut args = Vec::new();
        for arg in list {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => args.push(self.expr(e, &inner)?),
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
        let of = |scalar: ScalarValue, text: &str| Typed {
            expr: Expr::Literal(scalar, None),
            text: text.to_owned(),
        };
        match name {
            "lag" | "lead" => {
                if args.len() == 1 {
                    args.push(of(ScalarValue::Int32(Some(1)), "1"));
                }
                let shown = match args.len() {
                    2 => format!("{name}({}, NULL)", texts(&args)),
                    _ => format!("{name}({})", texts(&args)),
                };
                self.check_offset(name, &mut args, scope, at)?;
                return Ok((args, shown));
            }
            "ntile" if args.is_empty() => args.push(of(ScalarValue::Int32(Some(1)), "1")),
            _ => {}
        }
        let mut shown_args = args.clone();
        null_flag(name, &mut shown_args);
        let shown = shown_call(name, &shown_args);
        Ok((args, shown))
    }

    /// The distance of lag and lead is a constant, and what stands in for a missing row has the value's type.
    fn check_offset(&mut self, name: &str, args: &mut [Typed], scope: &Scope, at: Location) -> Checked<()> {
        if let Some(offset) = args.get_mut(1) {
            let Some(n) = self.whole_number(&offset.expr) else {
                let message = format!("the distance of {name} is a whole number, {} is none", offset.text);
                return Err(Fault::new(SqlErrorKind::Type, at, message));
            };
            offset.expr = lit(n);
        }
        if let [value, _, default] = args {
            let (of, to) = (
                self.type_of(&default.expr, scope, at)?,
                self.type_of(&value.expr, scope, at)?,
            );
            if of != to {
                let cast = datafusion::logical_expr::cast(default.expr.clone(), to);
                default.expr = self.folded(cast);
            }
        }
        Ok(())
    }

    /// The value of a constant whole number.
    pub(super) fn whole_number(&self, expr: &Expr) -> Option<i64> {
        match self.folded(expr.clone()) {
            Expr::Literal(ScalarValue::Int8(Some(n)), _) => Some(n.into()),
            Expr::Literal(ScalarValue::Int16(Some(n)), _) => Some(n.into()),
            Expr::Literal(ScalarValue::Int32(Some(n)), _) => Some(n.into()),
            Expr::Literal(ScalarValue::Int64(Some(n)), _) => Some(n),
            _ => None,
        }
    }

    /// Keys, order and frame.
    fn window_over(
        &mut self,
        name: &str,
        args: &[Typed],
        spec: &WindowSpec,
        scope: &Scope,
        at: Location,
    ) -> Checked<Over> {
        let partition_by = spec
            .partition_by
            .iter()
            .map(|e| {
                let Typed { expr, text } = self.expr(e, scope)?;
                let expr = self.one_zero(expr, scope, at)?;
                Ok(Typed { expr, text })
            })
            .collect::<Checked<Vec<_>>>()?;
        for key in &partition_by {
            if has_map(&self.type_of(&key.expr, scope, at)?) {
                return Err(no_map_here("PARTITION BY", &key.text, at));
            }
        }
        let mut order_by = Vec::new();
        let mut order_text = Vec::new();
        for item in &spec.order_by {
            let typed = self.expr(&item.expr, scope)?;
            if has_map(&self.type_of(&typed.expr, scope, at)?) {
                return Err(no_map_here("ORDER BY", &typed.text, at));
            }
            let ascending = item.options.asc.unwrap_or(true);
            let direction = if ascending { "ASC" } else { "DESC" };
            let nulls = match item.options.nulls_first.unwrap_or(ascending) {
                true => "FIRST",
                false => "LAST",
            };
            order_text.push(format!("{} {direction} NULLS {nulls}", typed.text));
            order_by.push(super::query::sort(self.one_zero(typed.expr, scope, at)?, &item.options));
        }
        let (frame, frame_text) = match &spec.window_frame {
            Some(frame) => self.frame(frame, &mut order_by, scope, at)?,
            None => self.default_frame(name, args, &order_by, scope, at)?,
        };
        Ok(Over {
            partition_by,
            order_by,
            order_text,
            frame,
            frame_text,
        })
    }

    fn default_frame(
        &mut self,
        name: &str,
        args: &[Typed],
        order_by: &[SortExpr],
        scope: &Scope,
        at: Location,
    ) -> Checked<(WindowFrame, String)> {
        let text = match name {
            "lag" | "lead" => {
                let offset = args.get(1).and_then(|a| self.whole_number(&a.expr)).unwrap_or(1);
                let offset = if name == "lag" { -offset } else { offset };
                format!("ROWS BETWEEN {offset} FOLLOWING AND {offset} FOLLOWING")
            }
            "row_number" | "rank" | "dense_rank" | "percent_rank" | "ntile" => {
                "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW".to_owned()
            }
            _ if order_by.is_empty() => "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING".to_owned(),
            _ => "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW".to_owned(),
        };
        if let [only] = order_by
            && self.type_of(&only.expr, scope, at)?.is_nested()
        {
            // Peers are found by comparing whole values: the same rows as with RANGE, which computes with them.
            let start = WindowFrameBound::Preceding(ScalarValue::UInt64(None));
            let frame = WindowFrame::new_bounds(WindowFrameUnits::Groups, start, WindowFrameBound::CurrentRow);
            return Ok((frame, text));
        }
        Ok((WindowFrame::new((!order_by.is_empty()).then_some(false)), text))
    }

    fn planned_window(
        &self,
        definition: WindowFunctionDefinition,
        args: Vec<Expr>,
        over: Over,
        null_treatment: Option<NullTreatment>,
        at: Location,
    ) -> Checked<Expr> {
        let mut raw = RawWindowExpr {
            func_def: definition,
            args,
            partition_by: over.partition_by.into_iter().map(|t| t.expr).collect(),
            order_by: over.order_by,
            window_frame: over.frame,
            filter: None,
            null_treatment,
            distinct: false,
        };
        for planner in self.state.expr_planners() {
            match planner.plan_window(raw).map_err(|e| engine_fault(&e, at))? {
                PlannerResult::Planned(expr) => return Ok(expr),
                PlannerResult::Original(same) => raw = same,
            }
        }
        let params = WindowFunctionParams {
            args: raw.args,
            partition_by: raw.partition_by,
            order_by: raw.order_by,
            window_frame: raw.window_frame,
            filter: raw.filter,
            null_treatment: raw.null_treatment,
            distinct: raw.distinct,
        };
        Ok(Expr::WindowFunction(Box::new(WindowFunction {
            fun: raw.func_def,
            params,
        })))
    }

    /// lag and lead of `args` with what is computed from this row for a row that is missing.
    fn or_computed(
        &self,
        definition: &WindowFunctionDefinition,
        args: Vec<Expr>,
        default: Expr,
        over: &Over,
        treatment: Option<NullTreatment>,
        at: Location,
    ) -> Checked<Expr> {
        // A row is there when its constant is; where NULLs are passed over, the value itself says it.
        let there = match treatment {
            Some(NullTreatment::IgnoreNulls) => args.clone(),
            _ => [lit(true)].into_iter().chain(args.iter().skip(1).cloned()).collect(),
        };
        let there = self.planned_window(definition.clone(), there, over.clone(), treatment, at)?;
        let value = self.planned_window(definition.clone(), args, over.clone(), treatment, at)?;
        when(there.is_not_null(), value)
            .otherwise(default)
            .map_err(|e| engine_fault(&e, at))
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
                    let alone = spec.partition_by.is_empty() && spec.order_by.is_empty() && spec.window_frame.is_none();
                    if !alone {
                        let message = "a named window cannot be added to";
                        return Err(Fault::new(SqlErrorKind::Syntax, at, message)
                            .help("write the whole window in OVER (...) or in WINDOW"));
                    }
                    named(ident)
                }
            },
            None => Err(Fault::new(SqlErrorKind::Syntax, at, "expected OVER (...)")),
        }
    }
}

impl Over {
    fn text(&self) -> String {
        let mut parts = Vec::new();
        if !self.partition_by.is_empty() {
            parts.push(format!("PARTITION BY {}", texts(&self.partition_by)));
        }
        if !self.order_text.is_empty() {
            parts.push(format!("ORDER BY {}", self.order_text.join(", ")));
        }
        parts.push(self.frame_text.clone());
        parts.join(" ")
    }
}

/// Functions that number rows, and so need an order.
const ORDERED: [&str; 8] = [
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "ntile",
    "lag",
    "lead",
];

/// Refuses what a window function cannot have.
fn refuse_in_window(name: &str, function: &ast::Function, spec: &WindowSpec, at: Location) -> Checked<()> {
    let fault = |message: String| Err(Fault::new(SqlErrorKind::Unsupported, at, message));
    let distinct = match &function.args {
        FunctionArguments::List(list) => matches!(list.duplicate_treatment, Some(ast::DuplicateTreatment::Distinct)),
        _ => false,
    };
    if distinct {
        return fault(format!("{name}(DISTINCT ...) cannot be computed over a window"));
    }
    if function.filter.is_some() {
        return fault("FILTER is not possible for a function over a window".to_owned());
    }
    if ORDERED.contains(&name) && spec.order_by.is_empty() {
        return fault(format!("{name} needs an ORDER BY in its window"));
    }
    if ORDERED.contains(&name) && spec.window_frame.is_some() {
        return fault(format!("{name} has a frame of its own, no other can be given"));
    }
    Ok(())
}

/// The engine's window functions take BIGINT where Spark's take INT.
fn widened(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(ScalarValue::Int32(Some(n)), m) => Expr::Literal(ScalarValue::Int64(Some(i64::from(n))), m),
        other => other,
    }
}
