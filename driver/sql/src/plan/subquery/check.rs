//! Where a subquery may use columns of the query around it, by Spark's rules.

use datafusion::common::JoinType;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};
use sqlparser::tokenizer::Location;

use super::outer_columns;
use crate::error::{Checked, Fault, SqlErrorKind};

/// What a subquery is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan) enum Use {
    /// As a value.
    Value,
    /// As a relation behind LATERAL.
    Lateral,
    /// Behind IN or EXISTS.
    Predicate,
}

/// Refuses columns of the query around where they cannot stand.
pub(in crate::plan) fn check_correlation(plan: &LogicalPlan, of: Use, at: Location) -> Checked<()> {
    if outer_columns(plan).is_empty() {
        return Ok(());
    }
    walk(plan, of, false, at)?;
    match of {
        Use::Value => super::one_row(plan, at),
        _ => Ok(()),
    }
}

fn refuse(at: Location, place: &str) -> Checked<()> {
    let message = format!("a subquery cannot use columns of the query around it {place}");
    Err(Fault::new(SqlErrorKind::Unsupported, at, message)
        .help("use them in a condition of its WHERE, or write it as a join"))
}

fn walk(plan: &LogicalPlan, of: Use, grouped: bool, at: Location) -> Checked<()> {
    let outer = |exprs: &[Expr]| exprs.iter().any(Expr::contains_outer);
    let below = || plan.inputs().iter().any(|i| !outer_columns(i).is_empty());
    match plan {
        LogicalPlan::Filter(filter) if grouped && of == Use::Predicate => {
            let parts = split_conjunction(&filter.predicate);
            if parts.iter().any(|p| p.contains_outer() && !is_tie(p)) {
                return refuse(at, "below an aggregate other than by equality");
            }
        }
        LogicalPlan::Projection(projection) if outer(&projection.expr) => {
            if of == Use::Predicate {
                return refuse(at, "in its SELECT list");
            }
            if aggregates(&projection.input) {
                return refuse(at, "beside its aggregates");
            }
        }
        LogicalPlan::Aggregate(aggregate) if outer(&aggregate.group_expr) || outer(&aggregate.aggr_expr) => {
            return refuse(at, "in its aggregates and groups");
        }
        LogicalPlan::Limit(_) if below() => return refuse(at, "below LIMIT"),
        LogicalPlan::Window(_) if below() => return refuse(at, "below a window function"),
        LogicalPlan::Union(_) if of == Use::Predicate && below() => return refuse(at, "below UNION"),
        LogicalPlan::Join(join) => {
            let on = join.on.iter().any(|(l, r)| l.contains_outer() || r.contains_outer());
            let on = on || join.filter.as_ref().is_some_and(Expr::contains_outer);
            if on && (of == Use::Predicate || join.join_type != JoinType::Inner) {
                return refuse(at, "in the condition of its join");
            }
        }
        _ => {}
    }
    let grouped = grouped || matches!(plan, LogicalPlan::Aggregate(_));
    plan.inputs()
        .into_iter()
        .try_for_each(|input| walk(input, of, grouped, at))
}

/// Whether a condition ties a column of the subquery to one of the query around.
fn is_tie(condition: &Expr) -> bool {
    match condition {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Eq | Operator::IsNotDistinctFrom,
            right,
        }) => {
            let mixed = |e: &Expr| e.contains_outer() && !e.column_refs().is_empty();
            !mixed(left) && !mixed(right)
        }
        _ => false,
    }
}

fn aggregates(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(_) => true,
        LogicalPlan::Filter(filter) => aggregates(&filter.input),
        _ => false,
    }
}
