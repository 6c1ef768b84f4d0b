//! The order of a subquery's rows, kept for what reads them.
//!
//! Spark does not promise the order of a subquery, but it leaves its sort in place: `collect_list` and `first` over
//! `(SELECT ... ORDER BY x)` see the rows in that order, and people count on it. The engine removes a sort nobody asks for;
//! this operator asks.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use datafusion::common::{DFSchemaRef, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::{LexOrdering, OrderingRequirements};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};

use crate::operator::unary_operator;

/// A sort that stays where it is, in a logical plan. Rows pass unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeepOrderNode {
    input: LogicalPlan,
}

impl KeepOrderNode {
    /// Keeps the order of `input`.
    #[must_use]
    pub fn new(input: LogicalPlan) -> Self {
        Self { input }
    }
}

impl PartialOrd for KeepOrderNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl UserDefinedLogicalNodeCore for KeepOrderNode {
    fn name(&self) -> &'static str {
        "KeepOrder"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeepOrder")
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        match (inputs.pop(), inputs.is_empty()) {
            (Some(input), true) => Ok(Self::new(input)),
            _ => internal_err!("an order has one input"),
        }
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![output_columns.to_vec()])
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }
}

/// Runs a [`KeepOrderNode`]: nothing but the wish for its input's order.
#[derive(Debug, Clone)]
pub struct KeepOrderExec {
    input: Arc<dyn ExecutionPlan>,
    order: Option<LexOrdering>,
    properties: Arc<PlanProperties>,
}

impl KeepOrderExec {
    /// Keeps the order that `input` has now.
    #[must_use]
    pub fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let order = input.output_ordering().cloned();
        Self::with_order(input, order)
    }

    fn with_order(input: Arc<dyn ExecutionPlan>, order: Option<LexOrdering>) -> Self {
        Self {
            properties: Arc::clone(input.properties()),
            input,
            order,
        }
    }

    fn with_input(&self, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Ok(Self::with_order(input, self.order.clone()))
    }
}

impl DisplayAs for KeepOrderExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeepOrderExec")
    }
}

impl ExecutionPlan for KeepOrderExec {
    fn name(&self) -> &'static str {
        "KeepOrderExec"
    }

    unary_operator!();

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.order.clone().map(OrderingRequirements::from)]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}
