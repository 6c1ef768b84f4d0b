//! Texts into times, by the rules of Java's strict formatter.

use crate::zone::{self, Tz};

use super::names::{DAYS, ERAS, MONTHS, cut, starts, zone_at};
use super::resolve::{Field, Found};
use super::{Item, Pattern, Sign, Width};

impl Pattern {
    /// Reads an instant: microseconds since the epoch. A text that names no zone is local time of `zone`.
    pub fn instant(&self, text: &str, zone: &Tz) -> Option<i64> {
        let found = self.read(text)?;
        Some(found.zone.unwrap_or(*zone).to_instant(found.local_us()?))
    }

    /// Reads a local date and time; a text that names a zone is refused.
    pub fn local(&self, text: &str) -> Option<i64> {
        self.read(text).filter(|found| found.zone.is_none())?.local_us()
    }

    /// Reads a date: days since the epoch. The time of day has to be one.
    pub fn date(&self, text: &str) -> Option<i32> {
        let found = self.read(text)?;
        found.local_us()?;
        found.days()
    }

    fn read(&self, text: &str) -> Option<Found> {
        let mut found = Found::default();
        found.year_of_era = self.has_era();
        let rest = items(&self.items, text, &mut found)?;
        rest.is_empty().then_some(found)
    }
}

/// Reads what the items describe; returns the rest of the text.
fn items<'t>(items_: &[Item], text: &'t str, found: &mut Found) -> Option<&'t str> {
    let mut rest = text;
    for item in items_ {
        rest = match item {
            Item::Literal(literal) => {
                let c = rest.chars().next()?;
                let same = c == *literal || c.to_lowercase().eq(literal.to_lowercase());
                same.then(|| &rest[c.len_utf8()..])?
            }
            Item::Number { letter, count, width } => {
                let (value, after) = number(rest, width)?;
                let value = if *letter == 'y' && *count == 2 {
                    2000 + value
                } else {
                    value
                };
                note_number(*letter, value, found)?;
                after
            }
            Item::Fraction { count } => {
                let digits = rest.bytes().take(*count).take_while(u8::is_ascii_digit).count();
                let (digits, after) = rest.split_at(digits);
                let micros = format!("{:0<6}", digits.get(..6).unwrap_or(digits));
                found.set(Field::Micros, (!digits.is_empty()).then(|| micros.parse().ok())??)?;
                after
            }
            Item::Text { letter, count } => word(*letter, *count, rest, found)?,
            Item::Optional(inner) => {
                let mut tried = found.clone();
                match items(inner, rest, &mut tried) {
                    Some(after) => {
                        *found = tried;
                        after
                    }
                    None => rest,
                }
            }
        };
    }
    Some(rest)
}

fn number<'t>(text: &'t str, width: &Width) -> Option<(i64, &'t str)> {
    let (negative, positive) = match (text.as_bytes().first()?, width.sign) {
        (b'-', Sign::Normal | Sign::ExceedsPad) => (true, false),
        (b'+', Sign::ExceedsPad) => (false, true),
        _ => (false, false),
    };
    let digits = if negative || positive { &text[1..] } else { text };
    let run = digits.bytes().take_while(u8::is_ascii_digit).count();
    let mut len = run.min(width.max + width.reserved);
    if width.reserved > 0 {
        len = run
            .min(width.max + width.reserved)
            .saturating_sub(width.reserved)
            .max(width.min);
    }
    let exceeds = len > width.min;
    let signed_wrongly = width.sign == Sign::ExceedsPad && !negative && positive != exceeds;
    if len < width.min || len > run || signed_wrongly {
        return None;
    }
    let value: i64 = digits[..len].parse().ok()?;
    if negative && value == 0 {
        return None;
    }
    Some((if negative { -value } else { value }, &digits[len..]))
}

fn note_number(letter: char, value: i64, found: &mut Found) -> Option<()> {
    let field = match letter {
        'y' if found.year_of_era => Field::YearOfEra,
        'y' => Field::Year,
        'M' | 'L' => Field::Month,
        'd' => Field::Day,
        'D' => Field::DayOfYear,
        'H' => Field::Hour,
        'k' => Field::ClockHour,
        'K' => Field::HalfDayHour,
        'h' => Field::HalfDayClockHour,
        'm' => Field::Minute,
        's' => Field::Second,
        'g' => Field::ModifiedJulianDay,
        _ => return None,
    };
    found.set(field, value)
}

fn word<'t>(letter: char, count: usize, text: &'t str, found: &mut Found) -> Option<&'t str> {
    let one_of = |names: &mut dyn Iterator<Item = &'static str>| {
        let fitting = names.enumerate().filter(|(_, name)| starts(text, name));
        fitting
            .max_by_key(|(_, name)| name.len())
            .map(|(at, name)| (at as i64, &text[name.len()..]))
    };
    match letter {
        'M' | 'L' => {
            let (at, rest) = one_of(&mut MONTHS.iter().map(|name| cut(name, count)))?;
            found.set(Field::Month, at + 1)?;
            Some(rest)
        }
        'E' => one_of(&mut DAYS.iter().map(|name| cut(name, count))).map(|(_, rest)| rest),
        'a' => {
            let (at, rest) = one_of(&mut ["AM", "PM"].into_iter())?;
            found.set(Field::HalfDay, at)?;
            Some(rest)
        }
        'G' => {
            let (at, rest) = one_of(&mut ERAS.iter().map(|(short, long)| if count == 4 { *long } else { *short }))?;
            found.set(Field::Era, at)?;
            Some(rest)
        }
        'X' | 'x' | 'Z' | 'O' => {
            let (seconds, rest) = offset(letter, count, text)?;
            set_zone(found, Tz::fixed(i32::try_from(seconds).ok()?))?;
            Some(rest)
        }
        _ => {
            let (zone, rest) = zone(letter, text)?;
            set_zone(found, zone)?;
            Some(rest)
        }
    }
}

fn set_zone(found: &mut Found, zone: Tz) -> Option<()> {
    found.zone.get_or_insert(zone);
    Some(())
}

/// Reads `+02`, `+0200`, `+02:00` and their like, each as its letter demands.
fn offset(letter: char, count: usize, text: &str) -> Option<(i64, &str)> {
    let localized = letter == 'O' || (letter == 'Z' && count == 4);
    if localized {
        return localized_offset(count, text);
    }
    let zulu = letter == 'X' || count == 5 && letter == 'Z';
    if zulu && starts(text, "Z") {
        return Some((0, &text[1..]));
    }
    let colon = matches!((letter, count), ('X' | 'x', 3 | 5) | ('Z', 5));
    let (sign, mut rest) = sign(text)?;
    let hours;
    (hours, rest) = two(rest)?;
    let minutes = part(rest, colon);
    let minutes_needed = !(matches!(letter, 'X' | 'x') && count == 1);
    let mut seconds = hours * 3600;
    if let Some((value, after)) = minutes {
        seconds += value * 60;
        rest = after;
        let has_seconds = matches!((letter, count), ('X' | 'x', 4 | 5) | ('Z', 5));
        if let Some((value, after)) = part(rest, colon).filter(|_| has_seconds) {
            seconds += value;
            rest = after;
        }
    } else if minutes_needed {
        return None;
    }
    (hours <= 18).then_some((sign * seconds, rest))
}

/// Reads `GMT`, `GMT+2` or, in full, `GMT+02:00`.
fn localized_offset(count: usize, text: &str) -> Option<(i64, &str)> {
    let rest = starts(text, "GMT").then(|| &text[3..])?;
    let Some((sign, mut rest)) = sign(rest) else {
        return Some((0, rest));
    };
    let hours;
    if count == 4 {
        (hours, rest) = two(rest)?;
        let (minutes, after) = part(rest, true)?;
        let (seconds, after) = part(after, true).unwrap_or((0, after));
        return Some((sign * (hours * 3600 + minutes * 60 + seconds), after));
    }
    (hours, rest) = two(rest).or_else(|| {
        let digit = rest.bytes().next().filter(u8::is_ascii_digit)?;
        Some((i64::from(digit - b'0'), &rest[1..]))
    })?;
    let (minutes, rest) = part(rest, true).unwrap_or((0, rest));
    Some((sign * (hours * 3600 + minutes * 60), rest))
}

fn sign(text: &str) -> Option<(i64, &str)> {
    match text.as_bytes().first()? {
        b'+' => Some((1, &text[1..])),
        b'-' => Some((-1, &text[1..])),
        _ => None,
    }
}

/// Two digits.
fn two(text: &str) -> Option<(i64, &str)> {
    let digits = text.get(..2).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    Some((digits.parse().ok()?, &text[2..]))
}

/// Two digits below sixty, behind a colon where there has to be one.
fn part(text: &str, colon: bool) -> Option<(i64, &str)> {
    let digits = if colon { text.strip_prefix(':')? } else { text };
    two(digits).filter(|(value, _)| *value < 60)
}

/// Reads a zone's name or offset; `z` also takes the names people use, such as `PST`.
fn zone(letter: char, text: &str) -> Option<(Tz, &str)> {
    let len = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "+-:/_~.".contains(c)))
        .unwrap_or(text.len());
    let known = zone_at(text).filter(|_| letter == 'z');
    // The longest start that is a zone.
    let longest = (1..=len)
        .rev()
        .filter(|end| text.is_char_boundary(*end))
        .find_map(|end| {
            let name = &text[..end];
            let offset = name.starts_with(['+', '-']);
            let plain = offset
                || name.contains('/')
                || ["UTC", "GMT", "UT", "Z"].iter().any(|p| starts(name, p))
                || letter == 'V';
            zone::find(name)
                .filter(|_| plain || known.is_none())
                .map(|zone| (zone, end))
        });
    match (known, longest) {
        (Some((name, len)), None) => Some((zone::find(name)?, &text[len..])),
        (Some((name, len)), Some((_, end))) if len > end => Some((zone::find(name)?, &text[len..])),
        (_, Some((zone, end))) => Some((zone, &text[end..])),
        (None, None) => None,
    }
}
