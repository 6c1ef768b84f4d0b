//! The plan of a SELECT, once its expressions are known.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError};
use datafusion::logical_expr::utils::{find_aggregate_exprs, find_window_exprs, grouping_set_to_exprlist};
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, LogicalPlanBuilder, SortExpr, lit};
use sqlparser::tokenizer::Location;

use super::Item;
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::call::ALL_KEYS;
use crate::plan::scope::{Relation, columns, unique};
use crate::plan::{Planner, engine_fault};

/// The clauses of a SELECT behind WHERE, planned.
pub(super) struct Clauses {
    pub(super) items: Vec<Item>,
    /// Group expressions; none when the query does not group.
    pub(super) group: Option<Vec<Expr>>,
    pub(super) having: Option<(Expr, Location)>,
    /// The condition on the rows with their window functions.
    pub(super) qualify: Option<(Expr, Location)>,
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

    fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.items
            .iter()
            .map(|i| &i.expr)
            .chain(self.having.iter().map(|h| &h.0))
            .chain(self.qualify.iter().map(|q| &q.0))
            .chain(self.order.iter().map(|o| &o.0.expr))
    }

    /// Changes every expression above the grouping; `change` is told what the expression is called and where it stands.
    fn each(&mut self, mut change: impl FnMut(&mut Expr, &str, Location) -> Checked<()>) -> Checked<()> {
        for item in &mut self.items {
            change(&mut item.expr, &item.name, item.at)?;
            if let Some(generator) = &mut item.generator {
                generator.input = item.expr.clone();
            }
        }
        if let Some((having, at)) = &mut self.having {
            change(having, "HAVING", *at)?;
        }
        if let Some((qualify, at)) = &mut self.qualify {
            change(qualify, "QUALIFY", *at)?;
        }
        for (sort, at) in &mut self.order {
            change(&mut sort.expr, "ORDER BY", *at)?;
        }
        Ok(())
    }

    /// Groups the rows; what is above uses keys and aggregates only.
    fn aggregate(
        &mut self,
        plan: LogicalPlan,
        keys: Vec<Expr>,
        aggregates: Vec<Expr>,
        at: Location,
    ) -> Checked<LogicalPlan> {
        let group = self.group.clone().unwrap_or_default();
        let plan = build(LogicalPlanBuilder::from(plan).aggregate(group, aggregates.clone()), at)?;
        let outputs = columns(&plan);
        let made = outputs[outputs.len() - aggregate_count(&plan)..].iter().cloned();
        let known: Vec<(Expr, Column)> = keys
            .into_iter()
            .zip(outputs.iter().cloned())
            .chain(aggregates.into_iter().zip(made))
            .collect();
        self.each(|expr, name, at| {
            *expr = replaced(expr.clone(), &known).map_err(|e| engine_fault(&e, at))?;
            not_grouped(expr, &outputs, name, at)
        })?;
        Ok(plan)
    }
}

impl Planner<'_> {
    /// Puts the planned clauses on the rows of FROM and WHERE.
    pub(super) fn assemble(&mut self, mut plan: LogicalPlan, mut clauses: Clauses, at: Location) -> Checked<Relation> {
        let keys = clauses.keys(at)?;
        clauses.each(|expr, _, at| {
            *expr = with_all_keys(expr.clone(), &keys).map_err(|e| engine_fault(&e, at))?;
            Ok(())
        })?;
        let aggregates = find_aggregate_exprs(clauses.exprs());
        if clauses.group.is_some() || !aggregates.is_empty() {
            plan = clauses.aggregate(plan, keys, aggregates, at)?;
        }
        if let Some((having, at)) = clauses.having.take() {
            plan = build(LogicalPlanBuilder::from(plan).filter(having), at)?;
        }
        let windows = find_window_exprs(clauses.exprs());
        if !windows.is_empty() {
            plan = LogicalPlanBuilder::window_plan(plan, windows.clone()).map_err(|e| engine_fault(&e, at))?;
            let known: Vec<(Expr, Column)> = windows
                .into_iter()
                .map(|w| (w.clone(), Column::new_unqualified(w.schema_name().to_string())))
                .collect();
            clauses.each(|expr, _, at| {
                *expr = replaced(expr.clone(), &known).map_err(|e| engine_fault(&e, at))?;
                Ok(())
            })?;
        }
        if let Some((qualify, at)) = clauses.qualify.take() {
            plan = build(LogicalPlanBuilder::from(plan).filter(qualify), at)?;
        }
        self.project(plan, clauses.items, clauses.order, clauses.distinct, at)
    }

    /// Items, helpers for the order, generators, DISTINCT, order, and the items alone again.
    pub(super) fn project(
        &mut self,
        plan: LogicalPlan,
        items: Vec<Item>,
        order: Vec<(SortExpr, Location)>,
        distinct: bool,
        at: Location,
    ) -> Checked<Relation> {
        let names: Vec<String> = items.iter().map(|i| i.name.clone()).collect();
        let inner = unique(&names);
        let mut projected: Vec<Expr> = items.iter().zip(&inner).map(|(i, n)| i.expr.clone().alias(n)).collect();
        let mut sorts = Vec::with_capacity(order.len());
        for (sort, at) in order {
            let known = items.iter().position(|i| i.expr == sort.expr && i.generator.is_none());
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
        let mut relation_names = names;
        let mut kept: Vec<String> = inner.clone();
        if let Some((index, generator)) = items
            .iter()
            .enumerate()
            .find_map(|(i, item)| item.generator.clone().map(|g| (i, g)))
        {
            let (generated, made) = self.generate(plan, &inner[index], &generator, at)?;
            plan = generated;
            relation_names.splice(index..=index, generator.names.iter().cloned());
            kept.splice(index..=index, made);
        }
        if distinct {
            plan = LogicalPlan::Distinct(Distinct::All(Arc::new(select_columns(plan, &kept, at)?)));
        }
        if !sorts.is_empty() {
            plan = LogicalPlan::Sort(datafusion::logical_expr::Sort {
                expr: sorts,
                input: Arc::new(plan),
                fetch: None,
            });
        }
        if helpers || columns(&plan).len() != kept.len() {
            plan = select_columns(plan, &kept, at)?;
        }
        Ok(Relation {
            plan,
            names: relation_names,
        })
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

pub(super) fn aggregate_count(plan: &LogicalPlan) -> usize {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.aggr_expr.len(),
        _ => 0,
    }
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
