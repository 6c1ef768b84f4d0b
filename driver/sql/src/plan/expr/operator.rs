//! Operators, and conversions between types.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::planner::{PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use millstream_spark::coerce::comparison_type;
use millstream_spark::interval::Range;
use millstream_spark::type_name::spark_type;
use millstream_spark::types::{has_map, is_interval};
use sqlparser::ast::{self, BinaryOperator, Spanned, UnaryOperator, Value};
use sqlparser::tokenizer::Location;

use super::literal::literal;
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::scope::{Scope, Typed};
use crate::plan::{Planner, engine_fault, place};

impl Planner<'_> {
    pub(super) fn binary(
        &mut self,
        left: &ast::Expr,
        op: &BinaryOperator,
        right: &ast::Expr,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        let (l, r) = (self.expr(left, scope)?, self.expr(right, scope)?);
        // Reported here, so that a bad operand is not blamed on the operator.
        let left_type = self.type_of(&l.expr, scope, place(left.span()))?;
        let right_type = self.type_of(&r.expr, scope, place(right.span()))?;
        if is_comparison(op) {
            check_comparable(&left_type, &right_type, at)?;
        }
        let symbol = match op {
            BinaryOperator::MyIntegerDivide => "div".to_owned(),
            BinaryOperator::Eq => "=".to_owned(),
            other => other.to_string(),
        };
        let text = match op {
            BinaryOperator::NotEq => format!("(NOT ({} = {}))", l.text, r.text),
            BinaryOperator::StringConcat => format!("concat({}, {})", l.text, r.text),
            // An interval is shown before its factor.
            BinaryOperator::Multiply if is_interval(&right_type) && !is_interval(&left_type) => {
                format!("({} * {})", r.text, l.text)
            }
            _ => moved_time(op, (&left_type, &l.text), (&right_type, &r.text))
                .unwrap_or_else(|| format!("({} {symbol} {})", l.text, r.text)),
        };
        let mut raw = RawBinaryExpr {
            op: op.clone(),
            left: l.expr,
            right: r.expr,
        };
        for planner in self.state.expr_planners() {
            match planner
                .plan_binary_op(raw, scope.schema.as_ref())
                .map_err(|e| engine_fault(&e, at))?
            {
                PlannerResult::Planned(expr) => {
                    self.type_of(&expr, scope, at)?;
                    return Ok(Typed { expr, text });
                }
                PlannerResult::Original(same) => raw = same,
            }
        }
        let Some(operator) = operator(op) else {
            return Err(Fault::new(
                SqlErrorKind::Unsupported,
                at,
                format!("the operator {op} is not Spark SQL"),
            ));
        };
        let expr = Expr::BinaryExpr(BinaryExpr::new(Box::new(raw.left), operator, Box::new(raw.right)));
        self.type_of(&expr, scope, at)?;
        Ok(Typed { expr, text })
    }

    pub(super) fn unary(&mut self, op: UnaryOperator, expr: &ast::Expr, scope: &Scope, at: Location) -> Checked<Typed> {
        if op == UnaryOperator::Minus
            && let ast::Expr::Value(value) = expr
            && matches!(value.value, Value::Number(..))
        {
            return literal(&value.value, true, at);
        }
        let e = self.expr(expr, scope)?;
        self.type_of(&e.expr, scope, place(expr.span()))?;
        Ok(match op {
            UnaryOperator::Plus => Typed {
                text: format!("(+ {})", e.text),
                ..e
            },
            UnaryOperator::Minus => {
                let text = format!("(- {})", e.text);
                let expr = match self.type_of(&e.expr, scope, at)? {
                    // Spark reads text as a double here.
                    DataType::Utf8 => {
                        Expr::Negative(Box::new(datafusion::logical_expr::cast(e.expr, DataType::Float64)))
                    }
                    // The engine fails where a negative has no place, and takes `n & -n` for 0.
                    kind if kind.is_signed_integer() => {
                        let zero = ScalarValue::new_zero(&kind).map_err(|e| engine_fault(&e, at))?;
                        datafusion::logical_expr::lit(zero) - e.expr
                    }
                    _ => Expr::Negative(Box::new(e.expr)),
                };
                Typed { expr, text }
            }
            UnaryOperator::Not | UnaryOperator::BangNot => {
                let text = format!("(NOT {})", e.text);
                Typed {
                    expr: Expr::Not(Box::new(e.expr)),
                    text,
                }
            }
            UnaryOperator::BitwiseNot => {
                let text = format!("~{}", e.text);
                let given = match e.expr {
                    Expr::Literal(ScalarValue::Null, _) => Expr::Literal(ScalarValue::Int32(None), None),
                    other => other,
                };
                Typed {
                    expr: self.scalar(&["bitwise_not"], vec![given], scope, at)?,
                    text,
                }
            }
            other => {
                return Err(Fault::new(
                    SqlErrorKind::Unsupported,
                    at,
                    format!("the operator {other} is not Spark SQL"),
                ));
            }
        })
    }

    pub(super) fn postfix(
        &mut self,
        e: &ast::Expr,
        scope: &Scope,
        make: fn(Expr) -> Expr,
        words: &str,
    ) -> Checked<Typed> {
        let e = self.expr(e, scope)?;
        Ok(Typed {
            text: match words {
                "IS TRUE" => format!("({} <=> true)", e.text),
                "IS NOT TRUE" => format!("(NOT ({} <=> true))", e.text),
                "IS FALSE" => format!("({} <=> false)", e.text),
                "IS NOT FALSE" => format!("(NOT ({} <=> false))", e.text),
                _ => format!("({} {words})", e.text),
            },
            expr: make(e.expr),
        })
    }

    pub(super) fn distinct_from(
        &mut self,
        l: &ast::Expr,
        r: &ast::Expr,
        distinct: bool,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        let same = self.binary(l, &BinaryOperator::Spaceship, r, scope, at)?;
        Ok(if distinct {
            Typed {
                expr: Expr::Not(Box::new(same.expr)),
                text: format!("(NOT {})", same.text),
            }
        } else {
            same
        })
    }

    pub(super) fn cast(
        &mut self,
        kind: &ast::CastKind,
        expr: &ast::Expr,
        to: &ast::DataType,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        if *kind == ast::CastKind::DoubleColon {
            return Err(Fault::new(SqlErrorKind::Syntax, at, "'::' is not Spark SQL")
                .help(format!("write it as CAST(... AS {to})")));
        }
        let e = self.expr(expr, scope)?;
        self.type_of(&e.expr, scope, place(expr.span()))?;
        let data_type = self.sql_type(to, at)?;
        let shown = spark_type(&data_type).to_uppercase();
        let text = match kind {
            ast::CastKind::TryCast | ast::CastKind::SafeCast => format!("TRY_CAST({} AS {shown})", e.text),
            _ => format!("CAST({} AS {shown})", e.text),
        };
        let expr = match kind {
            ast::CastKind::TryCast | ast::CastKind::SafeCast => {
                Expr::TryCast(TryCast::new(Box::new(e.expr), data_type))
            }
            _ => Expr::Cast(Cast::new(Box::new(e.expr), data_type)),
        };
        Ok(Typed { expr, text })
    }

    /// A type's name as an Arrow type.
    pub(in crate::plan) fn sql_type(&self, of: &ast::DataType, at: Location) -> Checked<DataType> {
        let text = type_text(of);
        millstream_spark::ddl::parse_type(&text).map_err(|e| {
            let message = e.to_string();
            let message = message
                .split_once(": ")
                .map_or(message.as_str(), |(_, rest)| rest)
                .to_owned();
            Fault::new(SqlErrorKind::Type, at, message)
        })
    }
}

/// A type as Spark writes it, where the parser's own text is another.
fn type_text(of: &ast::DataType) -> String {
    match of {
        ast::DataType::Map(key, value) => format!("MAP<{}, {}>", type_text(key), type_text(value)),
        ast::DataType::Array(ast::ArrayElemTypeDef::AngleBracket(element)) => format!("ARRAY<{}>", type_text(element)),
        ast::DataType::Struct(fields, _) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| match &field.field_name {
                    Some(name) => format!("`{}`: {}", name.value.replace('`', "``"), type_text(&field.field_type)),
                    None => type_text(&field.field_type),
                })
                .collect();
            format!("STRUCT<{}>", fields.join(", "))
        }
        other => other.to_string(),
    }
}

pub(super) fn operator(op: &BinaryOperator) -> Option<Operator> {
    Some(match op {
        BinaryOperator::Plus => Operator::Plus,
        BinaryOperator::Minus => Operator::Minus,
        BinaryOperator::Multiply => Operator::Multiply,
        BinaryOperator::Divide => Operator::Divide,
        BinaryOperator::Modulo => Operator::Modulo,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::And => Operator::And,
        BinaryOperator::Or => Operator::Or,
        BinaryOperator::Spaceship => Operator::IsNotDistinctFrom,
        BinaryOperator::StringConcat => Operator::StringConcat,
        BinaryOperator::BitwiseAnd => Operator::BitwiseAnd,
        BinaryOperator::BitwiseOr => Operator::BitwiseOr,
        BinaryOperator::BitwiseXor => Operator::BitwiseXor,
        _ => return None,
    })
}

/// What is shown of a date or a time moved by days or an interval; None for all else.
fn moved_time(op: &BinaryOperator, left: (&DataType, &str), right: (&DataType, &str)) -> Option<String> {
    let days = |of: &DataType| matches!(of, DataType::Int8 | DataType::Int16 | DataType::Int32);
    let moves = |of: &DataType, by: &DataType| match of {
        DataType::Date32 => is_interval(by) || days(by),
        DataType::Timestamp(..) | DataType::Utf8 => is_interval(by),
        _ => false,
    };
    let (back, (of, time), (by, distance)) = match op {
        BinaryOperator::Plus if moves(left.0, right.0) => (false, left, right),
        BinaryOperator::Plus if moves(right.0, left.0) => (false, right, left),
        BinaryOperator::Minus if moves(left.0, right.0) => (true, left, right),
        _ => return None,
    };
    Some(
        match (days(by), *of == DataType::Date32 && Range::of(by) == Some(Range::DAY)) {
            (true, _) if back => format!("date_sub({time}, {distance})"),
            (true, _) => format!("date_add({time}, {distance})"),
            (_, true) if back => format!("date_add({time}, (- extractansiintervaldays({distance})))"),
            (_, true) => format!("date_add({time}, extractansiintervaldays({distance}))"),
            _ => format!("{time} {op} {distance}"),
        },
    )
}

fn is_comparison(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
            | BinaryOperator::Spaceship
    )
}

/// Whether nested values differ somewhere in more than the width of whole numbers: texts and others, decimals of two types.
fn unlike(left: &DataType, right: &DataType) -> bool {
    match (left, right) {
        (DataType::List(l), DataType::List(r)) => unlike(l.data_type(), r.data_type()),
        (DataType::Struct(l), DataType::Struct(r)) => {
            l.iter().zip(r).any(|(l, r)| unlike(l.data_type(), r.data_type()))
        }
        (DataType::Decimal128(..), other) | (other, DataType::Decimal128(..)) => left != right && !other.is_null(),
        (DataType::Utf8, other) | (other, DataType::Utf8) => left != right && !other.is_null(),
        _ => false,
    }
}

/// Refuses maps, which have no order, and arrays and structs that differ in more than the width of numbers.
fn check_comparable(left: &DataType, right: &DataType, at: Location) -> Checked<()> {
    if !left.is_nested() && !right.is_nested() {
        return Ok(());
    }
    let shown = |of: &DataType| spark_type(of).to_uppercase();
    if let Some(map) = [left, right].into_iter().find(|of| has_map(of)) {
        let message = format!("{} cannot be compared: there is no order of maps", shown(map));
        return Err(Fault::new(SqlErrorKind::Type, at, message).help("compare map_entries(m), sorted"));
    }
    if comparison_type(left, right).is_none() || unlike(left, right) {
        let message = format!("{} and {} cannot be compared", shown(left), shown(right));
        return Err(Fault::new(SqlErrorKind::Type, at, message));
    }
    Ok(())
}
