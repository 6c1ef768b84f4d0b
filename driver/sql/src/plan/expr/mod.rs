//! Expressions: names, literals, operators, predicates. Each comes with the text Spark shows for it.

mod like;
mod literal;
mod name;
mod operator;
mod predicate;

use arrow::datatypes::DataType;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, lit};
use millstream_spark::type_name::spark_type;
use millstream_spark::types::is_number;
use sqlparser::ast::{self, Spanned};
use sqlparser::tokenizer::Location;

use self::literal::{interval_literal, literal};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::scope::{Place, Scope, Typed};
use crate::plan::{Planner, engine_fault, place};

impl Planner<'_> {
    /// A condition: it has to be a boolean.
    pub(super) fn condition(&mut self, expr: &ast::Expr, scope: &Scope) -> Checked<Expr> {
        let typed = self.expr(expr, scope)?;
        match self.type_of(&typed.expr, scope, place(expr.span()))? {
            DataType::Boolean => Ok(typed.expr),
            // HAVING converts what is no condition.
            of if scope.place == Place::Having && (is_number(&of) || of == DataType::Utf8) => {
                Ok(datafusion::logical_expr::cast(typed.expr, DataType::Boolean))
            }
            other => {
                let message = format!(
                    "{} takes a condition, {} is {}",
                    scope.place.name(),
                    typed.text,
                    spark_type(&other).to_uppercase()
                );
                Err(Fault::new(SqlErrorKind::Type, place(expr.span()), message))
            }
        }
    }

    /// The type of an expression; reports wrong arguments of functions in it.
    pub(super) fn type_of(&self, expr: &Expr, scope: &Scope, at: Location) -> Checked<DataType> {
        expr.get_type(scope.schema.as_ref()).map_err(|e| engine_fault(&e, at))
    }

    /// The expression with one zero: where Spark compares floating point numbers for equality, -0.0 is 0.0.
    pub(super) fn one_zero(&self, expr: Expr, scope: &Scope, at: Location) -> Checked<Expr> {
        let zero = match self.type_of(&expr, scope, at)? {
            DataType::Float32 => lit(0.0_f32),
            DataType::Float64 => lit(0.0_f64),
            _ => return Ok(expr),
        };
        Ok(Expr::BinaryExpr(BinaryExpr::new(
            Box::new(expr),
            Operator::Plus,
            Box::new(zero),
        )))
    }

    /// Plans an expression.
    pub(super) fn expr(&mut self, expr: &ast::Expr, scope: &Scope) -> Checked<Typed> {
        let at = place(expr.span());
        match expr {
            ast::Expr::Identifier(ident) => self.name(std::slice::from_ref(ident), scope),
            ast::Expr::CompoundIdentifier(idents) => self.name(idents, scope),
            ast::Expr::CompoundFieldAccess { root, access_chain } => {
                let mut typed = self.expr(root, scope)?;
                for access in access_chain {
                    typed = self.access(typed, access, scope, at)?;
                }
                Ok(typed)
            }
            ast::Expr::Nested(inner) => self.expr(inner, scope),
            ast::Expr::Value(value) => literal(&value.value, false, place(value.span)),
            ast::Expr::TypedString(typed) => self.typed_string(typed, at),
            ast::Expr::Interval(interval) => interval_literal(interval, at),
            ast::Expr::BinaryOp { left, op, right } => self.binary(left, op, right, scope, at),
            ast::Expr::UnaryOp { op, expr } => self.unary(*op, expr, scope, at),
            ast::Expr::Cast {
                kind, expr, data_type, ..
            } => self.cast(kind, expr, data_type, scope, at),
            ast::Expr::Exists { subquery, negated } => self.exists(subquery, *negated, scope, at),
            ast::Expr::Subquery(query) => self.value_of_query(query, scope, at),
            ast::Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => self.case(operand.as_deref(), conditions, else_result.as_deref(), scope, at),
            ast::Expr::Function(function) => self.call(function, scope),
            ast::Expr::Tuple(items) => self.struct_of(items, scope, at),
            ast::Expr::Struct { values, .. } => {
                let values: Vec<_> = values.iter().collect();
                self.struct_values(&values, scope, at)
            }
            ast::Expr::Named { expr, .. } => self.expr(expr, scope),
            other => match self.predicate(other, scope, at)? {
                Some(typed) => Ok(typed),
                None => self.call_in_words(other, scope, at),
            },
        }
    }

    /// Functions with a syntax of their own: `EXTRACT(field FROM x)`, `SUBSTRING(x FROM 1)`, `TRIM(BOTH ' ' FROM x)`.
    fn call_in_words(&mut self, expr: &ast::Expr, scope: &Scope, at: Location) -> Checked<Typed> {
        match expr {
            ast::Expr::Extract { field, expr, .. } => {
                let e = self.expr(expr, scope)?;
                let field = field.to_string();
                let text = format!("extract({field} FROM {})", e.text);
                let call = self.scalar(&["date_part"], vec![lit(field), e.expr], scope, at)?;
                Ok(Typed { expr: call, text })
            }
            ast::Expr::Substring {
                expr,
                substring_from,
                substring_for,
                shorthand,
                special,
            } => {
                let parts = [Some(expr.as_ref()), substring_from.as_deref(), substring_for.as_deref()];
                self.plain_call(
                    if *shorthand && *special { "substr" } else { "substring" },
                    &parts,
                    scope,
                    at,
                )
            }
            ast::Expr::Position { expr, r#in } => self.plain_call("locate", &[Some(expr), Some(r#in)], scope, at),
            ast::Expr::Overlay {
                expr,
                overlay_what,
                overlay_from,
                overlay_for,
            } => {
                let parts = [
                    Some(expr.as_ref()),
                    Some(overlay_what),
                    Some(overlay_from),
                    overlay_for.as_deref(),
                ];
                self.plain_call("overlay", &parts, scope, at)
            }
            ast::Expr::Trim {
                trim_where,
                trim_what,
                expr,
                trim_characters,
            } => {
                let name = match trim_where {
                    Some(ast::TrimWhereField::Leading) => "ltrim",
                    Some(ast::TrimWhereField::Trailing) => "rtrim",
                    _ => "trim",
                };
                // In `trim(x, s)` what is taken off comes first.
                let (what, from) = match trim_characters.as_deref() {
                    Some([from]) => (Some(expr.as_ref()), from),
                    _ => (trim_what.as_deref(), expr.as_ref()),
                };
                let what = what.map(|e| self.expr(e, scope)).transpose()?;
                let from = self.expr(from, scope)?;
                self.trim(name, what, from, scope, at)
            }
            ast::Expr::Ceil { expr, .. } => self.plain_call("ceil", &[Some(expr)], scope, at),
            ast::Expr::Floor { expr, .. } => self.plain_call("floor", &[Some(expr)], scope, at),
            other => Err(misplaced(other, at)),
        }
    }

    /// `trim`, `ltrim`, `rtrim`: takes the characters of `what` off `from`.
    pub(super) fn trim(
        &self,
        name: &str,
        what: Option<Typed>,
        from: Typed,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        let side = match name {
            "ltrim" => "LEADING",
            "rtrim" => "TRAILING",
            _ => "BOTH",
        };
        let text = match &what {
            Some(what) => format!("TRIM({side} {} FROM {})", what.text, from.text),
            None => format!("{name}({})", from.text),
        };
        // The engine's trim without characters is called btrim; all three take the characters last.
        let args = std::iter::once(from.expr).chain(what.map(|w| w.expr)).collect();
        let expr = self.scalar(&[name, "btrim"], args, scope, at)?;
        Ok(Typed { expr, text })
    }

    /// A call of `name` with the arguments that are given.
    fn plain_call(&mut self, name: &str, args: &[Option<&ast::Expr>], scope: &Scope, at: Location) -> Checked<Typed> {
        let args = args
            .iter()
            .flatten()
            .map(|e| self.expr(e, scope))
            .collect::<Checked<Vec<_>>>()?;
        self.named_call(name, args, scope, at)
    }
}

/// Why an expression cannot stand where it does.
fn misplaced(expr: &ast::Expr, at: Location) -> Box<Fault> {
    let (kind, message) = match expr {
        ast::Expr::Lambda(_) => (
            SqlErrorKind::Syntax,
            "a lambda function can only be the argument of a function",
        ),
        ast::Expr::Wildcard(_) | ast::Expr::QualifiedWildcard(..) => (SqlErrorKind::Syntax, "'*' cannot stand here"),
        ast::Expr::GroupingSets(_) | ast::Expr::Cube(_) | ast::Expr::Rollup(_) => (
            SqlErrorKind::Syntax,
            "ROLLUP, CUBE and GROUPING SETS stand in GROUP BY only",
        ),
        _ => (SqlErrorKind::Unsupported, "this expression is not Spark SQL"),
    };
    Fault::new(kind, at, message)
}
