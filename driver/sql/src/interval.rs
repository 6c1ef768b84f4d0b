//! Intervals and durations as Spark writes them.

use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use crate::error::{Checked, Fault, SqlErrorKind};

/// Months, days and microseconds, kept apart because a month or a day has no fixed length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) months: i32,
    pub(crate) days: i32,
    pub(crate) micros: i64,
}

const DAY_US: i64 = 86_400_000_000;

impl Interval {
    pub(crate) fn encode(self) -> String {
        format!("{};{};{}", self.months, self.days, self.micros)
    }

    pub(crate) fn decode(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let interval = Self {
            months: parts.next()?.parse().ok()?,
            days: parts.next()?.parse().ok()?,
            micros: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(interval)
    }

    /// The length in microseconds, days counted as 24 hours; none when there are months in it or it is too long.
    pub(crate) fn fixed_us(self) -> Option<i64> {
        if self.months != 0 {
            return None;
        }
        i64::from(self.days).checked_mul(DAY_US)?.checked_add(self.micros)
    }

    /// Adds `text` of `unit`; fractions are allowed for seconds only. None when the text or the unit is not one.
    fn add(&mut self, text: &str, unit: &str) -> Option<()> {
        let unit = unit.to_ascii_lowercase();
        let unit = unit.strip_suffix('s').unwrap_or(&unit);
        if unit == "second" {
            self.micros = self.micros.checked_add(seconds_us(text)?)?;
            return Some(());
        }
        let n: i64 = text.trim().parse().ok()?;
        let months = |m: i64| i32::try_from(n.checked_mul(m)?).ok();
        match unit {
            "year" => self.months = self.months.checked_add(months(12)?)?,
            "quarter" => self.months = self.months.checked_add(months(3)?)?,
            "month" => self.months = self.months.checked_add(months(1)?)?,
            "week" => self.days = self.days.checked_add(months(7)?)?,
            "day" => self.days = self.days.checked_add(months(1)?)?,
            "hour" => self.micros = self.micros.checked_add(n.checked_mul(3_600_000_000)?)?,
            "minute" => self.micros = self.micros.checked_add(n.checked_mul(60_000_000)?)?,
            "millisecond" => self.micros = self.micros.checked_add(n.checked_mul(1_000)?)?,
            "microsecond" => self.micros = self.micros.checked_add(n)?,
            _ => return None,
        }
        Some(())
    }
}

fn seconds_us(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let us = whole.checked_mul(1_000_000)?.checked_add(micros)?;
    Some(if negative { -us } else { us })
}

/// A duration as text: `10 minutes`, `1 hour 30 minutes`, `interval 5 seconds`. None when it is not one.
pub(crate) fn parse_text(text: &str) -> Option<Interval> {
    let mut words = text.split_whitespace().peekable();
    words.next_if(|w| w.eq_ignore_ascii_case("interval"));
    let mut interval = Interval::default();
    let mut any = false;
    while let Some(word) = words.next() {
        // A sign may stand apart from its number.
        let number = match word {
            "-" | "+" => format!("{word}{}", words.next()?),
            _ => word.to_owned(),
        };
        interval.add(&number, words.next()?)?;
        any = true;
    }
    any.then_some(interval)
}

/// Reads the literal after the word INTERVAL. Gives the value and how many tokens it took, or none when what follows is not a
/// literal (a column called `interval`).
pub(crate) fn read(tokens: &[TokenWithSpan]) -> Checked<Option<(Interval, usize)>> {
    let Some(first) = tokens.first() else { return Ok(None) };
    let mut interval = Interval::default();
    let mut used = 0;
    let bad = |at: Location, text: &str| {
        Fault::new(SqlErrorKind::Syntax, at, format!("{text} is not an interval"))
            .help("write it as INTERVAL 10 MINUTES, INTERVAL '1 day 2 hours' or INTERVAL '1 02:03' DAY TO MINUTE")
    };
    loop {
        let mut at = used;
        let negative = match tokens.get(at).map(|t| &t.token) {
            Some(Token::Minus) => {
                at += 1;
                true
            }
            _ => false,
        };
        let Some(value) = tokens.get(at) else { break };
        let text = match &value.token {
            Token::Number(n, _) => n.clone(),
            Token::SingleQuotedString(s) => s.clone(),
            _ => break,
        };
        let unit = tokens.get(at + 1).and_then(|t| word(&t.token)).filter(|w| is_unit(w));
        let Some(unit) = unit else {
            // Text that names its own units.
            if used == 0 && matches!(value.token, Token::SingleQuotedString(_)) {
                interval = parse_text(&text).ok_or_else(|| bad(first.span.start, &format!("'{text}'")))?;
                used = at + 1;
            }
            break;
        };
        let to = tokens
            .get(at + 2)
            .and_then(|t| word(&t.token))
            .filter(|w| w.eq_ignore_ascii_case("to"));
        let last = tokens.get(at + 3).and_then(|t| word(&t.token)).filter(|w| is_unit(w));
        if let (Some(_), Some(last)) = (to, last) {
            interval = compound(&text, unit, last)
                .ok_or_else(|| bad(first.span.start, &format!("'{text}' {unit} TO {last}")))?;
            used = at + 4;
            if negative {
                interval = Interval {
                    months: -interval.months,
                    days: -interval.days,
                    micros: -interval.micros,
                };
            }
            break;
        }
        let text = if negative { format!("-{text}") } else { text };
        interval
            .add(&text, unit)
            .ok_or_else(|| bad(first.span.start, &format!("'{text}' {unit}")))?;
        used = at + 2;
    }
    Ok((used > 0).then_some((interval, used)))
}

fn word(token: &Token) -> Option<&str> {
    match token {
        Token::Word(w) if w.quote_style.is_none() => Some(&w.value),
        _ => None,
    }
}

fn is_unit(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let unit = lower.strip_suffix('s').unwrap_or(&lower);
    [
        "year",
        "quarter",
        "month",
        "week",
        "day",
        "hour",
        "minute",
        "second",
        "millisecond",
        "microsecond",
    ]
    .contains(&unit)
}

/// `'1 02:03:04.5' DAY TO SECOND`, `'1-2' YEAR TO MONTH`.
fn compound(text: &str, from: &str, to: &str) -> Option<Interval> {
    let order = ["day", "hour", "minute", "second"];
    let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
    let (negative, text) = match text.trim().strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.trim()),
    };
    let mut interval = Interval::default();
    if from.starts_with("year") && to.starts_with("month") {
        let (years, months) = text.split_once('-')?;
        interval.add(years, "year")?;
        interval.add(months, "month")?;
    } else {
        let place = |unit: &str| order.iter().position(|o| unit.strip_suffix('s').unwrap_or(unit) == *o);
        let units = order.get(place(&from)?..=place(&to)?)?;
        let parts: Vec<&str> = text.split([' ', ':']).collect();
        if parts.len() != units.len() {
            return None;
        }
        for (part, unit) in parts.iter().zip(units) {
            interval.add(part, unit)?;
        }
    }
    Some(if negative {
        Interval {
            months: -interval.months,
            days: -interval.days,
            micros: -interval.micros,
        }
    } else {
        interval
    })
}
