//! `sum` and `avg` of the engine, which also take text: Spark reads it as DOUBLE. Decimals are added by our own.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::common::types::{NativeType, logical_float64, logical_string};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Coercion, GroupsAccumulator, ReversedUDAF, SetMonotonicity, Signature,
    TypeSignature, TypeSignatureClass,
};

use super::average::Averages;
use super::decimal;
use super::frame::{Make, Making, grouped, single, sliding, state_fields};
use crate::functions::Result;

/// An aggregate of the engine with one signature more.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct TakingText {
    inner: Arc<AggregateUDF>,
    aliases: Vec<String>,
    signature: Signature,
    average: bool,
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
            average: inner.name() == "avg",
            inner,
            aliases,
            signature,
        }
    }

    /// Our own accumulator of decimals, and what it is made for.
    fn of_decimals(&self, args: &AccumulatorArgs<'_>) -> Option<(Making, Make)> {
        let of = args.expr_fields.first()?.data_type();
        matches!(of, DataType::Decimal128(..)).then(|| {
            let making = Making {
                args: vec![of.clone()],
                constants: Vec::new(),
                ignore_nulls: true,
                distinct: args.is_distinct,
            };
            let make: Make = if self.average { decimal::average } else { decimal::sum };
            (making, make)
        })
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
        match self.of_decimals(&args) {
            Some((making, make)) => single(making, make),
            None => self.inner.accumulator(args),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        match args.input_fields.first().map(|field| field.data_type().clone()) {
            Some(of @ DataType::Decimal128(..)) => Ok(state_fields(args.name, &[of], args.is_distinct, decimal::state)),
            _ => self.inner.state_fields(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.of_decimals(&args).is_some() || self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        match self.of_decimals(&args) {
            Some((making, make)) => grouped(&making, make),
            None if self.average && !args.is_distinct => {
                Ok(Box::new(Averages(self.inner.create_groups_accumulator(args)?)))
            }
            None => self.inner.create_groups_accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match self.of_decimals(&args) {
            Some((making, make)) => Ok(sliding(making, make)),
            None => self.inner.create_sliding_accumulator(args),
        }
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
