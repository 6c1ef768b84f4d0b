//! `format_string` and `printf`: Java's format strings.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use crate::cast::text::{Style, write_value};
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::zone::Tz;

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new(
            "format_string",
            &[Kind::Text, Kind::Any],
            |_| Ok(DataType::Utf8),
            format_string,
        )
        .aliases(&["printf"])
        .variadic()
        .required(1)
        .udf(),
    ]
}

/// A piece of a format: text, or a place for a value.
#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Place(Place),
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Place {
    /// The value, counted from 0; none for the next one.
    index: Option<usize>,
    /// `%<s`: the value of the place before.
    previous: bool,
    left: bool,
    alternate: bool,
    plus: bool,
    space: bool,
    zeros: bool,
    grouped: bool,
    parentheses: bool,
    width: usize,
    precision: Option<usize>,
    conversion: char,
}

/// A value of a row.
enum Value {
    Null,
    /// A whole number, and how many bits its type has.
    Whole(i64, u32),
    Real(f64),
    Boolean(bool),
    Text(String),
}

fn parse(format: &str) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let place = parse_place(&mut chars, format)?;
        match place.conversion {
            'n' => text.push('\n'),
            '%' => text.push_str(&padded("%", &place)),
            _ => {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                pieces.push(Piece::Place(place));
            }
        }
    }
    pieces.push(Piece::Text(text));
    Ok(pieces)
}

fn parse_place(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, format: &str) -> Result<Place> {
    let mut place = Place::default();
    let mut number = digits(chars);
    if let Some(index) = number
        && chars.next_if_eq(&'$').is_some()
    {
        place.index = index.checked_sub(1);
        number = None;
    }
    if number.is_none() {
        while let Some(flag) = chars.next_if(|c| "-#+ 0,(<".contains(*c)) {
            match flag {
                '-' => place.left = true,
                '#' => place.alternate = true,
                '+' => place.plus = true,
                ' ' => place.space = true,
                '0' => place.zeros = true,
                ',' => place.grouped = true,
                '(' => place.parentheses = true,
                _ => place.previous = true,
            }
        }
        number = digits(chars);
    }
    place.width = number.unwrap_or(0);
    if chars.next_if_eq(&'.').is_some() {
        while chars.next_if_eq(&'0').is_some() {}
        place.precision = Some(digits(chars).unwrap_or(0));
    }
    match chars.next() {
        Some(conversion) if "bBhHsScCdoxXeEfgGaAn%".contains(conversion) => {
            place.conversion = conversion;
            Ok(place)
        }
        Some(other) => exec_err!("the format '{format}' has an unknown conversion '%{other}'"),
        None => exec_err!("the format '{format}' ends within a conversion"),
    }
}

/// A number that does not begin with 0, which is a flag.
fn digits(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<usize> {
    chars.peek().filter(|c| matches!(c, '1'..='9' | '0'))?;
    if chars.peek() == Some(&'0') {
        return None;
    }
    let mut number = 0usize;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        number = number.saturating_mul(10).saturating_add(digit as usize);
        chars.next();
    }
    Some(number)
}

fn format_string(call: &Call<'_>) -> Result<ArrayRef> {
    let formats = call.text(0)?;
    let columns = (1..call.args.len())
        .map(|at| call.column(at))
        .collect::<Result<Vec<_>>>()?;
    let mut constant = match call.constant_text(0) {
        Some(Some(format)) => Some(parse(format)?),
        _ => None,
    };
    let mut builder = StringBuilder::with_capacity(formats.len(), formats.len() * 16);
    let mut buffer = String::new();
    for (row, format) in formats.iter().enumerate() {
        let Some(format) = format else {
            builder.append_null();
            continue;
        };
        let fresh;
        let pieces = match &mut constant {
            Some(pieces) => &*pieces,
            None => {
                fresh = parse(format)?;
                &fresh
            }
        };
        buffer.clear();
        write_row(pieces, &columns, row, &call.zone, &mut buffer)?;
        builder.append_value(&buffer);
    }
    column(builder.finish())
}

fn write_row(pieces: &[Piece], columns: &[ArrayRef], row: usize, zone: &Tz, out: &mut String) -> Result<()> {
    let (mut next, mut last) = (0, None);
    for piece in pieces {
        let place = match piece {
            Piece::Text(text) => {
                out.push_str(text);
                continue;
            }
            Piece::Place(place) => place,
        };
        let index = if place.previous {
            last
        } else if place.index.is_some() {
            place.index
        } else {
            next += 1;
            Some(next - 1)
        };
        let Some(values) = index.and_then(|index| columns.get(index)) else {
            return exec_err!("the format has a place '%{}' without a value", place.conversion);
        };
        last = index;
        write_place(place, value_of(values.as_ref(), row, zone), values.data_type(), out)?;
    }
    Ok(())
}

fn value_of(values: &dyn Array, row: usize, zone: &Tz) -> Value {
    if values.is_null(row) || values.data_type().is_null() {
        return Value::Null;
    }
    match values.data_type() {
        DataType::Boolean => Value::Boolean(values.as_boolean().value(row)),
        DataType::Int8 => Value::Whole(i64::from(values.as_primitive::<Int8Type>().value(row)), 8),
        DataType::Int16 => Value::Whole(i64::from(values.as_primitive::<Int16Type>().value(row)), 16),
        DataType::Int32 => Value::Whole(i64::from(values.as_primitive::<Int32Type>().value(row)), 32),
        DataType::Int64 => Value::Whole(values.as_primitive::<Int64Type>().value(row), 64),
        // Days and microseconds are what the value holds inside.
        DataType::Date32 => Value::Whole(i64::from(values.as_primitive::<Date32Type>().value(row)), 32),
        DataType::Timestamp(..) => Value::Whole(values.as_primitive::<TimestampMicrosecondType>().value(row), 64),
        DataType::Float32 => Value::Real(shortest(values.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => Value::Real(values.as_primitive::<Float64Type>().value(row)),
        _ => {
            let mut text = String::new();
            write_value(values, row, Style::Show, zone, &mut text);
            Value::Text(text)
        }
    }
}

/// A float as the double with the same digits, as its text is read.
fn shortest(value: f32) -> f64 {
    match value.is_finite() {
        true => ryu::Buffer::new()
            .format_finite(value)
            .parse()
            .unwrap_or(f64::from(value)),
        false => f64::from(value),
    }
}

fn write_place(place: &Place, value: Value, kind: &DataType, out: &mut String) -> Result<()> {
    let text = match (place.conversion.to_ascii_lowercase(), value) {
        ('b', Value::Null) => "false".to_owned(),
        ('b', Value::Boolean(value)) => value.to_string(),
        ('b', _) => "true".to_owned(),
        (_, Value::Null) => "null".to_owned(),
        ('s', value) => plain_text(value, kind),
        ('h', value) => format!("{:x}", java_hash(&value)),
        ('c', Value::Whole(code, bits)) if bits <= 32 => match u32::try_from(code).ok().and_then(char::from_u32) {
            Some(c) => c.to_string(),
            None => return exec_err!("{code} is no character for %c"),
        },
        ('d', Value::Whole(value, _)) => {
            out.push_str(&signed(place, value < 0, &value.unsigned_abs().to_string(), true));
            return Ok(());
        }
        (base @ ('x' | 'o'), Value::Whole(value, bits)) => unsigned(place, base, value, bits),
        ('e' | 'f' | 'g' | 'a', Value::Real(value)) => {
            out.push_str(&recased(real(place, value), place));
            return Ok(());
        }
        (conversion, _) => {
            return exec_err!(
                "the format's %{conversion} does not take a value of type {}",
                crate::type_name::spark_type(kind)
            );
        }
    };
    let cut = match place.precision {
        Some(precision) if !matches!(place.conversion, 'x' | 'X' | 'o' | 'c' | 'C') => {
            text.chars().take(precision).collect()
        }
        _ => text,
    };
    out.push_str(&recased(padded(&cut, place), place));
    Ok(())
}

fn recased(text: String, place: &Place) -> String {
    match place.conversion.is_ascii_uppercase() {
        true => text.to_uppercase(),
        false => text,
    }
}

fn plain_text(value: Value, kind: &DataType) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Whole(value, _) => value.to_string(),
        Value::Boolean(value) => value.to_string(),
        Value::Text(text) => text,
        Value::Real(value) => {
            let mut text = String::new();
            match kind {
                DataType::Float32 => crate::number::write_f32(value as f32, &mut text),
                _ => crate::number::write_f64(value, &mut text),
            }
            text
        }
    }
}

/// Java's hash code of a value; of a text, the seed-42 hash Spark's texts have.
fn java_hash(value: &Value) -> i32 {
    use crate::functions::hash::{Algorithm, Murmur3};
    match value {
        Value::Null => 0,
        Value::Whole(value, 64) => (value ^ (value >> 32)) as i32,
        Value::Whole(value, _) => *value as i32,
        Value::Boolean(true) => 1231,
        Value::Boolean(false) => 1237,
        Value::Real(value) => {
            let bits = value.to_bits() as i64;
            (bits ^ (bits >> 32)) as i32
        }
        Value::Text(text) => Murmur3::bytes(text.as_bytes(), 42),
    }
}

fn padded(text: &str, place: &Place) -> String {
    let missing = place.width.saturating_sub(text.chars().count());
    let blanks = " ".repeat(missing);
    if place.left {
        format!("{text}{blanks}")
    } else {
        format!("{blanks}{text}")
    }
}

/// Sign, separators and zeros around the digits of a number.
fn signed(place: &Place, negative: bool, digits: &str, groupable: bool) -> String {
    let (whole, rest) = digits.split_at(digits.find(['.', 'e']).unwrap_or(digits.len()));
    let mut whole = whole.to_owned();
    if place.grouped && groupable {
        whole = grouped(&whole);
    }
    let (before, after) = match (negative, place.parentheses) {
        (true, true) => ("(", ")"),
        (true, false) => ("-", ""),
        (false, _) if place.plus => ("+", ""),
        (false, _) if place.space => (" ", ""),
        (false, _) => ("", ""),
    };
    let length = before.len() + whole.len() + rest.len() + after.len();
    let zeros = match place.zeros {
        true => "0".repeat(place.width.saturating_sub(length)),
        false => String::new(),
    };
    padded(&format!("{before}{zeros}{whole}{rest}{after}"), place)
}

fn grouped(whole: &str) -> String {
    let mut out = String::with_capacity(whole.len() * 4 / 3);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Hexadecimal and octal show the bits of the value's type.
fn unsigned(place: &Place, base: char, value: i64, bits: u32) -> String {
    let value = match bits {
        64 => value as u64,
        bits => (value as u64) & ((1 << bits) - 1),
    };
    let (prefix, digits) = match base {
        'x' => ("0x", format!("{value:x}")),
        _ => ("0", format!("{value:o}")),
    };
    let prefix = if place.alternate { prefix } else { "" };
    let zeros = match place.zeros {
        true => "0".repeat(place.width.saturating_sub(prefix.len() + digits.len())),
        false => String::new(),
    };
    format!("{prefix}{zeros}{digits}")
}

fn real(place: &Place, value: f64) -> String {
    if !value.is_finite() {
        let word = if value.is_nan() { "NaN" } else { "Infinity" };
        let plain = Place { zeros: false, ..*place };
        return match value.is_nan() {
            true => padded(word, &plain),
            false => signed(&plain, value < 0.0, word, false),
        };
    }
    let negative = value.is_sign_negative();
    let size = value.abs();
    let precision = place.precision.unwrap_or(6);
    let digits = match place.conversion.to_ascii_lowercase() {
        'f' => fixed(size, precision),
        'e' => scientific(size, precision),
        'g' => general(size, precision.max(1)),
        _ => hexadecimal(size),
    };
    signed(place, negative, &digits, true)
}

/// Rounds half up on the shortest digits of the value, as Java does.
fn fixed(size: f64, places: usize) -> String {
    let (digits, point) = decimal_digits(size);
    let (digits, point) = rounded(digits, point, point + places as i32);
    let mut out = match point {
        1.. => (0..point).map(|at| digit_at(&digits, at)).collect(),
        _ => String::from("0"),
    };
    if places > 0 {
        out.push('.');
        (0..places as i32).for_each(|at| out.push(digit_at(&digits, point + at)));
    }
    out
}

fn digit_at(digits: &[u8], at: i32) -> char {
    match usize::try_from(at).ok().and_then(|at| digits.get(at)) {
        Some(digit) => char::from(b'0' + digit),
        None => '0',
    }
}

/// The shortest digits of a value, and where the point stands: 0.5 is `[5]` and 0.
fn decimal_digits(size: f64) -> (Vec<u8>, i32) {
    if size == 0.0 {
        return (vec![0], 1);
    }
    let text = format!("{size:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    (digits, exponent.parse::<i32>().unwrap_or(0) + 1)
}

/// Keeps a number of digits.
fn rounded(mut digits: Vec<u8>, mut point: i32, keep: i32) -> (Vec<u8>, i32) {
    if keep < 0 {
        return (Vec::new(), point);
    }
    let keep = keep as usize;
    if keep >= digits.len() {
        return (digits, point);
    }
    let up = digits[keep] >= 5;
    digits.truncate(keep);
    if up {
        let carried = digits.iter_mut().rev().all(|digit| {
            *digit = (*digit + 1) % 10;
            *digit == 0
        });
        if carried {
            digits.insert(0, 1);
            point += 1;
        }
    }
    (digits, point)
}

fn scientific(size: f64, places: usize) -> String {
    let (digits, point) = decimal_digits(size);
    let (digits, point) = rounded(digits, point, places as i32 + 1);
    let exponent = if size == 0.0 { 0 } else { point - 1 };
    let mut out = String::new();
    out.push(digit_at(&digits, 0));
    if places > 0 {
        out.push('.');
        (1..=places as i32).for_each(|at| out.push(digit_at(&digits, at)));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    // Writing to a String cannot fail.
    let _ = write!(out, "e{sign}{:02}", exponent.abs());
    out
}

/// `%g`: the precision counts all digits; from 10^-4 up to 10^precision without an exponent.
fn general(size: f64, precision: usize) -> String {
    let (digits, point) = decimal_digits(size);
    let (_, point) = rounded(digits, point, precision as i32);
    if size == 0.0 || (size >= 1e-4 && point <= precision as i32) {
        let point = if size == 0.0 { 1 } else { point };
        fixed(size, (precision as i32 - point).max(0) as usize)
    } else {
        scientific(size, precision - 1)
    }
}

fn hexadecimal(size: f64) -> String {
    if size == 0.0 {
        return "0x0.0p0".to_owned();
    }
    let bits = size.to_bits();
    let (exponent, fraction) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
    let hex = format!("{fraction:013x}");
    let hex = hex.trim_end_matches('0');
    let hex = if hex.is_empty() { "0" } else { hex };
    match exponent {
        0 => format!("0x0.{hex}p-1022"),
        exponent => format!("0x1.{hex}p{}", exponent - 1023),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reals_are_rounded_by_their_digits() {
        for (value, places, text) in [
            (2.71759, 2, "2.72"),
            (0.125, 2, "0.13"),
            (1.005, 2, "1.01"),
            (0.004, 2, "0.00"),
            (0.996, 2, "1.00"),
            (999.5, 0, "1000"),
            (0.5, 0, "1"),
            (1e21, 1, "1000000000000000000000.0"),
            (0.0, 1, "0.0"),
        ] {
            assert_eq!(fixed(value, places), text);
        }
        assert_eq!(scientific(12345.678, 6), "1.234568e+04");
        assert_eq!(scientific(0.00012, 6), "1.200000e-04");
        assert_eq!(general(0.000_123_4, 6), "0.000123400");
        assert_eq!(general(1e10, 6), "1.00000e+10");
        assert_eq!(hexadecimal(1.0), "0x1.0p0");
    }
}
