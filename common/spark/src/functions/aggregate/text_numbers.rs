//! `sum` and `avg` of the engine, which also take text: Spark reads it as DOUBLE.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::common::types::{NativeType, logical_float64, logical_string};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Coercion, EmitTo, GroupsAccumulator, ReversedUDAF, SetMonotonicity,
    Signature, TypeSignature, TypeSignatureClass,
};

use crate::functions::Result;
use crate::number;

/// An aggregate of the engine with one signature more.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct TakingText {
    inner: Arc<AggregateUDF>,
    aliases: Vec<String>,
    signature: Signature,
}

impl TakingText {
    /// Lets an aggregate take text as DOUBLE, under further names.
    pub fn new(inner: Arc<AggregateUDF>, aliases: &[&str]) -> Self {
        let text = TypeSignature::Coercible(vec![Coercion::new_implicit(
            TypeSignatureClass::Native(logical_float64()),
            vec![TypeSignatureClass::Native(logical_string())],
            NativeType::Float64,
        )]);
        let own = inner.signature();
        let mut choices = match &own.type_signature {
            TypeSignature::OneOf(choices) => choices.clone(),
            one => vec![one.clone()],
        };
        choices.push(text);
        let signature = Signature::one_of(choices, own.volatility);
        let aliases = inner
            .aliases()
            .iter()
            .cloned()
            .chain(aliases.iter().map(|alias| (*alias).to_owned()))
            .collect();
        Self {
            inner,
            aliases,
            signature,
        }
    }
}

impl AggregateUDFImpl for TakingText {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        self.inner.return_type(given)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.inner.accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let bounded = matches!(args.return_field.data_type(), DataType::Decimal128(..));
        let inner = self.inner.create_groups_accumulator(args)?;
        Ok(if bounded { Box::new(Bounded { inner }) } else { inner })
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.inner.create_sliding_accumulator(args)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn default_value(&self, kind: &DataType) -> Result<ScalarValue> {
        self.inner.default_value(kind)
    }

    fn set_monotonicity(&self, kind: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(kind)
    }
}

/// Makes answers NULL that have more digits than their type.
struct Bounded {
    inner: Box<dyn GroupsAccumulator>,
}

impl GroupsAccumulator for Bounded {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.inner.update_batch(values, groups, filter, total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let answers = self.inner.evaluate(emit_to)?;
        let Some(decimals) = answers.as_primitive_opt::<Decimal128Type>() else {
            return Ok(answers);
        };
        let (precision, scale) = (decimals.precision(), decimals.scale());
        if decimals.iter().flatten().all(|value| number::fits(value, precision)) {
            return Ok(answers);
        }
        let bounded: Decimal128Array = decimals.unary_opt(|value| number::fits(value, precision).then_some(value));
        Ok(Arc::new(bounded.with_precision_and_scale(precision, scale)?))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.inner.merge_batch(values, groups, total)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
