//! Date and time patterns (`dd/MM/yyyy HH:mm`), read and written as Spark does.

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;

use super::JsonError;
use super::text_time::Ambiguous;
use crate::cast::parse_time::{Zone, days_of, parse_zone};
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

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// A letter and how often it was repeated.
    Field(char, usize),
    OptionalStart,
    OptionalEnd,
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
}

/// The fields found in a text; what is missing is the epoch's.
#[derive(Debug, Clone, Default)]
struct Found {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    half_day_hour: Option<i64>,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    micros: i64,
    zone: Option<Zone>,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// [`JsonError::Pattern`] for letters without a meaning and unbalanced quotes or brackets.
    pub fn new(text: &str) -> Result<Self, JsonError> {
        let broken = |expected| JsonError::Pattern {
            pattern: text.to_owned(),
            expected,
        };
        let mut parts = Vec::new();
        let mut open = 0usize;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\'' => {
                    let mut literal = String::new();
                    loop {
                        match chars.next() {
                            Some('\'') if chars.peek() == Some(&'\'') => {
                                chars.next();
                                literal.push('\'');
                            }
                            Some('\'') => break,
                            Some(other) => literal.push(other),
                            None => return Err(broken("a closing quote")),
                        }
                    }
                    parts.push(Part::Literal(if literal.is_empty() { "'".to_owned() } else { literal }));
                }
                '[' => {
                    open += 1;
                    parts.push(Part::OptionalStart);
                }
                ']' => {
                    open = open.checked_sub(1).ok_or_else(|| broken("`[` before `]`"))?;
                    parts.push(Part::OptionalEnd);
                }
                letter if letter.is_ascii_alphabetic() => {
                    let mut count = 1;
                    while chars.next_if_eq(&letter).is_some() {
                        count += 1;
                    }
                    if !"yuMLdDHhKkmsSaEXxZzV".contains(letter) {
                        return Err(broken(
                            "the letters y M L d D H h K k m s S a E X x Z z V, others in quotes",
                        ));
                    }
                    parts.push(Part::Field(letter, count));
                }
                other => parts.push(Part::Literal(other.to_string())),
            }
        }
        if open > 0 {
            Err(broken("`]` for every `[`"))
        } else {
            Ok(Self { parts })
        }
    }

    /// Reads an instant; microseconds since the epoch.
    pub fn timestamp(&self, text: &[u8], zone: &Tz) -> Result<Option<i64>, Ambiguous> {
        let found = self.read(text)?;
        Ok(found.and_then(|f| Some(f.zone.unwrap_or(Zone::Region(*zone)).to_instant(f.local_us()?))))
    }

    /// Reads a local date and time.
    pub fn local(&self, text: &[u8]) -> Option<i64> {
        self.read(text).ok()??.local_us()
    }

    /// Reads a date; days since the epoch.
    pub fn date(&self, text: &[u8]) -> Result<Option<i32>, Ambiguous> {
        Ok(self.read(text)?.and_then(|f| f.days()))
    }

    fn read(&self, text: &[u8]) -> Result<Option<Found>, Ambiguous> {
        let text = std::str::from_utf8(text).unwrap_or_default();
        let mut found = Found::default();
        let rest = read_parts(&self.parts, text, &mut found);
        if rest.is_some_and(str::is_empty) && found.local_us().is_some() {
            return Ok(Some(found));
        }
        if self.lenient(text) { Err(Ambiguous) } else { Ok(None) }
    }

    /// Tells whether Spark 2's parser would have taken the text.
    fn lenient(&self, text: &str) -> bool {
        let mut rest = text;
        for part in &self.parts {
            match part {
                Part::Literal(literal) => match rest.strip_prefix(literal.as_str()) {
                    Some(after) => rest = after,
                    None => return false,
                },
                Part::Field(letter, count) if is_number(*letter, *count) => {
                    rest = rest.trim_start();
                    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                    if digits == 0 || rest[..digits].parse::<i32>().is_err() {
                        return false;
                    }
                    rest = &rest[digits..];
                }
                Part::Field(letter, count) => match read_field(*letter, *count, rest, 0, &mut Found::default()) {
                    Some(after) => rest = after,
                    None => return false,
                },
                Part::OptionalStart | Part::OptionalEnd => return false,
            }
        }
        true
    }

    /// Appends an instant as local time of `zone`.
    pub fn write_timestamp(&self, instant_us: i64, zone: &Tz, out: &mut String) {
        self.write(
            zone::to_local_us(instant_us, zone),
            zone::offset_seconds(instant_us, zone),
            zone,
            out,
        );
    }

    /// Appends a local time.
    pub fn write_local(&self, local_us: i64, out: &mut String) {
        self.write(local_us, 0, &Tz::UTC, out);
    }

    fn write(&self, local_us: i64, offset: i64, zone: &Tz, out: &mut String) {
        let days = local_us.div_euclid(DAY_US);
        let time = local_us.rem_euclid(DAY_US);
        let date = i32::try_from(days)
            .ok()
            .and_then(NaiveDate::from_epoch_days)
            .unwrap_or_default();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => out.push_str(literal),
                Part::Field(letter, count) => write_field(*letter, *count, date, time, (offset, zone), out),
                Part::OptionalStart | Part::OptionalEnd => {}
            }
        }
    }
}

impl Found {
    fn days(&self) -> Option<i32> {
        let year = i32::try_from(self.year.unwrap_or(1970)).ok()?;
        if let Some(day) = self.day_of_year {
            let start = days_of(year, 1, 1)?;
            let leap = days_of(year, 2, 29).is_some();
            let last = 365 + i64::from(leap);
            return (1..=last).contains(&day).then(|| start + day as i32 - 1);
        }
        days_of(
            year,
            u32::try_from(self.month.unwrap_or(1)).ok()?,
            u32::try_from(self.day.unwrap_or(1)).ok()?,
        )
    }

    fn local_us(&self) -> Option<i64> {
        let hour = match (self.hour, self.half_day_hour) {
            (Some(hour), _) => hour,
            (None, Some(hour)) => hour + if self.afternoon.unwrap_or(false) { 12 } else { 0 },
            (None, None) => 0,
        };
        if hour > 23 || self.minute > 59 || self.second > 59 {
            return None;
        }
        let seconds = hour * 3600 + self.minute * 60 + self.second;
        i64::from(self.days()?)
            .checked_mul(DAY_US)?
            .checked_add(seconds * SECOND_US + self.micros)
    }
}

fn is_number(letter: char, count: usize) -> bool {
    "yudDHhKkmsS".contains(letter) || ("ML".contains(letter) && count < 3)
}

/// Reads what `parts` describe; returns the rest of the text.
fn read_parts<'t>(parts: &[Part], text: &'t str, found: &mut Found) -> Option<&'t str> {
    let mut rest = text;
    let mut at = 0;
    while let Some(part) = parts.get(at) {
        at += 1;
        match part {
            Part::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
            Part::OptionalEnd => {}
            Part::OptionalStart => {
                let end = optional_end(parts, at);
                let mut inner = found.clone();
                if let Some(after) = read_parts(&parts[at..end], rest, &mut inner) {
                    *found = inner;
                    rest = after;
                }
                at = end + 1;
            }
            Part::Field(letter, count) => {
                // Digits of the fixed fields that follow without a separator are not this field's.
                let reserved = parts[at..]
                    .iter()
                    .map_while(|p| match p {
                        Part::Field(l, c) if is_number(*l, *c) && *c > 1 => Some(*c),
                        _ => None,
                    })
                    .sum();
                rest = read_field(*letter, *count, rest, reserved, found)?;
            }
        }
    }
    Some(rest)
}

/// Returns where the optional section entered just before `at` ends.
fn optional_end(parts: &[Part], at: usize) -> usize {
    let mut depth = 0;
    for (n, part) in parts.iter().enumerate().skip(at) {
        match part {
            Part::OptionalStart => depth += 1,
            Part::OptionalEnd if depth == 0 => return n,
            Part::OptionalEnd => depth -= 1,
            _ => {}
        }
    }
    parts.len()
}

fn read_field<'t>(letter: char, count: usize, text: &'t str, reserved: usize, found: &mut Found) -> Option<&'t str> {
    if is_number(letter, count) {
        let run = text.bytes().take_while(u8::is_ascii_digit).count();
        let (min, max) = match (letter, count) {
            ('y' | 'u', 2) => (2, 2),
            ('y' | 'u', _) => (
                count,
                if reserved > 0 {
                    run.saturating_sub(reserved).max(count)
                } else {
                    10
                },
            ),
            ('S', _) => (1, count),
            (_, 1) => (
                1,
                if reserved > 0 {
                    run.saturating_sub(reserved).max(1)
                } else {
                    9
                },
            ),
            ('D', _) => (count, 3),
            _ => (count, count),
        };
        let len = run.min(max);
        if len < min {
            return None;
        }
        let value: i64 = text[..len].parse().ok()?;
        match letter {
            'y' | 'u' => found.year = Some(if count == 2 { 2000 + value } else { value }),
            'M' | 'L' => found.month = Some(value),
            'd' => found.day = Some(value),
            'D' => found.day_of_year = Some(value),
            'H' => found.hour = Some(value),
            'k' => found.hour = Some(if value == 24 { 0 } else { value }),
            'K' => found.half_day_hour = Some(value),
            'h' if !(1..=12).contains(&value) => return None,
            'h' => found.half_day_hour = Some(value % 12),
            'm' => found.minute = value,
            's' => found.second = value,
            _ => found.micros = format!("{:0<6}", &text[..len.min(6)]).parse().ok()?,
        }
        return text.get(len..);
    }
    match letter {
        'M' | 'L' => {
            let (at, rest) = read_name(&MONTHS, count, text)?;
            found.month = Some(at as i64 + 1);
            Some(rest)
        }
        'E' => read_name(&DAYS, count, text).map(|(_, rest)| rest),
        'a' => {
            let half = text.get(..2)?;
            found.afternoon = Some(match half {
                "AM" => false,
                "PM" => true,
                _ => return None,
            });
            text.get(2..)
        }
        _ => {
            let len = text
                .bytes()
                .take_while(|b| b.is_ascii_alphanumeric() || b"+-:/_".contains(b))
                .count();
            let name = &text[..len];
            let offset_only = "XxZ".contains(letter) && count != 4;
            if offset_only && !name.starts_with(['+', '-']) && (name != "Z" || letter != 'X') {
                return None;
            }
            found.zone = Some(parse_zone(name)?);
            text.get(len..)
        }
    }
}

/// Reads one of the names, whole with four letters in the pattern, else its first three.
fn read_name<'t>(names: &[&str], count: usize, text: &'t str) -> Option<(usize, &'t str)> {
    names.iter().enumerate().find_map(|(at, name)| {
        let name = if count == 4 { name } else { name.get(..3)? };
        Some((at, text.strip_prefix(name)?))
    })
}

fn write_field(letter: char, count: usize, date: NaiveDate, time_us: i64, zone: (i64, &Tz), out: &mut String) {
    let seconds = time_us / SECOND_US;
    let hour = seconds / 3600;
    let number = match letter {
        'y' | 'u' if count == 2 => i64::from(date.year().rem_euclid(100)),
        'y' | 'u' => i64::from(date.year()),
        'M' | 'L' if count < 3 => i64::from(date.month()),
        'd' => i64::from(date.day()),
        'D' => i64::from(date.ordinal()),
        'H' => hour,
        'k' => (hour + 23) % 24 + 1,
        'K' => hour % 12,
        'h' => (hour + 11) % 12 + 1,
        'm' => seconds / 60 % 60,
        's' => seconds % 60,
        'S' => {
            let digits = format!("{:06}000", time_us % SECOND_US);
            out.push_str(digits.get(..count.min(9)).unwrap_or(&digits));
            return;
        }
        _ => {
            write_name(letter, count, date, hour, zone, out);
            return;
        }
    };
    if "yu".contains(letter) && count >= 4 && number > 9999 {
        out.push('+');
    }
    if number < 0 {
        out.push('-');
    }
    out.push_str(&format!("{:0count$}", number.abs()));
}

fn write_name(letter: char, count: usize, date: NaiveDate, hour: i64, zone: (i64, &Tz), out: &mut String) {
    let short = |name: &'static str| {
        if count == 4 {
            name
        } else {
            name.get(..3).unwrap_or(name)
        }
    };
    match letter {
        'M' | 'L' => out.push_str(short(MONTHS[date.month0() as usize])),
        'E' => out.push_str(short(DAYS[date.weekday().num_days_from_monday() as usize])),
        'a' => out.push_str(if hour < 12 { "AM" } else { "PM" }),
        'X' if zone.0 == 0 => out.push('Z'),
        'X' | 'x' | 'Z' => write_offset(letter, count, zone.0, out),
        _ => out.push_str(zone.1.name()),
    }
}

fn write_offset(letter: char, count: usize, offset: i64, out: &mut String) {
    out.push(if offset < 0 { '-' } else { '+' });
    let minutes = offset.abs() / 60;
    out.push_str(&format!("{:02}", minutes / 60));
    let colon = matches!((letter, count), ('X' | 'x', 3 | 5) | ('Z', 5));
    if letter != 'Z' && count == 1 && minutes % 60 == 0 {
        return;
    }
    if colon {
        out.push(':');
    }
    out.push_str(&format!("{:02}", minutes % 60));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str, text: &str) -> Result<Option<i64>, Ambiguous> {
        Pattern::new(pattern).unwrap().timestamp(text.as_bytes(), &Tz::UTC)
    }

    #[test]
    fn reads_and_writes_patterns() {
        let at = 1_440_583_860_000_000; // 2015-08-26 10:11:00
        assert_eq!(read("dd/MM/yyyy HH:mm", "26/08/2015 10:11"), Ok(Some(at)));
        assert_eq!(read("dd/MM/yyyy HH:mm", "6/8/2015 10:11"), Err(Ambiguous));
        assert_eq!(read("dd/MM/yyyy HH:mm", "2015-08-26T10:11:00Z"), Ok(None));
        assert_eq!(read("d/M/yyyy h:mm a", "26/8/2015 10:11 AM"), Ok(Some(at)));
        assert_eq!(read("yyyyMMddHHmm", "201508261011"), Ok(Some(at)));
        assert_eq!(read("dd MMM yyyy'T'HH:mmXXX", "26 Aug 2015T12:11+02:00"), Ok(Some(at)));
        assert_eq!(read("yyyy-MM-dd[ HH:mm[:ss]]", "2015-08-26 10:11"), Ok(Some(at)));
        assert_eq!(
            read("yyyy-MM-dd HH:mm:ss.SSS", "2015-08-26 10:11:00.5"),
            Ok(Some(at + 500_000))
        );
        let written = |pattern: &str| {
            let mut out = String::new();
            Pattern::new(pattern)
                .unwrap()
                .write_timestamp(at + 789_123, &Tz::Asia__Kolkata, &mut out);
            out
        };
        assert_eq!(written("yyyy/MM/dd HH:mm:ss.SSSSSS"), "2015/08/26 15:41:00.789123");
        assert_eq!(written("yyyy-MM-dd'T'HH:mm:ss.SSSXXX"), "2015-08-26T15:41:00.789+05:30");
        assert_eq!(written("EEE, d MMM yy h a"), "Wed, 26 Aug 15 3 PM");
        assert!(Pattern::new("yyyy-bb").is_err());
        assert!(Pattern::new("'open").is_err());
    }
}
