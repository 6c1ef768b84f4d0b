//! One line of separated values into its parts.

use super::{CsvOptions, is_blank};

/// Splits a record into its values; `None` is a value that is not there (unquoted nothing).
///
/// A quote counts at the start of a value only. Inside quotes the escape character makes the next quote a plain one. A value
/// that goes on behind its closing quote is taken as it stands, up to the next separator; one that never closes goes to the
/// end of the record.
pub fn split(record: &str, options: &CsvOptions) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let mut rest = record;
    loop {
        if options.ignore_leading_blanks == Some(true) {
            rest = rest.trim_start_matches(is_blank);
        }
        let (value, after) = match options.quote.filter(|quote| rest.starts_with(*quote)) {
            Some(quote) => quoted(rest, quote, options),
            None => plain(rest, 0, options),
        };
        values.push(value);
        match after {
            Some(after) => rest = after,
            None => return values,
        }
    }
}

type Part<'a> = (Option<String>, Option<&'a str>);

/// Takes the value up to the first separator at or behind `from`.
fn plain<'a>(rest: &'a str, from: usize, options: &CsvOptions) -> Part<'a> {
    let end = rest[from..].find(&options.separator).map(|at| from + at);
    let mut value = &rest[..end.unwrap_or(rest.len())];
    if options.ignore_trailing_blanks == Some(true) {
        value = value.trim_end_matches(is_blank);
    }
    let after = end.map(|end| &rest[end + options.separator.len()..]);
    ((!value.is_empty()).then(|| value.to_owned()), after)
}

fn quoted<'a>(rest: &'a str, quote: char, options: &CsvOptions) -> Part<'a> {
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let escapes = Some(c) == options.escape && next == Some(quote)
            || next.is_some() && next == options.escape && Some(c) == options.escape_of_escape();
        if escapes {
            value.extend(next);
            chars.next();
        } else if c == quote {
            let end = at + c.len_utf8();
            let behind = &rest[end..];
            let blanks = behind.len() - behind.trim_start_matches(is_blank).len();
            let skipped = if options.ignore_trailing_blanks == Some(true) {
                blanks
            } else {
                0
            };
            let behind_blanks = &behind[skipped..];
            if behind_blanks.is_empty() {
                return (Some(value), None);
            }
            return match behind_blanks.strip_prefix(options.separator.as_str()) {
                Some(after) => (Some(value), Some(after)),
                None => plain(rest, end, options),
            };
        } else {
            value.push(c);
        }
    }
    (Some(value), None)
}
