//! Timestamps as text files hold them: `2021-05-10T13:04:06.996Z`.

use chrono::{DateTime, FixedOffset};
use millstream_spark::zone::{Tz, offset_seconds};

/// Microseconds since the epoch as ISO 8601 with milliseconds, with the zone's offset, or without when it has none.
pub(super) fn write_timestamp(micros: i64, zone: Option<&Tz>) -> String {
    let Some(instant) = DateTime::from_timestamp_micros(micros) else {
        return String::new();
    };
    match zone {
        None => instant.format("%Y-%m-%dT%H:%M:%S%.3f").to_string(),
        Some(zone) => {
            let east = i32::try_from(offset_seconds(micros, zone))
                .ok()
                .and_then(FixedOffset::east_opt);
            let Some(east) = east else { return String::new() };
            let local = instant.with_timezone(&east);
            let offset = if east.local_minus_utc() == 0 { "Z" } else { "%:z" };
            local.format(&format!("%Y-%m-%dT%H:%M:%S%.3f{offset}")).to_string()
        }
    }
}
