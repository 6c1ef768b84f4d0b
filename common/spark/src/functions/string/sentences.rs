//! `sentences`: a text as sentences of words, punctuation left out.

use arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field};
use datafusion::logical_expr::ScalarUDF;

use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::types;

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new(
            "sentences",
            &[Kind::Text, Kind::Text, Kind::Text],
            |_| Ok(types::list(types::list(DataType::Utf8))),
            sentences,
        )
        .required(1)
        .udf(),
    ]
}

fn sentences(call: &Call<'_>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let words = ListBuilder::new(StringBuilder::new()).with_field(Field::new_list_field(DataType::Utf8, true));
    let field = Field::new_list_field(types::list(DataType::Utf8), true);
    let mut builder = ListBuilder::new(words).with_field(field);
    for text in &texts {
        let Some(text) = text else {
            builder.append_null();
            continue;
        };
        for sentence in split_sentences(text) {
            for word in split_words(sentence) {
                builder.values().values().append_value(word);
            }
            builder.values().append(true);
        }
        builder.append(true);
    }
    column(builder.finish())
}

/// Sentences, each with the marks and blanks behind it.
fn split_sentences(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((_, c)) = chars.next() {
        let sure = matches!(c, '!' | '?' | '。' | '！' | '？' | '\u{2029}');
        if !sure && c != '.' {
            continue;
        }
        // More marks and closing quotes belong to the same end.
        while chars
            .next_if(|(_, c)| matches!(c, '!' | '?' | '.' | '"' | '\'' | ')' | ']' | '}' | '”' | '’'))
            .is_some()
        {}
        let mut blank = sure;
        while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {
            blank = true;
        }
        let Some((next, follower)) = chars.peek().copied() else {
            break;
        };
        // A point ends a sentence when a blank follows, and neither a small letter nor a digit behind it.
        let ends = sure || (blank && !follower.is_lowercase() && !follower.is_numeric());
        if ends {
            out.push(&text[start..next]);
            start = next;
        }
    }
    if start < text.len() {
        out.push(&text[start..]);
    }
    out
}

/// Words: letters and digits, with single marks inside that do not part them.
fn split_words(sentence: &str) -> Vec<&str> {
    let chars: Vec<(usize, char)> = sentence.char_indices().collect();
    let at = |index: usize| chars.get(index).map(|(_, c)| *c);
    let mut out = Vec::new();
    let mut index = 0;
    while index < chars.len() {
        // A number behind a currency sign is one piece with it, which begins with no letter or digit: no word.
        let dropped = is_before_number(chars[index].1) && at(index + 1).is_some_and(char::is_numeric);
        if dropped {
            index += 1;
        }
        if !is_word(chars[index].1) {
            index += 1;
            continue;
        }
        let start = index;
        while let Some(c) = at(index) {
            let inside = match (index.checked_sub(1).and_then(at), at(index + 1)) {
                (Some(before), Some(after)) => match c {
                    '\'' | '’' | '.' | '-' | '·' if before.is_alphabetic() && after.is_alphabetic() => true,
                    '.' | ',' if before.is_numeric() && after.is_numeric() => true,
                    _ => false,
                },
                _ => false,
            };
            if !(is_word(c) || index > start && inside) {
                break;
            }
            index += 1;
        }
        if at(index).is_some_and(is_behind_number) && at(index - 1).is_some_and(char::is_numeric) {
            index += 1;
        }
        if dropped {
            continue;
        }
        let end = chars.get(index).map_or(sentence.len(), |(offset, _)| *offset);
        out.push(&sentence[chars[start].0..end]);
    }
    out
}

fn is_before_number(c: char) -> bool {
    matches!(c, '$' | '#' | '.' | '¢'..='¥' | '€')
}

fn is_behind_number(c: char) -> bool {
    matches!(c, '%' | '&' | '¢' | '‰' | '‱')
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_end_sentences_only_before_a_large_letter() {
        let parts: Vec<Vec<&str>> = split_sentences("one. two? three! Mr. Smith's 4.5 a-b 50% of $1,000")
            .into_iter()
            .map(split_words)
            .collect();
        assert_eq!(
            parts,
            [
                vec!["one", "two"],
                vec!["three"],
                vec!["Mr"],
                vec!["Smith's", "4.5", "a-b", "50%", "of"]
            ]
        );
    }
}
