//! The SELECT list: items, stars, generators, and the names Spark gives them.

use std::sync::Arc;

use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::Expr;
use sqlparser::ast::{self, SelectItem, SelectItemQualifiedWildcardKind, Spanned};
use sqlparser::tokenizer::Location;

use super::{Item, plain};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::call::{ALL_GROUPING, GROUPING_ID};
use crate::plan::from::unknown_column;
use crate::plan::generator::Generator;
use crate::plan::scope::{Scope, Typed, lateral_text};
use crate::plan::{Planner, engine_fault, place};

/// The planned SELECT list.
pub(super) struct Items {
    pub(super) items: Vec<Item>,
    /// The generators among them, each with where it stands; their columns are items.
    pub(super) generators: Vec<(Generator, Location)>,
    /// Names of the generators' columns, for ORDER BY.
    pub(super) generated: Vec<(String, Expr)>,
}

impl Planner<'_> {
    /// Plans the items; the columns of generators among them become part of the scope's schema.
    pub(super) fn items(&mut self, projection: &[SelectItem], around: &mut Scope, at: Location) -> Checked<Items> {
        let mut scope = around.clone();
        let mut all = Items {
            items: Vec::with_capacity(projection.len()),
            generators: Vec::new(),
            generated: Vec::new(),
        };
        for item in projection {
            if let Some((e, aliases)) = call_of(item)
                && let Some(generator) = self.generator(e, &scope)?
            {
                self.generator_item(generator, aliases, place(e.span()), &mut scope, &mut all)?;
                continue;
            }
            let planned = self.item(item, &scope, at)?;
            // Later items may use this one by its alias.
            for item in planned.iter().filter(|i| i.named) {
                scope.aliases.push((
                    item.name.clone(),
                    Typed {
                        expr: item.expr.clone(),
                        text: lateral_text(&item.name),
                    },
                ));
            }
            all.items.extend(planned);
        }
        around.schema = scope.schema;
        Ok(all)
    }

    /// A generator's columns as items, which later items may use.
    fn generator_item(
        &mut self,
        mut generator: Generator,
        aliases: &[ast::Ident],
        at: Location,
        scope: &mut Scope,
        all: &mut Items,
    ) -> Checked<()> {
        generator.names = generator.names(aliases, at)?;
        let fields = self.columns_of(&mut generator, scope, at)?;
        let unqualified = fields.into_iter().map(|field| (None, Arc::new(field))).collect();
        let made = DFSchema::new_with_metadata(unqualified, std::collections::HashMap::new());
        let schema = made.and_then(|made| scope.schema.join(&made));
        scope.schema = Arc::new(schema.map_err(|e| engine_fault(&e, at))?);
        for (name, column) in generator.names.iter().zip(&generator.made) {
            let expr = Expr::Column(Column::new_unqualified(column));
            let text = name.clone();
            scope.aliases.push((
                name.clone(),
                Typed {
                    expr: expr.clone(),
                    text,
                },
            ));
            all.generated.push((name.clone(), expr.clone()));
            all.items.push(Item {
                name: name.clone(),
                named: false,
                ..plain(expr, at)
            });
        }
        all.generators.push((generator, at));
        Ok(())
    }

    pub(super) fn item(&mut self, item: &SelectItem, scope: &Scope, select_at: Location) -> Checked<Vec<Item>> {
        match item {
            SelectItem::UnnamedExpr(e) => {
                let typed = self.expr(e, scope)?;
                Ok(vec![Item {
                    name: shown_name(e, &typed),
                    named: false,
                    ..plain(typed.expr, place(e.span()))
                }])
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                let typed = self.expr(expr, scope)?;
                Ok(vec![Item {
                    name: alias.value.clone(),
                    named: true,
                    ..plain(typed.expr, place(expr.span()))
                }])
            }
            SelectItem::ExprWithAliases { expr, .. } => Err(Fault::new(
                SqlErrorKind::Syntax,
                place(expr.span()),
                "only a generator such as posexplode has several names",
            )),
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
    pub(in crate::plan) fn qualified_star(
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
}

/// The expression of an item and the names given to it.
fn call_of(item: &SelectItem) -> Option<(&ast::Expr, &[ast::Ident])> {
    match item {
        SelectItem::UnnamedExpr(e) => Some((e, &[])),
        SelectItem::ExprWithAlias { expr, alias } => Some((expr, std::slice::from_ref(alias))),
        SelectItem::ExprWithAliases { expr, aliases } => Some((expr, aliases)),
        _ => None,
    }
}

/// The name Spark gives an item without alias: a column's or field's own, also through casts.
pub(super) fn shown_name(e: &ast::Expr, typed: &Typed) -> String {
    match e {
        ast::Expr::CompoundIdentifier(parts) => parts.last().map_or_else(|| typed.text.clone(), |i| i.value.clone()),
        // A field of a column, not one of what is computed.
        ast::Expr::CompoundFieldAccess { root, access_chain } if is_name(root) => {
            let fields = access_chain.iter().map(|access| match access {
                ast::AccessExpr::Dot(ast::Expr::Identifier(i)) => Some(&i.value),
                _ => None,
            });
            let last = fields
                .collect::<Option<Vec<_>>>()
                .and_then(|all| all.last().copied().cloned());
            last.unwrap_or_else(|| typed.text.clone())
        }
        ast::Expr::Identifier(_) if typed.text == ALL_GROUPING => GROUPING_ID.to_owned(),
        // A cast of a column keeps its name; not that of a field, nor another cast.
        ast::Expr::Cast { expr, .. } => match plain_column(expr, typed) {
            Some(name) => name,
            None => typed.text.clone(),
        },
        ast::Expr::Identifier(i) if typed.text != "window" => match typed.text.strip_suffix("()") {
            Some(_) => typed.text.clone(),
            None => i.value.clone(),
        },
        ast::Expr::Nested(inner) => shown_name(inner, typed),
        _ => typed.text.clone(),
    }
}

/// Whether the expression is a name, in parentheses or not.
fn is_name(e: &ast::Expr) -> bool {
    match e {
        ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_) => true,
        ast::Expr::Nested(inner) => is_name(inner),
        ast::Expr::CompoundFieldAccess { root, access_chain } => {
            is_name(root) && access_chain.iter().all(|a| matches!(a, ast::AccessExpr::Dot(_)))
        }
        _ => false,
    }
}

/// The name of a column that stands alone, when that is what the cast is of.
fn plain_column(e: &ast::Expr, cast: &Typed) -> Option<String> {
    let inner = match &cast.expr {
        Expr::Cast(c) => &c.expr,
        Expr::TryCast(c) => &c.expr,
        _ => return None,
    };
    match (e, inner.as_ref()) {
        (ast::Expr::Nested(e), _) => plain_column(e, cast),
        (ast::Expr::Identifier(i), Expr::Column(_)) => Some(i.value.clone()),
        (ast::Expr::CompoundIdentifier(parts), Expr::Column(_)) => parts.last().map(|i| i.value.clone()),
        _ => None,
    }
}

pub(super) fn starred(
    all: Vec<(String, Expr)>,
    options: &ast::WildcardAdditionalOptions,
    at: Location,
) -> Checked<Vec<Item>> {
    if options.opt_except.is_some() {
        return Err(
            Fault::new(SqlErrorKind::Syntax, at, "EXCEPT behind '*' is not Spark SQL")
                .help("list the columns that are wanted"),
        );
    }
    Ok(all
        .into_iter()
        .map(|(name, expr)| Item {
            name,
            ..plain(expr, at)
        })
        .collect())
}
