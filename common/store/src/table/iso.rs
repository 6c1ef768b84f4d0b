//! Timestamps as text files hold them: `2021-05-10T13:04:06.996Z`.

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

/// Microseconds since the epoch as ISO 8601 with milliseconds, with the zone's offset, or without when it has none.
pub(super) fn write_timestamp(micros: i64, zone: Option<&Tz>) -> String {
    let Some(instant) = DateTime::from_timestamp_micros(micros) else {
        return String::new();
    };
    match zone {
        None => instant.format("%Y-%m-%dT%H:%M:%S%.3f").to_string(),
        Some(zone) => {
            let local = zone.from_utc_datetime(&instant.naive_utc());
            let offset = if local.offset().fix().local_minus_utc() == 0 {
                "Z"
            } else {
                "%:z"
            };
            local.format(&format!("%Y-%m-%dT%H:%M:%S%.3f{offset}")).to_string()
        }
    }
}
