//! Expressions: names, literals, operators, predicates. Each comes with the text Spark shows for it.

use std::sync::Arc;

use arrow::datatypes::{DataType, IntervalMonthDayNano};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{Between, Case, Cast, Exists, InList, InSubquery, Like, TryCast};
use datafusion::logical_expr::planner::{PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, Subquery, lit};
use millstream_spark::type_name::spark_type;
use sqlparser::ast::{self, AccessExpr, BinaryOperator, Spanned, Subscript, UnaryOperator, Value};
use sqlparser::tokenizer::Location;

use super::from::unknown_column;
use super::scope::{Found, Scope, Typed};
use super::{Planner, engine_fault, place};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::interval::Interval;

impl Planner<'_> {
    /// A condition: it has to be a boolean.
    pub(super) fn condition(&mut self, expr: &ast::Expr, scope: &Scope) -> Checked<Expr> {
        let typed = self.expr(expr, scope)?;
        match self.type_of(&typed.expr, scope, place(expr.span()))? {
            DataType::Boolean | DataType::Null => Ok(typed.expr),
            // Spark reads text as a boolean here.
            DataType::Utf8 => Ok(datafusion::logical_expr::cast(typed.expr, DataType::Boolean)),
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
            ast::Expr::IsNull(e) => self.postfix(e, scope, Expr::is_null, "IS NULL"),
            ast::Expr::IsNotNull(e) => self.postfix(e, scope, Expr::is_not_null, "IS NOT NULL"),
            ast::Expr::IsTrue(e) => self.postfix(e, scope, Expr::is_true, "IS TRUE"),
            ast::Expr::IsNotTrue(e) => self.postfix(e, scope, Expr::is_not_true, "IS NOT TRUE"),
            ast::Expr::IsFalse(e) => self.postfix(e, scope, Expr::is_false, "IS FALSE"),
            ast::Expr::IsNotFalse(e) => self.postfix(e, scope, Expr::is_not_false, "IS NOT FALSE"),
            ast::Expr::IsUnknown(e) => self.postfix(e, scope, Expr::is_unknown, "IS UNKNOWN"),
            ast::Expr::IsNotUnknown(e) => self.postfix(e, scope, Expr::is_not_unknown, "IS NOT UNKNOWN"),
            ast::Expr::IsDistinctFrom(l, r) => self.distinct_from(l, r, true, scope, at),
            ast::Expr::IsNotDistinctFrom(l, r) => self.distinct_from(l, r, false, scope, at),
            ast::Expr::Between {
                expr,
                negated,
                low,
                high,
            } => {
                let (e, low, high) = (self.expr(expr, scope)?, self.expr(low, scope)?, self.expr(high, scope)?);
                let text = format!("(({0} >= {1}) AND ({0} <= {2}))", e.text, low.text, high.text);
                let text = if *negated { format!("(NOT {text})") } else { text };
                let between = Between::new(Box::new(e.expr), *negated, Box::new(low.expr), Box::new(high.expr));
                Ok(Typed {
                    expr: Expr::Between(between),
                    text,
                })
            }
            ast::Expr::InList { expr, list, negated } => {
                let e = self.expr(expr, scope)?;
                let list = list.iter().map(|i| self.expr(i, scope)).collect::<Checked<Vec<_>>>()?;
                let texts: Vec<&str> = list.iter().map(|t| t.text.as_str()).collect();
                let text = format!("({} IN ({}))", e.text, texts.join(", "));
                let text = if *negated { format!("(NOT {text})") } else { text };
                let list = list.into_iter().map(|t| t.expr).collect();
                Ok(Typed {
                    expr: Expr::InList(InList::new(Box::new(e.expr), list, *negated)),
                    text,
                })
            }
            ast::Expr::InSubquery {
                expr,
                subquery,
                negated,
            } => {
                let e = self.expr(expr, scope)?;
                let (sub, columns) = self.subquery(subquery, scope)?;
                if columns != 1 {
                    return Err(Fault::new(
                        SqlErrorKind::Type,
                        at,
                        format!("the subquery of IN has {columns} columns, it needs one"),
                    ));
                }
                let text = format!("({} IN (listquery()))", e.text);
                Ok(Typed {
                    expr: Expr::InSubquery(InSubquery::new(Box::new(e.expr), sub, *negated)),
                    text,
                })
            }
            ast::Expr::Exists { subquery, negated } => {
                let (subquery, _) = self.subquery(subquery, scope)?;
                Ok(Typed {
                    expr: Expr::Exists(Exists::new(subquery, *negated)),
                    text: "exists()".into(),
                })
            }
            ast::Expr::Subquery(query) => {
                let (subquery, columns) = self.subquery(query, scope)?;
                if columns != 1 {
                    return Err(Fault::new(
                        SqlErrorKind::Type,
                        at,
                        format!("a subquery used as a value has {columns} columns, it needs one"),
                    ));
                }
                Ok(Typed {
                    expr: Expr::ScalarSubquery(subquery),
                    text: "scalarsubquery()".into(),
                })
            }
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
                Ok(if *negated {
                    Typed {
                        expr: Expr::Not(Box::new(call)),
                        text: format!("(NOT {text})"),
                    }
                } else {
                    Typed { expr: call, text }
                })
            }
            ast::Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => self.case(operand.as_deref(), conditions, else_result.as_deref(), scope),
            ast::Expr::Function(function) => self.call(function, scope),
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
                ..
            } => {
                let parts = [Some(expr.as_ref()), substring_from.as_deref(), substring_for.as_deref()];
                self.plain_call("substring", &parts, scope, at)
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
                let what = trim_what
                    .as_deref()
                    .or_else(|| trim_characters.as_ref().and_then(|c| c.first()));
                self.plain_call(name, &[Some(expr), what], scope, at)
            }
            ast::Expr::Ceil { expr, .. } => self.plain_call("ceil", &[Some(expr)], scope, at),
            ast::Expr::Floor { expr, .. } => self.plain_call("floor", &[Some(expr)], scope, at),
            ast::Expr::Tuple(items) => self.struct_of(items, scope, at),
            ast::Expr::Struct { values, .. } => self.struct_of(values, scope, at),
            ast::Expr::Named { expr, .. } => self.expr(expr, scope),
            ast::Expr::Lambda(_) => Err(Fault::new(
                SqlErrorKind::Syntax,
                at,
                "a lambda function can only be the argument of a function",
            )),
            ast::Expr::Wildcard(_) | ast::Expr::QualifiedWildcard(..) => {
                Err(Fault::new(SqlErrorKind::Syntax, at, "'*' cannot stand here"))
            }
            ast::Expr::GroupingSets(_) | ast::Expr::Cube(_) | ast::Expr::Rollup(_) => Err(Fault::new(
                SqlErrorKind::Syntax,
                at,
                "ROLLUP, CUBE and GROUPING SETS stand in GROUP BY only",
            )),
            _ => Err(Fault::new(
                SqlErrorKind::Unsupported,
                at,
                "this expression is not Spark SQL",
            )),
        }
    }

    /// A name: a column, a struct's field, an alias, or a function without parentheses.
    fn name(&mut self, idents: &[ast::Ident], scope: &Scope) -> Checked<Typed> {
        let parts: Vec<String> = idents.iter().map(|i| i.value.clone()).collect();
        let at = idents.first().map_or(Location::new(0, 0), |i| place(i.span));
        let written = parts.join(".");
        let (mut typed, used) = match scope.find(&parts) {
            Found::Column { expr, parts: used, .. } => {
                // Spark shows the column in the spelling of the query.
                let text = parts[..used].last().cloned().unwrap_or_default();
                (Typed { expr, text }, used)
            }
            Found::Alias(typed, used) => (typed, used),
            Found::Ambiguous(candidates) => {
                return Err(Fault::new(SqlErrorKind::Name, at, format!("'{written}' is ambiguous"))
                    .help(format!("it could be {}", candidates.join(" or "))));
            }
            Found::Nothing => {
                if idents.len() == 1
                    && [
                        "current_date",
                        "current_timestamp",
                        "current_user",
                        "user",
                        "localtimestamp",
                    ]
                    .contains(&parts[0].to_lowercase().as_str())
                {
                    let name = parts[0].to_lowercase();
                    let expr = self.scalar(&[&name], vec![], scope, at)?;
                    return Ok(Typed {
                        expr,
                        text: format!("{name}()"),
                    });
                }
                return Err(unknown_column(&written, &scope.known(), false, at));
            }
        };
        for ident in &idents[used..] {
            typed = self.field(typed, &ident.value, scope, place(ident.span))?;
        }
        Ok(typed)
    }

    fn access(&mut self, from: Typed, access: &AccessExpr, scope: &Scope, at: Location) -> Checked<Typed> {
        match access {
            AccessExpr::Dot(ast::Expr::Identifier(ident)) => self.field(from, &ident.value, scope, place(ident.span)),
            AccessExpr::Dot(_) => Err(Fault::new(
                SqlErrorKind::Syntax,
                at,
                "expected a field's name after '.'",
            )),
            AccessExpr::Subscript(Subscript::Slice { .. }) => {
                Err(
                    Fault::new(SqlErrorKind::Syntax, at, "slices with ':' are not Spark SQL")
                        .help("use slice(array, start, length)"),
                )
            }
            AccessExpr::Subscript(Subscript::Index { index }) => {
                let index = self.expr(index, scope)?;
                self.element(from, index, scope, at)
            }
        }
    }

    /// `x[i]`: an array's element counted from 0, a map's value, a struct's field.
    fn element(&mut self, from: Typed, index: Typed, scope: &Scope, at: Location) -> Checked<Typed> {
        let text = format!("{}[{}]", from.text, index.text);
        let expr = match self.type_of(&from.expr, scope, at)? {
            // `get` counts from 0 and gives NULL for what is not there, a negative index included.
            DataType::List(_) | DataType::Map(..) => self.scalar(&["get"], vec![from.expr, index.expr], scope, at)?,
            DataType::Struct(_) => match index.expr {
                Expr::Literal(ScalarValue::Utf8(Some(name)), _) => return self.field(from, &name, scope, at),
                _ => {
                    return Err(Fault::new(
                        SqlErrorKind::Type,
                        at,
                        "a struct's field is named by a quoted text in [...]",
                    ));
                }
            },
            other => {
                let message = format!(
                    "{} is {}, it has no elements",
                    from.text,
                    spark_type(&other).to_uppercase()
                );
                return Err(Fault::new(SqlErrorKind::Type, at, message));
            }
        };
        Ok(Typed { expr, text })
    }

    /// `x.name`: a struct's field whatever its case, that field of every struct in an array, a map's value.
    pub(super) fn field(&mut self, from: Typed, name: &str, scope: &Scope, at: Location) -> Checked<Typed> {
        let text = format!("{}.{name}", from.text);
        match self.type_of(&from.expr, scope, at)? {
            DataType::Struct(fields) => {
                let found: Vec<_> = fields.iter().filter(|f| f.name().eq_ignore_ascii_case(name)).collect();
                // JSON keeps fields apart that differ in case: an exact match decides.
                let exact = found.iter().find(|f| f.name() == name).or(match found.as_slice() {
                    [one] => Some(one),
                    _ => None,
                });
                let Some(field) = exact else {
                    let known: Vec<String> = fields.iter().map(|f| f.name().clone()).collect();
                    let names: Vec<&str> = known.iter().map(String::as_str).collect();
                    let message = format!("{} has no field '{name}'", from.text);
                    let help = match millstream_common::options::nearest(name, &names) {
                        Some(near) => format!("did you mean '{near}'?"),
                        None => format!("its fields: {}", names.join(", ")),
                    };
                    return Err(Fault::new(SqlErrorKind::Name, at, message).help(help));
                };
                let expr = datafusion::functions::core::expr_fn::get_field(from.expr, field.name().as_str());
                Ok(Typed { expr, text })
            }
            DataType::Map(..) => {
                let expr = self.scalar(&["get"], vec![from.expr, lit(name)], scope, at)?;
                Ok(Typed {
                    expr,
                    text: format!("{}[{name}]", from.text),
                })
            }
            DataType::List(element) if matches!(element.data_type(), DataType::Struct(_)) => {
                let expr = self.field_of_each(from.expr, element.data_type(), name, scope, at)?;
                Ok(Typed { expr, text })
            }
            other => {
                let message = format!(
                    "{} is {}, it has no field '{name}'",
                    from.text,
                    spark_type(&other).to_uppercase()
                );
                Err(Fault::new(SqlErrorKind::Name, at, message))
            }
        }
    }

    fn binary(
        &mut self,
        left: &ast::Expr,
        op: &BinaryOperator,
        right: &ast::Expr,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        let (l, r) = (self.expr(left, scope)?, self.expr(right, scope)?);
        // Reported here, so that a bad operand is not blamed on the operator.
        self.type_of(&l.expr, scope, place(left.span()))?;
        self.type_of(&r.expr, scope, place(right.span()))?;
        let symbol = match op {
            BinaryOperator::MyIntegerDivide => "div".to_owned(),
            BinaryOperator::Eq => "=".to_owned(),
            other => other.to_string(),
        };
        let text = match op {
            BinaryOperator::NotEq => format!("(NOT ({} = {}))", l.text, r.text),
            BinaryOperator::StringConcat => format!("concat({}, {})", l.text, r.text),
            _ => format!("({} {symbol} {})", l.text, r.text),
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

    fn unary(&mut self, op: UnaryOperator, expr: &ast::Expr, scope: &Scope, at: Location) -> Checked<Typed> {
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
                Typed {
                    expr: self.scalar(&["bitwise_not"], vec![e.expr], scope, at)?,
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

    fn cast(
        &mut self,
        kind: &ast::CastKind,
        expr: &ast::Expr,
        to: &ast::DataType,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
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
    pub(super) fn sql_type(&self, of: &ast::DataType, at: Location) -> Checked<DataType> {
        let text = of.to_string();
        millstream_spark::ddl::parse_type(&text).map_err(|e| {
            let message = e.to_string();
            let message = message
                .split_once(": ")
                .map_or(message.as_str(), |(_, rest)| rest)
                .to_owned();
            Fault::new(SqlErrorKind::Type, at, message)
        })
    }

    fn typed_string(&mut self, typed: &ast::TypedString, at: Location) -> Checked<Typed> {
        let Value::SingleQuotedString(value) = &typed.value.value else {
            return Err(Fault::new(
                SqlErrorKind::Syntax,
                at,
                "expected a quoted text after the type",
            ));
        };
        let word = typed.data_type.to_string().to_uppercase();
        if word == "X" {
            return literal(&Value::HexStringLiteral(value.clone()), false, at);
        }
        let to = self.sql_type(&typed.data_type, at)?;
        if !matches!(to, DataType::Date32 | DataType::Timestamp(..)) {
            return Err(
                Fault::new(SqlErrorKind::Syntax, at, format!("{word} '...' is no literal"))
                    .help(format!("use CAST('...' AS {word})")),
            );
        }
        let array: arrow::array::ArrayRef = Arc::new(arrow::array::StringArray::from(vec![value.as_str()]));
        let cast = millstream_spark::cast::cast_array(&array, &to, &self.time_zone)
            .ok()
            .and_then(|a| ScalarValue::try_from_array(&a, 0).ok())
            .filter(|v| !v.is_null());
        let Some(value_as) = cast else {
            return Err(Fault::new(SqlErrorKind::Type, at, format!("'{value}' is not a {word}")));
        };
        let shown = if matches!(to, DataType::Timestamp(..)) && value.len() == 10 {
            format!("{value} 00:00:00")
        } else {
            value.clone()
        };
        Ok(Typed {
            expr: Expr::Literal(value_as, None),
            text: format!("{word} '{shown}'"),
        })
    }

    fn postfix(&mut self, e: &ast::Expr, scope: &Scope, make: fn(Expr) -> Expr, words: &str) -> Checked<Typed> {
        let e = self.expr(e, scope)?;
        Ok(Typed {
            expr: make(e.expr),
            text: format!("({} {words})", e.text),
        })
    }

    fn distinct_from(
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

    fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
        scope: &Scope,
    ) -> Checked<Typed> {
        let operand = operand.map(|e| self.expr(e, scope)).transpose()?;
        let mut text = "CASE".to_owned();
        let mut when_then = Vec::with_capacity(conditions.len());
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
            when_then.push((Box::new(when), Box::new(then.expr)));
        }
        let otherwise = otherwise.map(|e| self.expr(e, scope)).transpose()?;
        if let Some(e) = &otherwise {
            text.push_str(&format!(" ELSE {}", e.text));
        }
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

    #[expect(clippy::too_many_arguments, reason = "the parts of the syntax node")]
    fn like(
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
        if let (true, ast::Expr::Tuple(patterns)) = (any, pattern) {
            let each = patterns
                .iter()
                .map(|p| self.like(expr, p, escape, negated, false, ignore_case, scope, at))
                .collect::<Checked<Vec<_>>>()?;
            let text = each.iter().map(|t| t.text.clone()).collect::<Vec<_>>().join(" OR ");
            let joined = each
                .into_iter()
                .map(|t| t.expr)
                .reduce(Expr::or)
                .unwrap_or_else(|| lit(false));
            return Ok(Typed {
                expr: joined,
                text: format!("({text})"),
            });
        }
        let (e, pattern) = (self.expr(expr, scope)?, self.expr(pattern, scope)?);
        let word = if ignore_case { "ILIKE" } else { "LIKE" };
        let text = format!("{} {word} {}", e.text, pattern.text);
        let text = if negated { format!("(NOT {text})") } else { text };
        let escape = escape.and_then(|v| match &v.value {
            Value::SingleQuotedString(s) => s.chars().next(),
            _ => None,
        });
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

    fn subquery(&mut self, query: &ast::Query, scope: &Scope) -> Checked<(Subquery, usize)> {
        let relation = self.query(query, Some(Arc::new(scope.clone())))?;
        let outer_ref_columns = relation.plan.all_out_ref_exprs();
        let columns = relation.names.len();
        Ok((
            Subquery {
                subquery: Arc::new(relation.plan),
                outer_ref_columns,
                spans: Default::default(),
            },
            columns,
        ))
    }

    /// A call of `name` with the arguments that are given.
    fn plain_call(&mut self, name: &str, args: &[Option<&ast::Expr>], scope: &Scope, at: Location) -> Checked<Typed> {
        let args = args
            .iter()
            .flatten()
            .map(|e| self.expr(e, scope))
            .collect::<Checked<Vec<_>>>()?;
        let texts: Vec<String> = args.iter().map(|t| t.text.clone()).collect();
        let expr = self.scalar(&[name], args.into_iter().map(|t| t.expr).collect(), scope, at)?;
        Ok(Typed {
            expr,
            text: format!("{name}({})", texts.join(", ")),
        })
    }
}

fn backslash_escapes(pattern: &str, escape: char) -> String {
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

fn operator(op: &BinaryOperator) -> Option<Operator> {
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

/// A literal with Spark's type: whole numbers are INT if they fit, else BIGINT, else DECIMAL; fractions are DECIMAL.
fn literal(value: &Value, negative: bool, at: Location) -> Checked<Typed> {
    let typed = |value: ScalarValue, text: String| {
        Ok(Typed {
            expr: Expr::Literal(value, None),
            text,
        })
    };
    match value {
        Value::Number(text, _) => {
            let sign = if negative { "-" } else { "" };
            let (value, shown) = number(&format!("{sign}{text}")).ok_or_else(|| {
                Fault::new(
                    SqlErrorKind::Type,
                    at,
                    format!("the number {sign}{text} does not fit its type"),
                )
            })?;
            typed(value, shown)
        }
        Value::SingleQuotedString(s) | Value::DoubleQuotedString(s) => {
            typed(ScalarValue::Utf8(Some(s.clone())), s.clone())
        }
        Value::HexStringLiteral(hex) => {
            let even = if hex.len() % 2 == 0 {
                hex.clone()
            } else {
                format!("0{hex}")
            };
            let bytes: Option<Vec<u8>> = (0..even.len() / 2)
                .map(|i| even.get(2 * i..2 * i + 2).and_then(|d| u8::from_str_radix(d, 16).ok()))
                .collect();
            let bytes =
                bytes.ok_or_else(|| Fault::new(SqlErrorKind::Syntax, at, format!("X'{hex}' is not hexadecimal")))?;
            typed(ScalarValue::Binary(Some(bytes)), format!("X'{}'", hex.to_uppercase()))
        }
        Value::Boolean(b) => typed(ScalarValue::Boolean(Some(*b)), b.to_string()),
        Value::Null => typed(ScalarValue::Null, "NULL".into()),
        other => Err(Fault::new(
            SqlErrorKind::Syntax,
            at,
            format!("{other} is not a literal of Spark SQL"),
        )),
    }
}

fn number(text: &str) -> Option<(ScalarValue, String)> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = text.get(digits.len()..)?;
    let plain = digits.to_owned();
    let value = match suffix {
        "Y" => ScalarValue::Int8(Some(digits.parse().ok()?)),
        "S" => ScalarValue::Int16(Some(digits.parse().ok()?)),
        "L" => ScalarValue::Int64(Some(digits.parse().ok()?)),
        "F" => {
            let v: f32 = digits.parse().ok()?;
            return Some((ScalarValue::Float32(Some(v)), shown_float(f64::from(v), &v.to_string())));
        }
        "D" => {
            let v: f64 = digits.parse().ok()?;
            return Some((ScalarValue::Float64(Some(v)), shown_float(v, &v.to_string())));
        }
        "BD" => decimal(digits)?,
        "" if digits.contains(['e', 'E']) => {
            let v: f64 = digits.parse().ok()?;
            return Some((ScalarValue::Float64(Some(v)), shown_float(v, &v.to_string())));
        }
        "" if digits.contains('.') => decimal(digits)?,
        "" => match (digits.parse::<i32>(), digits.parse::<i64>()) {
            (Ok(n), _) => ScalarValue::Int32(Some(n)),
            (_, Ok(n)) => ScalarValue::Int64(Some(n)),
            _ => decimal(digits)?,
        },
        _ => return None,
    };
    Some((value, plain))
}

fn shown_float(value: f64, plain: &str) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e7).contains(&size) {
        let text = format!("{value:E}");
        return if text.split('E').next().is_some_and(|m| m.contains('.')) {
            text
        } else {
            text.replacen('E', ".0E", 1)
        };
    }
    if plain.contains('.') {
        plain.to_owned()
    } else {
        format!("{plain}.0")
    }
}

fn decimal(text: &str) -> Option<ScalarValue> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((m, e)) => (m, e.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut unscaled: i128 = format!("{whole}{fraction}").parse().ok()?;
    let mut scale = i32::try_from(fraction.len()).ok()? - exponent;
    while scale < 0 {
        unscaled = unscaled.checked_mul(10)?;
        scale += 1;
    }
    let length = if unscaled == 0 { 1 } else { unscaled.to_string().len() };
    let precision = u8::try_from(length.max(usize::try_from(scale).ok()?))
        .ok()
        .filter(|p| *p <= 38)?;
    let value = if negative { -unscaled } else { unscaled };
    Some(ScalarValue::Decimal128(
        Some(value),
        precision.max(1),
        i8::try_from(scale).ok()?,
    ))
}

fn interval_literal(interval: &ast::Interval, at: Location) -> Checked<Typed> {
    let value = match interval.value.as_ref() {
        ast::Expr::Value(v) => match &v.value {
            Value::SingleQuotedString(s) => Interval::decode(s),
            _ => None,
        },
        _ => None,
    };
    let Some(value) = value else {
        return Err(Fault::new(SqlErrorKind::Unsupported, at, "an interval is a literal")
            .help("for instance: INTERVAL 10 MINUTES; or use make_interval(...)"));
    };
    let nanos = value
        .micros
        .checked_mul(1000)
        .ok_or_else(|| Fault::new(SqlErrorKind::Type, at, "the interval is too long"))?;
    let scalar = ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(value.months, value.days, nanos)));
    Ok(Typed {
        expr: Expr::Literal(scalar, None),
        text: shown_interval(value),
    })
}

fn shown_interval(value: Interval) -> String {
    let us = value.micros;
    let one = |n: i64, unit: &str| format!("INTERVAL '{n}' {unit}");
    match (value.months, value.days, us) {
        (m, 0, 0) if m != 0 && m % 12 == 0 => one(i64::from(m / 12), "YEAR"),
        (m, 0, 0) if m != 0 => one(i64::from(m), "MONTH"),
        (0, d, 0) if d != 0 => one(i64::from(d), "DAY"),
        (0, 0, us) if us != 0 && us % 3_600_000_000 == 0 => one(us / 3_600_000_000, "HOUR"),
        (0, 0, us) if us != 0 && us % 60_000_000 == 0 => one(us / 60_000_000, "MINUTE"),
        (0, 0, us) if us % 1_000_000 == 0 => one(us / 1_000_000, "SECOND"),
        (m, d, us) => format!("INTERVAL '{m} months {d} days {us} microseconds'"),
    }
}
