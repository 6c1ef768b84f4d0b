//! Intervals and durations as Spark writes them.

use datafusion::common::ScalarValue;
use millstream_spark::interval::{Calendar, Field, Range, parse, parse_calendar};
use millstream_spark::zone::DAY_US;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Checked, Fault, SqlErrorKind};

/// An interval as it was written: its value, and the fields of its type where those make one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) value: Calendar,
    pub(crate) range: Option<Range>,
}

impl Interval {
    /// The text a token carries it in.
    pub(crate) fn encode(self) -> String {
        let Calendar { months, days, micros } = self.value;
        let (start, end) = match self.range {
            Some(range) => (range.start.name(), range.end.name()),
            None => ("", ""),
        };
        format!("{months};{days};{micros};{start};{end}")
    }

    pub(crate) fn decode(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let value = Calendar {
            months: parts.next()?.parse().ok()?,
            days: parts.next()?.parse().ok()?,
            micros: parts.next()?.parse().ok()?,
        };
        let fields = (Field::named(parts.next()?), Field::named(parts.next()?));
        let range = match fields {
            (Some(start), Some(end)) => Range::new(start, end),
            _ => None,
        };
        parts.next().is_none().then_some(Self { value, range })
    }

    /// The value of a constant.
    pub(crate) fn of_constant(value: &ScalarValue) -> Option<Self> {
        let (range, amount) = millstream_spark::interval::constant(value)?;
        Some(Self::of(range, amount))
    }

    fn of(range: Range, amount: i64) -> Self {
        let value = if range.is_months() {
            Calendar {
                months: i32::try_from(amount).unwrap_or(i32::MAX),
                ..Calendar::default()
            }
        } else {
            Calendar {
                micros: amount,
                ..Calendar::default()
            }
        };
        Self {
            value,
            range: Some(range),
        }
    }

    /// Months or microseconds; none when it is too long.
    pub(crate) fn amount(self, range: Range) -> Option<i64> {
        if range.is_months() {
            return Some(i64::from(self.value.months));
        }
        self.fixed_us()
    }

    /// The length in microseconds, days counted as 24 hours; none when there are months in it or it is too long.
    pub(crate) fn fixed_us(self) -> Option<i64> {
        if self.value.months != 0 {
            return None;
        }
        i64::from(self.value.days)
            .checked_mul(DAY_US)?
            .checked_add(self.value.micros)
    }
}

/// A duration as text: `10 minutes`, `1 hour 30 minutes`, `interval 5 seconds`. None when it is not one.
pub(crate) fn parse_text(text: &str) -> Option<Interval> {
    let (value, range) = parse_calendar(text)?;
    Some(Interval { value, range })
}

/// Reads the literal after the word INTERVAL. Gives the value and how many tokens it took, or none when what follows is not a
/// literal (a column called `interval`).
pub(crate) fn read(tokens: &[TokenWithSpan]) -> Checked<Option<(Interval, usize)>> {
    let Some(first) = tokens.first() else { return Ok(None) };
    let bad = |text: &str| {
        Fault::new(
            SqlErrorKind::Syntax,
            first.span.start,
            format!("{text} is not an interval"),
        )
        .help("write it as INTERVAL 10 MINUTES, INTERVAL '1 day 2 hours' or INTERVAL '1 02:03' DAY TO MINUTE")
    };
    let mut value = Calendar::default();
    let mut fields: Option<(Field, Field)> = None;
    let mut used = 0;
    while let Some(part) = Part::of(&tokens[used..]) {
        let Some(unit) = part.unit else {
            // Text that names its own units.
            if used == 0 && part.quoted {
                let text = part.signed();
                let interval = parse_text(&text).ok_or_else(|| bad(&format!("'{text}'")))?;
                return Ok(Some((interval, part.length)));
            }
            break;
        };
        if let Some(to) = part.to {
            let range = Field::named(unit).and_then(|start| Range::new(start, Field::named(to)?));
            let amount = range.and_then(|range| {
                let amount = parse(&part.text, range)?;
                Some(Interval::of(
                    range,
                    if part.negative { amount.checked_neg()? } else { amount },
                ))
            });
            let interval = amount.ok_or_else(|| bad(&format!("'{}' {unit} TO {to}", part.text)))?;
            return Ok(Some((interval, used + part.length + 2)));
        }
        let text = part.signed();
        let field = value
            .add(text.trim(), unit)
            .ok_or_else(|| bad(&format!("'{text}' {unit}")))?
            .field();
        fields = Some(match fields {
            Some((start, end)) => (start.min(field), end.max(field)),
            None => (field, field),
        });
        used += part.length;
    }
    let range = fields.and_then(|(start, end)| Range::new(start, end));
    Ok((used > 0).then_some((Interval { value, range }, used)))
}

/// `[-] value [unit [TO unit]]` of an interval literal.
struct Part<'t> {
    negative: bool,
    text: String,
    quoted: bool,
    unit: Option<&'t str>,
    /// The unit behind TO.
    to: Option<&'t str>,
    /// Tokens up to the unit.
    length: usize,
}

impl<'t> Part<'t> {
    fn of(tokens: &'t [TokenWithSpan]) -> Option<Self> {
        let negative = tokens.first().is_some_and(|t| t.token == Token::Minus);
        let at = usize::from(negative);
        let (text, quoted) = match &tokens.get(at)?.token {
            Token::Number(digits, _) => (digits.clone(), false),
            Token::SingleQuotedString(text) => (text.clone(), true),
            _ => return None,
        };
        let unit_at = |at: usize| tokens.get(at).and_then(|t| word(&t.token)).filter(|w| is_unit(w));
        let unit = unit_at(at + 1);
        let to = tokens
            .get(at + 2)
            .and_then(|t| word(&t.token))
            .filter(|w| w.eq_ignore_ascii_case("to"))
            .and_then(|_| unit_at(at + 3));
        Some(Self {
            negative,
            text,
            quoted,
            unit,
            to,
            length: at + 1 + usize::from(unit.is_some()),
        })
    }

    /// The value with the sign before it.
    fn signed(&self) -> String {
        match (self.negative, self.text.trim().strip_prefix('-')) {
            (false, _) => self.text.clone(),
            (true, Some(positive)) => positive.to_owned(),
            (true, None) => format!("-{}", self.text.trim()),
        }
    }
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
