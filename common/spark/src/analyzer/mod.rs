//! Analysis as Spark does it: operands, branches and lists meet in Spark's common types, and every cast, written or implied, is
//! Spark's.
//!
//! [`SparkAnalyzer`] runs before the engine's type coercion, with which it leaves little to do; [`CastRewrite`] runs after it and
//! catches the casts the coercion added for the arguments of functions. Casts that cannot fail or change a value stay the
//! engine's, which runs them faster and pushes them down.

mod expr;
mod generate;
mod literals;
mod refuse;
mod times;

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Projection, Union};
use datafusion::optimizer::AnalyzerRule;

use crate::coerce::{common_of, comparison_type, same_shape};
use crate::functions::Result;
use crate::zone::{self, Tz};

pub use expr::{rewrite_tolerant, rewrite_tree, rewrite_whole_division};
pub use generate::GeneratorFilter;

/// Applies Spark's coercion and casts before the engine's; see the module documentation.
#[derive(Debug)]
pub struct SparkAnalyzer;

impl AnalyzerRule for SparkAnalyzer {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let zone = zone::of_config(config)?;
        rewrite_plan(plan, &|expr, schema| rewrite_tree(expr, schema, &zone))
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
        rewrite_plan(plan, &|expr, schema| {
            expr.transform_up(|expr| expr::rewrite_implied_cast(expr, schema, &zone))
        })
    }

    fn name(&self) -> &str {
        "spark_cast_rewrite"
    }
}

/// Rewrites every expression of a plan, its subqueries first, and keeps the columns' names.
fn rewrite_plan(
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
            let rewritten = rewrite(expr, &schema)?;
            Ok(rewritten.update_data(|expr| name.restore(expr)))
        })?;
        let plan = match rewritten.data {
            LogicalPlan::Union(union) => coerce_union(union)?,
            LogicalPlan::Join(mut join) => {
                for (left, right) in &mut join.on {
                    coerce_key(left, join.left.schema(), right, join.right.schema())?;
                }
                LogicalPlan::Join(join)
            }
            other => other,
        };
        // Types may have changed here or below, which the schema of this node must follow.
        if plan.inputs().is_empty() {
            return Ok(Transformed::yes(plan));
        }
        Ok(Transformed::yes(plan.recompute_schema()?))
    })
    .map(|plan| plan.data)
}

/// Brings both sides of a join key to the type Spark compares them in.
fn coerce_key(left: &mut Expr, left_schema: &DFSchema, right: &mut Expr, right_schema: &DFSchema) -> Result<()> {
    let (left_type, right_type) = (left.get_type(left_schema)?, right.get_type(right_schema)?);
    if left_type == right_type {
        return Ok(());
    }
    if let Some(common) = comparison_type(&left_type, &right_type) {
        *left = expr::cast_to(std::mem::take(left), &left_type, &common, &Tz::UTC)?;
        *right = expr::cast_to(std::mem::take(right), &right_type, &common, &Tz::UTC)?;
    }
    Ok(())
}

/// Casts the columns of a union's inputs to their common types.
fn coerce_union(union: Union) -> Result<LogicalPlan> {
    let width = union.schema.fields().len();
    let uneven = union.inputs.iter().any(|input| input.schema().fields().len() != width);
    if uneven {
        return Ok(LogicalPlan::Union(union));
    }
    let mut common = Vec::with_capacity(width);
    for at in 0..width {
        let types: Vec<_> = union
            .inputs
            .iter()
            .map(|input| input.schema().field(at).data_type().clone())
            .collect();
        // Rows may also differ in the names of fields: the first input's count.
        let alike = types.iter().all(|of| same_shape(of, &types[0]));
        common.push(common_of(&types).or_else(|| alike.then(|| types[0].clone())));
    }
    let inputs = union
        .inputs
        .into_iter()
        .map(|input| {
            let fits = input
                .schema()
                .fields()
                .iter()
                .zip(&common)
                .all(|(field, common)| common.as_ref().is_none_or(|common| common == field.data_type()));
            if fits {
                return Ok(input);
            }
            let columns = input
                .schema()
                .iter()
                .zip(&common)
                .map(|((qualifier, field), common)| {
                    let column = Expr::from((qualifier, field));
                    match common {
                        Some(common) if common != field.data_type() => {
                            let cast = expr::cast_to(column, field.data_type(), common, &Tz::UTC)?;
                            Ok(cast.alias_qualified(qualifier.cloned(), field.name().clone()))
                        }
                        _ => Ok(column),
                    }
                })
                .collect::<Result<Vec<_>>>()?;
            Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(columns, input)?)))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?))
}
