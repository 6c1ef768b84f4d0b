//! Calendar intervals: months, days and microseconds, kept apart because a month or a day has no fixed length.

use arrow::datatypes::IntervalMonthDayNano;

use super::parse::micros as fraction_micros;
use super::text::write_fraction;
use super::{Field, Range};
use crate::cast::trim;
use crate::zone::{DAY_US, SECOND_US};

/// Months, days and microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Months, a year being 12.
    pub months: i32,
    /// Days, a week being 7.
    pub days: i32,
    /// The rest.
    pub micros: i64,
}

impl Calendar {
    /// The value of an Arrow interval.
    pub fn of(value: IntervalMonthDayNano) -> Self {
        Self {
            months: value.months,
            days: value.days,
            micros: value.nanoseconds / 1000,
        }
    }

    /// The Arrow interval; None when the microseconds are too many for its nanoseconds.
    pub fn arrow(self) -> Option<IntervalMonthDayNano> {
        Some(IntervalMonthDayNano::new(
            self.months,
            self.days,
            self.micros.checked_mul(1000)?,
        ))
    }

    /// Adds each part; None when one does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self {
            months: self.months.checked_add(other.months)?,
            days: self.days.checked_add(other.days)?,
            micros: self.micros.checked_add(other.micros)?,
        })
    }

    /// Turns each part round; None when one does not fit.
    pub fn checked_neg(self) -> Option<Self> {
        Some(Self {
            months: self.months.checked_neg()?,
            days: self.days.checked_neg()?,
            micros: self.micros.checked_neg()?,
        })
    }

    /// Multiplies each part; what is left of a month goes on as days of 30 to the month, what is left of a day as its share.
    pub fn times(self, factor: f64) -> Option<Self> {
        /// Days a month is counted with where it is cut.
        const MONTH_DAYS: f64 = 30.0;
        let months = f64::from(self.months) * factor;
        let days = f64::from(self.days) * factor + MONTH_DAYS * (months - months.trunc());
        let micros = self.micros as f64 * factor + DAY_US as f64 * (days - days.trunc());
        let fits = |value: f64| value.is_finite() && value.abs() <= f64::from(i32::MAX);
        (fits(months.trunc()) && fits(days.trunc()) && micros.is_finite()).then(|| Self {
            months: months as i32,
            days: days as i32,
            micros: micros.round() as i64,
        })
    }

    /// Adds `value unit`; fractions are allowed for seconds only. None when the text is no number or the unit none of Spark's.
    pub fn add(&mut self, value: &str, unit: &str) -> Option<Unit> {
        let unit = Unit::named(unit)?;
        if unit == Unit::Second {
            self.micros = self.micros.checked_add(seconds(value)?)?;
            return Some(unit);
        }
        let value: i64 = value.strip_prefix('+').unwrap_or(value).parse().ok()?;
        let small = |by: i64| i32::try_from(value.checked_mul(by)?).ok();
        match unit {
            Unit::Year => self.months = self.months.checked_add(small(12)?)?,
            Unit::Month => self.months = self.months.checked_add(small(1)?)?,
            Unit::Week => self.days = self.days.checked_add(small(7)?)?,
            Unit::Day => self.days = self.days.checked_add(small(1)?)?,
            other => self.micros = self.micros.checked_add(value.checked_mul(other.micros())?)?,
        }
        Some(unit)
    }
}

/// A unit of a calendar interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 12 months.
    Year,
    /// A month.
    Month,
    /// 7 days.
    Week,
    /// A day.
    Day,
    /// 60 minutes.
    Hour,
    /// 60 seconds.
    Minute,
    /// A second.
    Second,
    /// A thousandth of a second.
    Millisecond,
    /// A millionth of a second.
    Microsecond,
}

impl Unit {
    /// The unit of a name, with or without the `s` of the plural, in any case.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        Some(match name.strip_suffix('s').unwrap_or(&name) {
            "year" => Self::Year,
            "month" => Self::Month,
            "week" => Self::Week,
            "day" => Self::Day,
            "hour" => Self::Hour,
            "minute" => Self::Minute,
            "second" => Self::Second,
            "millisecond" => Self::Millisecond,
            "microsecond" => Self::Microsecond,
            _ => return None,
        })
    }

    /// The field of an interval type it counts in.
    pub fn field(self) -> Field {
        match self {
            Self::Year => Field::Year,
            Self::Month => Field::Month,
            Self::Week | Self::Day => Field::Day,
            Self::Hour => Field::Hour,
            Self::Minute => Field::Minute,
            Self::Second | Self::Millisecond | Self::Microsecond => Field::Second,
        }
    }

    fn micros(self) -> i64 {
        match self {
            Self::Millisecond => 1000,
            Self::Microsecond => 1,
            other => other.field().unit(),
        }
    }
}

fn seconds(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, fraction_micros(fraction)?),
        None => (digits, 0),
    };
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) || digits.is_empty() {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let micros = whole.checked_mul(SECOND_US)?.checked_add(fraction)?;
    Some(if negative { -micros } else { micros })
}

/// Reads `[interval] 1 day -2 hours`: the value, and the fields it was written in where those make a type. None when it is none.
pub fn parse_calendar(text: &str) -> Option<(Calendar, Option<Range>)> {
    let mut words = trim(text).split_whitespace().peekable();
    words.next_if(|word| word.eq_ignore_ascii_case("interval"));
    let mut value = Calendar::default();
    let mut fields: Option<(Field, Field)> = None;
    while let Some(word) = words.next() {
        // A sign may stand apart from its number.
        let signed;
        let number = if matches!(word, "-" | "+") {
            signed = format!("{word}{}", words.next()?);
            &signed
        } else {
            word
        };
        let field = value.add(number, words.next()?)?.field();
        fields = Some(match fields {
            Some((first, last)) => (first.min(field), last.max(field)),
            None => (field, field),
        });
    }
    let (first, last) = fields?;
    Some((value, Range::new(first, last)))
}

/// Appends a calendar interval as Spark casts it to text: `1 years 2 months 3 days 4.5 seconds`.
pub fn write_calendar(value: Calendar, out: &mut String) {
    let start = out.len();
    let mut part = |number: i64, name: &str| {
        if number != 0 {
            if out.len() > start {
                out.push(' ');
            }
            out.push_str(itoa::Buffer::new().format(number));
            out.push(' ');
            out.push_str(name);
        }
    };
    part(i64::from(value.months / 12), "years");
    part(i64::from(value.months % 12), "months");
    part(i64::from(value.days), "days");
    part(value.micros / Field::Hour.unit(), "hours");
    part(value.micros % Field::Hour.unit() / Field::Minute.unit(), "minutes");
    let rest = value.micros % Field::Minute.unit();
    if rest != 0 || out.len() == start {
        if out.len() > start {
            out.push(' ');
        }
        if rest < 0 {
            out.push('-');
        }
        let rest = rest.unsigned_abs();
        let second = SECOND_US.unsigned_abs();
        out.push_str(itoa::Buffer::new().format(rest / second));
        write_fraction(rest % second, out);
        out.push_str(" seconds");
    }
}
