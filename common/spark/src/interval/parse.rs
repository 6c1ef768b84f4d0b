//! Intervals of fixed fields read from text, as CAST and literals read them.

use super::{Field, Range};
use crate::cast::trim;

/// Most digits of a fraction of a second.
const FRACTION_DIGITS_MAX: usize = 9;
/// Digits of a fraction that count.
const FRACTION_DIGITS: usize = 6;

/// Reads `1 02:03:04.5` or the whole literal `INTERVAL '1 02:03:04.5' DAY TO SECOND`; months or microseconds. None when the text
/// has other fields or one of them is out of bounds.
pub fn parse(text: &str, range: Range) -> Option<i64> {
    let text = trim(text);
    let Some(rest) = strip_word(text, "interval") else {
        return signed(text, false, range);
    };
    let (negative, rest) = sign(rest.trim_start());
    let rest = rest.trim_start().strip_prefix('\'')?;
    let (value, fields) = rest.split_once('\'')?;
    let mut words = fields.split_whitespace();
    let start = Field::named(words.next()?)?;
    let end = match words.next() {
        None => start,
        Some(to) if to.eq_ignore_ascii_case("to") => Field::named(words.next()?)?,
        Some(_) => return None,
    };
    if words.next().is_some() || (Range { start, end }) != range {
        return None;
    }
    signed(value, negative, range)
}

fn strip_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let head = text.get(..word.len())?;
    let rest = text.get(word.len()..)?;
    (head.eq_ignore_ascii_case(word) && rest.starts_with(char::is_whitespace)).then_some(rest)
}

fn sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// Reads the quoted part of a literal, with a sign of its own.
fn signed(text: &str, negative: bool, range: Range) -> Option<i64> {
    let (own, digits) = sign(text);
    let amount = unsigned(digits, range)?;
    if own != negative {
        amount.checked_neg()
    } else {
        Some(amount)
    }
}

fn unsigned(text: &str, range: Range) -> Option<i64> {
    let mut rest = text;
    let mut amount: i64 = 0;
    for field in Field::ALL {
        if field < range.start || field > range.end {
            continue;
        }
        if field > range.start {
            rest = rest.strip_prefix(match field {
                Field::Month => '-',
                Field::Hour => ' ',
                _ => ':',
            })?;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (found, after) = rest.split_at(digits);
        let value: i64 = found.parse().ok()?;
        let most = match field {
            // The first field may have any size that fits.
            _ if field == range.start => i64::MAX,
            Field::Month => 11,
            Field::Hour => 23,
            _ => 59,
        };
        if value > most || (field > range.start && field > Field::Day && digits > 2) {
            return None;
        }
        amount = amount.checked_add(value.checked_mul(field.unit())?)?;
        rest = after;
        if field == Field::Second
            && let Some(fraction) = rest.strip_prefix('.')
        {
            amount = amount.checked_add(micros(fraction)?)?;
            rest = "";
        }
    }
    rest.is_empty().then_some(amount)
}

/// The microseconds of the digits behind a point; None when there are none or too many.
pub(super) fn micros(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || fraction.len() > FRACTION_DIGITS_MAX || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format!("{fraction:0<FRACTION_DIGITS$}")
        .get(..FRACTION_DIGITS)?
        .parse()
        .ok()
}
