//! Aggregate functions: DISTINCT, FILTER, ORDER BY, and the forms of count.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::expr::{AggregateFunction, Case, NullTreatment};
use datafusion::logical_expr::planner::{PlannerResult, RawAggregateExpr};
use datafusion::logical_expr::{AggregateUDF, Expr, lit};
use millstream_spark::types::{has_map, is_interval};
use sqlparser::ast::{self, FunctionArgExpr};
use sqlparser::tokenizer::Location;

use super::arguments::{Arguments, null_flag, texts};
use super::rules::check_varying;
use super::shown::aggregate_text;
use super::wrong_arguments;
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::scope::{Place, Scope, Typed};
use crate::plan::select::no_map_here;
use crate::plan::{Planner, engine_fault};

/// The argument of a grouping function that stands for all keys.
pub(in crate::plan) const ALL_KEYS: &str = "__all_keys";

/// `grouping_id()` by its older name, without parentheses.
pub(in crate::plan) const GROUPING_ID: &str = "grouping__id";

/// What is shown of `grouping_id()`.
pub(in crate::plan) const ALL_GROUPING: &str = "grouping_id()";

impl Planner<'_> {
    /// `count(*)`, `count(a, b)`, `count(DISTINCT a, b)`: rows in which none of the arguments is NULL.
    pub(super) fn count(
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
        if let [FunctionArgExpr::QualifiedWildcard(of)] = arguments.list.as_slice() {
            return Err(
                Fault::new(SqlErrorKind::Syntax, at, format!("count({of}.*) is not possible"))
                    .help("count(*) counts rows; list the columns that must not be NULL"),
            );
        }
        let args = self.arguments(arguments, &inner)?;
        if arguments.distinct {
            self.refuse_maps("count", &args, &inner, at)?;
        }
        let word = if arguments.distinct { "DISTINCT " } else { "" };
        let text = with_filter(format!("count({word}{})", texts(&args)), function, self, scope)?;
        let mut exprs: Vec<Expr> = args.iter().map(|a| a.expr.clone()).collect();
        if arguments.distinct {
            let zeros = exprs.into_iter().map(|e| self.one_zero(e, &inner, at));
            exprs = zeros.collect::<Checked<_>>()?;
        }
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

    /// `grouping(key)` and `grouping_id([key, ...])`: which keys a row of ROLLUP, CUBE or GROUPING SETS leaves out.
    pub(super) fn grouping(
        &mut self,
        name: &str,
        arguments: &Arguments<'_>,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        let args = self.arguments(arguments, &scope.at(Place::Aggregate))?;
        if matches!((name, args.as_slice()), ("grouping_id", [])) {
            return self.grouping_id(scope, at);
        }
        let text = format!("{name}({})", texts(&args));
        let (to, exprs) = match (name, args.as_slice()) {
            ("grouping", [one]) => (DataType::Int8, vec![one.expr.clone()]),
            ("grouping", _) => {
                return Err(Fault::new(SqlErrorKind::Type, at, "grouping takes one key of GROUP BY")
                    .help("grouping_id(a, b) takes several"));
            }
            (_, many) => (DataType::Int64, many.iter().map(|a| a.expr.clone()).collect()),
        };
        let expr = self.make_aggregate("grouping", exprs, false, None, scope, at)?;
        Ok(Typed {
            expr: datafusion::logical_expr::cast(expr, to),
            text,
        })
    }

    /// `grouping_id()`: about all keys, which are known once GROUP BY is planned.
    pub(in crate::plan) fn grouping_id(&self, scope: &Scope, at: Location) -> Checked<Typed> {
        let expr = self.make_aggregate("grouping", vec![lit(ALL_KEYS)], false, None, scope, at)?;
        Ok(Typed {
            expr: datafusion::logical_expr::cast(expr, DataType::Int64),
            text: ALL_GROUPING.to_owned(),
        })
    }

    /// The arguments of `percentile_cont(p) WITHIN GROUP (ORDER BY x)` as its function takes them: value, share, and whether the
    /// order is descending; with the text of the call.
    pub(in crate::plan) fn ordered_set(
        &mut self,
        name: &str,
        shares: &[Typed],
        function: &ast::Function,
        scope: &Scope,
        at: Location,
    ) -> Checked<(Vec<Expr>, String)> {
        let (true, [share], [order]) = (
            ["percentile_cont", "percentile_disc"].contains(&name),
            shares,
            function.within_group.as_slice(),
        ) else {
            let message = format!("{name} does not take these arguments with WITHIN GROUP");
            return Err(Fault::new(SqlErrorKind::Type, at, message)
                .help("percentile_cont(share) WITHIN GROUP (ORDER BY x), or percentile_disc"));
        };
        let ordered = self.expr(&order.expr, scope)?;
        let descending = !order.options.asc.unwrap_or(true);
        let direction = if descending { " DESC" } else { "" };
        let text = format!(
            "{name}({}) WITHIN GROUP (ORDER BY {}{direction})",
            share.text, ordered.text
        );
        Ok((vec![ordered.expr, share.expr.clone(), lit(descending)], text))
    }

    /// The function an aggregate call means, and its arguments, for the types they have.
    pub(in crate::plan) fn settled(
        &self,
        name: &str,
        mut args: Vec<Expr>,
        scope: &Scope,
        at: Location,
    ) -> Checked<(String, Vec<Expr>)> {
        let Some(first) = args.first().cloned() else {
            return Ok((name.to_owned(), args));
        };
        let of = self.type_of(&first, scope, at)?;
        if let ("regr_avgx" | "regr_avgy", [y, x]) = (name, args.as_slice()) {
            // The average of one of them where the other is there too, in its own type.
            let (averaged, other) = if name == "regr_avgx" { (x, y) } else { (y, x) };
            let test = Box::new(other.clone().is_not_null());
            let case = Case::new(None, vec![(test, Box::new(averaged.clone()))], None);
            let case = Expr::Case(case);
            let case = match self.type_of(averaged, scope, at)? {
                of if of.is_null() || of == DataType::Utf8 => datafusion::logical_expr::cast(case, DataType::Float64),
                _ => case,
            };
            return Ok(("avg".to_owned(), vec![case]));
        }
        let numeric = [
            "sum",
            "avg",
            "mean",
            "try_sum",
            "try_avg",
            "percentile_approx",
            "approx_percentile",
        ];
        // A time is summed as its seconds.
        let timed = matches!(of, DataType::Timestamp(_, Some(_))) && !name.contains("percentile");
        if numeric.contains(&name) && (of.is_null() || of == DataType::Utf8 || timed) {
            args[0] = datafusion::logical_expr::cast(first.clone(), DataType::Float64);
        } else if ["corr", "covar_pop", "covar_samp"].contains(&name) || name.starts_with("regr_") {
            for arg in &mut args {
                let of = self.type_of(arg, scope, at)?;
                if of.is_null() || of == DataType::Utf8 {
                    *arg = datafusion::logical_expr::cast(arg.clone(), DataType::Float64);
                }
            }
        }
        if name == "collect_set" && has_map(&of) {
            let message = "collect_set does not take maps: they cannot be compared";
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        }
        if let ("min" | "max", DataType::Map(..)) = (name, &of) {
            return Err(Fault::new(
                SqlErrorKind::Type,
                at,
                format!("{name} does not take maps: they have no order"),
            ));
        } else if let ("min" | "max", true) = (name, of.is_nested()) {
            // The engine compares arrays and structs with NULLs in another order.
            args.push(first);
            return Ok((format!("{name}_by"), args));
        }
        Ok((name.to_owned(), args))
    }

    /// Refuses DISTINCT over maps, which cannot be compared.
    fn refuse_maps(&self, name: &str, args: &[Typed], scope: &Scope, at: Location) -> Checked<()> {
        for arg in args {
            if has_map(&self.type_of(&arg.expr, scope, at)?) {
                return Err(no_map_here(&format!("{name}(DISTINCT ...)"), &arg.text, at));
            }
        }
        Ok(())
    }

    pub(in crate::plan) fn make_aggregate(
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

    /// The average of intervals: their sum by their number.
    fn average_interval(
        &self,
        of: &Expr,
        distinct: bool,
        filter: Option<Expr>,
        scope: &Scope,
        at: Location,
    ) -> Checked<Expr> {
        let sum = self.make_aggregate("sum", vec![of.clone()], distinct, filter.clone(), scope, at)?;
        let count = self.make_aggregate("count", vec![of.clone()], distinct, filter, scope, at)?;
        Ok(millstream_spark::operators::interval_share(sum, count))
    }

    pub(super) fn check_aggregate_place(&self, name: &str, scope: &Scope, at: Location) -> Checked<()> {
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

    pub(super) fn filter(&mut self, function: &ast::Function, scope: &Scope) -> Checked<Option<Expr>> {
        function
            .filter
            .as_ref()
            .map(|f| self.condition(f, &scope.at(Place::Aggregate)))
            .transpose()
    }

    pub(super) fn aggregate_call(
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
        if arguments.distinct {
            self.refuse_maps(name, &args, &inner, at)?;
        }
        let flag = null_flag(name, &mut args);
        let nulls = flag.or(arguments.nulls);
        let filter = self.filter(function, scope)?;
        let mut order_by = Vec::new();
        for item in &arguments.order_by {
            let expr = self.expr(&item.expr, &inner)?.expr;
            order_by.push(crate::plan::query::sort(expr, &item.options));
        }
        let (exprs, text) = if function.within_group.is_empty() {
            let in_words = flag.is_none() && arguments.nulls == Some(NullTreatment::IgnoreNulls);
            let text = aggregate_text(name, arguments.distinct, &args, in_words);
            (args.into_iter().map(|a| a.expr).collect(), text)
        } else {
            self.ordered_set(name, &args, function, &inner, at)?
        };
        let text = with_filter(text, function, self, scope)?;
        if udf.name() == "avg"
            && let [one] = exprs.as_slice()
            && is_interval(&self.type_of(one, scope, at)?)
        {
            let expr = self.average_interval(one, arguments.distinct, filter, scope, at)?;
            return Ok(Typed { expr, text });
        }
        check_varying(name, &exprs, at)?;
        self.check_constants(name, &exprs, at)?;
        let (settled, mut exprs) = self.settled(name, exprs, scope, at)?;
        if let (true, [one]) = (arguments.distinct || settled == "collect_set", exprs.as_mut_slice()) {
            *one = self.one_zero(one.clone(), &inner, at)?;
        }
        let mut func = Arc::clone(self.state.aggregate_functions().get(&settled).unwrap_or(udf));
        if let ("min" | "max", [one]) = (name, exprs.as_slice())
            && self.type_of(one, &inner, at)?.is_nested()
            && let Some(by) = self.state.aggregate_functions().get(&format!("{name}_by"))
        {
            // The engine's own takes a NULL within a struct or an array for the largest value.
            func = Arc::clone(by);
            exprs = vec![one.clone(), one.clone()];
        }
        let mut raw = RawAggregateExpr {
            func,
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
}

pub(super) fn with_filter(
    text: String,
    function: &ast::Function,
    planner: &mut Planner<'_>,
    scope: &Scope,
) -> Checked<String> {
    match &function.filter {
        None => Ok(text),
        Some(filter) => {
            let filter = planner.expr(filter, &scope.at(Place::Aggregate))?.text;
            Ok(format!("{text} FILTER (WHERE {filter})"))
        }
    }
}
