//! Casts among booleans, integers, floats and decimals.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryBuilder, BooleanArray, Decimal128Array, PrimitiveArray,
};
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};

use crate::SparkError;
use crate::number::{self, POWERS_OF_TEN};

/// A primitive number that converts as Java's narrowing does.
trait Number: Copy {
    fn wide(self) -> i64;
    fn double(self) -> f64;
    const FLOATING: bool;
}

macro_rules! whole_number {
    ($($native:ty),*) => {$(
        impl Number for $native {
            fn wide(self) -> i64 { i64::from(self) }
            fn double(self) -> f64 { self as f64 }
            const FLOATING: bool = false;
        }
    )*};
}
whole_number!(i8, i16, i32, i64);

macro_rules! floating_number {
    ($($native:ty),*) => {$(
        impl Number for $native {
            fn wide(self) -> i64 { self as i64 }
            fn double(self) -> f64 { f64::from(self) }
            const FLOATING: bool = true;
        }
    )*};
}
floating_number!(f32, f64);

/// Casts a numeric or boolean column to a numeric or boolean type.
pub fn number_to_number(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, SparkError> {
    match array.data_type() {
        DataType::Boolean => Ok(from_boolean(array.as_boolean(), to)?),
        DataType::Int8 => from_primitive::<Int8Type>(array, to),
        DataType::Int16 => from_primitive::<Int16Type>(array, to),
        DataType::Int32 => from_primitive::<Int32Type>(array, to),
        DataType::Int64 => from_primitive::<Int64Type>(array, to),
        DataType::Float32 => from_primitive::<Float32Type>(array, to),
        DataType::Float64 => from_primitive::<Float64Type>(array, to),
        DataType::Decimal128(_, scale) => from_decimal(array.as_primitive(), *scale, to),
        from => Err(SparkError::NoCast {
            from: from.clone(),
            to: to.clone(),
        }),
    }
}

fn from_boolean(array: &BooleanArray, to: &DataType) -> Result<ArrayRef, SparkError> {
    let ones: PrimitiveArray<Int8Type> = array.iter().map(|value| value.map(i8::from)).collect();
    let ones: ArrayRef = Arc::new(ones);
    if to == &DataType::Int8 {
        Ok(ones)
    } else {
        number_to_number(&ones, to)
    }
}

fn from_primitive<T>(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, SparkError>
where
    T: ArrowPrimitiveType,
    T::Native: Number,
{
    let array = array.as_primitive::<T>();
    // A double becomes a small integer through INT, which saturates, and only then wraps.
    let narrow = |value: T::Native| -> i64 {
        if T::Native::FLOATING {
            i64::from(value.double() as i32)
        } else {
            value.wide()
        }
    };
    Ok(match to {
        DataType::Int8 => Arc::new(array.unary::<_, Int8Type>(|value| narrow(value) as i8)),
        DataType::Int16 => Arc::new(array.unary::<_, Int16Type>(|value| narrow(value) as i16)),
        DataType::Int32 => Arc::new(array.unary::<_, Int32Type>(|value| narrow(value) as i32)),
        DataType::Int64 => Arc::new(array.unary::<_, Int64Type>(Number::wide)),
        DataType::Float32 => Arc::new(array.unary::<_, Float32Type>(|value| {
            if T::Native::FLOATING {
                value.double() as f32
            } else {
                value.wide() as f32
            }
        })),
        DataType::Float64 => Arc::new(array.unary::<_, Float64Type>(Number::double)),
        DataType::Boolean => BooleanArray::from_unary_ref(array, |value| {
            if T::Native::FLOATING {
                value.double() != 0.0
            } else {
                value.wide() != 0
            }
        }),
        DataType::Decimal128(precision, scale) => {
            let (precision, scale) = (*precision, *scale);
            let cast: Decimal128Array = if T::Native::FLOATING {
                array.unary_opt(|value| double_to_decimal(value.double(), precision, scale))
            } else {
                array.unary_opt(|value| number::rescale(i128::from(value.wide()), 0, precision, scale))
            };
            Arc::new(cast.with_precision_and_scale(precision, scale)?)
        }
        _ => {
            return Err(SparkError::NoCast {
                from: array.data_type().clone(),
                to: to.clone(),
            });
        }
    })
}

/// Lets a closure over values give a boolean column, nulls kept.
trait FromUnary {
    fn from_unary_ref<T: ArrowPrimitiveType>(
        array: &PrimitiveArray<T>,
        test: impl FnMut(T::Native) -> bool,
    ) -> ArrayRef;
}

impl FromUnary for BooleanArray {
    fn from_unary_ref<T: ArrowPrimitiveType>(
        array: &PrimitiveArray<T>,
        test: impl FnMut(T::Native) -> bool,
    ) -> ArrayRef {
        Arc::new(BooleanArray::from_unary(array, test))
    }
}

/// Reads the digits Java writes for a double into a decimal; None for NaN, infinities and what does not fit.
pub fn double_to_decimal(value: f64, precision: u8, scale: i8) -> Option<i128> {
    if !value.is_finite() {
        return None;
    }
    let mut text = String::with_capacity(24);
    number::write_f64(value, &mut text);
    number::parse_decimal(text.as_bytes(), precision, scale)
}

fn from_decimal(array: &Decimal128Array, scale: i8, to: &DataType) -> Result<ArrayRef, SparkError> {
    let unit = POWERS_OF_TEN.get(scale.max(0) as usize).copied().unwrap_or(1);
    let whole = move |value: i128| (value / unit) as i64;
    Ok(match to {
        DataType::Int8 => Arc::new(array.unary::<_, Int8Type>(|value| whole(value) as i8)),
        DataType::Int16 => Arc::new(array.unary::<_, Int16Type>(|value| whole(value) as i16)),
        DataType::Int32 => Arc::new(array.unary::<_, Int32Type>(|value| whole(value) as i32)),
        DataType::Int64 => Arc::new(array.unary::<_, Int64Type>(whole)),
        DataType::Float32 => {
            Arc::new(array.unary::<_, Float32Type>(|value| number::decimal_to_f64(value, scale) as f32))
        }
        DataType::Float64 => Arc::new(array.unary::<_, Float64Type>(|value| number::decimal_to_f64(value, scale))),
        DataType::Boolean => BooleanArray::from_unary_ref(array, |value| value != 0),
        DataType::Decimal128(precision, target) => {
            let cast: PrimitiveArray<Decimal128Type> =
                array.unary_opt(|value| number::rescale(value, scale, *precision, *target));
            Arc::new(cast.with_precision_and_scale(*precision, *target)?)
        }
        _ => {
            return Err(SparkError::NoCast {
                from: array.data_type().clone(),
                to: to.clone(),
            });
        }
    })
}

/// Writes integers as their big-endian bytes.
pub fn integer_to_binary(array: &ArrayRef) -> Result<ArrayRef, SparkError> {
    let mut builder = BinaryBuilder::with_capacity(array.len(), array.len() * 8);
    macro_rules! append {
        ($kind:ty) => {
            for value in array.as_primitive::<$kind>() {
                builder.append_option(value.map(|value| value.to_be_bytes()));
            }
        };
    }
    match array.data_type() {
        DataType::Int8 => append!(Int8Type),
        DataType::Int16 => append!(Int16Type),
        DataType::Int32 => append!(Int32Type),
        DataType::Int64 => append!(Int64Type),
        from => {
            return Err(SparkError::NoCast {
                from: from.clone(),
                to: DataType::Binary,
            });
        }
    }
    Ok(Arc::new(builder.finish()))
}
