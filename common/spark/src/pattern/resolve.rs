//! The fields found in a text, and the time they make together.

use chrono::{Datelike, NaiveDate};

use crate::cast::parse_time::days_of;
use crate::zone::{DAY_US, SECOND_US, Tz};

/// What a number in a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Year,
    YearOfEra,
    Era,
    Month,
    Day,
    DayOfYear,
    Hour,
    ClockHour,
    HalfDayHour,
    HalfDayClockHour,
    HalfDay,
    Minute,
    Second,
    Micros,
    ModifiedJulianDay,
}

const FIELDS: usize = Field::ModifiedJulianDay as usize + 1;
/// Day 0 of the modified Julian count, in days since the epoch.
const MODIFIED_JULIAN_ZERO: i64 = -40_587;

/// The fields of one text.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    values: [Option<i64>; FIELDS],
    pub zone: Option<Tz>,
    /// Years count from the beginning of an era.
    pub year_of_era: bool,
}

impl Found {
    /// Notes a value; `None` if another one was found before.
    pub fn set(&mut self, field: Field, value: i64) -> Option<()> {
        let slot = self.values.get_mut(field as usize)?;
        match slot {
            Some(known) if *known != value => None,
            _ => {
                *slot = Some(value);
                Some(())
            }
        }
    }

    fn get(&self, field: Field) -> Option<i64> {
        self.values.get(field as usize).copied().flatten()
    }

    /// A value inside its range; `None` as the outer option for one that is not.
    fn within(&self, field: Field, least: i64, most: i64) -> Option<Option<i64>> {
        match self.get(field) {
            Some(value) if !(least..=most).contains(&value) => None,
            found => Some(found),
        }
    }

    /// Days since the epoch; fields that are missing are those of the first of January 1970.
    pub fn days(&self) -> Option<i32> {
        let year = match (self.get(Field::Year), self.get(Field::YearOfEra), self.get(Field::Era)) {
            (Some(year), ..) => Some(year),
            (None, Some(year), Some(0)) => Some(1 - year),
            (None, Some(year), Some(_)) => Some(year),
            _ => None,
        };
        let month = self.within(Field::Month, 1, 12)?;
        let day = self.within(Field::Day, 1, 31)?;
        let day_of_year = self.within(Field::DayOfYear, 1, 366)?;
        let from_calendar = |year: i64, month: i64, day: i64| {
            days_of(
                i32::try_from(year).ok()?,
                u32::try_from(month).ok()?,
                u32::try_from(day).ok()?,
            )
        };
        if let Some(count) = self.get(Field::ModifiedJulianDay) {
            return i32::try_from(count + MODIFIED_JULIAN_ZERO).ok();
        }
        let days = match (year, day_of_year) {
            (year, Some(ordinal)) if month.is_none() || day.is_none() => {
                from_calendar(year.unwrap_or(1970), 1, 1)? + i32::try_from(ordinal - 1).ok()?
            }
            _ => from_calendar(year.unwrap_or(1970), month.unwrap_or(1), day.unwrap_or(1))?,
        };
        let Some(year) = year else {
            return Some(days);
        };
        // Whatever else was found has to agree.
        let date = NaiveDate::from_epoch_days(days);
        let same = |field: Option<i64>, of: fn(&NaiveDate) -> u32| {
            field.is_none_or(|value| date.is_none_or(|date| i64::from(of(&date)) == value))
        };
        let same_year = date.is_none_or(|date| i64::from(date.year()) == year);
        (same_year && same(month, Datelike::month) && same(day, Datelike::day) && same(day_of_year, Datelike::ordinal))
            .then_some(days)
    }

    fn hour(&self) -> Option<i64> {
        let plain = self.within(Field::Hour, 0, 23)?;
        let clock = self.within(Field::ClockHour, 1, 24)?.map(|hour| hour % 24);
        let half = self.within(Field::HalfDayHour, 0, 11)?;
        let half_clock = self.within(Field::HalfDayClockHour, 1, 12)?.map(|hour| hour % 12);
        let half_day = self.get(Field::HalfDay);
        let half = agreed(half, half_clock)?;
        let whole = agreed(plain, clock)?;
        match (whole, half, half_day) {
            (Some(hour), half, half_day) => {
                let agrees = half.is_none_or(|h| h == hour % 12) && half_day.is_none_or(|h| h == hour / 12);
                agrees.then_some(hour)
            }
            (None, half, half_day) => Some(half.unwrap_or(0) + 12 * half_day.unwrap_or(0)),
        }
    }

    /// Microseconds of the local time since the epoch.
    pub fn local_us(&self) -> Option<i64> {
        let minute = self.within(Field::Minute, 0, 59)?.unwrap_or(0);
        let second = self.within(Field::Second, 0, 59)?.unwrap_or(0);
        let seconds = self.hour()? * 3600 + minute * 60 + second;
        let time = seconds * SECOND_US + self.get(Field::Micros).unwrap_or(0);
        i64::from(self.days()?).checked_mul(DAY_US)?.checked_add(time)
    }
}

/// One value said in two ways.
fn agreed(left: Option<i64>, right: Option<i64>) -> Option<Option<i64>> {
    match (left, right) {
        (Some(a), Some(b)) if a != b => None,
        _ => Some(left.or(right)),
    }
}
