//! Any value as text: what `CAST(.. AS STRING)` gives and what tables show.

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType, TimeUnit,
    TimestampMicrosecondType,
};
use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;

use crate::number::{self, DecimalLayout};
use crate::zone::{self, DAY_US, SECOND_US};

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
        DataType::Duration(TimeUnit::Microsecond) => {
            write_day_time(array.as_primitive::<DurationMicrosecondType>().value(row), out);
        }
        DataType::Interval(IntervalUnit::YearMonth) => {
            write_year_month(i64::from(array.as_primitive::<IntervalYearMonthType>().value(row)), out);
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let parts = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            let micros = i64::from(parts.days)
                .saturating_mul(DAY_US)
                .saturating_add(parts.nanoseconds / 1000);
            if parts.months == 0 {
                write_day_time(micros, out);
            } else {
                write_year_month(i64::from(parts.months), out);
            }
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
    let Some(date) = i64::from(days)
        .checked_add(i64::from(NaiveDate::default().num_days_from_ce()))
        .and_then(|ce| i32::try_from(ce).ok())
        .and_then(NaiveDate::from_num_days_from_ce_opt)
    else {
        return;
    };
    let year = date.year();
    if year < 0 {
        out.push('-');
    } else if year > 9999 {
        out.push('+');
    }
    push_padded(year.unsigned_abs(), 4, out);
    out.push('-');
    push_padded(date.month(), 2, out);
    out.push('-');
    push_padded(date.day(), 2, out);
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

fn write_day_time(micros: i64, out: &mut String) {
    out.push_str("INTERVAL '");
    if micros < 0 {
        out.push('-');
    }
    let total = micros.unsigned_abs();
    let (day, second) = (DAY_US as u64, SECOND_US as u64);
    out.push_str(itoa::Buffer::new().format(total / day));
    let seconds = (total % day / second) as u32;
    out.push(' ');
    push_padded(seconds / 3600, 2, out);
    out.push(':');
    push_padded(seconds / 60 % 60, 2, out);
    out.push(':');
    push_padded(seconds % 60, 2, out);
    write_fraction((total % second) as u32, out);
    out.push_str("' DAY TO SECOND");
}

fn write_year_month(months: i64, out: &mut String) {
    out.push_str("INTERVAL '");
    if months < 0 {
        out.push('-');
    }
    let total = months.unsigned_abs();
    out.push_str(itoa::Buffer::new().format(total / 12));
    out.push('-');
    out.push_str(itoa::Buffer::new().format(total % 12));
    out.push_str("' YEAR TO MONTH");
}
