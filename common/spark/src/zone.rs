//! Session time zones: from a name to a zone, and from instants to local time and back.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, LocalResult, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone};
use datafusion::config::ConfigOptions;

use crate::SparkError;

/// Microseconds of a second.
pub const SECOND_US: i64 = 1_000_000;
/// Microseconds of a day.
pub const DAY_US: i64 = 86_400 * SECOND_US;
const DAY_SECONDS: i64 = 86_400;
/// The calendar repeats after 400 years, weekdays too.
const CALENDAR_SECONDS: i64 = 146_097 * DAY_SECONDS;
/// 2100-01-01: the tables of the regions end there, their last rules go on.
const TABLES_END: i64 = 4_102_444_800;
/// The last year of the tables, from which a year of the same shape is looked for backwards.
const LAST_YEAR: i32 = 2098;
/// Before every change of every region, and inside the calendar that is computed with.
const LONG_AGO: i64 = -100_000_000_000;

/// A time zone: a region with its rules, or a fixed offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tz {
    /// A region such as `Europe/Berlin`.
    Region(chrono_tz::Tz),
    /// Always the same distance from UTC.
    Fixed {
        /// Seconds east of UTC.
        seconds: i32,
        /// What stands before the offset in its name: nothing, `UTC`, `GMT` or `UT`.
        prefix: &'static str,
    },
}

impl Tz {
    /// UTC as a region.
    pub const UTC: Self = Self::Region(chrono_tz::Tz::UTC);

    /// The zone with a fixed offset from UTC, in seconds.
    pub const fn fixed(seconds: i32) -> Self {
        Self::Fixed { seconds, prefix: "" }
    }

    /// The instant of a local time, in microseconds.
    pub fn to_instant(self, local_us: i64) -> i64 {
        to_instant_us(local_us, &self)
    }

    /// The local time of an instant, in microseconds.
    pub fn to_local(self, instant_us: i64) -> i64 {
        to_local_us(instant_us, &self)
    }
}

impl fmt::Display for Tz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region(region) => f.write_str(region.name()),
            Self::Fixed { seconds: 0, prefix: "" } => f.write_str("Z"),
            Self::Fixed { seconds: 0, prefix } => f.write_str(prefix),
            Self::Fixed { seconds, prefix } => {
                let sign = if *seconds < 0 { '-' } else { '+' };
                let size = seconds.unsigned_abs();
                write!(f, "{prefix}{sign}{:02}:{:02}", size / 3600, size / 60 % 60)?;
                match size % 60 {
                    0 => Ok(()),
                    rest => write!(f, ":{rest:02}"),
                }
            }
        }
    }
}

impl FromStr for Tz {
    type Err = SparkError;

    fn from_str(name: &str) -> Result<Self, SparkError> {
        parse(name)
    }
}

/// Finds the zone with the given name: `Z`, `[+-]h[h][[:]mm[[:]ss]]`, the same behind `UTC`, `GMT` or `UT`, a region, or one of
/// Java's three-letter names.
///
/// # Errors
/// [`SparkError::UnknownZone`] when there is none.
pub fn parse(name: &str) -> Result<Tz, SparkError> {
    find(name).ok_or_else(|| SparkError::UnknownZone { name: name.to_owned() })
}

/// As [`parse`], without a reason.
pub fn find(name: &str) -> Option<Tz> {
    if name == "Z" {
        return Some(Tz::fixed(0));
    }
    for prefix in ["UTC", "GMT", "UT", ""] {
        let Some(rest) = name.strip_prefix(prefix) else {
            continue;
        };
        if rest.starts_with(['+', '-']) {
            return match (parse_offset(rest)?, prefix) {
                (0, "UTC" | "GMT") => prefix.parse().ok().map(Tz::Region),
                (seconds, prefix) => Some(Tz::Fixed { seconds, prefix }),
            };
        }
    }
    match name {
        "UT" => Some(Tz::Fixed {
            seconds: 0,
            prefix: "UT",
        }),
        "EST" => Some(Tz::fixed(-5 * 3600)),
        "MST" => Some(Tz::fixed(-7 * 3600)),
        "HST" => Some(Tz::fixed(-10 * 3600)),
        _ => short_region(name).unwrap_or(name).parse().ok().map(Tz::Region),
    }
}

/// The region one of Java's three-letter names stands for.
fn short_region(name: &str) -> Option<&'static str> {
    Some(match name {
        "ACT" => "Australia/Darwin",
        "AET" => "Australia/Sydney",
        "AGT" => "America/Argentina/Buenos_Aires",
        "ART" => "Africa/Cairo",
        "AST" => "America/Anchorage",
        "BET" => "America/Sao_Paulo",
        "BST" => "Asia/Dhaka",
        "CAT" => "Africa/Harare",
        "CNT" => "America/St_Johns",
        "CST" => "America/Chicago",
        "CTT" => "Asia/Shanghai",
        "EAT" => "Africa/Addis_Ababa",
        "ECT" => "Europe/Paris",
        "IET" => "America/Indiana/Indianapolis",
        "IST" => "Asia/Kolkata",
        "JST" => "Asia/Tokyo",
        "MIT" => "Pacific/Apia",
        "NET" => "Asia/Yerevan",
        "NST" => "Pacific/Auckland",
        "PLT" => "Asia/Karachi",
        "PNT" => "America/Phoenix",
        "PRT" => "America/Puerto_Rico",
        "PST" => "America/Los_Angeles",
        "SST" => "Pacific/Guadalcanal",
        "VST" => "Asia/Ho_Chi_Minh",
        _ => return None,
    })
}

fn parse_offset(text: &str) -> Option<i32> {
    let negative = text.starts_with('-');
    let digits = text.get(1..)?;
    let (hours, minutes, seconds) = if digits.contains(':') {
        let mut parts = digits.split(':');
        let hours = parts.next()?;
        let minutes = parts.next()?;
        let seconds = parts.next().unwrap_or("0");
        if parts.next().is_some() {
            return None;
        }
        (hours, minutes, seconds)
    } else {
        match digits.len() {
            1 | 2 => (digits, "0", "0"),
            4 => (digits.get(..2)?, digits.get(2..)?, "0"),
            6 => (digits.get(..2)?, digits.get(2..4)?, digits.get(4..)?),
            _ => return None,
        }
    };
    let number = |text: &str| -> Option<i32> {
        if text.is_empty() || text.len() > 2 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        text.parse().ok()
    };
    let (hours, minutes, seconds) = (number(hours)?, number(minutes)?, number(seconds)?);
    if hours > 18 || minutes > 59 || seconds > 59 || (hours == 18 && minutes + seconds > 0) {
        return None;
    }
    let total = hours * 3600 + minutes * 60 + seconds;
    Some(if negative { -total } else { total })
}

/// Returns the zone of a session's configuration; UTC when it names none.
///
/// # Errors
/// [`SparkError::UnknownZone`] when it names one that does not exist.
pub fn of_config(config: &ConfigOptions) -> Result<Tz, SparkError> {
    match config.execution.time_zone.as_deref() {
        Some(name) => parse(name),
        None => Ok(Tz::UTC),
    }
}

/// A moment inside the tables with the same offset: after their end the year of the same shape, since the last rules repeat.
pub(crate) fn in_tables(seconds: i64) -> Option<NaiveDateTime> {
    if seconds < TABLES_END {
        return chrono::DateTime::from_timestamp(seconds.max(LONG_AGO), 0).map(|at| at.naive_utc());
    }
    let inside = TABLES_END + (seconds - TABLES_END).rem_euclid(CALENDAR_SECONDS);
    let at = chrono::DateTime::from_timestamp(inside, 0)?.naive_utc();
    let first = |year: i32| NaiveDate::from_ymd_opt(year, 1, 1);
    let shape = |first: NaiveDate| (first.weekday(), first.leap_year());
    let wanted = first(at.year())?;
    let alike = (0..28)
        .filter_map(|back| first(LAST_YEAR - back))
        .find(|year| shape(*year) == shape(wanted))?;
    at.checked_add_signed(alike.signed_duration_since(wanted))
}

/// Returns the offset from UTC, in seconds, of an instant in a zone.
pub fn offset_seconds(instant_us: i64, zone: &Tz) -> i64 {
    match zone {
        Tz::Region(chrono_tz::Tz::UTC) => 0,
        Tz::Fixed { seconds, .. } => i64::from(*seconds),
        Tz::Region(region) => in_tables(instant_us.div_euclid(SECOND_US)).map_or(0, |at| {
            i64::from(region.offset_from_utc_datetime(&at).fix().local_minus_utc())
        }),
    }
}

/// Turns an instant into the local time of a zone; both in microseconds since 1970-01-01 00:00.
pub fn to_local_us(instant_us: i64, zone: &Tz) -> i64 {
    instant_us.saturating_add(offset_seconds(instant_us, zone) * SECOND_US)
}

/// Turns a local time of a zone into an instant. A time that occurs twice is the earlier one; one that is skipped moves on by
/// the length of the gap, as in Java.
pub fn to_instant_us(local_us: i64, zone: &Tz) -> i64 {
    let offset = match zone {
        Tz::Region(chrono_tz::Tz::UTC) => 0,
        Tz::Fixed { seconds, .. } => i64::from(*seconds),
        Tz::Region(region) => {
            in_tables(local_us.div_euclid(SECOND_US)).map_or(0, |local| local_offset_seconds(local, *region))
        }
    };
    local_us.saturating_sub(offset * SECOND_US)
}

/// As [`to_instant_us`], but of a time that occurs twice the one with the given offset, in seconds, if one has it.
pub fn to_instant_near_us(local_us: i64, offset_seconds: i64, zone: &Tz) -> i64 {
    let instant = local_us.saturating_sub(offset_seconds * SECOND_US);
    if self::offset_seconds(instant, zone) == offset_seconds {
        instant
    } else {
        to_instant_us(local_us, zone)
    }
}

fn local_offset_seconds(local: NaiveDateTime, zone: chrono_tz::Tz) -> i64 {
    let offset = match zone.offset_from_local_datetime(&local) {
        LocalResult::Single(offset) | LocalResult::Ambiguous(offset, _) => offset,
        LocalResult::None => {
            // In a gap the offset before it applies. No zone skips more than a day.
            let before = local - TimeDelta::days(1);
            match zone.offset_from_local_datetime(&before) {
                LocalResult::Single(offset) | LocalResult::Ambiguous(offset, _) => offset,
                LocalResult::None => return 0,
            }
        }
    };
    i64::from(offset.fix().local_minus_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(text: &str) -> i64 {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
            .unwrap()
            .and_utc()
            .timestamp_micros()
    }

    #[test]
    fn names_are_javas() {
        let names = [
            ("+03:30", "+03:30"),
            ("GMT+3", "GMT+03:00"),
            ("UTC+0", "UTC"),
            ("+0", "Z"),
            ("+5", "+05:00"),
            ("-8:5", "-08:05"),
            ("+053015", "+05:30:15"),
            ("EST", "-05:00"),
            ("PST", "America/Los_Angeles"),
            ("UT", "UT"),
            ("GMT0", "GMT0"),
        ];
        for (name, shown) in names {
            assert_eq!(parse(name).unwrap().to_string(), shown, "{name}");
        }
        for name in ["+18:01", "utc", "europe/berlin", "", "+", "UTC5", "+123"] {
            assert!(find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn rules_go_on_after_the_tables() {
        let berlin = Tz::Region(chrono_tz::Tz::Europe__Berlin);
        let summer = us("2500-07-01 12:00:00");
        assert_eq!(to_local_us(summer, &berlin), us("2500-07-01 14:00:00"));
        assert_eq!(to_instant_us(us("2500-07-01 14:00:00"), &berlin), summer);
        assert_eq!(offset_seconds(us("2100-12-31 23:59:59"), &berlin), 3600);
    }

    #[test]
    fn daylight_saving_is_javas() {
        let berlin = Tz::Region(chrono_tz::Tz::Europe__Berlin);
        assert_eq!(
            to_instant_us(us("2021-03-28 02:30:00"), &berlin),
            us("2021-03-28 01:30:00")
        );
        assert_eq!(
            to_instant_us(us("2021-10-31 02:30:00"), &berlin),
            us("2021-10-31 00:30:00")
        );
        assert_eq!(
            to_local_us(us("2021-07-01 00:00:00"), &berlin),
            us("2021-07-01 02:00:00")
        );
        assert_eq!(
            to_local_us(us("2021-01-01 00:00:00"), &Tz::Region(chrono_tz::Tz::America__New_York)),
            us("2020-12-31 19:00:00")
        );
    }
}
