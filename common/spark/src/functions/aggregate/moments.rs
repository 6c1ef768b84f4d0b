//! `variance`, `stddev`, `skewness`, `kurtosis` and their relatives: central moments updated and merged without keeping the
//! values.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::frame::{Making, emitted, passing, rows_to_state};
use crate::functions::Result;

/// Columns of the state: count, mean and the sums of the second to fourth powers of the deviations.
const STATE_COLUMNS: usize = 5;

pub fn state(_: &[DataType]) -> Vec<DataType> {
    vec![DataType::Float64; STATE_COLUMNS]
}

pub fn skewness(_: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    finishing::<true>(Moments::skewness)
}

pub fn kurtosis(_: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    finishing::<true>(Moments::kurtosis)
}

pub fn population_variance(_: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    finishing::<false>(Moments::population_variance)
}

pub fn sample_variance(_: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    finishing::<false>(Moments::sample_variance)
}

pub fn population_deviation(_: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    finishing::<false>(|moments| moments.population_variance().map(f64::sqrt))
}

pub fn sample_deviation(_: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    finishing::<false>(|moments| moments.sample_variance().map(f64::sqrt))
}

fn finishing<const HIGHER: bool>(finish: fn(&Moments) -> Option<f64>) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(Box::new(MomentsAccumulator::<HIGHER> {
        moments: Vec::new(),
        finish,
    }))
}

#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    n: f64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Moments {
    /// Takes one value in, as Spark does: mean and variance alone unless the HIGHER powers are asked for too.
    fn add<const HIGHER: bool>(&mut self, value: f64) {
        self.n += 1.0;
        let delta = value - self.mean;
        let step = delta / self.n;
        self.mean += step;
        self.m2 += delta * (delta - step);
        if HIGHER {
            let (delta2, step2) = (delta * delta, step * step);
            self.m3 += delta * (delta2 - step2) - 3.0 * step * self.m2;
            self.m4 += delta * (delta * delta2 - step * step2) - 4.0 * step * self.m3 - 6.0 * step2 * self.m2;
        }
    }

    /// Joins two groups of values (the pairwise update of central moments). As in Spark an empty group is no exception: numbers whose
    /// squares are infinite show as NaN.
    fn merge(&self, other: &Self) -> Self {
        let (na, nb) = (self.n, other.n);
        let n = na + nb;
        let delta = other.mean - self.mean;
        let step = if n == 0.0 { 0.0 } else { delta / n };
        let cross = delta * step * na * nb;
        Self {
            n,
            mean: self.mean + step * nb,
            m2: self.m2 + other.m2 + cross,
            m3: self.m3 + other.m3 + cross * step * (na - nb) + 3.0 * step * (na * other.m2 - nb * self.m2),
            m4: self.m4
                + other.m4
                + cross * step * step * (na * na - na * nb + nb * nb)
                + 6.0 * step * step * (na * na * other.m2 + nb * nb * self.m2)
                + 4.0 * step * (na * other.m3 - nb * self.m3),
        }
    }

    fn population_variance(&self) -> Option<f64> {
        (self.n > 0.0).then(|| self.m2 / self.n)
    }

    fn sample_variance(&self) -> Option<f64> {
        (self.n > 1.0).then(|| self.m2 / (self.n - 1.0))
    }

    fn skewness(&self) -> Option<f64> {
        match self.n {
            0.0 => None,
            _ if self.m2 == 0.0 => None,
            n => Some(n.sqrt() * self.m3 / (self.m2 * self.m2 * self.m2).sqrt()),
        }
    }

    fn kurtosis(&self) -> Option<f64> {
        match self.n {
            0.0 => None,
            _ if self.m2 == 0.0 => None,
            n => Some(n * self.m4 / (self.m2 * self.m2) - 3.0),
        }
    }
}

struct MomentsAccumulator<const HIGHER: bool> {
    moments: Vec<Moments>,
    finish: fn(&Moments) -> Option<f64>,
}

impl<const HIGHER: bool> MomentsAccumulator<HIGHER> {
    fn grow(&mut self, total: usize) {
        if self.moments.len() < total {
            self.moments.resize(total, Moments::default());
        }
    }
}

impl<const HIGHER: bool> GroupsAccumulator for MomentsAccumulator<HIGHER> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.grow(total);
        let values = values[0].as_primitive::<Float64Type>();
        if filter.is_none() && values.null_count() == 0 {
            for (value, group) in values.values().iter().zip(groups) {
                self.moments[*group].add::<HIGHER>(*value);
            }
            return Ok(());
        }
        for (row, group) in passing(groups, filter) {
            if values.is_valid(row) {
                self.moments[group].add::<HIGHER>(values.value(row));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let count = emitted(emit_to, self.moments.len());
        let finish = self.finish;
        Ok(Arc::new(
            self.moments
                .drain(..count)
                .map(|moments| finish(&moments))
                .collect::<Float64Array>(),
        ))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let count = emitted(emit_to, self.moments.len());
        let taken: Vec<Moments> = self.moments.drain(..count).collect();
        let column = |field: fn(&Moments) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from(taken.iter().map(field).collect::<Vec<_>>()))
        };
        Ok(vec![
            column(|m| m.n),
            column(|m| m.mean),
            column(|m| m.m2),
            column(|m| m.m3),
            column(|m| m.m4),
        ])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.grow(total);
        let columns: Vec<&Float64Array> = values
            .iter()
            .map(|column| column.as_primitive::<Float64Type>())
            .collect();
        for (row, group) in groups.iter().enumerate() {
            if columns[0].is_valid(row) {
                let field = |at: usize| columns[at].value(row);
                let other = Moments {
                    n: field(0),
                    mean: field(1),
                    m2: field(2),
                    m3: field(3),
                    m4: field(4),
                };
                self.moments[*group] = self.moments[*group].merge(&other);
            }
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        rows_to_state(
            Self {
                moments: Vec::new(),
                finish: self.finish,
            },
            values,
            filter,
        )
    }

    fn size(&self) -> usize {
        self.moments.capacity() * size_of::<Moments>()
    }
}
