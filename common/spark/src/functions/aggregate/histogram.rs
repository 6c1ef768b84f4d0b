//! `histogram_numeric`: bins of varying width; the two nearest are joined whenever there are too many.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Date32Type, Field, Fields, Float64Type, Int32Type, TimestampMicrosecondType};
use datafusion::common::{exec_err, plan_err};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::frame::{Making, emitted, passing, rows_to_state};
use crate::cast::cast_array;
use crate::functions::Result;
use crate::number::java_random::JavaRandom;
use crate::type_name::spark_type;
use crate::types;
use crate::zone::Tz;

/// Seed of the choice among pairs of bins that are equally near.
const TIES_SEED: i64 = 31_183;
/// Fewest bins that can be asked for.
const BINS_MIN: i32 = 2;

pub fn returns(args: &[DataType]) -> Result<DataType> {
    let own = args.first().cloned().unwrap_or(DataType::Null);
    let fits = types::is_number(&own) || own.is_null() || matches!(own, DataType::Date32 | DataType::Timestamp(..));
    if !fits {
        return plan_err!(
            "histogram_numeric takes numbers, dates and timestamps, not {}",
            spark_type(&own)
        );
    }
    Ok(types::list(DataType::Struct(bin_fields(own))))
}

fn bin_fields(of: DataType) -> Fields {
    Fields::from(vec![
        Field::new("x", of, true),
        Field::new("y", DataType::Float64, true),
    ])
}

pub fn state(_: &[DataType]) -> Vec<DataType> {
    vec![DataType::Binary]
}

pub fn make(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    let bins = match making.constants.get(1) {
        Some(Some(constant)) => cast_array(&constant.to_array()?, &DataType::Int32, &Tz::UTC)?,
        _ => return exec_err!("the number of bins of histogram_numeric must be a constant"),
    };
    match bins.as_primitive::<Int32Type>().iter().next().flatten() {
        Some(bins) if bins >= BINS_MIN => Ok(Box::new(Histograms {
            kind: making.args.first().cloned().unwrap_or(DataType::Null),
            most: bins as usize,
            histograms: Vec::new(),
        })),
        _ => exec_err!("histogram_numeric needs at least {BINS_MIN} bins"),
    }
}

/// The bins of one group, by their middle: middle and height.
struct Histogram {
    bins: Vec<(f64, f64)>,
    ties: JavaRandom,
}

impl Histogram {
    fn new() -> Self {
        Self {
            bins: Vec::new(),
            ties: JavaRandom::new(TIES_SEED),
        }
    }

    fn add(&mut self, value: f64, most: usize) {
        let at = self.bins.partition_point(|bin| bin.0 < value);
        match self.bins.get_mut(at) {
            Some(bin) if bin.0 == value => bin.1 += 1.0,
            _ => {
                self.bins.insert(at, (value, 1.0));
                self.trim(most);
            }
        }
    }

    fn merge(&mut self, other: impl Iterator<Item = (f64, f64)>, most: usize) {
        self.bins.extend(other);
        self.bins.sort_by(|one, other| one.0.total_cmp(&other.0));
        self.trim(most);
    }

    fn trim(&mut self, most: usize) {
        while self.bins.len() > most {
            let at = self.nearest();
            let ((x, y), (next_x, next_y)) = (self.bins[at], self.bins[at + 1]);
            let height = y + next_y;
            // The order of operations shows: a middle may be cut to a whole number.
            self.bins[at] = (x * (y / height) + next_x / height * next_y, height);
            self.bins.remove(at + 1);
        }
    }

    /// The bin nearest to the one behind it; among equals each is taken with the same chance.
    fn nearest(&mut self) -> usize {
        let gap = |at: usize| self.bins[at + 1].0 - self.bins[at].0;
        let (mut best, mut smallest, mut equals) = (0, gap(0), 1.0);
        for at in 1..self.bins.len() - 1 {
            let gap = gap(at);
            if gap < smallest {
                (best, smallest, equals) = (at, gap, 1.0);
            } else if gap == smallest {
                equals += 1.0;
                if self.ties.next_double() <= 1.0 / equals {
                    best = at;
                }
            }
        }
        best
    }
}

struct Histograms {
    kind: DataType,
    most: usize,
    histograms: Vec<Histogram>,
}

impl Histograms {
    fn grow(&mut self, total: usize) {
        self.histograms
            .resize_with(total.max(self.histograms.len()), Histogram::new);
    }

    /// Middles of bins as values of the argument's type.
    fn middles(&self, middles: Vec<f64>) -> Result<ArrayRef> {
        Ok(match &self.kind {
            DataType::Date32 => {
                let days = Int32Array::from_iter_values(middles.iter().map(|middle| *middle as i32));
                Arc::new(days.reinterpret_cast::<Date32Type>())
            }
            DataType::Timestamp(_, zone) => {
                let instants = Int64Array::from_iter_values(middles.iter().map(|middle| *middle as i64));
                Arc::new(
                    instants
                        .reinterpret_cast::<TimestampMicrosecondType>()
                        .with_timezone_opt(zone.clone()),
                )
            }
            other => {
                let middles: ArrayRef = Arc::new(Float64Array::from(middles));
                cast_array(&middles, other, &Tz::UTC)?
            }
        })
    }
}

/// Values as doubles: dates as days, timestamps as microseconds.
fn doubles(values: &ArrayRef) -> Result<Float64Array> {
    let values = match values.data_type() {
        DataType::Date32 => {
            let days = values.as_primitive::<Date32Type>();
            return Ok(days.unary(f64::from));
        }
        DataType::Timestamp(..) => {
            let instants = values.as_primitive::<TimestampMicrosecondType>();
            return Ok(instants.unary(|instant| instant as f64));
        }
        _ => cast_array(values, &DataType::Float64, &Tz::UTC)?,
    };
    Ok(values.as_primitive::<Float64Type>().clone())
}

impl GroupsAccumulator for Histograms {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.grow(total);
        let values = doubles(&values[0])?;
        for (row, group) in passing(groups, filter) {
            if values.is_valid(row) {
                self.histograms[group].add(values.value(row), self.most);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let count = emitted(emit_to, self.histograms.len());
        let taken: Vec<Histogram> = self.histograms.drain(..count).collect();
        let bins = || taken.iter().flat_map(|histogram| &histogram.bins);
        let middles = self.middles(bins().map(|bin| bin.0).collect())?;
        let heights: ArrayRef = Arc::new(bins().map(|bin| Some(bin.1)).collect::<Float64Array>());
        let fields = bin_fields(self.kind.clone());
        let structs = StructArray::try_new(fields.clone(), vec![middles, heights], None)?;
        let lengths = taken.iter().map(|histogram| histogram.bins.len());
        let nulls: NullBuffer = taken.iter().map(|histogram| !histogram.bins.is_empty()).collect();
        let field = Arc::new(Field::new_list_field(DataType::Struct(fields), true));
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(ListArray::try_new(
            field,
            offsets,
            Arc::new(structs),
            Some(nulls),
        )?))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let count = emitted(emit_to, self.histograms.len());
        let mut builder = BinaryBuilder::new();
        let mut buffer = Vec::new();
        for histogram in self.histograms.drain(..count) {
            buffer.clear();
            for (middle, height) in &histogram.bins {
                buffer.extend_from_slice(&middle.to_le_bytes());
                buffer.extend_from_slice(&height.to_le_bytes());
            }
            builder.append_value(&buffer);
        }
        Ok(vec![Arc::new(builder.finish())])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.grow(total);
        let states = values[0].as_binary::<i32>();
        for (row, group) in groups.iter().enumerate() {
            if states.is_null(row) {
                continue;
            }
            let (numbers, _) = states.value(row).as_chunks::<8>();
            let (bins, _) = numbers.as_chunks::<2>();
            let bins = bins
                .iter()
                .map(|[middle, height]| (f64::from_le_bytes(*middle), f64::from_le_bytes(*height)));
            self.histograms[*group].merge(bins, self.most);
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let each = Self {
            kind: self.kind.clone(),
            most: self.most,
            histograms: Vec::new(),
        };
        rows_to_state(each, values, filter)
    }

    fn size(&self) -> usize {
        self.histograms
            .iter()
            .map(|histogram| 48 + histogram.bins.capacity() * 16)
            .sum()
    }
}
