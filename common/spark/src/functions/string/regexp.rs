//! Functions of regular expressions.

use std::rc::Rc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListBuilder, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Int32Type};
use datafusion::common::{exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;
use fancy_regex::Regex;

use super::java_regex::{Matches, Replacement, compile};
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::types;

const TEXT_PATTERN: &[Kind] = &[Kind::Text, Kind::Text];
const TEXT_PATTERN_GROUP: &[Kind] = &[Kind::Text, Kind::Text, Kind::Int];

pub fn functions() -> Vec<ScalarUDF> {
    let utf8 = |_: &[DataType]| Ok(DataType::Utf8);
    let int = |_: &[DataType]| Ok(DataType::Int32);
    vec![
        Function::new("rlike", TEXT_PATTERN, |_| Ok(DataType::Boolean), rlike)
            .aliases(&["regexp_like", "regexp"])
            .udf(),
        Function::new(
            "regexp_replace",
            &[Kind::Text, Kind::Text, Kind::Text, Kind::Int],
            utf8,
            replace,
        )
        .required(3)
        .udf(),
        Function::new("regexp_extract", TEXT_PATTERN_GROUP, utf8, extract)
            .required(2)
            .udf(),
        Function::new(
            "regexp_extract_all",
            TEXT_PATTERN_GROUP,
            |_| Ok(types::list(DataType::Utf8)),
            extract_all,
        )
        .required(2)
        .udf(),
        Function::new("regexp_substr", TEXT_PATTERN, utf8, substr).udf(),
        Function::new("regexp_count", TEXT_PATTERN, int, count).udf(),
        Function::new("regexp_instr", TEXT_PATTERN_GROUP, int, instr)
            .required(2)
            .udf(),
    ]
}

/// The pattern of each row; one that is the same for all rows is compiled once.
pub struct Patterns {
    constant: Option<Rc<Regex>>,
    texts: StringArray,
}

impl Patterns {
    pub fn of(call: &Call<'_>, at: usize) -> Result<Self> {
        let constant = match call.constant_text(at) {
            Some(Some(pattern)) => Some(compile(pattern)?),
            _ => None,
        };
        Ok(Self {
            constant,
            texts: call.text(at)?,
        })
    }

    /// One pattern for all rows.
    pub fn same(pattern: &str) -> Result<Self> {
        Ok(Self {
            constant: Some(compile(pattern)?),
            texts: StringArray::new_null(0),
        })
    }

    pub fn get(&self, row: usize) -> Result<Option<Rc<Regex>>> {
        match &self.constant {
            Some(pattern) => Ok(Some(Rc::clone(pattern))),
            None if self.texts.is_null(row) => Ok(None),
            None => compile(self.texts.value(row)).map(Some),
        }
    }
}

fn failed(error: fancy_regex::Error) -> datafusion::common::DataFusionError {
    exec_datafusion_err!("regular expression: {error}")
}

fn rlike(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let patterns = Patterns::of(call, 1)?;
    let mut answers = Vec::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        answers.push(match (text, patterns.get(row)?) {
            (Some(text), Some(pattern)) => Some(pattern.is_match(text).map_err(failed)?),
            _ => None,
        });
    }
    column(BooleanArray::from(answers))
}

fn replace(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let patterns = Patterns::of(call, 1)?;
    let replacements = call.text(2)?;
    let from = if call.args.len() > 3 {
        Some(call.column(3)?)
    } else {
        None
    };
    let mut constant: Option<Replacement> = None;
    let is_constant = call.constant(2).is_some() && patterns.constant.is_some();
    let mut builder = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
    let mut buffer = String::new();
    for (row, text) in texts.iter().enumerate() {
        let replacement = replacements.is_valid(row).then(|| replacements.value(row));
        let start = match &from {
            Some(from) if from.is_null(row) => None,
            Some(from) => Some(from.as_primitive::<Int32Type>().value(row)),
            None => Some(1),
        };
        let (Some(text), Some(pattern), Some(replacement), Some(start)) =
            (text, patterns.get(row)?, replacement, start)
        else {
            builder.append_null();
            continue;
        };
        let skipped = text
            .char_indices()
            .nth((start.max(1) - 1) as usize)
            .map_or(text.len(), |(at, _)| at);
        let fresh;
        let expansion = if is_constant {
            &*constant.get_or_insert_with(|| Replacement::parse(replacement, pattern.captures_len() - 1))
        } else {
            fresh = Replacement::parse(replacement, pattern.captures_len() - 1);
            &fresh
        };
        buffer.clear();
        let mut copied = 0;
        for found in Matches::new(&pattern, &text[skipped..]) {
            let found = found?;
            if let Some(whole) = found.get(0) {
                buffer.push_str(&text[copied..skipped + whole.start()]);
                expansion.expand(&found, &mut buffer)?;
                copied = skipped + whole.end();
            }
        }
        buffer.push_str(&text[copied..]);
        builder.append_value(&buffer);
    }
    column(builder.finish())
}

/// The group asked for in each row; group 1 when none is named.
fn groups(call: &Call<'_>) -> Result<Int32Array> {
    if call.args.len() > 2 {
        Ok(call.column(2)?.as_primitive::<Int32Type>().clone())
    } else {
        Ok(Int32Array::from(vec![1; call.rows]))
    }
}

fn checked_group(pattern: &Regex, group: i32) -> Result<usize> {
    let last = pattern.captures_len() - 1;
    match usize::try_from(group) {
        Ok(group) if group <= last => Ok(group),
        _ => exec_err!("the regular expression has {last} groups, but group {group} was asked for"),
    }
}

fn extract(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let patterns = Patterns::of(call, 1)?;
    let groups = groups(call)?;
    let mut builder = StringBuilder::with_capacity(texts.len(), texts.len() * 8);
    for ((row, text), group) in texts.iter().enumerate().zip(&groups) {
        let (Some(text), Some(pattern), Some(group)) = (text, patterns.get(row)?, group) else {
            builder.append_null();
            continue;
        };
        let found = pattern.captures(text).map_err(failed)?;
        let part = match &found {
            Some(found) => found.get(checked_group(&pattern, group)?),
            None => None,
        };
        builder.append_value(part.map_or("", |part| part.as_str()));
    }
    column(builder.finish())
}

fn extract_all(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let patterns = Patterns::of(call, 1)?;
    let groups = groups(call)?;
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(Field::new_list_field(DataType::Utf8, true));
    for ((row, text), group) in texts.iter().enumerate().zip(&groups) {
        let (Some(text), Some(pattern), Some(group)) = (text, patterns.get(row)?, group) else {
            builder.append_null();
            continue;
        };
        for found in Matches::new(&pattern, text) {
            let found = found?;
            let group = checked_group(&pattern, group)?;
            builder
                .values()
                .append_value(found.get(group).map_or("", |found| found.as_str()));
        }
        builder.append(true);
    }
    column(builder.finish())
}

fn substr(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let patterns = Patterns::of(call, 1)?;
    let mut builder = StringBuilder::new();
    for (row, text) in texts.iter().enumerate() {
        match (text, patterns.get(row)?) {
            (Some(text), Some(pattern)) => {
                builder.append_option(pattern.find(text).map_err(failed)?.map(|found| found.as_str()));
            }
            _ => builder.append_null(),
        }
    }
    column(builder.finish())
}

fn count(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let patterns = Patterns::of(call, 1)?;
    let mut counts = Vec::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        counts.push(match (text, patterns.get(row)?) {
            (Some(text), Some(pattern)) => Some(Matches::new(&pattern, text).count() as i32),
            _ => None,
        });
    }
    column(Int32Array::from(counts))
}

fn instr(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let patterns = Patterns::of(call, 1)?;
    let mut positions = Vec::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        positions.push(match (text, patterns.get(row)?) {
            (Some(text), Some(pattern)) => match pattern.find(text).map_err(failed)? {
                Some(found) => Some(text[..found.start()].chars().count() as i32 + 1),
                None => Some(0),
            },
            _ => None,
        });
    }
    column(Int32Array::from(positions))
}
