//! A subquery for all rows of the query around it at once.
//!
//! The columns it uses of that query become columns of its own: it starts from their distinct values, the domain, and carries them
//! through all that it does, keeping apart what belongs to different values. Joined with the rows on these columns, it gives
//! each row what it would have given for that row alone.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::logical_expr::expr::GroupingSet;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, Expr, FetchType, Join, Limit, LogicalPlan, LogicalPlanBuilder, Operator, SkipType,
    Union, Unnest, Window, lit,
};
use sqlparser::tokenizer::Location;

use super::unsupported;
use crate::error::Checked;
use crate::plan::scope::columns;
use crate::plan::select::build;
use crate::plan::{Planner, engine_fault};

/// The rows of the query around, and which of their columns a subquery uses.
pub(super) struct Domain {
    plan: LogicalPlan,
    columns: Vec<Column>,
    /// Whether an aggregate without groups has its row also for a value that it finds nothing for.
    totals: bool,
}

impl Domain {
    pub(super) fn new(plan: &LogicalPlan, columns: Vec<Column>, totals: bool) -> Self {
        Self {
            plan: plan.clone(),
            columns,
            totals,
        }
    }

    fn is_used_by(&self, plan: &LogicalPlan) -> bool {
        super::outer_columns(plan).iter().any(|c| self.columns.contains(c))
    }
}

/// A subquery for all values of its domain; `names` are the domain's columns in it.
#[derive(Clone)]
pub(super) struct Spread {
    pub(super) plan: LogicalPlan,
    pub(super) names: Vec<String>,
}

impl Spread {
    fn keys(&self) -> Vec<Expr> {
        self.names.iter().map(|n| Expr::Column(named(&self.plan, n))).collect()
    }
}

/// The column of that name, which is known to be the only one.
pub(in crate::plan) fn named(plan: &LogicalPlan, name: &str) -> Column {
    columns(plan)
        .into_iter()
        .find(|c| c.name == name)
        .unwrap_or_else(|| Column::new_unqualified(name))
}

/// Conditions that tie columns to columns, NULL to NULL.
pub(in crate::plan) fn equal_keys(left: &[Column], right: &[Column]) -> Vec<Expr> {
    let pairs = left.iter().zip(right);
    pairs
        .map(|(l, r)| same(Expr::Column(l.clone()), Expr::Column(r.clone())))
        .collect()
}

fn same(left: Expr, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(
        Box::new(left),
        Operator::IsNotDistinctFrom,
        Box::new(right),
    ))
}

impl Planner<'_> {
    /// `plan` for all values of the domain.
    pub(super) fn spread(&mut self, plan: LogicalPlan, domain: &Domain, at: Location) -> Checked<Spread> {
        if !domain.is_used_by(&plan) {
            let start = self.start(domain, at)?;
            let joined = build(LogicalPlanBuilder::from(start.plan).cross_join(plan), at)?;
            return Ok(Spread {
                plan: joined,
                names: start.names,
            });
        }
        match plan {
            LogicalPlan::Filter(filter) => {
                let input = self.spread(own(filter.input), domain, at)?;
                let condition = domain.resolved(filter.predicate, &input, at)?;
                let plan = build(LogicalPlanBuilder::from(input.plan).filter(condition), at)?;
                Ok(Spread { plan, ..input })
            }
            LogicalPlan::Projection(projection) => {
                let input = self.spread(own(projection.input), domain, at)?;
                let mut items = domain.each_resolved(projection.expr, &input, at)?;
                items.extend(input.keys());
                let plan = build(LogicalPlanBuilder::from(input.plan).project(items), at)?;
                Ok(Spread { plan, ..input })
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let input = self.spread(own(alias.input), domain, at)?;
                let plan = build(LogicalPlanBuilder::from(input.plan).alias(alias.alias), at)?;
                Ok(Spread { plan, ..input })
            }
            LogicalPlan::Aggregate(aggregate) => self.spread_aggregate(aggregate, domain, at),
            LogicalPlan::Window(window) => self.spread_window(window, domain, at),
            LogicalPlan::Sort(mut sort) => {
                let input = self.spread(own(sort.input), domain, at)?;
                for item in &mut sort.expr {
                    item.expr = domain.resolved(std::mem::take(&mut item.expr), &input, at)?;
                }
                sort.input = Arc::new(input.plan);
                Ok(Spread {
                    plan: LogicalPlan::Sort(sort),
                    names: input.names,
                })
            }
            LogicalPlan::Limit(limit) => self.spread_limit(limit, domain, at),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let input = self.spread(own(input), domain, at)?;
                Ok(Spread {
                    plan: LogicalPlan::Distinct(Distinct::All(Arc::new(input.plan))),
                    names: input.names,
                })
            }
            LogicalPlan::Union(union) => self.spread_union(union, domain, at),
            LogicalPlan::Join(join) => self.spread_join(join, domain, at),
            LogicalPlan::Unnest(Unnest {
                input,
                exec_columns,
                options,
                ..
            }) => {
                let input = self.spread(own(input), domain, at)?;
                let builder = LogicalPlanBuilder::from(input.plan);
                let plan = build(builder.unnest_columns_with_options(exec_columns, options), at)?;
                Ok(Spread {
                    plan,
                    names: input.names,
                })
            }
            _ => Err(unsupported(at)),
        }
    }

    /// The distinct values of the domain, under new names.
    fn start(&mut self, domain: &Domain, at: Location) -> Checked<Spread> {
        let names: Vec<String> = domain.columns.iter().map(|_| self.fresh("outer")).collect();
        let items = domain.columns.iter().zip(&names);
        let items: Vec<Expr> = items.map(|(c, n)| Expr::Column(c.clone()).alias(n)).collect();
        let builder = LogicalPlanBuilder::from(domain.plan.clone()).project(items);
        let plan = build(builder.and_then(LogicalPlanBuilder::distinct), at)?;
        Ok(Spread { plan, names })
    }

    fn spread_aggregate(&mut self, aggregate: Aggregate, domain: &Domain, at: Location) -> Checked<Spread> {
        let mut input = self.spread(own(aggregate.input), domain, at)?;
        let mut calls = domain.each_resolved(aggregate.aggr_expr, &input, at)?;
        let mut groups = domain.each_resolved(aggregate.group_expr, &input, at)?;
        if groups.is_empty() && domain.totals {
            // There is a row for every value of the domain, also where nothing is aggregated: such a value gets a row that no
            // aggregate counts.
            let start = self.start(domain, at)?;
            let there = self.fresh("there");
            let mut items: Vec<Expr> = columns(&input.plan).into_iter().map(Expr::Column).collect();
            items.push(lit(true).alias(&there));
            let on = start.keys().into_iter().zip(input.keys()).map(|(l, r)| same(l, r));
            let on: Vec<Expr> = on.collect();
            let rows = build(LogicalPlanBuilder::from(input.plan).project(items), at)?;
            let plan = build(
                LogicalPlanBuilder::from(start.plan).join_on(rows, JoinType::Left, on),
                at,
            )?;
            let counted = Expr::Column(Column::new_unqualified(there)).is_not_null();
            calls = calls
                .into_iter()
                .map(|call| filtered_call(call, &counted))
                .collect::<Result<_, _>>()
                .map_err(|e| engine_fault(&e, at))?;
            input = Spread {
                plan,
                names: start.names,
            };
        }
        let keys = input.keys();
        match groups.as_mut_slice() {
            [Expr::GroupingSet(GroupingSet::GroupingSets(sets))] => {
                sets.iter_mut().for_each(|set| set.extend(keys.iter().cloned()));
            }
            _ => groups.extend(keys),
        }
        let plan = build(LogicalPlanBuilder::from(input.plan).aggregate(groups, calls), at)?;
        Ok(Spread {
            plan,
            names: input.names,
        })
    }

    fn spread_window(&mut self, window: Window, domain: &Domain, at: Location) -> Checked<Spread> {
        let input = self.spread(own(window.input), domain, at)?;
        let keys = input.keys();
        let calls = domain
            .each_resolved(window.window_expr, &input, at)?
            .into_iter()
            .map(|call| {
                let name = NamePreserver::new_for_projection().save(&call);
                let wider = call.transform_up(|e| match e {
                    Expr::WindowFunction(mut call) => {
                        call.params.partition_by.extend(keys.iter().cloned());
                        Ok(Transformed::yes(Expr::WindowFunction(call)))
                    }
                    e => Ok(Transformed::no(e)),
                });
                wider.map(|w| name.restore(w.data))
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| engine_fault(&e, at))?;
        let plan = Window::try_new(calls, Arc::new(input.plan)).map_err(|e| engine_fault(&e, at))?;
        Ok(Spread {
            plan: LogicalPlan::Window(plan),
            names: input.names,
        })
    }

    /// The first rows for each value of the domain, by number.
    fn spread_limit(&mut self, limit: Limit, domain: &Domain, at: Location) -> Checked<Spread> {
        let fail = |e| engine_fault(&e, at);
        let (SkipType::Literal(skip), FetchType::Literal(fetch)) = (
            limit.get_skip_type().map_err(fail)?,
            limit.get_fetch_type().map_err(fail)?,
        ) else {
            return Err(unsupported(at));
        };
        let again = |input| Limit {
            skip: limit.skip.clone(),
            fetch: limit.fetch.clone(),
            input,
        };
        // What makes one row of one row can as well come after: so the limit meets the order.
        match own(Arc::clone(&limit.input)) {
            LogicalPlan::Projection(mut projection) => {
                projection.input = Arc::new(LogicalPlan::Limit(again(projection.input)));
                return self.spread(LogicalPlan::Projection(projection), domain, at);
            }
            LogicalPlan::SubqueryAlias(mut alias) => {
                alias.input = Arc::new(LogicalPlan::Limit(again(alias.input)));
                return self.spread(LogicalPlan::SubqueryAlias(alias), domain, at);
            }
            _ => {}
        }
        let input = self.spread(own(limit.input), domain, at)?;
        let order_by = match &input.plan {
            LogicalPlan::Sort(sort) => sort.expr.clone(),
            _ => vec![],
        };
        let number = self.fresh("number");
        let call = self.row_number(input.keys(), order_by).map_err(fail)?;
        let all: Vec<Expr> = columns(&input.plan).into_iter().map(Expr::Column).collect();
        let plan = Window::try_new(vec![call.alias(&number)], Arc::new(input.plan)).map_err(fail)?;
        let plan = LogicalPlan::Window(plan);
        let number = || {
            let number = Expr::Column(Column::new_unqualified(&number));
            datafusion::logical_expr::cast(number, arrow::datatypes::DataType::Int64)
        };
        let bound = |n: usize| lit(i64::try_from(n).unwrap_or(i64::MAX));
        let mut kept = number().gt(bound(skip));
        if let Some(fetch) = fetch {
            kept = kept.and(number().lt_eq(bound(skip.saturating_add(fetch))));
        }
        let builder = LogicalPlanBuilder::from(plan).filter(kept);
        let plan = build(builder.and_then(|b| b.project(all)), at)?;
        Ok(Spread {
            plan,
            names: input.names,
        })
    }

    fn spread_union(&mut self, union: Union, domain: &Domain, at: Location) -> Checked<Spread> {
        let shown: Vec<Column> = union.schema.columns();
        let names: Vec<String> = domain.columns.iter().map(|_| self.fresh("outer")).collect();
        let mut inputs = Vec::with_capacity(union.inputs.len());
        for input in union.inputs {
            let own_columns = columns(&input);
            let input = self.spread(own(input), domain, at)?;
            let own_columns = own_columns.into_iter().zip(&shown);
            let mut items: Vec<Expr> = own_columns
                .map(|(c, s)| Expr::Column(c).alias_qualified(s.relation.clone(), s.name.clone()))
                .collect();
            items.extend(input.keys().into_iter().zip(&names).map(|(k, n)| k.alias(n)));
            inputs.push(build(LogicalPlanBuilder::from(input.plan).project(items), at)?);
        }
        let inputs = inputs.into_iter().map(Arc::new).collect();
        let plan = Union::try_new_with_loose_types(inputs).map_err(|e| engine_fault(&e, at))?;
        Ok(Spread {
            plan: LogicalPlan::Union(plan),
            names,
        })
    }

    fn spread_join(&mut self, join: Join, domain: &Domain, at: Location) -> Checked<Spread> {
        let both = domain.is_used_by(&join.right) || matches!(join.join_type, JoinType::Right | JoinType::Full);
        let left = self.spread(own(join.left), domain, at)?;
        let right = if both {
            self.spread(own(join.right), domain, at)?
        } else {
            Spread {
                plan: own(join.right),
                names: Vec::new(),
            }
        };
        let mut on: Vec<Expr> = left
            .keys()
            .into_iter()
            .zip(right.keys())
            .map(|(l, r)| same(l, r))
            .collect();
        for (l, r) in join.on {
            let (l, r) = (domain.resolved(l, &left, at)?, domain.resolved(r, &left, at)?);
            on.push(match join.null_equality {
                NullEquality::NullEqualsNothing => l.eq(r),
                NullEquality::NullEqualsNull => same(l, r),
            });
        }
        if let Some(filter) = join.filter {
            on.push(domain.resolved(filter, &left, at)?);
        }
        if on.is_empty() {
            on.push(lit(true));
        }
        let (left_keys, right_keys) = (left.keys(), right.keys());
        let joined = LogicalPlanBuilder::from(left.plan).join_on(right.plan, join.join_type, on);
        let mut plan = build(joined, at)?;
        let names = match join.join_type {
            JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => right.names,
            JoinType::Full => {
                let names: Vec<String> = domain.columns.iter().map(|_| self.fresh("outer")).collect();
                let mut items: Vec<Expr> = columns(&plan).into_iter().map(Expr::Column).collect();
                for ((l, r), name) in left_keys.into_iter().zip(right_keys).zip(&names) {
                    items.push(datafusion::functions::core::expr_fn::coalesce(vec![l, r]).alias(name));
                }
                plan = build(LogicalPlanBuilder::from(plan).project(items), at)?;
                names
            }
            _ => left.names,
        };
        Ok(Spread { plan, names })
    }
}

impl Domain {
    /// The expression over `input`, whose columns stand for those of the query around.
    fn resolved(&self, expr: Expr, input: &Spread, at: Location) -> Checked<Expr> {
        expr.transform_down(|e| match e {
            Expr::OuterReferenceColumn(field, column) => {
                match self.columns.iter().zip(&input.names).find(|(c, _)| **c == column) {
                    Some((_, name)) => {
                        let inner = Expr::Column(named(&input.plan, name));
                        Ok(Transformed::new(inner, true, TreeNodeRecursion::Jump))
                    }
                    None => Ok(Transformed::no(Expr::OuterReferenceColumn(field, column))),
                }
            }
            e => Ok(Transformed::no(e)),
        })
        .map(|t| t.data)
        .map_err(|e| engine_fault(&e, at))
    }

    /// The same for several expressions, which keep their names.
    fn each_resolved(&self, exprs: Vec<Expr>, input: &Spread, at: Location) -> Checked<Vec<Expr>> {
        let names = NamePreserver::new_for_projection();
        exprs
            .into_iter()
            .map(|e| {
                let grouping = matches!(e, Expr::GroupingSet(_));
                let name = names.save(&e);
                let resolved = self.resolved(e, input, at)?;
                Ok(if grouping { resolved } else { name.restore(resolved) })
            })
            .collect()
    }
}

/// The aggregate over those rows alone for which `counted` is true, under its name.
fn filtered_call(call: Expr, counted: &Expr) -> datafusion::common::Result<Expr> {
    let name = NamePreserver::new_for_projection().save(&call);
    let narrowed = call.transform_up(|e| match e {
        Expr::AggregateFunction(mut call) => {
            let filter = match call.params.filter.take() {
                Some(filter) => filter.and(counted.clone()),
                None => counted.clone(),
            };
            call.params.filter = Some(Box::new(filter));
            Ok(Transformed::yes(Expr::AggregateFunction(call)))
        }
        e => Ok(Transformed::no(e)),
    })?;
    Ok(name.restore(narrowed.data))
}

fn own(plan: Arc<LogicalPlan>) -> LogicalPlan {
    Arc::unwrap_or_clone(plan)
}
