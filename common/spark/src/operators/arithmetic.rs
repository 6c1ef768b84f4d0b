//! Division, modulo and decimal arithmetic as functions. A zero divisor gives NULL; integers wrap; a decimal result that does
//! not fit gives NULL.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::compute::kernels::arity::binary;
use arrow::compute::kernels::cmp::not_distinct;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
use datafusion::common::plan_err;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, Operator, ScalarUDF};

use super::decimal;
use crate::cast::{cast_array, normal_type};
use crate::coerce::{common_number, decimal_of};
use crate::functions::{Call, Function, Kind, Result};
use crate::type_name::spark_type;
use crate::types;

/// An arithmetic operator with a function of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`: doubles or decimals, never integers.
    Divide,
    /// `%`
    Modulo,
    /// `DIV`: the whole part of a division as BIGINT.
    IntDiv,
}

static UDFS: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(|| {
    Arithmetic::ALL
        .iter()
        .map(|operator| Arc::new(operator.udf()))
        .collect()
});

const BOTH: &[Kind] = &[Kind::Number, Kind::Number];

impl Arithmetic {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 6] = [
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
        Self::Modulo,
        Self::IntDiv,
    ];

    /// The operator of an expression; None for others than arithmetic ones.
    pub fn of(operator: Operator) -> Option<Self> {
        Some(match operator {
            Operator::Plus => Self::Add,
            Operator::Minus => Self::Subtract,
            Operator::Multiply => Self::Multiply,
            Operator::Divide => Self::Divide,
            Operator::Modulo => Self::Modulo,
            _ => return None,
        })
    }

    /// Builds the call of the operator's function.
    pub fn call(self, left: Expr, right: Expr) -> Expr {
        let at = Self::ALL
            .iter()
            .position(|operator| *operator == self)
            .unwrap_or_default();
        Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&UDFS[at]), vec![left, right]))
    }

    pub(super) fn udf(self) -> ScalarUDF {
        match self {
            Self::Add => Function::new("spark_add", BOTH, |t| Self::Add.returns(t), |c| Self::Add.run(c)),
            Self::Subtract => Function::new(
                "spark_subtract",
                BOTH,
                |t| Self::Subtract.returns(t),
                |c| Self::Subtract.run(c),
            ),
            Self::Multiply => Function::new(
                "spark_multiply",
                BOTH,
                |t| Self::Multiply.returns(t),
                |c| Self::Multiply.run(c),
            ),
            Self::Divide => Function::new("spark_div", BOTH, |t| Self::Divide.returns(t), |c| Self::Divide.run(c)),
            Self::Modulo => Function::new("spark_mod", BOTH, |t| Self::Modulo.returns(t), |c| Self::Modulo.run(c)),
            Self::IntDiv => Function::new(
                "spark_intdiv",
                BOTH,
                |t| Self::IntDiv.returns(t),
                |c| Self::IntDiv.run(c),
            ),
        }
        .udf()
    }

    /// The type of a result. Text among the operands was read as DOUBLE before.
    fn returns(self, given: &[DataType]) -> Result<DataType> {
        let [left, right] = given else {
            return plan_err!("an arithmetic operator takes two operands");
        };
        match self.operand_type(left, right) {
            Some(_) if self == Self::IntDiv => Ok(DataType::Int64),
            Some(Operands::Decimal(left, right)) => Ok(decimal::result_type(self, left, right)),
            Some(Operands::Same(common)) => Ok(common),
            None => plan_err!("cannot compute with {} and {}", spark_type(left), spark_type(right)),
        }
    }

    fn operand_type(self, left: &DataType, right: &DataType) -> Option<Operands> {
        let common = common_number(left, right)?;
        if types::is_decimal(&common) {
            return Some(Operands::Decimal(decimal_of(left)?, decimal_of(right)?));
        }
        Some(Operands::Same(match self {
            Self::Divide => DataType::Float64,
            Self::IntDiv => DataType::Int64,
            _ => common,
        }))
    }

    fn run(self, call: &Call<'_>) -> Result<ArrayRef> {
        arithmetic(self, &call.column(0)?, &call.column(1)?)
    }
}

/// `try_divide`, `try_add`, `try_subtract` and `try_multiply`: as the operators, but an integer that overflows gives NULL.
pub(super) fn try_udfs() -> Vec<ScalarUDF> {
    vec![
        Function::new(
            "try_divide",
            BOTH,
            |t| Arithmetic::Divide.returns(t),
            |c| Arithmetic::Divide.run(c),
        )
        .udf(),
        Function::new(
            "try_add",
            BOTH,
            |t| Arithmetic::Add.returns(t),
            |c| checked(Arithmetic::Add, c),
        )
        .udf(),
        Function::new(
            "try_subtract",
            BOTH,
            |t| Arithmetic::Subtract.returns(t),
            |c| checked(Arithmetic::Subtract, c),
        )
        .udf(),
        Function::new(
            "try_multiply",
            BOTH,
            |t| Arithmetic::Multiply.returns(t),
            |c| checked(Arithmetic::Multiply, c),
        )
        .udf(),
    ]
}

/// Computes integers exactly, as decimals wide enough for every result, and drops those their own type does not hold.
fn checked(operator: Arithmetic, call: &Call<'_>) -> Result<ArrayRef> {
    let wrapped = operator.run(call)?;
    if !types::is_integer(wrapped.data_type()) {
        return Ok(wrapped);
    }
    let tz = crate::zone::Tz::UTC;
    let wide = DataType::Decimal128(19, 0);
    let exact = arithmetic(
        operator,
        &cast_array(&call.column(0)?, &wide, &tz)?,
        &cast_array(&call.column(1)?, &wide, &tz)?,
    )?;
    let kept = cast_array(&wrapped, exact.data_type(), &tz)?;
    let overflowed = not_distinct(&kept, &exact)?;
    let overflowed = arrow::compute::not(&overflowed)?;
    Ok(arrow::compute::nullif(&wrapped, &overflowed)?)
}

enum Operands {
    Same(DataType),
    Decimal((u8, i8), (u8, i8)),
}

/// Computes an operator over two columns of the same length.
///
/// # Errors
/// A planning error when the types are no numbers.
pub fn arithmetic(operator: Arithmetic, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
    let tz = crate::zone::Tz::UTC;
    let (left_type, right_type) = (normal_type(left.data_type()), normal_type(right.data_type()));
    match operator.operand_type(&left_type, &right_type) {
        Some(Operands::Decimal(left_size, right_size)) => {
            let left = cast_array(left, &DataType::Decimal128(left_size.0, left_size.1), &tz)?;
            let right = cast_array(right, &DataType::Decimal128(right_size.0, right_size.1), &tz)?;
            decimal::compute(operator, left.as_primitive(), right.as_primitive())
        }
        Some(Operands::Same(common)) => {
            let left = cast_array(left, &common, &tz)?;
            let right = cast_array(right, &common, &tz)?;
            match common {
                DataType::Int8 => whole::<Int8Type>(operator, &left, &right),
                DataType::Int16 => whole::<Int16Type>(operator, &left, &right),
                DataType::Int32 => whole::<Int32Type>(operator, &left, &right),
                DataType::Int64 => whole::<Int64Type>(operator, &left, &right),
                DataType::Float32 => floating::<Float32Type>(operator, &left, &right),
                _ => floating::<Float64Type>(operator, &left, &right),
            }
        }
        None => plan_err!(
            "cannot compute with {} and {}",
            spark_type(&left_type),
            spark_type(&right_type)
        ),
    }
}

/// Wrapping integer arithmetic.
trait Wrapping: Copy + PartialEq + Default {
    fn combine(self, operator: Arithmetic, other: Self) -> Self;
}

macro_rules! wrapping {
    ($($native:ty),*) => {$(
        impl Wrapping for $native {
            fn combine(self, operator: Arithmetic, other: Self) -> Self {
                match operator {
                    Arithmetic::Add => self.wrapping_add(other),
                    Arithmetic::Subtract => self.wrapping_sub(other),
                    Arithmetic::Multiply => self.wrapping_mul(other),
                    // The slots of zero divisors are NULL; their value only must not trap.
                    _ if other == 0 => 0,
                    Arithmetic::Modulo => self.wrapping_rem(other),
                    Arithmetic::Divide | Arithmetic::IntDiv => self.wrapping_div(other),
                }
            }
        }
    )*};
}
wrapping!(i8, i16, i32, i64);

macro_rules! ieee {
    ($($native:ty),*) => {$(
        impl Wrapping for $native {
            fn combine(self, operator: Arithmetic, other: Self) -> Self {
                match operator {
                    Arithmetic::Add => self + other,
                    Arithmetic::Subtract => self - other,
                    Arithmetic::Multiply => self * other,
                    Arithmetic::Modulo => self % other,
                    Arithmetic::Divide => self / other,
                    Arithmetic::IntDiv => (self / other).trunc(),
                }
            }
        }
    )*};
}
ieee!(f32, f64);

fn whole<T>(operator: Arithmetic, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef>
where
    T: ArrowPrimitiveType,
    T::Native: Wrapping,
{
    combine::<T>(operator, left.as_primitive(), right.as_primitive())
}

fn floating<T>(operator: Arithmetic, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef>
where
    T: ArrowPrimitiveType,
    T::Native: Wrapping,
{
    combine::<T>(operator, left.as_primitive(), right.as_primitive())
}

fn combine<T>(operator: Arithmetic, left: &PrimitiveArray<T>, right: &PrimitiveArray<T>) -> Result<ArrayRef>
where
    T: ArrowPrimitiveType,
    T::Native: Wrapping,
{
    let divides = matches!(operator, Arithmetic::Divide | Arithmetic::Modulo | Arithmetic::IntDiv);
    let right = if divides { null_zeros(right) } else { right.clone() };
    let result: PrimitiveArray<T> = binary(left, &right, |a, b| a.combine(operator, b))?;
    Ok(Arc::new(result))
}

/// Makes the zeros of a column NULL; the column itself when there is none.
fn null_zeros<T>(array: &PrimitiveArray<T>) -> PrimitiveArray<T>
where
    T: ArrowPrimitiveType,
    T::Native: Wrapping,
{
    let zero = T::Native::default();
    if !array.values().contains(&zero) {
        return array.clone();
    }
    let nonzero = NullBuffer::from_iter(array.values().iter().map(|value| *value != zero));
    let nulls = NullBuffer::union(array.nulls(), Some(&nonzero));
    PrimitiveArray::new(array.values().clone(), nulls)
}
