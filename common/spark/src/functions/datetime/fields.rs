//! Calendar fields of dates and timestamps.

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Int32Array, new_null_array};
use arrow::datatypes::{DataType, Date32Type, Int32Type, TimestampMicrosecondType};
use chrono::{Datelike, NaiveDate, Weekday};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::make_interval;
use crate::cast::cast_array;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::type_name::spark_type;
use crate::zone::{self, DAY_US, SECOND_US, Tz};
use crate::{interval, types};

const DATE: &[Kind] = &[Kind::Date];
const TIME: &[Kind] = &[Kind::AnyTimestamp];

pub fn functions() -> Vec<ScalarUDF> {
    let int = |_: &[DataType]| Ok(DataType::Int32);
    vec![
        Function::new("year", DATE, int, |call| of_date(call, |date| date.year())).udf(),
        Function::new("quarter", DATE, int, |call| of_date(call, quarter)).udf(),
        Function::new("month", DATE, int, |call| of_date(call, |date| date.month() as i32)).udf(),
        Function::new("day", DATE, int, |call| of_date(call, |date| date.day() as i32))
            .aliases(&["dayofmonth"])
            .udf(),
        Function::new("dayofweek", DATE, int, |call| of_date(call, dayofweek)).udf(),
        Function::new("weekday", DATE, int, |call| of_date(call, weekday)).udf(),
        Function::new("dayofyear", DATE, int, |call| {
            of_date(call, |date| date.ordinal() as i32)
        })
        .udf(),
        Function::new("weekofyear", DATE, int, |call| {
            of_date(call, |date| date.iso_week().week() as i32)
        })
        .udf(),
        Function::new("hour", TIME, int, |call| of_time(call, |second| second / 3600)).udf(),
        Function::new("minute", TIME, int, |call| of_time(call, |second| second / 60 % 60)).udf(),
        Function::new("second", TIME, int, |call| of_time(call, |second| second % 60)).udf(),
        date_part_udf(),
    ]
}

pub fn date_part_udf() -> ScalarUDF {
    Function::new(
        "date_part",
        &[Kind::Text, Kind::Any],
        |_| Ok(DataType::Int32),
        date_part,
    )
    .aliases(&["datepart"])
    .returns_by_constants(date_part_type)
    .udf()
}

/// The date of a day number; None outside of the calendar's range.
pub fn date_of(days: i32) -> Option<NaiveDate> {
    let ce = days.checked_add(NaiveDate::default().num_days_from_ce())?;
    NaiveDate::from_num_days_from_ce_opt(ce)
}

fn quarter(date: NaiveDate) -> i32 {
    date.month0() as i32 / 3 + 1
}

/// Sunday is 1.
fn dayofweek(date: NaiveDate) -> i32 {
    date.weekday().num_days_from_sunday() as i32 + 1
}

/// Monday is 0.
fn weekday(date: NaiveDate) -> i32 {
    date.weekday().num_days_from_monday() as i32
}

fn of_date(call: &Call<'_>, field: impl Fn(NaiveDate) -> i32) -> Result<ArrayRef> {
    let days = call.column(0)?;
    let days = days.as_primitive::<Date32Type>();
    column(days.unary_opt::<_, Int32Type>(|day| date_of(day).map(&field)))
}

fn of_time(call: &Call<'_>, field: impl Fn(i64) -> i64) -> Result<ArrayRef> {
    let times = call.column(0)?;
    // The clock of a local time shows what it says, also where a zone skips it.
    let (times, zone) = match times.data_type() {
        DataType::Timestamp(_, None) => (times, &Tz::UTC),
        _ => (times, &call.zone),
    };
    let times = times.as_primitive::<TimestampMicrosecondType>();
    column(times.unary::<_, Int32Type>(|us| field(zone::to_local_us(us, zone).rem_euclid(DAY_US) / SECOND_US) as i32))
}

/// The fields of `date_part` and `EXTRACT`, by any of Spark's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Year,
    YearOfWeek,
    Quarter,
    Month,
    Week,
    Day,
    DayOfWeek,
    DayOfWeekIso,
    DayOfYear,
    Hour,
    Minute,
    Second,
}

impl Field {
    fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "YEAR" | "Y" | "YEARS" | "YR" | "YRS" => Self::Year,
            "YEAROFWEEK" => Self::YearOfWeek,
            "QUARTER" | "QTR" => Self::Quarter,
            "MONTH" | "MON" | "MONS" | "MONTHS" => Self::Month,
            "WEEK" | "W" | "WEEKS" => Self::Week,
            "DAY" | "D" | "DAYS" => Self::Day,
            "DAYOFWEEK" | "DOW" => Self::DayOfWeek,
            "DAYOFWEEK_ISO" | "DOW_ISO" => Self::DayOfWeekIso,
            "DOY" => Self::DayOfYear,
            "HOUR" | "H" | "HOURS" | "HR" | "HRS" => Self::Hour,
            "MINUTE" | "M" | "MIN" | "MINS" | "MINUTES" => Self::Minute,
            "SECOND" | "S" | "SEC" | "SECONDS" | "SECS" => Self::Second,
            _ => return None,
        })
    }

    fn of_interval(self) -> Result<interval::Field> {
        Ok(match self {
            Self::Year => interval::Field::Year,
            Self::Month => interval::Field::Month,
            Self::Day => interval::Field::Day,
            Self::Hour => interval::Field::Hour,
            Self::Minute => interval::Field::Minute,
            Self::Second => interval::Field::Second,
            other => return plan_err!("an interval has no field {other:?}"),
        })
    }

    fn of(self, local_us: i64) -> Option<i32> {
        let second = local_us.rem_euclid(DAY_US) / SECOND_US;
        let date = date_of(local_us.div_euclid(DAY_US) as i32)?;
        Some(match self {
            Self::Year => date.year(),
            Self::YearOfWeek => date.iso_week().year(),
            Self::Quarter => quarter(date),
            Self::Month => date.month() as i32,
            Self::Week => date.iso_week().week() as i32,
            Self::Day => date.day() as i32,
            Self::DayOfWeek => dayofweek(date),
            Self::DayOfWeekIso => date.weekday().number_from_monday() as i32,
            Self::DayOfYear => date.ordinal() as i32,
            Self::Hour => (second / 3600) as i32,
            Self::Minute => (second / 60 % 60) as i32,
            Self::Second => (second % 60) as i32,
        })
    }
}

fn field_of(constant: Option<&ScalarValue>) -> Result<Field> {
    match constant {
        Some(
            ScalarValue::Utf8(Some(name)) | ScalarValue::LargeUtf8(Some(name)) | ScalarValue::Utf8View(Some(name)),
        ) => match Field::parse(name) {
            Some(field) => Ok(field),
            None => plan_err!("cannot extract {name:?} from a date or timestamp"),
        },
        _ => plan_err!("the field of date_part must be a constant text"),
    }
}

fn date_part_type(given: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    if constants.first().copied().flatten().is_some_and(ScalarValue::is_null) {
        return Ok(DataType::Float64);
    }
    let field = field_of(constants.first().copied().flatten())?;
    if let Some(interval) = given.get(1).filter(|of| types::is_interval(of)) {
        return make_interval::field_type(interval, field.of_interval()?);
    }
    if let Some(other) = given.get(1)
        && !matches!(
            other,
            DataType::Utf8 | DataType::Date32 | DataType::Timestamp(..) | DataType::Null
        )
    {
        return plan_err!(
            "a field is extracted from a date, a timestamp or an interval, not from {}",
            spark_type(other)
        );
    }
    Ok(match field {
        Field::Second => DataType::Decimal128(8, 6),
        _ => DataType::Int32,
    })
}

fn date_part(call: &Call<'_>) -> Result<ArrayRef> {
    if call.constant(0).is_some_and(ScalarValue::is_null) {
        return Ok(new_null_array(&DataType::Float64, call.rows));
    }
    let field = field_of(call.constant(0))?;
    let value = call.column(1)?;
    if types::is_interval(value.data_type()) {
        return make_interval::field_of(&value, field.of_interval()?);
    }
    let zone = if value.data_type() == &crate::types::timestamp() {
        call.zone
    } else {
        Tz::UTC
    };
    let value = match value.data_type() {
        DataType::Timestamp(..) => value,
        DataType::Utf8 => cast_array(&value, &crate::types::timestamp_ntz(), &zone)?,
        _ => cast_array(&value, &crate::types::timestamp_ntz(), &zone)?,
    };
    let times = value.as_primitive::<TimestampMicrosecondType>();
    if field == Field::Second {
        let seconds: Decimal128Array =
            times.unary(|us| i128::from(zone::to_local_us(us, &zone).rem_euclid(60 * SECOND_US)));
        return column(seconds.with_precision_and_scale(8, 6)?);
    }
    let fields: Int32Array = times.unary_opt(|us| field.of(zone::to_local_us(us, &zone)));
    column(fields)
}

/// The weekday named by its English name or its first two or three letters.
pub fn parse_weekday(name: &str) -> Option<Weekday> {
    Some(match name.trim().to_ascii_uppercase().as_str() {
        "MO" | "MON" | "MONDAY" => Weekday::Mon,
        "TU" | "TUE" | "TUESDAY" => Weekday::Tue,
        "WE" | "WED" | "WEDNESDAY" => Weekday::Wed,
        "TH" | "THU" | "THURSDAY" => Weekday::Thu,
        "FR" | "FRI" | "FRIDAY" => Weekday::Fri,
        "SA" | "SAT" | "SATURDAY" => Weekday::Sat,
        "SU" | "SUN" | "SUNDAY" => Weekday::Sun,
        _ => return None,
    })
}
