//! GROUP BY and ORDER BY: by expression, number or alias.

use std::sync::Arc;

use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::expr::GroupingSet;
use datafusion::logical_expr::utils::find_aggregate_exprs;
use datafusion::logical_expr::{Expr, SortExpr};
use millstream_spark::types::has_map;
use sqlparser::ast::{self, GroupByExpr, GroupByWithModifier, Spanned};
use sqlparser::tokenizer::Location;

use super::Item;
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::parse::NO_KEYS;
use crate::plan::query::{no_item, ordinal, sort};
use crate::plan::scope::{Place, Scope, ScopeColumn, Typed};
use crate::plan::select::no_map_here;
use crate::plan::subquery::{has_subquery, outer_columns};
use crate::plan::{Planner, place};

impl Planner<'_> {
    /// Group expressions: items by number or alias, columns before aliases. None when the query does not group.
    pub(super) fn group_by(
        &mut self,
        group: &GroupByExpr,
        items: &[Item],
        scope: &Scope,
    ) -> Checked<Option<Vec<Expr>>> {
        let (list, modifiers) = match group {
            GroupByExpr::All(modifiers) => {
                let all = items
                    .iter()
                    .filter(|i| find_aggregate_exprs([&i.expr]).is_empty())
                    .map(|i| vec![vec![i.expr.clone()]])
                    .collect();
                return modified(all, modifiers, Location::new(0, 0)).map(Some);
            }
            GroupByExpr::Expressions(list, modifiers) if list.is_empty() && modifiers.is_empty() => return Ok(None),
            GroupByExpr::Expressions(list, modifiers) => (list, modifiers),
        };
        let mut scope = scope.at(Place::GroupBy);
        for item in items.iter().filter(|i| i.named) {
            scope.aliases.push((
                item.name.clone(),
                Typed {
                    expr: item.expr.clone(),
                    text: item.name.clone(),
                },
            ));
        }
        // `GROUP BY a, b GROUPING SETS (...)`: the list in front only names what the sets are made of.
        let sets = modifiers.iter().find_map(|m| match m {
            GroupByWithModifier::GroupingSets(sets) => Some(sets),
            _ => None,
        });
        if let (Some(sets), [_]) = (sets, modifiers.as_slice()) {
            let mut element = self.group_element(sets, items, &scope)?;
            let keys = list.iter().map(|e| self.group_expr(e, items, &scope));
            in_order_of(&mut element, &keys.collect::<Checked<Vec<_>>>()?);
            return Ok(Some(grouped(vec![element])));
        }
        let elements = list
            .iter()
            .map(|e| self.group_element(e, items, &scope))
            .collect::<Checked<Vec<_>>>()?;
        let at = list.first().map_or(Location::new(0, 0), |e| place(e.span()));
        modified(elements, modifiers, at).map(Some)
    }

    /// One element of GROUP BY as the sets of keys it stands for.
    fn group_element(&mut self, e: &ast::Expr, items: &[Item], scope: &Scope) -> Checked<Vec<Vec<Expr>>> {
        match e {
            ast::Expr::Rollup(parts) => Ok(rolled_up(&self.group_parts(parts, items, scope)?)),
            ast::Expr::Cube(parts) => Ok(cubed(&self.group_parts(parts, items, scope)?)),
            ast::Expr::GroupingSets(sets) => {
                let mut out = Vec::new();
                for set in sets {
                    match set.as_slice() {
                        // A set may itself be ROLLUP, CUBE or GROUPING SETS, which stands for several.
                        [ast::Expr::Function(call)] => match nested_sets(call) {
                            Some((kind, parts)) => {
                                let parts: Vec<Vec<ast::Expr>> = parts.into_iter().map(members).collect();
                                let inner = match kind {
                                    SetKind::Rollup => ast::Expr::Rollup(parts),
                                    SetKind::Cube => ast::Expr::Cube(parts),
                                    SetKind::Sets => ast::Expr::GroupingSets(parts),
                                };
                                out.extend(self.group_element(&inner, items, scope)?);
                            }
                            None => out.push(self.group_set(set, items, scope)?),
                        },
                        set => out.push(self.group_set(set, items, scope)?),
                    }
                }
                Ok(out)
            }
            e => Ok(vec![self.group_set(&members(e), items, scope)?]),
        }
    }

    fn group_parts(&mut self, parts: &[Vec<ast::Expr>], items: &[Item], scope: &Scope) -> Checked<Vec<Vec<Expr>>> {
        parts.iter().map(|part| self.group_set(part, items, scope)).collect()
    }

    fn group_set(&mut self, set: &[ast::Expr], items: &[Item], scope: &Scope) -> Checked<Vec<Expr>> {
        set.iter().map(|e| self.group_expr(e, items, scope)).collect()
    }

    pub(super) fn group_expr(&mut self, e: &ast::Expr, items: &[Item], scope: &Scope) -> Checked<Expr> {
        let at = place(e.span());
        let expr = match ordinal(e) {
            Some(n) => n
                .checked_sub(1)
                .and_then(|i| items.get(i))
                .map(|i| i.expr.clone())
                .ok_or_else(|| no_item(n, items.len(), at))?,
            None => self.expr(e, scope)?.expr,
        };
        if !find_aggregate_exprs([&expr]).is_empty() {
            return Err(Fault::new(
                SqlErrorKind::Type,
                at,
                "GROUP BY cannot contain an aggregate function",
            ));
        }
        let by_name = ordinal(e).is_some() || matches!(e, ast::Expr::Identifier(_));
        if by_name && has_subquery(&expr) && depends_on_row(&expr) {
            let message = "GROUP BY a number or an alias does not reach into a subquery that depends on the row";
            return Err(Fault::new(SqlErrorKind::Type, at, message).help("repeat the whole expression in GROUP BY"));
        }
        if has_map(&self.type_of(&expr, scope, at)?) {
            return Err(no_map_here("GROUP BY", &e.to_string(), at));
        }
        Ok(expr)
    }

    pub(super) fn order_by(
        &mut self,
        order: &[ast::OrderByExpr],
        items: &[Item],
        scope: &Scope,
        outputs: &Scope,
    ) -> Checked<Vec<(SortExpr, Location)>> {
        // Behind other steps what is below the result is out of sight.
        let sight = match outputs.place {
            Place::Outputs => Place::Outputs,
            _ => Place::OrderBy,
        };
        let hiding = hiding(outputs, items);
        let mut out = Vec::with_capacity(order.len());
        for item in order {
            let at = place(item.expr.span());
            let expr = match (ordinal(&item.expr), &item.expr) {
                (Some(n), _) => n
                    .checked_sub(1)
                    .and_then(|i| items.get(i))
                    .map(|i| i.expr.clone())
                    .ok_or_else(|| no_item(n, items.len(), at))?,
                // An item's name as shown: ORDER BY `sum(amount)`.
                (None, ast::Expr::Identifier(ident)) if items.iter().any(|i| scope.same(&i.name, &ident.value)) => {
                    let named: Vec<&Item> = items.iter().filter(|i| scope.same(&i.name, &ident.value)).collect();
                    let [first, rest @ ..] = named.as_slice() else { continue };
                    let several = rest.iter().any(|o| o.expr != first.expr);
                    // A name that several items have is looked for in the rows below.
                    let below = (several && sight != Place::Outputs)
                        .then(|| self.expr(&item.expr, &scope.at(Place::OrderBy)).ok());
                    match below.flatten() {
                        Some(typed) => typed.expr,
                        None if several => {
                            let message = format!("'{}' is ambiguous", ident.value);
                            return Err(Fault::new(SqlErrorKind::Name, at, message));
                        }
                        None => first.expr.clone(),
                    }
                }
                (None, e) if is_negative(e) => return Err(no_position(e, items.len(), at)),
                (None, e) => match self.expr(e, &hiding.at(sight)) {
                    Ok(typed) => typed.expr,
                    Err(fault) if sight == Place::Outputs => return Err(fault),
                    Err(fault) => match self.expr(e, &scope.at(Place::OrderBy)) {
                        Ok(typed) if find_aggregate_exprs([&typed.expr]).is_empty() => typed.expr,
                        _ => return Err(fault),
                    },
                },
            };
            let marks = |e: &Expr| Ok(matches!(e, Expr::Exists(_) | Expr::InSubquery(_)));
            if expr.exists(marks).unwrap_or(false) && !items.iter().any(|i| i.expr == expr) {
                let message = "IN and EXISTS with a subquery cannot stand in ORDER BY";
                return Err(Fault::new(SqlErrorKind::Unsupported, at, message)
                    .help("make it an item of the SELECT list and order by that"));
            }
            if self.type_of(&expr, outputs, at).is_ok_and(|of| has_map(&of)) {
                return Err(no_map_here("ORDER BY", &item.expr.to_string(), at));
            }
            out.push((sort(expr, &item.options), at));
        }
        Ok(out)
    }
}

/// Whether an expression with subqueries uses columns of the row, in itself or in the subqueries.
fn depends_on_row(expr: &Expr) -> bool {
    let outer = |e: &Expr| {
        Ok(match e {
            Expr::Exists(e) => !outer_columns(&e.subquery.subquery).is_empty(),
            Expr::InSubquery(i) => !outer_columns(&i.subquery.subquery).is_empty(),
            Expr::ScalarSubquery(s) => !outer_columns(&s.subquery).is_empty(),
            _ => false,
        })
    };
    !expr.column_refs().is_empty() || expr.exists(outer).unwrap_or(false)
}

/// The scope of ORDER BY: in the argument of an aggregate a column that an alias hides is out of sight, and so is the alias.
fn hiding(outputs: &Scope, items: &[Item]) -> Scope {
    let Some(below) = &outputs.below else {
        return outputs.clone();
    };
    let mut within = below.as_ref().clone();
    for item in items.iter().filter(|i| i.named) {
        if below.columns.iter().any(|c| c.name.eq_ignore_ascii_case(&item.name)) {
            within.columns.push(ScopeColumn {
                relation: None,
                name: item.name.clone(),
                expr: item.expr.clone(),
                in_star: true,
            });
        }
    }
    Scope {
        below: Some(Arc::new(within)),
        ..outputs.clone()
    }
}

/// A number below 0, which names no item.
fn is_negative(e: &ast::Expr) -> bool {
    matches!(e, ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } if ordinal(expr).is_some())
}

fn no_position(e: &ast::Expr, count: usize, at: Location) -> Box<Fault> {
    Fault::new(
        SqlErrorKind::Name,
        at,
        format!("there is no item {e}: the SELECT list has {count}"),
    )
}

/// The names in sight of ORDER BY where other steps stand between it and the grouping: items by their names, and keys.
pub(super) fn finished_scope(outputs: &Scope, items: &[Item], keys: &[&Expr]) -> Scope {
    let mut finished = outputs.clone();
    finished.place = Place::Outputs;
    finished.columns.retain(|c| {
        keys.contains(&&c.expr) || c.relation.is_none() && items.iter().any(|i| i.name.eq_ignore_ascii_case(&c.name))
    });
    finished
}

/// The group expressions of elements, each a list of sets: plain keys, or every combination of their sets.
fn grouped(elements: Vec<Vec<Vec<Expr>>>) -> Vec<Expr> {
    let plain = elements.iter().all(|sets| sets.len() == 1);
    let explicit = elements.len() == 1;
    let mut combined: Vec<Vec<Expr>> = vec![Vec::new()];
    for sets in elements {
        combined = combined
            .iter()
            .flat_map(|head| {
                sets.iter()
                    .map(move |set| head.iter().chain(set).cloned().collect::<Vec<_>>())
            })
            .collect();
    }
    for set in &mut combined {
        let mut seen = Vec::new();
        set.retain(|key| {
            let new = !seen.contains(key);
            seen.push(key.clone());
            new
        });
    }
    match combined.as_mut_slice() {
        [keys] if plain && !(explicit && keys.is_empty()) => std::mem::take(keys),
        _ => vec![Expr::GroupingSet(GroupingSet::GroupingSets(combined))],
    }
}

/// Orders sets so that their keys are met in the order of `keys`: that is how grouping_id counts them.
fn in_order_of(sets: &mut [Vec<Expr>], keys: &[Expr]) {
    let position = |key: &Expr| keys.iter().position(|k| k == key).unwrap_or(keys.len());
    for set in sets.iter_mut() {
        set.sort_by_key(position);
    }
    sets.sort_by_key(|set| {
        let positions: Vec<usize> = set.iter().map(position).collect();
        (std::cmp::Reverse(set.len()), positions)
    });
}

/// All beginnings of the list of parts, the longest first.
fn rolled_up(parts: &[Vec<Expr>]) -> Vec<Vec<Expr>> {
    (0..=parts.len()).rev().map(|n| parts[..n].concat()).collect()
}

/// All selections of parts.
fn cubed(parts: &[Vec<Expr>]) -> Vec<Vec<Expr>> {
    let Some((first, rest)) = parts.split_first() else {
        return vec![Vec::new()];
    };
    let rest = cubed(rest);
    let with = rest.iter().map(|set| first.iter().chain(set).cloned().collect());
    with.chain(rest.clone()).collect()
}

enum SetKind {
    Rollup,
    Cube,
    Sets,
}

/// ROLLUP, CUBE or GROUPING SETS within GROUPING SETS, which come as calls.
fn nested_sets(call: &ast::Function) -> Option<(SetKind, Vec<&ast::Expr>)> {
    let kind = match call.name.0.last()?.as_ident()?.value.to_lowercase().as_str() {
        "rollup" => SetKind::Rollup,
        "cube" => SetKind::Cube,
        "grouping sets" => SetKind::Sets,
        _ => return None,
    };
    let ast::FunctionArguments::List(list) = &call.args else {
        return None;
    };
    let parts = list.args.iter().map(|a| match a {
        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(e)) => Some(e),
        _ => None,
    });
    Some((kind, parts.collect::<Option<_>>()?))
}

/// The keys in parentheses, or the one that stands alone.
fn members(e: &ast::Expr) -> Vec<ast::Expr> {
    match e {
        ast::Expr::Tuple(members) => members.clone(),
        ast::Expr::Identifier(none) if none.value == NO_KEYS => Vec::new(),
        one => vec![one.clone()],
    }
}

fn modified(elements: Vec<Vec<Vec<Expr>>>, modifiers: &[GroupByWithModifier], at: Location) -> Checked<Vec<Expr>> {
    let single = || {
        elements
            .iter()
            .flat_map(|sets| sets.first().cloned())
            .collect::<Vec<_>>()
    };
    match modifiers {
        [] => Ok(grouped(elements)),
        [GroupByWithModifier::Rollup] => Ok(grouped(vec![rolled_up(&single())])),
        [GroupByWithModifier::Cube] => Ok(grouped(vec![cubed(&single())])),
        _ => Err(
            Fault::new(SqlErrorKind::Unsupported, at, "this form of GROUP BY is not supported")
                .help("use GROUP BY GROUPING SETS (...)"),
        ),
    }
}

/// Names of the result before names of the rows below, for HAVING and ORDER BY.
pub(super) fn output_scope(scope: &Scope, items: &[Item], generated: &[(String, Expr)]) -> Scope {
    let mut outputs = scope.clone();
    outputs.below = Some(Arc::new(scope.clone()));
    // A name that several items have stands for none of them.
    let named = items.iter().filter(|i| {
        let alike = |o: &&Item| o.name.eq_ignore_ascii_case(&i.name) && o.expr != i.expr;
        i.named && items.iter().find(alike).is_none()
    });
    let named = named.map(|i| (&i.name, &i.expr));
    let columns: Vec<_> = named
        .chain(generated.iter().map(|(name, expr)| (name, expr)))
        .map(|(name, expr)| ScopeColumn {
            relation: None,
            name: name.clone(),
            expr: expr.clone(),
            in_star: true,
        })
        .collect();
    outputs
        .columns
        .retain(|c| !columns.iter().any(|o| scope.same(&o.name, &c.name)) || c.relation.is_some());
    for column in &mut outputs.columns {
        // Still there under its relation's name.
        if columns.iter().any(|o| scope.same(&o.name, &column.name)) {
            column.in_star = false;
        }
    }
    outputs.columns.extend(columns);
    outputs
}
