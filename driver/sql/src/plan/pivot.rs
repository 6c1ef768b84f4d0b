//! PIVOT and UNPIVOT.
//!
//! PIVOT groups twice, as Spark does: by the remaining columns and the pivot's, then by the remaining columns alone, taking for
//! every value the aggregate of its group. A value without a group is NULL, for count too.

use std::collections::HashSet;

use arrow::datatypes::DataType;
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::utils::find_aggregate_exprs;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, lit};
use millstream_spark::coerce::wider_type_without_text;
use millstream_spark::types::has_map;
use sqlparser::ast::{self, Spanned};
use sqlparser::tokenizer::Location;

use super::from::From;
use super::generator::Generator;
use super::query::renamed;
use super::scope::{Place, Relation, Scope, Typed, columns, unique};
use super::select::{build, no_map_here, replaced, select_columns};
use super::{Planner, engine_fault, place};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::parse::computed;

impl Planner<'_> {
    pub(super) fn pivot(
        &mut self,
        from: From,
        aggregates: &[ast::ExprWithAlias],
        pivoted: &[ast::Expr],
        values: &ast::PivotValueSource,
        at: Location,
    ) -> Checked<Relation> {
        let ast::PivotValueSource::List(values) = values else {
            return Err(
                Fault::new(SqlErrorKind::Unsupported, at, "PIVOT needs a list of values")
                    .help("FOR column IN ('a', 'b')"),
            );
        };
        let scope = from.scope.at(Place::Select);
        let key = match pivoted {
            [one] => self.expr(one, &scope)?,
            many => self.struct_of(many, &scope, at)?,
        };
        let calls = self.pivot_aggregates(aggregates, &scope)?;
        let used: HashSet<_> = calls
            .iter()
            .map(|(_, typed)| &typed.expr)
            .chain([&key.expr])
            .flat_map(Expr::column_refs)
            .cloned()
            .collect();
        let rest: Vec<(String, Expr)> = scope
            .star(None)
            .into_iter()
            .filter(|c| !c.expr.column_refs().iter().any(|r| used.contains(*r)))
            .map(|c| (c.name.clone(), c.expr.clone()))
            .collect();
        let keyed = rest
            .iter()
            .map(|(name, expr)| (name, expr))
            .chain([(&key.text, &key.expr)]);
        for (name, expr) in keyed {
            if has_map(&self.type_of(expr, &scope, at)?) {
                return Err(no_map_here("PIVOT", name, at));
            }
        }
        let groups: Vec<Expr> = rest.iter().map(|r| r.1.clone()).collect();
        let plan = by_value(from.plan, groups, key.expr, &calls, at)?;
        let inner = Scope {
            schema: std::sync::Arc::clone(plan.schema()),
            ..Scope::empty(None)
        };
        let grouped = columns(&plan);
        let (keys, made) = grouped.split_at(rest.len());
        let mut names: Vec<String> = rest.into_iter().map(|r| r.0).collect();
        let mut picked = Vec::new();
        for value in values {
            let typed = self.expr(&value.expr, &Scope::empty(None).at(Place::Values))?;
            let text = datafusion::logical_expr::cast(typed.expr.clone(), DataType::Utf8);
            let shown = match (&value.alias, self.folded(text)) {
                (Some(alias), _) => alias.value.clone(),
                (None, Expr::Literal(ScalarValue::Utf8(Some(text)), _)) => text,
                _ => "null".to_owned(),
            };
            let pivot = Box::new(Expr::Column(made[0].clone()));
            let is_value = BinaryExpr::new(pivot, Operator::IsNotDistinctFrom, Box::new(typed.expr));
            let is_value = Expr::BinaryExpr(is_value);
            self.type_of(&is_value, &inner, place(value.expr.span()))?;
            for ((name, _), column) in calls.iter().zip(&made[1..]) {
                let first = vec![Expr::Column(column.clone())];
                picked.push(self.make_aggregate("first_value", first, false, Some(is_value.clone()), &inner, at)?);
                names.push(match calls.as_slice() {
                    [_] => shown.clone(),
                    _ => format!("{shown}_{name}"),
                });
            }
        }
        let keys: Vec<Expr> = keys.iter().cloned().map(Expr::Column).collect();
        let plan = build(LogicalPlanBuilder::from(plan).aggregate(keys, picked), at)?;
        called(plan, names)
    }

    /// The aggregates and what they are called.
    fn pivot_aggregates(&mut self, aggregates: &[ast::ExprWithAlias], scope: &Scope) -> Checked<Vec<(String, Typed)>> {
        let mut calls = Vec::with_capacity(aggregates.len());
        for aggregate in aggregates {
            let typed = self.expr(computed(&aggregate.expr), scope)?;
            if find_aggregate_exprs([&typed.expr]).is_empty() {
                let message = format!("PIVOT needs aggregate functions, {} is none", typed.text);
                return Err(Fault::new(SqlErrorKind::Type, place(aggregate.expr.span()), message));
            }
            let name = aggregate.alias.as_ref().map_or(&typed.text, |a| &a.value).clone();
            calls.push((name, typed));
        }
        Ok(calls)
    }

    /// One row for each of `listed`: its name and its value beside the other columns.
    pub(super) fn unpivot(
        &mut self,
        from: From,
        value: &ast::Expr,
        name: &ast::Ident,
        listed: &[ast::ExprWithAlias],
        keep_nulls: bool,
        at: Location,
    ) -> Checked<Relation> {
        let values = names_of(value).ok_or_else(|| {
            Fault::new(SqlErrorKind::Syntax, at, "UNPIVOT names its columns before FOR")
                .help("UNPIVOT (value FOR name IN (a, b))")
        })?;
        let scope = from.scope.at(Place::Select);
        let (groups, common) = self.unpivoted(listed, values.len(), &scope)?;
        let rest: Vec<(String, Expr)> = scope
            .star(None)
            .into_iter()
            .filter(|c| !groups.iter().any(|(_, exprs)| exprs.contains(&c.expr)))
            .map(|c| (c.name.clone(), c.expr.clone()))
            .collect();
        let fields: Vec<String> = (0..=values.len()).map(|i| format!("f{i}")).collect();
        let mut entries = Vec::with_capacity(groups.len());
        for (shown, exprs) in groups {
            let mut parts = vec![lit(fields[0].clone()), lit(shown)];
            for ((expr, to), field) in exprs.into_iter().zip(&common).zip(&fields[1..]) {
                parts.push(lit(field.clone()));
                parts.push(datafusion::logical_expr::cast(expr, to.clone()));
            }
            entries.push(self.scalar(&["named_struct"], parts, &scope, at)?);
        }
        let entries = self.scalar(&["array", "make_array"], entries, &scope, at)?;
        let mut names: Vec<String> = rest.iter().map(|r| r.0.clone()).collect();
        let mut inner = unique(&names);
        let mut items: Vec<Expr> = rest.into_iter().zip(&inner).map(|((_, e), n)| e.alias(n)).collect();
        let column = self.fresh("unpivot");
        items.push(entries.clone().alias(&column));
        let plan = build(LogicalPlanBuilder::from(from.plan).project(items), at)?;
        let generator = Generator::fields_of(entries, fields);
        let (mut plan, made) = self.generate(plan, &column, &generator, at)?;
        let found = made.iter().skip(1);
        let found = found.map(|v| Expr::Column(Column::new_unqualified(v)).is_not_null());
        if let (false, Some(any)) = (keep_nulls, found.reduce(Expr::or)) {
            plan = build(LogicalPlanBuilder::from(plan).filter(any), at)?;
        }
        inner.extend(made);
        names.push(name.value.clone());
        names.extend(values);
        let plan = select_columns(plan, &inner, at)?;
        called(plan, names)
    }

    /// The groups of columns that become rows, each with its name, and the types of the columns they become.
    #[expect(clippy::type_complexity, reason = "two lists")]
    fn unpivoted(
        &mut self,
        listed: &[ast::ExprWithAlias],
        width: usize,
        scope: &Scope,
    ) -> Checked<(Vec<(String, Vec<Expr>)>, Vec<DataType>)> {
        let mut groups = Vec::with_capacity(listed.len());
        let mut common = vec![DataType::Null; width];
        for group in listed {
            let at = place(group.expr.span());
            let members: Vec<&ast::Expr> = match &group.expr {
                ast::Expr::Tuple(members) => members.iter().collect(),
                ast::Expr::Nested(one) => vec![one],
                one => vec![one],
            };
            if members.len() != width {
                let message = format!("UNPIVOT makes {width} columns of values, here are {}", members.len());
                return Err(Fault::new(SqlErrorKind::Type, at, message));
            }
            let (mut exprs, mut texts) = (Vec::new(), Vec::new());
            for (member, common) in members.into_iter().zip(&mut common) {
                let typed = self.expr(member, scope)?;
                if !matches!(typed.expr, Expr::Column(_)) {
                    let message = format!("UNPIVOT takes columns, {} is none", typed.text);
                    return Err(Fault::new(SqlErrorKind::Type, at, message));
                }
                let of = self.type_of(&typed.expr, scope, at)?;
                *common = wider_type_without_text(common, &of).ok_or_else(|| {
                    let message = format!("the columns of UNPIVOT have no common type: {}", typed.text);
                    Fault::new(SqlErrorKind::Type, at, message)
                })?;
                texts.push(typed.text);
                exprs.push(typed.expr);
            }
            let shown = group
                .alias
                .as_ref()
                .map_or_else(|| texts.join("_"), |a| a.value.clone());
            groups.push((shown, exprs));
        }
        Ok((groups, common))
    }
}

/// One name, or several in parentheses.
fn names_of(e: &ast::Expr) -> Option<Vec<String>> {
    match e {
        ast::Expr::Identifier(name) => Some(vec![name.value.clone()]),
        ast::Expr::Nested(inner) => names_of(inner),
        ast::Expr::Tuple(names) => names
            .iter()
            .map(|n| match n {
                ast::Expr::Identifier(name) => Some(name.value.clone()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// Groups by `groups` and `key`: columns of `groups`, the key, one for each of `calls`.
fn by_value(
    plan: LogicalPlan,
    groups: Vec<Expr>,
    key: Expr,
    calls: &[(String, Typed)],
    at: Location,
) -> Checked<LogicalPlan> {
    let width = groups.len() + 1;
    let found = find_aggregate_exprs(calls.iter().map(|(_, typed)| &typed.expr));
    let groups: Vec<Expr> = groups.into_iter().chain([key]).collect();
    let plan = build(LogicalPlanBuilder::from(plan).aggregate(groups, found.clone()), at)?;
    let outputs = columns(&plan);
    let known: Vec<_> = found.into_iter().zip(outputs[width..].iter().cloned()).collect();
    let mut items: Vec<Expr> = outputs[..width]
        .iter()
        .enumerate()
        .map(|(i, c)| Expr::Column(c.clone()).alias(format!("__key{i}")))
        .collect();
    for (i, (_, typed)) in calls.iter().enumerate() {
        let expr = replaced(typed.expr.clone(), &known).map_err(|e| engine_fault(&e, at))?;
        items.push(expr.alias(format!("__value{i}")));
    }
    build(LogicalPlanBuilder::from(plan).project(items), at)
}

fn called(plan: LogicalPlan, names: Vec<String>) -> Checked<Relation> {
    let relation = Relation {
        plan,
        names: names.clone(),
    };
    Ok(Relation {
        plan: renamed(relation, &names)?,
        names,
    })
}
