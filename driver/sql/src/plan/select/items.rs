//! The SELECT list: items, stars, generators, and the names Spark gives them.

use datafusion::logical_expr::Expr;
use sqlparser::ast::{self, SelectItem, SelectItemQualifiedWildcardKind, Spanned};
use sqlparser::tokenizer::Location;

use super::{Item, plain};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::from::unknown_column;
use crate::plan::scope::{Scope, Typed};
use crate::plan::{Planner, place};

impl Planner<'_> {
    pub(super) fn items(&mut self, projection: &[SelectItem], scope: &Scope, at: Location) -> Checked<Vec<Item>> {
        let mut scope = scope.clone();
        let mut items: Vec<Item> = Vec::with_capacity(projection.len());
        for item in projection {
            let planned = self.item(item, &scope, at)?;
            // Later items may use this one by its alias.
            for item in planned.iter().filter(|i| i.named && i.generator.is_none()) {
                scope.aliases.push((
                    item.name.clone(),
                    Typed {
                        expr: item.expr.clone(),
                        text: item.name.clone(),
                    },
                ));
            }
            items.extend(planned);
        }
        if items.iter().filter(|i| i.generator.is_some()).count() > 1 {
            return Err(Fault::new(
                SqlErrorKind::Unsupported,
                at,
                "only one generator such as explode may stand in a SELECT list",
            )
            .help("use LATERAL VIEW for the others"));
        }
        Ok(items)
    }

    pub(super) fn item(&mut self, item: &SelectItem, scope: &Scope, select_at: Location) -> Checked<Vec<Item>> {
        match item {
            SelectItem::UnnamedExpr(e) => {
                if let Some(items) = self.generator_item(e, &[], scope)? {
                    return Ok(items);
                }
                let typed = self.expr(e, scope)?;
                Ok(vec![Item {
                    name: shown_name(e, &typed),
                    named: false,
                    ..plain(typed.expr, place(e.span()))
                }])
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                if let Some(items) = self.generator_item(expr, std::slice::from_ref(alias), scope)? {
                    return Ok(items);
                }
                let typed = self.expr(expr, scope)?;
                Ok(vec![Item {
                    name: alias.value.clone(),
                    named: true,
                    ..plain(typed.expr, place(expr.span()))
                }])
            }
            SelectItem::ExprWithAliases { expr, aliases } => match self.generator_item(expr, aliases, scope)? {
                Some(items) => Ok(items),
                None => Err(Fault::new(
                    SqlErrorKind::Syntax,
                    place(expr.span()),
                    "only a generator such as posexplode has several names",
                )),
            },
            SelectItem::Wildcard(options) => {
                let at = place(options.wildcard_token.0.span);
                if scope.columns.is_empty() {
                    return Err(Fault::new(SqlErrorKind::Syntax, at, "'*' needs a FROM clause"));
                }
                let all = scope
                    .star(None)
                    .into_iter()
                    .map(|c| (c.name.clone(), c.expr.clone()))
                    .collect();
                starred(all, options, at)
            }
            SelectItem::QualifiedWildcard(kind, options) => {
                let at = place(options.wildcard_token.0.span);
                let at = if at.line == 0 { select_at } else { at };
                let all = self.qualified_star(kind, scope, at)?;
                starred(all, options, at)
            }
        }
    }

    /// `t.*` and `s.*` for a relation or a struct.
    pub(super) fn qualified_star(
        &mut self,
        kind: &SelectItemQualifiedWildcardKind,
        scope: &Scope,
        at: Location,
    ) -> Checked<Vec<(String, Expr)>> {
        let base = match kind {
            SelectItemQualifiedWildcardKind::ObjectName(name) => {
                let idents: Vec<ast::Ident> = name.0.iter().filter_map(|p| p.as_ident().cloned()).collect();
                if let [one] = idents.as_slice() {
                    let listed = scope.star(Some(&one.value));
                    if !listed.is_empty() {
                        return Ok(listed.into_iter().map(|c| (c.name.clone(), c.expr.clone())).collect());
                    }
                }
                let shown = name.to_string();
                let e = match idents.as_slice() {
                    [one] => ast::Expr::Identifier(one.clone()),
                    _ => ast::Expr::CompoundIdentifier(idents),
                };
                self.expr(&e, scope).map_err(|f| {
                    if f.message.starts_with("no column") {
                        unknown_column(&shown, &scope.known(), false, f.at).help(format!(
                            "'{shown}' is neither a relation of the FROM clause nor a struct column"
                        ))
                    } else {
                        f
                    }
                })?
            }
            SelectItemQualifiedWildcardKind::Expr(e) => self.expr(e, scope)?,
        };
        match self.type_of(&base.expr, scope, at)? {
            arrow::datatypes::DataType::Struct(fields) => fields
                .iter()
                .map(|f| {
                    self.field(base.clone(), f.name(), scope, at)
                        .map(|typed| (f.name().clone(), typed.expr))
                })
                .collect(),
            other => {
                let of = millstream_spark::type_name::spark_type(&other).to_uppercase();
                Err(Fault::new(
                    SqlErrorKind::Type,
                    at,
                    format!("'{}.*' needs a relation or a struct, {} is {of}", base.text, base.text),
                ))
            }
        }
    }

    /// The item when the expression is a generator: explode and the like.
    pub(super) fn generator_item(
        &mut self,
        e: &ast::Expr,
        aliases: &[ast::Ident],
        scope: &Scope,
    ) -> Checked<Option<Vec<Item>>> {
        let Some(mut generator) = self.generator(e, scope)? else {
            return Ok(None);
        };
        let at = place(e.span());
        let names = generator.names(aliases, at)?;
        // One item stands for all columns of the generator until rows are made.
        let expr = generator.input.clone();
        generator.names.clone_from(&names);
        Ok(Some(vec![Item {
            name: names.join(","),
            named: !aliases.is_empty(),
            generator: Some(generator),
            ..plain(expr, at)
        }]))
    }
}

/// The name Spark gives an item without alias: a column's or field's own, also through casts.
pub(super) fn shown_name(e: &ast::Expr, typed: &Typed) -> String {
    match e {
        ast::Expr::CompoundIdentifier(parts) => parts.last().map_or_else(|| typed.text.clone(), |i| i.value.clone()),
        ast::Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last() {
            Some(ast::AccessExpr::Dot(ast::Expr::Identifier(i))) => i.value.clone(),
            _ => typed.text.clone(),
        },
        ast::Expr::Cast { expr, .. } if is_named(expr) => shown_name(
            expr,
            &Typed {
                expr: typed.expr.clone(),
                text: expr.to_string(),
            },
        ),
        ast::Expr::Identifier(i) if typed.text != "window" => match typed.text.strip_suffix("()") {
            Some(_) => typed.text.clone(),
            None => i.value.clone(),
        },
        ast::Expr::Nested(inner) => shown_name(inner, typed),
        _ => typed.text.clone(),
    }
}

pub(super) fn is_named(e: &ast::Expr) -> bool {
    match e {
        ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_) => true,
        ast::Expr::Cast { expr, .. } | ast::Expr::Nested(expr) => is_named(expr),
        _ => false,
    }
}

pub(super) fn starred(
    all: Vec<(String, Expr)>,
    options: &ast::WildcardAdditionalOptions,
    at: Location,
) -> Checked<Vec<Item>> {
    let mut except: Vec<String> = Vec::new();
    if let Some(list) = &options.opt_except {
        except.push(list.first_element.value.clone());
        except.extend(list.additional_elements.iter().map(|i| i.value.clone()));
    }
    for name in &except {
        if !all.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
            return Err(unknown_column(
                name,
                &all.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>(),
                false,
                at,
            ));
        }
    }
    Ok(all
        .into_iter()
        .filter(|(name, _)| !except.iter().any(|e| e.eq_ignore_ascii_case(name)))
        .map(|(name, expr)| Item {
            name,
            ..plain(expr, at)
        })
        .collect())
}
