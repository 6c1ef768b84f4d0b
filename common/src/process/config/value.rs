//! What a setting accepts.

use std::time::Duration;

use crate::options::is_secret;

/// The kind of a setting's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Any text, never shown.
    Secret,
    /// `true` or `false`.
    Flag,
    /// A whole number between two bounds, both included.
    Count {
        /// The smallest accepted.
        least: u64,
        /// The largest accepted.
        most: u64,
    },
    /// A length of time: `250ms`, `10s`, `5m`, `2h`.
    Duration,
    /// A size: `4096`, `64k`, `512m`, `2g`, in units of 1024.
    Bytes,
    /// `HOST:PORT`, several separated by commas.
    Addresses,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

impl Kind {
    /// Checks a text; gives what was expected when it does not fit.
    pub(super) fn check(self, text: &str) -> Result<(), String> {
        let text = text.trim();
        let expect = |fits: bool, expected: &str| if fits { Ok(()) } else { Err(expected.to_owned()) };
        match self {
            Self::Text | Self::Secret => Ok(()),
            Self::Flag => expect(
                ["true", "false"].iter().any(|word| word.eq_ignore_ascii_case(text)),
                "true or false",
            ),
            Self::Count { least, most } => {
                let fits = text.parse::<u64>().is_ok_and(|number| (least..=most).contains(&number));
                let range = if most == u64::MAX {
                    format!("{least} or more")
                } else {
                    format!("from {least} to {most}")
                };
                expect(fits, &format!("a whole number {range}"))
            }
            Self::Duration => expect(
                parse_duration(text).is_some(),
                "a duration such as 250ms, 10s, 5m or 2h",
            ),
            Self::Bytes => expect(parse_bytes(text).is_some(), "a size such as 4096, 64k, 512m or 2g"),
            Self::Addresses => expect(
                text.is_empty() || text.split(',').all(|address| is_address(address.trim())),
                "HOST:PORT, several separated by commas",
            ),
            Self::OneOf(words) => expect(words.contains(&text), &format!("one of {}", words.join(", "))),
        }
    }

    /// The value as TOML shows it, `***` for secrets.
    pub(super) fn render(self, key: &str, text: &str) -> String {
        if self == Self::Secret || is_secret(key) {
            return "\"***\"".to_owned();
        }
        match self {
            Self::Flag | Self::Count { .. } if self.check(text).is_ok() => text.trim().to_ascii_lowercase(),
            // A JSON string is a TOML string.
            _ => serde_json::Value::from(text).to_string(),
        }
    }
}

/// Reads a length of time: a whole number and `us`, `ms`, `s`, `m`/`min`, `h` or `d`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let micros = match unit.as_str() {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" | "min" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => return None,
    };
    number.checked_mul(micros).map(Duration::from_micros)
}

/// Reads a size in bytes: a whole number and nothing, `b`, or `k`, `m`, `g`, `t` (also with `b`, `ib`), in units of 1024.
#[must_use]
pub fn parse_bytes(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let shift = match unit.as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

fn split_unit(text: &str) -> Option<(u64, String)> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim().to_ascii_lowercase()))
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.split('-').all(|part| part.parse::<u16>().is_ok()))
}
