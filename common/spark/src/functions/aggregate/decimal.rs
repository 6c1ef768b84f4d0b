//! `sum` and `avg` of decimals: exact, and NULL for good once the running total has more digits than its type holds.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, i256};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::frame::{Making, emitted, passing, rows_to_state};
use crate::functions::Result;
use crate::number::{self, POWERS_OF_TEN};
use crate::types::DECIMAL_PRECISION_MAX;

/// Digits a total may have more than its addends.
const SUM_DIGITS: u8 = 10;
/// Digits, and places, an average has more than its values.
const AVERAGE_DIGITS: u8 = 4;

/// The type of the total of decimals.
pub fn sum_type(precision: u8, scale: i8) -> (u8, i8) {
    ((precision + SUM_DIGITS).min(DECIMAL_PRECISION_MAX), scale)
}

/// The type of the average of decimals.
pub fn average_type(precision: u8, scale: i8) -> (u8, i8) {
    let most = DECIMAL_PRECISION_MAX;
    (
        (precision + AVERAGE_DIGITS).min(most),
        (scale + AVERAGE_DIGITS as i8).min(most as i8),
    )
}

/// Total, which is NULL when it overflowed, and number of values.
pub fn state(args: &[DataType]) -> Vec<DataType> {
    let (precision, scale) = total_of(args);
    vec![DataType::Decimal128(precision, scale), DataType::Int64]
}

pub fn sum(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(Box::new(Totals::new(making, false)))
}

pub fn average(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(Box::new(Totals::new(making, true)))
}

fn total_of(args: &[DataType]) -> (u8, i8) {
    match args.first() {
        Some(DataType::Decimal128(precision, scale)) => sum_type(*precision, *scale),
        _ => (DECIMAL_PRECISION_MAX, 0),
    }
}

#[derive(Debug, Clone, Copy)]
struct Total {
    sum: Option<i128>,
    count: i64,
}

const NOTHING: Total = Total { sum: Some(0), count: 0 };

struct Totals {
    totals: Vec<Total>,
    precision: u8,
    scale: i8,
    /// Type of the average; none for a sum.
    average: Option<(u8, i8)>,
}

impl Totals {
    fn new(making: &Making, average: bool) -> Self {
        let (precision, scale) = total_of(&making.args);
        let of_average = match making.args.first() {
            Some(DataType::Decimal128(precision, scale)) => average_type(*precision, *scale),
            _ => (precision, scale),
        };
        Self {
            totals: Vec::new(),
            precision,
            scale,
            average: average.then_some(of_average),
        }
    }

    fn grow(&mut self, total: usize) {
        if self.totals.len() < total {
            self.totals.resize(total, NOTHING);
        }
    }

    fn add(&mut self, group: usize, sum: Option<i128>, count: i64) {
        let precision = self.precision;
        let total = &mut self.totals[group];
        total.count += count;
        total.sum = match (total.sum, sum) {
            (Some(own), Some(other)) => own.checked_add(other).filter(|sum| number::fits(*sum, precision)),
            _ => None,
        };
    }

    fn answer(&self, total: &Total) -> Option<i128> {
        if total.count == 0 {
            return None;
        }
        let sum = total.sum?;
        let Some((precision, scale)) = self.average else {
            return Some(sum);
        };
        let shift = POWERS_OF_TEN[(scale - self.scale).max(0).unsigned_abs() as usize];
        quotient(sum, shift, total.count).filter(|answer| number::fits(*answer, precision))
    }
}

/// `sum * shift / count`, rounded half away from zero.
fn quotient(sum: i128, shift: i128, count: i64) -> Option<i128> {
    let count = i256::from_i128(i128::from(count));
    let dividend = i256::from_i128(sum).checked_mul(i256::from_i128(shift))?;
    let whole = dividend.checked_div(count)?;
    let rest = dividend.checked_rem(count)?.wrapping_abs();
    let up = rest.checked_add(rest)? >= count;
    let step = i256::from_i128(if up { sum.signum() } else { 0 });
    whole.checked_add(step)?.to_i128()
}

impl GroupsAccumulator for Totals {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.grow(total);
        let values = values[0].as_primitive::<Decimal128Type>();
        for (row, group) in passing(groups, filter) {
            if values.is_valid(row) {
                self.add(group, Some(values.value(row)), 1);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let count = emitted(emit_to, self.totals.len());
        let answers: Decimal128Array = self.totals[..count].iter().map(|total| self.answer(total)).collect();
        self.totals.drain(..count);
        let (precision, scale) = self.average.unwrap_or((self.precision, self.scale));
        Ok(Arc::new(answers.with_precision_and_scale(precision, scale)?))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let count = emitted(emit_to, self.totals.len());
        let taken: Vec<Total> = self.totals.drain(..count).collect();
        let sums: Decimal128Array = taken.iter().map(|total| total.sum).collect();
        let counts: Int64Array = taken.iter().map(|total| Some(total.count)).collect();
        Ok(vec![
            Arc::new(sums.with_precision_and_scale(self.precision, self.scale)?),
            Arc::new(counts),
        ])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.grow(total);
        let sums = values[0].as_primitive::<Decimal128Type>();
        let counts = values[1].as_primitive::<Int64Type>();
        for (row, group) in groups.iter().enumerate() {
            if counts.is_valid(row) && counts.value(row) > 0 {
                self.add(*group, sums.is_valid(row).then(|| sums.value(row)), counts.value(row));
            }
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let each = Self {
            totals: Vec::new(),
            ..*self
        };
        rows_to_state(each, values, filter)
    }

    fn size(&self) -> usize {
        self.totals.capacity() * size_of::<Total>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_round_half_away_from_zero() {
        assert_eq!(quotient(5, 1, 2), Some(3));
        assert_eq!(quotient(-5, 1, 2), Some(-3));
        assert_eq!(quotient(1, 10_000, 3), Some(3333));
        assert_eq!(quotient(i128::MAX, 10_000, 1), None);
    }
}
