//! The canonical form of key columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array};
use arrow::datatypes::{DataType, Float32Type, Float64Type};

/// Replaces `-0.0` by `0.0` and every NaN by the one canonical NaN, so that equal keys have equal bytes. Other types, and floats
/// inside nested types, pass unchanged.
#[must_use]
pub fn normalised(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Float32 => {
            let floats: Float32Array = column.as_primitive::<Float32Type>().unary(canonical_f32);
            Arc::new(floats)
        }
        DataType::Float64 => {
            let floats: Float64Array = column.as_primitive::<Float64Type>().unary(canonical_f64);
            Arc::new(floats)
        }
        _ => Arc::clone(column),
    }
}

/// One value for both zeros and one for all NaNs.
pub(super) fn canonical_f32(value: f32) -> f32 {
    if value.is_nan() {
        f32::NAN
    } else if value == 0.0 {
        0.0
    } else {
        value
    }
}

/// One value for both zeros and one for all NaNs.
pub(super) fn canonical_f64(value: f64) -> f64 {
    if value.is_nan() {
        f64::NAN
    } else if value == 0.0 {
        0.0
    } else {
        value
    }
}
