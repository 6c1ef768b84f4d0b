//! `approx_count_distinct`: HyperLogLog++ with Spark's hash and registers, so that the estimate is Spark's.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray, Int64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::exec_err;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::frame::{Making, emitted, passing, rows_to_state};
use crate::cast::cast_array;
use crate::functions::Result;
use crate::functions::hash::{SEED, XxHash64, hash_value};
use crate::zone::Tz;

/// Relative error when none is asked for.
const DEFAULT_ERROR: f64 = 0.05;
/// Fewest bits that choose a register.
const BITS_MIN: u32 = 4;
/// Up to this estimate, by bits from [`BITS_MIN`] on, empty registers are counted instead.
const LINEAR_UNTIL: [f64; 15] = [
    10.0, 20.0, 40.0, 80.0, 220.0, 400.0, 900.0, 1_800.0, 3_100.0, 6_500.0, 11_500.0, 20_000.0, 50_000.0, 120_000.0,
    350_000.0,
];

pub fn state(_: &[DataType]) -> Vec<DataType> {
    vec![DataType::Binary]
}

pub fn make(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(Box::new(Distinct {
        bits: bits(making)?,
        sketches: Vec::new(),
    }))
}

/// How many bits of a hash choose the register, for the relative error asked for.
fn bits(making: &Making) -> Result<u32> {
    let error = match making.constants.get(1) {
        Some(Some(constant)) => {
            let value = cast_array(&constant.to_array()?, &DataType::Float64, &Tz::UTC)?;
            value.as_primitive::<Float64Type>().iter().next().flatten()
        }
        Some(None) => None,
        None => Some(DEFAULT_ERROR),
    };
    let bits = error.map(|error| (2.0 * (1.106 / error).ln() / 2f64.ln()).ceil());
    match bits {
        Some(bits) if (f64::from(BITS_MIN)..=30.0).contains(&bits) => Ok(bits as u32),
        _ => exec_err!("the relative error of approx_count_distinct is a constant above 0 and at most 0.39"),
    }
}

/// The registers of one group; groups without a value have none.
type Sketch = Vec<u8>;

struct Distinct {
    bits: u32,
    sketches: Vec<Sketch>,
}

impl Distinct {
    fn grow(&mut self, total: usize) {
        if self.sketches.len() < total {
            self.sketches.resize(total, Vec::new());
        }
    }

    fn registers(&mut self, group: usize) -> &mut Sketch {
        let sketch = &mut self.sketches[group];
        if sketch.is_empty() {
            sketch.resize(1 << self.bits, 0);
        }
        sketch
    }

    fn add(&mut self, group: usize, hash: u64) {
        let bits = self.bits;
        let at = (hash >> (64 - bits)) as usize;
        let rank = ((hash << bits) | (1 << (bits - 1))).leading_zeros() as u8 + 1;
        let register = &mut self.registers(group)[at];
        *register = (*register).max(rank);
    }

    fn estimate(&self, sketch: &Sketch) -> i64 {
        if sketch.is_empty() {
            return 0;
        }
        let count = sketch.len() as f64;
        let sum: f64 = sketch.iter().map(|rank| 2f64.powi(-i32::from(*rank))).sum();
        let alpha = match self.bits {
            4 => 0.673,
            5 => 0.697,
            6 => 0.709,
            _ => 0.7213 / (1.0 + 1.079 / count),
        };
        let raw = alpha * count * count / sum;
        let empty = sketch.iter().filter(|rank| **rank == 0).count();
        let by_empty = count * (count / empty as f64).ln();
        let until = LINEAR_UNTIL.get((self.bits - BITS_MIN) as usize).copied();
        let linear = empty > 0 && (until.is_some_and(|until| by_empty <= until) || raw <= 2.5 * count);
        (if linear { by_empty } else { raw }).round() as i64
    }
}

impl GroupsAccumulator for Distinct {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.grow(total);
        let values = values[0].as_ref();
        for (row, group) in passing(groups, filter) {
            if values.is_valid(row) {
                self.add(group, hash_value::<XxHash64>(values, row, SEED) as u64);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let count = emitted(emit_to, self.sketches.len());
        let estimates: Int64Array = self.sketches[..count]
            .iter()
            .map(|sketch| Some(self.estimate(sketch)))
            .collect();
        self.sketches.drain(..count);
        Ok(Arc::new(estimates))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let count = emitted(emit_to, self.sketches.len());
        let mut builder = BinaryBuilder::new();
        self.sketches
            .drain(..count)
            .for_each(|sketch| builder.append_value(&sketch));
        Ok(vec![Arc::new(builder.finish())])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.grow(total);
        let states = values[0].as_binary::<i32>();
        for (row, group) in groups.iter().enumerate() {
            if states.is_valid(row) && !states.value(row).is_empty() {
                let registers = self.registers(*group);
                for (own, other) in registers.iter_mut().zip(states.value(row)) {
                    *own = (*own).max(*other);
                }
            }
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let each = Self {
            bits: self.bits,
            sketches: Vec::new(),
        };
        rows_to_state(each, values, filter)
    }

    fn size(&self) -> usize {
        self.sketches.iter().map(|sketch| sketch.capacity() + 24).sum()
    }
}
