//! `concat` of texts, bytes and arrays; also the operator `||`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, StringArray};
use arrow::compute::kernels::concat_elements;
use arrow::datatypes::DataType;
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;

use crate::coerce::common_of;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::type_name::spark_type;

pub fn concat_udf() -> ScalarUDF {
    Function::new("concat", &[Kind::Any], concat_type, concat)
        .variadic()
        .udf()
}

fn concat_type(given: &[DataType]) -> Result<DataType> {
    if given.is_empty() {
        return Ok(DataType::Utf8);
    }
    if given.iter().any(|of| matches!(of, DataType::List(_))) {
        let all_lists = given.iter().all(|of| matches!(of, DataType::List(_)));
        return match common_of(given).filter(|_| all_lists) {
            Some(common @ DataType::List(_)) => Ok(common),
            _ => {
                let names: Vec<String> = given.iter().map(spark_type).collect();
                plan_err!(
                    "function concat takes texts, binaries or arrays of one kind, not ({})",
                    names.join(", ")
                )
            }
        };
    }
    if given.iter().all(|of| of == &DataType::Binary) {
        return Ok(DataType::Binary);
    }
    match given.iter().find(|of| of.is_nested()) {
        Some(nested) => plan_err!(
            "function concat takes texts, binaries or arrays, not {}",
            spark_type(nested)
        ),
        None => Ok(DataType::Utf8),
    }
}

fn concat(call: &Call<'_>) -> Result<ArrayRef> {
    let mut parts = Vec::with_capacity(call.args.len());
    for at in 0..call.args.len() {
        parts.push(crate::cast::cast_array(&call.column(at)?, call.returns, &call.zone)?);
    }
    match call.returns {
        DataType::List(_) => concat_lists(&parts, call),
        DataType::Binary => {
            let mut builder = BinaryBuilder::new();
            let mut buffer = Vec::new();
            for row in 0..call.rows {
                buffer.clear();
                if parts.iter().any(|part| part.is_null(row)) {
                    builder.append_null();
                    continue;
                }
                for part in &parts {
                    buffer.extend_from_slice(part.as_binary::<i32>().value(row));
                }
                builder.append_value(&buffer);
            }
            column(builder.finish())
        }
        _ => {
            let texts: Vec<&StringArray> = parts.iter().map(|part| part.as_string::<i32>()).collect();
            if texts.is_empty() {
                return column(StringArray::from(vec![""; call.rows]));
            }
            column(concat_elements::concat_elements_utf8_many(&texts)?)
        }
    }
}

fn concat_lists(parts: &[ArrayRef], call: &Call<'_>) -> Result<ArrayRef> {
    use arrow::array::{ListArray, MutableArrayData};
    use arrow::buffer::{NullBuffer, OffsetBuffer};
    let DataType::List(field) = call.returns else {
        return plan_err!("concat of arrays gives an array");
    };
    let lists: Vec<&ListArray> = parts.iter().map(|part| part.as_list::<i32>()).collect();
    let values: Vec<_> = lists.iter().map(|list| list.values().to_data()).collect();
    let mut merged = MutableArrayData::new(values.iter().collect(), true, 0);
    let mut lengths = Vec::with_capacity(call.rows);
    let nulls = lists.iter().fold(None, |nulls: Option<NullBuffer>, list| {
        NullBuffer::union(nulls.as_ref(), list.nulls())
    });
    for row in 0..call.rows {
        let mut length = 0;
        if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
            for (at, list) in lists.iter().enumerate() {
                let (from, until) = (
                    list.value_offsets()[row] as usize,
                    list.value_offsets()[row + 1] as usize,
                );
                merged.try_extend(at, from, until)?;
                length += until - from;
            }
        }
        lengths.push(length);
    }
    let values = arrow::array::make_array(merged.freeze());
    column(ListArray::try_new(
        Arc::clone(field),
        OffsetBuffer::from_lengths(lengths),
        values,
        nulls,
    )?)
}
