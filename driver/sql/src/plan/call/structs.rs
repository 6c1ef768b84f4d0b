//! `struct(...)` and tuples: fields are called as columns are.

use datafusion::logical_expr::lit;
use sqlparser::ast::{self, FunctionArgExpr};
use sqlparser::tokenizer::Location;

use super::arguments::{Arguments, star};
use crate::error::Checked;
use crate::plan::Planner;
use crate::plan::scope::{Scope, Typed};

impl Planner<'_> {
    /// `struct(a, t.b, x + 1 AS c, *)`: fields are called as columns are, col1, col2, ... where there is no name.
    pub(super) fn struct_call(&mut self, arguments: &Arguments<'_>, scope: &Scope, at: Location) -> Checked<Typed> {
        let mut fields = Vec::new();
        let mut shown = Vec::new();
        for arg in &arguments.list {
            match arg {
                FunctionArgExpr::Expr(e) => {
                    let typed = self.expr(e, scope)?;
                    let name = match e {
                        ast::Expr::Identifier(i) => i.value.clone(),
                        ast::Expr::CompoundIdentifier(parts) => {
                            parts.last().map(|i| i.value.clone()).unwrap_or_default()
                        }
                        ast::Expr::Named { name, .. } => name.value.clone(),
                        _ => format!("col{}", fields.len() / 2 + 1),
                    };
                    shown.push(typed.text.clone());
                    fields.extend([lit(name), typed.expr]);
                }
                FunctionArgExpr::QualifiedWildcard(_)
                | FunctionArgExpr::Wildcard
                | FunctionArgExpr::WildcardWithOptions(_) => {
                    let relation = match arg {
                        FunctionArgExpr::QualifiedWildcard(name) => Some(name.to_string()),
                        _ => None,
                    };
                    for typed in star(scope, relation.as_deref()) {
                        shown.push(typed.text.clone());
                        fields.extend([lit(typed.text), typed.expr]);
                    }
                }
            }
        }
        let expr = self.scalar(&["named_struct"], fields, scope, at)?;
        Ok(Typed {
            expr,
            text: format!("struct({})", shown.join(", ")),
        })
    }

    pub(in crate::plan) fn struct_of(&mut self, items: &[ast::Expr], scope: &Scope, at: Location) -> Checked<Typed> {
        let mut fields = Vec::new();
        let mut shown = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let typed = self.expr(item, scope)?;
            shown.push(typed.text);
            let name = match item {
                ast::Expr::Named { name, .. } => name.value.clone(),
                ast::Expr::Identifier(ident) => ident.value.clone(),
                ast::Expr::CompoundIdentifier(parts) => parts.last().map(|p| p.value.clone()).unwrap_or_default(),
                _ => format!("col{}", i + 1),
            };
            fields.extend([lit(name), typed.expr]);
        }
        let expr = self.scalar(&["named_struct"], fields, scope, at)?;
        Ok(Typed {
            expr,
            text: format!("struct({})", shown.join(", ")),
        })
    }
}
