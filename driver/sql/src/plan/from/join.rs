//! Joins: conditions, USING, NATURAL, and the names in sight afterwards.

use std::sync::Arc;

use datafusion::common::{Column, JoinType};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};
use sqlparser::ast::{self, JoinConstraint};
use sqlparser::tokenizer::Location;

use super::{From, unknown_column};
use crate::error::Checked;
use crate::plan::scope::{Found, Place, Relation, Scope, ScopeColumn};
use crate::plan::subquery::{Use, check_correlation, equal_keys, has_subquery, named};
use crate::plan::{Planner, engine_fault};

/// The sides of a join whose rows go on.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Keep {
    Both,
    Left,
    Right,
}

impl Planner<'_> {
    pub(super) fn join(
        &mut self,
        left: From,
        right: From,
        kind: JoinType,
        constraint: &JoinConstraint,
        outer: Option<Arc<Scope>>,
        at: Location,
    ) -> Checked<From> {
        self.join_with(left, right, kind, constraint, Vec::new(), outer, at)
    }

    /// Joins; `ties` are conditions of ours beside those that are written.
    #[expect(clippy::too_many_arguments, reason = "the parts of the syntax node")]
    pub(super) fn join_with(
        &mut self,
        mut left: From,
        mut right: From,
        kind: JoinType,
        constraint: &JoinConstraint,
        ties: Vec<Expr>,
        outer: Option<Arc<Scope>>,
        at: Location,
    ) -> Checked<From> {
        let both = left
            .plan
            .schema()
            .join(right.plan.schema())
            .map_err(|e| engine_fault(&e, at))?;
        let mut scope = merged(&left.scope, &right.scope);
        scope.schema = Arc::new(both);
        scope.outer = outer;
        let mut shared = Vec::new();
        let condition = match constraint {
            JoinConstraint::On(on) => Some(self.condition(on, &scope.at(Place::Join))?),
            JoinConstraint::Using(names) => {
                for name in names {
                    let name = name
                        .0
                        .last()
                        .and_then(|p| p.as_ident())
                        .map(|i| i.value.clone())
                        .unwrap_or_default();
                    shared.push(name);
                }
                None
            }
            JoinConstraint::Natural => {
                let listed = right.scope.star(None);
                let both = left
                    .scope
                    .star(None)
                    .into_iter()
                    .filter(|c| listed.iter().any(|o| left.scope.same(&o.name, &c.name)));
                shared.extend(both.map(|c| c.name.clone()));
                None
            }
            JoinConstraint::None => None,
        };
        let mut pairs = Vec::with_capacity(shared.len());
        for name in &shared {
            let side = |scope: &Scope| match scope.find(std::slice::from_ref(name)) {
                Found::Column { expr, name, .. } => Ok((expr, name)),
                _ => Err(unknown_column(name, &scope.known(), false, at)),
            };
            let ((left, shown), (right, _)) = (side(&left.scope)?, side(&right.scope)?);
            pairs.push((left, right, shown));
        }
        let keys = pairs.iter().map(|(l, r, _)| l.clone().eq(r.clone())).reduce(Expr::and);
        let mut on = match (condition, keys) {
            (Some(on), _) | (None, Some(on)) => on,
            (None, None) => lit(true),
        };
        on = ties.into_iter().fold(on, Expr::and);
        let mut after = None;
        if has_subquery(&on) {
            if kind == JoinType::Inner {
                after = Some(std::mem::replace(&mut on, lit(true)));
            } else if on.column_refs().iter().any(|c| right.plan.schema().has_column(c)) {
                on = self.lifted_parts(on, &mut left, &mut right, at)?;
            } else {
                left.plan = self.lifted(left.plan, vec![&mut on], at)?;
            }
        }
        let keep = match kind {
            JoinType::LeftSemi | JoinType::LeftAnti => Keep::Left,
            JoinType::RightSemi | JoinType::RightAnti => Keep::Right,
            _ => Keep::Both,
        };
        let plan = LogicalPlanBuilder::from(left.plan)
            .join_on(right.plan, kind, [on])
            .and_then(LogicalPlanBuilder::build)
            .map_err(|e| engine_fault(&e, at))?;
        let plan = match after {
            Some(condition) => self.filtered(plan, condition, at)?,
            None => plan,
        };
        let mut scope = match keep {
            Keep::Both => scope,
            Keep::Left => left.scope,
            Keep::Right => right.scope,
        };
        scope.schema = Arc::clone(plan.schema());
        if keep == Keep::Both && !pairs.is_empty() {
            scope.columns = using_columns(scope.columns, pairs, kind);
        } else {
            // The shared columns come first here too.
            let place = |c: &ScopeColumn| {
                let shared = pairs.iter().position(|(l, ..)| *l == c.expr && c.in_star);
                shared.unwrap_or(pairs.len())
            };
            scope.columns.sort_by_key(place);
        }
        Ok(From { plan, scope })
    }
}

impl Planner<'_> {
    /// Answers the subqueries in each part of a join's condition beside the rows they are about.
    fn lifted_parts(&mut self, on: Expr, left: &mut From, right: &mut From, at: Location) -> Checked<Expr> {
        let mut parts = split_conjunction_owned(on);
        for part in parts.iter_mut().filter(|p| has_subquery(p)) {
            let about_right = part.column_refs().iter().any(|c| right.plan.schema().has_column(c));
            let side = if about_right { &mut *right } else { &mut *left };
            let plan = side.plan.clone();
            side.plan = self.lifted(plan, vec![part], at)?;
        }
        Ok(conjunction(parts).unwrap_or_else(|| lit(true)))
    }

    /// Joins with a query that may use the columns of what stands before it: LATERAL.
    #[expect(clippy::too_many_arguments, reason = "the parts of the syntax node")]
    pub(super) fn lateral_join(
        &mut self,
        left: From,
        query: &ast::Query,
        alias: Option<&ast::TableAlias>,
        kind: JoinType,
        constraint: &JoinConstraint,
        outer: Option<Arc<Scope>>,
        at: Location,
    ) -> Checked<From> {
        let before = self.streams;
        let around = Scope {
            schema: Arc::clone(left.plan.schema()),
            ..left.scope.clone()
        };
        let relation = self.query(query, Some(Arc::new(around)))?;
        check_correlation(&relation.plan, Use::Lateral, at)?;
        let (plan, outer_columns, keys) = self.dependent(&left.plan, relation.plan, at)?;
        let relation = Relation {
            plan,
            names: relation.names,
        };
        let right = self.aliased(relation, None, alias, self.streams > before, outer.clone())?;
        let keys: Vec<Column> = keys.iter().map(|k| named(&right.plan, k)).collect();
        let ties = equal_keys(&outer_columns, &keys);
        self.join_with(left, right, kind, constraint, ties, outer, at)
    }
}

/// With USING the shared columns come first, once; each side's own is still there under its relation's name.
pub(super) fn using_columns(
    columns: Vec<ScopeColumn>,
    pairs: Vec<(Expr, Expr, String)>,
    kind: JoinType,
) -> Vec<ScopeColumn> {
    let mut out = Vec::with_capacity(columns.len() + pairs.len());
    for (left, right, name) in &pairs {
        let expr = match kind {
            JoinType::Right => right.clone(),
            JoinType::Full => datafusion::functions::core::expr_fn::coalesce(vec![left.clone(), right.clone()]),
            _ => left.clone(),
        };
        out.push(ScopeColumn {
            relation: None,
            name: name.clone(),
            expr,
            in_star: true,
        });
    }
    for mut column in columns {
        if pairs.iter().any(|(l, r, _)| column.expr == *l || column.expr == *r) {
            column.in_star = false;
        }
        out.push(column);
    }
    out
}

fn merged(left: &Scope, right: &Scope) -> Scope {
    let mut scope = left.clone();
    scope.columns.extend(right.columns.iter().cloned());
    if let Ok(schema) = left.schema.join(&right.schema) {
        scope.schema = Arc::new(schema);
    }
    scope
}
