//! `struct(...)`, tuples and `arrays_zip(...)`: fields are called as what they are made of.

use arrow::datatypes::{DataType, Field};
use datafusion::logical_expr::{Expr, lit};
use sqlparser::ast::{self, AccessExpr, FunctionArgExpr, Subscript, Value};
use sqlparser::tokenizer::Location;

use super::arguments::{Arguments, star};
use super::texts;
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::Planner;
use crate::plan::scope::{Scope, Typed};

impl Planner<'_> {
    /// `struct(a, t.b, x + 1 AS c, *)`: fields are called as columns are, col1, col2, ... where there is no name.
    pub(super) fn struct_call(&mut self, arguments: &Arguments<'_>, scope: &Scope, at: Location) -> Checked<Typed> {
        let plain: Option<Vec<&ast::Expr>> = arguments
            .list
            .iter()
            .map(|arg| match arg {
                FunctionArgExpr::Expr(e) => Some(e),
                _ => None,
            })
            .collect();
        if let Some(values) = plain {
            return self.struct_values(&values, scope, at);
        }
        let mut fields: Vec<(String, Typed)> = Vec::new();
        for (i, arg) in arguments.list.iter().enumerate() {
            match arg {
                FunctionArgExpr::Expr(e) => {
                    let name = own_name(e).unwrap_or_else(|| format!("col{}", i + 1));
                    fields.push((name, self.expr(e, scope)?));
                }
                FunctionArgExpr::QualifiedWildcard(name) => {
                    fields.extend(self.star_of(name, scope, at)?);
                }
                FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_) => {
                    fields.extend(star(scope, None).into_iter().map(|typed| (typed.text.clone(), typed)));
                }
            }
        }
        self.named_fields(fields, scope, at)
    }

    /// `named_struct(name, value, ..)`. A name may be empty, which the engine's own function refuses.
    pub(super) fn struct_of_names(&self, args: Vec<Expr>, scope: &Scope, at: Location) -> Checked<Expr> {
        let names: Option<Vec<String>> = args.iter().step_by(2).map(literal_text).collect();
        match names {
            Some(names) if names.iter().any(String::is_empty) && args.len().is_multiple_of(2) => {
                let values: Vec<Expr> = args.into_iter().skip(1).step_by(2).collect();
                let fields = names.iter().zip(&values).map(|(name, value)| {
                    let of = self.type_of(value, scope, at)?;
                    Ok(Field::new(name, of, true))
                });
                let of = DataType::Struct(fields.collect::<Checked<Vec<_>>>()?.into());
                let unnamed = self.scalar(&["struct"], values, scope, at)?;
                Ok(datafusion::logical_expr::cast(unnamed, of))
            }
            _ => self.scalar(&["named_struct"], args, scope, at),
        }
    }

    /// `struct(a, x + 1 AS c)`, shown with its aliases.
    pub(in crate::plan) fn struct_values(
        &mut self,
        values: &[&ast::Expr],
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        let mut fields = Vec::with_capacity(values.len());
        let mut shown = Vec::with_capacity(values.len());
        for (i, value) in values.iter().enumerate() {
            let all = self.all_of(value, scope, at)?;
            if !all.is_empty() {
                shown.extend(all.iter().map(|(_, typed)| typed.text.clone()));
                fields.extend(all);
                continue;
            }
            let typed = self.expr(value, scope)?;
            shown.push(match value {
                ast::Expr::Named { name, .. } => format!("{} AS {}", typed.text, name.value),
                _ => typed.text.clone(),
            });
            let name = own_name(value).unwrap_or_else(|| format!("col{}", i + 1));
            fields.push((name, typed));
        }
        let typed = self.named_fields(fields, scope, at)?;
        let text = format!("struct({})", shown.join(", "));
        Ok(Typed { text, ..typed })
    }

    /// The columns of `*` and `t.*`, nothing for other expressions.
    fn all_of(&mut self, value: &ast::Expr, scope: &Scope, at: Location) -> Checked<Vec<(String, Typed)>> {
        match value {
            ast::Expr::Wildcard(_) => {
                let all = star(scope, None).into_iter();
                Ok(all.map(|typed| (typed.text.clone(), typed)).collect())
            }
            ast::Expr::QualifiedWildcard(name, _) => self.star_of(name, scope, at),
            _ => Ok(Vec::new()),
        }
    }

    /// `(a, b)`, a struct without its name.
    pub(in crate::plan) fn struct_of(&mut self, items: &[ast::Expr], scope: &Scope, at: Location) -> Checked<Typed> {
        let mut fields = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let name = own_name(item).unwrap_or_else(|| format!("col{}", i + 1));
            fields.push((name, self.expr(item, scope)?));
        }
        let named: Vec<String> = fields
            .iter()
            .map(|(name, typed)| format!("{name}, {}", typed.text))
            .collect();
        let text = format!("named_struct({})", named.join(", "));
        let typed = self.named_fields(fields, scope, at)?;
        Ok(Typed { text, ..typed })
    }

    fn named_fields(&mut self, fields: Vec<(String, Typed)>, scope: &Scope, at: Location) -> Checked<Typed> {
        let shown: Vec<&str> = fields.iter().map(|(_, typed)| typed.text.as_str()).collect();
        let text = format!("struct({})", shown.join(", "));
        let exprs = fields.into_iter().flat_map(|(name, typed)| [lit(name), typed.expr]);
        let expr = self.scalar(&["named_struct"], exprs.collect(), scope, at)?;
        Ok(Typed { expr, text })
    }

    /// `arrays_zip(a, t.b, f(x))`: the structs' fields are called as columns are, 0, 1, ... where there is no name.
    pub(super) fn arrays_zip(&mut self, arguments: &Arguments<'_>, scope: &Scope, at: Location) -> Checked<Typed> {
        let mut typed = Vec::with_capacity(arguments.list.len());
        let mut exprs = Vec::with_capacity(2 * arguments.list.len());
        for (i, arg) in arguments.list.iter().enumerate() {
            let FunctionArgExpr::Expr(e) = arg else {
                return Err(Fault::new(SqlErrorKind::Syntax, at, "'*' is no argument of arrays_zip"));
            };
            let name = own_name(e).unwrap_or_else(|| i.to_string());
            let array = self.expr(e, scope)?;
            exprs.extend([lit(name), array.expr.clone()]);
            typed.push(array);
        }
        let expr = self.scalar(&["arrays_zip"], exprs, scope, at)?;
        Ok(Typed {
            expr,
            text: format!("arrays_zip({})", texts(&typed)),
        })
    }
}

/// The name an expression has of itself: an alias, a column's, a field's or a key's.
fn own_name(e: &ast::Expr) -> Option<String> {
    match e {
        ast::Expr::Identifier(ident) => Some(ident.value.clone()),
        ast::Expr::CompoundIdentifier(parts) => parts.last().map(|ident| ident.value.clone()),
        ast::Expr::Named { name, .. } => Some(name.value.clone()),
        ast::Expr::Nested(inner) => own_name(inner),
        ast::Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last()? {
            AccessExpr::Dot(ast::Expr::Identifier(ident)) => Some(ident.value.clone()),
            AccessExpr::Subscript(Subscript::Index {
                index: ast::Expr::Value(value),
            }) => match &value.value {
                Value::SingleQuotedString(text) => Some(text.clone()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn literal_text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    }
}
