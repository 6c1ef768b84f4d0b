//! Projections and lambda functions.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::physical_expr::HigherOrderFunctionExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;

/// A rule that merges and moves projections, left out where lambda functions are called: their parameters stand behind the
/// columns of the rows they were planned for, and the rule moves the columns alone.
#[derive(Debug)]
pub(super) struct WithoutLambdas(pub(super) Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for WithoutLambdas {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if calls_lambdas(&plan)? {
            return Ok(plan);
        }
        self.0.optimize(plan, config)
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

fn calls_lambdas(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    plan.exists(|node| {
        let Some(projection) = node.downcast_ref::<ProjectionExec>() else {
            return Ok(false);
        };
        let mut found = false;
        for item in projection.expr() {
            item.expr.apply(|e| {
                found |= e.downcast_ref::<HigherOrderFunctionExpr>().is_some();
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(found)
    })
}
