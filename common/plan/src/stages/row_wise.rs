//! Which operators treat rows one by one, so that a map stage may absorb them.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::scalar_subquery::ScalarSubqueryExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::unnest::UnnestExec;

use crate::event_time::WatermarkExec;
use crate::time_window::TimeWindowExec;

/// Whether `node` gives for each row of its child `child` what it would give if that row came alone.
pub(super) fn is_row_wise(node: &Arc<dyn ExecutionPlan>, child: usize) -> bool {
    if let Some(join) = node.downcast_ref::<HashJoinExec>() {
        return keeps_rows_apart(*join.join_type(), child);
    }
    if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>() {
        return keeps_rows_apart(*join.join_type(), child);
    }
    node.downcast_ref::<CrossJoinExec>().is_some()
        || node.downcast_ref::<FilterExec>().is_some()
        || node.downcast_ref::<ProjectionExec>().is_some()
        || node.downcast_ref::<UnnestExec>().is_some()
        || node.downcast_ref::<CooperativeExec>().is_some()
        || node.downcast_ref::<TimeWindowExec>().is_some()
        || node.downcast_ref::<WatermarkExec>().is_some()
}

/// Whether an expression of `node` needs the value of a scalar subquery, which only the driver has.
pub(super) fn waits_for_subquery(node: &Arc<dyn ExecutionPlan>) -> bool {
    let mut found = false;
    let searched = node.apply_expressions(&mut |expr| {
        expr.apply(|part| {
            found |= part.downcast_ref::<ScalarSubqueryExpr>().is_some();
            Ok(if found {
                TreeNodeRecursion::Stop
            } else {
                TreeNodeRecursion::Continue
            })
        })
    });
    // A node that cannot be searched is left to the driver, where everything runs.
    found || searched.is_err()
}

/// Whether a join's output is the sum of the outputs for each row of its child `child` (0 left, 1 right).
fn keeps_rows_apart(join: JoinType, child: usize) -> bool {
    match join {
        JoinType::Inner => true,
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => child == 0,
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => child == 1,
        JoinType::Full => false,
    }
}
