//! `min` and `max` of the engine; those of floating point numbers are our own: NaN is the largest of them, and a group begins with
//! nothing rather than with the largest finite number.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{ArrowPrimitiveType, DataType, FieldRef, Float32Type, Float64Type};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, SetMonotonicity, Signature,
    StatisticsArgs,
};

use super::frame::{Making, emitted, passing, rows_to_state, single};
use crate::functions::Result;

/// `min` or `max` of the engine.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Extreme {
    inner: Arc<AggregateUDF>,
    largest: bool,
}

impl Extreme {
    pub fn new(inner: Arc<AggregateUDF>) -> Self {
        Self {
            largest: inner.name() == "max",
            inner,
        }
    }

    /// Makes our own accumulator for types that need it.
    fn floats(&self, of: &DataType) -> Option<Box<dyn GroupsAccumulator>> {
        match of {
            DataType::Float32 => Some(Box::new(Floats::<Float32Type>::new(self.largest))),
            DataType::Float64 => Some(Box::new(Floats::<Float64Type>::new(self.largest))),
            _ => None,
        }
    }
}

impl AggregateUDFImpl for Extreme {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        self.inner.return_type(given)
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(given)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let of = args.return_field.data_type();
        if self.floats(of).is_none() {
            return self.inner.accumulator(args);
        }
        let making = Making {
            args: vec![of.clone()],
            constants: Vec::new(),
            ignore_nulls: true,
            distinct: false,
        };
        single(making, if self.largest { largest } else { smallest })
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        match self.floats(args.return_field.data_type()) {
            Some(own) => Ok(own),
            None => self.inner.create_groups_accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.inner.create_sliding_accumulator(args)
    }

    fn is_descending(&self) -> Option<bool> {
        self.inner.is_descending()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn value_from_stats(&self, args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.inner.value_from_stats(args)
    }

    fn default_value(&self, kind: &DataType) -> Result<ScalarValue> {
        self.inner.default_value(kind)
    }

    fn set_monotonicity(&self, kind: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(kind)
    }
}

fn of_kind(making: &Making, largest: bool) -> Box<dyn GroupsAccumulator> {
    match making.args.first() {
        Some(DataType::Float32) => Box::new(Floats::<Float32Type>::new(largest)),
        _ => Box::new(Floats::<Float64Type>::new(largest)),
    }
}

fn largest(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(of_kind(making, true))
}

fn smallest(making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(of_kind(making, false))
}

/// Whether one number stands above another: NaN above all others; zeros are equal.
fn above<N: PartialOrd>(one: &N, other: &N) -> bool {
    match one.partial_cmp(other) {
        Some(order) => order.is_gt(),
        // One of them is NaN: a number that does not even equal itself.
        None => other.partial_cmp(other).is_some(),
    }
}

/// The smallest or largest number of each group.
struct Floats<T: ArrowPrimitiveType> {
    largest: bool,
    best: Vec<T::Native>,
    /// Groups that have a number.
    seen: Vec<bool>,
}

impl<T> Floats<T>
where
    T: ArrowPrimitiveType,
    T::Native: PartialOrd,
{
    fn new(largest: bool) -> Self {
        Self {
            largest,
            best: Vec::new(),
            seen: Vec::new(),
        }
    }

    fn take(&mut self, group: usize, value: T::Native) {
        let best = &mut self.best[group];
        let better = match self.largest {
            true => above(&value, best),
            false => above(best, &value),
        };
        if better || !self.seen[group] {
            *best = value;
            self.seen[group] = true;
        }
    }
}

impl<T> GroupsAccumulator for Floats<T>
where
    T: ArrowPrimitiveType + Send,
    T::Native: PartialOrd,
{
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.best.resize(total.max(self.best.len()), T::Native::default());
        self.seen.resize(total.max(self.seen.len()), false);
        let values = values[0].as_primitive::<T>();
        for (row, group) in passing(groups, filter) {
            if values.is_valid(row) {
                self.take(group, values.value(row));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let count = emitted(emit_to, self.best.len());
        let best: Vec<T::Native> = self.best.drain(..count).collect();
        let seen: NullBuffer = self.seen.drain(..count).collect();
        Ok(Arc::new(PrimitiveArray::<T>::new(best.into(), Some(seen))))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.update_batch(values, groups, None, total)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        rows_to_state(Self::new(self.largest), values, filter)
    }

    fn size(&self) -> usize {
        self.best.capacity() * size_of::<T::Native>() + self.seen.capacity()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Float64Array;

    use super::*;

    fn of(largest: bool, values: Vec<Option<f64>>, groups: &[usize], total: usize) -> Vec<Option<f64>> {
        let mut partial = Floats::<Float64Type>::new(largest);
        let values: ArrayRef = Arc::new(Float64Array::from(values));
        partial.update_batch(&[values], groups, None, total).unwrap();
        let state = partial.state(EmitTo::All).unwrap();
        let mut merged = Floats::<Float64Type>::new(largest);
        let each: Vec<usize> = (0..total).collect();
        merged.merge_batch(&state, &each, total).unwrap();
        let made = merged.evaluate(EmitTo::All).unwrap();
        made.as_primitive::<Float64Type>().iter().collect()
    }

    #[test]
    fn infinities_and_nan_have_their_place() {
        let values = vec![
            Some(f64::NEG_INFINITY),
            None,
            Some(f64::NAN),
            Some(-1.0),
            Some(f64::INFINITY),
            None,
        ];
        let groups = [0, 0, 1, 1, 2, 3];
        let largest = of(true, values.clone(), &groups, 4);
        assert_eq!(
            (largest[0], largest[2], largest[3]),
            (Some(f64::NEG_INFINITY), Some(f64::INFINITY), None)
        );
        assert!(largest[1].is_some_and(f64::is_nan));
        let smallest = of(false, values, &groups, 4);
        assert_eq!(
            smallest,
            [Some(f64::NEG_INFINITY), Some(-1.0), Some(f64::INFINITY), None]
        );
        assert!(of(false, vec![Some(f64::NAN)], &[0], 1)[0].is_some_and(f64::is_nan));
    }
}
