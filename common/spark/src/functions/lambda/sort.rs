//! `array_sort(array, (a, b) -> ..)`: the order is what a lambda function says of two elements.

use std::sync::Arc;

use arrow::array::{Array, AsArray, ListArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, FieldRef, Int32Type};
use datafusion::common::{exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature, HigherOrderUDFImpl,
    LambdaArgument, LambdaParametersProgress, ValueOrLambda, Volatility,
};

use super::{element, evaluated, lambda, list, parameter};
use crate::functions::array::parts::range;
use crate::functions::kernel::Result;
use crate::type_name::spark_type;

/// The function's name; without a lambda function `array_sort` is another one.
pub const NAME: &str = "array_sort_by";

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct SortBy {
    signature: HigherOrderSignature,
}

impl SortBy {
    pub fn new() -> Self {
        Self {
            signature: HigherOrderSignature::user_defined(Volatility::Immutable),
        }
    }
}

impl HigherOrderUDFImpl for SortBy {
    fn name(&self) -> &str {
        NAME
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
        let [ValueOrLambda::Value(list), ValueOrLambda::Lambda(_)] = fields else {
            return plan_err!("function array_sort takes an array and a lambda function");
        };
        let element = parameter(&element("array_sort", list.data_type())?);
        Ok(LambdaParametersProgress::Complete(vec![vec![
            Arc::clone(&element),
            element,
        ]]))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [ValueOrLambda::Value(list), ValueOrLambda::Lambda(order)] if order.data_type() == &DataType::Int32 => {
                Ok(parameter(list.data_type()))
            }
            [_, ValueOrLambda::Lambda(order)] => plan_err!(
                "the lambda function of array_sort gives an int, here it is {}",
                spark_type(order.data_type())
            ),
            _ => plan_err!("function array_sort takes an array and a lambda function"),
        }
    }

    fn invoke_with_args(&self, args: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let (list, order) = (list(&args)?, lambda(&args, 1)?);
        let mut places: Vec<u32> = (0..list.values().len() as u32).collect();
        let lengths = (0..list.len()).map(|row| if list.is_valid(row) { range(&list, row).len() } else { 0 });
        let longest = lengths.max().unwrap_or(0);
        let mut width = 1;
        while width < longest {
            places = merged(&list, places, width, order)?;
            width *= 2;
        }
        let DataType::List(field) = list.data_type() else {
            return exec_err!("argument 1 is no array");
        };
        let values = take(list.values(), &UInt32Array::from(places), None)?;
        let sorted = ListArray::try_new(Arc::clone(field), list.offsets().clone(), values, list.nulls().cloned())?;
        Ok(ColumnarValue::Array(Arc::new(sorted)))
    }
}

/// Two sorted runs of a row's elements, and how far their merging is.
struct Merge {
    row: u32,
    left: std::ops::Range<usize>,
    right: std::ops::Range<usize>,
    out: usize,
}

/// Merges neighbouring runs of `width` elements, all rows at once: each round compares one pair of each merge.
fn merged(list: &ListArray, places: Vec<u32>, width: usize, order: &LambdaArgument) -> Result<Vec<u32>> {
    let mut merges = Vec::new();
    for row in (0..list.len()).filter(|row| list.is_valid(*row)) {
        let own = range(list, row);
        for from in own.clone().step_by(2 * width) {
            let middle = (from + width).min(own.end);
            let (left, right) = (from..middle, middle..(from + 2 * width).min(own.end));
            if !right.is_empty() {
                merges.push(Merge {
                    row: row as u32,
                    left,
                    right,
                    out: from,
                });
            }
        }
    }
    let mut sorted = places.clone();
    while !merges.is_empty() {
        let rows = UInt32Array::from_iter_values(merges.iter().map(|merge| merge.row));
        let heads = |of: fn(&Merge) -> usize| {
            let places = UInt32Array::from_iter_values(merges.iter().map(|merge| places[of(merge)]));
            take(list.values(), &places, None)
        };
        let pair = [heads(|merge| merge.left.start)?, heads(|merge| merge.right.start)?];
        let compared = evaluated(order, &pair, &rows)?;
        if compared.null_count() > 0 {
            return exec_err!("array_sort: the lambda function gives NULL for two elements, it has to give a number");
        }
        let compared = compared.as_primitive::<Int32Type>();
        for (merge, compared) in merges.iter_mut().zip(compared.values()) {
            // Equal elements keep their order.
            let from = if *compared <= 0 {
                &mut merge.left
            } else {
                &mut merge.right
            };
            sorted[merge.out] = places[from.start];
            from.start += 1;
            merge.out += 1;
        }
        merges.retain(|merge| {
            let rest = match (merge.left.is_empty(), merge.right.is_empty()) {
                (false, false) => return true,
                (false, true) => merge.left.clone(),
                (true, _) => merge.right.clone(),
            };
            let count = rest.len();
            sorted[merge.out..merge.out + count].copy_from_slice(&places[rest]);
            false
        });
    }
    Ok(sorted)
}
