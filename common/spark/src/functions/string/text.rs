//! Cutting, joining and searching text. Positions count characters from 1.

use std::sync::LazyLock;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray, Int32Array, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use regex::RegexSet;

use super::search::characters;
use crate::cast::cast_array;
use crate::functions::kernel::{Call, Function, Kind, Result, column};

const TEXT: &[Kind] = &[Kind::Text];
const TWO_OF_EITHER: &[Kind] = &[Kind::TextOrBinary, Kind::TextOrBinary];

pub fn functions() -> Vec<ScalarUDF> {
    let utf8 = |_: &[DataType]| Ok(DataType::Utf8);
    let int = |_: &[DataType]| Ok(DataType::Int32);
    let boolean = |_: &[DataType]| Ok(DataType::Boolean);
    vec![
        super::concat::concat_udf(),
        Function::new("upper", TEXT, utf8, |call| {
            map_text(call, |text, out| {
                recased(text, u8::to_ascii_uppercase, str::to_uppercase, out)
            })
        })
        .aliases(&["ucase"])
        .udf(),
        Function::new("lower", TEXT, utf8, |call| {
            map_text(call, |text, out| {
                recased(text, u8::to_ascii_lowercase, str::to_lowercase, out)
            })
        })
        .aliases(&["lcase"])
        .udf(),
        Function::new("initcap", TEXT, utf8, |call| map_text(call, initcap)).udf(),
        Function::new("left", &[Kind::TextOrBinary, Kind::Int], first_type, left).udf(),
        Function::new("right", &[Kind::Text, Kind::Int], utf8, right).udf(),
        Function::new("replace", &[Kind::Text, Kind::Text, Kind::Text], utf8, replace)
            .required(2)
            .udf(),
        Function::new("repeat", &[Kind::Text, Kind::Int], utf8, repeat).udf(),
        Function::new("space", &[Kind::Int], utf8, space).udf(),
        Function::new("startswith", TWO_OF_EITHER, boolean, |call| {
            test_pair(call, |text, with| text.starts_with(with), <[u8]>::starts_with)
        })
        .udf(),
        Function::new("endswith", TWO_OF_EITHER, boolean, |call| {
            test_pair(call, |text, with| text.ends_with(with), <[u8]>::ends_with)
        })
        .udf(),
        Function::new("contains", TWO_OF_EITHER, boolean, |call| {
            test_pair(call, |text, with| text.contains(with), contains_bytes)
        })
        .udf(),
        Function::new("length", &[Kind::TextOrBinary], int, length)
            .aliases(&["len", "char_length", "character_length"])
            .udf(),
        Function::new(
            "substring",
            &[Kind::TextOrBinary, Kind::Int, Kind::Int],
            first_type,
            substring,
        )
        .aliases(&["substr"])
        .required(2)
        .udf(),
        Function::new(
            "substring_index",
            &[Kind::Text, Kind::Text, Kind::Int],
            utf8,
            substring_index,
        )
        .udf(),
        Function::new("chr", &[Kind::Long], utf8, chr).aliases(&["char"]).udf(),
        Function::new(
            "mask",
            &[Kind::Text, Kind::Text, Kind::Text, Kind::Text, Kind::Text],
            utf8,
            mask,
        )
        .required(1)
        .udf(),
    ]
}

fn first_type(given: &[DataType]) -> Result<DataType> {
    Ok(given.first().cloned().unwrap_or(DataType::Utf8))
}

/// Applies a function that appends its answer to a buffer shared by all rows.
pub fn map_text(call: &Call<'_>, write: impl Fn(&str, &mut String)) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let mut builder = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
    let mut buffer = String::new();
    for text in &texts {
        match text {
            Some(text) => {
                buffer.clear();
                write(text, &mut buffer);
                builder.append_value(&buffer);
            }
            None => builder.append_null(),
        }
    }
    column(builder.finish())
}

/// Tests pairs of texts, or of binaries when both are.
fn test_pair(
    call: &Call<'_>,
    test: impl Fn(&str, &str) -> bool,
    test_bytes: fn(&[u8], &[u8]) -> bool,
) -> Result<ArrayRef> {
    let (left, right) = (call.column(0)?, call.column(1)?);
    if let (Some(left), Some(right)) = (left.as_binary_opt::<i32>(), right.as_binary_opt::<i32>()) {
        let pairs = left.iter().zip(right);
        return column(
            pairs
                .map(|(left, right)| Some(test_bytes(left?, right?)))
                .collect::<BooleanArray>(),
        );
    }
    let text = |values| cast_array(values, &DataType::Utf8, &call.zone);
    let (left, right) = (text(&left)?, text(&right)?);
    let pairs = left.as_string::<i32>().iter().zip(right.as_string::<i32>());
    column(
        pairs
            .map(|(left, right)| Some(test(left?, right?)))
            .collect::<BooleanArray>(),
    )
}

fn contains_bytes(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}

/// Changes the case of a text, without an allocation when it is ASCII.
fn recased(text: &str, ascii: fn(&u8) -> u8, any: fn(&str) -> String, out: &mut String) {
    if text.is_ascii() {
        out.extend(text.bytes().map(|byte| char::from(ascii(&byte))));
    } else {
        out.push_str(&any(text));
    }
}

/// Only blanks part words; the whole text becomes small before each word gets its first letter.
fn initcap(text: &str, out: &mut String) {
    let mut first = true;
    let mut begin = |c: char| {
        let shown = if first { title_case(c) } else { c };
        first = c == ' ';
        shown
    };
    if text.is_ascii() {
        out.extend(text.chars().map(|c| begin(c.to_ascii_lowercase())));
    } else {
        out.extend(text.to_lowercase().chars().map(begin));
    }
}

/// The letter as a word begins with it: always one letter.
fn title_case(c: char) -> char {
    match c {
        '\u{1C4}'..='\u{1C6}' => '\u{1C5}',
        '\u{1C7}'..='\u{1C9}' => '\u{1C8}',
        '\u{1CA}'..='\u{1CC}' => '\u{1CB}',
        '\u{1F1}'..='\u{1F3}' => '\u{1F2}',
        other => {
            let mut upper = other.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(one), None) => one,
                _ => other,
            }
        }
    }
}

/// The byte offset behind the first `count` characters.
pub(super) fn char_offset(text: &str, count: usize) -> usize {
    if text.is_ascii() {
        return count.min(text.len());
    }
    text.char_indices().nth(count).map_or(text.len(), |(at, _)| at)
}

fn left(call: &Call<'_>) -> Result<ArrayRef> {
    if let Some(bytes) = call.column(0)?.as_binary_opt::<i32>() {
        let counts = call.column(1)?;
        let counts = counts.as_primitive::<arrow::datatypes::Int32Type>();
        let cut = bytes.iter().zip(counts).map(|(bytes, count)| {
            let (bytes, count) = (bytes?, count?.max(0) as usize);
            Some(&bytes[..count.min(bytes.len())])
        });
        return column(cut.collect::<arrow::array::BinaryArray>());
    }
    with_count(call, |text, count| match usize::try_from(count) {
        Ok(count) => &text[..char_offset(text, count)],
        Err(_) => "",
    })
}

fn right(call: &Call<'_>) -> Result<ArrayRef> {
    with_count(call, |text, count| match usize::try_from(count) {
        Ok(0) | Err(_) => "",
        Ok(count) => {
            let length = text.chars().count();
            &text[char_offset(text, length.saturating_sub(count))..]
        }
    })
}

fn with_count(call: &Call<'_>, part: impl for<'t> Fn(&'t str, i32) -> &'t str) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let counts = call.column(1)?;
    let counts = counts.as_primitive::<arrow::datatypes::Int32Type>();
    column(
        texts
            .iter()
            .zip(counts)
            .map(|(text, count)| Some(part(text?, count?)))
            .collect::<StringArray>(),
    )
}

fn replace(call: &Call<'_>) -> Result<ArrayRef> {
    let (texts, search) = (call.text(0)?, call.text(1)?);
    let by = if call.args.len() > 2 {
        call.text(2)?
    } else {
        StringArray::from(vec![""; call.rows])
    };
    let mut builder = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
    for ((text, search), by) in texts.iter().zip(&search).zip(&by) {
        match (text, search, by) {
            (Some(text), Some(""), Some(_)) => builder.append_value(text),
            (Some(text), Some(search), Some(by)) => builder.append_value(text.replace(search, by)),
            _ => builder.append_null(),
        }
    }
    column(builder.finish())
}

fn repeat(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let counts = call.column(1)?;
    let counts = counts.as_primitive::<arrow::datatypes::Int32Type>();
    let repeated = texts
        .iter()
        .zip(counts)
        .map(|(text, count)| Some(text?.repeat(count?.max(0) as usize)));
    column(repeated.collect::<StringArray>())
}

fn space(call: &Call<'_>) -> Result<ArrayRef> {
    let counts = call.column(0)?;
    let counts = counts.as_primitive::<arrow::datatypes::Int32Type>();
    column(
        counts
            .iter()
            .map(|count| Some(" ".repeat(count?.max(0) as usize)))
            .collect::<StringArray>(),
    )
}

fn char_length(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    column(texts.iter().map(|text| Some(characters(text?))).collect::<Int32Array>())
}

fn length(call: &Call<'_>) -> Result<ArrayRef> {
    let value = call.column(0)?;
    match value.as_binary_opt::<i32>() {
        Some(bytes) => column(
            bytes
                .iter()
                .map(|bytes| Some(bytes?.len() as i32))
                .collect::<Int32Array>(),
        ),
        None => char_length(call),
    }
}

/// The half-open range of units a SQL substring covers in a text of `length` units.
fn slice_range(length: usize, position: i32, count: Option<i32>) -> (usize, usize) {
    let length = length as i64;
    let start = match position {
        0 => 0,
        position if position > 0 => i64::from(position) - 1,
        position => length + i64::from(position),
    };
    let until = count.map_or(i64::from(i32::MAX), |count| start + i64::from(count));
    let (from, until) = (start.clamp(0, length), until.clamp(0, length));
    (from as usize, until.max(from) as usize)
}

fn substring(call: &Call<'_>) -> Result<ArrayRef> {
    let value = call.column(0)?;
    let positions = call.column(1)?;
    let positions = positions.as_primitive::<arrow::datatypes::Int32Type>();
    let counts = if call.args.len() > 2 {
        Some(call.column(2)?)
    } else {
        None
    };
    let counts = counts
        .as_ref()
        .map(|counts| counts.as_primitive::<arrow::datatypes::Int32Type>());
    let range = |row: usize, length: usize| -> Option<(usize, usize)> {
        if positions.is_null(row) || counts.is_some_and(|counts| counts.is_null(row)) {
            return None;
        }
        Some(slice_range(
            length,
            positions.value(row),
            counts.map(|counts| counts.value(row)),
        ))
    };
    if let Some(bytes) = value.as_binary_opt::<i32>() {
        let mut builder = BinaryBuilder::with_capacity(bytes.len(), bytes.value_data().len());
        for (row, bytes) in bytes.iter().enumerate() {
            builder.append_option(
                bytes.and_then(|bytes| range(row, bytes.len()).map(|(from, until)| &bytes[from..until])),
            );
        }
        return column(builder.finish());
    }
    let texts = call.text(0)?;
    let cut = texts.iter().enumerate().map(|(row, text)| {
        let text = text?;
        let length = if text.is_ascii() {
            text.len()
        } else {
            text.chars().count()
        };
        let (from, until) = range(row, length)?;
        let start = char_offset(text, from);
        Some(&text[start..start + char_offset(&text[start..], until - from)])
    });
    column(cut.collect::<StringArray>())
}

fn substring_index(call: &Call<'_>) -> Result<ArrayRef> {
    let (texts, delimiters) = (call.text(0)?, call.text(1)?);
    let counts = call.column(2)?;
    let counts = counts.as_primitive::<arrow::datatypes::Int32Type>();
    let cut = texts
        .iter()
        .zip(&delimiters)
        .zip(counts)
        .map(|((text, delimiter), count)| {
            let (text, delimiter, count) = (text?, delimiter?, count?);
            if delimiter.is_empty() || count == 0 {
                return Some("");
            }
            let nth = count.unsigned_abs() as usize - 1;
            Some(if count > 0 {
                text.match_indices(delimiter)
                    .nth(nth)
                    .map_or(text, |(at, _)| &text[..at])
            } else {
                text.rmatch_indices(delimiter)
                    .nth(nth)
                    .map_or(text, |(at, found)| &text[at + found.len()..])
            })
        });
    column(cut.collect::<StringArray>())
}

/// The character of a number's low byte; nothing for negative numbers.
fn chr(call: &Call<'_>) -> Result<ArrayRef> {
    let numbers = call.column(0)?;
    let numbers = numbers.as_primitive::<arrow::datatypes::Int64Type>();
    let characters = numbers.iter().map(|number| {
        let number = number?;
        Some(if number < 0 {
            String::new()
        } else {
            char::from((number & 0xFF) as u8).to_string()
        })
    });
    column(characters.collect::<StringArray>())
}

/// Which mask a character gets: that of capital letters, small letters, digits, or all others.
fn letter_kind(c: char) -> usize {
    static KINDS: LazyLock<Option<RegexSet>> = LazyLock::new(|| RegexSet::new([r"\p{Lu}", r"\p{Ll}", r"\p{Nd}"]).ok());
    const OTHERS: usize = 3;
    match c {
        'A'..='Z' => 0,
        'a'..='z' => 1,
        '0'..='9' => 2,
        _ if c.is_ascii() || c.len_utf16() > 1 => OTHERS,
        _ => KINDS
            .as_ref()
            .and_then(|kinds| kinds.matches(c.encode_utf8(&mut [0; 4])).iter().next())
            .unwrap_or(OTHERS),
    }
}

fn mask(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    // A NULL mask leaves its kind of character alone.
    let masks: Vec<Option<char>> = [Some('X'), Some('x'), Some('n'), None]
        .into_iter()
        .enumerate()
        .map(|(at, default)| match call.constant_text(at + 1) {
            Some(Some(text)) => text.chars().next(),
            Some(None) => None,
            None => default,
        })
        .collect();
    let masked = texts.iter().map(|text| {
        let mut out = String::new();
        for c in text?.chars() {
            match masks[letter_kind(c)] {
                // Java sees two characters there.
                Some(by) => out.extend(std::iter::repeat_n(by, c.len_utf16())),
                None => out.push(c),
            }
        }
        Some(out)
    });
    column(masked.collect::<StringArray>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn substrings_count_from_one_or_the_end() {
        assert_eq!(slice_range(5, 1, Some(2)), (0, 2));
        assert_eq!(slice_range(5, 0, Some(2)), (0, 2));
        assert_eq!(slice_range(5, -2, None), (3, 5));
        assert_eq!(slice_range(3, -5, Some(3)), (0, 1));
        assert_eq!(slice_range(3, 9, Some(3)), (3, 3));
    }
}
