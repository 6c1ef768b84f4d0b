//! The parsers before Spark 3: whether they would have read a text. They take a text that goes on behind the pattern, and
//! numbers of any width.

use super::Pattern;
use super::names::{DAYS, MONTHS, cut, starts};
use crate::cast::parse_time::days_of;
use crate::zone;

/// One of the two parsers there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OldParser {
    /// That of JSON and CSV: fields beyond their range run over into the next.
    RollingOver,
    /// That of functions such as `to_timestamp`: fields stay in their range.
    Strict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Literal(char),
    Field(char, usize),
}

impl Part {
    fn is_number(self) -> bool {
        match self {
            Self::Literal(_) => false,
            Self::Field('M' | 'L', count) => count < 3,
            Self::Field(letter, _) => "yudDFHhKkmsSwW".contains(letter),
        }
    }
}

impl Pattern {
    /// Tells whether an old parser reads the text.
    pub(crate) fn read_by_old(&self, text: &str, parser: OldParser) -> bool {
        let mut rest = text;
        let mut seen = Vec::new();
        for (at, part) in self.flat.iter().enumerate() {
            let read = match *part {
                Part::Literal(literal) => rest.strip_prefix(literal),
                Part::Field(letter, count) if part.is_number() => {
                    let joined = self.flat.get(at + 1).is_some_and(|next| next.is_number());
                    number(rest, joined.then_some(count), parser).map(|(value, after)| {
                        seen.push((letter, value));
                        after
                    })
                }
                Part::Field(letter, count) => word(letter, count, rest, parser),
            };
            match read {
                Some(after) => rest = after,
                None => return false,
            }
        }
        parser == OldParser::RollingOver || in_range(&seen)
    }
}

fn number(text: &str, width: Option<usize>, parser: OldParser) -> Option<(i64, &str)> {
    let text = if width.is_none() || parser == OldParser::Strict {
        text.trim_start()
    } else {
        text
    };
    let digits = text
        .bytes()
        .take_while(u8::is_ascii_digit)
        .count()
        .min(width.unwrap_or(usize::MAX));
    let value = text[..digits].parse::<i32>().ok()?;
    Some((i64::from(value), &text[digits..]))
}

fn word(letter: char, count: usize, text: &str, parser: OldParser) -> Option<&str> {
    let text = if parser == OldParser::Strict {
        text.trim_start()
    } else {
        text
    };
    let longest = |names: &[&'static str]| {
        let both = names.iter().flat_map(|name| [cut(name, 4), cut(name, 3)]);
        let fitting = both.filter(|name| starts(text, name));
        fitting.map(str::len).max().map(|len| &text[len..])
    };
    match letter {
        'M' | 'L' => longest(&MONTHS),
        'E' => longest(&DAYS),
        'a' => (starts(text, "AM") || starts(text, "PM")).then(|| &text[2..]),
        'G' => (starts(text, "AD") || starts(text, "BC")).then(|| &text[2..]),
        'X' if !text.starts_with('Z') => iso_offset(count, text),
        'X' | 'Z' | 'z' => {
            let len = text
                .find(|c: char| !(c.is_ascii_alphanumeric() || "+-:/_".contains(c)))
                .unwrap_or(text.len());
            let zone = (1..=len)
                .rev()
                .find(|end| text.get(..*end).is_some_and(|name| zone::find(name).is_some()))?;
            Some(&text[zone..])
        }
        _ => None,
    }
}

/// An offset in as many digits as there are letters: `+01`, `+0130`, `+01:30`.
fn iso_offset(count: usize, text: &str) -> Option<&str> {
    let shape = ["+dd", "+dddd", "+dd:dd"].get(count.checked_sub(1)?)?;
    let fits = shape.bytes().zip(text.bytes()).all(|(wanted, byte)| match wanted {
        b'+' => byte == b'+' || byte == b'-',
        b'd' => byte.is_ascii_digit(),
        other => byte == other,
    });
    text.get(shape.len()..).filter(|_| fits)
}

/// Whether the fields make a time without running over.
fn in_range(seen: &[(char, i64)]) -> bool {
    let find = |letters: &str| {
        seen.iter()
            .rev()
            .find(|(letter, _)| letters.contains(*letter))
            .map(|(_, value)| *value)
    };
    let year = find("y").unwrap_or(1970);
    let date = days_of(
        i32::try_from(year).unwrap_or_default(),
        find("ML").and_then(|m| u32::try_from(m).ok()).unwrap_or(1),
        find("d").and_then(|d| u32::try_from(d).ok()).unwrap_or(1),
    );
    let leap = i32::try_from(year).is_ok_and(|year| days_of(year, 2, 29).is_some());
    date.is_some()
        && seen.iter().all(|(letter, value)| match letter {
            'y' => *value > 0,
            'D' => (1..=365 + i64::from(leap)).contains(value),
            'H' => *value < 24,
            'k' => (1..=24).contains(value),
            'K' => *value < 12,
            'h' => (1..=12).contains(value),
            'm' | 's' => *value < 60,
            'S' => *value < 1000,
            _ => true,
        })
}
