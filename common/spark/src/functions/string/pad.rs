//! `lpad` and `rpad` of texts, in characters, and of binaries, in bytes.

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, Int32Array, StringBuilder};
use arrow::datatypes::{DataType, Int32Type};
use datafusion::logical_expr::ScalarUDF;

use crate::functions::kernel::{Call, Function, Kind, Result, column};

const KINDS: &[Kind] = &[Kind::TextOrBinary, Kind::Int, Kind::TextOrBinary];

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new("lpad", KINDS, padded_type, |call| pad(call, true))
            .required(2)
            .udf(),
        Function::new("rpad", KINDS, padded_type, |call| pad(call, false))
            .required(2)
            .udf(),
    ]
}

/// BINARY stays BINARY when what it is filled up with is binary too.
fn padded_type(given: &[DataType]) -> Result<DataType> {
    Ok(match given {
        [DataType::Binary, _] | [DataType::Binary, _, DataType::Binary] => DataType::Binary,
        _ => DataType::Utf8,
    })
}

fn pad(call: &Call<'_>, left: bool) -> Result<ArrayRef> {
    let lengths = call.column(1)?;
    let lengths = lengths.as_primitive::<Int32Type>();
    match call.returns {
        DataType::Binary => pad_bytes(call, lengths, left),
        _ => pad_texts(call, lengths, left),
    }
}

fn pad_bytes(call: &Call<'_>, lengths: &Int32Array, left: bool) -> Result<ArrayRef> {
    let values = call.column(0)?;
    let values = values.as_binary::<i32>();
    let fills = if call.args.len() > 2 {
        Some(call.column(2)?)
    } else {
        None
    };
    let fills = fills.as_ref().map(|fills| fills.as_binary::<i32>());
    let mut builder = BinaryBuilder::with_capacity(values.len(), values.value_data().len());
    let mut buffer = Vec::new();
    for row in 0..values.len() {
        if values.is_null(row) || lengths.is_null(row) || fills.is_some_and(|fills| fills.is_null(row)) {
            builder.append_null();
            continue;
        }
        let value = values.value(row);
        let fill = fills.map_or(&[0u8][..], |fills| fills.value(row));
        let length = lengths.value(row).max(0) as usize;
        let missing = length.saturating_sub(value.len());
        let filling = fill.iter().cycle().take(missing).copied();
        let kept = &value[..value.len().min(length)];
        buffer.clear();
        if left {
            buffer.extend(filling);
            buffer.extend_from_slice(kept);
        } else {
            buffer.extend_from_slice(kept);
            buffer.extend(filling);
        }
        builder.append_value(&buffer);
    }
    column(builder.finish())
}

fn pad_texts(call: &Call<'_>, lengths: &Int32Array, left: bool) -> Result<ArrayRef> {
    let texts = crate::cast::cast_array(&call.column(0)?, &DataType::Utf8, &call.zone)?;
    let texts = texts.as_string::<i32>();
    let fills = match call.args.len() {
        0..=2 => None,
        _ => Some(crate::cast::cast_array(&call.column(2)?, &DataType::Utf8, &call.zone)?),
    };
    let fills = fills.as_ref().map(|fills| fills.as_string::<i32>());
    let mut builder = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
    let mut buffer = String::new();
    for row in 0..texts.len() {
        if texts.is_null(row) || lengths.is_null(row) || fills.is_some_and(|fills| fills.is_null(row)) {
            builder.append_null();
            continue;
        }
        let text = texts.value(row);
        let fill = fills.map_or(" ", |fills| fills.value(row));
        let length = lengths.value(row).max(0) as usize;
        let missing = length.saturating_sub(text.chars().count());
        let kept = text.char_indices().nth(length).map_or(text, |(at, _)| &text[..at]);
        let filling = fill.chars().cycle().take(missing);
        buffer.clear();
        if left {
            buffer.extend(filling);
            buffer.push_str(kept);
        } else {
            buffer.push_str(kept);
            buffer.extend(filling);
        }
        builder.append_value(&buffer);
    }
    column(builder.finish())
}
