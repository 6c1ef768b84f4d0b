//! The type of a JSON document: `schema_of_json` and schema inference of JSON files.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields};

use super::scan::{Number, Scan, Scanner, Text, Token};
use super::{JsonError, JsonOptions};
use crate::cast::parse_time;
use crate::pattern::Pattern;
use crate::{ddl, types};

/// Returns the type of one document as Spark infers it, struct fields in the order of their names.
///
/// # Errors
/// [`JsonError::Malformed`] if the text is not JSON.
pub fn infer_type(document: &str, options: &JsonOptions) -> Result<DataType, JsonError> {
    let mut scanner = Scanner::new(document.as_bytes(), options.leniency);
    let mut inference = Inference::new(options)?;
    let inferred = match scanner.skip_blank() {
        Ok(None) => Ok(DataType::Null),
        Ok(Some(_)) => inference.infer(&mut scanner),
        Err(fault) => Err(fault),
    };
    if let Some(number) = inference.negative_scale {
        return Err(JsonError::NegativeScale { number });
    }
    match inferred {
        Ok(inferred) if options.drop_null_fields => Ok(without_nulls(inferred)),
        Ok(inferred) => Ok(settle(inferred)),
        Err(_) => Err(JsonError::Malformed {
            record: document.chars().take(200).collect(),
        }),
    }
}

/// Returns the columns that hold all the documents, in the order of their names. Those that are no objects are left out.
///
/// # Errors
/// [`JsonError::Pattern`] for the pattern of times.
pub fn infer_columns<'d>(
    documents: impl IntoIterator<Item = &'d [u8]>,
    options: &JsonOptions,
) -> Result<Fields, JsonError> {
    let mut columns = DataType::Struct(Fields::empty());
    let mut inference = Inference::new(options)?;
    for document in documents {
        let mut scanner = Scanner::new(document, options.leniency);
        if let Ok(found @ DataType::Struct(_)) = inference.infer(&mut scanner) {
            columns = merge(columns, found);
        }
    }
    match if options.drop_null_fields {
        without_nulls(columns)
    } else {
        settle(columns)
    } {
        DataType::Struct(fields) => Ok(fields),
        _ => Ok(Fields::empty()),
    }
}

/// What the inference of one document needs, and what it cannot say in a type.
struct Inference<'o> {
    options: &'o JsonOptions,
    times: Option<Pattern>,
    /// A number that would be a decimal of negative scale.
    negative_scale: Option<String>,
}

impl<'o> Inference<'o> {
    fn new(options: &'o JsonOptions) -> Result<Self, JsonError> {
        let times = match &options.timestamp_format {
            Some(pattern) if options.infer_timestamp => Some(Pattern::for_reading(pattern)?),
            _ => None,
        };
        Ok(Self {
            options,
            times,
            negative_scale: None,
        })
    }

    fn infer(&mut self, scanner: &mut Scanner<'_>) -> Scan<DataType> {
        Ok(match scanner.token()? {
            Token::Null => DataType::Null,
            Token::Text(text) => self.text_type(&text),
            Token::True | Token::False | Token::Number(_) | Token::NonNumber(_)
                if self.options.primitives_as_string =>
            {
                DataType::Utf8
            }
            Token::True | Token::False => DataType::Boolean,
            Token::Number(number) => self.number_type(&number),
            Token::NonNumber(_) => DataType::Float64,
            Token::Array => {
                let mut element = DataType::Null;
                let mut first = true;
                while scanner.next_element(first)? {
                    first = false;
                    element = merge(element, self.infer(scanner)?);
                }
                ddl::array_of(element)
            }
            Token::Object => {
                let mut fields = Vec::new();
                while let Some(name) = scanner.next_name(fields.is_empty())? {
                    let name = String::from_utf8_lossy(name.unescaped(&mut Vec::new())).into_owned();
                    fields.push(Field::new(name, self.infer(scanner)?, true));
                }
                fields.sort_by(|a, b| a.name().cmp(b.name()));
                DataType::Struct(fields.into())
            }
        })
    }

    fn text_type(&self, text: &Text<'_>) -> DataType {
        // Some writers put an empty text for null.
        if text.raw.is_empty() {
            return DataType::Null;
        }
        if !self.options.infer_timestamp {
            return DataType::Utf8;
        }
        let mut scratch = Vec::new();
        let text = std::str::from_utf8(text.unescaped(&mut scratch)).unwrap_or_default();
        let zone = &self.options.time_zone;
        let is_time = match &self.times {
            Some(pattern) => pattern.instant(text, zone).is_some(),
            None => parse_time::parse_timestamp(text, zone).is_some(),
        };
        if is_time { types::timestamp() } else { DataType::Utf8 }
    }

    fn number_type(&mut self, number: &Number<'_>) -> DataType {
        let text = std::str::from_utf8(number.text).unwrap_or_default();
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let digits = mantissa.bytes().filter(u8::is_ascii_digit);
        let precision = digits.skip_while(|d| *d == b'0').count().max(1);
        if !number.float {
            return match u8::try_from(precision) {
                _ if text.parse::<i64>().is_ok() => DataType::Int64,
                Ok(precision @ ..=38) => DataType::Decimal128(precision, 0),
                _ => DataType::Float64,
            };
        }
        let scale = i64::from(number.fraction_digits) - exponent.parse::<i64>().unwrap_or(i64::MIN / 2);
        if !self.options.prefer_decimal || precision.max(usize::try_from(scale).unwrap_or(0)) > 38 {
            return DataType::Float64;
        }
        match (u8::try_from(precision), i8::try_from(scale)) {
            (Ok(precision), Ok(scale @ 0..)) => DataType::Decimal128(precision.max(scale.unsigned_abs()), scale),
            _ => {
                self.negative_scale.get_or_insert_with(|| text.to_owned());
                DataType::Float64
            }
        }
    }
}

/// Drops what was never anything but null or empty.
fn without_nulls(inferred: DataType) -> DataType {
    match inferred {
        DataType::Struct(_) => some_value(&inferred).unwrap_or(DataType::Struct(Fields::empty())),
        DataType::List(field) if matches!(field.data_type(), DataType::Struct(_)) => {
            ddl::array_of(without_nulls(field.data_type().clone()))
        }
        other => some_value(&other).unwrap_or(DataType::Utf8),
    }
}

fn some_value(inferred: &DataType) -> Option<DataType> {
    match inferred {
        DataType::Null => None,
        DataType::List(field) => some_value(field.data_type()).map(ddl::array_of),
        DataType::Struct(fields) => {
            let kept = fields
                .iter()
                .filter_map(|f| Some(f.as_ref().clone().with_data_type(some_value(f.data_type())?)));
            let kept: Fields = kept.collect();
            (!kept.is_empty()).then_some(DataType::Struct(kept))
        }
        other => Some(other.clone()),
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
