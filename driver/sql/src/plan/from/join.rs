//! Joins: conditions, USING, NATURAL, and the names in sight afterwards.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};
use sqlparser::ast::JoinConstraint;
use sqlparser::tokenizer::Location;

use super::{From, unknown_column};
use crate::error::Checked;
use crate::plan::scope::{Found, Place, Scope, ScopeColumn};
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
                    .filter(|c| listed.iter().any(|o| o.name.eq_ignore_ascii_case(&c.name)));
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
        let on = match (condition, keys) {
            (Some(on), _) | (None, Some(on)) => on,
            (None, None) => lit(true),
        };
        let keep = match kind {
            JoinType::LeftSemi | JoinType::LeftAnti => Keep::Left,
            JoinType::RightSemi | JoinType::RightAnti => Keep::Right,
            _ => Keep::Both,
        };
        let plan = LogicalPlanBuilder::from(left.plan)
            .join_on(right.plan, kind, [on])
            .and_then(LogicalPlanBuilder::build)
            .map_err(|e| engine_fault(&e, at))?;
        let mut scope = match keep {
            Keep::Both => scope,
            Keep::Left => left.scope,
            Keep::Right => right.scope,
        };
        scope.schema = Arc::clone(plan.schema());
        if keep == Keep::Both && !pairs.is_empty() {
            scope.columns = using_columns(scope.columns, pairs, kind);
        }
        Ok(From { plan, scope })
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

pub(super) fn merged(left: &Scope, right: &Scope) -> Scope {
    let mut scope = left.clone();
    scope.columns.extend(right.columns.iter().cloned());
    if let Ok(schema) = left.schema.join(&right.schema) {
        scope.schema = Arc::new(schema);
    }
    scope
}
