//! `split` as Java's `String.split` with a limit.

use arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field, Int32Type};
use datafusion::logical_expr::ScalarUDF;
use fancy_regex::Regex;
use memchr::memmem;

use super::java_regex::Matches;
use super::regexp::Patterns;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::types;

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new(
            "split",
            &[Kind::Text, Kind::Text, Kind::Int],
            |_| Ok(types::list(DataType::Utf8)),
            split,
        )
        .required(2)
        .udf(),
    ]
}

fn split(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let patterns = Patterns::of(call, 1)?;
    let pattern_texts = call.text(1)?;
    let limits = if call.args.len() > 2 {
        Some(call.column(2)?)
    } else {
        None
    };
    // Most separators are plain text, which is found without a regular expression.
    let literal = call.constant_text(1).flatten().and_then(literal_of);
    let finder = literal.as_ref().map(|text| memmem::Finder::new(text.as_bytes()));
    let mut builder = ListBuilder::new(StringBuilder::with_capacity(texts.len() * 2, texts.value_data().len()))
        .with_field(Field::new_list_field(DataType::Utf8, true));
    for (row, text) in texts.iter().enumerate() {
        let limit = match &limits {
            Some(limits) if limits.is_null(row) => None,
            Some(limits) => Some(limits.as_primitive::<Int32Type>().value(row)),
            None => Some(-1),
        };
        let (Some(text), Some(pattern), Some(limit)) = (text, patterns.get(row)?, limit) else {
            builder.append_null();
            continue;
        };
        // No limit and a limit of zero both keep empty parts at the end.
        let limit = usize::try_from(limit)
            .ok()
            .filter(|limit| *limit > 0)
            .unwrap_or(usize::MAX);
        let values = builder.values();
        if let (Some(finder), Some(literal)) = (&finder, &literal) {
            let mut from = 0;
            for at in finder.find_iter(text.as_bytes()).take(limit - 1) {
                values.append_value(&text[from..at]);
                from = at + literal.len();
            }
            values.append_value(&text[from..]);
            builder.append(true);
            continue;
        }
        split_text(text, &pattern, pattern_texts.value(row).is_empty(), limit, |part| {
            values.append_value(part);
        })?;
        builder.append(true);
    }
    column(builder.finish())
}

/// The text a pattern stands for, when it is one: no sign of a regular expression in it but escaped punctuation.
fn literal_of(pattern: &str) -> Option<String> {
    let mut literal = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        literal.push(match c {
            '\\' => chars.next().filter(char::is_ascii_punctuation)?,
            '.' | '[' | ']' | '{' | '}' | '(' | ')' | '*' | '+' | '?' | '^' | '$' | '|' => return None,
            plain => plain,
        });
    }
    (!literal.is_empty()).then_some(literal)
}

/// The parts of a text between the matches of a pattern, at most `limit` of them, the last with all that is left.
pub fn split_text(
    text: &str,
    pattern: &Regex,
    is_empty_pattern: bool,
    limit: usize,
    mut part: impl FnMut(&str),
) -> Result<()> {
    if is_empty_pattern && !text.is_empty() {
        // An empty pattern gives the characters; what lies behind the limit is dropped.
        let mut buffer = [0u8; 4];
        text.chars().take(limit).for_each(|c| part(c.encode_utf8(&mut buffer)));
        return Ok(());
    }
    let mut from = 0;
    let mut parts = 1;
    for found in Matches::new(pattern, text) {
        if parts >= limit {
            break;
        }
        // A match of nothing at the start parts nothing.
        let found = found?;
        let Some(found) = found.get(0).filter(|found| found.end() > 0) else {
            continue;
        };
        part(&text[from..found.start()]);
        from = found.end();
        parts += 1;
    }
    part(&text[from..]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::literal_of;

    #[test]
    fn plain_separators_are_told_from_patterns() {
        assert_eq!(literal_of(", ").as_deref(), Some(", "));
        assert_eq!(literal_of("\\|").as_deref(), Some("|"));
        assert_eq!(literal_of("é-").as_deref(), Some("é-"));
        for pattern in ["", ".", "a|b", "\\d", "\\", "x*", "[,]", "\\Q.\\E"] {
            assert_eq!(literal_of(pattern), None, "{pattern}");
        }
    }
}
