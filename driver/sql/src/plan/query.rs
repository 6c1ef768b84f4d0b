//! Whole queries: WITH, set operations, VALUES, ORDER BY and LIMIT.

mod values;

use std::sync::Arc;

use datafusion::common::{Column, DataFusionError, JoinType};
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Distinct, Expr, LogicalPlan, LogicalPlanBuilder, SortExpr, Window, WindowFrame, WindowFunctionDefinition,
};
use millstream_spark::coerce::common_of;
use millstream_spark::type_name::spark_type;
use millstream_spark::types::has_map;
use sqlparser::ast::{self, LimitClause, OrderByKind, Query, SetExpr, SetOperator, SetQuantifier, Spanned};

use super::scope::{Place, Relation, Scope, columns, unique};
use super::select::{build, no_map_here};
use super::subquery::equal_keys;
use super::{Cte, Planner, engine_fault, place};
use crate::error::{Checked, Fault, SqlErrorKind};

impl Planner<'_> {
    /// Plans a query; `outer` is what a subquery may refer to.
    pub(super) fn query(&mut self, query: &Query, outer: Option<Arc<Scope>>) -> Checked<Relation> {
        let before = self.ctes.len();
        if let Some(with) = &query.with {
            if with.recursive {
                return Err(Fault::new(
                    SqlErrorKind::Unsupported,
                    place(with.with_token.0.span),
                    "WITH RECURSIVE is not supported",
                ));
            }
            for cte in &with.cte_tables {
                let name = &cte.alias.name;
                if self.ctes[before..].iter().any(|(n, _)| *n == name.value) {
                    let message = format!("'{}' is defined twice in this WITH", name.value);
                    return Err(Fault::new(SqlErrorKind::Name, place(name.span), message));
                }
                self.refuse_hidden_names(&cte.query)?;
                let columns = cte.alias.columns.iter().map(|c| c.name.value.clone()).collect();
                let depth = self.ctes.len();
                self.ctes.push((
                    cte.alias.name.value.clone(),
                    Arc::new(Cte {
                        columns,
                        query: (*cte.query).clone(),
                        depth,
                    }),
                ));
            }
        }
        let planned = self.query_body(query, outer);
        self.ctes.truncate(before);
        planned
    }

    /// Refuses a WITH in an expression that defines a name anew which is in sight: what is meant would be unclear.
    pub(super) fn refuse_hidden_names(&self, query: &Query) -> Checked<()> {
        let defined = query.with.iter().flat_map(|w| &w.cte_tables).map(|c| &c.alias.name);
        for name in defined {
            if self.ctes.iter().any(|(n, _)| n.eq_ignore_ascii_case(&name.value)) {
                let message = format!("'{}' is defined by WITH around this subquery as well", name.value);
                return Err(Fault::new(SqlErrorKind::Name, place(name.span), message).help("choose another name"));
            }
        }
        Ok(())
    }

    fn query_body(&mut self, query: &Query, outer: Option<Arc<Scope>>) -> Checked<Relation> {
        if !query.pipe_operators.is_empty() || query.for_clause.is_some() || !query.locks.is_empty() {
            return Err(Fault::new(
                SqlErrorKind::Unsupported,
                place(query.span()),
                "this form of query is not Spark SQL",
            ));
        }
        let order: &[ast::OrderByExpr] = match query.order_by.as_ref().map(|o| &o.kind) {
            Some(OrderByKind::Expressions(order)) => order,
            Some(OrderByKind::All(options)) => {
                let relation = self.set_expr(&query.body, &[], outer)?;
                let sorts = columns(&relation.plan)
                    .into_iter()
                    .map(|c| sort(Expr::Column(c), options))
                    .collect::<Vec<_>>();
                let relation = sorted(relation, sorts)?;
                return self.limited(relation, query);
            }
            None => &[],
        };
        let relation = self.set_expr(&query.body, order, outer)?;
        self.limited(relation, query)
    }

    fn limited(&mut self, relation: Relation, query: &Query) -> Checked<Relation> {
        let (limit, offset) = match &query.limit_clause {
            None => (None, None),
            Some(LimitClause::LimitOffset { limit, offset, .. }) => (limit.as_ref(), offset.as_ref().map(|o| &o.value)),
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
        };
        let limit = match limit {
            // LIMIT ALL
            Some(ast::Expr::Identifier(i)) if i.value.eq_ignore_ascii_case("all") => None,
            Some(e) => Some(self.row_count(e, "LIMIT")?),
            None => None,
        };
        let offset = offset.map(|e| self.row_count(e, "OFFSET")).transpose()?;
        if limit.is_none() && offset.is_none() {
            return Ok(relation);
        }
        let plan = LogicalPlanBuilder::from(relation.plan)
            .limit(offset.unwrap_or(0), limit)
            .and_then(LogicalPlanBuilder::build)
            .map_err(|e| engine_fault(&e, place(query.span())))?;
        Ok(Relation {
            plan,
            names: relation.names,
        })
    }

    /// TABLESAMPLE of all rows, of none, or of a number of them; a share of them would be another one than Spark's.
    pub(super) fn sampled(
        &mut self,
        relation: Relation,
        sample: Option<&ast::TableSampleKind>,
        at: sqlparser::tokenizer::Location,
    ) -> Checked<Relation> {
        let Some(ast::TableSampleKind::BeforeTableAlias(sample) | ast::TableSampleKind::AfterTableAlias(sample)) =
            sample
        else {
            return Ok(relation);
        };
        let refused = || {
            let message = "TABLESAMPLE is supported for (100 PERCENT) and (n ROWS)";
            Fault::new(SqlErrorKind::Unsupported, at, message).help("choose the rows in WHERE")
        };
        let Some(quantity) = sample.quantity.as_ref().filter(|_| sample.name.is_none()) else {
            return Err(refused());
        };
        let rows = match &quantity.unit {
            Some(ast::TableSampleUnit::Rows) => self.row_count(&quantity.value, "TABLESAMPLE")?,
            Some(ast::TableSampleUnit::Percent) => match quantity.value.to_string().parse::<f64>() {
                Ok(100.0) => return Ok(relation),
                Ok(0.0) => 0,
                _ => return Err(refused()),
            },
            None => return Err(refused()),
        };
        let plan = LogicalPlanBuilder::from(relation.plan).limit(0, Some(rows));
        Ok(Relation {
            plan: build(plan, at)?,
            names: relation.names,
        })
    }

    /// A constant number of rows.
    fn row_count(&mut self, expr: &ast::Expr, clause: &str) -> Checked<usize> {
        let at = place(expr.span());
        let fault = || {
            Fault::new(
                SqlErrorKind::Type,
                at,
                format!("{clause} takes a constant INT, not below 0"),
            )
        };
        let typed = self
            .expr(expr, &Scope::empty(None).at(Place::Values))
            .map_err(|_| fault())?;
        let scope = Scope::empty(None);
        if self.type_of(&typed.expr, &scope, at)? != arrow::datatypes::DataType::Int32 {
            return Err(fault());
        }
        self.whole_number(&typed.expr)
            .and_then(|n| usize::try_from(n).ok())
            .ok_or_else(fault)
    }

    /// Plans what stands between WITH and ORDER BY, with the order: a SELECT may be ordered by what it does not list.
    fn set_expr(&mut self, body: &SetExpr, order: &[ast::OrderByExpr], outer: Option<Arc<Scope>>) -> Checked<Relation> {
        match body {
            SetExpr::Select(select) => self.select(select, order, outer),
            SetExpr::Query(query) => {
                let relation = self.query(query, outer.clone())?;
                self.ordered(relation, order, outer)
            }
            SetExpr::Values(values) => {
                let relation = self.values(values, outer.clone())?;
                self.origins.clear();
                self.ordered(relation, order, outer)
            }
            SetExpr::SetOperation {
                op,
                set_quantifier,
                left,
                right,
            } => {
                let relation =
                    self.set_operation(*op, *set_quantifier, left, right, outer.clone(), place(body.span()))?;
                self.ordered(relation, order, outer)
            }
            SetExpr::Table(table) => {
                let name = table.table_name.clone().unwrap_or_default();
                let relation = self.named(&name, None, place(body.span()))?;
                self.origins.clear();
                self.ordered(relation, order, outer)
            }
            other => Err(Fault::new(
                SqlErrorKind::Syntax,
                place(other.span()),
                "expected a query",
            )),
        }
    }

    fn set_operation(
        &mut self,
        op: SetOperator,
        quantifier: SetQuantifier,
        left: &SetExpr,
        right: &SetExpr,
        outer: Option<Arc<Scope>>,
        at: sqlparser::tokenizer::Location,
    ) -> Checked<Relation> {
        let left = self.set_expr(left, &[], outer.clone())?;
        // The columns are those of the left side, with the relations they come from.
        let origins = std::mem::take(&mut self.origins);
        let right_at = place(right.span());
        let right = self.set_expr(right, &[], outer)?;
        self.origins = origins;
        if left.names.len() != right.names.len() {
            let message = format!(
                "both sides need the same number of columns, here {} and {}",
                left.names.len(),
                right.names.len()
            );
            return Err(Fault::new(SqlErrorKind::Type, right_at, message));
        }
        let names = left.names.clone();
        let all = matches!(quantifier, SetQuantifier::All | SetQuantifier::AllByName);
        // The sides get the same column names, whatever relations they come from.
        let (left, right) = (renamed(left, &names)?, renamed(right, &names)?);
        let (left, right) = self.widened(left, right, (op, all), right_at)?;
        let plan = match op {
            SetOperator::Union => {
                let union = LogicalPlanBuilder::from(left)
                    .union(right)
                    .and_then(LogicalPlanBuilder::build);
                match (union, all) {
                    (Ok(plan), true) => Ok(plan),
                    (Ok(plan), false) => Ok(LogicalPlan::Distinct(Distinct::All(Arc::new(plan)))),
                    (Err(e), _) => Err(e),
                }
            }
            SetOperator::Except | SetOperator::Minus if all => self.counted_set(left, right, JoinType::LeftAnti),
            SetOperator::Intersect if all => self.counted_set(left, right, JoinType::LeftSemi),
            SetOperator::Except | SetOperator::Minus => LogicalPlanBuilder::except(left, right, false),
            SetOperator::Intersect => LogicalPlanBuilder::intersect(left, right, false),
        };
        let plan = plan.map_err(|e| engine_fault(&e, at))?;
        Ok(Relation { plan, names })
    }

    /// Brings the columns of both sides of a set operation to the types that hold both.
    fn widened(
        &self,
        left: LogicalPlan,
        right: LogicalPlan,
        (op, all): (SetOperator, bool),
        at: sqlparser::tokenizer::Location,
    ) -> Checked<(LogicalPlan, LogicalPlan)> {
        let mut common = Vec::new();
        for (l, r) in left.schema().fields().iter().zip(right.schema().fields()) {
            let both = [l.data_type().clone(), r.data_type().clone()];
            let Some(of) = common_of(&both) else {
                let message = format!(
                    "column '{}' is {} on one side and {} on the other",
                    l.name(),
                    spark_type(l.data_type()).to_uppercase(),
                    spark_type(r.data_type()).to_uppercase()
                );
                return Err(Fault::new(SqlErrorKind::Type, at, message).help("cast one of the two"));
            };
            if !(op == SetOperator::Union && all) && has_map(&of) {
                return Err(no_map_here(&op.to_string(), l.name(), at));
            }
            common.push(of);
        }
        let cast = |plan: LogicalPlan| {
            let same = plan
                .schema()
                .fields()
                .iter()
                .zip(&common)
                .all(|(f, to)| f.data_type() == to);
            if same {
                return Ok(plan);
            }
            let items: Vec<Expr> = columns(&plan)
                .into_iter()
                .zip(plan.schema().fields().iter().zip(&common))
                .map(|(c, (f, to))| match f.data_type() == to {
                    true => Expr::Column(c),
                    false => datafusion::logical_expr::cast(Expr::Column(c), to.clone()).alias(f.name()),
                })
                .collect();
            build(LogicalPlanBuilder::from(plan).project(items), at)
        };
        Ok((cast(left)?, cast(right)?))
    }

    /// EXCEPT ALL and INTERSECT ALL: the nth of equal rows stands for itself on both sides.
    fn counted_set(
        &mut self,
        left: LogicalPlan,
        right: LogicalPlan,
        kind: JoinType,
    ) -> Result<LogicalPlan, DataFusionError> {
        let keep: Vec<Expr> = columns(&left).into_iter().map(Expr::Column).collect();
        let numbered = |planner: &mut Self, plan: LogicalPlan| {
            let own = columns(&plan);
            let names: Vec<String> = own.iter().map(|_| planner.fresh("member")).collect();
            let number = planner.fresh("number");
            let keys = own.iter().cloned().map(Expr::Column).collect();
            let call = planner.row_number(keys, vec![])?.alias(&number);
            let plan = LogicalPlan::Window(Window::try_new(vec![call], Arc::new(plan))?);
            Ok::<_, DataFusionError>((plan, own, names, number))
        };
        let (left, left_columns, _, left_number) = numbered(self, left)?;
        let (right, right_columns, names, right_number) = numbered(self, right)?;
        let items = right_columns.into_iter().zip(&names);
        let mut items: Vec<Expr> = items.map(|(c, n)| Expr::Column(c).alias(n)).collect();
        items.push(Expr::Column(Column::new_unqualified(&right_number)));
        let right = LogicalPlanBuilder::from(right).project(items)?.build()?;
        let names: Vec<Column> = names
            .into_iter()
            .chain([right_number])
            .map(Column::new_unqualified)
            .collect();
        let own: Vec<Column> = left_columns
            .into_iter()
            .chain([Column::new_unqualified(left_number)])
            .collect();
        LogicalPlanBuilder::from(left)
            .join_on(right, kind, equal_keys(&own, &names))?
            .project(keep)?
            .build()
    }

    /// `row_number() OVER (PARTITION BY ... ORDER BY ...)`.
    pub(super) fn row_number(&self, partition_by: Vec<Expr>, order_by: Vec<SortExpr>) -> Result<Expr, DataFusionError> {
        let Some(udf) = self.state.window_functions().get("row_number").cloned() else {
            return datafusion::common::plan_err!("there is no row_number");
        };
        let window_frame = WindowFrame::new((!order_by.is_empty()).then_some(false));
        Ok(Expr::WindowFunction(Box::new(WindowFunction {
            fun: WindowFunctionDefinition::WindowUDF(udf),
            params: WindowFunctionParams {
                args: vec![],
                partition_by,
                order_by,
                window_frame,
                filter: None,
                null_treatment: None,
                distinct: false,
            },
        })))
    }

    /// Orders a finished relation by its columns.
    fn ordered(
        &mut self,
        relation: Relation,
        order: &[ast::OrderByExpr],
        outer: Option<Arc<Scope>>,
    ) -> Checked<Relation> {
        if order.is_empty() {
            return Ok(relation);
        }
        let mut scope = Scope::of(&relation, None, outer)
            .with_exact_names(self.catalog.in_force.exact_names)
            .at(Place::OrderBy);
        for (column, from) in scope.columns.iter_mut().zip(&self.origins) {
            column.relation.clone_from(from);
        }
        let mut sorts = Vec::with_capacity(order.len());
        for item in order {
            let expr = match ordinal(&item.expr) {
                Some(n) => column_at(&relation, n, &item.expr)?,
                None => self.expr(&item.expr, &scope)?.expr,
            };
            sorts.push(sort(expr, &item.options));
        }
        sorted(relation, sorts)
    }
}

/// The relation with its columns called `names`, made unique, and of no relation.
pub(super) fn renamed(relation: Relation, names: &[String]) -> Checked<LogicalPlan> {
    let same = relation
        .plan
        .schema()
        .iter()
        .zip(unique(names))
        .all(|((qualifier, field), name)| qualifier.is_none() && *field.name() == name);
    if same {
        return Ok(relation.plan);
    }
    let items: Vec<Expr> = columns(&relation.plan)
        .into_iter()
        .zip(unique(names))
        .map(|(c, n)| Expr::Column(c).alias(n))
        .collect();
    LogicalPlanBuilder::from(relation.plan)
        .project(items)
        .and_then(LogicalPlanBuilder::build)
        .map_err(|e| engine_fault(&e, sqlparser::tokenizer::Location::new(0, 0)))
}

/// Adds a sort to a relation.
pub(super) fn sorted(relation: Relation, sorts: Vec<SortExpr>) -> Checked<Relation> {
    let plan = LogicalPlan::Sort(datafusion::logical_expr::Sort {
        expr: sorts,
        input: Arc::new(relation.plan),
        fetch: None,
    });
    Ok(Relation {
        plan,
        names: relation.names,
    })
}

/// One item of ORDER BY: ascending with nulls first, or descending with nulls last, unless said otherwise.
pub(super) fn sort(expr: Expr, options: &ast::OrderByOptions) -> SortExpr {
    let ascending = options.asc.unwrap_or(true);
    expr.sort(ascending, options.nulls_first.unwrap_or(ascending))
}

/// A bare whole number in GROUP BY or ORDER BY names an item of the SELECT list.
pub(super) fn ordinal(expr: &ast::Expr) -> Option<usize> {
    match expr {
        ast::Expr::Value(v) => match &v.value {
            ast::Value::Number(n, _) => n.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

fn column_at(relation: &Relation, n: usize, expr: &ast::Expr) -> Checked<Expr> {
    let column: Option<Column> = n.checked_sub(1).and_then(|i| columns(&relation.plan).get(i).cloned());
    column
        .map(Expr::Column)
        .ok_or_else(|| no_item(n, relation.names.len(), place(expr.span())))
}

pub(super) fn no_item(n: usize, count: usize, at: sqlparser::tokenizer::Location) -> Box<Fault> {
    Fault::new(
        SqlErrorKind::Name,
        at,
        format!("there is no item {n}: the SELECT list has {count}"),
    )
}
