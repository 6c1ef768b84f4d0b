//! Subqueries in expressions, as joins.
//!
//! The optimizer makes joins of some subqueries: IN and EXISTS as conditions of WHERE. All others become joins here: a mark
//! beside every row for IN and EXISTS, and a column for the value of a query that uses columns of
//! the query around it.

mod check;
mod spread;

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::{InSubquery, ScalarFunction};
use datafusion::logical_expr::utils::{conjunction, split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, lit};
use millstream_plan::source::SourceTable;
use sqlparser::tokenizer::Location;

pub(super) use self::check::{Use, check_correlation};
use self::spread::{Domain, Spread};
pub(super) use self::spread::{equal_keys, named};
use super::scope::{Scope, columns};
use super::select::build;
use super::{Planner, engine_fault};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::streaming::below_watermark;

impl Planner<'_> {
    /// Filters the rows by a condition; what the optimizer cannot do with its subqueries is done here.
    pub(super) fn filtered(&mut self, plan: LogicalPlan, condition: Expr, at: Location) -> Checked<LogicalPlan> {
        let mut plan = plan;
        let mut parts = split_conjunction_owned(pushed_down(condition, false));
        if !self.watermarks.is_empty() {
            (plan, parts) = self.sunk(plan, parts, at)?;
        }
        for part in parts.iter_mut().filter(|p| !is_semi_join(p)) {
            plan = self.lift_in(plan, part, at)?;
        }
        let condition = conjunction(parts).unwrap_or_else(|| lit(true));
        build(LogicalPlanBuilder::from(plan).filter(condition), at)
    }

    /// The rows with those conditions on subqueries below their watermark that may go there, and the other conditions.
    fn sunk(&mut self, plan: LogicalPlan, parts: Vec<Expr>, at: Location) -> Checked<(LogicalPlan, Vec<Expr>)> {
        let mut plan = plan;
        let mut staying = Vec::new();
        for part in parts {
            let mut fault = None;
            let moved = if has_subquery(&part) {
                below_watermark(&plan, &part, &mut |rows, condition| {
                    self.filtered(rows, condition, at).map_err(|f| fault = Some(f)).ok()
                })
                .map_err(|e| engine_fault(&e, at))?
            } else {
                None
            };
            match (moved, fault) {
                (_, Some(fault)) => return Err(fault),
                (Some(changed), None) => plan = changed,
                (None, None) => staying.push(part),
            }
        }
        Ok((plan, staying))
    }

    /// Puts the answers of the subqueries in `exprs` beside the rows of `plan`, and their columns into the expressions.
    pub(super) fn lifted(&mut self, plan: LogicalPlan, exprs: Vec<&mut Expr>, at: Location) -> Checked<LogicalPlan> {
        exprs
            .into_iter()
            .try_fold(plan, |plan, expr| self.lift_in(plan, expr, at))
    }

    fn lift_in(&mut self, plan: LogicalPlan, expr: &mut Expr, at: Location) -> Checked<LogicalPlan> {
        if !has_subquery(expr) {
            return Ok(plan);
        }
        let mut plan = plan;
        let mut fault = None;
        let whole = pushed_down(std::mem::take(expr), false);
        let changed = whole.transform_down(|e| match self.lift_one(&plan, &e, at) {
            Ok(Some((wider, column))) => {
                plan = wider;
                Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
            }
            Ok(None) => Ok(Transformed::no(e)),
            Err(f) => {
                fault = Some(f);
                Ok(Transformed::new(e, false, TreeNodeRecursion::Stop))
            }
        });
        if let Some(fault) = fault {
            return Err(fault);
        }
        *expr = changed.map_err(|e| engine_fault(&e, at))?.data;
        Ok(plan)
    }

    /// The rows with the answer of one subquery, and the expression for it; none when `expr` is no subquery to lift.
    fn lift_one(&mut self, plan: &LogicalPlan, expr: &Expr, at: Location) -> Checked<Option<(LogicalPlan, Expr)>> {
        let (subquery, outer) = match expr {
            Expr::ScalarSubquery(s) => (s, outer_columns(&s.subquery)),
            Expr::Exists(e) => (&e.subquery, outer_columns(&e.subquery.subquery)),
            Expr::InSubquery(i) => (&i.subquery, outer_columns(&i.subquery.subquery)),
            _ => return Ok(None),
        };
        let here: Vec<Column> = outer.into_iter().filter(|c| plan.schema().has_column(c)).collect();
        if matches!(expr, Expr::ScalarSubquery(_)) && here.is_empty() {
            return Ok(None);
        }
        if !here.is_empty() && self.reads_stream(plan) {
            // The rows cannot be read a second time: what the optimizer makes of it has to do.
            return Ok(None);
        }
        let inner = if here.is_empty() {
            Spread {
                plan: subquery.subquery.as_ref().clone(),
                names: Vec::new(),
            }
        } else {
            // As in Spark, IN and EXISTS see no row where a subquery aggregates nothing.
            let totals = matches!(expr, Expr::ScalarSubquery(_));
            let domain = Domain::new(plan, here.clone(), totals);
            self.spread(subquery.subquery.as_ref().clone(), &domain, at)?
        };
        match expr {
            Expr::ScalarSubquery(_) => self.value_beside(plan.clone(), inner, &here, at).map(Some),
            Expr::Exists(e) => {
                let (plan, mark) = self.marked(plan.clone(), inner, &here, |_| vec![], at)?;
                Ok(Some((plan, if e.negated { !mark } else { mark })))
            }
            Expr::InSubquery(i) => self.membership(plan, i, inner, &here, at).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether a row's value is among the subquery's. Behind NOT a comparison with NULL counts as found; so the answer is never
    /// NULL, as in Spark.
    fn membership(
        &mut self,
        plan: &LogicalPlan,
        call: &InSubquery,
        inner: Spread,
        here: &[Column],
        at: Location,
    ) -> Checked<(LogicalPlan, Expr)> {
        let width = call.subquery.subquery.schema().fields().len();
        let wanted = operands(&call.expr, width);
        let found = |values: &[Expr]| {
            let pairs = wanted.iter().zip(values).map(|(w, v)| w.clone().eq(v.clone()));
            let or_unknown = |equal: Expr| match call.negated {
                true => equal.clone().or(equal.is_null()),
                false => equal,
            };
            pairs.map(or_unknown).collect()
        };
        let (plan, mark) = self.marked(plan.clone(), inner, here, found, at)?;
        Ok((plan, if call.negated { !mark } else { mark }))
    }

    /// The rows with a mark: whether `inner` has a row that belongs to them.
    fn marked(
        &mut self,
        plan: LogicalPlan,
        inner: Spread,
        here: &[Column],
        belongs: impl Fn(&[Expr]) -> Vec<Expr>,
        at: Location,
    ) -> Checked<(LogicalPlan, Expr)> {
        let (right, values, keys) = self.prepared(inner, at)?;
        let mut on = equal_keys(here, &keys);
        on.extend(belongs(&values));
        if on.is_empty() {
            on.push(lit(true));
        }
        let before = columns(&plan);
        let joined = build(
            LogicalPlanBuilder::from(plan).join_on(right, JoinType::LeftMark, on),
            at,
        )?;
        let mark = columns(&joined).into_iter().next_back();
        let name = self.fresh("mark");
        let mut items: Vec<Expr> = before.into_iter().map(Expr::Column).collect();
        items.extend(mark.map(|m| Expr::Column(m).alias(&name)));
        let plan = build(LogicalPlanBuilder::from(joined).project(items), at)?;
        Ok((plan, Expr::Column(Column::new_unqualified(name))))
    }

    /// The rows with the one value that `inner` has for them.
    fn value_beside(
        &mut self,
        plan: LogicalPlan,
        inner: Spread,
        here: &[Column],
        at: Location,
    ) -> Checked<(LogicalPlan, Expr)> {
        let (right, values, keys) = self.prepared(inner, at)?;
        let Some(value) = values.into_iter().next() else {
            return Err(unsupported(at));
        };
        let on = equal_keys(here, &keys);
        let plan = build(LogicalPlanBuilder::from(plan).join_on(right, JoinType::Left, on), at)?;
        Ok((plan, value))
    }

    /// `inner` under a name of its own: its columns, and those it is joined by.
    fn prepared(&mut self, inner: Spread, at: Location) -> Checked<(LogicalPlan, Vec<Expr>, Vec<Column>)> {
        let (mut items, mut values, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for column in columns(&inner.plan) {
            if !inner.names.contains(&column.name) {
                let name = self.fresh("value");
                items.push(Expr::Column(column).alias(&name));
                values.push(Expr::Column(Column::new_unqualified(name)));
            }
        }
        for key in &inner.names {
            let name = self.fresh("key");
            items.push(Expr::Column(named(&inner.plan, key)).alias(&name));
            keys.push(Column::new_unqualified(name));
        }
        let plan = build(LogicalPlanBuilder::from(inner.plan).project(items), at)?;
        Ok((plan, values, keys))
    }

    /// Joins with rows that depend on the row of `left` they stand beside: LATERAL. The columns of `right` come first in the
    /// plan that is given back, then those it is to be joined by.
    pub(super) fn dependent(
        &mut self,
        left: &LogicalPlan,
        right: LogicalPlan,
        at: Location,
    ) -> Checked<(LogicalPlan, Vec<Column>, Vec<String>)> {
        let outer = outer_columns(&right);
        let here: Vec<Column> = outer.into_iter().filter(|c| left.schema().has_column(c)).collect();
        if here.is_empty() {
            return Ok((right, here, Vec::new()));
        }
        if self.reads_stream(left) {
            return Err(unsupported(at));
        }
        let own = columns(&right);
        let domain = Domain::new(left, here.clone(), true);
        let spread = self.spread(right, &domain, at)?;
        let items = own.into_iter().map(|c| named(&spread.plan, &c.name));
        let keys = spread.names.iter().map(|n| named(&spread.plan, n));
        let items: Vec<Expr> = items.chain(keys).map(Expr::Column).collect();
        let plan = build(LogicalPlanBuilder::from(spread.plan).project(items), at)?;
        Ok((plan, here, spread.names))
    }

    pub(super) fn reads_stream(&self, plan: &LogicalPlan) -> bool {
        if self.streams == 0 {
            return false;
        }
        let mut found = false;
        let _ = plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node
                && let Ok(provider) = source_as_provider(&scan.source)
                && let Some(table) = provider.downcast_ref::<SourceTable>()
            {
                found |= self.stream_slots.contains(&table.slot());
            }
            Ok(TreeNodeRecursion::Continue)
        });
        found
    }
}

/// The rows of a query that is used as a value: NULL without a row, which the type has to allow.
pub(super) fn nullable(plan: LogicalPlan, at: Location) -> Checked<LogicalPlan> {
    if plan.schema().fields().iter().all(|f| f.is_nullable()) || !outer_columns(&plan).is_empty() {
        return Ok(plan);
    }
    let own: Vec<Expr> = columns(&plan).into_iter().map(Expr::Column).collect();
    let one = LogicalPlanBuilder::empty(true);
    let joined = one.join_on(plan, JoinType::Left, [lit(true)]);
    build(joined.and_then(|b| b.project(own)), at)
}

/// Columns of the query around that `plan` uses.
pub(super) fn outer_columns(plan: &LogicalPlan) -> Vec<Column> {
    let mut found = Vec::new();
    for expr in plan.all_out_ref_exprs() {
        if let Expr::OuterReferenceColumn(_, column) = expr
            && !found.contains(&column)
        {
            found.push(column);
        }
    }
    found
}

/// Whether the optimizer makes a semi or anti join of this condition, with the right answer.
fn is_semi_join(condition: &Expr) -> bool {
    match condition {
        Expr::Exists(exists) => plainly_correlated(&exists.subquery.subquery),
        Expr::InSubquery(call) => {
            let plan = &call.subquery.subquery;
            let single = plan.schema().fields().len() == 1 && !has_subquery(&call.expr);
            single && plainly_correlated(plan) && (!call.negated || outer_columns(plan).is_empty())
        }
        Expr::Not(inner) => match inner.as_ref() {
            Expr::Exists(_) => is_semi_join(inner),
            Expr::InSubquery(call) if !call.negated => {
                is_semi_join(inner) && outer_columns(&call.subquery.subquery).is_empty()
            }
            _ => !has_subquery(condition),
        },
        other => !has_subquery(other),
    }
}

pub(super) fn has_subquery(expr: &Expr) -> bool {
    expr.exists(|e| Ok(is_subquery(e))).unwrap_or(false)
}

pub(super) fn is_subquery(expr: &Expr) -> bool {
    matches!(expr, Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_))
}

/// Whether columns of the query around stand in conditions only, with nothing above that looks at several rows at once.
fn plainly_correlated(plan: &LogicalPlan) -> bool {
    let plain = |exprs: &[Expr]| !exprs.iter().any(Expr::contains_outer);
    match plan {
        LogicalPlan::Filter(filter) => !has_subquery(&filter.predicate) && plainly_correlated(&filter.input),
        LogicalPlan::Projection(projection) => plain(&projection.expr) && plainly_correlated(&projection.input),
        other => outer_columns(other).is_empty(),
    }
}

/// NOT goes down to the subqueries through AND and OR, where it decides what NULL means.
fn pushed_down(expr: Expr, negate: bool) -> Expr {
    match expr {
        Expr::Not(inner) if has_subquery(&inner) => pushed_down(*inner, !negate),
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: op @ (Operator::And | Operator::Or),
            right,
        }) if has_subquery(&left) || has_subquery(&right) => {
            let op = match (op, negate) {
                (Operator::And, true) => Operator::Or,
                (Operator::Or, true) => Operator::And,
                (op, _) => op,
            };
            let (left, right) = (pushed_down(*left, negate), pushed_down(*right, negate));
            Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
        }
        Expr::InSubquery(mut call) => {
            call.negated ^= negate;
            Expr::InSubquery(call)
        }
        Expr::Exists(mut exists) => {
            exists.negated ^= negate;
            Expr::Exists(exists)
        }
        other if negate => !other,
        other => other,
    }
}

/// The values that IN looks for, one for each column of the subquery.
fn operands(expr: &Expr, width: usize) -> Vec<Expr> {
    match expr {
        Expr::ScalarFunction(ScalarFunction { args, func })
            if width > 1 && func.name() == "named_struct" && args.len() == 2 * width =>
        {
            args.iter().skip(1).step_by(2).cloned().collect()
        }
        other => vec![other.clone()],
    }
}

/// Refuses a query as a value that may have several rows for one row of the query around it.
fn one_row(plan: &LogicalPlan, at: Location) -> Checked<()> {
    let single = match plan {
        LogicalPlan::Projection(p) => return one_row(&p.input, at),
        LogicalPlan::Filter(f) => return one_row(&f.input, at),
        LogicalPlan::SubqueryAlias(a) => return one_row(&a.input, at),
        LogicalPlan::Sort(s) => return one_row(&s.input, at),
        LogicalPlan::Distinct(d) => return one_row(d.input(), at),
        LogicalPlan::Limit(l) => matches!(
            l.get_fetch_type(),
            Ok(datafusion::logical_expr::FetchType::Literal(Some(0 | 1)))
        ),
        LogicalPlan::Values(v) => v.values.len() == 1,
        LogicalPlan::EmptyRelation(_) => true,
        LogicalPlan::Aggregate(a) => {
            let tied = tied_columns(&a.input);
            !a.aggr_expr.is_empty() && a.group_expr.iter().all(|e| tied.contains(e))
        }
        _ => false,
    };
    if single {
        return Ok(());
    }
    Err(Fault::new(
        SqlErrorKind::Unsupported,
        at,
        "a subquery that is used as a value and depends on the row has to be an aggregate, so that it has one row",
    )
    .help("take max(...), any_value(...) or LIMIT 1"))
}

/// The columns that stand in conditions with columns of the query around.
fn tied_columns(plan: &LogicalPlan) -> Vec<Expr> {
    let mut tied = Vec::new();
    let _ = plan.apply(|node| {
        if let LogicalPlan::Filter(filter) = node {
            for part in split_conjunction(&filter.predicate) {
                if part.contains_outer() {
                    tied.extend(part.column_refs().into_iter().cloned().map(Expr::Column));
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    tied
}

pub(super) fn unsupported(at: Location) -> Box<Fault> {
    let message = "this subquery uses columns of the query around it in a way that is not supported";
    Fault::new(SqlErrorKind::Unsupported, at, message).help("write it as a join, or with LATERAL VIEW")
}

/// A subquery as the engine holds it.
pub(super) fn held(plan: LogicalPlan) -> Subquery {
    let outer_ref_columns = plan.all_out_ref_exprs();
    Subquery {
        subquery: Arc::new(plan),
        outer_ref_columns,
        spans: Default::default(),
    }
}

impl Planner<'_> {
    /// The rows without what is known of keys among their columns. The engine believes that the rows made of one row still have
    /// its key to themselves, and leaves sorting, grouping and joining by more than the key away.
    pub(super) fn without_keys(&self, plan: LogicalPlan, at: Location) -> Checked<LogicalPlan> {
        let dependencies = plan.schema().functional_dependencies();
        let keys: HashSet<usize> = dependencies
            .iter()
            .flat_map(|d| d.source_indices.iter().copied())
            .collect();
        if keys.is_empty() {
            return Ok(plan);
        }
        let scope = Scope {
            schema: Arc::clone(plan.schema()),
            ..Scope::empty(None)
        };
        let mut items = Vec::new();
        for (i, column) in columns(&plan).into_iter().enumerate() {
            items.push(if keys.contains(&i) {
                let (relation, name) = (column.relation.clone(), column.name.clone());
                let opaque = self.scalar(&["__opaque"], vec![Expr::Column(column)], &scope, at)?;
                opaque.alias_qualified(relation, name)
            } else {
                Expr::Column(column)
            });
        }
        build(LogicalPlanBuilder::from(plan).project(items), at)
    }
}
