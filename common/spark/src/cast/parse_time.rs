//! Dates and timestamps read from text, with all the shapes Spark's CAST takes.

use super::trim;
use crate::zone::{self, DAY_US, SECOND_US, Tz};

/// Most digits of a year in a date.
const YEAR_DIGITS_MAX: usize = 7;
/// Most digits of a year in a timestamp.
const TIMESTAMP_YEAR_DIGITS_MAX: usize = 6;

/// Days from the first of March of year 0 to 1970-01-01.
const MARCH_0000_TO_EPOCH: i64 = 719_468;

/// Days from 1970-01-01 of a date in the proleptic Gregorian calendar; None when there is no such day.
pub fn days_of(year: i32, month: u32, day: u32) -> Option<i32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last one.
    let (year, month) = (i64::from(year) - i64::from(month < 3), i64::from((month + 9) % 12));
    let of_years = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let of_months = (153 * month + 2) / 5;
    i32::try_from(of_years + of_months + i64::from(day) - 1 - MARCH_0000_TO_EPOCH).ok()
}

/// A reader of digits and separators over bytes.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    fn digits(&mut self, min: usize, max: usize) -> Option<u32> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count < min || count > max {
            return None;
        }
        let value = self.rest[..count]
            .iter()
            .fold(0u32, |sum, byte| sum * 10 + u32::from(byte - b'0'));
        self.rest = &self.rest[count..];
        Some(value)
    }

    fn take(&mut self, byte: u8) -> bool {
        if self.rest.first() == Some(&byte) {
            self.rest = &self.rest[1..];
            return true;
        }
        false
    }
}

/// Reads `[+-]y[-m[-d]]`; what follows the date must start with a blank or `T`.
fn read_day(cursor: &mut Cursor<'_>, year_digits_max: usize) -> Option<i32> {
    let negative = match cursor.rest.first()? {
        b'-' => {
            cursor.rest = &cursor.rest[1..];
            true
        }
        b'+' => {
            cursor.rest = &cursor.rest[1..];
            false
        }
        _ => false,
    };
    let year = i32::try_from(cursor.digits(4, year_digits_max)?).ok()?;
    let year = if negative { -year } else { year };
    let mut month = 1;
    let mut day = 1;
    if cursor.take(b'-') {
        month = cursor.digits(1, 2)?;
        if cursor.take(b'-') {
            day = cursor.digits(1, 2)?;
        } else if !cursor.rest.is_empty() {
            return None;
        }
    } else if !cursor.rest.is_empty() {
        return None;
    }
    days_of(year, month, day)
}

/// Reads a date as CAST does: `yyyy`, `yyyy-[m]m`, `yyyy-[m]m-[d]d`, the last followed by a blank or `T` and anything.
pub fn parse_date(text: &str) -> Option<i32> {
    let mut cursor = Cursor {
        rest: trim(text).as_bytes(),
    };
    let days = read_day(&mut cursor, YEAR_DIGITS_MAX)?;
    matches!(cursor.rest.first(), None | Some(b' ' | b'T')).then_some(days)
}

/// A timestamp as written: a local time, or a time of day alone, and the zone that was written behind it.
struct Written<'a> {
    days: Option<i32>,
    time_us: i64,
    zone: Option<&'a str>,
}

fn read_timestamp(text: &str) -> Option<Written<'_>> {
    let text = trim(text);
    let mut cursor = Cursor { rest: text.as_bytes() };
    let time_only = cursor.rest.first() == Some(&b'T') || is_time(cursor.rest);
    let days = if time_only {
        cursor.take(b'T');
        None
    } else {
        let days = read_day(&mut cursor, TIMESTAMP_YEAR_DIGITS_MAX)?;
        if cursor.rest.is_empty() {
            return Some(Written {
                days: Some(days),
                time_us: 0,
                zone: None,
            });
        }
        if !cursor.take(b'T') && !cursor.take(b' ') {
            return None;
        }
        Some(days)
    };
    let hour = cursor.digits(1, 2)?;
    // The hour alone is no time, but an hour and a minute are.
    let (mut minute, mut second, mut micros) = (0, 0, 0);
    if cursor.take(b':') {
        minute = cursor.digits(1, 2)?;
        if cursor.take(b':') {
            second = cursor.digits(1, 2)?;
            if cursor.take(b'.') {
                micros = read_fraction(&mut cursor);
            }
        } else if !cursor.rest.is_empty() {
            // A zone needs the seconds before it.
            return None;
        }
    } else if time_only || !cursor.rest.is_empty() {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let at = text.len() - cursor.rest.len();
    let zone = trim(text.get(at..)?);
    let time_us = i64::from(hour * 3600 + minute * 60 + second) * SECOND_US + micros;
    Some(Written {
        days,
        time_us,
        zone: (!zone.is_empty()).then_some(zone),
    })
}

fn is_time(text: &[u8]) -> bool {
    matches!(text, [a, b':', ..] if a.is_ascii_digit())
        || matches!(text, [a, b, b':', ..] if a.is_ascii_digit() && b.is_ascii_digit())
}

/// Reads the digits of a fraction of a second; those beyond microseconds are cut.
fn read_fraction(cursor: &mut Cursor<'_>) -> i64 {
    let mut micros = 0i64;
    let mut unit = 100_000i64;
    while let Some(byte) = cursor.rest.first().filter(|byte| byte.is_ascii_digit()) {
        micros += i64::from(byte - b'0') * unit;
        unit /= 10;
        cursor.rest = &cursor.rest[1..];
    }
    micros
}

/// Reads an instant as CAST does, text without a zone in the zone of the session; microseconds since the epoch.
pub fn parse_timestamp(text: &str, tz: &Tz) -> Option<i64> {
    let written = read_timestamp(text)?;
    let zone = match written.zone {
        Some(name) => zone::find(name)?,
        None => *tz,
    };
    let days = match written.days {
        Some(days) => i64::from(days),
        None => zone.to_local(crate::batch_clock::now_us()).div_euclid(DAY_US),
    };
    let local = days.checked_mul(DAY_US)?.checked_add(written.time_us)?;
    Some(zone.to_instant(local))
}

/// Reads a local date and time (TIMESTAMP_NTZ) as CAST does; a zone behind it is ignored.
pub fn parse_local(text: &str) -> Option<i64> {
    let written = read_timestamp(text)?;
    if let Some(name) = written.zone {
        zone::find(name)?;
    }
    i64::from(written.days?)
        .checked_mul(DAY_US)?
        .checked_add(written.time_us)
}
