//! Predicates and branches: BETWEEN, IN, EXISTS, LIKE, RLIKE, CASE; subqueries in expressions.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{Between, Case, Exists, InList, InSubquery};
use datafusion::logical_expr::{Expr, Subquery, lit};
use millstream_spark::type_name::spark_type;
use sqlparser::ast::{self, Value};
use sqlparser::tokenizer::Location;

use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::Planner;
use crate::plan::scope::{Scope, Typed};
use crate::plan::subquery::{Use, check_correlation, held, nullable};

impl Planner<'_> {
    /// The expression as a predicate; none when it is something else.
    pub(super) fn predicate(&mut self, expr: &ast::Expr, scope: &Scope, at: Location) -> Checked<Option<Typed>> {
        Ok(Some(match expr {
            ast::Expr::IsNull(e) => self.postfix(e, scope, Expr::is_null, "IS NULL")?,
            ast::Expr::IsNotNull(e) => self.postfix(e, scope, Expr::is_not_null, "IS NOT NULL")?,
            ast::Expr::IsTrue(e) => self.truth(e, scope, Expr::is_true, "<=> true", at)?,
            ast::Expr::IsNotTrue(e) => negated(self.truth(e, scope, Expr::is_true, "<=> true", at)?),
            ast::Expr::IsFalse(e) => self.truth(e, scope, Expr::is_false, "<=> false", at)?,
            ast::Expr::IsNotFalse(e) => negated(self.truth(e, scope, Expr::is_false, "<=> false", at)?),
            ast::Expr::IsUnknown(e) => self.truth(e, scope, Expr::is_unknown, "IS NULL", at)?,
            ast::Expr::IsNotUnknown(e) => self.truth(e, scope, Expr::is_not_unknown, "IS NOT NULL", at)?,
            ast::Expr::IsDistinctFrom(l, r) => self.distinct_from(l, r, true, scope, at)?,
            ast::Expr::IsNotDistinctFrom(l, r) => self.distinct_from(l, r, false, scope, at)?,
            ast::Expr::Between {
                expr,
                negated,
                low,
                high,
            } => {
                let (e, low, high) = (self.expr(expr, scope)?, self.expr(low, scope)?, self.expr(high, scope)?);
                let text = format!("(({0} >= {1}) AND ({0} <= {2}))", e.text, low.text, high.text);
                let between = Between::new(Box::new(e.expr), *negated, Box::new(low.expr), Box::new(high.expr));
                Typed {
                    expr: Expr::Between(between),
                    text: negated_text(text, *negated),
                }
            }
            ast::Expr::InList { expr, list, negated } => {
                let e = self.expr(expr, scope)?;
                let list = list.iter().map(|i| self.expr(i, scope)).collect::<Checked<Vec<_>>>()?;
                let texts: Vec<&str> = list.iter().map(|t| t.text.as_str()).collect();
                let text = format!("({} IN ({}))", e.text, texts.join(", "));
                self.one_type("IN", std::iter::once(&e).chain(&list), scope, at)?;
                let zeros = list.into_iter().map(|t| self.one_zero(t.expr, scope, at));
                let list = zeros.collect::<Checked<_>>()?;
                let tested = Box::new(self.one_zero(e.expr, scope, at)?);
                Typed {
                    expr: Expr::InList(InList::new(tested, list, *negated)),
                    text: negated_text(text, *negated),
                }
            }
            ast::Expr::InSubquery {
                expr,
                subquery,
                negated,
            } => self.in_subquery(expr, subquery, *negated, scope, at)?,
            ast::Expr::Like { .. } | ast::Expr::ILike { .. } | ast::Expr::RLike { .. } => {
                self.matches(expr, scope, at)?
            }
            _ => return Ok(None),
        }))
    }

    /// `IS TRUE` and the like: about a boolean.
    fn truth(
        &mut self,
        e: &ast::Expr,
        scope: &Scope,
        make: fn(Expr) -> Expr,
        words: &str,
        at: Location,
    ) -> Checked<Typed> {
        let typed = self.expr(e, scope)?;
        match self.type_of(&typed.expr, scope, at)? {
            DataType::Boolean | DataType::Null => {}
            // The others are compared with the BOOLEAN, or NULL.
            _ => {
                let value = |b: bool| ast::Expr::Value(Value::Boolean(b).with_empty_span());
                let same = &ast::BinaryOperator::Spaceship;
                return match words {
                    "<=> true" => self.binary(e, same, &value(true), scope, at),
                    "<=> false" => self.binary(e, same, &value(false), scope, at),
                    "IS NULL" => self.postfix(e, scope, Expr::is_null, words),
                    _ => self.postfix(e, scope, Expr::is_not_null, words),
                };
            }
        }
        let boolean = datafusion::logical_expr::cast(typed.expr, DataType::Boolean);
        Ok(Typed {
            expr: make(boolean),
            text: format!("({} {words})", typed.text),
        })
    }

    /// LIKE, ILIKE and RLIKE.
    fn matches(&mut self, expr: &ast::Expr, scope: &Scope, at: Location) -> Checked<Typed> {
        match expr {
            ast::Expr::Like {
                negated,
                any,
                expr,
                pattern,
                escape_char,
            } => self.like(expr, pattern, escape_char.as_ref(), *negated, *any, false, scope, at),
            ast::Expr::ILike {
                negated,
                any,
                expr,
                pattern,
                escape_char,
            } => self.like(expr, pattern, escape_char.as_ref(), *negated, *any, true, scope, at),
            ast::Expr::RLike {
                negated, expr, pattern, ..
            } => {
                let (e, pattern) = (self.expr(expr, scope)?, self.expr(pattern, scope)?);
                let text = format!("RLIKE({}, {})", e.text, pattern.text);
                let call = self.scalar(&["rlike", "regexp_like"], vec![e.expr, pattern.expr], scope, at)?;
                Ok(Typed {
                    expr: if *negated { Expr::Not(Box::new(call)) } else { call },
                    text: negated_text(text, *negated),
                })
            }
            other => self.expr(other, scope),
        }
    }

    fn in_subquery(
        &mut self,
        expr: &ast::Expr,
        subquery: &ast::Query,
        negated: bool,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        let (sub, columns) = self.subquery(subquery, scope)?;
        check_correlation(&sub.subquery, Use::Predicate, at)?;
        let (wanted, text) = match expr {
            ast::Expr::Tuple(items) if items.len() == columns => {
                let items = items.iter().map(|i| self.expr(i, scope)).collect::<Checked<Vec<_>>>()?;
                let texts: Vec<String> = items.iter().map(|i| format!("'{0}', {0}", i.text)).collect();
                (items, format!("named_struct({})", texts.join(", ")))
            }
            _ => {
                let e = self.expr(expr, scope)?;
                let text = e.text.clone();
                (vec![e], text)
            }
        };
        if columns != wanted.len() {
            let message = format!("the subquery of IN has {columns} columns, it needs {}", wanted.len());
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        }
        self.comparable(&wanted, &sub, scope, at)?;
        let text = format!("({text} IN (listquery({})))", outer_texts(&sub, scope));
        let mut wanted: Vec<Expr> = wanted.into_iter().map(|w| w.expr).collect();
        let expr = match wanted.len() {
            1 => wanted.remove(0),
            _ => {
                let fields = wanted.into_iter().enumerate();
                let fields = fields.flat_map(|(i, e)| [lit(format!("c{i}")), e]).collect();
                self.scalar(&["named_struct"], fields, scope, at)?
            }
        };
        Ok(Typed {
            text: negated_text(text, negated),
            expr: Expr::InSubquery(InSubquery::new(Box::new(expr), sub, negated)),
        })
    }

    /// `EXISTS (SELECT ...)`.
    pub(super) fn exists(&mut self, query: &ast::Query, negated: bool, scope: &Scope, at: Location) -> Checked<Typed> {
        let (subquery, _) = self.subquery(query, scope)?;
        check_correlation(&subquery.subquery, Use::Predicate, at)?;
        let text = format!("exists({})", outer_texts(&subquery, scope));
        Ok(Typed {
            expr: Expr::Exists(Exists::new(subquery, negated)),
            text: negated_text(text, negated),
        })
    }

    /// Refuses values that cannot be compared with the columns of the subquery.
    fn comparable(&self, wanted: &[Typed], subquery: &Subquery, scope: &Scope, at: Location) -> Checked<()> {
        for (value, field) in wanted.iter().zip(subquery.subquery.schema().fields()) {
            let (of, to) = (self.type_of(&value.expr, scope, at)?, field.data_type());
            if of != *to && millstream_spark::coerce::comparison_type(&of, to).is_none() {
                let message = format!(
                    "{} is {}, the subquery gives {}: they cannot be compared",
                    value.text,
                    spark_type(&of).to_uppercase(),
                    spark_type(to).to_uppercase()
                );
                return Err(Fault::new(SqlErrorKind::Type, at, message));
            }
        }
        Ok(())
    }

    /// A query in parentheses, used as a value.
    pub(super) fn value_of_query(&mut self, query: &ast::Query, scope: &Scope, at: Location) -> Checked<Typed> {
        let (subquery, columns) = self.subquery(query, scope)?;
        if columns != 1 {
            let message = format!("a subquery used as a value has {columns} columns, it needs one");
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        }
        check_correlation(&subquery.subquery, Use::Value, at)?;
        let text = format!("scalarsubquery({})", outer_texts(&subquery, scope));
        let subquery = held(nullable(subquery.subquery.as_ref().clone(), at)?);
        Ok(Typed {
            expr: Expr::ScalarSubquery(subquery),
            text,
        })
    }

    pub(super) fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        let operand = operand.map(|e| self.expr(e, scope)).transpose()?;
        let mut text = "CASE".to_owned();
        let mut when_then = Vec::with_capacity(conditions.len());
        let mut results = Vec::with_capacity(conditions.len() + 1);
        for case in conditions {
            let (when, when_text) = match &operand {
                Some(operand) => {
                    let when = self.expr(&case.condition, scope)?;
                    let text = format!("({} = {})", operand.text, when.text);
                    (when.expr, text)
                }
                None => {
                    let text = self.expr(&case.condition, scope)?.text;
                    (self.condition(&case.condition, scope)?, text)
                }
            };
            let then = self.expr(&case.result, scope)?;
            text.push_str(&format!(" WHEN {when_text} THEN {}", then.text));
            results.push(then.clone());
            when_then.push((Box::new(when), Box::new(then.expr)));
        }
        let otherwise = otherwise.map(|e| self.expr(e, scope)).transpose()?;
        if let Some(e) = &otherwise {
            text.push_str(&format!(" ELSE {}", e.text));
        }
        self.one_type("CASE", results.iter().chain(&otherwise), scope, at)?;
        text.push_str(" END");
        let case = Case::new(
            operand.map(|o| Box::new(o.expr)),
            when_then,
            otherwise.map(|e| Box::new(e.expr)),
        );
        Ok(Typed {
            expr: Expr::Case(case),
            text,
        })
    }

    /// Refuses plain values that no one type holds.
    fn one_type<'t>(
        &self,
        what: &str,
        values: impl Iterator<Item = &'t Typed>,
        scope: &Scope,
        at: Location,
    ) -> Checked<()> {
        let kinds = values
            .map(|t| self.type_of(&t.expr, scope, at))
            .collect::<Checked<Vec<_>>>()?;
        if kinds.iter().any(DataType::is_nested) || millstream_spark::coerce::common_of(&kinds).is_some() {
            return Ok(());
        }
        let mut shown: Vec<String> = kinds.iter().map(|of| spark_type(of).to_uppercase()).collect();
        shown.dedup();
        let message = format!("{what} takes values of one type, here are {}", shown.join(", "));
        Err(Fault::new(SqlErrorKind::Type, at, message).help("cast them to one type"))
    }

    pub(super) fn subquery(&mut self, query: &ast::Query, scope: &Scope) -> Checked<(Subquery, usize)> {
        self.refuse_hidden_names(query)?;
        let relation = self.query(query, Some(Arc::new(scope.clone())))?;
        let columns = relation.names.len();
        Ok((held(relation.plan), columns))
    }
}

/// The columns of the query around that a subquery uses, as Spark shows them: each time, in the order in which it meets them.
fn outer_texts(subquery: &Subquery, scope: &Scope) -> String {
    let mut found: Vec<String> = Vec::new();
    let _ = subquery.subquery.apply(|node| {
        node.apply_expressions(|e| {
            e.apply(|e| {
                if let Expr::OuterReferenceColumn(_, column) = e {
                    let named = scope
                        .columns
                        .iter()
                        .find(|c| matches!(&c.expr, Expr::Column(c) if c == column));
                    found.extend(named.map(|c| c.name.clone()));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    found.join(", ")
}

fn negated(typed: Typed) -> Typed {
    Typed {
        expr: !typed.expr,
        text: format!("(NOT {})", typed.text),
    }
}

fn negated_text(text: String, negated: bool) -> String {
    if negated { format!("(NOT {text})") } else { text }
}
