//! The arguments of a call, taken apart.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::NullTreatment;
use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned};
use sqlparser::tokenizer::Location;

use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::scope::{Scope, Typed};
use crate::plan::{Planner, place};

/// The argument list of a call, taken apart.
pub(super) struct Arguments<'a> {
    pub(super) list: Vec<&'a FunctionArgExpr>,
    pub(super) distinct: bool,
    pub(super) order_by: Vec<&'a ast::OrderByExpr>,
    pub(super) nulls: Option<NullTreatment>,
}

impl Planner<'_> {
    pub(super) fn arguments(&mut self, arguments: &Arguments<'_>, scope: &Scope) -> Checked<Vec<Typed>> {
        let mut out = Vec::with_capacity(arguments.list.len());
        for arg in &arguments.list {
            match arg {
                FunctionArgExpr::Expr(e) => {
                    let typed = self.expr(e, scope)?;
                    self.type_of(&typed.expr, scope, place(e.span()))?;
                    out.push(typed);
                }
                FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_) => out.extend(star(scope, None)),
                FunctionArgExpr::QualifiedWildcard(name) => {
                    let all = self.star_of(name, scope, place(name.span()))?;
                    out.extend(all.into_iter().map(|(_, typed)| typed));
                }
            }
        }
        Ok(out)
    }
}

impl Planner<'_> {
    /// The columns of a relation's `t.*` as arguments, or the fields of a struct's `s.*`, which show where they come from.
    pub(super) fn star_of(
        &mut self,
        name: &ast::ObjectName,
        scope: &Scope,
        at: Location,
    ) -> Checked<Vec<(String, Typed)>> {
        let listed = star(scope, Some(&name.to_string()));
        if !listed.is_empty() {
            return Ok(listed.into_iter().map(|typed| (typed.text.clone(), typed)).collect());
        }
        let kind = ast::SelectItemQualifiedWildcardKind::ObjectName(name.clone());
        let fields = self.qualified_star(&kind, scope, at)?;
        let shown = |field: &str| format!("{name}.{field} AS {field}");
        Ok(fields
            .into_iter()
            .map(|(field, expr)| {
                (
                    field.clone(),
                    Typed {
                        expr,
                        text: shown(&field),
                    },
                )
            })
            .collect())
    }
}

pub(super) fn arguments<'a>(function: &'a ast::Function, at: Location) -> Checked<Arguments<'a>> {
    let mut out = Arguments {
        list: Vec::new(),
        distinct: false,
        order_by: Vec::new(),
        nulls: function.null_treatment.map(nulls),
    };
    let list = match &function.args {
        FunctionArguments::None => return Ok(out),
        FunctionArguments::Subquery(_) => {
            return Err(Fault::new(
                SqlErrorKind::Syntax,
                at,
                "a subquery needs parentheses of its own here",
            ));
        }
        FunctionArguments::List(list) => list,
    };
    out.distinct = matches!(list.duplicate_treatment, Some(ast::DuplicateTreatment::Distinct));
    for arg in &list.args {
        match arg {
            FunctionArg::Unnamed(e) => out.list.push(e),
            FunctionArg::Named { name, .. } => {
                return Err(Fault::new(
                    SqlErrorKind::Unsupported,
                    place(name.span),
                    "arguments by name are not supported",
                )
                .help("give them in order"));
            }
            FunctionArg::ExprNamed { .. } => {
                return Err(Fault::new(
                    SqlErrorKind::Unsupported,
                    at,
                    "arguments by name are not supported",
                ));
            }
        }
    }
    for clause in &list.clauses {
        match clause {
            ast::FunctionArgumentClause::IgnoreOrRespectNulls(n) => out.nulls = Some(nulls(*n)),
            ast::FunctionArgumentClause::OrderBy(order) => out.order_by.extend(order),
            _ => {
                return Err(Fault::new(
                    SqlErrorKind::Unsupported,
                    at,
                    "this clause within a function's arguments is not Spark SQL",
                ));
            }
        }
    }
    Ok(out)
}

pub(in crate::plan) fn nulls(treatment: ast::NullTreatment) -> NullTreatment {
    match treatment {
        ast::NullTreatment::IgnoreNulls => NullTreatment::IgnoreNulls,
        ast::NullTreatment::RespectNulls => NullTreatment::RespectNulls,
    }
}

/// `first(x, true)` is `first(x) IGNORE NULLS`.
pub(in crate::plan) fn null_flag(name: &str, args: &mut Vec<Typed>) -> Option<NullTreatment> {
    if !["first", "last", "first_value", "last_value", "any_value"].contains(&name) || args.len() != 2 {
        return None;
    }
    let Expr::Literal(ScalarValue::Boolean(Some(ignore)), _) = &args[1].expr else {
        return None;
    };
    let ignore = *ignore;
    args.pop();
    Some(if ignore {
        NullTreatment::IgnoreNulls
    } else {
        NullTreatment::RespectNulls
    })
}

pub(in crate::plan) fn texts(args: &[Typed]) -> String {
    args.iter().map(|a| a.text.as_str()).collect::<Vec<_>>().join(", ")
}

pub(super) fn star(scope: &Scope, relation: Option<&str>) -> Vec<Typed> {
    scope
        .star(relation)
        .into_iter()
        .map(|c| Typed {
            expr: c.expr.clone(),
            text: c.name.clone(),
        })
        .collect()
}
