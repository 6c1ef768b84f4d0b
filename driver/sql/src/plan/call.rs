//! Function calls: scalar, aggregate and higher-order ones by name, and those that are syntax in disguise.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{AggregateFunction, HigherOrderFunction, Lambda, NullTreatment, ScalarFunction};
use datafusion::logical_expr::planner::{PlannerResult, RawAggregateExpr};
use datafusion::logical_expr::type_coercion::functions::value_fields_with_higher_order_udf;
use datafusion::logical_expr::{
    AggregateUDF, Expr, ExprSchemable, HigherOrderUDF, LambdaParametersProgress, ValueOrLambda, lit,
};
use millstream_common::options::nearest;
use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned};
use sqlparser::tokenizer::Location;

use super::generator::GENERATORS;
use super::scope::{Place, Scope, Typed};
use super::{Planner, engine_fault, place};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::interval;

/// The argument list of a call, taken apart.
struct Arguments<'a> {
    list: Vec<&'a FunctionArgExpr>,
    distinct: bool,
    order_by: Vec<&'a ast::OrderByExpr>,
    nulls: Option<NullTreatment>,
}

impl Planner<'_> {
    /// Plans a function call.
    pub(super) fn call(&mut self, function: &ast::Function, scope: &Scope) -> Checked<Typed> {
        let Some(ident) = function.name.0.last().and_then(|p| p.as_ident()) else {
            return Err(Fault::new(
                SqlErrorKind::Syntax,
                place(function.span()),
                "expected a function's name",
            ));
        };
        let (name, at) = (ident.value.to_lowercase(), place(ident.span));
        let arguments = arguments(function, at)?;
        if function.over.is_some() {
            return self.window_call(&name, function, scope, at);
        }
        if let Some(typed) = self.special_call(&name, &arguments, function, scope, at)? {
            return Ok(typed);
        }
        if let Some(udf) = self.higher_order(&name, &arguments) {
            return self.higher_order_call(&udf, &name, &arguments, scope, at);
        }
        if let Some(udf) = self.state.aggregate_functions().get(&name).cloned() {
            return self.aggregate_call(&udf, &name, function, &arguments, scope, at);
        }
        let args = self.arguments(&arguments, scope)?;
        if self.state.scalar_functions().contains_key(&name) {
            if arguments.distinct || function.filter.is_some() {
                let message = format!("{name} is no aggregate function: DISTINCT and FILTER do not fit");
                return Err(Fault::new(SqlErrorKind::Type, at, message));
            }
            let text = format!("{name}({})", texts(&args));
            let expr = self.scalar(&[&name], args.into_iter().map(|a| a.expr).collect(), scope, at)?;
            return Ok(Typed { expr, text });
        }
        if let (Some(to), [arg]) = (type_function(&name), args.as_slice()) {
            let text = format!(
                "CAST({} AS {})",
                arg.text,
                millstream_spark::type_name::spark_type(&to).to_uppercase()
            );
            return Ok(Typed {
                expr: datafusion::logical_expr::cast(arg.expr.clone(), to),
                text,
            });
        }
        if self.state.window_functions().contains_key(&name) {
            return Err(Fault::new(
                SqlErrorKind::Type,
                at,
                format!("{name} is a window function: it needs OVER (...)"),
            ));
        }
        Err(self.unknown_function(&name, at))
    }

    fn unknown_function(&self, name: &str, at: Location) -> Box<Fault> {
        let mut known: Vec<&str> = self.state.scalar_functions().keys().map(String::as_str).collect();
        known.extend(self.state.aggregate_functions().keys().map(String::as_str));
        known.extend(self.state.window_functions().keys().map(String::as_str));
        known.extend(GENERATORS);
        known.extend(["window", "struct", "named_struct", "transform", "filter", "exists"]);
        known.sort_unstable();
        let fault = Fault::new(SqlErrorKind::Name, at, format!("no function '{name}'"));
        match nearest(name, &known) {
            Some(near) => fault.help(format!("did you mean '{near}'?")),
            None => fault.help("functions are those of Spark SQL; this one is not known here"),
        }
    }

    /// A call of the first of `names` that exists.
    pub(super) fn scalar(&self, names: &[&str], args: Vec<Expr>, scope: &Scope, at: Location) -> Checked<Expr> {
        let Some(udf) = names.iter().find_map(|n| self.state.scalar_functions().get(*n)) else {
            return Err(self.unknown_function(names.first().copied().unwrap_or_default(), at));
        };
        let expr = Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(udf), args));
        // Wrong arguments show when the type is asked for: now, while the place is known.
        self.type_of(&expr, scope, at)
            .map_err(|f| wrong_arguments(f, udf.name()))?;
        Ok(expr)
    }

    fn arguments(&mut self, arguments: &Arguments<'_>, scope: &Scope) -> Checked<Vec<Typed>> {
        let mut out = Vec::with_capacity(arguments.list.len());
        for arg in &arguments.list {
            match arg {
                FunctionArgExpr::Expr(e) => {
                    let typed = self.expr(e, scope)?;
                    self.type_of(&typed.expr, scope, place(e.span()))?;
                    out.push(typed);
                }
                FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_) => out.extend(star(scope, None)),
                FunctionArgExpr::QualifiedWildcard(name) => out.extend(star(scope, Some(&name.to_string()))),
            }
        }
        Ok(out)
    }

    /// Calls that are no calls of a registered function.
    fn special_call(
        &mut self,
        name: &str,
        arguments: &Arguments<'_>,
        function: &ast::Function,
        scope: &Scope,
        at: Location,
    ) -> Checked<Option<Typed>> {
        if GENERATORS.contains(&name) {
            return Err(Fault::new(
                SqlErrorKind::Unsupported,
                at,
                format!("{name} makes rows: it can only be an item of the SELECT list of its own"),
            )
            .help(format!(
                "use it as: SELECT {name}(...) AS x, or FROM t LATERAL VIEW {name}(...) v AS x"
            )));
        }
        Ok(Some(match name {
            "window" => self.time_window(arguments.list.as_slice(), scope, at)?,
            "session_window" => {
                return Err(
                    Fault::new(SqlErrorKind::Unsupported, at, "session windows are not supported yet")
                        .help("use window(time, length [, slide])"),
                );
            }
            "struct" | "named_struct" if !arguments.list.is_empty() => {
                if name == "named_struct" {
                    let args = self.arguments(arguments, scope)?;
                    let text = format!("named_struct({})", texts(&args));
                    let expr = self.scalar(&["named_struct"], args.into_iter().map(|a| a.expr).collect(), scope, at)?;
                    Typed { expr, text }
                } else {
                    self.struct_call(arguments, scope, at)?
                }
            }
            "map" => {
                let args = self.arguments(arguments, scope)?;
                let text = format!("map({})", texts(&args));
                let mut exprs: Vec<Expr> = args.into_iter().map(|a| a.expr).collect();
                if exprs.len() % 2 != 0 {
                    return Err(Fault::new(
                        SqlErrorKind::Type,
                        at,
                        "map takes keys and values in turn: an even number of arguments",
                    ));
                }
                for planner in self.state.expr_planners() {
                    match planner.plan_make_map(exprs).map_err(|e| engine_fault(&e, at))? {
                        PlannerResult::Planned(expr) => return Ok(Some(Typed { expr, text })),
                        PlannerResult::Original(same) => exprs = same,
                    }
                }
                Typed {
                    expr: self.scalar(&["map"], exprs, scope, at)?,
                    text,
                }
            }
            "array" => {
                let args = self.arguments(arguments, scope)?;
                let text = format!("array({})", texts(&args));
                let exprs = args.into_iter().map(|a| a.expr).collect();
                Typed {
                    expr: self.scalar(&["array", "make_array"], exprs, scope, at)?,
                    text,
                }
            }
            "count" if function.over.is_none() => self.count(arguments, function, scope, at)?,
            "count_if" if !self.state.aggregate_functions().contains_key("count_if") => {
                let args = self.arguments(arguments, &scope.at(Place::Aggregate))?;
                let [arg] = args.as_slice() else {
                    return Err(Fault::new(SqlErrorKind::Type, at, "count_if takes one condition"));
                };
                let text = format!("count_if({})", arg.text);
                let expr = self.make_aggregate("count", vec![lit(1_i64)], false, Some(arg.expr.clone()), scope, at)?;
                Typed { expr, text }
            }
            _ => return Ok(None),
        }))
    }

    /// `count(*)`, `count(a, b)`, `count(DISTINCT a, b)`: rows in which none of the arguments is NULL.
    fn count(
        &mut self,
        arguments: &Arguments<'_>,
        function: &ast::Function,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        let filter = self.filter(function, scope)?;
        let inner = scope.at(Place::Aggregate);
        let star = matches!(arguments.list.as_slice(), [FunctionArgExpr::Wildcard]);
        if star && !arguments.distinct {
            let expr = self.make_aggregate("count", vec![lit(1_i64)], false, filter, scope, at)?;
            return Ok(Typed {
                expr,
                text: with_filter("count(1)".into(), function, self, scope)?,
            });
        }
        let args = self.arguments(arguments, &inner)?;
        let word = if arguments.distinct { "DISTINCT " } else { "" };
        let text = with_filter(format!("count({word}{})", texts(&args)), function, self, scope)?;
        let exprs: Vec<Expr> = args.iter().map(|a| a.expr.clone()).collect();
        let expr = match exprs.as_slice() {
            [] => {
                return Err(Fault::new(SqlErrorKind::Type, at, "count takes at least one argument")
                    .help("count(*) counts rows"));
            }
            [one] => self.make_aggregate("count", vec![one.clone()], arguments.distinct, filter, scope, at)?,
            many => {
                let all = many
                    .iter()
                    .map(|e| e.clone().is_not_null())
                    .reduce(Expr::and)
                    .unwrap_or_else(|| lit(true));
                let filter = Some(match filter {
                    Some(filter) => filter.and(all),
                    None => all,
                });
                let counted = if arguments.distinct {
                    let fields = many
                        .iter()
                        .enumerate()
                        .flat_map(|(i, e)| [lit(format!("c{i}")), e.clone()])
                        .collect();
                    self.scalar(&["named_struct"], fields, &inner, at)?
                } else {
                    lit(1_i64)
                };
                self.make_aggregate("count", vec![counted], arguments.distinct, filter, scope, at)?
            }
        };
        Ok(Typed { expr, text })
    }

    fn make_aggregate(
        &self,
        name: &str,
        args: Vec<Expr>,
        distinct: bool,
        filter: Option<Expr>,
        scope: &Scope,
        at: Location,
    ) -> Checked<Expr> {
        self.check_aggregate_place(name, scope, at)?;
        let Some(udf) = self.state.aggregate_functions().get(name).cloned() else {
            return Err(self.unknown_function(name, at));
        };
        Ok(Expr::AggregateFunction(AggregateFunction::new_udf(
            udf,
            args,
            distinct,
            filter.map(Box::new),
            vec![],
            None,
        )))
    }

    fn check_aggregate_place(&self, name: &str, scope: &Scope, at: Location) -> Checked<()> {
        if scope.place.allows_aggregates() {
            return Ok(());
        }
        let fault = Fault::new(
            SqlErrorKind::Type,
            at,
            format!(
                "{name} is an aggregate function: it cannot stand in {}",
                scope.place.name()
            ),
        );
        Err(match scope.place {
            Place::Where => fault.help("conditions on aggregates go into HAVING"),
            Place::Aggregate => fault.help("aggregate in a subquery first, then over its result"),
            _ => fault,
        })
    }

    fn filter(&mut self, function: &ast::Function, scope: &Scope) -> Checked<Option<Expr>> {
        function
            .filter
            .as_ref()
            .map(|f| self.condition(f, &scope.at(Place::Aggregate)))
            .transpose()
    }

    fn aggregate_call(
        &mut self,
        udf: &Arc<AggregateUDF>,
        name: &str,
        function: &ast::Function,
        arguments: &Arguments<'_>,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        self.check_aggregate_place(name, scope, at)?;
        let inner = scope.at(Place::Aggregate);
        let mut args = self.arguments(arguments, &inner)?;
        let word = if arguments.distinct { "DISTINCT " } else { "" };
        let mut text = format!("{name}({word}{})", texts(&args));
        let nulls = null_flag(name, &mut args).or(arguments.nulls);
        let filter = self.filter(function, scope)?;
        text = with_filter(text, function, self, scope)?;
        let mut order_by = Vec::new();
        for item in arguments.order_by.iter().copied().chain(&function.within_group) {
            let expr = self.expr(&item.expr, &inner)?.expr;
            order_by.push(super::query::sort(expr, &item.options));
        }
        let mut exprs: Vec<Expr> = args.into_iter().map(|a| a.expr).collect();
        if !function.within_group.is_empty() {
            // Ordered-set aggregates take what is ordered as their first argument.
            exprs = order_by.iter().map(|s| s.expr.clone()).chain(exprs).collect();
        }
        let mut raw = RawAggregateExpr {
            func: Arc::clone(udf),
            args: exprs,
            distinct: arguments.distinct,
            filter: filter.map(Box::new),
            order_by,
            null_treatment: nulls,
        };
        for planner in self.state.expr_planners() {
            match planner.plan_aggregate(raw).map_err(|e| engine_fault(&e, at))? {
                PlannerResult::Planned(expr) => return Ok(Typed { expr, text }),
                PlannerResult::Original(same) => raw = same,
            }
        }
        let RawAggregateExpr {
            func,
            args,
            distinct,
            filter,
            order_by,
            null_treatment,
        } = raw;
        let expr = Expr::AggregateFunction(AggregateFunction::new_udf(
            func,
            args,
            distinct,
            filter,
            order_by,
            null_treatment,
        ));
        self.type_of(&expr, scope, at).map_err(|f| wrong_arguments(f, name))?;
        Ok(Typed { expr, text })
    }

    /// `struct(a, t.b, x + 1 AS c, *)`: fields are called as columns are, col1, col2, ... where there is no name.
    fn struct_call(&mut self, arguments: &Arguments<'_>, scope: &Scope, at: Location) -> Checked<Typed> {
        let mut fields = Vec::new();
        let mut shown = Vec::new();
        for arg in &arguments.list {
            match arg {
                FunctionArgExpr::Expr(e) => {
                    let typed = self.expr(e, scope)?;
                    let name = match e {
                        ast::Expr::Identifier(i) => i.value.clone(),
                        ast::Expr::CompoundIdentifier(parts) => {
                            parts.last().map(|i| i.value.clone()).unwrap_or_default()
                        }
                        ast::Expr::Named { name, .. } => name.value.clone(),
                        _ => format!("col{}", fields.len() / 2 + 1),
                    };
                    shown.push(typed.text.clone());
                    fields.extend([lit(name), typed.expr]);
                }
                FunctionArgExpr::QualifiedWildcard(_)
                | FunctionArgExpr::Wildcard
                | FunctionArgExpr::WildcardWithOptions(_) => {
                    let relation = match arg {
                        FunctionArgExpr::QualifiedWildcard(name) => Some(name.to_string()),
                        _ => None,
                    };
                    for typed in star(scope, relation.as_deref()) {
                        shown.push(typed.text.clone());
                        fields.extend([lit(typed.text), typed.expr]);
                    }
                }
            }
        }
        let expr = self.scalar(&["named_struct"], fields, scope, at)?;
        Ok(Typed {
            expr,
            text: format!("struct({})", shown.join(", ")),
        })
    }

    pub(super) fn struct_of(&mut self, items: &[ast::Expr], scope: &Scope, at: Location) -> Checked<Typed> {
        let mut fields = Vec::new();
        let mut shown = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let typed = self.expr(item, scope)?;
            shown.push(typed.text);
            let name = match item {
                ast::Expr::Named { name, .. } => name.value.clone(),
                ast::Expr::Identifier(ident) => ident.value.clone(),
                ast::Expr::CompoundIdentifier(parts) => parts.last().map(|p| p.value.clone()).unwrap_or_default(),
                _ => format!("col{}", i + 1),
            };
            fields.extend([lit(name), typed.expr]);
        }
        let expr = self.scalar(&["named_struct"], fields, scope, at)?;
        Ok(Typed {
            expr,
            text: format!("struct({})", shown.join(", ")),
        })
    }

    /// `window(time, length [, slide [, start]])`; checked here, where the place is known.
    fn time_window(&mut self, list: &[&FunctionArgExpr], scope: &Scope, at: Location) -> Checked<Typed> {
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

    fn length(
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
            Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(i)), _) => {
                let value = interval::Interval {
                    months: i.months,
                    days: i.days,
                    micros: i.nanoseconds / 1000,
                };
                value
                    .fixed_us()
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

    /// Spark's name or the engine's for a function that takes lambdas.
    fn higher_order(&self, name: &str, arguments: &Arguments<'_>) -> Option<Arc<HigherOrderUDF>> {
        let functions = self.state.higher_order_functions();
        if let Some(udf) = functions.get(name) {
            return Some(Arc::clone(udf));
        }
        let lambda = arguments
            .list
            .iter()
            .any(|a| matches!(a, FunctionArgExpr::Expr(ast::Expr::Lambda(_))));
        let engine = match name {
            "transform" => "array_transform",
            "filter" => "array_filter",
            "exists" => "array_any_match",
            _ => return None,
        };
        functions.get(engine).filter(|_| lambda).map(Arc::clone)
    }

    /// Arguments that are values come first: their types say what the lambdas' parameters are.
    fn higher_order_call(
        &mut self,
        udf: &Arc<HigherOrderUDF>,
        name: &str,
        arguments: &Arguments<'_>,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        enum Argument<'a> {
            Value(Typed),
            Lambda(&'a ast::LambdaFunction),
        }
        let fail = |e: datafusion::error::DataFusionError| wrong_arguments(engine_fault(&e, at), name);
        let mut planned = Vec::new();
        for arg in &arguments.list {
            match arg {
                FunctionArgExpr::Expr(ast::Expr::Lambda(lambda)) => planned.push(Argument::Lambda(lambda)),
                FunctionArgExpr::Expr(e) => planned.push(Argument::Value(self.expr(e, scope)?)),
                _ => {
                    return Err(Fault::new(
                        SqlErrorKind::Syntax,
                        at,
                        format!("'*' is no argument of {name}"),
                    ));
                }
            }
        }
        let fields = planned
            .iter()
            .map(|a| match a {
                Argument::Value(typed) => typed
                    .expr
                    .to_field(scope.schema.as_ref())
                    .map(|(_, f)| ValueOrLambda::Value(f))
                    .map_err(fail),
                Argument::Lambda(_) => Ok(ValueOrLambda::Lambda(())),
            })
            .collect::<Checked<Vec<_>>>()?;
        let mut fields: Vec<ValueOrLambda<FieldRef, Option<FieldRef>>> =
            value_fields_with_higher_order_udf(&fields, udf.as_ref())
                .map_err(fail)?
                .into_iter()
                .map(|f| match f {
                    ValueOrLambda::Value(value) => ValueOrLambda::Value(value),
                    ValueOrLambda::Lambda(()) => ValueOrLambda::Lambda(None),
                })
                .collect();
        let limit = udf.signature().lambda_parameters_max_iterations;
        for step in 0..=limit {
            let (parameters, done): (Vec<Option<Vec<FieldRef>>>, bool) = match udf
                .lambda_parameters(step, &fields)
                .map_err(fail)?
            {
                LambdaParametersProgress::Partial(parameters) => (parameters, false),
                LambdaParametersProgress::Complete(parameters) => (parameters.into_iter().map(Some).collect(), true),
            };
            let mut parameters = parameters.into_iter();
            let mut exprs = Vec::with_capacity(planned.len());
            let mut shown = Vec::with_capacity(planned.len());
            for (argument, field) in planned.iter().zip(&mut fields) {
                match argument {
                    Argument::Value(typed) => {
                        exprs.push(typed.expr.clone());
                        shown.push(typed.text.clone());
                    }
                    Argument::Lambda(lambda) => {
                        let Some(parameters) = parameters.next() else {
                            return Err(Fault::new(
                                SqlErrorKind::Type,
                                at,
                                format!("{name} does not take that many lambda functions"),
                            ));
                        };
                        let Some(parameters) = parameters else { continue };
                        let (planned, text, of) = self.lambda(lambda, &parameters, scope, at)?;
                        *field = ValueOrLambda::Lambda(Some(of));
                        exprs.push(Expr::Lambda(planned));
                        shown.push(text);
                    }
                }
            }
            if done {
                let expr = Expr::HigherOrderFunction(HigherOrderFunction::new(Arc::clone(udf), exprs));
                self.type_of(&expr, scope, at).map_err(|f| wrong_arguments(f, name))?;
                return Ok(Typed {
                    expr,
                    text: format!("{name}({})", shown.join(", ")),
                });
            }
        }
        Err(Fault::new(
            SqlErrorKind::Type,
            at,
            format!("the types of {name}'s lambda functions cannot be found"),
        ))
    }

    fn lambda(
        &mut self,
        lambda: &ast::LambdaFunction,
        parameters: &[FieldRef],
        scope: &Scope,
        at: Location,
    ) -> Checked<(Lambda, String, FieldRef)> {
        let names: Vec<String> = lambda.params.iter().map(|p| p.name.value.clone()).collect();
        if names.len() > parameters.len() {
            let message = format!(
                "the lambda function has {} parameters, it is given {}",
                names.len(),
                parameters.len()
            );
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        }
        let mut inner = scope.clone();
        for (name, field) in names.iter().zip(parameters) {
            inner
                .lambda
                .push((name.clone(), Arc::new(field.as_ref().clone().with_name(name))));
        }
        let body = self.expr(&lambda.body, &inner)?;
        let (_, field) = body
            .expr
            .to_field(scope.schema.as_ref())
            .map_err(|e| engine_fault(&e, at))?;
        let variables = vec!["namedlambdavariable()"; names.len()].join(", ");
        let text = format!("lambdafunction({}, {variables})", body.text);
        Ok((Lambda::new(names, body.expr), text, field))
    }

    /// The field `name` of every struct in an array.
    pub(super) fn field_of_each(
        &mut self,
        array: Expr,
        element: &DataType,
        name: &str,
        scope: &Scope,
        at: Location,
    ) -> Checked<Expr> {
        let Some(udf) = self.state.higher_order_functions().get("array_transform").cloned() else {
            return Err(Fault::new(
                SqlErrorKind::Unsupported,
                at,
                "a field of an array of structs is not supported",
            )
            .help("use transform(array, x -> x.field)"));
        };
        let variable = Arc::new(arrow::datatypes::Field::new("x", element.clone(), true));
        let mut inner = scope.clone();
        inner.lambda.push(("x".into(), Arc::clone(&variable)));
        let x = Expr::LambdaVariable(datafusion::logical_expr::expr::LambdaVariable::new(
            "x".into(),
            Some(variable),
        ));
        let body = self.field(
            Typed {
                expr: x,
                text: "x".into(),
            },
            name,
            &inner,
            at,
        )?;
        let args = vec![array, Expr::Lambda(Lambda::new(vec!["x".into()], body.expr))];
        Ok(Expr::HigherOrderFunction(HigherOrderFunction::new(udf, args)))
    }
}

fn arguments<'a>(function: &'a ast::Function, at: Location) -> Checked<Arguments<'a>> {
    let mut out = Arguments {
        list: Vec::new(),
        distinct: false,
        order_by: Vec::new(),
        nulls: function.null_treatment.map(nulls),
    };
    let list = match &function.args {
        FunctionArguments::None => return Ok(out),
        FunctionArguments::Subquery(_) => {
            return Err(Fault::new(
                SqlErrorKind::Syntax,
                at,
                "a subquery needs parentheses of its own here",
            ));
        }
        FunctionArguments::List(list) => list,
    };
    out.distinct = matches!(list.duplicate_treatment, Some(ast::DuplicateTreatment::Distinct));
    for arg in &list.args {
        match arg {
            FunctionArg::Unnamed(e) => out.list.push(e),
            FunctionArg::Named { name, .. } => {
                return Err(Fault::new(
                    SqlErrorKind::Unsupported,
                    place(name.span),
                    "arguments by name are not supported",
                )
                .help("give them in order"));
            }
            FunctionArg::ExprNamed { .. } => {
                return Err(Fault::new(
                    SqlErrorKind::Unsupported,
                    at,
                    "arguments by name are not supported",
                ));
            }
        }
    }
    for clause in &list.clauses {
        match clause {
            ast::FunctionArgumentClause::IgnoreOrRespectNulls(n) => out.nulls = Some(nulls(*n)),
            ast::FunctionArgumentClause::OrderBy(order) => out.order_by.extend(order),
            _ => {
                return Err(Fault::new(
                    SqlErrorKind::Unsupported,
                    at,
                    "this clause within a function's arguments is not Spark SQL",
                ));
            }
        }
    }
    Ok(out)
}

pub(super) fn nulls(treatment: ast::NullTreatment) -> NullTreatment {
    match treatment {
        ast::NullTreatment::IgnoreNulls => NullTreatment::IgnoreNulls,
        ast::NullTreatment::RespectNulls => NullTreatment::RespectNulls,
    }
}

/// `first(x, true)` is `first(x) IGNORE NULLS`.
pub(super) fn null_flag(name: &str, args: &mut Vec<Typed>) -> Option<NullTreatment> {
    if !["first", "last", "first_value", "last_value", "any_value"].contains(&name) || args.len() != 2 {
        return None;
    }
    let Expr::Literal(ScalarValue::Boolean(Some(ignore)), _) = &args[1].expr else {
        return None;
    };
    let ignore = *ignore;
    args.pop();
    Some(if ignore {
        NullTreatment::IgnoreNulls
    } else {
        NullTreatment::RespectNulls
    })
}

pub(super) fn texts(args: &[Typed]) -> String {
    args.iter().map(|a| a.text.as_str()).collect::<Vec<_>>().join(", ")
}

fn with_filter(text: String, function: &ast::Function, planner: &mut Planner<'_>, scope: &Scope) -> Checked<String> {
    match &function.filter {
        None => Ok(text),
        Some(filter) => {
            let filter = planner.expr(filter, &scope.at(Place::Aggregate))?.text;
            Ok(format!("{text} FILTER (WHERE {filter})"))
        }
    }
}

fn star(scope: &Scope, relation: Option<&str>) -> Vec<Typed> {
    scope
        .star(relation)
        .into_iter()
        .map(|c| Typed {
            expr: c.expr.clone(),
            text: c.name.clone(),
        })
        .collect()
}

/// Types whose name is a function: `int('12')`.
fn type_function(name: &str) -> Option<DataType> {
    let known = [
        "boolean",
        "tinyint",
        "smallint",
        "int",
        "bigint",
        "float",
        "double",
        "decimal",
        "date",
        "timestamp",
        "binary",
        "string",
    ];
    known
        .contains(&name)
        .then(|| millstream_spark::ddl::parse_type(name).ok())
        .flatten()
}

/// Names the function in a message about its arguments.
fn wrong_arguments(mut fault: Box<Fault>, name: &str) -> Box<Fault> {
    if !fault.message.to_lowercase().contains(&name.to_lowercase()) {
        fault.message = format!("{name}: {}", fault.message);
    }
    fault
}
