//! One expression rewritten with Spark's coercion. Types are those of its operands, which were rewritten before.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue, plan_err};
use datafusion::logical_expr::expr::{Between, Case, Cast, InList, Like, ScalarFunction, TryCast};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};

use super::literals::{exact_literal, keep_written_casts, narrow_literals};
use super::refuse::{check_bits, check_ordered, check_whole_division, is_bits, one_type, refuse_calendar, refuse_maps};
use super::times::{self, Side};
use crate::cast::{can_cast, normal_type};
use crate::coerce::{common_number, common_of, comparison_type};
use crate::functions::Result;
use crate::functions::conversion::{cast_literal, spark_cast, spark_try_cast};
use crate::functions::datetime::special_time;
use crate::interval::Range;
use crate::operators::{Arithmetic, is_engine_arithmetic, magnitude_call};
use crate::type_name::spark_type;
use crate::types;
use crate::zone::Tz;

/// Rewrites an expression and all below it. Literals are read in the zone.
///
/// # Errors
/// Planning errors for unknown columns and casts Spark does not have.
pub fn rewrite_tree(expr: Expr, schema: &DFSchema, zone: &Tz) -> Result<Transformed<Expr>> {
    expr.transform_down_up(keep_written_casts, |expr| rewrite_expr(expr, schema, zone))
}

/// Rewrites one expression, its operands being rewritten already.
fn rewrite_expr(expr: Expr, schema: &DFSchema, zone: &Tz) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Cast(_) | Expr::TryCast(_) => rewrite_cast(expr, schema, zone),
        Expr::BinaryExpr(binary) => rewrite_binary(binary, schema, zone),
        Expr::Case(case) => rewrite_case(case, schema, zone),
        Expr::InList(list) => rewrite_in_list(list, schema, zone),
        Expr::Between(between) => rewrite_between(between, schema, zone),
        Expr::Like(like) => rewrite_like(like, schema, zone),
        Expr::Negative(inner) if types::is_text(&inner.get_type(schema)?) => Ok(Transformed::yes(Expr::Negative(
            Box::new(cast_to(*inner, &DataType::Utf8, &DataType::Float64, zone)?),
        ))),
        Expr::Negative(inner) if inner.get_type(schema)?.is_null() => Ok(Transformed::yes(Expr::Negative(Box::new(
            cast_to(*inner, &DataType::Null, &DataType::Float64, zone)?,
        )))),
        Expr::ScalarFunction(call) => rewrite_call(call, schema, zone),
        other => Ok(Transformed::no(other)),
    }
}

/// Turns a cast into Spark's, literals into their values.
pub fn rewrite_cast(expr: Expr, schema: &DFSchema, zone: &Tz) -> Result<Transformed<Expr>> {
    let (inner, field) = match expr {
        Expr::Cast(Cast { expr, field }) => (expr, field),
        Expr::TryCast(TryCast { expr, field }) => {
            return Ok(Transformed::yes(spark_try_cast(*expr, field.data_type())?));
        }
        other => return Ok(Transformed::no(other)),
    };
    let to = field.data_type();
    let from = inner.get_type(schema)?;
    if is_engine_cast(&from, to) && !matches!(inner.as_ref(), Expr::Literal(..)) {
        return Ok(Transformed::no(Expr::Cast(Cast::new_from_field(inner, field))));
    }
    Ok(Transformed::yes(cast_to(*inner, &from, to, zone)?))
}

/// As [`rewrite_cast`], but leaves casts between types that only the engine has.
pub fn rewrite_implied_cast(expr: Expr, schema: &DFSchema, zone: &Tz) -> Result<Transformed<Expr>> {
    if let Expr::Cast(cast) = &expr
        && !can_cast(&cast.expr.get_type(schema)?, cast.field.data_type())
    {
        return Ok(Transformed::no(expr));
    }
    rewrite_cast(expr, schema, zone)
}

/// Casts an expression of type `from`: nothing to do, a literal's value, the engine's cast where it agrees, or Spark's.
pub fn cast_to(expr: Expr, from: &DataType, to: &DataType, zone: &Tz) -> Result<Expr> {
    if from == to {
        return Ok(expr);
    }
    if let Expr::Literal(value, metadata) = &expr
        && can_cast(from, to)
        && !from.is_nested()
    {
        if let Some(time) = special_time(value, to) {
            return rewrite_tree(time?, &DFSchema::empty(), zone).map(|time| time.data);
        }
        return Ok(Expr::Literal(cast_literal(value, to, zone)?, metadata.clone()));
    }
    if is_engine_cast(from, to) {
        return Ok(Expr::Cast(Cast::new(Box::new(expr), to.clone())));
    }
    spark_cast(expr, to)
}

/// Whether the engine's own cast gives what Spark gives for every value.
fn is_engine_cast(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    match (from, to) {
        (T::Null, _) => true,
        (T::Int8, T::Int16 | T::Int32 | T::Int64 | T::Float64)
        | (T::Int16, T::Int32 | T::Int64 | T::Float64)
        | (T::Int32, T::Int64 | T::Float64)
        | (T::Float32, T::Float64) => true,
        (from, to) => types::is_text(from) && types::is_text(to),
    }
}

fn rewrite_binary(binary: BinaryExpr, schema: &DFSchema, zone: &Tz) -> Result<Transformed<Expr>> {
    let operator = binary.op;
    let left_type = binary.left.get_type(schema)?;
    let right_type = binary.right.get_type(schema)?;
    if is_comparison(operator) {
        refuse_maps([&left_type, &right_type])?;
        refuse_calendar([&left_type, &right_type])?;
        if matches!(operator, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq) {
            check_ordered(&left_type, &right_type)?;
        }
        if left_type == right_type {
            return Ok(Transformed::no(Expr::BinaryExpr(binary)));
        }
        let (left, right) = comparison_sides((*binary.left, left_type), (*binary.right, right_type), zone)?;
        return Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(
            Box::new(left),
            operator,
            Box::new(right),
        ))));
    }
    check_bits(operator, &left_type, &right_type)?;
    if is_bits(operator) && left_type.is_null() && right_type.is_null() {
        return Ok(Transformed::yes(Expr::Literal(ScalarValue::Int32(None), None)));
    }
    match Arithmetic::of(operator) {
        Some(arithmetic) => rewrite_arithmetic(binary, arithmetic, left_type, right_type, zone),
        None => Ok(Transformed::no(Expr::BinaryExpr(binary))),
    }
}

fn is_comparison(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

/// Brings two compared values to one type; an error where Spark has none.
fn comparison_sides(left: (Expr, DataType), right: (Expr, DataType), zone: &Tz) -> Result<(Expr, Expr)> {
    let (left, right) = narrow_literals(left, right);
    let exact = exact_literal(&left, &right.1, zone).map(|literal| ((literal, right.1.clone()), right.clone()));
    let exact =
        exact.or_else(|| exact_literal(&right, &left.1, zone).map(|literal| (left.clone(), (literal, left.1.clone()))));
    let (left, right) = exact.unwrap_or((left, right));
    match comparison_type(&left.1, &right.1) {
        Some(common) => Ok((
            cast_to(left.0, &left.1, &common, zone)?,
            cast_to(right.0, &right.1, &common, zone)?,
        )),
        // Rows of other field names are compared by position, which the engine does.
        None if left.1.is_nested() && right.1.is_nested() => Ok((left.0, right.0)),
        None => plan_err!("cannot compare {} with {}", spark_type(&left.1), spark_type(&right.1)),
    }
}

/// An operator with a date, a timestamp or an interval on one side, a division by zero being NULL; None for other operands.
///
/// # Errors
/// As [`rewrite_whole_division`].
pub fn rewrite_tolerant(
    operator: Arithmetic,
    left: &Expr,
    right: &Expr,
    schema: &DFSchema,
    zone: &Tz,
) -> Result<Option<Expr>> {
    let side = |expr: &Expr| -> Result<Side> {
        Ok(Side {
            expr: expr.clone(),
            of: expr.get_type(schema)?,
        })
    };
    times::rewrite(operator, &side(left)?, &side(right)?, true, zone)
}

/// `left DIV right`, the operands being rewritten already.
///
/// # Errors
/// Planning errors for unknown columns and operands that do not go together.
pub fn rewrite_whole_division(left: Expr, right: Expr, schema: &DFSchema, zone: &Tz) -> Result<Expr> {
    let side = |expr: Expr| -> Result<Side> {
        let of = expr.get_type(schema)?;
        Ok(Side { expr, of })
    };
    let (left, right) = (side(left)?, side(right)?);
    match times::rewrite(Arithmetic::IntDiv, &left, &right, false, zone)? {
        Some(expr) => Ok(expr),
        None => {
            check_whole_division(&left.of, &right.of)?;
            Ok(Arithmetic::IntDiv.call(left.expr, right.expr))
        }
    }
}

fn rewrite_arithmetic(
    binary: BinaryExpr,
    arithmetic: Arithmetic,
    left_type: DataType,
    right_type: DataType,
    zone: &Tz,
) -> Result<Transformed<Expr>> {
    let operator = binary.op;
    let (left, right) = (
        Side {
            expr: (*binary.left).clone(),
            of: left_type.clone(),
        },
        Side {
            expr: (*binary.right).clone(),
            of: right_type.clone(),
        },
    );
    if let Some(moved) = times::rewrite(arithmetic, &left, &right, false, zone)? {
        return Ok(Transformed::yes(moved));
    }
    // A NULL that is divided is a DOUBLE.
    let left_type = match operator == Operator::Divide && left_type.is_null() {
        true => DataType::Float64,
        false => left_type,
    };
    // Text and NULL take part in arithmetic as the number beside them asks; text always as DOUBLE.
    let numeric = |own: &DataType, other: &DataType| match normal_type(own) {
        DataType::Utf8 if types::is_number(other) || types::is_text(other) || other.is_null() => {
            Some(DataType::Float64)
        }
        DataType::Null if other.is_null() || types::is_text(other) => Some(DataType::Float64),
        DataType::Null if types::is_number(other) => Some(normal_type(other)),
        own if types::is_number(&own) => Some(own),
        _ => None,
    };
    let (Some(left_number), Some(right_number)) = (numeric(&left_type, &right_type), numeric(&right_type, &left_type))
    else {
        return Ok(Transformed::no(Expr::BinaryExpr(binary)));
    };
    let left = (cast_to(*binary.left, &left.of, &left_number, zone)?, left_number);
    let right = (cast_to(*binary.right, &right_type, &right_number, zone)?, right_number);
    let Some(common) = common_number(&left.1, &right.1) else {
        return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr::new(
            Box::new(left.0),
            operator,
            Box::new(right.0),
        ))));
    };
    if is_engine_arithmetic(operator, &common) {
        let changed = left.1 != common || right.1 != common || left_type != left.1 || right_type != right.1;
        let left = cast_to(left.0, &left.1, &common, zone)?;
        let right = cast_to(right.0, &right.1, &common, zone)?;
        let expr = Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)));
        return Ok(if changed {
            Transformed::yes(expr)
        } else {
            Transformed::no(expr)
        });
    }
    let (left, right) = if types::is_decimal(&common) {
        narrow_literals(left, right)
    } else {
        (left, right)
    };
    Ok(Transformed::yes(arithmetic.call(left.0, right.0)))
}

fn rewrite_case(case: Case, schema: &DFSchema, zone: &Tz) -> Result<Transformed<Expr>> {
    let Case {
        expr,
        when_then_expr,
        else_expr,
    } = case;
    // `CASE x WHEN y` compares x with each y as `=` does; one with differing types is spelled out.
    let (expr, when_then_expr) = match expr {
        None => (None, when_then_expr),
        Some(base) => {
            let base_type = base.get_type(schema)?;
            let mut same = true;
            for (when, _) in &when_then_expr {
                same &= when.get_type(schema)? == base_type;
            }
            if same {
                (Some(base), when_then_expr)
            } else {
                let mut spelled = Vec::with_capacity(when_then_expr.len());
                for (when, then) in when_then_expr {
                    let when_type = when.get_type(schema)?;
                    let (left, right) =
                        comparison_sides(((*base).clone(), base_type.clone()), (*when, when_type), zone)?;
                    spelled.push((Box::new(left.eq(right)), then));
                }
                (None, spelled)
            }
        }
    };
    let mut results = Vec::with_capacity(when_then_expr.len() + 1);
    for (_, then) in &when_then_expr {
        results.push(then.get_type(schema)?);
    }
    if let Some(last) = &else_expr {
        results.push(last.get_type(schema)?);
    }
    let common = match results.iter().any(|result| result != &results[0]) {
        true => one_type(&results)?,
        false => None,
    };
    let Some(common) = common else {
        return Ok(Transformed::yes(Expr::Case(Case {
            expr,
            when_then_expr,
            else_expr,
        })));
    };
    let mut cast = results.iter();
    let mut to_common = |value: Box<Expr>| -> Result<Box<Expr>> {
        let from = cast.next().unwrap_or(&common);
        Ok(Box::new(cast_to(*value, from, &common, zone)?))
    };
    let mut branches = Vec::with_capacity(when_then_expr.len());
    for (when, then) in when_then_expr {
        branches.push((when, to_common(then)?));
    }
    let else_expr = else_expr.map(to_common).transpose()?;
    Ok(Transformed::yes(Expr::Case(Case {
        expr,
        when_then_expr: branches,
        else_expr,
    })))
}

fn rewrite_in_list(list: InList, schema: &DFSchema, zone: &Tz) -> Result<Transformed<Expr>> {
    let mut kinds = vec![list.expr.get_type(schema)?];
    for item in &list.list {
        kinds.push(item.get_type(schema)?);
    }
    refuse_maps(&kinds)?;
    if kinds.iter().all(|kind| kind == &kinds[0]) {
        return Ok(Transformed::no(Expr::InList(list)));
    }
    let Some(common) = one_type(&kinds)? else {
        return Ok(Transformed::no(Expr::InList(list)));
    };
    let items = list
        .list
        .into_iter()
        .zip(&kinds[1..])
        .map(|(item, kind)| cast_to(item, kind, &common, zone))
        .collect::<Result<Vec<_>>>()?;
    let value = cast_to(*list.expr, &kinds[0], &common, zone)?;
    Ok(Transformed::yes(Expr::InList(InList::new(
        Box::new(value),
        items,
        list.negated,
    ))))
}

/// `x BETWEEN a AND b` with differing types is two comparisons, each coerced by itself.
fn rewrite_between(between: Between, schema: &DFSchema, zone: &Tz) -> Result<Transformed<Expr>> {
    let kind = between.expr.get_type(schema)?;
    let (low, high) = (between.low.get_type(schema)?, between.high.get_type(schema)?);
    refuse_maps([&kind, &low, &high])?;
    check_ordered(&kind, &low)?;
    check_ordered(&kind, &high)?;
    if kind == low && kind == high {
        return Ok(Transformed::no(Expr::Between(between)));
    }
    let value = *between.expr;
    let (left, right) = comparison_sides((value.clone(), kind.clone()), (*between.low, low), zone)?;
    let above = left.gt_eq(right);
    let (left, right) = comparison_sides((value, kind), (*between.high, high), zone)?;
    let within = above.and(left.lt_eq(right));
    Ok(Transformed::yes(if between.negated {
        Expr::Not(Box::new(within))
    } else {
        within
    }))
}

fn rewrite_like(like: Like, schema: &DFSchema, zone: &Tz) -> Result<Transformed<Expr>> {
    let kind = like.expr.get_type(schema)?;
    if types::is_text(&kind) {
        return Ok(Transformed::no(Expr::Like(like)));
    }
    if kind.is_nested() {
        return plan_err!("LIKE takes texts, not {}", spark_type(&kind));
    }
    let value = cast_to(*like.expr, &kind, &DataType::Utf8, zone)?;
    Ok(Transformed::yes(Expr::Like(Like {
        expr: Box::new(value),
        ..like
    })))
}

/// The arguments of a function that meet in one type, by position.
fn merged_arguments(name: &str, count: usize) -> Option<std::ops::Range<usize>> {
    match name {
        "coalesce" | "ifnull" | "nvl" | "greatest" | "least" | "array" | "make_array" => Some(0..count),
        "nvl2" | "if" if count == 3 => Some(1..3),
        _ => None,
    }
}

/// The type a function reads texts as, without a pattern.
fn read_time(function: &str) -> Option<DataType> {
    match function {
        "to_date" => Some(DataType::Date32),
        "to_timestamp" => Some(types::timestamp()),
        "to_timestamp_ntz" => Some(types::timestamp_ntz()),
        _ => None,
    }
}

fn rewrite_call(call: ScalarFunction, schema: &DFSchema, zone: &Tz) -> Result<Transformed<Expr>> {
    if let ("abs", [one]) = (call.name(), call.args.as_slice())
        && Range::of(&one.get_type(schema)?).is_some()
        && let Some(magnitude) = magnitude_call(one.clone())
    {
        return Ok(Transformed::yes(magnitude));
    }
    if let [Expr::Literal(text, _)] = call.args.as_slice()
        && let Some(to) = read_time(call.name())
        && let Some(time) = special_time(text, &to)
    {
        return Ok(Transformed::yes(rewrite_tree(time?, schema, zone)?.data));
    }
    let Some(range) = merged_arguments(call.name(), call.args.len()) else {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    };
    let kinds = call.args[range.clone()]
        .iter()
        .map(|arg| arg.get_type(schema))
        .collect::<Result<Vec<_>>>()?;
    let is_coalesce = matches!(call.name(), "coalesce" | "nvl" | "ifnull");
    if kinds.iter().all(|kind| Some(kind) == kinds.first()) && !is_coalesce {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    }
    let Some(common) = common_of(&kinds) else {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    };
    let ScalarFunction { func, mut args } = call;
    // Ours settled the type, the engine's computes only what is needed.
    let func = if is_coalesce {
        datafusion::functions::core::coalesce()
    } else {
        func
    };
    for (arg, kind) in args[range].iter_mut().zip(&kinds) {
        *arg = cast_to(std::mem::take(arg), kind, &common, zone)?;
    }
    Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(
        func, args,
    ))))
}
