//! Types by name, tests for NULL, and what fits nowhere else.

mod extremes;
mod session;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, StringArray, StructArray};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::kernels::zip::zip;
use arrow::compute::{is_not_null, is_null};
use arrow::datatypes::{DataType, Field, Float64Type};
use arrow::row::{RowConverter, SortField};
use datafusion::common::{exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::kernel::{Call, Function, Kind, Result, column};
use crate::cast::{can_cast, cast_array};
use crate::coerce::{common_of, comparison_type};
use crate::type_name::spark_type;
use crate::types;

const ANY: &[Kind] = &[Kind::Any];

/// The functions of this category.
pub fn functions() -> Vec<ScalarUDF> {
    let boolean = |_: &[DataType]| Ok(DataType::Boolean);
    let mut all = type_functions();
    all.extend(session::functions());
    all.extend(extremes::functions());
    all.extend([
        Function::new(
            "typeof",
            ANY,
            |_| Ok(DataType::Utf8),
            |call| {
                let name = spark_type(&call.args[0].data_type());
                column(StringArray::from(vec![name; call.rows]))
            },
        )
        .udf(),
        Function::new("coalesce", ANY, coalesce_type, coalesce)
            .aliases(&["nvl", "ifnull"])
            .variadic()
            .required(1)
            .udf(),
        Function::new("struct", ANY, struct_type, make_struct).variadic().udf(),
        Function::new("equal_null", &[Kind::Any, Kind::Any], equal_null_type, equal_null).udf(),
        Function::new(
            "positive",
            &[Kind::NumberOrInterval],
            |given| Ok(given[0].clone()),
            |call| call.column(0),
        )
        .udf(),
        // For plans alone: the value, of which the optimizer knows nothing.
        Function::new("__opaque", ANY, |given| Ok(given[0].clone()), |call| call.column(0))
            .volatile()
            .udf(),
        Function::new("isnull", ANY, boolean, |call| column(is_null(&call.column(0)?)?)).udf(),
        Function::new("isnotnull", ANY, boolean, |call| column(is_not_null(&call.column(0)?)?)).udf(),
        Function::new("isnan", &[Kind::Double], boolean, |call| {
            let values = call.column(0)?;
            let values = values.as_primitive::<Float64Type>();
            // NULL is no NaN: false, not NULL.
            column(
                values
                    .iter()
                    .map(|value| Some(value.is_some_and(f64::is_nan)))
                    .collect::<BooleanArray>(),
            )
        })
        .udf(),
        Function::new(
            "nanvl",
            &[Kind::Number, Kind::Number],
            |given| match given {
                [DataType::Float32, DataType::Float32] => Ok(DataType::Float32),
                _ => Ok(DataType::Float64),
            },
            nanvl,
        )
        .udf(),
        Function::new(
            "assert_true",
            &[Kind::Boolean, Kind::Text],
            |_| Ok(DataType::Null),
            assert_true,
        )
        .required(1)
        .udf(),
        Function::new(
            "raise_error",
            &[Kind::Text],
            |_| Ok(DataType::Null),
            |call| {
                let texts = call.text(0)?;
                match texts.iter().flatten().next() {
                    Some(message) => exec_err!("{message}"),
                    None => exec_err!("null"),
                }
            },
        )
        .volatile()
        .udf(),
    ]);
    all
}

fn nanvl(call: &Call<'_>) -> Result<ArrayRef> {
    let values = cast_array(&call.column(0)?, &DataType::Float64, &call.zone)?;
    let others = cast_array(&call.column(1)?, &DataType::Float64, &call.zone)?;
    let pairs = values
        .as_primitive::<Float64Type>()
        .iter()
        .zip(others.as_primitive::<Float64Type>());
    let chosen = pairs.map(|(value, other)| if value?.is_nan() { other } else { value });
    let chosen: ArrayRef = Arc::new(chosen.collect::<Float64Array>());
    Ok(cast_array(&chosen, call.returns, &call.zone)?)
}

fn coalesce_type(given: &[DataType]) -> Result<DataType> {
    match common_of(given) {
        Some(common) => Ok(common),
        None => {
            let names: Vec<String> = given.iter().map(spark_type).collect();
            plan_err!("function coalesce takes values of one type, not ({})", names.join(", "))
        }
    }
}

/// The first value that is not NULL. Plans use the engine's own, which does not compute what it does not need; this one
/// settles the types while planning.
fn coalesce(call: &Call<'_>) -> Result<ArrayRef> {
    let mut answer = cast_array(&call.column(0)?, call.returns, &call.zone)?;
    for at in 1..call.args.len() {
        if answer.null_count() == 0 {
            break;
        }
        let next = cast_array(&call.column(at)?, call.returns, &call.zone)?;
        answer = zip(&is_not_null(&answer)?, &answer, &next)?;
    }
    Ok(answer)
}

/// Fields without a name of their own are `col1`, `col2` and so on.
fn struct_type(given: &[DataType]) -> Result<DataType> {
    let fields = given
        .iter()
        .enumerate()
        .map(|(at, kind)| Field::new(format!("col{}", at + 1), kind.clone(), true));
    Ok(DataType::Struct(fields.collect()))
}

fn make_struct(call: &Call<'_>) -> Result<ArrayRef> {
    let DataType::Struct(fields) = call.returns else {
        return exec_err!("struct gives a struct");
    };
    let columns = (0..call.args.len())
        .map(|at| call.column(at))
        .collect::<Result<Vec<_>>>()?;
    column(StructArray::try_new_with_length(
        fields.clone(),
        columns,
        None,
        call.rows,
    )?)
}

fn equal_null_type(given: &[DataType]) -> Result<DataType> {
    if comparison_type(&given[0], &given[1]).is_none() {
        let (left, right) = (spark_type(&given[0]), spark_type(&given[1]));
        return plan_err!("equal_null cannot compare {left} and {right}");
    }
    Ok(DataType::Boolean)
}

fn equal_null(call: &Call<'_>) -> Result<ArrayRef> {
    let (left, right) = (call.column(0)?, call.column(1)?);
    let Some(common) = comparison_type(left.data_type(), right.data_type()) else {
        return exec_err!(
            "equal_null cannot compare {} and {}",
            spark_type(left.data_type()),
            spark_type(right.data_type())
        );
    };
    let (left, right) = (
        cast_array(&left, &common, &call.zone)?,
        cast_array(&right, &common, &call.zone)?,
    );
    if common.is_nested() {
        let converter = RowConverter::new(vec![SortField::new(common)])?;
        let (left, right) = (
            converter.convert_columns(&[left])?,
            converter.convert_columns(&[right])?,
        );
        let same = left.iter().zip(right.iter()).map(|(left, right)| Some(left == right));
        return column(same.collect::<BooleanArray>());
    }
    column(not_distinct(&left, &right)?)
}

fn assert_true(call: &Call<'_>) -> Result<ArrayRef> {
    let tests = call.column(0)?;
    let tests = tests.as_boolean();
    match (0..tests.len()).find(|row| tests.is_null(*row) || !tests.value(*row)) {
        Some(row) if call.args.len() > 1 => exec_err!("{}", call.text(1)?.value(row)),
        Some(_) => exec_err!("assert_true: the condition is not true"),
        None => Ok(arrow::array::new_null_array(&DataType::Null, call.rows)),
    }
}

/// `to`, where what is given casts to it.
fn castable(given: &[DataType], to: DataType) -> Result<DataType> {
    if !can_cast(&given[0], &to) {
        return plan_err!("cannot cast {} to {}", spark_type(&given[0]), spark_type(&to));
    }
    Ok(to)
}

/// `int('12')` is `CAST('12' AS INT)`, for every simple type.
fn type_functions() -> Vec<ScalarUDF> {
    fn cast(call: &Call<'_>) -> Result<ArrayRef> {
        Ok(cast_array(&call.column(0)?, call.returns, &call.zone)?)
    }
    vec![
        Function::new("boolean", ANY, |given| castable(given, DataType::Boolean), cast).udf(),
        Function::new("tinyint", ANY, |given| castable(given, DataType::Int8), cast).udf(),
        Function::new("smallint", ANY, |given| castable(given, DataType::Int16), cast).udf(),
        Function::new("int", ANY, |given| castable(given, DataType::Int32), cast).udf(),
        Function::new("bigint", ANY, |given| castable(given, DataType::Int64), cast).udf(),
        Function::new("float", ANY, |given| castable(given, DataType::Float32), cast).udf(),
        Function::new("double", ANY, |given| castable(given, DataType::Float64), cast).udf(),
        Function::new(
            "decimal",
            ANY,
            |given| castable(given, DataType::Decimal128(10, 0)),
            cast,
        )
        .udf(),
        Function::new("string", ANY, |given| castable(given, DataType::Utf8), cast).udf(),
        Function::new("binary", ANY, |given| castable(given, DataType::Binary), cast).udf(),
        Function::new("date", ANY, |given| castable(given, DataType::Date32), cast).udf(),
        Function::new("timestamp", ANY, |given| castable(given, types::timestamp()), cast).udf(),
    ]
}
