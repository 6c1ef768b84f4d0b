//! Teaches a DataFusion session our logical nodes.

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
use crate::time_window::{TimeWindowExec, TimeWindowNode};
use crate::window_rewrite::{WindowRewrite, window_functions};

/// The session `state` with the time window functions and with watermarks and time windows planned as our operators.
#[must_use]
pub fn extend(state: SessionState) -> SessionState {
    let mut builder = SessionStateBuilder::new_from_existing(state)
        .with_query_planner(Arc::new(Planner))
        .with_analyzer_rule(Arc::new(WindowRewrite));
    builder
        .scalar_functions()
        .get_or_insert_with(Vec::new)
        .extend(window_functions().into_iter().map(Arc::new));
    builder.build()
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
        if let Some(node) = node.as_any().downcast_ref::<TimeWindowNode>() {
            let column = node.column().to_owned();
            let exec = TimeWindowExec::try_new(input()?, node.time_index()?, node.shape(), column)?;
            return Ok(Some(Arc::new(exec)));
        }
        Ok(None)
    }
}
