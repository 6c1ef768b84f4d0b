//! Text and bytes seen as each other: base64, hexadecimal, lengths in bits and bytes, trimming, overlaying, `elt`.

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, Int32Array, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use datafusion::common::{exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use crate::cast::cast_array;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::types;

pub fn functions() -> Vec<ScalarUDF> {
    let utf8 = |_: &[DataType]| Ok(DataType::Utf8);
    let int = |_: &[DataType]| Ok(DataType::Int32);
    let trimming = |name, side| {
        let body = match side {
            Side::Both => |call: &Call<'_>| trim(call, Side::Both),
            Side::Start => |call: &Call<'_>| trim(call, Side::Start),
            Side::End => |call: &Call<'_>| trim(call, Side::End),
        };
        Function::new(name, &[Kind::Text, Kind::Text], |_| Ok(DataType::Utf8), body).required(1)
    };
    vec![
        Function::new("base64", &[Kind::Binary], utf8, base64_of).udf(),
        Function::new("unbase64", &[Kind::Text], |_| Ok(DataType::Binary), unbase64).udf(),
        Function::new(
            "to_binary",
            &[Kind::Text, Kind::Text],
            |_| Ok(DataType::Binary),
            |call| to_binary(call, true),
        )
        .required(1)
        .udf(),
        Function::new(
            "try_to_binary",
            &[Kind::Text, Kind::Text],
            |_| Ok(DataType::Binary),
            |call| to_binary(call, false),
        )
        .required(1)
        .udf(),
        Function::new("hex", &[Kind::Any], hex_type, hex).udf(),
        Function::new("bit_length", &[Kind::TextOrBinary], int, |call| byte_count(call, 8)).udf(),
        Function::new("octet_length", &[Kind::TextOrBinary], int, |call| byte_count(call, 1)).udf(),
        trimming("btrim", Side::Both).aliases(&["trim"]).udf(),
        trimming("ltrim", Side::Start).udf(),
        trimming("rtrim", Side::End).udf(),
        Function::new(
            "overlay",
            &[Kind::TextOrBinary, Kind::TextOrBinary, Kind::Int, Kind::Int],
            both_binary,
            overlay,
        )
        .required(3)
        .udf(),
        Function::new("elt", &[Kind::Int, Kind::Any], elt_type, elt)
            .variadic()
            .required(2)
            .udf(),
        Function::new("levenshtein", &[Kind::Text, Kind::Text, Kind::Int], int, levenshtein)
            .required(2)
            .udf(),
    ]
}

/// The bytes of a text or binary column.
fn bytes_of(values: &ArrayRef, row: usize) -> &[u8] {
    match values.as_binary_opt::<i32>() {
        Some(bytes) => bytes.value(row),
        None => values.as_string::<i32>().value(row).as_bytes(),
    }
}

/// Characters of a line; longer answers are broken.
const LINE: usize = 76;

fn base64_of(call: &Call<'_>) -> Result<ArrayRef> {
    let values = call.column(0)?;
    let values = values.as_binary::<i32>();
    let mut builder = StringBuilder::with_capacity(values.len(), values.value_data().len() * 4 / 3);
    let mut buffer = String::new();
    for value in values {
        let Some(value) = value else {
            builder.append_null();
            continue;
        };
        buffer.clear();
        STANDARD.encode_string(value, &mut buffer);
        let breaks = buffer.len().saturating_sub(1) / LINE;
        (1..=breaks)
            .rev()
            .for_each(|line| buffer.insert_str(line * LINE, "\r\n"));
        builder.append_value(&buffer);
    }
    column(builder.finish())
}

/// Padding may be missing, bits left over are dropped.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Characters outside the alphabet are passed over, padding may be missing, bits left over are dropped.
fn unbase64(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let mut builder = BinaryBuilder::with_capacity(texts.len(), texts.value_data().len());
    let (mut digits, mut bytes) = (Vec::new(), Vec::new());
    for text in &texts {
        let Some(text) = text else {
            builder.append_null();
            continue;
        };
        digits.clear();
        bytes.clear();
        let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        let end = text.find('=').unwrap_or(text.len());
        digits.extend(text[..end].bytes().filter(known));
        if text[end..].bytes().any(|byte| known(&byte)) || LENIENT.decode_vec(&digits, &mut bytes).is_err() {
            return exec_err!("'{text}' is no base64: it ends in the middle of a byte, or goes on behind its end");
        }
        builder.append_value(&bytes);
    }
    column(builder.finish())
}

/// The bytes of a text in hexadecimal, which is the default, UTF-8 or strict base64.
fn to_binary(call: &Call<'_>, fails: bool) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let formats = if call.args.len() > 1 { Some(call.text(1)?) } else { None };
    let mut builder = BinaryBuilder::with_capacity(texts.len(), texts.value_data().len());
    for (row, text) in texts.iter().enumerate() {
        let format = match &formats {
            Some(formats) if formats.is_null(row) => None,
            Some(formats) => Some(formats.value(row).to_ascii_lowercase()),
            None => Some("hex".to_owned()),
        };
        let (Some(text), Some(format)) = (text, format) else {
            builder.append_null();
            continue;
        };
        let bytes = match format.as_str() {
            "hex" => hex_bytes(text),
            "utf-8" | "utf8" => Some(text.as_bytes().to_vec()),
            "base64" => base64_bytes(text),
            _ if !fails => None,
            _ => return exec_err!("to_binary reads hex, utf-8 and base64, not {format:?}"),
        };
        if bytes.is_none() && fails {
            return exec_err!("'{text}' is no {format}; try_to_binary gives NULL");
        }
        builder.append_option(bytes);
    }
    column(builder.finish())
}

/// Base64 with white space anywhere, and with all of its padding or none.
fn base64_bytes(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.contains('=') && !digits.len().is_multiple_of(4) {
        return None;
    }
    LENIENT.decode(digits).ok()
}

/// Pairs of digits; a first digit without a partner is a byte of its own.
fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text
        .chars()
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<Vec<u8>>>()?;
    let (first, pairs) = digits.split_at(digits.len() % 2);
    let mut bytes = first.to_vec();
    bytes.extend(pairs.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]));
    Some(bytes)
}

fn hex_type(given: &[DataType]) -> Result<DataType> {
    match given.first() {
        Some(nested) if nested.is_nested() => plan_err!("function hex takes a number, text or binary"),
        _ => Ok(DataType::Utf8),
    }
}

fn hex(call: &Call<'_>) -> Result<ArrayRef> {
    let values = call.column(0)?;
    let values = match values.data_type() {
        DataType::Binary | DataType::Utf8 => values,
        number if types::is_number(number) => cast_array(&values, &DataType::Int64, &call.zone)?,
        _ => cast_array(&values, &DataType::Utf8, &call.zone)?,
    };
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut builder = StringBuilder::with_capacity(values.len(), values.len() * 8);
    let mut buffer = String::new();
    for row in 0..values.len() {
        if values.is_null(row) {
            builder.append_null();
            continue;
        }
        buffer.clear();
        if let Some(numbers) = values.as_primitive_opt::<Int64Type>() {
            use std::fmt::Write;
            // Writing to a String cannot fail.
            let _ = write!(buffer, "{:X}", numbers.value(row));
        } else {
            let pairs = bytes_of(&values, row)
                .iter()
                .flat_map(|byte| [byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
            buffer.extend(pairs);
        }
        builder.append_value(&buffer);
    }
    column(builder.finish())
}

fn byte_count(call: &Call<'_>, unit: i32) -> Result<ArrayRef> {
    let values = call.column(0)?;
    let counts = (0..values.len()).map(|row| values.is_valid(row).then(|| bytes_of(&values, row).len() as i32 * unit));
    column(counts.collect::<Int32Array>())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Both,
    Start,
    End,
}

/// Takes characters off the sides, blanks when none are named.
fn trim(call: &Call<'_>, side: Side) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let sets = if call.args.len() > 1 { Some(call.text(1)?) } else { None };
    let trimmed = texts.iter().enumerate().map(|(row, text)| {
        let set = match &sets {
            Some(sets) if sets.is_null(row) => return None,
            Some(sets) => sets.value(row),
            None => " ",
        };
        let in_set = |c: char| set.contains(c);
        let text = text?;
        Some(match side {
            Side::Both => text.trim_matches(in_set),
            Side::Start => text.trim_start_matches(in_set),
            Side::End => text.trim_end_matches(in_set),
        })
    });
    column(trimmed.collect::<StringArray>())
}

fn both_binary(given: &[DataType]) -> Result<DataType> {
    Ok(match given {
        [DataType::Binary, DataType::Binary, ..] => DataType::Binary,
        _ => DataType::Utf8,
    })
}

/// Replaces as many units as the replacement has, or as many as asked for, from a position on.
fn overlay(call: &Call<'_>) -> Result<ArrayRef> {
    let positions = call.column(2)?;
    let positions = positions.as_primitive::<Int32Type>();
    let lengths = if call.args.len() > 3 {
        Some(call.column(3)?)
    } else {
        None
    };
    let lengths = lengths.as_ref().map(|lengths| lengths.as_primitive::<Int32Type>());
    let place = |row: usize, replaced: usize| -> (i64, i64) {
        let length = lengths.map_or(-1, |lengths| lengths.value(row));
        let length = if length >= 0 {
            i64::from(length)
        } else {
            replaced as i64
        };
        (i64::from(positions.value(row)), length)
    };
    let missing = |row: usize| positions.is_null(row) || lengths.is_some_and(|lengths| lengths.is_null(row));
    if call.returns == &DataType::Binary {
        let (values, by) = (call.column(0)?, call.column(1)?);
        let mut builder = BinaryBuilder::new();
        for row in 0..call.rows {
            if values.is_null(row) || by.is_null(row) || missing(row) {
                builder.append_null();
                continue;
            }
            let (value, by) = (bytes_of(&values, row), bytes_of(&by, row));
            let (position, length) = place(row, by.len());
            let (before, after) = cut(value.len(), position, length);
            builder.append_value([&value[..before], by, &value[after..]].concat());
        }
        return column(builder.finish());
    }
    let texts = cast_array(&call.column(0)?, &DataType::Utf8, &call.zone)?;
    let by = cast_array(&call.column(1)?, &DataType::Utf8, &call.zone)?;
    let (texts, by) = (texts.as_string::<i32>(), by.as_string::<i32>());
    let laid = texts.iter().zip(by).enumerate().map(|(row, (text, by))| {
        let (text, by) = (text?, by?);
        if missing(row) {
            return None;
        }
        let (position, length) = place(row, by.chars().count());
        let offset = |units: usize| text.char_indices().nth(units).map_or(text.len(), |(at, _)| at);
        let (before, after) = cut(text.chars().count(), position, length);
        Some([&text[..offset(before)], by, &text[offset(after)..]].concat())
    });
    column(laid.collect::<StringArray>())
}

/// Where what is kept before ends and what is kept behind begins: the substrings up to `position` and from
/// `position + length` on, with SQL's meaning of positions before the first.
fn cut(units: usize, position: i64, length: i64) -> (usize, usize) {
    let units = units as i64;
    let until = (position - 1).clamp(0, units);
    let from = match position + length {
        next if next > 0 => next - 1,
        0 => 0,
        next => units + next,
    };
    (until as usize, from.clamp(0, units) as usize)
}

/// BINARY when all choices are, else STRING.
fn elt_type(given: &[DataType]) -> Result<DataType> {
    let choices = &given[1.min(given.len())..];
    if let Some(nested) = choices.iter().find(|choice| choice.is_nested()) {
        let name = crate::type_name::spark_type(nested);
        return plan_err!("function elt chooses among texts or binaries, not {name}");
    }
    Ok(match choices.iter().all(|choice| choice == &DataType::Binary) {
        true => DataType::Binary,
        false => DataType::Utf8,
    })
}

fn elt(call: &Call<'_>) -> Result<ArrayRef> {
    let choices = (1..call.args.len())
        .map(|at| Ok(cast_array(&call.column(at)?, call.returns, &call.zone)?))
        .collect::<Result<Vec<_>>>()?;
    let numbers = call.column(0)?;
    let numbers = numbers.as_primitive::<Int32Type>();
    let nothing = arrow::array::new_null_array(call.returns, 1);
    let mut sources: Vec<&dyn Array> = vec![nothing.as_ref()];
    sources.extend(choices.iter().map(AsRef::as_ref));
    let picks: Vec<(usize, usize)> = (0..call.rows)
        .map(|row| match usize::try_from(numbers.value(row)) {
            Ok(number) if numbers.is_valid(row) && (1..=choices.len()).contains(&number) => (number, row),
            _ => (0, 0),
        })
        .collect();
    Ok(arrow::compute::interleave(&sources, &picks)?)
}

/// The edits that make one text of the other; -1 when there are more than a threshold.
fn levenshtein(call: &Call<'_>) -> Result<ArrayRef> {
    let (left, right) = (call.text(0)?, call.text(1)?);
    let most = if call.args.len() > 2 {
        Some(call.column(2)?)
    } else {
        None
    };
    let most = most.as_ref().map(|most| most.as_primitive::<Int32Type>());
    let mut costs = Vec::new();
    let distances = left.iter().zip(&right).enumerate().map(|(row, (left, right))| {
        let distance = edits(left?, right?, &mut costs);
        match most {
            // A threshold of NULL counts as 0.
            Some(most) if most.is_null(row) && distance > 0 => Some(-1),
            Some(most) if most.is_valid(row) && distance > most.value(row) => Some(-1),
            _ => Some(distance),
        }
    });
    column(distances.collect::<Int32Array>())
}

fn edits(left: &str, right: &str, costs: &mut Vec<i32>) -> i32 {
    costs.clear();
    costs.extend(0..=right.chars().count() as i32);
    for (row, own) in left.chars().enumerate() {
        let mut corner = costs[0];
        costs[0] = row as i32 + 1;
        for (at, other) in right.chars().enumerate() {
            let replaced = corner + i32::from(own != other);
            corner = costs[at + 1];
            costs[at + 1] = replaced.min(corner + 1).min(costs[at] + 1);
        }
    }
    costs.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_and_cuts() {
        assert_eq!(edits("kitten", "sitting", &mut Vec::new()), 3);
        assert_eq!(edits("", "abc", &mut Vec::new()), 3);
        assert_eq!(cut(3, 0, 1), (0, 0));
        assert_eq!(cut(3, 10, 1), (3, 3));
        assert_eq!(cut(9, 6, 1), (5, 6));
    }
}
