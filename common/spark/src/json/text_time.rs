//! Dates and timestamps in JSON text: a fast path for ISO text, Spark's general rules behind it, and the texts Spark
//! refuses to decide on.

use crate::cast::parse_time;
use crate::pattern::{OldParser, Pattern};
use crate::zone::{self, Tz};

const DAY_SECONDS: i64 = 86_400;
const SECOND_US: i64 = 1_000_000;

/// A text that only Spark 2's lenient parser accepts: Spark 3 fails the query rather than choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ambiguous;

/// Reads an instant; microseconds since the epoch, `None` if the text is not a timestamp.
#[inline]
pub(crate) fn timestamp(text: &[u8], zone: &Tz) -> Result<Option<i64>, Ambiguous> {
    if let Some((local_us, utc)) = iso_timestamp(text) {
        return Ok(Some(if utc {
            local_us
        } else {
            zone::to_instant_us(local_us, zone)
        }));
    }
    slow_timestamp(text, zone)
}

#[cold]
fn slow_timestamp(text: &[u8], zone: &Tz) -> Result<Option<i64>, Ambiguous> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    match parse_time::parse_timestamp(text, zone) {
        Some(us) => Ok(Some(us)),
        None if lenient_prefix(text, &LENIENT_TIMESTAMP) => Err(Ambiguous),
        None => Ok(None),
    }
}

/// Reads a text by a pattern, and tells apart what only Spark 2's parser takes.
pub(crate) fn by_pattern<T>(
    pattern: &Pattern,
    text: &[u8],
    read: impl FnOnce(&Pattern, &str) -> Option<T>,
) -> Result<Option<T>, Ambiguous> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    match read(pattern, text) {
        Some(value) => Ok(Some(value)),
        None if pattern.read_by_old(text, OldParser::RollingOver) => Err(Ambiguous),
        None => Ok(None),
    }
}

/// Reads a local date and time; text with a zone is refused.
pub(crate) fn local(text: &[u8]) -> Option<i64> {
    match iso_timestamp(text) {
        Some((local_us, utc)) => (!utc).then_some(local_us),
        None => {
            let text = std::str::from_utf8(text).ok()?;
            if has_zone(text) {
                None
            } else {
                parse_time::parse_local(text)
            }
        }
    }
}

/// Tells whether anything but a fraction's digits follows the seconds.
fn has_zone(text: &str) -> bool {
    let time = text.trim().splitn(3, ':').nth(2).unwrap_or_default();
    time.bytes().any(|b| !b.is_ascii_digit() && b != b'.')
}

/// Reads a date; days since the epoch. An integer without a year's four digits counts days, as Spark 1.5 wrote dates.
pub(crate) fn date(text: &[u8]) -> Result<Option<i32>, Ambiguous> {
    if text.len() == 10
        && let Some(days) = iso_days(text)
    {
        return i32::try_from(days).map(Some).map_err(|_| Ambiguous);
    }
    let text = std::str::from_utf8(text).unwrap_or_default();
    match parse_time::parse_date(text) {
        Some(days) => Ok(Some(days)),
        None if lenient_prefix(text, &LENIENT_DATE) => Err(Ambiguous),
        None => Ok(text.parse().ok()),
    }
}

/// Reads `yyyy-MM-dd[T ]HH:mm:ss[.f+][Z]`; the flag tells that `Z` was there. Anything else is left to the slow path.
#[inline]
fn iso_timestamp(text: &[u8]) -> Option<(i64, bool)> {
    if text.len() < 19 || text.len() > 30 {
        return None;
    }
    let days = iso_days(text)?;
    if !matches!(text[10], b'T' | b' ') || text[13] != b':' || text[16] != b':' {
        return None;
    }
    let (hour, minute, second) = (two(text, 11)?, two(text, 14)?, two(text, 17)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut rest = &text[19..];
    let utc = rest.last() == Some(&b'Z');
    if utc {
        rest = &rest[..rest.len() - 1];
    }
    let mut micros = 0;
    if let Some((dot, digits)) = rest.split_first() {
        if *dot != b'.' || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut unit = 100_000;
        for digit in digits.iter().take(6) {
            micros += i64::from(digit - b'0') * unit;
            unit /= 10;
        }
    }
    let seconds = days * DAY_SECONDS + hour * 3600 + minute * 60 + second;
    Some((seconds * SECOND_US + micros, utc))
}

/// Reads `yyyy-MM-dd` at the start; days since the epoch.
#[inline]
fn iso_days(text: &[u8]) -> Option<i64> {
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let year = two(text, 0)? * 100 + two(text, 2)?;
    let (month, day) = (two(text, 5)?, two(text, 8)?);
    if !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (day <= days_of_month).then(|| days_from_civil(year, month, day))
}

#[inline]
fn two(text: &[u8], at: usize) -> Option<i64> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens) * 10 + i64::from(ones))
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar. The year is counted from March, so that the leap day ends it.
#[inline]
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// What follows each number of the lenient parser's default patterns; `0` ends the pattern.
const LENIENT_TIMESTAMP: [u8; 6] = [b'-', b'-', b' ', b':', b':', 0];
const LENIENT_DATE: [u8; 3] = [b'-', b'-', 0];

/// Tells whether the text starts with numbers of any size, blanks allowed before each, parted by `separators`.
fn lenient_prefix(text: &str, separators: &[u8]) -> bool {
    let mut rest = text;
    for &separator in separators {
        rest = rest.trim_start();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || rest[..digits].parse::<i32>().is_err() {
            return false;
        }
        rest = &rest[digits..];
        if separator == 0 {
            return true;
        }
        match rest.strip_prefix(char::from(separator)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_path_agrees_with_the_general_one() {
        for text in [
            "2021-05-08T12:34:56Z",
            "2021-05-08 12:34:56",
            "2021-05-08T12:34:56.7Z",
            "2021-05-08T12:34:56.123456789",
            "1969-12-31T23:59:59.9999Z",
            "0001-01-01T00:00:00Z",
            "2000-02-29T00:00:00Z",
            "9999-12-31T23:59:59.999999Z",
            "1900-02-28T23:59:59",
            "2021-05-08T12:34:56.",
        ] {
            let fast = iso_timestamp(text.as_bytes()).map(|(us, _)| us);
            assert!(fast.is_some(), "{text}");
            assert_eq!(fast, parse_time::parse_timestamp(text, &Tz::UTC), "{text}");
        }
        for text in [
            "1900-02-29T00:00:00Z",
            "2021-13-01T00:00:00Z",
            "2021-05-08T24:00:00Z",
            "2021-05-08T12:34:56,5",
        ] {
            assert_eq!(iso_timestamp(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn texts_only_the_lenient_parser_takes_are_ambiguous() {
        let read = |text: &str| timestamp(text.as_bytes(), &Tz::UTC);
        for text in [
            "2021-05-08 12:34:56 PM",
            "2021-02-30 00:00:00",
            "2021-05-08 25:00:00",
            "2021- 5-8 1:1:1",
            "2021-05-08  12:00:00",
        ] {
            assert_eq!(read(text), Err(Ambiguous), "{text}");
        }
        for text in [
            "2021-02-30",
            "05/08/2021",
            "2021-05-08T25:00:00",
            "2021-05-08 1x:00:00",
            "99999999999-05-08 12:00:00",
            "",
        ] {
            assert_eq!(read(text), Ok(None), "{text}");
        }
        for text in ["2021-05-08x", "2021-02-30", "2021-13-01", "2021- 5-8"] {
            assert_eq!(date(text.as_bytes()), Err(Ambiguous), "{text}");
        }
        assert_eq!(date(b"2021-05-08 x"), Ok(Some(18755)));
        assert_eq!(date(b"2021-5"), Ok(Some(18748)));
        assert_eq!(date(b"17"), Ok(Some(17)));
        assert_eq!(date(b"05/08/2021"), Ok(None));
        assert_eq!(local(b"2021-05-08T12:34:56Z"), None);
        assert_eq!(local(b"2021-05-08 00:00"), Some(18755 * DAY_SECONDS * SECOND_US));
    }
}
