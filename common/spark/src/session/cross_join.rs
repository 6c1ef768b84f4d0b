//! The engine's rule that orders inner joins, kept from plans in which it would mix kinds of equality.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{NullEquality, Result};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

const RULE: &str = "eliminate_cross_join";

/// `rule` as it is used here: the one that orders inner joins leaves plans alone that join by `<=>`. It takes the joins apart
/// and compares all their keys as the topmost join does, so that nulls would meet or miss each other.
pub(super) fn kept_apart(rule: Arc<dyn OptimizerRule + Send + Sync>) -> Arc<dyn OptimizerRule + Send + Sync> {
    if rule.name() == RULE {
        Arc::new(OneEquality(rule))
    } else {
        rule
    }
}

#[derive(Debug)]
struct OneEquality(Arc<dyn OptimizerRule + Send + Sync>);

impl OptimizerRule for OneEquality {
    fn name(&self) -> &str {
        RULE
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if joins_nulls(&plan)? {
            return Ok(Transformed::no(plan));
        }
        self.0.rewrite(plan, config)
    }
}

/// Whether a join in `plan` or in its subqueries compares its keys by `<=>`.
fn joins_nulls(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::Join(join) if join.null_equality == NullEquality::NullEqualsNull);
        Ok(if found {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    })?;
    Ok(found)
}
