//! Names of months, days, eras and zones, as Java writes them in English.

use std::borrow::Cow;
use std::sync::LazyLock;

use chrono::{TimeDelta, TimeZone};
use chrono_tz::OffsetComponents;

use crate::zone::{SECOND_US, Tz, in_tables};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
pub(super) const ERAS: [(&str, &str); 2] = [("BC", "Before Christ"), ("AD", "Anno Domini")];
const SHORT: usize = 3;

/// The name in full with four letters in the pattern, else its start.
pub(super) fn cut(name: &'static str, count: usize) -> &'static str {
    if count >= 4 {
        name
    } else {
        name.get(..SHORT).unwrap_or(name)
    }
}

/// The names of zones as Java has them: in winter short and long, in summer short and long, and the zones they are for.
const ZONE_NAMES: &str = include_str!("zone_names.txt");

/// The zone a short name stands for when it is read, where more than one has it.
const MEANT: [(&str, &str); 14] = [
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
    ("MST", "America/Denver"),
    ("MDT", "America/Denver"),
    ("CST", "America/Chicago"),
    ("CDT", "America/Chicago"),
    ("EST", "America/New_York"),
    ("EDT", "America/New_York"),
    ("CET", "Europe/Paris"),
    ("CEST", "Europe/Paris"),
    ("BST", "Europe/London"),
    ("IST", "Asia/Kolkata"),
    ("GMT", "UTC"),
    ("UTC", "UTC"),
];

struct ZoneNames {
    names: [&'static str; 4],
    zones: &'static str,
}

static TABLE: LazyLock<Vec<ZoneNames>> = LazyLock::new(|| {
    let row = |line: &'static str| {
        let mut parts = line.split('|');
        let names = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        Some(ZoneNames {
            names,
            zones: parts.next()?,
        })
    };
    ZONE_NAMES.lines().filter_map(row).collect()
});

/// The name of the zone at an instant, short or in full.
pub(super) fn of_zone(zone: &Tz, instant_us: i64, full: bool) -> Cow<'static, str> {
    let Tz::Region(region) = zone else {
        return Cow::Owned(zone.to_string());
    };
    let at = in_tables(instant_us.div_euclid(SECOND_US)).map(|utc| region.offset_from_utc_datetime(&utc));
    let summer = at.is_some_and(|offset| offset.dst_offset() != TimeDelta::zero());
    let names = TABLE
        .iter()
        .find(|row| row.zones.split(' ').any(|known| known == region.name()));
    Cow::Borrowed(names.map_or(region.name(), |row| {
        row.names[2 * usize::from(summer) + usize::from(full)]
    }))
}

/// The zone a name at the start of the text stands for, in any case, and the length of the name; the longest fits.
pub(super) fn zone_at(text: &str) -> Option<(&'static str, usize)> {
    let meant = MEANT.iter().map(|(name, zone)| (*zone, *name));
    let known = TABLE.iter().flat_map(|row| {
        let zone = row.zones.split(' ').next().unwrap_or_default();
        row.names.map(|name| (zone, name))
    });
    let fits = meant.chain(known).filter(|(_, name)| starts(text, name));
    fits.fold(None, |best: Option<(&str, usize)>, (zone, name)| match best {
        Some((_, len)) if len >= name.len() => best,
        _ => Some((zone, name.len())),
    })
}

/// Whether the text starts with a name, in any case.
pub(super) fn starts(text: &str, name: &str) -> bool {
    text.get(..name.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(name))
}
