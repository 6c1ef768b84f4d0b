//! The JSON functions of SQL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, ListBuilder, StringArray, StringBuilder, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;

use super::from_json::{SchemaFunction, decode_json, json_options, pairs_of};
use super::path::{Path, array_length, members, object_keys};
use super::write::Writer;
use super::{infer_type, type_text};
use crate::ddl;
use crate::functions::{Call, Function, Kind, Result};

/// Returns `from_json`, `to_json`, `get_json_object`, `json_tuple`, `schema_of_json`, `json_array_length` and
/// `json_object_keys`.
///
/// `json_tuple` gives a struct with the fields `c0`, `c1`, ..; the planner turns them into columns. The schema of `from_json`
/// has to be a literal: a planner evaluates `schema_of_json('..')` beforehand with [`infer_type`] and [`type_text`].
pub fn udfs() -> Vec<ScalarUDF> {
    vec![
        ScalarUDF::new_from_impl(SchemaFunction::new("from_json", decode_json)),
        Function::new("to_json", &[Kind::Any, Kind::Map], to_json_type, to_json)
            .required(1)
            .udf(),
        Function::new(
            "get_json_object",
            &[Kind::Text, Kind::Text],
            |_| Ok(DataType::Utf8),
            get_json_object,
        )
        .udf(),
        Function::new(
            "json_tuple",
            &[Kind::Text, Kind::Text, Kind::Text],
            json_tuple_type,
            json_tuple,
        )
        .variadic()
        .required(2)
        .udf(),
        Function::new(
            "schema_of_json",
            &[Kind::Text, Kind::Map],
            |_| Ok(DataType::Utf8),
            schema_of_json,
        )
        .required(1)
        .udf(),
        Function::new(
            "json_array_length",
            &[Kind::Text],
            |_| Ok(DataType::Int32),
            json_array_length,
        )
        .udf(),
        Function::new(
            "json_object_keys",
            &[Kind::Text],
            |_| Ok(ddl::array_of(DataType::Utf8)),
            json_object_keys,
        )
        .udf(),
    ]
}

fn to_json_type(given: &[DataType]) -> Result<DataType> {
    match given.first() {
        Some(DataType::Struct(_) | DataType::List(_) | DataType::Map(..) | DataType::Null) => Ok(DataType::Utf8),
        _ => plan_err!("to_json: expected a struct, an array or a map"),
    }
}

/// The options in an argument that may be left out.
pub(crate) fn call_options(call: &Call<'_>, at: usize) -> Result<Vec<(String, String)>> {
    if call.args.len() > at {
        pairs_of(&call.column(at)?)
    } else {
        Ok(Vec::new())
    }
}

/// What to do with bad records matters to reading only.
fn modeless(mut options: Vec<(String, String)>) -> Vec<(String, String)> {
    options.retain(|(name, _)| !name.eq_ignore_ascii_case("mode"));
    options
}

fn to_json(call: &Call<'_>) -> Result<ArrayRef> {
    let mut writer = Writer::new(&json_options(&modeless(call_options(call, 1)?), call.zone)?)?;
    let column = call.column(0)?;
    let mut text = Vec::new();
    let mut builder = StringBuilder::with_capacity(column.len(), column.len() * 64);
    for row in 0..column.len() {
        if column.data_type().is_null() || column.is_null(row) {
            builder.append_null();
            continue;
        }
        text.clear();
        writer.push(&column, row, 0, &mut text);
        builder.append_value(String::from_utf8_lossy(&text));
    }
    Ok(Arc::new(builder.finish()))
}

fn get_json_object(call: &Call<'_>) -> Result<ArrayRef> {
    let (documents, paths) = (call.text(0)?, call.text(1)?);
    let constant = call.constant_text(1).map(|text| text.and_then(Path::parse));
    let mut found = Vec::new();
    let mut builder = StringBuilder::new();
    for row in 0..documents.len() {
        found.clear();
        let document = (!documents.is_null(row)).then(|| documents.value(row).as_bytes());
        let hit = match (&constant, document) {
            (_, None) => false,
            (Some(path), Some(document)) => path.as_ref().is_some_and(|p| p.find(document, &mut found)),
            (None, Some(document)) if paths.is_valid(row) => {
                Path::parse(paths.value(row)).is_some_and(|p| p.find(document, &mut found))
            }
            (None, Some(_)) => false,
        };
        builder.append_option(hit.then(|| String::from_utf8_lossy(&found)));
    }
    Ok(Arc::new(builder.finish()))
}

fn json_tuple_type(given: &[DataType]) -> Result<DataType> {
    if given.len() < 2 {
        return plan_err!("json_tuple: expected the text and at least one name");
    }
    let fields = (0..given.len() - 1).map(|at| Field::new(format!("c{at}"), DataType::Utf8, true));
    Ok(DataType::Struct(fields.collect()))
}

fn json_tuple(call: &Call<'_>) -> Result<ArrayRef> {
    let documents = call.text(0)?;
    let names = (1..call.args.len())
        .map(|at| call.text(at))
        .collect::<Result<Vec<_>>>()?;
    let mut builders: Vec<_> = names.iter().map(|_| StringBuilder::new()).collect();
    for row in 0..documents.len() {
        let wanted: Vec<_> = names
            .iter()
            .map(|n| n.is_valid(row).then(|| n.value(row).as_bytes()))
            .collect();
        let found = match documents.is_valid(row) {
            true => members(documents.value(row).as_bytes(), &wanted),
            false => vec![None; names.len()],
        };
        for (builder, value) in builders.iter_mut().zip(&found) {
            builder.append_option(value.as_deref().map(String::from_utf8_lossy));
        }
    }
    let DataType::Struct(fields) = call.returns else {
        return plan_err!("json_tuple: expected a struct as result");
    };
    let columns = builders.iter_mut().map(|b| Arc::new(b.finish()) as ArrayRef).collect();
    Ok(Arc::new(StructArray::try_new(Fields::clone(fields), columns, None)?))
}

fn schema_of_json(call: &Call<'_>) -> Result<ArrayRef> {
    let options = json_options(&modeless(call_options(call, 1)?), call.zone)?;
    let infer = |text: Option<&str>| text.map(|t| Ok(type_text(&infer_type(t, &options)?))).transpose();
    let schemas = call.text(0)?.iter().map(infer).collect::<Result<StringArray>>()?;
    Ok(Arc::new(schemas))
}

fn json_array_length(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    Ok(Arc::new(
        texts
            .iter()
            .map(|text| array_length(text?.as_bytes()))
            .collect::<Int32Array>(),
    ))
}

fn json_object_keys(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let mut builder = ListBuilder::new(StringBuilder::new());
    for text in texts.iter() {
        match text.and_then(|t| object_keys(t.as_bytes())) {
            Some(keys) => {
                keys.iter()
                    .for_each(|key| builder.values().append_value(String::from_utf8_lossy(key)));
                builder.append(true);
            }
            None => builder.append(false),
        }
    }
    Ok(Arc::new(builder.finish()))
}
