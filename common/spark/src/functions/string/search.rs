//! Where a text stands in another: `instr`, `locate`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array};
use arrow::datatypes::{DataType, Int32Type};
use datafusion::logical_expr::ScalarUDF;
use memchr::memmem;

use super::text::char_offset;
use crate::functions::kernel::{Call, Function, Kind, Result, column};

pub fn functions() -> Vec<ScalarUDF> {
    let int = |_: &[DataType]| Ok(DataType::Int32);
    vec![
        Function::new("instr", &[Kind::Text, Kind::Text], int, instr).udf(),
        Function::new("locate", &[Kind::Text, Kind::Text, Kind::Int], int, locate)
            .aliases(&["position"])
            .required(2)
            .udf(),
    ]
}

/// The character position of a search text from a character position on; 0 when it is not there.
fn find_from(text: &str, search: &str, from: usize) -> i32 {
    let start = char_offset(text, from);
    match text[start..].find(search) {
        Some(at) => characters(&text[..start + at]) + 1,
        None => 0,
    }
}

fn instr(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    if let Some(Some(search)) = call.constant_text(1) {
        // Prepared once: most of the cost of a short search is its preparation.
        let finder = memmem::Finder::new(search);
        let found = |text: &str| finder.find(text.as_bytes()).map_or(0, |at| characters(&text[..at]) + 1);
        return column(texts.iter().map(|text| text.map(found)).collect::<Int32Array>());
    }
    let search = call.text(1)?;
    column(
        texts
            .iter()
            .zip(&search)
            .map(|(text, search)| Some(find_from(text?, search?, 0)))
            .collect::<Int32Array>(),
    )
}

/// The number of characters, as a position counts them.
pub(super) fn characters(text: &str) -> i32 {
    text.chars().count() as i32
}

fn locate(call: &Call<'_>) -> Result<ArrayRef> {
    let (search, texts) = (call.text(0)?, call.text(1)?);
    let from = if call.args.len() > 2 {
        call.column(2)?
    } else {
        Arc::new(Int32Array::from(vec![1; call.rows]))
    };
    let from = from.as_primitive::<Int32Type>();
    let found = texts.iter().zip(&search).zip(from).map(|((text, search), from)| {
        // A NULL start is 0, a start before the first character finds nothing.
        let Some(from) = from else { return Some(0) };
        let (text, search) = (text?, search?);
        if from < 1 {
            return Some(0);
        }
        if search.is_empty() {
            return Some(1);
        }
        let start = from as usize - 1;
        if start > text.chars().count() {
            return Some(0);
        }
        Some(find_from(text, search, start))
    });
    column(found.collect::<Int32Array>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        assert_eq!(find_from("日本語本", "本", 2), 4);
        assert_eq!(find_from("日本語本", "語", 0), 3);
        assert_eq!(find_from("日本語本", "x", 0), 0);
    }
}
