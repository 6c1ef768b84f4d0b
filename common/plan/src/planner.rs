//! Teaches a DataFusion session our logical nodes.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use crate::event_time::{WatermarkExec, WatermarkNode};
use crate::keep_order::{KeepOrderExec, KeepOrderNode};
use crate::stream_limit::StreamLimitNode;
use crate::time_window::{TimeWindowExec, TimeWindowNode};
use crate::window_rewrite::{WindowRewrite, window_functions};

/// The session `state` with the time window functions and with watermarks and time windows planned as our operators.
#[must_use]
pub fn extend(state: SessionState) -> SessionState {
    let scalar = state.scalar_functions().clone();
    let aggregate = state.aggregate_functions().clone();
    let window = state.window_functions().clone();
    let mut builder = SessionStateBuilder::new_from_existing(state)
        .with_query_planner(Arc::new(Planner))
        .with_analyzer_rule(Arc::new(WindowRewrite))
        .with_aggregate_functions(in_order(&aggregate, |f| named(f.name(), f.aliases())))
        .with_window_functions(in_order(&window, |f| named(f.name(), f.aliases())))
        .with_scalar_functions(in_order(&scalar, |f| named(f.name(), f.aliases())));
    builder
        .scalar_functions()
        .get_or_insert_with(Vec::new)
        .extend(window_functions().into_iter().map(Arc::new));
    builder.build()
}

fn named(name: &str, aliases: &[String]) -> Vec<String> {
    std::iter::once(name.to_owned())
        .chain(aliases.iter().cloned())
        .collect()
}

/// The functions of a session in an order that gives every name to the function that has it there. A function takes its aliases
/// from those registered before it, and the session's table, which is hashed, does not remember who came last.
fn in_order<F>(session: &HashMap<String, Arc<F>>, names: impl Fn(&F) -> Vec<String>) -> Vec<Arc<F>> {
    let mut order: Vec<Arc<F>> = session.values().cloned().collect();
    // Each round puts right what the one before took away; names taken in turn are few.
    for _ in 0..8 {
        let mut holders: HashMap<String, &Arc<F>> = HashMap::new();
        for function in &order {
            holders.extend(names(function.as_ref()).into_iter().map(|name| (name, function)));
        }
        let robbed: Vec<Arc<F>> = session
            .iter()
            .filter(|(name, function)| holders.get(*name).is_none_or(|held| !Arc::ptr_eq(held, function)))
            .map(|(_, function)| Arc::clone(function))
            .collect();
        if robbed.is_empty() {
            break;
        }
        order.extend(robbed);
    }
    order
}

#[derive(Debug)]
struct Planner;

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn datafusion::catalog::Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(Nodes)])
            .create_physical_plan(plan, session)
            .await
    }
}

struct Nodes;

#[async_trait]
impl ExtensionPlanner for Nodes {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        _session: &dyn datafusion::catalog::Session,
        _planning: &datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let input = || match physical_inputs {
            [input] => Ok(Arc::clone(input)),
            _ => internal_err!("{} has exactly one input", node.name()),
        };
        if let Some(node) = node.as_any().downcast_ref::<WatermarkNode>() {
            let exec = WatermarkExec::try_new(input()?, node.column_index()?, node.watermark())?;
            return Ok(Some(Arc::new(exec)));
        }
        if node.as_any().is::<KeepOrderNode>() {
            return Ok(Some(Arc::new(KeepOrderExec::new(input()?))));
        }
        if let Some(node) = node.as_any().downcast_ref::<TimeWindowNode>() {
            let column = node.column().to_owned();
            let exec = TimeWindowExec::try_new(input()?, node.time_index()?, node.shape(), column)?;
            return Ok(Some(Arc::new(exec)));
        }
        if let Some(node) = node.as_any().downcast_ref::<StreamLimitNode>() {
            return Ok(Some(Arc::new(node.exec(input()?))));
        }
        Ok(None)
    }
}
