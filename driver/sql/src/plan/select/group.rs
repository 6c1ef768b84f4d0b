//! GROUP BY and ORDER BY: by expression, number or alias.

use std::sync::Arc;

use datafusion::logical_expr::expr::GroupingSet;
use datafusion::logical_expr::utils::find_aggregate_exprs;
use datafusion::logical_expr::{Expr, SortExpr};
use sqlparser::ast::{self, GroupByExpr, GroupByWithModifier, Spanned};
use sqlparser::tokenizer::Location;

use super::Item;
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::query::{no_item, ordinal, sort};
use crate::plan::scope::{Place, Scope, ScopeColumn, Typed};
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
                    .map(|i| i.expr.clone())
                    .collect();
                return modified(all, modifiers, Location::new(0, 0)).map(Some);
            }
            GroupByExpr::Expressions(list, modifiers) if list.is_empty() && modifiers.is_empty() => return Ok(None),
            GroupByExpr::Expressions(list, modifiers) => (list, modifiers),
        };
        let mut scope = scope.at(Place::GroupBy);
        for item in items.iter().filter(|i| i.named && i.generator.is_none()) {
            scope.aliases.push((
                item.name.clone(),
                Typed {
                    expr: item.expr.clone(),
                    text: item.name.clone(),
                },
            ));
        }
        let mut out = Vec::with_capacity(list.len());
        for e in list {
            match e {
                ast::Expr::Rollup(sets) => {
                    out.push(Expr::GroupingSet(GroupingSet::Rollup(self.flat(sets, items, &scope)?)))
                }
                ast::Expr::Cube(sets) => {
                    out.push(Expr::GroupingSet(GroupingSet::Cube(self.flat(sets, items, &scope)?)))
                }
                ast::Expr::GroupingSets(sets) => {
                    let sets = sets
                        .iter()
                        .map(|set| {
                            set.iter()
                                .map(|e| self.group_expr(e, items, &scope))
                                .collect::<Checked<Vec<_>>>()
                        })
                        .collect::<Checked<Vec<_>>>()?;
                    out.push(Expr::GroupingSet(GroupingSet::GroupingSets(sets)));
                }
                e => out.push(self.group_expr(e, items, &scope)?),
            }
        }
        modified(
            out,
            modifiers,
            list.first().map_or(Location::new(0, 0), |e| place(e.span())),
        )
        .map(Some)
    }

    pub(super) fn flat(&mut self, sets: &[Vec<ast::Expr>], items: &[Item], scope: &Scope) -> Checked<Vec<Expr>> {
        sets.iter()
            .flatten()
            .map(|e| self.group_expr(e, items, scope))
            .collect()
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
        Ok(expr)
    }

    pub(super) fn order_by(
        &mut self,
        order: &[ast::OrderByExpr],
        items: &[Item],
        scope: &Scope,
        outputs: &Scope,
    ) -> Checked<Vec<(SortExpr, Location)>> {
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
                (None, ast::Expr::Identifier(ident))
                    if items.iter().any(|i| i.name.eq_ignore_ascii_case(&ident.value)) =>
                {
                    let named: Vec<&Item> = items
                        .iter()
                        .filter(|i| i.name.eq_ignore_ascii_case(&ident.value))
                        .collect();
                    let [first, rest @ ..] = named.as_slice() else { continue };
                    if rest.iter().any(|o| o.expr != first.expr) {
                        return Err(Fault::new(
                            SqlErrorKind::Name,
                            at,
                            format!("'{}' is ambiguous", ident.value),
                        ));
                    }
                    first.expr.clone()
                }
                (None, e) => match self.expr(e, &outputs.at(Place::OrderBy)) {
                    Ok(typed) => typed.expr,
                    // An alias that hides a column inside an aggregate's argument.
                    Err(fault) => self.expr(e, &scope.at(Place::OrderBy)).map_err(|_| fault)?.expr,
                },
            };
            out.push((sort(expr, &item.options), at));
        }
        Ok(out)
    }
}

pub(super) fn modified(group: Vec<Expr>, modifiers: &[GroupByWithModifier], at: Location) -> Checked<Vec<Expr>> {
    match modifiers {
        [] => Ok(group),
        [GroupByWithModifier::Rollup] => Ok(vec![Expr::GroupingSet(GroupingSet::Rollup(group))]),
        [GroupByWithModifier::Cube] => Ok(vec![Expr::GroupingSet(GroupingSet::Cube(group))]),
        _ => Err(
            Fault::new(SqlErrorKind::Unsupported, at, "this form of GROUP BY is not supported")
                .help("use GROUP BY GROUPING SETS (...)"),
        ),
    }
}

/// Names of the result before names of the rows below, for HAVING and ORDER BY.
pub(super) fn output_scope(scope: &Scope, items: &[Item]) -> Scope {
    let mut outputs = scope.clone();
    outputs.below = Some(Arc::new(scope.clone()));
    let named = items.iter().filter(|i| i.named && i.generator.is_none());
    let columns: Vec<_> = named
        .map(|i| ScopeColumn {
            relation: None,
            name: i.name.clone(),
            expr: i.expr.clone(),
            in_star: true,
        })
        .collect();
    outputs
        .columns
        .retain(|c| !columns.iter().any(|o| o.name.eq_ignore_ascii_case(&c.name)) || c.relation.is_some());
    for column in &mut outputs.columns {
        // Still there under its relation's name.
        if columns.iter().any(|o| o.name.eq_ignore_ascii_case(&column.name)) {
            column.in_star = false;
        }
    }
    outputs.columns.extend(columns);
    outputs
}
