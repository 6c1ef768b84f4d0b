//! `regr_r2`: how much of the first column's variance the second explains.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::frame::{Making, emitted, passing, rows_to_state};
use crate::functions::Result;

/// Columns of the state: count, both means, both sums of squared deviations, the sum of their products.
const STATE_COLUMNS: usize = 6;

pub fn state(_: &[DataType]) -> Vec<DataType> {
    vec![DataType::Float64; STATE_COLUMNS]
}

pub fn r2(_: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(Box::new(R2::default()))
}

/// Co-moments of pairs, in Spark's order of operations.
#[derive(Debug, Clone, Copy, Default)]
struct Comoments {
    n: f64,
    mean_x: f64,
    mean_y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Comoments {
    fn of(state: [f64; STATE_COLUMNS]) -> Self {
        let [n, mean_x, mean_y, xx, yy, xy] = state;
        Self {
            n,
            mean_x,
            mean_y,
            xx,
            yy,
            xy,
        }
    }

    fn state(&self) -> [f64; STATE_COLUMNS] {
        [self.n, self.mean_x, self.mean_y, self.xx, self.yy, self.xy]
    }

    fn add(&mut self, x: f64, y: f64) {
        self.n += 1.0;
        let (dx, dy) = (x - self.mean_x, y - self.mean_y);
        self.mean_x += dx / self.n;
        self.mean_y += dy / self.n;
        self.xy += dx * (y - self.mean_y);
        self.xx += dx * (x - self.mean_x);
        self.yy += dy * (y - self.mean_y);
    }

    fn merge(&mut self, other: &Self) {
        let n = self.n + other.n;
        if n == 0.0 {
            return;
        }
        let (dx, dy) = (other.mean_x - self.mean_x, other.mean_y - self.mean_y);
        let (step_x, step_y) = (dx / n, dy / n);
        let both = self.n * other.n;
        self.xx += other.xx + dx * step_x * both;
        self.yy += other.yy + dy * step_y * both;
        self.xy += other.xy + dx * step_y * both;
        self.mean_x += step_x * other.n;
        self.mean_y += step_y * other.n;
        self.n = n;
    }

    /// Nothing varies that could be explained: NULL. Nothing to explain it by: 1, as the standard says.
    fn r2(&self) -> Option<f64> {
        if self.xx == 0.0 {
            return None;
        }
        if self.yy == 0.0 {
            return Some(1.0);
        }
        let correlation = self.xy / (self.xx * self.yy).sqrt();
        Some(correlation * correlation)
    }
}

#[derive(Default)]
struct R2 {
    pairs: Vec<Comoments>,
}

impl R2 {
    fn grow(&mut self, total: usize) {
        if self.pairs.len() < total {
            self.pairs.resize(total, Comoments::default());
        }
    }
}

impl GroupsAccumulator for R2 {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.grow(total);
        let (xs, ys) = (
            values[0].as_primitive::<Float64Type>(),
            values[1].as_primitive::<Float64Type>(),
        );
        for (row, group) in passing(groups, filter) {
            if xs.is_valid(row) && ys.is_valid(row) {
                self.pairs[group].add(xs.value(row), ys.value(row));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let count = emitted(emit_to, self.pairs.len());
        let answers = self.pairs.drain(..count).map(|pairs| pairs.r2());
        Ok(Arc::new(answers.collect::<Float64Array>()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let count = emitted(emit_to, self.pairs.len());
        let taken: Vec<_> = self.pairs.drain(..count).map(|pairs| pairs.state()).collect();
        let column =
            |at: usize| -> ArrayRef { Arc::new(taken.iter().map(|state| Some(state[at])).collect::<Float64Array>()) };
        Ok((0..STATE_COLUMNS).map(column).collect())
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.grow(total);
        let columns: Vec<&Float64Array> = values
            .iter()
            .map(|column| column.as_primitive::<Float64Type>())
            .collect();
        for (row, group) in groups.iter().enumerate() {
            if columns[0].is_valid(row) {
                let state = std::array::from_fn(|at| columns[at].value(row));
                self.pairs[*group].merge(&Comoments::of(state));
            }
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        rows_to_state(Self::default(), values, filter)
    }

    fn size(&self) -> usize {
        self.pairs.capacity() * size_of::<Comoments>()
    }
}

#[cfg(test)]
mod tests {
    use super::Comoments;

    #[test]
    fn halves_joined_are_the_whole() {
        let pairs = [(1.0, 1.0), (3.0, 2.0), (4.0, 4.0), (2.5, 9.0)];
        let mut parts = [Comoments::default(); 3];
        for (at, (x, y)) in pairs.into_iter().enumerate() {
            parts[0].add(x, y);
            parts[1 + at / 2].add(x, y);
        }
        let [whole, mut left, right] = parts;
        left.merge(&right);
        for (one, other) in whole.state().into_iter().zip(left.state()) {
            assert!((one - other).abs() < 1e-12);
        }
    }

    #[test]
    fn a_side_that_never_varies() {
        let of = |pairs: &[(f64, f64)]| {
            let mut all = Comoments::default();
            pairs.iter().for_each(|(x, y)| all.add(*x, *y));
            all.r2()
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(of(&[(1.0, 3.0), (2.0, 3.0)]), Some(1.0));
    }
}
