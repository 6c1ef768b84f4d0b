//! Moving dates and timestamps, and conversions from and to numbers.

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, Float64Array, Int32Array, TimestampMicrosecondArray};
use arrow::compute::kernels::arity::binary;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Fields, Int32Type, Int64Type, TimestampMicrosecondType};
use chrono::{Datelike, Days, Months, NaiveDate};
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::fields::{date_of, parse_weekday};
use crate::cast::parse_time::days_of;
use crate::cast::{cast_array, try_cast_array};
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::number;
use crate::types;
use crate::zone::{self, DAY_US, SECOND_US, Tz};

const DATE_DAYS: &[Kind] = &[Kind::Date, Kind::NarrowInt];
const DATE_INT: &[Kind] = &[Kind::Date, Kind::Int];
const WHOLE: &[Kind] = &[Kind::Whole];
const TIME: &[Kind] = &[Kind::Timestamp];

pub fn functions() -> Vec<ScalarUDF> {
    let date = |_: &[DataType]| Ok(DataType::Date32);
    let int = |_: &[DataType]| Ok(DataType::Int32);
    let long = |_: &[DataType]| Ok(DataType::Int64);
    let time = |_: &[DataType]| Ok(types::timestamp());
    vec![
        date_add_udf(),
        Function::new("date_sub", DATE_DAYS, date, |call| shift_days(call, i32::wrapping_sub))
            .returns_by_constants(by_whole_days)
            .udf(),
        Function::new("datediff", &[Kind::Date, Kind::Date], int, datediff)
            .aliases(&["date_diff"])
            .udf(),
        Function::new("add_months", DATE_INT, date, add_months).udf(),
        Function::new("last_day", &[Kind::Date], date, last_day).udf(),
        Function::new("next_day", &[Kind::Date, Kind::Text], date, next_day).udf(),
        Function::new(
            "months_between",
            &[Kind::Timestamp, Kind::Timestamp, Kind::Boolean],
            |_| Ok(DataType::Float64),
            months_between,
        )
        .required(2)
        .udf(),
        Function::new("timestamp_seconds", &[Kind::PlainNumber], time, timestamp_seconds).udf(),
        Function::new("timestamp_millis", WHOLE, time, |call| stamp(call, 1000)).udf(),
        Function::new("timestamp_micros", WHOLE, time, |call| stamp(call, 1)).udf(),
        Function::new("unix_seconds", TIME, long, |call| units(call, SECOND_US)).udf(),
        Function::new("unix_millis", TIME, long, |call| units(call, 1000)).udf(),
        Function::new("unix_micros", TIME, long, |call| units(call, 1)).udf(),
        Function::new("unix_date", &[Kind::Date], int, |call| {
            column(
                call.column(0)?
                    .as_primitive::<Date32Type>()
                    .unary::<_, Int32Type>(|day| day),
            )
        })
        .udf(),
        Function::new("date_from_unix_date", &[Kind::Int], date, |call| {
            column(
                call.column(0)?
                    .as_primitive::<Int32Type>()
                    .unary::<_, Date32Type>(|day| day),
            )
        })
        .udf(),
        Function::new("make_date", &[Kind::Int, Kind::Int, Kind::Int], date, make_date).udf(),
        Function::new(
            "make_timestamp",
            &[
                Kind::Int,
                Kind::Int,
                Kind::Int,
                Kind::Int,
                Kind::Int,
                Kind::Number,
                Kind::Text,
            ],
            time,
            |call| stamped(make_timestamp(call, call.zone)?),
        )
        .aliases(&["make_timestamp_ltz"])
        .required(6)
        .udf(),
        Function::new(
            "make_timestamp_ntz",
            &[Kind::Int, Kind::Int, Kind::Int, Kind::Int, Kind::Int, Kind::Number],
            |_| Ok(types::timestamp_ntz()),
            |call| column(make_timestamp(call, Tz::UTC)?),
        )
        .udf(),
        Function::new("from_utc_timestamp", &[Kind::Timestamp, Kind::Text], time, |call| {
            convert_zone(call, |zone, us| zone.to_local(us))
        })
        .udf(),
        Function::new("to_utc_timestamp", &[Kind::Timestamp, Kind::Text], time, |call| {
            convert_zone(call, |zone, us| zone.to_instant(us))
        })
        .udf(),
        Function::new(
            "window_time",
            &[Kind::Any],
            |given| match given {
                [DataType::Struct(fields)] if is_window(fields) => Ok(types::timestamp()),
                _ => plan_err!("window_time takes a column that window() made"),
            },
            |call| {
                let windows = call.column(0)?;
                let ends = windows.as_struct().column(1).as_primitive::<TimestampMicrosecondType>();
                // A window that is NULL has no end, whatever its fields hold.
                let ends = ends.unary::<_, TimestampMicrosecondType>(|us| us.wrapping_sub(1));
                let times = ends.with_timezone("UTC");
                Ok(arrow::compute::nullif(&times, &arrow::compute::is_null(&windows)?)?)
            },
        )
        .udf(),
        Function::new(
            "convert_timezone",
            &[Kind::Text, Kind::Any, Kind::Any],
            |_| Ok(types::timestamp_ntz()),
            convert_timezone,
        )
        .required(2)
        .udf(),
    ]
}

/// Whether a struct has the fields of a time window.
fn is_window(fields: &Fields) -> bool {
    let named = |at: usize, name: &str| {
        let field = fields.get(at);
        field.is_some_and(|field| field.name() == name && field.data_type() == &types::timestamp())
    };
    fields.len() == 2 && named(0, "start") && named(1, "end")
}

/// Reads a local time in the first zone, which is the session's where only one is given, and gives it in the second.
fn convert_timezone(call: &Call<'_>) -> Result<ArrayRef> {
    let known = |zone: &str| match zone::find(zone) {
        Some(zone) => Ok(zone),
        None => exec_err!("convert_timezone: there is no time zone '{zone}'"),
    };
    let local =
        |at: usize| -> Result<ArrayRef> { Ok(cast_array(&call.column(at)?, &types::timestamp_ntz(), &call.zone)?) };
    if call.args.len() == 2 {
        let (to, times) = (call.text(0)?, local(1)?);
        let converted = times.as_primitive::<TimestampMicrosecondType>().iter().zip(&to);
        return column(
            converted
                .map(|(us, to)| match (us, to) {
                    (Some(us), Some(to)) => Ok(Some(known(to)?.to_local(zone::to_instant_us(us, &call.zone)))),
                    _ => Ok(None),
                })
                .collect::<Result<TimestampMicrosecondArray>>()?,
        );
    }
    let zones = cast_array(&call.column(1)?, &DataType::Utf8, &call.zone)?;
    let (from, to, times) = (call.text(0)?, zones.as_string::<i32>(), local(2)?);
    let converted = times
        .as_primitive::<TimestampMicrosecondType>()
        .iter()
        .zip(&from)
        .zip(to)
        .map(|((us, from), to)| match (us, from, to) {
            (Some(us), Some(from), Some(to)) => Ok(Some(known(to)?.to_local(known(from)?.to_instant(us)))),
            _ => Ok(None),
        });
    column(converted.collect::<Result<TimestampMicrosecondArray>>()?)
}

pub fn date_add_udf() -> ScalarUDF {
    Function::new(
        "date_add",
        DATE_DAYS,
        |_| Ok(DataType::Date32),
        |call| shift_days(call, i32::wrapping_add),
    )
    .aliases(&["dateadd"])
    .returns_by_constants(by_whole_days)
    .udf()
}

/// Days given as a constant text have to be a whole number; texts in rows may be NULL then.
fn by_whole_days(_: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    if let Some(Some(text)) = constants.get(1)
        && text.data_type() == DataType::Utf8
        && !text.is_null()
        && try_cast_array(&text.to_array()?, &DataType::Int32, &Tz::UTC)?.is_null(0)
    {
        return plan_err!("the days are a whole number, not {text}");
    }
    Ok(DataType::Date32)
}

fn days_and_counts(call: &Call<'_>) -> Result<(Date32Array, Int32Array)> {
    Ok((
        call.column(0)?.as_primitive::<Date32Type>().clone(),
        call.column(1)?.as_primitive::<Int32Type>().clone(),
    ))
}

fn shift_days(call: &Call<'_>, shift: impl Fn(i32, i32) -> i32) -> Result<ArrayRef> {
    let (days, counts) = days_and_counts(call)?;
    let shifted: Date32Array = binary(&days, &counts, shift)?;
    column(shifted)
}

fn datediff(call: &Call<'_>) -> Result<ArrayRef> {
    let (end, start) = (call.column(0)?, call.column(1)?);
    let difference: Int32Array = binary(
        end.as_primitive::<Date32Type>(),
        start.as_primitive::<Date32Type>(),
        i32::wrapping_sub,
    )?;
    column(difference)
}

fn days_from_epoch(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - NaiveDate::default().num_days_from_ce()
}

fn add_months(call: &Call<'_>) -> Result<ArrayRef> {
    let (days, counts) = days_and_counts(call)?;
    let shifted = days.iter().zip(&counts).map(|(day, count)| {
        let (date, count) = (date_of(day?)?, count?);
        let moved = if count >= 0 {
            date.checked_add_months(Months::new(count as u32))
        } else {
            date.checked_sub_months(Months::new(count.unsigned_abs()))
        };
        moved.map(days_from_epoch)
    });
    column(shifted.collect::<Date32Array>())
}

/// The last day of a date's month.
fn month_end(date: NaiveDate) -> Option<NaiveDate> {
    date.with_day(1)?
        .checked_add_months(Months::new(1))?
        .checked_sub_days(Days::new(1))
}

fn last_day(call: &Call<'_>) -> Result<ArrayRef> {
    let days = call.column(0)?;
    column(
        days.as_primitive::<Date32Type>()
            .unary_opt::<_, Date32Type>(|day| date_of(day).and_then(month_end).map(days_from_epoch)),
    )
}

fn next_day(call: &Call<'_>) -> Result<ArrayRef> {
    let days = call.column(0)?;
    let names = call.text(1)?;
    let next = days.as_primitive::<Date32Type>().iter().zip(&names).map(|(day, name)| {
        let (day, name) = (day?, name?);
        let wanted = parse_weekday(name)?.num_days_from_monday() as i32;
        let own = date_of(day)?.weekday().num_days_from_monday() as i32;
        Some(day + (wanted - own - 1).rem_euclid(7) + 1)
    });
    column(next.collect::<Date32Array>())
}

fn months_between(call: &Call<'_>) -> Result<ArrayRef> {
    /// Months are counted with 31 days.
    const MONTH_SECONDS: f64 = 31.0 * 86_400.0;
    let (end, start) = (call.column(0)?, call.column(1)?);
    let round = match call.args.get(2) {
        Some(_) => call.column(2)?.as_boolean().clone(),
        None => vec![true; call.rows].into(),
    };
    let ends = end.as_primitive::<TimestampMicrosecondType>();
    let starts = start.as_primitive::<TimestampMicrosecondType>();
    let months = ends.iter().zip(starts).zip(&round).map(|((end, start), round)| {
        let (end, start, round) = (end?, start?, round?);
        let day = |us: i64| zone::to_local_us(us, &call.zone).div_euclid(DAY_US);
        let (one, other) = (date_of(day(end) as i32)?, date_of(day(start) as i32)?);
        let whole = f64::from((one.year() - other.year()) * 12 + one.month() as i32 - other.month() as i32);
        let both_last = month_end(one)? == one && month_end(other)? == other;
        if one.day() == other.day() || both_last {
            return Some(whole);
        }
        // What has gone by since midnight, which is not what the clock shows on a day it was moved.
        let seconds = |us: i64| (us - zone::to_instant_us(day(us) * DAY_US, &call.zone)) / SECOND_US;
        let rest = i64::from(one.day() as i32 - other.day() as i32) * 86_400 + seconds(end) - seconds(start);
        let exact = whole + rest as f64 / MONTH_SECONDS;
        Some(if round {
            (exact * 1e8 + 0.5).floor() / 1e8
        } else {
            exact
        })
    });
    column(months.collect::<Float64Array>())
}

fn stamped(micros: TimestampMicrosecondArray) -> Result<ArrayRef> {
    column(micros.with_timezone("UTC"))
}

fn stamp(call: &Call<'_>, unit_us: i64) -> Result<ArrayRef> {
    let values = call.column(0)?;
    stamped(
        values
            .as_primitive::<Int64Type>()
            .unary_opt(|value| value.checked_mul(unit_us)),
    )
}

fn timestamp_seconds(call: &Call<'_>) -> Result<ArrayRef> {
    let seconds = call.column(0)?;
    if let DataType::Decimal128(_, scale @ 7..) = seconds.data_type()
        && let Some(finest) = number::power_of_ten(u32::from(scale.unsigned_abs()) - 6)
    {
        let values = seconds.as_primitive::<Decimal128Type>();
        if values.iter().flatten().any(|value| value % finest != 0) {
            return exec_err!("timestamp_seconds takes seconds of at most 6 decimal places");
        }
    }
    Ok(cast_array(&seconds, &types::timestamp(), &call.zone)?)
}

fn units(call: &Call<'_>, unit_us: i64) -> Result<ArrayRef> {
    let times = call.column(0)?;
    column(
        times
            .as_primitive::<TimestampMicrosecondType>()
            .unary::<_, Int64Type>(|us| us.div_euclid(unit_us)),
    )
}

fn ints(call: &Call<'_>, at: usize) -> Result<Int32Array> {
    Ok(call.column(at)?.as_primitive::<Int32Type>().clone())
}

fn make_date(call: &Call<'_>) -> Result<ArrayRef> {
    let (years, months, days) = (ints(call, 0)?, ints(call, 1)?, ints(call, 2)?);
    let dates = years
        .iter()
        .zip(&months)
        .zip(&days)
        .map(|((year, month), day)| days_of(year?, u32::try_from(month?).ok()?, u32::try_from(day?).ok()?));
    column(dates.collect::<Date32Array>())
}

/// Reads fields as a local time of the zone, or of the one that is the last argument.
fn make_timestamp(call: &Call<'_>, own: Tz) -> Result<TimestampMicrosecondArray> {
    let fields = (0..5).map(|at| ints(call, at)).collect::<Result<Vec<_>>>()?;
    let seconds = cast_array(&call.column(5)?, &DataType::Decimal128(16, 6), &Tz::UTC)?;
    let seconds = seconds.as_primitive::<Decimal128Type>();
    let zones = if call.args.len() > 6 { Some(call.text(6)?) } else { None };
    if let Some(unknown) = zones.iter().flatten().flatten().find(|zone| zone::find(zone).is_none()) {
        return exec_err!("unknown time zone {unknown:?}");
    }
    let one = |row: usize| -> Option<i64> {
        if fields.iter().any(|field| field.is_null(row)) || seconds.is_null(row) {
            return None;
        }
        let zone = match &zones {
            Some(zones) if zones.is_null(row) => return None,
            Some(zones) => zone::find(zones.value(row))?,
            None => own,
        };
        let field = |at: usize| u32::try_from(fields[at].value(row)).ok();
        let day = days_of(fields[0].value(row), field(1)?, field(2)?)?;
        let (hour, minute, micros) = (field(3)?, field(4)?, i64::try_from(seconds.value(row)).ok()?);
        // 60 seconds without a fraction is the next minute.
        if hour > 23 || minute > 59 || !(0..=60 * SECOND_US).contains(&micros) {
            return None;
        }
        Some(zone.to_instant(i64::from(day) * DAY_US + i64::from(hour * 3600 + minute * 60) * SECOND_US + micros))
    };
    Ok((0..call.rows).map(one).collect())
}

fn convert_zone(call: &Call<'_>, convert: impl Fn(Tz, i64) -> i64) -> Result<ArrayRef> {
    let times = call.column(0)?;
    let zones = call.text(1)?;
    let mut converted = Vec::with_capacity(call.rows);
    let mut last: Option<(String, Tz)> = None;
    for (us, name) in times.as_primitive::<TimestampMicrosecondType>().iter().zip(&zones) {
        let (Some(us), Some(name)) = (us, name) else {
            converted.push(None);
            continue;
        };
        let zone = match &last {
            Some((seen, zone)) if seen == name => *zone,
            _ => match zone::find(name) {
                Some(zone) => {
                    last = Some((name.to_owned(), zone));
                    zone
                }
                None => return exec_err!("unknown time zone {name:?}"),
            },
        };
        converted.push(Some(convert(zone, us)));
    }
    stamped(TimestampMicrosecondArray::from(converted))
}
