//! `aggregate(array, start, (acc, x) -> .., acc -> ..)`, also called `reduce`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array, new_null_array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::plan_err;
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature, HigherOrderUDFImpl,
    LambdaParametersProgress, ValueOrLambda, Volatility,
};

use super::{element, evaluated, lambda, list, parameter, value};
use crate::cast::cast_array;
use crate::coerce::same_shape;
use crate::functions::array::parts::range;
use crate::functions::kernel::Result;
use crate::type_name::spark_type;

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Aggregate {
    signature: HigherOrderSignature,
    aliases: Vec<String>,
}

impl Aggregate {
    pub fn new() -> Self {
        Self {
            signature: HigherOrderSignature::user_defined(Volatility::Immutable),
            aliases: vec!["reduce".to_owned()],
        }
    }
}

impl HigherOrderUDFImpl for Aggregate {
    fn name(&self) -> &str {
        "aggregate"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn coerce_value_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        Ok(given.to_vec())
    }

    fn lambda_parameters(
        &self,
        _step: usize,
        fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let [
            ValueOrLambda::Value(list),
            ValueOrLambda::Value(start),
            ValueOrLambda::Lambda(_),
            rest @ ..,
        ] = fields
        else {
            return plan_err!("function aggregate takes an array, a start and one or two lambda functions");
        };
        let element = element("aggregate", list.data_type())?;
        let accumulator = parameter(start.data_type());
        let mut parameters = vec![vec![Arc::clone(&accumulator), parameter(&element)]];
        parameters.extend(rest.iter().map(|_| vec![Arc::clone(&accumulator)]));
        Ok(LambdaParametersProgress::Complete(parameters))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs) -> Result<FieldRef> {
        let [_, ValueOrLambda::Value(start), ValueOrLambda::Lambda(merge), rest @ ..] = args.arg_fields else {
            return plan_err!("function aggregate takes an array, a start and one or two lambda functions");
        };
        if !same_shape(start.data_type(), merge.data_type()) {
            return plan_err!(
                "function aggregate starts with {}, its lambda function gives {}: cast one of them",
                spark_type(start.data_type()),
                spark_type(merge.data_type())
            );
        }
        match rest {
            [] => Ok(parameter(start.data_type())),
            [ValueOrLambda::Lambda(finish)] => Ok(parameter(finish.data_type())),
            _ => plan_err!("function aggregate takes an array, a start and one or two lambda functions"),
        }
    }

    fn invoke_with_args(&self, args: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let (list, start, merge) = (list(&args)?, value(&args, 1)?, lambda(&args, 2)?);
        let mut active: Vec<u32> = (0..rows as u32).filter(|row| list.is_valid(*row as usize)).collect();
        let of = start.data_type().clone();
        let mut state = take(&start, &UInt32Array::from(active.clone()), None)?;
        let mut done = Done::new(rows);
        let mut at = 0;
        loop {
            let goes_on = |row: u32| range(&list, row as usize).len() > at;
            if !active.iter().all(|row| goes_on(*row)) {
                let (on, off): (Vec<u32>, Vec<u32>) =
                    (0..active.len() as u32).partition(|i| goes_on(active[*i as usize]));
                done.add(
                    take(&state, &UInt32Array::from(off.clone()), None)?,
                    off.iter().map(|i| active[*i as usize]),
                );
                state = take(&state, &UInt32Array::from(on.clone()), None)?;
                active = on.iter().map(|i| active[*i as usize]).collect();
            }
            if active.is_empty() {
                break;
            }
            let places = active.iter().map(|row| (range(&list, *row as usize).start + at) as u32);
            let elements = take(list.values(), &UInt32Array::from_iter_values(places), None)?;
            let merged = evaluated(merge, &[state, elements], &UInt32Array::from(active.clone()))?;
            // Names and nullability of what is nested may differ from the start's.
            state = cast_array(&merged, &of, &crate::zone::Tz::UTC)?;
            at += 1;
        }
        let (result, owners) = done.finish(&of)?;
        let result = match args.args.len() {
            3 => result,
            _ => evaluated(lambda(&args, 3)?, &[result], &owners)?,
        };
        spread(&result, &owners, rows, args.return_type()).map(ColumnarValue::Array)
    }
}

/// Results of rows whose arrays came to their end, in the order of their ends.
struct Done {
    parts: Vec<ArrayRef>,
    owners: Vec<u32>,
}

impl Done {
    fn new(rows: usize) -> Self {
        Self {
            parts: Vec::new(),
            owners: Vec::with_capacity(rows),
        }
    }

    fn add(&mut self, part: ArrayRef, owners: impl Iterator<Item = u32>) {
        self.parts.push(part);
        self.owners.extend(owners);
    }

    fn finish(self, of: &DataType) -> Result<(ArrayRef, UInt32Array)> {
        let parts: Vec<&dyn Array> = self.parts.iter().map(AsRef::as_ref).collect();
        let all = if parts.is_empty() {
            new_null_array(of, 0)
        } else {
            concat(&parts)?
        };
        Ok((all, UInt32Array::from(self.owners)))
    }
}

/// Puts results in the order of the batch's rows; rows without one are NULL.
fn spread(results: &ArrayRef, owners: &UInt32Array, rows: usize, of: &DataType) -> Result<ArrayRef> {
    let mut places = vec![None; rows];
    for (at, owner) in owners.values().iter().enumerate() {
        places[*owner as usize] = Some(at as u32);
    }
    let spread = take(results, &UInt32Array::from(places), None)?;
    Ok(cast_array(&spread, of, &crate::zone::Tz::UTC)?)
}
