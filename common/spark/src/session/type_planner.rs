//! SQL type names to Arrow types, as Spark reads them.

use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::planner::TypePlanner;
use sqlparser::ast::{ArrayElemTypeDef, DataType as SqlType, ExactNumberInfo, StructField, TimezoneInfo};

use crate::types;

/// Precision and scale of a bare `DECIMAL`.
const DECIMAL_DEFAULT: (u8, i8) = (10, 0);

/// Plans SQL types: TIMESTAMP is an instant in microseconds, STRING is Utf8, FLOAT is 32 bits, and Spark's own names exist.
#[derive(Debug)]
pub struct SparkTypePlanner;

impl TypePlanner for SparkTypePlanner {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        Ok(arrow_type(sql_type)?.map(|planned| Field::new("", planned, true).into()))
    }
}

/// Returns the Arrow type of a SQL type, or None where the engine's own reading is kept (intervals).
///
/// # Errors
/// A planning error for types Spark does not have and for decimals out of bounds.
pub fn arrow_type(sql_type: &SqlType) -> Result<Option<DataType>> {
    let planned = match sql_type {
        SqlType::Boolean | SqlType::Bool => DataType::Boolean,
        SqlType::TinyInt(_) => DataType::Int8,
        SqlType::SmallInt(_) => DataType::Int16,
        SqlType::Int(_) | SqlType::Integer(_) => DataType::Int32,
        SqlType::BigInt(_) => DataType::Int64,
        SqlType::Float(_) | SqlType::Real | SqlType::Float4 => DataType::Float32,
        SqlType::Double(_) | SqlType::DoublePrecision | SqlType::Float8 => DataType::Float64,
        SqlType::Decimal(size) | SqlType::Numeric(size) | SqlType::Dec(size) => decimal(size)?,
        SqlType::String(_)
        | SqlType::Varchar(_)
        | SqlType::Char(_)
        | SqlType::Character(_)
        | SqlType::CharacterVarying(_)
        | SqlType::Text => DataType::Utf8,
        SqlType::Binary(_) => DataType::Binary,
        SqlType::Date => DataType::Date32,
        SqlType::Timestamp(_, TimezoneInfo::WithoutTimeZone) | SqlType::TimestampNtz(_) => types::timestamp_ntz(),
        SqlType::Timestamp(..) => types::timestamp(),
        SqlType::Array(ArrayElemTypeDef::AngleBracket(element)) => types::list(required(element)?),
        SqlType::Map(key, value) => types::map(required(key)?, required(value)?),
        SqlType::Struct(fields, _) => DataType::Struct(struct_fields(fields)?),
        SqlType::Custom(name, _) => match custom(&name.to_string()) {
            Some(planned) => planned,
            None => return plan_err!("unsupported data type {name}"),
        },
        SqlType::Interval { .. } => return Ok(None),
        other => return plan_err!("unsupported data type {other}"),
    };
    Ok(Some(planned))
}

fn required(sql_type: &SqlType) -> Result<DataType> {
    match arrow_type(sql_type)? {
        Some(planned) => Ok(planned),
        None => plan_err!("unsupported data type {sql_type} inside another type"),
    }
}

fn custom(name: &str) -> Option<DataType> {
    match name.to_ascii_uppercase().as_str() {
        "LONG" => Some(DataType::Int64),
        "SHORT" => Some(DataType::Int16),
        "BYTE" => Some(DataType::Int8),
        "STRING" => Some(DataType::Utf8),
        "TIMESTAMP_NTZ" => Some(types::timestamp_ntz()),
        "TIMESTAMP_LTZ" => Some(types::timestamp()),
        "VOID" | "NULL" => Some(DataType::Null),
        _ => None,
    }
}

fn decimal(size: &ExactNumberInfo) -> Result<DataType> {
    let (precision, scale) = match size {
        ExactNumberInfo::None => (u64::from(DECIMAL_DEFAULT.0), i64::from(DECIMAL_DEFAULT.1)),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision), Ok(scale))
            if precision <= types::DECIMAL_PRECISION_MAX && scale >= 0 && i16::from(scale) <= i16::from(precision) =>
        {
            Ok(DataType::Decimal128(precision, scale))
        }
        _ => plan_err!(
            "DECIMAL({precision},{scale}) is out of bounds: precision is at most {}, scale between 0 and the precision",
            types::DECIMAL_PRECISION_MAX
        ),
    }
}

fn struct_fields(fields: &[StructField]) -> Result<Fields> {
    fields
        .iter()
        .enumerate()
        .map(|(at, field)| {
            let name = match &field.field_name {
                Some(name) => name.value.clone(),
                None => format!("col{}", at + 1),
            };
            Ok(Field::new(name, required(&field.field_type)?, true))
        })
        .collect::<Result<Vec<_>>>()
        .map(Fields::from)
}
