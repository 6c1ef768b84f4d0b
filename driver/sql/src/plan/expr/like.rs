//! LIKE and ILIKE, of one pattern or several.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::Like;
use datafusion::logical_expr::{Expr, lit};
use millstream_spark::type_name::spark_type;
use sqlparser::ast::{self, Value};
use sqlparser::tokenizer::Location;

use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::Planner;
use crate::plan::scope::{Scope, Typed};

impl Planner<'_> {
    #[expect(clippy::too_many_arguments, reason = "the parts of the syntax node")]
    pub(in crate::plan) fn like(
        &mut self,
        expr: &ast::Expr,
        pattern: &ast::Expr,
        escape: Option<&ast::ValueWithSpan>,
        negated: bool,
        any: bool,
        ignore_case: bool,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        if let Some(several) = several_patterns(any, pattern) {
            return self.like_several(expr, several, escape, negated, ignore_case, scope, at);
        }
        let (e, pattern) = (self.expr(expr, scope)?, self.expr(pattern, scope)?);
        let text = match ignore_case {
            true => format!("ilike({}, {})", e.text, pattern.text),
            false => format!("{} LIKE {}", e.text, pattern.text),
        };
        let text = if negated { format!("(NOT {text})") } else { text };
        if let Some(Value::SingleQuotedString(s)) = escape.map(|v| &v.value)
            && s.chars().count() != 1
        {
            let message = format!("ESCAPE takes one character, '{s}' is not one");
            return Err(Fault::new(SqlErrorKind::Syntax, at, message));
        }
        let escape = escape.and_then(|v| match &v.value {
            Value::SingleQuotedString(s) => s.chars().next(),
            _ => None,
        });
        if let Expr::Literal(ScalarValue::Utf8(Some(text)), _) = &pattern.expr {
            check_escapes(text, escape.unwrap_or('\\'), at)?;
        }
        let pattern = match (escape, pattern.expr) {
            (None | Some('\\'), pattern) => pattern,
            // The engine knows the backslash only.
            (Some(escape), Expr::Literal(ScalarValue::Utf8(Some(text)), m)) => {
                Expr::Literal(ScalarValue::Utf8(Some(backslash_escapes(&text, escape))), m)
            }
            (Some(_), _) => {
                return Err(Fault::new(
                    SqlErrorKind::Unsupported,
                    at,
                    "ESCAPE needs a pattern that is a literal",
                ));
            }
        };
        let text_of = |e: Expr, of: DataType| match of {
            DataType::Utf8 | DataType::Null => e,
            _ => datafusion::logical_expr::cast(e, DataType::Utf8),
        };
        let of = self.type_of(&e.expr, scope, at)?;
        let of_pattern = self.type_of(&pattern, scope, at)?;
        if let Some(nested) = [&of, &of_pattern].into_iter().find(|of| of.is_nested()) {
            let message = format!("LIKE takes texts, here is {}", spark_type(nested).to_uppercase());
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        }
        let pattern = if of_pattern == DataType::Null {
            lit(ScalarValue::Utf8(None))
        } else {
            text_of(pattern, of_pattern)
        };
        let like = Like::new(
            negated,
            Box::new(text_of(e.expr, of)),
            Box::new(pattern),
            None,
            ignore_case,
        );
        Ok(Typed {
            expr: Expr::Like(like),
            text,
        })
    }

    /// LIKE ALL, ANY or SOME of several patterns.
    #[expect(clippy::too_many_arguments, reason = "the parts of the syntax node")]
    fn like_several(
        &mut self,
        expr: &ast::Expr,
        (all, patterns): (bool, Vec<&ast::Expr>),
        escape: Option<&ast::ValueWithSpan>,
        negated: bool,
        ignore_case: bool,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        let literal = patterns.iter().all(|p| is_text(p));
        let child = self.expr(expr, scope)?.text;
        let child = if ignore_case { format!("lower({child})") } else { child };
        let each = patterns
            .into_iter()
            .map(|p| self.like(expr, p, escape, negated, false, ignore_case, scope, at))
            .collect::<Checked<Vec<_>>>()?;
        let Some(texts) = each.iter().map(|t| t.text.clone()).reduce(|l, r| {
            let word = if all { "AND" } else { "OR" };
            format!("({l} {word} {r})")
        }) else {
            let message = "LIKE ALL and LIKE ANY take at least one pattern";
            return Err(Fault::new(SqlErrorKind::Syntax, at, message));
        };
        let joined = each.into_iter().map(|t| t.expr);
        let joined = if all {
            joined.reduce(Expr::and)
        } else {
            joined.reduce(Expr::or)
        };
        // Patterns that are no texts of the query are shown one by one.
        if !(literal || ignore_case) {
            return Ok(Typed {
                expr: joined.unwrap_or_else(|| lit(all)),
                text: texts,
            });
        }
        let (not, word) = (if negated { "not" } else { "" }, if all { "all" } else { "any" });
        Ok(Typed {
            expr: joined.unwrap_or_else(|| lit(all)),
            text: format!("{not}like{word}({child})"),
        })
    }
}

/// An escape stands before a wildcard or another escape.
fn check_escapes(pattern: &str, escape: char, at: Location) -> Checked<()> {
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != escape {
            continue;
        }
        let message = match chars.next() {
            Some('%' | '_') => continue,
            Some(next) if next == escape => continue,
            Some(next) => format!("the pattern '{pattern}' escapes '{next}': only %, _ and {escape} itself can be"),
            None => format!("the pattern '{pattern}' ends with {escape}, which escapes nothing"),
        };
        return Err(Fault::new(SqlErrorKind::Type, at, message));
    }
    Ok(())
}

pub(super) fn backslash_escapes(pattern: &str, escape: char) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c == escape => {
                out.push('\\');
                out.extend(chars.next());
            }
            '\\' => out.push_str("\\\\"),
            c => out.push(c),
        }
    }
    out
}

/// Whether the expression is a quoted text.
fn is_text(e: &ast::Expr) -> bool {
    matches!(e, ast::Expr::Value(v) if matches!(v.value, Value::SingleQuotedString(_) | Value::DoubleQuotedString(_)))
}

/// The patterns of LIKE ALL, ANY or SOME, and whether all have to match; none when there is just one pattern.
fn several_patterns(any: bool, pattern: &ast::Expr) -> Option<(bool, Vec<&ast::Expr>)> {
    match pattern {
        ast::Expr::Tuple(patterns) if any => Some((false, patterns.iter().collect())),
        ast::Expr::Nested(one) if any => Some((false, vec![one.as_ref()])),
        ast::Expr::Function(call) => {
            let all = match call.name.to_string().to_ascii_lowercase().as_str() {
                "all" => true,
                "some" => false,
                _ => return None,
            };
            let ast::FunctionArguments::List(list) = &call.args else {
                return None;
            };
            let patterns = list.args.iter().map(|a| match a {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(e)) => Some(e),
                _ => None,
            });
            Some((all, patterns.collect::<Option<Vec<_>>>()?))
        }
        _ => None,
    }
}
