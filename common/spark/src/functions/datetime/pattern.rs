//! Java's `DateTimeFormatter` patterns: writing an instant and reading one.
//!
//! Letters: `G y u M L d D E a H h K k m s S Q q z V X x Z O`, quotes, and `[ ]` around optional parts. A pattern with another
//! letter is refused, as Spark refuses week-based ones.

use chrono::{Datelike, NaiveDate};
use chrono_tz::{OffsetName, Tz};
use datafusion::common::exec_err;

use super::fields::date_of;
use crate::cast::parse_time::{Zone, days_of, parse_zone};
use crate::functions::Result;
use crate::zone::{self, DAY_US, SECOND_US};

const MONTHS: [&str; 12] = [
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
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const SHORT_NAME: usize = 3;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Literal(String),
    Field { letter: char, count: usize, adjacent: bool },
    OptionalStart,
    OptionalEnd,
}

/// A pattern that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    items: Vec<Item>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// An execution error that names the letter that is not known or the quote that is not closed.
    pub fn parse(text: &str) -> Result<Self> {
        let mut items: Vec<Item> = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\'' => {
                    let mut literal = String::new();
                    if chars.peek() == Some(&'\'') {
                        chars.next();
                        literal.push('\'');
                    } else {
                        let mut closed = false;
                        while let Some(c) = chars.next() {
                            if c != '\'' {
                                literal.push(c);
                            } else if chars.peek() == Some(&'\'') {
                                chars.next();
                                literal.push('\'');
                            } else {
                                closed = true;
                                break;
                            }
                        }
                        if !closed {
                            return exec_err!("the datetime pattern {text:?} has a quote that is not closed");
                        }
                    }
                    push_literal(&mut items, &literal);
                }
                '[' => items.push(Item::OptionalStart),
                ']' => items.push(Item::OptionalEnd),
                letter if letter.is_ascii_alphabetic() => {
                    if !"GyuMLdDEaHhKkmsSQqzVXxZO".contains(letter) {
                        return exec_err!(
                            "the datetime pattern {text:?} has the letter {letter:?}, which has no meaning here"
                        );
                    }
                    let mut count = 1;
                    while chars.peek() == Some(&letter) {
                        chars.next();
                        count += 1;
                    }
                    items.push(Item::Field {
                        letter,
                        count,
                        adjacent: false,
                    });
                }
                other => push_literal(&mut items, &other.to_string()),
            }
        }
        mark_adjacent(&mut items);
        Ok(Self { items })
    }

    /// Appends the text of an instant (microseconds since the epoch) in a zone.
    pub fn format(&self, instant_us: i64, tz: &Tz, out: &mut String) {
        let offset = zone::offset_seconds(instant_us, tz);
        let local = instant_us.saturating_add(offset * SECOND_US);
        let Some(date) = date_of(local.div_euclid(DAY_US) as i32) else {
            return;
        };
        let moment = Moment {
            date,
            of_day: local.rem_euclid(DAY_US),
            offset,
            instant_us,
            tz,
        };
        for item in &self.items {
            match item {
                Item::Literal(text) => out.push_str(text),
                Item::Field { letter, count, .. } => moment.write(*letter, *count, out),
                Item::OptionalStart | Item::OptionalEnd => {}
            }
        }
    }

    /// Reads an instant; None when the text does not follow the pattern to its end or names no time.
    pub fn read(&self, text: &str, tz: &Tz) -> Option<i64> {
        let mut fields = Fields::default();
        let rest = read_items(&self.items, text, &mut fields)?;
        if !rest.is_empty() {
            return None;
        }
        fields.resolve(tz)
    }
}

fn push_literal(items: &mut Vec<Item>, text: &str) {
    match items.last_mut() {
        Some(Item::Literal(last)) => last.push_str(text),
        _ => items.push(Item::Literal(text.to_owned())),
    }
}

fn is_numeric(letter: char, count: usize) -> bool {
    match letter {
        'y' | 'u' | 'd' | 'D' | 'H' | 'h' | 'K' | 'k' | 'm' | 's' | 'S' => true,
        'M' | 'L' | 'Q' | 'q' => count <= 2,
        _ => false,
    }
}

/// A number followed at once by another has a fixed width.
fn mark_adjacent(items: &mut [Item]) {
    for at in 0..items.len().saturating_sub(1) {
        let next_is_number = matches!(&items[at + 1], Item::Field { letter, count, .. } if is_numeric(*letter, *count));
        if let Item::Field { adjacent, .. } = &mut items[at] {
            *adjacent = next_is_number;
        }
    }
}

/// An instant taken apart for writing.
struct Moment<'a> {
    date: NaiveDate,
    of_day: i64,
    offset: i64,
    instant_us: i64,
    tz: &'a Tz,
}

impl Moment<'_> {
    fn write(&self, letter: char, count: usize, out: &mut String) {
        let seconds = self.of_day / SECOND_US;
        let hour = seconds / 3600;
        match letter {
            'G' => out.push_str(if self.date.year() > 0 { "AD" } else { "BC" }),
            'y' | 'u' => {
                let year = i64::from(self.date.year());
                let year = if letter == 'y' && year <= 0 { 1 - year } else { year };
                if count == 2 {
                    pad(year.rem_euclid(100), 2, out);
                } else {
                    pad(year, count, out);
                }
            }
            'M' | 'L' => self.write_month(count, out),
            'd' => pad(i64::from(self.date.day()), count, out),
            'D' => pad(i64::from(self.date.ordinal()), count, out),
            'E' => {
                let name = DAYS[self.date.weekday().num_days_from_monday() as usize];
                out.push_str(if count >= 4 { name } else { &name[..SHORT_NAME] });
            }
            'a' => out.push_str(if hour < 12 { "AM" } else { "PM" }),
            'H' => pad(hour, count, out),
            'k' => pad(if hour == 0 { 24 } else { hour }, count, out),
            'K' => pad(hour % 12, count, out),
            'h' => pad(if hour % 12 == 0 { 12 } else { hour % 12 }, count, out),
            'm' => pad(seconds / 60 % 60, count, out),
            's' => pad(seconds % 60, count, out),
            'S' => {
                let micros = format!("{:06}", self.of_day % SECOND_US);
                for at in 0..count {
                    out.push(micros.as_bytes().get(at).map_or('0', |digit| char::from(*digit)));
                }
            }
            'Q' | 'q' => {
                let quarter = i64::from(self.date.month0() / 3 + 1);
                match count {
                    1 | 2 => pad(quarter, count, out),
                    3 => {
                        out.push('Q');
                        pad(quarter, 1, out);
                    }
                    _ => {
                        out.push_str(["1st", "2nd", "3rd", "4th"][(quarter - 1) as usize]);
                        out.push_str(" quarter");
                    }
                }
            }
            _ => self.write_zone(letter, count, out),
        }
    }

    fn write_month(&self, count: usize, out: &mut String) {
        match count {
            1 | 2 => pad(i64::from(self.date.month()), count, out),
            3 => out.push_str(&MONTHS[self.date.month0() as usize][..SHORT_NAME]),
            _ => out.push_str(MONTHS[self.date.month0() as usize]),
        }
    }

    fn write_zone(&self, letter: char, count: usize, out: &mut String) {
        match (letter, count) {
            ('V', _) => out.push_str(self.tz.name()),
            ('z', _) => {
                let name = chrono::DateTime::from_timestamp(self.instant_us.div_euclid(SECOND_US), 0).and_then(|utc| {
                    let local = utc.with_timezone(self.tz);
                    local.offset().abbreviation().map(str::to_owned)
                });
                out.push_str(name.as_deref().unwrap_or(self.tz.name()));
            }
            ('X', _) if self.offset == 0 => out.push('Z'),
            ('Z', 5) if self.offset == 0 => out.push('Z'),
            ('X' | 'x', 1) => {
                self.write_offset(false, false, out);
            }
            ('X' | 'x', 2 | 4) | ('Z', 1..=3) => self.write_offset(false, true, out),
            ('X' | 'x', _) | ('Z', 5) => self.write_offset(true, true, out),
            ('Z', _) => {
                out.push_str("GMT");
                if self.offset != 0 {
                    self.write_offset(true, true, out);
                }
            }
            _ => {
                out.push_str("GMT");
                if self.offset != 0 && count >= 4 {
                    self.write_offset(true, true, out);
                } else if self.offset != 0 {
                    out.push(if self.offset < 0 { '-' } else { '+' });
                    pad(self.offset.abs() / 3600, 1, out);
                    if self.offset % 3600 != 0 {
                        out.push(':');
                        pad(self.offset.abs() / 60 % 60, 2, out);
                    }
                }
            }
        }
    }

    fn write_offset(&self, colon: bool, minutes_always: bool, out: &mut String) {
        let minutes = self.offset.abs() / 60;
        out.push(if self.offset < 0 { '-' } else { '+' });
        pad(minutes / 60, 2, out);
        if minutes_always || minutes % 60 != 0 {
            if colon {
                out.push(':');
            }
            pad(minutes % 60, 2, out);
        }
    }
}

fn pad(value: i64, width: usize, out: &mut String) {
    if value < 0 {
        out.push('-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value.unsigned_abs());
    for _ in digits.len()..width {
        out.push('0');
    }
    out.push_str(digits);
}

/// What a text told of a time.
#[derive(Debug, Clone, Copy, Default)]
struct Fields {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    hour: Option<u32>,
    half_hour: Option<u32>,
    afternoon: Option<bool>,
    minute: u32,
    second: u32,
    micros: i64,
    zone: Option<Zone>,
}

impl Fields {
    fn resolve(&self, tz: &Tz) -> Option<i64> {
        let year = self.year.unwrap_or(1970);
        let day = match self.day_of_year {
            Some(ordinal) if self.month.is_none() => {
                let date = NaiveDate::from_yo_opt(year, ordinal)?;
                days_of(date.year(), date.month(), date.day())?
            }
            _ => days_of(year, self.month.unwrap_or(1), self.day.unwrap_or(1))?,
        };
        let hour = match (self.hour, self.half_hour) {
            (Some(hour), _) => hour,
            (None, Some(half)) => half + if self.afternoon.unwrap_or(false) { 12 } else { 0 },
            (None, None) => 0,
        };
        if hour > 23 || self.minute > 59 || self.second > 59 {
            return None;
        }
        let time = i64::from(hour * 3600 + self.minute * 60 + self.second) * SECOND_US + self.micros;
        let local = i64::from(day).checked_mul(DAY_US)?.checked_add(time)?;
        Some(self.zone.unwrap_or(Zone::Region(*tz)).to_instant(local))
    }

    /// Reads one field off the text and gives the rest.
    fn read<'t>(&mut self, letter: char, count: usize, adjacent: bool, text: &'t str) -> Option<&'t str> {
        let number = |min: usize, max: usize| read_number(text, min, if adjacent { min } else { max });
        // One letter takes any number of digits, more letters just as many.
        let plain = || {
            if count == 1 && !adjacent {
                number(1, 9)
            } else {
                number(count, count)
            }
        };
        match letter {
            'y' | 'u' => {
                let (year, rest) = match count {
                    2 => number(2, 2).map(|(year, rest)| (year + 2000, rest))?,
                    1 => number(1, 9)?,
                    _ => number(count, count)?,
                };
                self.year = Some(i32::try_from(year).ok()?);
                Some(rest)
            }
            'M' | 'L' if count >= 3 => {
                let (month, rest) = read_name(text, &MONTHS, count)?;
                self.month = Some(month as u32 + 1);
                Some(rest)
            }
            'E' => read_name(text, &DAYS, count).map(|(_, rest)| rest),
            'a' => {
                let half = text.get(..2)?;
                self.afternoon = match () {
                    () if half.eq_ignore_ascii_case("AM") => Some(false),
                    () if half.eq_ignore_ascii_case("PM") => Some(true),
                    () => return None,
                };
                text.get(2..)
            }
            'S' => {
                let digits = text.bytes().take(count).take_while(u8::is_ascii_digit).count();
                if digits == 0 {
                    return None;
                }
                let (found, rest) = text.split_at(digits);
                let micros: String = found.chars().chain("000000".chars()).take(6).collect();
                self.micros = micros.parse().ok()?;
                Some(rest)
            }
            'G' => text.strip_prefix("AD"),
            'z' | 'V' | 'X' | 'x' | 'Z' | 'O' => {
                let length = text
                    .find(|c: char| !(c.is_ascii_alphanumeric() || "+-:/_".contains(c)))
                    .unwrap_or(text.len());
                let (name, rest) = text.split_at(length);
                self.zone = Some(parse_zone(name)?);
                Some(rest)
            }
            _ => {
                let (value, rest) = plain()?;
                match letter {
                    'M' | 'L' => self.month = Some(value),
                    'd' => self.day = Some(value),
                    'D' => self.day_of_year = Some(value),
                    'H' => self.hour = Some(value),
                    'k' if (1..=24).contains(&value) => self.hour = Some(value % 24),
                    'h' if (1..=12).contains(&value) => self.half_hour = Some(value % 12),
                    'K' if value < 12 => self.half_hour = Some(value),
                    'm' => self.minute = value,
                    's' => self.second = value,
                    'Q' | 'q' => {}
                    _ => return None,
                }
                Some(rest)
            }
        }
    }
}

fn read_number(text: &str, min: usize, max: usize) -> Option<(u32, &str)> {
    let digits = text.bytes().take(max).take_while(u8::is_ascii_digit).count();
    if digits < min {
        return None;
    }
    let (found, rest) = text.split_at(digits);
    Some((found.parse().ok()?, rest))
}

fn read_name<'t>(text: &'t str, names: &[&str], count: usize) -> Option<(usize, &'t str)> {
    names.iter().enumerate().find_map(|(at, name)| {
        let name = if count >= 4 { name } else { &name[..SHORT_NAME] };
        let head = text.get(..name.len())?;
        head.eq_ignore_ascii_case(name).then(|| (at, &text[name.len()..]))
    })
}

/// Reads a run of items; an optional part that does not fit is left out.
fn read_items<'t>(items: &[Item], text: &'t str, fields: &mut Fields) -> Option<&'t str> {
    let mut rest = text;
    let mut at = 0;
    while at < items.len() {
        match &items[at] {
            Item::Literal(literal) => {
                let head = rest.get(..literal.len())?;
                if !head.eq_ignore_ascii_case(literal) {
                    return None;
                }
                rest = &rest[literal.len()..];
            }
            Item::Field {
                letter,
                count,
                adjacent,
            } => rest = fields.read(*letter, *count, *adjacent, rest)?,
            Item::OptionalStart => {
                let end = closing(items, at);
                let mut tried = *fields;
                if let Some(after) = read_items(&items[at + 1..end], rest, &mut tried) {
                    *fields = tried;
                    rest = after;
                }
                at = end;
            }
            Item::OptionalEnd => {}
        }
        at += 1;
    }
    Some(rest)
}

/// The end of the optional part that starts at an item.
fn closing(items: &[Item], start: usize) -> usize {
    let mut depth = 0;
    for (at, item) in items.iter().enumerate().skip(start) {
        match item {
            Item::OptionalStart => depth += 1,
            Item::OptionalEnd => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    items.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pattern: &str, tz: Tz) -> String {
        let mut out = String::new();
        Pattern::parse(pattern)
            .unwrap()
            .format(1_609_841_472_345_678, &tz, &mut out);
        out
    }

    fn read(pattern: &str, text: &str) -> Option<i64> {
        Pattern::parse(pattern).unwrap().read(text, &Tz::UTC)
    }

    #[test]
    fn instants_are_written_as_java_does() {
        for (pattern, text) in [
            ("yyyy-MM-dd HH:mm:ss", "2021-01-05 10:11:12"),
            ("yy/M/d h:m a", "21/1/5 10:11 AM"),
            ("EEE, d MMM yyyy", "Tue, 5 Jan 2021"),
            ("EEEE MMMM", "Tuesday January"),
            ("HH:mm:ss.SSS", "10:11:12.345"),
            ("yyyy-MM-dd'T'HH:mm:ssXXX", "2021-01-05T10:11:12Z"),
            ("D Q QQQ", "5 1 Q1"),
            ("''yyyy''", "'2021'"),
            ("z VV Z", "UTC UTC +0000"),
        ] {
            assert_eq!(written(pattern, Tz::UTC), text, "{pattern}");
        }
        assert_eq!(written("HH XXX x z", Tz::Europe__Berlin), "11 +01:00 +01 CET");
    }

    #[test]
    fn texts_are_read_to_their_end() {
        let second = 1_609_841_472_000_000;
        assert_eq!(read("yyyy-MM-dd HH:mm:ss", "2021-01-05 10:11:12"), Some(second));
        assert_eq!(read("yyyyMMddHHmmss", "20210105101112"), Some(second));
        assert_eq!(read("dd/MM/yyyy", "05/01/2021"), Some(1_609_804_800_000_000));
        assert_eq!(read("d/M/yyyy", "5/1/2021"), Some(1_609_804_800_000_000));
        assert_eq!(read("dd/MM/yyyy", "5/1/2021"), None);
        assert_eq!(read("yyyy-MM-dd", "2021-02-30"), None);
        assert_eq!(read("yyyy-MM-dd", "2021-01-05 10:11"), None);
        assert_eq!(read("yyyy-MM-dd[ HH:mm:ss]", "2021-01-05"), Some(1_609_804_800_000_000));
        assert_eq!(
            read("MMM d yyyy h:mm a", "Jan 5 2021 10:11 AM"),
            Some(1_609_841_460_000_000)
        );
        assert_eq!(
            read("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2021-01-05T12:11:12.500+02:00"),
            Some(second + 500_000)
        );
        assert!(Pattern::parse("YYYY").is_err());
    }
}
