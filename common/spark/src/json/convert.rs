//! One JSON value into one column, by Spark's rules of which value fits which type.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use super::column::{Column, Entries, Repeated, StructColumn};
use super::scan::{Fault, Number, Scan, Scanner, Text, Token};
use super::text_out::{copy_from, to_f32, to_f64};
use super::text_time::{self, Ambiguous};
use crate::cast::parse_time;
use crate::interval;
use crate::number::parse_decimal;
use crate::pattern::Pattern;
use crate::zone::Tz;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// What conversions need besides the value, and what they report beside their result.
#[derive(Debug)]
pub(crate) struct Context {
    pub zone: Tz,
    pub timestamp_pattern: Option<Pattern>,
    pub local_pattern: Option<Pattern>,
    pub date_pattern: Option<Pattern>,
    /// What does not fit its pattern may be ISO text.
    pub time_fallback: bool,
    pub non_numeric_numbers: bool,
    /// Some field of the record under way had a value that does not fit its type.
    pub partial: bool,
    /// The first date or time text that must not be decided on; such a text also counts as unfit.
    pub ambiguous: Option<String>,
    pub scratch: Vec<u8>,
}

/// Consumes one value and appends it to the column.
///
/// `false` means that the value was consumed but does not fit the type: nothing was appended. After a fault the column
/// may hold parts of the value: the caller truncates it.
#[inline]
pub(crate) fn read_value(column: &mut Column, scanner: &mut Scanner<'_>, context: &mut Context) -> Scan<bool> {
    let token = scanner.token()?;
    match (column, token) {
        (Column::Text(c), Token::Text(text)) => {
            if text.escaped {
                text.append_to(&mut c.data);
                c.commit();
            } else {
                c.push(text.raw);
            }
            Ok(true)
        }
        (Column::F64(c), Token::Number(number)) => {
            c.push(to_f64(&number));
            Ok(true)
        }
        (Column::F32(c), Token::Number(number)) => {
            c.push(to_f32(&number));
            Ok(true)
        }
        (Column::Timestamp(c, Some(_)), Token::Text(text)) => Ok(push(c, read_timestamp(text, context))),
        (column, token) => read_token(column, token, scanner, context),
    }
}

fn read_token(column: &mut Column, token: Token<'_>, scanner: &mut Scanner<'_>, context: &mut Context) -> Scan<bool> {
    Ok(match (column, token) {
        (Column::Text(c), token) if !matches!(token, Token::Null) => {
            copy_from(scanner, token, &mut c.data)?;
            c.commit();
            true
        }
        (Column::Struct(c), Token::Object) => {
            read_object(c, scanner, context)?;
            c.complete_row(true);
            true
        }
        (Column::List(c), Token::Array) => read_array(c, scanner, context)?,
        (Column::Map(c), Token::Object) => read_map(c, scanner, context)?,
        // How far the reader got into bad Base64 matters to what follows.
        (column @ Column::Binary(_), token @ Token::Text(_)) => match read_scalar(column, &token, context) {
            true => true,
            false => return Err(Fault::Malformed),
        },
        (column, token) => {
            let fits = read_scalar(column, &token, context);
            scanner.skip_rest(&token)?;
            fits
        }
    })
}

/// Appends a value that is no container, if it fits the column's type. Numbers become text elsewhere.
#[inline]
pub(crate) fn read_scalar(column: &mut Column, token: &Token<'_>, context: &mut Context) -> bool {
    match (column, *token) {
        (column, Token::Null) => {
            column.push_null();
            true
        }
        (Column::Text(c), Token::Text(text)) => {
            text.append_to(&mut c.data);
            c.commit();
            true
        }
        (Column::Bool(c), Token::True) => push(c, Some(true)),
        (Column::Bool(c), Token::False) => push(c, Some(false)),
        // Spark's parser takes a byte as unsigned too, and wraps it.
        (Column::I8(c), Token::Number(n)) => push(c, integer(&n).filter(|v| (-128..=255).contains(v)).map(|v| v as i8)),
        (Column::I16(c), Token::Number(n)) => push(c, integer(&n).and_then(|v| v.try_into().ok())),
        (Column::I32(c), Token::Number(n)) => push(c, integer(&n).and_then(|v| v.try_into().ok())),
        (Column::I64(c), Token::Number(n)) => push(c, integer(&n)),
        (Column::F32(c), Token::Number(n)) => push(c, Some(to_f32(&n))),
        (Column::F64(c), Token::Number(n)) => push(c, Some(to_f64(&n))),
        (Column::F32(c), Token::NonNumber(v)) => push(c, Some(v as f32)),
        (Column::F64(c), Token::NonNumber(v)) => push(c, Some(v)),
        (Column::F32(c), Token::Text(text)) => push(c, named_float(text, context).map(|v| v as f32)),
        (Column::F64(c), Token::Text(text)) => push(c, named_float(text, context)),
        (Column::Decimal(c, precision, scale), Token::Number(n)) => push(c, parse_decimal(n.text, *precision, *scale)),
        (Column::Decimal(c, precision, scale), Token::Text(text)) => {
            let mut digits = Vec::new();
            text.append_to(&mut digits);
            digits.retain(|b| *b != b',');
            push(c, parse_decimal(&digits, *precision, *scale))
        }
        (Column::Interval(c, range), Token::Text(text)) => {
            let read = std::str::from_utf8(text.unescaped(&mut context.scratch)).ok();
            push(c, read.and_then(|text| interval::parse(text, *range)))
        }
        (Column::Date(c), Token::Text(text)) => push(c, read_date(text, context)),
        // Seconds beyond the range wrap, as they do in Spark.
        (Column::Timestamp(c, Some(_)), Token::Number(n)) => push(c, integer(&n).map(|s| s.wrapping_mul(1_000_000))),
        (Column::Timestamp(c, Some(_)), Token::Text(text)) => push(c, read_timestamp(text, context)),
        (Column::Timestamp(c, None), Token::Text(text)) => push(c, read_local(text, context)),
        (Column::Binary(c), Token::Text(text)) => {
            let fits = BASE64
                .decode_vec(text.unescaped(&mut context.scratch), &mut c.data)
                .is_ok();
            if fits {
                c.commit()
            } else {
                c.abandon()
            }
            fits
        }
        _ => false,
    }
}

#[inline]
fn push<T: Copy + Default>(column: &mut super::column::Fixed<T>, value: Option<T>) -> bool {
    if let Some(value) = value {
        column.push(value);
    }
    value.is_some()
}

/// Reads an entered object into the row under way of `c`; columns it does not mention stay one value short.
#[inline]
pub(crate) fn read_object(c: &mut StructColumn, scanner: &mut Scanner<'_>, context: &mut Context) -> Scan<()> {
    let row = c.len;
    let mut place = 0;
    let mut first = true;
    loop {
        let mut byte = scanner.next_significant()?;
        if byte == b'}' {
            scanner.leave();
            return Ok(());
        }
        if !first {
            if byte != b',' {
                return Err(Fault::Malformed);
            }
            byte = scanner.next_significant()?;
        }
        first = false;
        let column = match c.shape.predict(place, &scanner.buf[scanner.pos - 1..]) {
            Some((len, column)) => {
                scanner.pos += len - 1;
                place += 1;
                column
            }
            None => {
                let name = scanner.name(byte)?;
                let (column, next) = c.shape.find(name.unescaped(&mut context.scratch), place);
                place = next;
                column
            }
        };
        match column {
            None => scanner.skip_value()?,
            Some(column) => {
                let column = &mut c.columns[column];
                if column.len() == row {
                    context.partial |= !read_value(column, scanner, context)?;
                } else {
                    read_again(column, row, scanner, context)?;
                }
            }
        }
    }
}

/// Reads the value of a repeated name: the last value that fits wins.
#[cold]
fn read_again(column: &mut Column, row: usize, scanner: &mut Scanner<'_>, context: &mut Context) -> Scan<()> {
    let before = scanner.clone();
    if read_value(column, scanner, context)? {
        // It fits, so it is read once more in the place of the earlier one.
        column.truncate(row);
        *scanner = before;
        read_value(column, scanner, context)?;
    } else {
        context.partial = true;
    }
    Ok(())
}

/// Reads an entered array; one element that does not fit spoils the whole.
pub(crate) fn read_array(c: &mut Repeated<Column>, scanner: &mut Scanner<'_>, context: &mut Context) -> Scan<bool> {
    let mut first = true;
    while scanner.next_element(first)? {
        first = false;
        if !read_value(&mut c.child, scanner, context)? {
            scanner.skip_array_rest(false)?;
            let end = c.end();
            c.child.truncate(end);
            return Ok(false);
        }
    }
    let len = c.child.len();
    c.commit(len);
    Ok(true)
}

/// Reads an entered object as a map. Repeated keys are kept; one value that does not fit spoils the whole.
fn read_map(c: &mut Repeated<Entries>, scanner: &mut Scanner<'_>, context: &mut Context) -> Scan<bool> {
    let mut first = true;
    while let Some(name) = scanner.next_name(first)? {
        first = false;
        name.append_to(&mut c.child.keys.data);
        c.child.keys.commit();
        if !read_value(&mut c.child.values, scanner, context)? {
            scanner.skip_object_rest(false)?;
            let end = c.end();
            c.child.truncate(end);
            return Ok(false);
        }
    }
    let len = c.child.values.len();
    c.commit(len);
    Ok(true)
}

/// Returns the value of a number written without fraction and exponent, if it fits.
fn integer(number: &Number<'_>) -> Option<i64> {
    if number.float {
        return None;
    }
    if !number.exact {
        return std::str::from_utf8(number.text).ok()?.parse().ok();
    }
    if number.negative {
        0i64.checked_sub_unsigned(number.mantissa)
    } else {
        i64::try_from(number.mantissa).ok()
    }
}

/// Of texts, only the names of what is not a number are floats.
fn named_float(text: Text<'_>, context: &mut Context) -> Option<f64> {
    if !context.non_numeric_numbers {
        return None;
    }
    match text.unescaped(&mut context.scratch) {
        b"NaN" => Some(f64::NAN),
        b"+INF" | b"+Infinity" | b"Infinity" => Some(f64::INFINITY),
        b"-INF" | b"-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

#[inline]
fn read_timestamp(text: Text<'_>, context: &mut Context) -> Option<i64> {
    if context.timestamp_pattern.is_none() && !text.escaped {
        let read = text_time::timestamp(text.raw, &context.zone);
        return decided(read, text.raw, &mut context.ambiguous);
    }
    let plain = text.unescaped(&mut context.scratch);
    let mut read = match &context.timestamp_pattern {
        None => text_time::timestamp(plain, &context.zone),
        Some(pattern) => text_time::by_pattern(pattern, plain, |p, text| p.instant(text, &context.zone)),
    };
    if context.time_fallback && !matches!(read, Ok(Some(_))) {
        read = parse_time::parse_timestamp(text_of(plain), &context.zone).map_or(read, |us| Ok(Some(us)));
    }
    decided(read, plain, &mut context.ambiguous)
}

fn text_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

fn read_local(text: Text<'_>, context: &mut Context) -> Option<i64> {
    let plain = text.unescaped(&mut context.scratch);
    let read = match &context.local_pattern {
        None => Ok(text_time::local(plain)),
        Some(pattern) => text_time::by_pattern(pattern, plain, Pattern::local),
    };
    decided(read, plain, &mut context.ambiguous)
}

fn read_date(text: Text<'_>, context: &mut Context) -> Option<i32> {
    let plain = text.unescaped(&mut context.scratch);
    let mut read = match &context.date_pattern {
        None => text_time::date(plain),
        Some(pattern) => text_time::by_pattern(pattern, plain, Pattern::date),
    };
    if context.time_fallback && !matches!(read, Ok(Some(_))) {
        let iso = parse_time::parse_date(text_of(plain)).or_else(|| text_of(plain).parse().ok());
        read = iso.map_or(read, |days| Ok(Some(days)));
    }
    decided(read, plain, &mut context.ambiguous)
}

fn decided<T>(read: Result<Option<T>, Ambiguous>, text: &[u8], ambiguous: &mut Option<String>) -> Option<T> {
    match read {
        Ok(value) => value,
        Err(Ambiguous) => {
            ambiguous.get_or_insert_with(|| String::from_utf8_lossy(text).into_owned());
            None
        }
    }
}
