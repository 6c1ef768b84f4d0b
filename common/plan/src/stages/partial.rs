//! The map side of an aggregation; over sliding windows, by pane (see [`crate::pane`]).

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

use super::replace_children;
use crate::pane::PaneExpandExec;
use crate::time_window::{TimeWindowExec, WindowShape};

/// `aggregate` in its first phase, over `input`.
pub(super) fn bare_partial(aggregate: &AggregateExec, input: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    Ok(Arc::new(AggregateExec::try_new(
        AggregateMode::Partial,
        Arc::new(aggregate.group_expr().clone()),
        aggregate.aggr_expr().to_vec(),
        aggregate.filter_expr().to_vec(),
        input,
        aggregate.input_schema(),
    )?))
}

/// The partial aggregation of `input`; over a sliding window of whole slides, per pane (see [`crate::pane`]).
pub(super) fn partial(aggregate: &AggregateExec, input: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let Some((panes, group, shape)) = panes(aggregate, &input)? else {
        return bare_partial(aggregate, input);
    };
    let partial = bare_partial(aggregate, panes)?;
    Ok(Arc::new(PaneExpandExec::try_new(partial, group, shape)?))
}

/// An aggregate's input cut into panes: the input, the position of the window among the group columns, the windows' shape.
type Panes = (Arc<dyn ExecutionPlan>, usize, WindowShape);

/// If `input` ends in a sliding window that `aggregate` only uses as a group column: the same input with one row per
/// pane, the position of that group column, and the windows' shape.
fn panes(aggregate: &AggregateExec, input: &Arc<dyn ExecutionPlan>) -> Result<Option<Panes>> {
    let Some((window, above)) = window_below(input) else {
        return Ok(None);
    };
    let shape = window.shape;
    if shape.is_tumbling() || shape.length_us % shape.slide_us != 0 || !aggregate.group_expr().is_single() {
        return Ok(None);
    }
    let name = window.column.as_str();
    let is_start = |expr: &Arc<dyn PhysicalExpr>| {
        expr.downcast_ref::<Column>()
            .is_some_and(|column| column.name() == name)
    };
    let mentions = |expr: &Arc<dyn PhysicalExpr>| collect_columns(expr).iter().any(|column| column.name() == name);
    let groups = aggregate.group_expr().expr();
    let Some(group) = groups.iter().position(|(expr, _)| is_start(expr)) else {
        return Ok(None);
    };
    let elsewhere = groups
        .iter()
        .enumerate()
        .any(|(i, (expr, _))| i != group && mentions(expr))
        || aggregate
            .aggr_expr()
            .iter()
            .any(|call| call.expressions().iter().any(&mentions))
        || aggregate.filter_expr().iter().flatten().any(&mentions);
    if elsewhere {
        return Ok(None);
    }
    let slide = WindowShape {
        length_us: shape.slide_us,
        ..shape
    };
    let mut plan: Arc<dyn ExecutionPlan> = Arc::new(TimeWindowExec::try_new(
        Arc::clone(&window.input),
        window.time,
        slide,
        window.column.clone(),
    )?);
    for projection in above.iter().rev() {
        plan = replace_children(projection, vec![plan])?;
    }
    Ok(Some((plan, group, shape)))
}

/// The time window under any projections that pass its start on unchanged, and those projections from the top.
fn window_below(input: &Arc<dyn ExecutionPlan>) -> Option<(&TimeWindowExec, Vec<Arc<dyn ExecutionPlan>>)> {
    let mut above = Vec::new();
    let mut node = input;
    loop {
        if let Some(window) = node.downcast_ref::<TimeWindowExec>() {
            let passed_on = above
                .iter()
                .all(|node: &Arc<dyn ExecutionPlan>| passes_on(node, &window.column));
            return passed_on.then_some((window, above));
        }
        let is_projection = node.downcast_ref::<ProjectionExec>().is_some();
        let [child] = node.children()[..] else { return None };
        if !is_projection {
            return None;
        }
        above.push(Arc::clone(node));
        node = child;
    }
}

fn passes_on(node: &Arc<dyn ExecutionPlan>, column: &str) -> bool {
    node.downcast_ref::<ProjectionExec>().is_some_and(|projection| {
        projection.expr().iter().all(|item| {
            let columns = collect_columns(&item.expr);
            let mentions = columns.iter().any(|found| found.name() == column);
            let plain = item.expr.downcast_ref::<Column>().is_some();
            !mentions || (plain && item.alias == column)
        })
    })
}
