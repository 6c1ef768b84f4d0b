//! Times into texts.

use std::fmt::Write;

use chrono::{Datelike, NaiveDate};

use super::names::{DAYS, ERAS, MONTHS, cut, of_zone};
use super::{Item, Pattern, Sign, Width};
use crate::zone::{self, DAY_US, SECOND_US, Tz};

/// A time taken apart.
struct Moment<'a> {
    date: NaiveDate,
    of_day: i64,
    offset: i64,
    instant_us: i64,
    zone: &'a Tz,
}

impl Pattern {
    /// Appends an instant (microseconds since the epoch) as local time of `zone`.
    pub fn write_instant(&self, instant_us: i64, zone: &Tz, out: &mut String) {
        let offset = zone::offset_seconds(instant_us, zone);
        self.write(
            instant_us.saturating_add(offset * SECOND_US),
            offset,
            instant_us,
            zone,
            out,
        );
    }

    /// Appends a local time.
    pub fn write_local(&self, local_us: i64, out: &mut String) {
        self.write(local_us, 0, local_us, &Tz::UTC, out);
    }

    fn write(&self, local_us: i64, offset: i64, instant_us: i64, zone: &Tz, out: &mut String) {
        let days = i32::try_from(local_us.div_euclid(DAY_US)).ok();
        let Some(date) = days.and_then(NaiveDate::from_epoch_days) else {
            return;
        };
        let moment = Moment {
            date,
            of_day: local_us.rem_euclid(DAY_US),
            offset,
            instant_us,
            zone,
        };
        moment.items(&self.items, self.has_era(), out);
    }
}

impl Moment<'_> {
    fn items(&self, items: &[Item], era: bool, out: &mut String) {
        for item in items {
            match item {
                Item::Literal(c) => out.push(*c),
                Item::Number { letter, count, width } => self.number(*letter, *count, width, era, out),
                Item::Fraction { count } => {
                    let micros = format!("{:06}000", self.of_day % SECOND_US);
                    out.push_str(micros.get(..*count).unwrap_or(&micros));
                }
                Item::Text { letter, count } => self.text(*letter, *count, out),
                Item::Optional(inner) => self.items(inner, era, out),
            }
        }
    }

    fn number(&self, letter: char, count: usize, width: &Width, era: bool, out: &mut String) {
        let seconds = self.of_day / SECOND_US;
        let hour = seconds / 3600;
        let value = match letter {
            'y' => {
                let year = i64::from(self.date.year());
                let year = if era && year < 1 { 1 - year } else { year };
                if count == 2 { year.rem_euclid(100) } else { year }
            }
            'M' | 'L' => i64::from(self.date.month()),
            'Q' | 'q' => i64::from(self.date.month0() / 3 + 1),
            'd' => i64::from(self.date.day()),
            'D' => i64::from(self.date.ordinal()),
            'F' => i64::from(self.date.day0() % 7 + 1),
            'g' => i64::from(self.date.to_epoch_days()) + 40_587,
            'H' => hour,
            'k' => (hour + 23) % 24 + 1,
            'K' => hour % 12,
            'h' => (hour + 11) % 12 + 1,
            'm' => seconds / 60 % 60,
            _ => seconds % 60,
        };
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(value.unsigned_abs());
        if value < 0 {
            out.push('-');
        } else if width.sign == Sign::ExceedsPad && digits.len() > width.min {
            out.push('+');
        }
        for _ in digits.len()..width.min {
            out.push('0');
        }
        out.push_str(digits);
    }

    fn text(&self, letter: char, count: usize, out: &mut String) {
        match letter {
            'G' => {
                let (short, long) = ERAS[usize::from(self.date.year() > 0)];
                out.push_str(if count == 4 { long } else { short });
            }
            'M' | 'L' => out.push_str(cut(MONTHS[self.date.month0() as usize], count)),
            'E' => out.push_str(cut(DAYS[self.date.weekday().num_days_from_monday() as usize], count)),
            'a' => out.push_str(if self.of_day < DAY_US / 2 { "AM" } else { "PM" }),
            'Q' | 'q' => {
                let quarter = self.date.month0() as usize / 3;
                if count == 4 {
                    out.push_str(["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"][quarter]);
                } else {
                    out.push_str(["Q1", "Q2", "Q3", "Q4"][quarter]);
                }
            }
            'V' => {
                let _ = write!(out, "{}", self.zone);
            }
            'z' => out.push_str(&of_zone(self.zone, self.instant_us, count == 4)),
            'X' if self.offset == 0 => out.push('Z'),
            'Z' if self.offset == 0 && count == 5 => out.push('Z'),
            'O' => self.localized_offset(count == 4, out),
            'Z' if count == 4 => self.localized_offset(true, out),
            _ => self.offset(letter, count, out),
        }
    }

    fn parts(&self) -> (char, [i64; 3]) {
        let seconds = self.offset.abs();
        let sign = if self.offset < 0 { '-' } else { '+' };
        (sign, [seconds / 3600, seconds / 60 % 60, seconds % 60])
    }

    fn offset(&self, letter: char, count: usize, out: &mut String) {
        let (sign, [hours, minutes, seconds]) = self.parts();
        let colon = if matches!((letter, count), ('X' | 'x', 3 | 5) | ('Z', 5)) {
            ":"
        } else {
            ""
        };
        let with_seconds = matches!((letter, count), ('X' | 'x', 4 | 5) | ('Z', 5));
        // What is cut away counts for nothing in the sign either.
        let sign = if hours + minutes == 0 && !(with_seconds && seconds > 0) {
            '+'
        } else {
            sign
        };
        out.push_str(&format!("{sign}{hours:02}"));
        if letter != 'Z' && count == 1 && minutes == 0 {
            return;
        }
        out.push_str(&format!("{colon}{minutes:02}"));
        if with_seconds && seconds > 0 {
            out.push_str(&format!("{colon}{seconds:02}"));
        }
    }

    fn localized_offset(&self, full: bool, out: &mut String) {
        out.push_str("GMT");
        let (sign, [hours, minutes, seconds]) = self.parts();
        if self.offset == 0 {
            return;
        }
        if full {
            out.push_str(&format!("{sign}{hours:02}:{minutes:02}"));
        } else {
            out.push_str(&format!("{sign}{hours}"));
            if minutes > 0 || seconds > 0 {
                out.push_str(&format!(":{minutes:02}"));
            }
        }
        if seconds > 0 {
            out.push_str(&format!(":{seconds:02}"));
        }
    }
}
