//! The frame of our aggregates: argument kinds and casts, states, and the single-group accumulator made of the grouped one.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use chrono_tz::Tz;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, TypeSignature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

use crate::cast::cast_array;
use crate::functions::Result;
use crate::functions::kernel::{Kind, argument_types};

/// What an accumulator is made for.
#[derive(Debug, Clone)]
pub struct Making {
    /// Types of the arguments after their cast.
    pub args: Vec<DataType>,
    /// Values of the arguments that are constant.
    pub constants: Vec<Option<ScalarValue>>,
    /// Whether NULLs are skipped (`IGNORE NULLS`, or the second argument of `first`).
    pub ignore_nulls: bool,
    /// Whether each value counts once.
    pub distinct: bool,
}

type Returns = fn(&[DataType]) -> Result<DataType>;
type State = fn(&[DataType]) -> Vec<DataType>;
type Make = fn(&Making) -> Result<Box<dyn GroupsAccumulator>>;

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
            distinct: args.is_distinct,
        })
    }

    fn grouped(&self, making: &Making) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Cast {
            inner: (self.make)(making)?,
            targets: making.args.clone(),
        }))
    }
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
        Ok((self.state)(&self.targets(&given)?)
            .into_iter()
            .enumerate()
            .map(|(at, kind)| Arc::new(Field::new(format!("{}[{at}]", args.name), kind, true)))
            .collect())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let making = self.making(&args)?;
        let inner = self.grouped(&making)?;
        Ok(Box::new(Single {
            inner: Mutex::new(inner),
            making,
            make: self.make,
        }))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        self.grouped(&self.making(&args)?)
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
        let mut reader = (self.make)(&self.making)?;
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
