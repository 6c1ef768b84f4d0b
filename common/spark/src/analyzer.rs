//! Analysis as Spark does it: every cast, written or implied, is Spark's.
//!
//! [`SparkAnalyzer`] runs before the engine's type coercion and turns the casts of the query into `spark_cast`;
//! [`CastRewrite`] runs after it and does the same for casts the coercion added, but leaves those that cannot fail or change
//! a value, which the engine runs faster and pushes down.

use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::common::DFSchema;
use datafusion::optimizer::AnalyzerRule;

use crate::functions::Result;
use crate::functions::conversion::{cast_literal, spark_cast};
use crate::{types, zone};

/// Replaces written casts before types are coerced; see the module documentation.
#[derive(Debug)]
pub struct SparkAnalyzer;

impl AnalyzerRule for SparkAnalyzer {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let zone = zone::of_config(config)?;
        rewrite_plan(plan, &|expr, schema| rewrite_cast(expr, schema, &zone))
    }

    fn name(&self) -> &str {
        "spark_analyzer"
    }
}

/// Replaces implied casts after types were coerced; see the module documentation.
#[derive(Debug)]
pub struct CastRewrite;

impl AnalyzerRule for CastRewrite {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let zone = zone::of_config(config)?;
        rewrite_plan(plan, &|expr, schema| rewrite_cast(expr, schema, &zone))
    }

    fn name(&self) -> &str {
        "spark_cast_rewrite"
    }
}

/// Rewrites every expression of a plan, its subqueries first, and keeps the columns' names.
pub(crate) fn rewrite_plan(
    plan: LogicalPlan,
    rewrite: &dyn Fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        let mut schema = merge_schema(&plan.inputs());
        if let LogicalPlan::TableScan(scan) = &plan {
            schema.merge(&scan.projected_schema);
        }
        let names = NamePreserver::new(&plan);
        let rewritten = plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let rewritten = expr.transform_up(|expr| rewrite(expr, &schema))?;
            Ok(rewritten.update_data(|expr| name.restore(expr)))
        })?;
        if rewritten.transformed {
            let plan = rewritten.data.recompute_schema()?;
            return Ok(Transformed::yes(plan));
        }
        // Types may have changed below, which the schema of this node must follow.
        if rewritten.data.inputs().is_empty() {
            return Ok(Transformed::new(rewritten.data, false, TreeNodeRecursion::Continue));
        }
        Ok(Transformed::yes(rewritten.data.recompute_schema()?))
    })
    .map(|plan| plan.data)
}

fn rewrite_cast(expr: Expr, schema: &DFSchema, zone: &Tz) -> Result<Transformed<Expr>> {
    let (inner, field) = match expr {
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => (expr, field),
        other => return Ok(Transformed::no(other)),
    };
    let to = field.data_type();
    if let Expr::Literal(value, metadata) = inner.as_ref()
        && crate::cast::can_cast(&value.data_type(), to)
        && !matches!(value, ScalarValue::List(_) | ScalarValue::Struct(_) | ScalarValue::Map(_))
    {
        return Ok(Transformed::yes(Expr::Literal(cast_literal(value, to, zone)?, metadata.clone())));
    }
    let from = inner.get_type(schema)?;
    if &from == to {
        return Ok(Transformed::yes(*inner));
    }
    if is_engine_cast(&from, to) {
        return Ok(Transformed::no(Expr::Cast(Cast::new_from_field(inner, field))));
    }
    Ok(Transformed::yes(spark_cast(*inner, to)?))
}

/// Whether the engine's own cast gives what Spark gives for every value.
fn is_engine_cast(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    match (from, to) {
        (T::Null, _) => true,
        (T::Int8, T::Int16 | T::Int32 | T::Int64 | T::Float64)
        | (T::Int16, T::Int32 | T::Int64 | T::Float64)
        | (T::Int32, T::Int64 | T::Float64)
        | (T::Float32, T::Float64) => true,
        (from, to) => types::is_text(from) && types::is_text(to),
    }
}
