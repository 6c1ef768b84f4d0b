//! Equality of key rows, column by column on the arrays' own buffers.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, StringArray};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::datatypes::DataType;

/// Key columns prepared for comparing rows of one against rows of another of the same types.
///
/// Floats must be [`super::normalised`]: values are equal when their bytes are.
#[derive(Clone, Debug)]
pub struct KeyColumns {
    columns: Vec<KeyColumn>,
}

#[derive(Clone, Debug)]
struct KeyColumn {
    nulls: Option<NullBuffer>,
    values: KeyValues,
}

#[derive(Clone, Debug)]
enum KeyValues {
    Fixed {
        bytes: Buffer,
        width: usize,
    },
    Text(StringArray),
    Bytes(BinaryArray),
    Boolean(BooleanArray),
    /// Nested and rare types: one-row slices are compared, slowly.
    Other(ArrayRef),
}

impl KeyColumns {
    /// Prepares `columns`; cheap, buffers are shared.
    #[must_use]
    pub fn new(columns: &[ArrayRef]) -> Self {
        Self {
            columns: columns.iter().map(KeyColumn::new).collect(),
        }
    }

    /// Whether row `row` of these columns equals row `other_row` of `other`. NULL equals NULL.
    #[must_use]
    pub fn equal(&self, row: usize, other: &Self, other_row: usize) -> bool {
        self.columns
            .iter()
            .zip(&other.columns)
            .all(|(left, right)| left.equal(row, right, other_row))
    }
}

impl KeyColumn {
    fn new(column: &ArrayRef) -> Self {
        let values = match column.data_type() {
            DataType::Utf8 => KeyValues::Text(column.as_string::<i32>().clone()),
            DataType::Binary => KeyValues::Bytes(column.as_binary::<i32>().clone()),
            DataType::Boolean => KeyValues::Boolean(column.as_boolean().clone()),
            other => match other.primitive_width() {
                Some(width) => {
                    let data = column.to_data();
                    let from = data.offset() * width;
                    match data.buffers().first() {
                        Some(bytes) => KeyValues::Fixed {
                            bytes: bytes.slice_with_length(from, data.len() * width),
                            width,
                        },
                        None => KeyValues::Other(ArrayRef::clone(column)),
                    }
                }
                None => KeyValues::Other(ArrayRef::clone(column)),
            },
        };
        Self {
            nulls: column.logical_nulls().filter(|nulls| nulls.null_count() > 0),
            values,
        }
    }

    fn equal(&self, row: usize, other: &Self, other_row: usize) -> bool {
        let null = self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        let other_null = other.nulls.as_ref().is_some_and(|nulls| nulls.is_null(other_row));
        if null || other_null {
            return null == other_null;
        }
        match (&self.values, &other.values) {
            (
                KeyValues::Fixed { bytes, width },
                KeyValues::Fixed {
                    bytes: other,
                    width: other_width,
                },
            ) => {
                // Constant widths let the compiler compare registers instead of calling memcmp.
                width == other_width
                    && match width {
                        8 => fixed::<8>(bytes, row) == fixed::<8>(other, other_row),
                        4 => fixed::<4>(bytes, row) == fixed::<4>(other, other_row),
                        _ => span(bytes, row, *width) == span(other, other_row, *width),
                    }
            }
            (KeyValues::Text(left), KeyValues::Text(right)) => left.value(row) == right.value(other_row),
            (KeyValues::Bytes(left), KeyValues::Bytes(right)) => left.value(row) == right.value(other_row),
            (KeyValues::Boolean(left), KeyValues::Boolean(right)) => left.value(row) == right.value(other_row),
            (KeyValues::Other(left), KeyValues::Other(right)) => left.slice(row, 1) == right.slice(other_row, 1),
            _ => false,
        }
    }
}

fn fixed<const WIDTH: usize>(bytes: &Buffer, row: usize) -> Option<&[u8; WIDTH]> {
    bytes.get(row * WIDTH..).and_then(|rest| rest.first_chunk())
}

fn span(bytes: &Buffer, row: usize, width: usize) -> Option<&[u8]> {
    bytes.get(row * width..(row + 1) * width)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, Int64Array, ListArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn rows_are_equal_when_all_columns_are() {
        let left = KeyColumns::new(&[
            Arc::new(StringArray::from(vec![Some("a"), None, Some("b")])),
            Arc::new(Int64Array::from(vec![1, 2, 3])),
        ]);
        let ints: ArrayRef = Arc::new(Int64Array::from(vec![9, 3, 2, 1, 1]));
        let right = KeyColumns::new(&[
            Arc::new(StringArray::from(vec![Some("b"), None, Some("a"), None])),
            ints.slice(1, 4),
        ]);
        assert!(left.equal(2, &right, 0));
        assert!(left.equal(1, &right, 1));
        assert!(left.equal(0, &right, 2));
        assert!(!left.equal(0, &right, 3), "a null is not a value");
        assert!(!left.equal(2, &right, 1));
    }

    #[test]
    fn nested_and_narrow_types_compare() {
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
            Some(vec![Some(1), None]),
            Some(vec![Some(1), None]),
            Some(vec![Some(1)]),
            None,
        ]);
        let columns = KeyColumns::new(&[Arc::new(lists), Arc::new(Int32Array::from(vec![5, 5, 5, 5]))]);
        assert!(columns.equal(0, &columns, 1));
        assert!(!columns.equal(0, &columns, 2));
        assert!(!columns.equal(3, &columns, 2));
    }
}
