//! What functions of arrays share: lists built by picking elements, elements in a comparable form, checks of types.

use std::sync::Arc;

use arrow::array::{Array, ArrayBuilder, ArrayRef, AsArray, ListArray, UInt32Builder};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::{exec_err, plan_err};

use crate::cast::cast_array;
use crate::functions::kernel::{Call, Result, column};
use crate::type_name::spark_type;
use crate::types::{self, has_map};

/// Lists in the making: each is a run of indices into one column of values.
pub struct Picked {
    indices: UInt32Builder,
    lengths: Vec<usize>,
    valid: Vec<bool>,
    closed: usize,
}

impl Picked {
    pub fn with_capacity(rows: usize) -> Self {
        Self {
            indices: UInt32Builder::new(),
            lengths: Vec::with_capacity(rows),
            valid: Vec::with_capacity(rows),
            closed: 0,
        }
    }

    /// Adds the value at `index` to the list of this row.
    pub fn push(&mut self, index: usize) {
        self.indices.append_value(index as u32);
    }

    /// Adds the values of a range.
    pub fn extend(&mut self, range: std::ops::Range<usize>) {
        for index in range {
            self.push(index);
        }
    }

    /// Adds NULLs.
    pub fn gap(&mut self, count: usize) {
        self.indices.append_nulls(count);
    }

    /// How many elements this row's list has so far.
    pub fn len(&self) -> usize {
        self.indices.len() - self.closed
    }

    /// Ends the list of this row.
    pub fn close(&mut self) {
        self.end(true);
    }

    /// The row has no list.
    pub fn null(&mut self) {
        self.end(false);
    }

    fn end(&mut self, valid: bool) {
        self.lengths.push(self.len());
        self.valid.push(valid);
        self.closed = self.indices.len();
    }

    /// The lists, of elements of `values`.
    pub fn finish(mut self, values: &ArrayRef, returns: &DataType) -> Result<ArrayRef> {
        let DataType::List(field) = returns else {
            return plan_err!("an array is built, not {}", spark_type(returns));
        };
        let values = take(values, &self.indices.finish(), None)?;
        column(ListArray::try_new(
            Arc::clone(field),
            OffsetBuffer::from_lengths(self.lengths),
            cast_array(&values, field.data_type(), &crate::zone::Tz::UTC)?,
            Some(NullBuffer::from(self.valid)),
        )?)
    }
}

/// The argument as a list column of `call.rows` rows with elements of the type `element`.
pub fn list_of(call: &Call<'_>, at: usize, element: &DataType) -> Result<ListArray> {
    let list = cast_array(&call.column(at)?, &types::list(element.clone()), &call.zone)?;
    Ok(list.as_list::<i32>().clone())
}

/// The places of a row's elements among all values.
pub fn range(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = list.value_offsets();
    offsets[row] as usize..offsets[row + 1] as usize
}

/// Values in a form whose bytes compare as the values do, NULL first.
pub fn comparable(values: &[ArrayRef]) -> Result<Vec<Rows>> {
    let Some(first) = values.first() else {
        return Ok(Vec::new());
    };
    let converter = RowConverter::new(vec![SortField::new(first.data_type().clone())])?;
    Ok(values
        .iter()
        .map(|values| converter.convert_columns(std::slice::from_ref(values)))
        .collect::<std::result::Result<_, _>>()?)
}

/// As [`comparable`], for tests of equality by Spark's `=`: there is one zero.
pub fn equatable(values: &[ArrayRef]) -> Result<Vec<Rows>> {
    let one_zero: Vec<ArrayRef> = values.iter().map(with_one_zero).collect();
    comparable(&one_zero)
}

fn with_one_zero(values: &ArrayRef) -> ArrayRef {
    // Adding 0.0 turns -0.0 into 0.0 and leaves every other number.
    if let Some(floats) = values.as_primitive_opt::<Float32Type>() {
        return Arc::new(floats.unary::<_, Float32Type>(|value| value + 0.0));
    }
    if let Some(doubles) = values.as_primitive_opt::<Float64Type>() {
        return Arc::new(doubles.unary::<_, Float64Type>(|value| value + 0.0));
    }
    Arc::clone(values)
}

/// Refuses elements that have no order: maps, and what holds them.
pub fn check_orderable(function: &str, of: &DataType) -> Result<()> {
    if has_map(of) {
        return plan_err!(
            "function {function} needs values that can be compared, {} cannot",
            spark_type(of)
        );
    }
    Ok(())
}

/// The element type of an argument that has to be an array; `NULL` without a type is none.
pub fn element_of<'a>(function: &str, of: &'a DataType) -> Result<&'a DataType> {
    match of {
        DataType::List(field) => Ok(field.data_type()),
        other => plan_err!(
            "function {function} requires an array, but {} was given",
            spark_type(other)
        ),
    }
}

/// The longest list a row may get, as in Java's arrays.
pub const LENGTH_MAX: usize = i32::MAX as usize - 15;

/// Fails when a list gets too long.
pub fn check_length(function: &str, length: usize) -> Result<()> {
    if length > LENGTH_MAX {
        return exec_err!("{function} would make an array of {length} elements, the limit is {LENGTH_MAX}");
    }
    Ok(())
}
