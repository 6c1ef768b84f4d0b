//! The type of a JSON document: `schema_of_json` and schema inference of JSON files.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};

use super::scan::{Fault, Number, Scan, Scanner, Token};
use super::{JsonError, JsonOptions};
use crate::ddl;

/// Returns the type of one document as Spark infers it, struct fields in the order of their names.
///
/// # Errors
/// [`JsonError::Malformed`] if the text is not JSON.
pub fn infer_type(document: &str, options: &JsonOptions) -> Result<DataType, JsonError> {
    let mut scanner = Scanner::new(document.as_bytes(), options.leniency);
    let inferred = match scanner.skip_blank() {
        Ok(None) => Ok(DataType::Null),
        Ok(Some(_)) => infer(&mut scanner, options),
        Err(fault) => Err(fault),
    };
    inferred.map(settle).map_err(|_: Fault| JsonError::Malformed {
        record: document.chars().take(200).collect(),
    })
}

fn infer(scanner: &mut Scanner<'_>, options: &JsonOptions) -> Scan<DataType> {
    Ok(match scanner.token()? {
        Token::Null => DataType::Null,
        Token::Text(_) => DataType::Utf8,
        Token::True | Token::False | Token::Number(_) | Token::NonNumber(_) if options.primitives_as_string => {
            DataType::Utf8
        }
        Token::True | Token::False => DataType::Boolean,
        Token::Number(number) => number_type(&number, options.prefer_decimal),
        Token::NonNumber(_) => DataType::Float64,
        Token::Array => {
            let mut element = DataType::Null;
            let mut first = true;
            while scanner.next_element(first)? {
                first = false;
                element = merge(element, infer(scanner, options)?);
            }
            ddl::array_of(element)
        }
        Token::Object => {
            let mut fields = Vec::new();
            while let Some(name) = scanner.next_name(fields.is_empty())? {
                let name = String::from_utf8_lossy(name.unescaped(&mut Vec::new())).into_owned();
                fields.push(Field::new(name, infer(scanner, options)?, true));
            }
            fields.sort_by(|a, b| a.name().cmp(b.name()));
            DataType::Struct(fields.into())
        }
    })
}

fn number_type(number: &Number<'_>, prefer_decimal: bool) -> DataType {
    let mantissa = number
        .text
        .split(|b| matches!(b, b'e' | b'E'))
        .next()
        .unwrap_or_default();
    let digits: Vec<u8> = mantissa.iter().copied().filter(u8::is_ascii_digit).collect();
    let precision = digits.iter().skip_while(|d| **d == b'0').count().max(1);
    if !number.float {
        let text = std::str::from_utf8(number.text).unwrap_or_default();
        return match u8::try_from(precision) {
            _ if text.parse::<i64>().is_ok() => DataType::Int64,
            Ok(precision @ ..=38) => DataType::Decimal128(precision, 0),
            _ => DataType::Float64,
        };
    }
    let scale = number.fraction_digits as usize;
    match (u8::try_from(precision.max(scale)), i8::try_from(scale)) {
        (Ok(precision @ ..=38), Ok(scale)) if prefer_decimal && !number.has_exponent => {
            DataType::Decimal128(precision, scale)
        }
        _ => DataType::Float64,
    }
}

/// Returns the narrowest type that holds the values of both.
pub(crate) fn merge(left: DataType, right: DataType) -> DataType {
    use DataType::{Decimal128, Float64, Int64, List, Null, Struct, Utf8};
    match (left, right) {
        (a, b) if a == b => a,
        (Null, other) | (other, Null) => other,
        (Int64, Float64) | (Float64, Int64 | Decimal128(..)) | (Decimal128(..), Float64) => Float64,
        // 20 digits hold every BIGINT.
        (Int64, Decimal128(p, s)) | (Decimal128(p, s), Int64) => merge_decimals((20, 0), (p, s)),
        (Decimal128(p, s), Decimal128(q, t)) => merge_decimals((p, s), (q, t)),
        (List(a), List(b)) => ddl::array_of(merge(a.data_type().clone(), b.data_type().clone())),
        (Struct(a), Struct(b)) => {
            let mut fields: Vec<Field> = a.iter().map(|f| f.as_ref().clone()).collect();
            for field in b.iter() {
                match fields.iter_mut().find(|f| f.name() == field.name()) {
                    Some(known) => {
                        let merged = merge(known.data_type().clone(), field.data_type().clone());
                        *known = known.clone().with_data_type(merged);
                    }
                    None => fields.push(field.as_ref().clone()),
                }
            }
            fields.sort_by(|a, b| a.name().cmp(b.name()));
            Struct(fields.into())
        }
        _ => Utf8,
    }
}

fn merge_decimals((p, s): (u8, i8), (q, t): (u8, i8)) -> DataType {
    let scale = s.max(t);
    let whole = (p as i8 - s).max(q as i8 - t);
    match u8::try_from(whole + scale) {
        Ok(precision @ ..=38) => DataType::Decimal128(precision, scale),
        _ => DataType::Float64,
    }
}

/// Gives what was never anything but null the type STRING, and drops fields without any value inside.
pub(crate) fn settle(inferred: DataType) -> DataType {
    match inferred {
        DataType::Null => DataType::Utf8,
        DataType::List(field) => ddl::array_of(settle(field.data_type().clone())),
        DataType::Struct(fields) => {
            let kept = fields
                .iter()
                .filter(|f| !matches!(f.data_type(), DataType::Struct(inner) if inner.is_empty()));
            let settled: Vec<_> = kept
                .map(|f| Arc::new(f.as_ref().clone().with_data_type(settle(f.data_type().clone()))))
                .collect();
            DataType::Struct(settled.into())
        }
        other => other,
    }
}

/// Writes a type as schema text that reads back as itself, such as ``STRUCT<a: BIGINT, `b c`: ARRAY<STRING>>``.
pub fn type_text(data_type: &DataType) -> String {
    match data_type {
        DataType::Struct(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|f| format!("{}: {}", quoted_name(f.name()), type_text(f.data_type())))
                .collect();
            format!("STRUCT<{}>", fields.join(", "))
        }
        DataType::List(field) => format!("ARRAY<{}>", type_text(field.data_type())),
        other => crate::type_name::spark_type(other).to_ascii_uppercase(),
    }
}

fn quoted_name(name: &str) -> String {
    let plain = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.bytes().all(|b| b.is_ascii_digit());
    if plain {
        name.to_owned()
    } else {
        format!("`{}`", name.replace('`', "``"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infers_as_spark_does() {
        let schema = |document: &str| type_text(&infer_type(document, &JsonOptions::default()).unwrap());
        for (document, expected) in [
            (
                r#"{"a":1,"b":{"c":[1.5,2]},"d":null,"f":true,"h":123456789012345678901234,"i":[],"j":{}}"#,
                "STRUCT<a: BIGINT, b: STRUCT<c: ARRAY<DOUBLE>>, d: STRING, f: BOOLEAN, h: DECIMAL(24,0), i: ARRAY<STRING>>",
            ),
            ("[1,1.5,\"x\"]", "ARRAY<STRING>"),
            ("{}", "STRUCT<>"),
            ("null", "STRING"),
            (
                r#"[{"a":1},{"b":"x"},{"a":1.5}]"#,
                "ARRAY<STRUCT<a: DOUBLE, b: STRING>>",
            ),
            (r#"{"c-d":2,"a b":1}"#, "STRUCT<`a b`: BIGINT, `c-d`: BIGINT>"),
            (r#"{"a":1,"a":"x"}"#, "STRUCT<a: BIGINT, a: STRING>"),
            (r#"{"a":[1,{"b":1}]}"#, "STRUCT<a: ARRAY<STRING>>"),
            ("[12345678901234567890123,1]", "ARRAY<DECIMAL(23,0)>"),
            ("[[1],[1.5]]", "ARRAY<ARRAY<DOUBLE>>"),
        ] {
            assert_eq!(schema(document), expected, "{document}");
        }
        assert!(infer_type("bad", &JsonOptions::default()).is_err());
        let decimal = JsonOptions {
            prefer_decimal: true,
            ..JsonOptions::default()
        };
        assert_eq!(
            type_text(&infer_type(r#"{"a":1.25}"#, &decimal).unwrap()),
            "STRUCT<a: DECIMAL(3,2)>"
        );
    }
}
