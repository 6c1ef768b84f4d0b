//! JSON text made anew: what a string column gets for a number, an object or an array.

use super::scan::{Fault, Number, Scan, Scanner, Text, Token};
use crate::number::write_f64;

/// Appends a quoted string with the escapes Spark's writer uses: quote, backslash and control characters only.
pub(crate) fn push_quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    push_escaped(text, out);
    out.push(b'"');
}

fn push_escaped(text: &[u8], out: &mut Vec<u8>) {
    let mut from = 0;
    for (at, &byte) in text.iter().enumerate() {
        let short = match byte {
            b'"' | b'\\' => byte,
            8 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            12 => b'f',
            b'\r' => b'r',
            0..0x20 => b'u',
            _ => continue,
        };
        out.extend_from_slice(&text[from..at]);
        out.extend_from_slice(&[b'\\', short]);
        if short == b'u' {
            out.extend_from_slice(format!("{byte:04X}").as_bytes());
        }
        from = at + 1;
    }
    out.extend_from_slice(&text[from..]);
}

/// Appends a text as Spark writes one it read: as [`push_quoted`], but what UTF-16 spells with surrogates as their escapes.
pub(crate) fn push_units(units: &[u16], out: &mut Vec<u8>) {
    out.push(b'"');
    for run in units.chunk_by(|a, b| is_surrogate(*a) == is_surrogate(*b)) {
        if run.first().is_some_and(|unit| is_surrogate(*unit)) {
            run.iter()
                .for_each(|unit| out.extend_from_slice(format!("\\u{unit:04X}").as_bytes()));
        } else {
            push_escaped(String::from_utf16_lossy(run).as_bytes(), out);
        }
    }
    out.push(b'"');
}

fn is_surrogate(unit: u16) -> bool {
    (0xD800..0xE000).contains(&unit)
}

/// Appends a scanned text as Spark writes one it read.
fn push_scanned(text: &Text<'_>, out: &mut Vec<u8>) {
    // Surrogates come from characters of four bytes, or from escapes with a D.
    let plain = !text.raw.iter().any(|byte| *byte >= 0xF0)
        && (!text.escaped || memchr::memchr2(b'd', b'D', text.raw).is_none());
    if plain {
        push_quoted(text.unescaped(&mut Vec::new()), out);
    } else {
        push_units(&text.units(), out);
    }
}

/// Appends a double as Java writes it; what is not a number in quotes.
pub(crate) fn push_f64(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        let mut text = String::new();
        write_f64(value, &mut text);
        out.extend_from_slice(text.as_bytes());
    } else {
        let name: &[u8] = if value.is_nan() {
            b"\"NaN\""
        } else if value > 0.0 {
            b"\"Infinity\""
        } else {
            b"\"-Infinity\""
        };
        out.extend_from_slice(name);
    }
}

/// Appends a number as Java prints it after reading it: integers in full, everything else by way of a double.
pub(crate) fn push_number(number: &Number<'_>, out: &mut Vec<u8>) {
    if number.float {
        push_f64(to_f64(number), out);
        return;
    }
    let digits = number.text.strip_prefix(b"-").unwrap_or(number.text);
    let zeros = digits.iter().take_while(|d| **d == b'0').count();
    let digits = if zeros == digits.len() { b"0" } else { &digits[zeros..] };
    if number.negative && digits != b"0" {
        out.push(b'-');
    }
    out.extend_from_slice(digits);
}

/// The double nearest to the number; infinite beyond the range.
#[inline]
pub(crate) fn to_f64(number: &Number<'_>) -> f64 {
    if !number.float && number.exact && number.mantissa == 0 {
        // An integer has no negative zero.
        return 0.0;
    }
    // Both operands are exact doubles here, so that the one division rounds correctly.
    if number.exact && !number.has_exponent && number.mantissa < 1 << 53 && number.fraction_digits < 23 {
        let value = number.mantissa as f64 / POWERS[number.fraction_digits as usize];
        return if number.negative { -value } else { value };
    }
    fast_float2::parse(number.text).unwrap_or(f64::NAN)
}

const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The float nearest to the number; infinite beyond the range.
#[inline]
pub(crate) fn to_f32(number: &Number<'_>) -> f32 {
    if number.exact && !number.has_exponent && number.mantissa < 1 << 24 && number.fraction_digits < 11 {
        if !number.float && number.mantissa == 0 {
            return 0.0;
        }
        let value = number.mantissa as f32 / POWERS[number.fraction_digits as usize] as f32;
        return if number.negative { -value } else { value };
    }
    fast_float2::parse(number.text).unwrap_or(f32::NAN)
}

/// Consumes one value and appends it without blanks.
pub(crate) fn copy_value(scanner: &mut Scanner<'_>, out: &mut Vec<u8>) -> Scan<()> {
    let token = scanner.token()?;
    copy_from(scanner, token, out)
}

/// Appends the value that `token` started, consuming the rest of it.
pub(crate) fn copy_from(scanner: &mut Scanner<'_>, token: Token<'_>, out: &mut Vec<u8>) -> Scan<()> {
    match token {
        Token::Null => out.extend_from_slice(b"null"),
        Token::True => out.extend_from_slice(b"true"),
        Token::False => out.extend_from_slice(b"false"),
        Token::Number(number) => push_number(&number, out),
        Token::NonNumber(value) => push_f64(value, out),
        Token::Text(text) => push_scanned(&text, out),
        Token::Object => {
            out.push(b'{');
            let mut first = true;
            while let Some(name) = scanner.next_name(first)? {
                if !first {
                    out.push(b',');
                }
                first = false;
                push_scanned(&name, out);
                out.push(b':');
                copy_value(scanner, out)?;
            }
            out.push(b'}');
        }
        Token::Array => {
            out.push(b'[');
            let mut first = true;
            while scanner.next_element(first)? {
                if !first {
                    out.push(b',');
                }
                first = false;
                copy_value(scanner, out)?;
            }
            out.push(b']');
        }
    }
    Ok::<(), Fault>(())
}
