//! The condition that a generator puts on its input, as Spark infers it (`InferFiltersFromGenerate`).

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, NullHandling};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, Unnest, lit};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::Result;

/// Drops rows from which a generator over a plain column makes nothing, before the generator.
///
/// The rows of the query stay the same; but the condition moves down, and below a watermark it decides, as in Spark, which
/// event times count.
#[derive(Debug)]
pub struct GeneratorFilter;

impl AnalyzerRule for GeneratorFilter {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Unnest(unnest) => filtered(unnest),
            node => Ok(Transformed::no(node)),
        })
        .map(|t| t.data)
    }

    fn name(&self) -> &str {
        "generator_filter"
    }
}

fn filtered(unnest: Unnest) -> Result<Transformed<LogicalPlan>> {
    let drops = unnest.options.null_handling == NullHandling::Drop;
    let list = unnest.exec_columns.first().cloned();
    let Some(list) = list.filter(|list| drops && is_plain(&unnest.input, list)) else {
        return Ok(Transformed::no(LogicalPlan::Unnest(unnest)));
    };
    let size = datafusion::functions_nested::expr_fn::cardinality(Expr::Column(list));
    let filter = Filter::try_new(size.gt(lit(0_u64)), Arc::clone(&unnest.input))?;
    let input = Arc::new(LogicalPlan::Filter(filter));
    Ok(Transformed::yes(LogicalPlan::Unnest(Unnest { input, ..unnest })))
}

/// Whether `list` is a column of the query, or the entries of one that is a map, and not made by an expression.
fn is_plain(input: &LogicalPlan, list: &Column) -> bool {
    let LogicalPlan::Projection(projection) = input else {
        return false;
    };
    let Ok(index) = projection.schema.index_of_column(list) else {
        return false;
    };
    match &projection.expr[index] {
        // Handed on beside the elements' positions.
        Expr::Column(column) if matches!(projection.input.as_ref(), LogicalPlan::Projection(_)) => {
            is_plain(&projection.input, column)
        }
        Expr::Alias(alias) => match alias.expr.as_ref() {
            Expr::Column(_) => true,
            Expr::ScalarFunction(call) => {
                call.func.name() == "map_entries" && matches!(call.args.as_slice(), [Expr::Column(_)])
            }
            _ => false,
        },
        _ => false,
    }
}
