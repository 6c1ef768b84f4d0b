//! Intervals of fixed fields as Spark writes them: `INTERVAL '1 02:03:04.5' DAY TO SECOND`.

use super::{Field, Range};
use crate::zone::SECOND_US;

/// Appends the text of an interval of months or microseconds.
pub fn write(amount: i64, range: Range, out: &mut String) {
    out.push_str("INTERVAL '");
    if amount < 0 {
        out.push('-');
    }
    let mut rest = amount.unsigned_abs();
    for field in Field::ALL {
        if field < range.start || field > range.end {
            continue;
        }
        if field > range.start {
            out.push(match field {
                Field::Month => '-',
                Field::Hour => ' ',
                _ => ':',
            });
        }
        let unit = field.unit().unsigned_abs();
        let width = if field > Field::Day { 2 } else { 1 };
        push_padded(rest / unit, width, out);
        rest %= unit;
        if field == Field::Second {
            write_fraction(rest, out);
        }
    }
    out.push_str("' ");
    out.push_str(&range.start.name().to_ascii_uppercase());
    if range.end > range.start {
        out.push_str(" TO ");
        out.push_str(&range.end.name().to_ascii_uppercase());
    }
}

fn push_padded(value: u64, width: usize, out: &mut String) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value);
    for _ in digits.len()..width {
        out.push('0');
    }
    out.push_str(digits);
}

/// Appends `.` and the digits of a part of a second that are not trailing zeros; nothing for none.
pub(super) fn write_fraction(micros: u64, out: &mut String) {
    if micros == 0 {
        return;
    }
    let places = SECOND_US.unsigned_abs().ilog10() as usize;
    out.push('.');
    push_padded(micros, places, out);
    out.truncate(out.trim_end_matches('0').len());
}
