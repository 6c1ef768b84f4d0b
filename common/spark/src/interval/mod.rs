//! Spark's interval types on Arrow.
//!
//! To Spark `INTERVAL DAY` and `INTERVAL HOUR TO SECOND` are different types, with different names and different text; Arrow's
//! intervals and durations do not know which fields they count in. So an interval of fixed fields is carried in a type no number
//! of Spark has, a small decimal with a negative scale: months in `Decimal32`, microseconds in `Decimal64`, and the scale says
//! which fields ([`Range`]). The type so stays with the value through every operator, and ordering, grouping and sums are those
//! of the integer below. `CalendarInterval`, which has all fields, is Arrow's month-day-nano interval.

mod calendar;
mod parse;
mod text;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, PrimitiveArray};
use arrow::datatypes::{
    DECIMAL32_MAX_PRECISION, DECIMAL64_MAX_PRECISION, DataType, Decimal32Type, Decimal64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::common::ScalarValue;

use crate::SparkError;
use crate::zone::{DAY_US, SECOND_US};

pub use calendar::{Calendar, parse_calendar, write_calendar};
pub use parse::parse;
pub use text::write;

/// A field of an interval, largest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// 12 months.
    Year,
    /// A month.
    Month,
    /// 24 hours.
    Day,
    /// 60 minutes.
    Hour,
    /// 60 seconds.
    Minute,
    /// A second and its fraction.
    Second,
}

impl Field {
    const ALL: [Self; 6] = [
        Self::Year,
        Self::Month,
        Self::Day,
        Self::Hour,
        Self::Minute,
        Self::Second,
    ];

    /// The field of a name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|field| field.name().eq_ignore_ascii_case(name))
    }

    /// Its name as in a type's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
        }
    }

    /// Its length: months of a year or month, microseconds of the others.
    pub fn unit(self) -> i64 {
        match self {
            Self::Year => 12,
            Self::Month => 1,
            Self::Day => DAY_US,
            Self::Hour => 3600 * SECOND_US,
            Self::Minute => 60 * SECOND_US,
            Self::Second => SECOND_US,
        }
    }

    fn is_months(self) -> bool {
        self <= Self::Month
    }
}

/// The fields of an interval type: `INTERVAL start [TO end]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The largest field.
    pub start: Field,
    /// The smallest field.
    pub end: Field,
}

impl Range {
    /// `INTERVAL DAY`.
    pub const DAY: Self = Self {
        start: Field::Day,
        end: Field::Day,
    };
    /// `INTERVAL DAY TO SECOND`.
    pub const DAY_TO_SECOND: Self = Self {
        start: Field::Day,
        end: Field::Second,
    };
    /// `INTERVAL YEAR TO MONTH`.
    pub const YEAR_TO_MONTH: Self = Self {
        start: Field::Year,
        end: Field::Month,
    };

    /// The fields from one to another; None when they do not go together.
    pub fn new(start: Field, end: Field) -> Option<Self> {
        (start <= end && start.is_months() == end.is_months()).then_some(Self { start, end })
    }

    /// The fields of a type; None for other types than intervals of fixed fields.
    pub fn of(of: &DataType) -> Option<Self> {
        let (DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale)) = of else {
            return None;
        };
        let code = usize::try_from(-i16::from(*scale) - 1).ok()?;
        Self::new(*Field::ALL.get(code / 6)?, *Field::ALL.get(code % 6)?)
    }

    /// Whether values are months and not microseconds.
    pub fn is_months(self) -> bool {
        self.start.is_months()
    }

    /// The Arrow type that carries it.
    pub fn data_type(self) -> DataType {
        let scale = -1 - (self.start as i8 * 6 + self.end as i8);
        if self.is_months() {
            DataType::Decimal32(DECIMAL32_MAX_PRECISION, scale)
        } else {
            DataType::Decimal64(DECIMAL64_MAX_PRECISION, scale)
        }
    }

    /// The widest type of its kind, which computing with numbers gives.
    pub fn widest(self) -> Self {
        if self.is_months() {
            Self::YEAR_TO_MONTH
        } else {
            Self::DAY_TO_SECOND
        }
    }

    /// The fields that cover both; None for months beside days.
    pub fn covering(self, other: Self) -> Option<Self> {
        (self.is_months() == other.is_months()).then(|| Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        })
    }

    /// Spark's name of the type.
    pub fn name(self) -> String {
        if self.start == self.end {
            format!("interval {}", self.start.name())
        } else {
            format!("interval {} to {}", self.start.name(), self.end.name())
        }
    }

    /// A constant of months or microseconds; None when it does not fit.
    pub fn literal(self, amount: i64) -> Option<ScalarValue> {
        Some(match self.data_type() {
            DataType::Decimal32(precision, scale) => {
                ScalarValue::Decimal32(Some(i32::try_from(amount).ok()?), precision, scale)
            }
            DataType::Decimal64(precision, scale) => ScalarValue::Decimal64(Some(amount), precision, scale),
            _ => return None,
        })
    }

    /// Months or microseconds without the fields below the smallest.
    pub fn cut(self, amount: i64) -> i64 {
        if self.end == Field::Second {
            amount
        } else {
            amount - amount % self.end.unit()
        }
    }
}

/// Whether values are intervals of months, days and microseconds.
pub fn is_calendar(of: &DataType) -> bool {
    matches!(of, DataType::Interval(IntervalUnit::MonthDayNano))
}

/// The months or microseconds of a constant, and its fields.
pub fn constant(value: &ScalarValue) -> Option<(Range, i64)> {
    let amount = match value {
        ScalarValue::Decimal32(Some(months), ..) => i64::from(*months),
        ScalarValue::Decimal64(Some(micros), ..) => *micros,
        _ => return None,
    };
    Some((Range::of(&value.data_type())?, amount))
}

/// The months or microseconds of a column of intervals with fixed fields.
pub fn amounts(array: &dyn Array) -> Int64Array {
    match array.as_primitive_opt::<Decimal32Type>() {
        Some(months) => months.unary(i64::from),
        None => match array.as_primitive_opt::<Decimal64Type>() {
            Some(micros) => micros.reinterpret_cast(),
            None => Int64Array::new_null(array.len()),
        },
    }
}

/// Any intervals as those of the calendar: 24 hours are a day.
pub fn to_calendar(array: &ArrayRef) -> ArrayRef {
    let Some(range) = Range::of(array.data_type()) else {
        return Arc::clone(array);
    };
    let values: PrimitiveArray<IntervalMonthDayNanoType> = amounts(array).unary(|amount| {
        if range.is_months() {
            return IntervalMonthDayNano::new(i32::try_from(amount).unwrap_or(i32::MAX), 0, 0);
        }
        let days = i32::try_from(amount / DAY_US).unwrap_or(i32::MAX);
        IntervalMonthDayNano::new(0, days, amount % DAY_US * 1000)
    });
    Arc::new(values)
}

/// Makes a column of intervals of months or microseconds.
///
/// # Errors
/// [`SparkError::Overflow`] for more months than an interval holds.
pub fn column(amounts: &Int64Array, range: Range) -> Result<ArrayRef, SparkError> {
    Ok(match range.data_type() {
        DataType::Decimal32(precision, scale) => {
            let months: PrimitiveArray<Decimal32Type> =
                amounts.try_unary(|months| i32::try_from(months).map_err(|_| SparkError::Overflow(range.name())))?;
            Arc::new(months.with_precision_and_scale(precision, scale)?)
        }
        DataType::Decimal64(precision, scale) => Arc::new(
            amounts
                .reinterpret_cast::<Decimal64Type>()
                .with_precision_and_scale(precision, scale)?,
        ),
        other => {
            return Err(SparkError::NoCast {
                from: DataType::Int64,
                to: other,
            });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_know_their_fields() {
        for start in Field::ALL {
            for end in Field::ALL {
                let Some(range) = Range::new(start, end) else { continue };
                assert_eq!(Range::of(&range.data_type()), Some(range), "{}", range.name());
            }
        }
        assert_eq!(Range::of(&DataType::Decimal64(18, 2)), None);
        assert_eq!(Range::of(&DataType::Decimal64(18, 0)), None);
        assert_eq!(Range::DAY_TO_SECOND.name(), "interval day to second");
        let hour = Range::new(Field::Hour, Field::Hour).unwrap();
        assert_eq!(Range::DAY.covering(hour).unwrap().name(), "interval day to hour");
        assert_eq!(Range::DAY.covering(Range::YEAR_TO_MONTH), None);
    }

    #[test]
    fn text_is_sparks_and_is_read_back() {
        for (text, range) in [
            ("INTERVAL '1 02:03:04.5' DAY TO SECOND", Range::DAY_TO_SECOND),
            ("INTERVAL '-0 00:00:00.000001' DAY TO SECOND", Range::DAY_TO_SECOND),
            ("INTERVAL '-3' DAY", Range::DAY),
            ("INTERVAL '-1-2' YEAR TO MONTH", Range::YEAR_TO_MONTH),
        ] {
            let mut written = String::new();
            write(parse(text, range).unwrap(), range, &mut written);
            assert_eq!(written, text);
        }
        assert_eq!(parse("1-12", Range::YEAR_TO_MONTH), None);
        assert_eq!(parse("INTERVAL '1' HOUR", Range::DAY), None);
    }
}
