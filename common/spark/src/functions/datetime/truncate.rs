//! `trunc` and `date_trunc`.

use arrow::array::{ArrayRef, AsArray, Date32Array, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};
use chrono::{Datelike, NaiveDate};
use datafusion::logical_expr::ScalarUDF;

use super::fields::date_of;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::types;
use crate::zone::{self, DAY_US, SECOND_US, Tz};

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new("trunc", &[Kind::Date, Kind::Text], |_| Ok(DataType::Date32), trunc).udf(),
        Function::new(
            "date_trunc",
            &[Kind::Text, Kind::Timestamp],
            |_| Ok(types::timestamp()),
            date_trunc,
        )
        .udf(),
    ]
}

/// A unit a time is cut to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Micros(i64),
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "MICROSECOND" => Self::Micros(1),
            "MILLISECOND" => Self::Micros(1000),
            "SECOND" => Self::Micros(SECOND_US),
            "MINUTE" => Self::Micros(60 * SECOND_US),
            "HOUR" => Self::Micros(3600 * SECOND_US),
            "DAY" | "DD" => Self::Day,
            "WEEK" => Self::Week,
            "MON" | "MONTH" | "MM" => Self::Month,
            "QUARTER" => Self::Quarter,
            "YEAR" | "YYYY" | "YY" => Self::Year,
            _ => return None,
        })
    }

    /// Cuts a day number; units below a day leave it.
    fn cut_day(self, day: i32) -> Option<i32> {
        let date = date_of(day)?;
        let first = |month: u32| NaiveDate::from_ymd_opt(date.year(), month, 1);
        let start = match self {
            Self::Micros(_) | Self::Day => return Some(day),
            Self::Week => return Some(day - date.weekday().num_days_from_monday() as i32),
            Self::Month => first(date.month())?,
            Self::Quarter => first(date.month0() / 3 * 3 + 1)?,
            Self::Year => first(1)?,
        };
        Some(start.num_days_from_ce() - NaiveDate::default().num_days_from_ce())
    }

    fn cut_instant(self, us: i64, zone: &Tz) -> Option<i64> {
        match self {
            // Offsets are whole seconds, so units up to a second need no zone.
            Self::Micros(unit) if unit <= SECOND_US => Some(us - us.rem_euclid(unit)),
            Self::Micros(unit) => {
                let local = zone::to_local_us(us, zone);
                Some(start_of(local - local.rem_euclid(unit), us, zone))
            }
            Self::Day => {
                let local = zone::to_local_us(us, zone);
                Some(start_of(local - local.rem_euclid(DAY_US), us, zone))
            }
            _ => {
                let day = self.cut_day(zone::to_local_us(us, zone).div_euclid(DAY_US) as i32)?;
                Some(zone::to_instant_us(i64::from(day) * DAY_US, zone))
            }
        }
    }
}

/// The local time as an instant, with the offset of `us` where the zone has it then: clocks may have moved within the unit.
fn start_of(local: i64, us: i64, zone: &Tz) -> i64 {
    zone::to_instant_near_us(local, zone::offset_seconds(us, zone), zone)
}

fn trunc(call: &Call<'_>) -> Result<ArrayRef> {
    let days = call.column(0)?;
    let days = days.as_primitive::<Date32Type>();
    // A date is cut to weeks and longer only.
    let unit_of = |name: &str| Unit::parse(name).filter(|unit| !matches!(unit, Unit::Micros(_) | Unit::Day));
    if let Some(name) = call.constant_text(1) {
        let unit = name.and_then(unit_of);
        return column(days.unary_opt::<_, Date32Type>(|day| unit?.cut_day(day)));
    }
    let names = call.text(1)?;
    column(
        days.iter()
            .zip(&names)
            .map(|(day, name)| unit_of(name?)?.cut_day(day?))
            .collect::<Date32Array>(),
    )
}

fn date_trunc(call: &Call<'_>) -> Result<ArrayRef> {
    let times = call.column(1)?;
    let times = times.as_primitive::<TimestampMicrosecondType>();
    let cut: TimestampMicrosecondArray = match call.constant_text(0) {
        Some(name) => {
            let unit = name.and_then(Unit::parse);
            times.unary_opt(|us| unit?.cut_instant(us, &call.zone))
        }
        None => {
            let names = call.text(0)?;
            times
                .iter()
                .zip(&names)
                .map(|(us, name)| Unit::parse(name?)?.cut_instant(us?, &call.zone))
                .collect()
        }
    };
    column(cut.with_timezone("UTC"))
}
