//! Session time zones: from a name to a zone, and from instants to local time and back.

use chrono::{LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use datafusion::config::ConfigOptions;

use crate::SparkError;

/// Microseconds of a second.
pub const SECOND_US: i64 = 1_000_000;
/// Microseconds of a day.
pub const DAY_US: i64 = 86_400 * SECOND_US;

/// Finds the zone with the given name (a region, `UTC` or `Z`).
///
/// # Errors
/// [`SparkError::UnknownZone`] when there is none.
pub fn parse(name: &str) -> Result<Tz, SparkError> {
    match name {
        "Z" | "UTC" | "GMT" | "+00:00" => Ok(Tz::UTC),
        other => other
            .parse()
            .map_err(|_| SparkError::UnknownZone { name: other.to_owned() }),
    }
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

/// Returns the offset from UTC, in seconds, of an instant in a zone.
pub fn offset_seconds(instant_us: i64, zone: &Tz) -> i64 {
    if *zone == Tz::UTC {
        return 0;
    }
    let seconds = instant_us.div_euclid(SECOND_US);
    match chrono::DateTime::from_timestamp(seconds, 0) {
        Some(instant) => i64::from(
            zone.offset_from_utc_datetime(&instant.naive_utc())
                .fix()
                .local_minus_utc(),
        ),
        None => 0,
    }
}

/// Turns an instant into the local time of a zone; both in microseconds since 1970-01-01 00:00.
pub fn to_local_us(instant_us: i64, zone: &Tz) -> i64 {
    instant_us.saturating_add(offset_seconds(instant_us, zone) * SECOND_US)
}

/// Turns a local time of a zone into an instant. A time that occurs twice is the earlier one; one that is skipped moves on by
/// the length of the gap, as in Java.
pub fn to_instant_us(local_us: i64, zone: &Tz) -> i64 {
    if *zone == Tz::UTC {
        return local_us;
    }
    let seconds = local_us.div_euclid(SECOND_US);
    let Some(local) = chrono::DateTime::from_timestamp(seconds, 0).map(|utc| utc.naive_utc()) else {
        return local_us;
    };
    local_us.saturating_sub(local_offset_seconds(local, zone) * SECOND_US)
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

fn local_offset_seconds(local: NaiveDateTime, zone: &Tz) -> i64 {
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
    fn daylight_saving_is_javas() {
        let berlin = Tz::Europe__Berlin;
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
            to_local_us(us("2021-01-01 00:00:00"), &Tz::America__New_York),
            us("2020-12-31 19:00:00")
        );
    }
}
