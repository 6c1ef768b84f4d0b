//! What becomes of a streaming query's plan before it is optimised.
//!
//! Two things are not the engine's way: a `LIMIT` of rows that are only ever added counts over all batches, and which rows move a watermark is
//! part of the answer. Spark filters by subqueries before the watermark sees the rows, as long as the filter does not look at the
//! event time. Subqueries become joins before the engine moves filters, so such filters are moved here.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, JoinType, TableReference};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Extension, FetchType, LogicalPlan, LogicalPlanBuilder, Subquery};
use millstream_plan::event_time::WatermarkNode;
use millstream_plan::spec::{OutputMode, SlotId};
use millstream_plan::stream_limit::StreamLimitNode;

use crate::legality::is_streaming;

/// `plan`, the checked plan of a streaming query over `streams`, as it is to be optimised.
///
/// # Errors
/// When the engine cannot put a changed plan together.
pub(crate) fn rewrite(plan: LogicalPlan, streams: &BTreeSet<SlotId>, mode: OutputMode) -> Result<LogicalPlan> {
    if mode == OutputMode::Update {
        return Ok(plan);
    }
    let mut limits = 0;
    let plan = plan.transform_up(|node| match node {
        // In complete mode the rows of an aggregation are all there in every batch.
        LogicalPlan::Limit(limit)
            if is_streaming(&limit.input, streams)
                && (mode == OutputMode::Append || !is_aggregated(&limit.input, streams)) =>
        {
            let FetchType::Literal(Some(fetch)) = limit.get_fetch_type()? else {
                return Ok(Transformed::no(LogicalPlan::Limit(limit)));
            };
            let node = StreamLimitNode::new(Arc::unwrap_or_clone(limit.input), fetch as u64, limits);
            limits += 1;
            Ok(Transformed::yes(LogicalPlan::Extension(Extension {
                node: Arc::new(node),
            })))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(plan.data)
}

/// Whether rows of a stream are aggregated in `plan`.
fn is_aggregated(plan: &LogicalPlan, streams: &BTreeSet<SlotId>) -> bool {
    plan.exists(|node| {
        let aggregates = matches!(node, LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_));
        Ok(aggregates && is_streaming(node, streams))
    })
    .unwrap_or(false)
}

/// Puts a condition on the rows of a plan; none when it cannot.
pub(crate) type Filtering<'a> = &'a mut dyn FnMut(LogicalPlan, Expr) -> Option<LogicalPlan>;

/// `plan` with `condition` below its watermark, where `filter` puts it; none when it cannot be moved there.
///
/// # Errors
/// When the engine cannot put the changed plan together.
pub(crate) fn below_watermark(
    plan: &LogicalPlan,
    condition: &Expr,
    filter: Filtering<'_>,
) -> Result<Option<LogicalPlan>> {
    let rebuilt = |position: usize, changed: Option<LogicalPlan>| -> Result<Option<LogicalPlan>> {
        let Some(changed) = changed else { return Ok(None) };
        let mut inputs: Vec<LogicalPlan> = plan.inputs().into_iter().cloned().collect();
        if let Some(input) = inputs.get_mut(position) {
            *input = changed;
        }
        plan.with_new_exprs(plan.expressions(), inputs).map(Some)
    };
    match plan {
        LogicalPlan::Filter(above) => rebuilt(0, below_watermark(&above.input, condition, filter)?),
        LogicalPlan::SubqueryAlias(alias) => {
            let inner = alias.input.schema().columns();
            let Some(condition) = renamed(condition, &|column| {
                let at = alias.schema.index_of_column(column).ok()?;
                inner.get(at).cloned()
            })?
            else {
                return Ok(None);
            };
            rebuilt(0, below_watermark(&alias.input, &condition, filter)?)
        }
        LogicalPlan::Projection(projection) => {
            let Some(condition) = renamed(condition, &|column| {
                let at = projection.schema.index_of_column(column).ok()?;
                match projection.expr.get(at)?.clone().unalias() {
                    Expr::Column(column) => Some(column),
                    _ => None,
                }
            })?
            else {
                return Ok(None);
            };
            rebuilt(0, below_watermark(&projection.input, &condition, filter)?)
        }
        LogicalPlan::Join(join) => {
            let sides = [
                (0, &join.left, keeps_left(join.join_type)),
                (1, &join.right, keeps_right(join.join_type)),
            ];
            for (position, side, keeps) in sides {
                let known = |column: &Column| side.schema().has_column(column).then(|| column.clone());
                if keeps && let Some(condition) = renamed(condition, &known)? {
                    return rebuilt(position, below_watermark(side, &condition, filter)?);
                }
            }
            Ok(None)
        }
        LogicalPlan::Extension(extension) => {
            let Some(watermark) = extension.node.as_any().downcast_ref::<WatermarkNode>() else {
                return Ok(None);
            };
            let time = plan.schema().columns().get(watermark.column_index()?).cloned();
            let other = |column: &Column| (Some(column) != time.as_ref()).then(|| column.clone());
            let [input] = plan.inputs()[..] else { return Ok(None) };
            if renamed(condition, &other)?.is_none() {
                return Ok(None);
            }
            rebuilt(0, filtered(input, condition, filter)?)
        }
        _ => Ok(None),
    }
}

/// The rows of `input` that meet `condition`. While it applies they have a relation's name, so that a column of the same name
/// inside a subquery is another; none when their own names would not tell them apart.
fn filtered(input: &LogicalPlan, condition: &Expr, filter: Filtering<'_>) -> Result<Option<LogicalPlan>> {
    let columns = input.schema().columns();
    let names: BTreeSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    if names.len() < columns.len() {
        return Ok(None);
    }
    let relation = TableReference::bare("__before_watermark");
    let qualified = |column: &Column| Some(Column::new(Some(relation.clone()), &column.name));
    let Some(condition) = renamed(condition, &qualified)? else {
        return Ok(None);
    };
    let own_names = columns.iter().map(|column| {
        let named = Expr::Column(Column::new(Some(relation.clone()), &column.name));
        named.alias_qualified(column.relation.clone(), &column.name)
    });
    let named = LogicalPlanBuilder::from(input.clone())
        .alias(relation.clone())?
        .build()?;
    let Some(plan) = filter(named, condition) else {
        return Ok(None);
    };
    LogicalPlanBuilder::from(plan).project(own_names)?.build().map(Some)
}

fn keeps_left(join: JoinType) -> bool {
    matches!(
        join,
        JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti
    )
}

fn keeps_right(join: JoinType) -> bool {
    matches!(join, JoinType::Inner | JoinType::Right)
}

/// `expr` with its columns, and those its subqueries take from it, under other names; none when `to` knows none for one.
fn renamed(expr: &Expr, to: &dyn Fn(&Column) -> Option<Column>) -> Result<Option<Expr>> {
    let mut lost = false;
    let mut name = |column: Column| {
        to(&column).unwrap_or_else(|| {
            lost = true;
            column
        })
    };
    let changed = expr.clone().transform_up(|e| {
        Ok(match e {
            Expr::Column(column) => Transformed::yes(Expr::Column(name(column))),
            Expr::InSubquery(mut e) => {
                e.subquery = outer_renamed(e.subquery, &mut name)?;
                Transformed::yes(Expr::InSubquery(e))
            }
            Expr::Exists(mut e) => {
                e.subquery = outer_renamed(e.subquery, &mut name)?;
                Transformed::yes(Expr::Exists(e))
            }
            Expr::ScalarSubquery(e) => Transformed::yes(Expr::ScalarSubquery(outer_renamed(e, &mut name)?)),
            other => Transformed::no(other),
        })
    })?;
    Ok((!lost).then_some(changed.data))
}

/// A subquery whose references to the query around it have other names.
fn outer_renamed(subquery: Subquery, name: &mut dyn FnMut(Column) -> Column) -> Result<Subquery> {
    let mut rename = |e: Expr| -> Result<Transformed<Expr>> {
        Ok(match e {
            Expr::OuterReferenceColumn(field, column) => {
                Transformed::yes(Expr::OuterReferenceColumn(field, name(column)))
            }
            other => Transformed::no(other),
        })
    };
    let outer_ref_columns = subquery
        .outer_ref_columns
        .into_iter()
        .map(|e| e.transform_up(&mut rename).map(|e| e.data))
        .collect::<Result<Vec<_>>>()?;
    let plan = Arc::unwrap_or_clone(subquery.subquery)
        .transform_up(|node| node.map_expressions(|e| e.transform_up(&mut rename)))?
        .data;
    Ok(Subquery {
        subquery: Arc::new(plan),
        outer_ref_columns,
        spans: subquery.spans,
    })
}
