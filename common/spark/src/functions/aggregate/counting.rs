//! `count_if` and `approx_count_distinct`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use arrow::row::{RowConverter, SortField};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::frame::{Making, emitted, passing, rows_to_state};
use crate::functions::Result;

pub fn state(_: &[DataType]) -> Vec<DataType> {
    vec![DataType::Int64]
}

pub fn sketch_state(_: &[DataType]) -> Vec<DataType> {
    vec![DataType::Binary]
}

pub fn count_if(_: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(Box::new(CountIf::default()))
}

pub fn approx_count_distinct(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    let kind = making.args.first().cloned().unwrap_or(DataType::Null);
    Ok(Box::new(Distinct::of(kind)?))
}

#[derive(Default)]
struct CountIf {
    counts: Vec<i64>,
}

impl CountIf {
    fn grow(&mut self, total: usize) {
        if self.counts.len() < total {
            self.counts.resize(total, 0);
        }
    }
}

impl GroupsAccumulator for CountIf {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.grow(total);
        let tests = values[0].as_boolean();
        for (row, group) in passing(groups, filter) {
            if tests.is_valid(row) && tests.value(row) {
                self.counts[group] += 1;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let count = emitted(emit_to, self.counts.len());
        Ok(Arc::new(self.counts.drain(..count).collect::<Int64Array>()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.grow(total);
        let counts = values[0].as_primitive::<Int64Type>();
        for (row, group) in groups.iter().enumerate() {
            if counts.is_valid(row) {
                self.counts[*group] += counts.value(row);
            }
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        rows_to_state(Self::default(), values, filter)
    }

    fn size(&self) -> usize {
        self.counts.capacity() * size_of::<i64>()
    }
}

/// Registers of a sketch: 2^9, for a relative error of about 5 %, Spark's default.
const REGISTERS_LOG2: u32 = 9;
const REGISTERS: usize = 1 << REGISTERS_LOG2;
/// Hashes a small group keeps exactly before it becomes a sketch.
const EXACT_MAX: usize = REGISTERS / 8;

/// The distinct values of one group: their hashes while there are few, a HyperLogLog sketch after.
#[derive(Debug, Clone)]
enum Sketch {
    Exact(Vec<u64>),
    Registers(Box<[u8; REGISTERS]>),
}

impl Sketch {
    fn add(&mut self, hash: u64) {
        match self {
            Self::Exact(hashes) => {
                if let Err(at) = hashes.binary_search(&hash) {
                    hashes.insert(at, hash);
                }
                if hashes.len() > EXACT_MAX {
                    let hashes = std::mem::take(hashes);
                    let mut registers = Box::new([0u8; REGISTERS]);
                    for hash in hashes {
                        Self::register(&mut registers, hash);
                    }
                    *self = Self::Registers(registers);
                }
            }
            Self::Registers(registers) => Self::register(registers, hash),
        }
    }

    fn register(registers: &mut [u8; REGISTERS], hash: u64) {
        let at = (hash >> (64 - REGISTERS_LOG2)) as usize;
        let rank = ((hash << REGISTERS_LOG2) | (1 << (REGISTERS_LOG2 - 1))).leading_zeros() as u8 + 1;
        registers[at] = registers[at].max(rank);
    }

    fn count(&self) -> i64 {
        match self {
            Self::Exact(hashes) => hashes.len() as i64,
            Self::Registers(registers) => {
                let m = REGISTERS as f64;
                let sum: f64 = registers.iter().map(|rank| 2f64.powi(-i32::from(*rank))).sum();
                let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
                let zeros = registers.iter().filter(|rank| **rank == 0).count();
                let estimate = if raw <= 2.5 * m && zeros > 0 {
                    m * (m / zeros as f64).ln()
                } else {
                    raw
                };
                estimate.round() as i64
            }
        }
    }

    /// Registers are exactly [`REGISTERS`] bytes; exact hashes never take as many.
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Exact(hashes) => {
                out.push(0);
                hashes
                    .iter()
                    .for_each(|hash| out.extend_from_slice(&hash.to_le_bytes()));
            }
            Self::Registers(registers) => {
                out.push(1);
                out.extend_from_slice(registers.as_slice());
            }
        }
    }

    fn merge(&mut self, bytes: &[u8]) {
        match bytes.split_first() {
            Some((0, hashes)) => {
                for hash in hashes.chunks_exact(8) {
                    let mut word = [0u8; 8];
                    word.copy_from_slice(hash);
                    self.add(u64::from_le_bytes(word));
                }
            }
            Some((_, ranks)) if ranks.len() == REGISTERS => {
                if let Self::Exact(hashes) = self {
                    let mut registers = Box::new([0u8; REGISTERS]);
                    hashes.iter().for_each(|hash| Self::register(&mut registers, *hash));
                    *self = Self::Registers(registers);
                }
                if let Self::Registers(registers) = self {
                    for (own, other) in registers.iter_mut().zip(ranks) {
                        *own = (*own).max(*other);
                    }
                }
            }
            _ => {}
        }
    }
}

struct Distinct {
    kind: DataType,
    converter: RowConverter,
    sketches: Vec<Sketch>,
}

impl Distinct {
    fn of(kind: DataType) -> Result<Self> {
        let converter = RowConverter::new(vec![SortField::new(kind.clone())])?;
        Ok(Self {
            kind,
            converter,
            sketches: Vec::new(),
        })
    }

    fn grow(&mut self, total: usize) {
        if self.sketches.len() < total {
            self.sketches.resize(total, Sketch::Exact(Vec::new()));
        }
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
        let rows = self.converter.convert_columns(&values[..1])?;
        for (row, group) in passing(groups, filter) {
            if values[0].is_valid(row) {
                self.sketches[group].add(xxhash_rust::xxh3::xxh3_64(rows.row(row).as_ref()));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let count = emitted(emit_to, self.sketches.len());
        Ok(Arc::new(
            self.sketches
                .drain(..count)
                .map(|sketch| sketch.count())
                .collect::<Int64Array>(),
        ))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let count = emitted(emit_to, self.sketches.len());
        let mut builder = BinaryBuilder::new();
        let mut buffer = Vec::new();
        for sketch in self.sketches.drain(..count) {
            buffer.clear();
            sketch.write(&mut buffer);
            builder.append_value(&buffer);
        }
        Ok(vec![Arc::new(builder.finish())])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.grow(total);
        let states = values[0].as_binary::<i32>();
        for (row, group) in groups.iter().enumerate() {
            if states.is_valid(row) {
                self.sketches[*group].merge(states.value(row));
            }
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        rows_to_state(Self::of(self.kind.clone())?, values, filter)
    }

    fn size(&self) -> usize {
        self.sketches.len() * size_of::<Sketch>()
            + self
                .sketches
                .iter()
                .map(|sketch| match sketch {
                    Sketch::Exact(hashes) => hashes.capacity() * 8,
                    Sketch::Registers(_) => REGISTERS,
                })
                .sum::<usize>()
    }
}
