//! Literals, with Spark's types and in the form in which Spark shows them.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use millstream_spark::functions::datetime::special_time;
use sqlparser::ast::{self, Value};
use sqlparser::tokenizer::Location;

use crate::error::{Checked, Fault, SqlErrorKind};
use crate::interval::Interval;
use crate::plan::scope::Typed;
use crate::plan::{Planner, engine_fault};

impl Planner<'_> {
    pub(super) fn typed_string(&mut self, typed: &ast::TypedString, at: Location) -> Checked<Typed> {
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
        if let Some(time) = special_time(&ScalarValue::from(value.as_str()), &to) {
            let expr = time.map_err(|e| engine_fault(&e, at))?;
            let text = format!("{word} '{value}'");
            return Ok(Typed { expr, text });
        }
        let array: arrow::array::ArrayRef = Arc::new(arrow::array::StringArray::from(vec![value.as_str()]));
        let cast = millstream_spark::cast::cast_array(&array, &to, &self.time_zone)
            .ok()
            .and_then(|a| ScalarValue::try_from_array(&a, 0).ok())
            .filter(|v| !v.is_null());
        let Some(value_as) = cast else {
            return Err(Fault::new(SqlErrorKind::Type, at, format!("'{value}' is not a {word}")));
        };
        // Shown is the value, not what was written.
        let shown = value_as
            .to_array()
            .map_err(millstream_spark::SparkError::from)
            .and_then(|a| millstream_spark::cast::cast_array(&a, &DataType::Utf8, &self.time_zone))
            .ok()
            .and_then(|a| ScalarValue::try_from_array(&a, 0).ok())
            .and_then(|v| v.try_as_str().flatten().map(str::to_owned))
            .unwrap_or_else(|| value.clone());
        let kind = match &to {
            DataType::Date32 => "DATE",
            DataType::Timestamp(_, Some(_)) => "TIMESTAMP",
            _ => "TIMESTAMP_NTZ",
        };
        Ok(Typed {
            expr: Expr::Literal(value_as, None),
            text: format!("{kind} '{shown}'"),
        })
    }
}

/// A literal with Spark's type: whole numbers are INT if they fit, else BIGINT, else DECIMAL; fractions are DECIMAL.
pub(super) fn literal(value: &Value, negative: bool, at: Location) -> Checked<Typed> {
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
            typed(ScalarValue::Binary(Some(bytes)), format!("X'{}'", even.to_uppercase()))
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

pub(super) fn number(text: &str) -> Option<(ScalarValue, String)> {
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
        "BD" => return decimal(digits).map(shown_decimal),
        "" if digits.contains(['e', 'E']) => {
            let v: f64 = digits.parse().ok()?;
            return Some((ScalarValue::Float64(Some(v)), shown_float(v, &v.to_string())));
        }
        "" if digits.contains('.') => return decimal(digits).map(shown_decimal),
        "" => match (digits.parse::<i32>(), digits.parse::<i64>()) {
            (Ok(n), _) => ScalarValue::Int32(Some(n)),
            (_, Ok(n)) => ScalarValue::Int64(Some(n)),
            _ => return decimal(digits).map(shown_decimal),
        },
        _ => return None,
    };
    Some((value, plain))
}

/// A decimal and its text: all digits, with a power of ten where more than six zeros would follow the point.
fn shown_decimal(value: ScalarValue) -> (ScalarValue, String) {
    let ScalarValue::Decimal128(Some(unscaled), _, scale) = value else {
        return (value, String::new());
    };
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = unscaled.unsigned_abs().to_string();
    let scale = usize::try_from(scale).unwrap_or(0);
    let text = match scale {
        0 => format!("{sign}{digits}"),
        _ if scale > digits.len() + 5 => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            format!("{sign}{first}{point}{rest}E-{}", scale + 1 - digits.len())
        }
        _ => {
            let padded = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = padded.split_at(padded.len() - scale);
            format!("{sign}{whole}.{fraction}")
        }
    };
    (value, text)
}

pub(super) fn shown_float(value: f64, plain: &str) -> String {
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

pub(super) fn decimal(text: &str) -> Option<ScalarValue> {
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

pub(super) fn interval_literal(interval: &ast::Interval, at: Location) -> Checked<Typed> {
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
    let range = value.range.ok_or_else(|| {
        Fault::new(
            SqlErrorKind::Type,
            at,
            "an interval of months has no days and no part of one",
        )
        .help("write two intervals, or use make_interval(...)")
    })?;
    let amount = value
        .amount(range)
        .and_then(|amount| Some((amount, range.literal(amount)?)));
    let (amount, scalar) = amount.ok_or_else(|| Fault::new(SqlErrorKind::Type, at, "the interval is too long"))?;
    let mut text = String::new();
    millstream_spark::interval::write(amount, range, &mut text);
    Ok(Typed {
        expr: Expr::Literal(scalar, None),
        text,
    })
}
