//! Any value as text: what `CAST(.. AS STRING)` gives and what tables show.

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::datatypes::{
    DataType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit, TimestampMicrosecondType,
};

use crate::interval::{self, Calendar, Range};
use crate::number::{self, DecimalLayout};
use crate::zone::{self, DAY_US, SECOND_US, Tz};

/// What differs between a cast and a shown table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `CAST(.. AS STRING)`: `null` inside arrays, exponents in tiny decimals, bytes as text.
    Cast,
    /// `show()`: `NULL`, plain decimals, bytes as `[61 62]`.
    Show,
}

/// Casts a column of any type to text.
pub fn to_text(array: &ArrayRef, tz: &Tz) -> StringArray {
    let mut builder = StringBuilder::with_capacity(array.len(), array.len() * 8);
    let mut buffer = String::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            builder.append_null();
            continue;
        }
        buffer.clear();
        write_value(array.as_ref(), row, Style::Cast, tz, &mut buffer);
        builder.append_value(&buffer);
    }
    builder.finish()
}

/// Appends the text of one value; a null is the style's word for it. Values of types outside Spark's are left out.
pub fn write_value(array: &dyn Array, row: usize, style: Style, tz: &Tz, out: &mut String) {
    if array.is_null(row) || array.data_type() == &DataType::Null {
        out.push_str(match style {
            Style::Cast => "null",
            Style::Show => "NULL",
        });
        return;
    }
    let mut integer = itoa::Buffer::new();
    match array.data_type() {
        DataType::Utf8 => out.push_str(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => out.push_str(array.as_string::<i64>().value(row)),
        DataType::Utf8View => out.push_str(array.as_string_view().value(row)),
        DataType::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Int8 => out.push_str(integer.format(array.as_primitive::<Int8Type>().value(row))),
        DataType::Int16 => out.push_str(integer.format(array.as_primitive::<Int16Type>().value(row))),
        DataType::Int32 => out.push_str(integer.format(array.as_primitive::<Int32Type>().value(row))),
        DataType::Int64 => out.push_str(integer.format(array.as_primitive::<Int64Type>().value(row))),
        DataType::Float32 => number::write_f32(array.as_primitive::<Float32Type>().value(row), out),
        DataType::Float64 => number::write_f64(array.as_primitive::<Float64Type>().value(row), out),
        DataType::Decimal128(_, scale) => {
            let layout = if style == Style::Show {
                DecimalLayout::Plain
            } else {
                DecimalLayout::Scientific
            };
            number::write_decimal(array.as_primitive::<Decimal128Type>().value(row), *scale, layout, out);
        }
        DataType::Date32 => write_date(array.as_primitive::<Date32Type>().value(row), out),
        DataType::Timestamp(TimeUnit::Microsecond, zoned) => {
            let us = array.as_primitive::<TimestampMicrosecondType>().value(row);
            write_local(if zoned.is_some() { zone::to_local_us(us, tz) } else { us }, out);
        }
        DataType::Binary => write_bytes(array.as_binary::<i32>().value(row), style, out),
        DataType::LargeBinary => write_bytes(array.as_binary::<i64>().value(row), style, out),
        DataType::BinaryView => write_bytes(array.as_binary_view().value(row), style, out),
        DataType::List(_) => write_list(array.as_list::<i32>().value(row).as_ref(), style, tz, out),
        DataType::LargeList(_) => write_list(array.as_list::<i64>().value(row).as_ref(), style, tz, out),
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            out.push('{');
            for at in 0..entries.len() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_value(entries.column(0).as_ref(), at, style, tz, out);
                out.push_str(" -> ");
                write_value(entries.column(1).as_ref(), at, style, tz, out);
            }
            out.push('}');
        }
        DataType::Struct(_) => {
            out.push('{');
            for (at, column) in array.as_struct().columns().iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_value(column.as_ref(), row, style, tz, out);
            }
            out.push('}');
        }
        DataType::Decimal32(..) | DataType::Decimal64(..) => write_interval(array, row, out),
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            interval::write_calendar(Calendar::of(value), out);
        }
        // Types that exist only inside the engine (unsigned, dictionaries, other units) take the long way.
        _ => {
            let one = array.slice(row, 1);
            match super::normalize(&one) {
                Ok(normal) if normal.data_type() != array.data_type() => {
                    write_value(normal.as_ref(), 0, style, tz, out);
                }
                _ => {}
            }
        }
    }
}

fn write_list(values: &dyn Array, style: Style, tz: &Tz, out: &mut String) {
    out.push('[');
    for at in 0..values.len() {
        if at > 0 {
            out.push_str(", ");
        }
        write_value(values, at, style, tz, out);
    }
    out.push(']');
}

fn write_bytes(bytes: &[u8], style: Style, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if style == Style::Cast {
        out.push_str(&String::from_utf8_lossy(bytes));
        return;
    }
    out.push('[');
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 {
            out.push(' ');
        }
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out.push(']');
}

fn push_padded(value: u32, width: usize, out: &mut String) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value);
    for _ in digits.len()..width {
        out.push('0');
    }
    out.push_str(digits);
}

/// Appends a date, given in days since 1970-01-01, as `yyyy-MM-dd`; years beyond 9999 have a sign.
pub fn write_date(days: i32, out: &mut String) {
    let (year, month, day) = civil(days);
    if year < 0 {
        out.push('-');
    } else if year > 9999 {
        out.push('+');
    }
    push_padded(year.unsigned_abs(), 4, out);
    out.push('-');
    push_padded(month, 2, out);
    out.push('-');
    push_padded(day, 2, out);
}

/// Year, month and day of a day number, for every year a timestamp can have.
fn civil(days: i32) -> (i32, u32, u32) {
    const ERA_DAYS: i64 = 146_097;
    // Years begin in March here, so that a leap day is a year's last.
    let shifted = i64::from(days) + 719_468;
    let (era, day) = (shifted.div_euclid(ERA_DAYS), shifted.rem_euclid(ERA_DAYS));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year as i32, month as u32, of_month as u32)
}

/// Appends a local time in microseconds as `yyyy-MM-dd HH:mm:ss[.f]`, trailing zeros of the fraction left out.
pub fn write_local(local_us: i64, out: &mut String) {
    write_date(local_us.div_euclid(DAY_US) as i32, out);
    let of_day = local_us.rem_euclid(DAY_US);
    let seconds = (of_day / SECOND_US) as u32;
    out.push(' ');
    push_padded(seconds / 3600, 2, out);
    out.push(':');
    push_padded(seconds / 60 % 60, 2, out);
    out.push(':');
    push_padded(seconds % 60, 2, out);
    write_fraction((of_day % SECOND_US) as u32, out);
}

fn write_fraction(micros: u32, out: &mut String) {
    if micros == 0 {
        return;
    }
    out.push('.');
    push_padded(micros, 6, out);
    out.truncate(out.trim_end_matches('0').len());
}

fn write_interval(array: &dyn Array, row: usize, out: &mut String) {
    let Some(range) = Range::of(array.data_type()) else {
        return;
    };
    let amount = if range.is_months() {
        i64::from(array.as_primitive::<Decimal32Type>().value(row))
    } else {
        array.as_primitive::<Decimal64Type>().value(row)
    };
    interval::write(amount, range, out);
}
