//! The plan of a SELECT, once its expressions are known.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError};
use datafusion::logical_expr::expr::GroupingSet;
use datafusion::logical_expr::utils::{find_aggregate_exprs, group_window_expr_by_sort_keys, grouping_set_to_exprlist};
use datafusion::logical_expr::{Distinct, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, SortExpr, Window, lit};
use millstream_spark::types::has_map;
use sqlparser::tokenizer::Location;

use super::Item;
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::call::ALL_KEYS;
use crate::plan::generator::Generator;
use crate::plan::scope::{Relation, Scope, columns, unique};
use crate::plan::subquery::{has_subquery, is_subquery, outer_columns};
use crate::plan::{Planner, engine_fault};

/// The clauses of a SELECT behind WHERE, planned.
pub(super) struct Clauses {
    pub(super) items: Vec<Item>,
    /// Generators whose columns the items use, in their order.
    pub(super) generators: Vec<(Generator, Location)>,
    /// Group expressions; none when the query does not group.
    pub(super) group: Option<Vec<Expr>>,
    pub(super) having: Option<(Expr, Location)>,
    pub(super) order: Vec<(SortExpr, Location)>,
    pub(super) distinct: bool,
}

impl Clauses {
    /// The single keys of GROUP BY.
    fn keys(&self, at: Location) -> Checked<Vec<Expr>> {
        let group = self.group.as_deref().unwrap_or_default();
        let keys = grouping_set_to_exprlist(group).map_err(|e| engine_fault(&e, at))?;
        Ok(keys.into_iter().cloned().collect())
    }

    /// The expressions whose subqueries are answered above the grouping and HAVING.
    fn upper_exprs(&mut self) -> Vec<&mut Expr> {
        let items = self.items.iter_mut().map(|i| &mut i.expr);
        let generators = self.generators.iter_mut().map(|g| &mut g.0.input);
        let order = self.order.iter_mut().map(|o| &mut o.0.expr);
        items.chain(generators).chain(order).collect()
    }

    fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.items
            .iter()
            .map(|i| &i.expr)
            .chain(self.generators.iter().map(|g| &g.0.input))
            .chain(self.having.iter().map(|h| &h.0))
            .chain(self.order.iter().map(|o| &o.0.expr))
    }

    /// Changes every expression above the grouping; `change` is told what the expression is called and where it stands.
    fn each(&mut self, mut change: impl FnMut(&mut Expr, &str, Location) -> Checked<()>) -> Checked<()> {
        for item in &mut self.items {
            change(&mut item.expr, &item.name, item.at)?;
        }
        for (generator, at) in &mut self.generators {
            change(&mut generator.input, "a generator", *at)?;
        }
        if let Some((having, at)) = &mut self.having {
            change(having, "HAVING", *at)?;
        }
        for (sort, at) in &mut self.order {
            change(&mut sort.expr, "ORDER BY", *at)?;
        }
        Ok(())
    }
}

impl Planner<'_> {
    /// Puts the planned clauses on the rows of FROM and WHERE.
    pub(super) fn assemble(&mut self, mut plan: LogicalPlan, mut clauses: Clauses, at: Location) -> Checked<Relation> {
        let keys = clauses.keys(at)?;
        let sets = matches!(clauses.group.as_deref(), Some([Expr::GroupingSet(_)]));
        clauses.each(|expr, _, at| {
            *expr = with_all_keys(expr.clone(), &keys).map_err(|e| engine_fault(&e, at))?;
            let asks = |e: &Expr| Ok(matches!(e, Expr::AggregateFunction(f) if f.func.name() == "grouping"));
            if !sets && expr.exists(asks).unwrap_or(false) {
                let message = "grouping and grouping_id need ROLLUP, CUBE or GROUPING SETS in GROUP BY";
                return Err(Fault::new(SqlErrorKind::Type, at, message));
            }
            check_grouping_id(expr, &keys, at)
        })?;
        let aggregates = find_aggregate_exprs(clauses.exprs());
        // HAVING makes one group of all rows where nothing else does.
        if clauses.having.is_some() && clauses.group.is_none() {
            clauses.group = Some(Vec::new());
        }
        if clauses.group.is_some() || !aggregates.is_empty() {
            plan = self.aggregate(plan, &mut clauses, keys, aggregates, at)?;
        }
        if let Some((having, at)) = clauses.having.take() {
            plan = self.filtered(plan, having, at)?;
        }
        plan = self.lifted(plan, clauses.upper_exprs(), at)?;
        plan = self.windows(plan, &mut clauses, at)?;
        for (generator, at) in &clauses.generators {
            (plan, _) = self.generate_over(plan, generator, *at)?;
        }
        self.project(plan, clauses.items, clauses.order, clauses.distinct, at)
    }

    /// Groups the rows; what is above uses keys and aggregates only.
    fn aggregate(
        &mut self,
        plan: LogicalPlan,
        clauses: &mut Clauses,
        keys: Vec<Expr>,
        aggregates: Vec<Expr>,
        at: Location,
    ) -> Checked<LogicalPlan> {
        let mut group = clauses.group.clone().unwrap_or_default();
        let mut calls = aggregates.clone();
        let mut inner_keys = keys.clone();
        let below = group.iter_mut().chain(calls.iter_mut()).chain(inner_keys.iter_mut());
        let mut plan = self.lifted_alike(plan, below.collect(), at)?;
        let with_total = matches!(group.as_slice(), [Expr::GroupingSet(GroupingSet::GroupingSets(sets))]
            if sets.iter().any(Vec::is_empty))
            && self.streams == 0;
        self.own_names(&mut calls);
        if with_total || group.is_empty() && calls.is_empty() {
            let rows = self.make_aggregate("count", vec![lit(1_i64)], false, None, &Scope::empty(None), at)?;
            calls.push(rows.alias(self.fresh("rows")));
        }
        let made = calls.len();
        plan = build(LogicalPlanBuilder::from(plan).aggregate(group, calls), at)?;
        let outputs = columns(&plan);
        let results = outputs[outputs.len() - made..].iter().cloned();
        let known: Vec<(Expr, Column)> = keys
            .into_iter()
            .zip(outputs.iter().cloned())
            .chain(aggregates.into_iter().zip(results))
            .collect();
        let generated = clauses
            .generators
            .iter()
            .flat_map(|g| g.0.made.iter().map(Column::new_unqualified));
        let allowed: Vec<Column> = outputs.iter().cloned().chain(generated).collect();
        clauses.each(|expr, name, at| {
            *expr = replaced(expr.clone(), &known).map_err(|e| engine_fault(&e, at))?;
            no_window_time(expr, at)?;
            not_grouped(expr, &allowed, name, at)
        })?;
        refuse_plain_marks(&clauses.items, &known)?;
        let varies = |e: &Expr| Ok(matches!(e, Expr::ScalarSubquery(s) if !outer_columns(&s.subquery).is_empty()));
        if let Some(item) = clauses.items.iter().find(|i| i.expr.exists(varies).unwrap_or(false)) {
            let message = "a subquery that depends on the row is neither in GROUP BY nor inside an aggregate function";
            return Err(Fault::new(SqlErrorKind::Type, item.at, message).help("group by it, or join with its query"));
        }
        if let (true, Some(rows)) = (with_total, outputs.last()) {
            // A set without keys is no global aggregate: without rows it has no group either.
            let some = Expr::Column(rows.clone()).gt(lit(0_i64));
            plan = build(LogicalPlanBuilder::from(plan).filter(some), at)?;
        }
        Ok(plan)
    }

    /// The engine calls what it computes by a text that leaves casts out: alike texts of unlike calls get names of their own.
    fn own_names(&mut self, calls: &mut [Expr]) {
        let mut seen = HashSet::new();
        for call in calls {
            if !seen.insert(call.schema_name().to_string()) {
                let name = self.fresh("call");
                *call = std::mem::take(call).alias(name);
            }
        }
    }

    /// The rows with the answer of a subquery beside them, and the expression for it. The engine joins the one value of a
    /// subquery to the rows of a stream below a projection, not below a grouping.
    fn answered(&mut self, plan: LogicalPlan, mut subquery: Expr, at: Location) -> Checked<(LogicalPlan, Expr)> {
        let plan = self.lifted(plan, vec![&mut subquery], at)?;
        if !matches!(subquery, Expr::ScalarSubquery(_)) || !self.reads_stream(&plan) {
            return Ok((plan, subquery));
        }
        let name = self.fresh("value");
        let mut items: Vec<Expr> = columns(&plan).into_iter().map(Expr::Column).collect();
        items.push(subquery.alias(&name));
        let plan = build(LogicalPlanBuilder::from(plan).project(items), at)?;
        Ok((plan, Expr::Column(Column::new_unqualified(name))))
    }

    /// Answers the subqueries in expressions of which some are the same: those stay the same.
    fn lifted_alike(&mut self, plan: LogicalPlan, exprs: Vec<&mut Expr>, at: Location) -> Checked<LogicalPlan> {
        let mut plan = plan;
        let mut known: Vec<(Expr, Expr)> = Vec::new();
        for expr in exprs.into_iter().filter(|e| has_subquery(e)) {
            let mut found = Vec::new();
            let _ = expr.apply(|e| {
                found.extend(is_subquery(e).then(|| e.clone()));
                Ok(TreeNodeRecursion::Continue)
            });
            for subquery in found {
                if !known.iter().any(|(k, _)| *k == subquery) {
                    let answer;
                    (plan, answer) = self.answered(plan, subquery.clone(), at)?;
                    known.push((subquery, answer));
                }
            }
            let changed = std::mem::take(expr).transform_down(|e| match known.iter().find(|(k, _)| *k == e) {
                Some((_, answer)) => Ok(Transformed::new(answer.clone(), true, TreeNodeRecursion::Jump)),
                None => Ok(Transformed::no(e)),
            });
            *expr = changed.map_err(|e| engine_fault(&e, at))?.data;
        }
        Ok(plan)
    }

    /// Computes the window functions.
    fn windows(&mut self, mut plan: LogicalPlan, clauses: &mut Clauses, at: Location) -> Checked<LogicalPlan> {
        loop {
            // What stands within another window function is computed first.
            let windows = innermost_windows(clauses.exprs());
            if windows.is_empty() {
                return Ok(plan);
            }
            plan = self.window_round(plan, windows, clauses, at)?;
        }
    }

    fn window_round(
        &mut self,
        mut plan: LogicalPlan,
        windows: Vec<Expr>,
        clauses: &mut Clauses,
        at: Location,
    ) -> Checked<LogicalPlan> {
        let groups = group_window_expr_by_sort_keys(windows).map_err(|e| engine_fault(&e, at))?;
        let mut known: Vec<(Expr, Column)> = Vec::new();
        for (_, calls) in groups {
            let mut named = Vec::with_capacity(calls.len());
            for call in calls {
                let name = self.fresh("window");
                named.push(call.clone().alias(&name));
                known.push((call, Column::new_unqualified(name)));
            }
            let window = Window::try_new(named, Arc::new(plan)).map_err(|e| engine_fault(&e, at))?;
            plan = LogicalPlan::Window(window);
        }
        clauses.each(|expr, _, at| {
            *expr = replaced(expr.clone(), &known).map_err(|e| engine_fault(&e, at))?;
            Ok(())
        })?;
        Ok(plan)
    }

    /// Items, helpers for the order, DISTINCT, order, and the items alone again.
    pub(super) fn project(
        &mut self,
        plan: LogicalPlan,
        items: Vec<Item>,
        order: Vec<(SortExpr, Location)>,
        distinct: bool,
        at: Location,
    ) -> Checked<Relation> {
        if distinct {
            let maps = |i: &&Item| i.expr.get_type(plan.schema().as_ref()).is_ok_and(|of| has_map(&of));
            if let Some(item) = items.iter().find(maps) {
                return Err(no_map_here("DISTINCT", &item.name, item.at));
            }
        }
        let names: Vec<String> = items.iter().map(|i| i.name.clone()).collect();
        let inner = unique(&names);
        let mut projected: Vec<Expr> = items.iter().zip(&inner).map(|(i, n)| i.expr.clone().alias(n)).collect();
        let mut sorts = Vec::with_capacity(order.len());
        for (sort, at) in order {
            let known = items.iter().position(|i| i.expr == sort.expr);
            let column = match known {
                Some(i) => inner[i].clone(),
                None if distinct => {
                    return Err(Fault::new(
                        SqlErrorKind::Unsupported,
                        at,
                        "with SELECT DISTINCT, ORDER BY can only use items of the SELECT list",
                    ));
                }
                None => {
                    let helper = self.fresh("order");
                    projected.push(sort.expr.alias(&helper));
                    helper
                }
            };
            sorts.push(Expr::Column(Column::new_unqualified(column)).sort(sort.asc, sort.nulls_first));
        }
        let helpers = projected.len() > items.len();
        let mut plan = build(LogicalPlanBuilder::from(plan).project(projected), at)?;
        if distinct {
            plan = LogicalPlan::Distinct(Distinct::All(Arc::new(select_columns(plan, &inner, at)?)));
        }
        if !sorts.is_empty() {
            plan = LogicalPlan::Sort(datafusion::logical_expr::Sort {
                expr: sorts,
                input: Arc::new(plan),
                fetch: None,
            });
        }
        if helpers || columns(&plan).len() != inner.len() {
            plan = select_columns(plan, &inner, at)?;
        }
        Ok(Relation { plan, names })
    }
}

/// The window functions that have none within them.
fn innermost_windows<'a>(exprs: impl Iterator<Item = &'a Expr>) -> Vec<Expr> {
    let is_window = |e: &Expr| matches!(e, Expr::WindowFunction(_));
    let mut found: Vec<Expr> = Vec::new();
    for expr in exprs {
        let _ = expr.apply(|e| {
            if is_window(e) {
                let mut inner = 0;
                let _ = e.apply(|within| {
                    inner += usize::from(is_window(within));
                    Ok(TreeNodeRecursion::Continue)
                });
                if inner == 1 && !found.contains(e) {
                    found.push(e.clone());
                }
            }
            Ok(TreeNodeRecursion::Continue)
        });
    }
    found
}

/// Refuses, as Spark does, IN and EXISTS in the items of a grouped query that ask about a key and not about an aggregate.
fn refuse_plain_marks(items: &[Item], known: &[(Expr, Column)]) -> Checked<()> {
    let aggregates: Vec<&Column> = known
        .iter()
        .filter(|(e, _)| matches!(e, Expr::AggregateFunction(_)))
        .map(|(_, c)| c)
        .collect();
    let plain = |e: &Expr| {
        Ok(match e {
            Expr::InSubquery(call) => !call.expr.column_refs().iter().any(|c| aggregates.contains(c)),
            Expr::Exists(exists) => !outer_columns(&exists.subquery.subquery).is_empty(),
            _ => false,
        })
    };
    match items.iter().find(|i| i.expr.exists(plain).unwrap_or(false)) {
        None => Ok(()),
        Some(item) => {
            let message = "IN and EXISTS with a subquery cannot stand beside GROUP BY unless they are grouped by";
            Err(Fault::new(SqlErrorKind::Unsupported, item.at, message)
                .help("repeat the expression in GROUP BY, or group in a subquery"))
        }
    }
}

pub(in crate::plan) fn select_columns(plan: LogicalPlan, names: &[String], at: Location) -> Checked<LogicalPlan> {
    let all = columns(&plan);
    let items = names
        .iter()
        .map(|n| {
            all.iter()
                .find(|c| c.name == *n)
                .cloned()
                .unwrap_or_else(|| Column::new_unqualified(n))
        })
        .map(Expr::Column)
        .collect::<Vec<_>>();
    build(LogicalPlanBuilder::from(plan).project(items), at)
}

pub(in crate::plan) fn build(
    builder: Result<LogicalPlanBuilder, DataFusionError>,
    at: Location,
) -> Checked<LogicalPlan> {
    builder
        .and_then(LogicalPlanBuilder::build)
        .map_err(|e| engine_fault(&e, at))
}

pub(in crate::plan) fn no_map_here(clause: &str, name: &str, at: Location) -> Box<Fault> {
    Fault::new(
        SqlErrorKind::Type,
        at,
        format!("{name} is or holds a MAP: maps cannot be compared, so {clause} is not possible"),
    )
    .help("use its keys or entries: map_keys(m), map_entries(m)")
}

/// Puts columns in the place of expressions computed below.
pub(in crate::plan) fn replaced(expr: Expr, known: &[(Expr, Column)]) -> Result<Expr, DataFusionError> {
    expr.transform_down(|e| match known.iter().find(|(k, _)| *k == e) {
        Some((_, column)) => Ok(Transformed::new(
            Expr::Column(column.clone()),
            true,
            TreeNodeRecursion::Jump,
        )),
        None => Ok(Transformed::no(e)),
    })
    .map(|t| t.data)
}

/// `grouping_id()` without arguments is about all keys.
fn with_all_keys(expr: Expr, keys: &[Expr]) -> Result<Expr, DataFusionError> {
    let all = [lit(ALL_KEYS)];
    expr.transform_down(|e| match e {
        Expr::AggregateFunction(mut call) if call.func.name() == "grouping" && call.params.args == all => {
            call.params.args = keys.to_vec();
            Ok(Transformed::yes(Expr::AggregateFunction(call)))
        }
        e => Ok(Transformed::no(e)),
    })
    .map(|t| t.data)
}

/// Refuses `grouping_id(...)` of other keys than those of GROUP BY.
fn check_grouping_id(expr: &Expr, keys: &[Expr], at: Location) -> Checked<()> {
    let other = |e: &Expr| {
        Ok(match e {
            Expr::Cast(cast) if *cast.field.data_type() == DataType::Int64 => matches!(cast.expr.as_ref(),
                Expr::AggregateFunction(call) if call.func.name() == "grouping"
                    && call.params.args != keys),
            _ => false,
        })
    };
    if !expr.exists(other).unwrap_or(false) {
        return Ok(());
    }
    let message = "grouping_id takes the keys of GROUP BY, all of them and in their order";
    Err(Fault::new(SqlErrorKind::Type, at, message).help("grouping_id() is about all keys"))
}

/// Refuses the time of a window that is no key itself: Spark computes it below the grouping, even of a grouped window.
fn no_window_time(expr: &Expr, at: Location) -> Checked<()> {
    let asks = |e: &Expr| Ok(matches!(e, Expr::ScalarFunction(f) if f.func.name() == "window_time"));
    if !expr.exists(asks).unwrap_or(false) {
        return Ok(());
    }
    let message = "window_time(...) is neither in GROUP BY nor inside an aggregate function";
    Err(Fault::new(SqlErrorKind::Type, at, message)
        .help("compute it in a query around this one, or add it to GROUP BY"))
}

/// Refuses a column that is neither grouped nor aggregated.
pub(super) fn not_grouped(expr: &Expr, outputs: &[Column], what: &str, at: Location) -> Checked<()> {
    let bad = expr
        .column_refs()
        .into_iter()
        .find(|c| !outputs.contains(c))
        .map(|c| c.name.clone());
    match bad {
        None => Ok(()),
        Some(name) => {
            let message = if name.eq_ignore_ascii_case(what) {
                format!("'{name}' is neither in GROUP BY nor inside an aggregate function")
            } else {
                format!("'{name}' in {what} is neither in GROUP BY nor inside an aggregate function")
            };
            Err(Fault::new(SqlErrorKind::Type, at, message).help(format!(
                "add it to GROUP BY, or take any of its values: any_value({name})"
            )))
        }
    }
}
