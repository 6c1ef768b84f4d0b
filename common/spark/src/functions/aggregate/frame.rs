//! The frame of our aggregates: argument kinds and casts, states, and the single-group accumulator made of the grouped one.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{ScalarValue, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, TypeSignature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

use crate::cast::cast_array;
use crate::functions::Result;
use crate::functions::kernel::{Kind, argument_types};
use crate::types;
use crate::zone::Tz;

use super::collect::distinct_first;

/// What an accumulator is made for.
#[derive(Debug, Clone)]
pub struct Making {
    /// Types of the arguments after their cast.
    pub args: Vec<DataType>,
    /// Values of the arguments that are constant.
    pub constants: Vec<Option<ScalarValue>>,
    /// Whether NULLs are skipped (`IGNORE NULLS`, or the second argument of `first`).
    pub ignore_nulls: bool,
    /// Whether values that come again must be left out before they reach the accumulator.
    pub distinct: bool,
}

type Returns = fn(&[DataType]) -> Result<DataType>;
/// Types of the columns of a state.
pub type State = fn(&[DataType]) -> Vec<DataType>;
/// Makes an accumulator of groups.
pub type Make = fn(&Making) -> Result<Box<dyn GroupsAccumulator>>;

/// An aggregate function described by data.
pub struct Aggregate {
    name: &'static str,
    aliases: Vec<String>,
    kinds: &'static [Kind],
    required: usize,
    returns: Returns,
    state: State,
    make: Make,
    null_handling: bool,
    /// Whether DISTINCT needs each value once: all values are kept until the answer is asked for.
    counts_repeats: bool,
    signature: Signature,
}

impl Aggregate {
    pub fn new(name: &'static str, kinds: &'static [Kind], returns: Returns, state: State, make: Make) -> Self {
        Self {
            name,
            aliases: Vec::new(),
            kinds,
            required: kinds.len(),
            returns,
            state,
            make,
            null_handling: false,
            counts_repeats: false,
            signature: Signature::one_of(
                vec![TypeSignature::VariadicAny, TypeSignature::Nullary],
                Volatility::Immutable,
            ),
        }
    }

    pub fn aliases(mut self, aliases: &[&str]) -> Self {
        self.aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        self
    }

    pub fn required(mut self, required: usize) -> Self {
        self.required = required;
        self
    }

    /// Lets the call say `IGNORE NULLS`.
    pub fn ignoring_nulls_on_demand(mut self) -> Self {
        self.null_handling = true;
        self
    }

    /// Makes DISTINCT count: a value that comes again changes the answer.
    pub fn counting_repeats(mut self) -> Self {
        self.counts_repeats = true;
        self
    }

    fn targets(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        argument_types(self.name, self.kinds, self.required, false, given)
    }

    fn making(&self, args: &AccumulatorArgs<'_>) -> Result<Making> {
        let given: Vec<DataType> = args.expr_fields.iter().map(|field| field.data_type().clone()).collect();
        let constants: Vec<Option<ScalarValue>> = args
            .exprs
            .iter()
            .map(|expr| expr.downcast_ref::<Literal>().map(|literal| literal.value().clone()))
            .collect();
        let asked = self.null_handling && matches!(constants.get(1), Some(Some(ScalarValue::Boolean(Some(true)))));
        Ok(Making {
            args: self.targets(&given)?,
            constants,
            ignore_nulls: args.ignore_nulls || asked,
            distinct: args.is_distinct && self.counts_repeats,
        })
    }
}

/// An accumulator of groups that casts its arguments, and takes each value once when the call says DISTINCT.
pub fn grouped(making: &Making, make: Make) -> Result<Box<dyn GroupsAccumulator>> {
    let inner = match making.distinct && making.args.len() == 1 {
        true => distinct_first(making, make)?,
        false => make(making)?,
    };
    Ok(Box::new(Cast {
        inner,
        targets: making.args.clone(),
    }))
}

/// The same for one group.
pub fn single(making: Making, make: Make) -> Result<Box<dyn Accumulator>> {
    Ok(Box::new(Single {
        inner: Mutex::new(grouped(&making, make)?),
        making,
        make,
    }))
}

/// The same for the frame of a window that leaves rows behind.
pub fn sliding(making: Making, make: Make) -> Box<dyn Accumulator> {
    Box::new(Sliding {
        making,
        make,
        chunks: VecDeque::new(),
    })
}

/// The columns of a state.
pub fn state_fields(name: &str, args: &[DataType], distinct: bool, state: State) -> Vec<FieldRef> {
    let kinds = match (distinct, args) {
        (true, [one]) => vec![types::list(one.clone())],
        _ => state(args),
    };
    kinds
        .into_iter()
        .enumerate()
        .map(|(at, kind)| Arc::new(Field::new(format!("{name}[{at}]"), kind, true)))
        .collect()
}

impl fmt::Debug for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aggregate")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Aggregate {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Aggregate {}

impl Hash for Aggregate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl AggregateUDFImpl for Aggregate {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        (self.returns)(&self.targets(given)?)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let given: Vec<DataType> = args
            .input_fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let distinct = args.is_distinct && self.counts_repeats;
        Ok(state_fields(args.name, &self.targets(&given)?, distinct, self.state))
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        single(self.making(&args)?, self.make)
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        grouped(&self.making(&args)?, self.make)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(sliding(self.making(&args)?, self.make))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.null_handling
    }
}

/// Casts the arguments before they reach the accumulator.
struct Cast {
    inner: Box<dyn GroupsAccumulator>,
    targets: Vec<DataType>,
}

impl Cast {
    fn cast(&self, values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
        values
            .iter()
            .zip(&self.targets)
            .map(|(values, target)| Ok(cast_array(values, target, &Tz::UTC)?))
            .collect()
    }
}

impl GroupsAccumulator for Cast {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        // A column of no type holds only NULLs, but has no bits that say so.
        let nothing = values.iter().any(|values| values.data_type() == &DataType::Null);
        let none = nothing.then(|| BooleanArray::from(vec![false; groups.len()]));
        let values = self.cast(values)?;
        self.inner
            .update_batch(&values, groups, none.as_ref().or(filter), total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.inner.evaluate(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.inner.merge_batch(values, groups, total)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(&self.cast(values)?, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}

/// A grouped accumulator with one group. It may be read again and again, as window functions do.
struct Single {
    /// Never locked by two: the mutex only makes it shareable between threads, which the engine asks for.
    inner: Mutex<Box<dyn GroupsAccumulator>>,
    making: Making,
    make: Make,
}

impl fmt::Debug for Single {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Single")
            .field("making", &self.making)
            .finish_non_exhaustive()
    }
}

fn rows_of(values: &[ArrayRef]) -> usize {
    values.first().map_or(0, |values| values.len())
}

impl Accumulator for Single {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.own().update_batch(values, &vec![0; rows_of(values)], None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let state = self.take_state()?;
        let mut reader = grouped(&self.making, self.make)?;
        reader.merge_batch(&state, &[0], 1)?;
        self.own().merge_batch(&state, &[0], 1)?;
        ScalarValue::try_from_array(&reader.evaluate(EmitTo::All)?, 0)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.inner.lock().unwrap_or_else(PoisonError::into_inner).size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.take_state()?
            .iter()
            .map(|column| ScalarValue::try_from_array(column, 0))
            .collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.own().merge_batch(states, &vec![0; rows_of(states)], 1)
    }
}

impl Single {
    fn take_state(&mut self) -> Result<Vec<ArrayRef>> {
        // Makes the one group exist even if no row came.
        let empty: Vec<ArrayRef> = self.making.args.iter().map(arrow::array::new_empty_array).collect();
        let inner = self.own();
        inner.update_batch(&empty, &[], None, 1)?;
        inner.state(EmitTo::All)
    }

    fn own(&mut self) -> &mut Box<dyn GroupsAccumulator> {
        self.inner.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One group whose rows leave in the order in which they came. Nothing can be taken back from most states, so the answer is
/// computed from the rows that are left.
struct Sliding {
    making: Making,
    make: Make,
    chunks: VecDeque<Vec<ArrayRef>>,
}

impl fmt::Debug for Sliding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sliding")
            .field("making", &self.making)
            .finish_non_exhaustive()
    }
}

impl Sliding {
    fn filled(&self) -> Result<Box<dyn Accumulator>> {
        let mut fresh = single(self.making.clone(), self.make)?;
        for chunk in &self.chunks {
            fresh.update_batch(chunk)?;
        }
        Ok(fresh)
    }
}

impl Accumulator for Sliding {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.chunks.push_back(values.to_vec());
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let mut left = rows_of(values);
        while left > 0 {
            let Some(mut chunk) = self.chunks.pop_front() else {
                break;
            };
            let rows = rows_of(&chunk);
            if rows > left {
                chunk
                    .iter_mut()
                    .for_each(|column| *column = column.slice(left, rows - left));
                self.chunks.push_front(chunk);
            }
            left = left.saturating_sub(rows);
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.filled()?.evaluate()
    }

    fn size(&self) -> usize {
        let columns = self.chunks.iter().flatten();
        size_of::<Self>() + columns.map(|column| column.get_array_memory_size()).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.filled()?.state()
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        exec_err!("the frame of a window has no states to merge")
    }
}

/// The rows of a batch that pass a filter, with their groups.
pub fn passing<'a>(groups: &'a [usize], filter: Option<&'a BooleanArray>) -> impl Iterator<Item = (usize, usize)> + 'a {
    groups
        .iter()
        .enumerate()
        .filter(move |(row, _)| filter.is_none_or(|filter| filter.is_valid(*row) && filter.value(*row)))
        .map(|(row, group)| (row, *group))
}

/// Groups to emit: all of them, or the first ones.
pub fn emitted(emit_to: EmitTo, total: usize) -> usize {
    match emit_to {
        EmitTo::All => total,
        EmitTo::First(count) => count.min(total),
    }
}

/// Makes states of single rows, by an accumulator in which each row is a group.
pub fn rows_to_state(
    mut each: impl GroupsAccumulator,
    values: &[ArrayRef],
    filter: Option<&BooleanArray>,
) -> Result<Vec<ArrayRef>> {
    let rows = rows_of(values);
    let groups: Vec<usize> = (0..rows).collect();
    each.update_batch(values, &groups, filter, rows)?;
    each.state(EmitTo::All)
}
