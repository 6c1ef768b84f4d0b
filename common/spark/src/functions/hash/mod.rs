//! `hash` and `xxhash64`: Spark's Murmur3 and xxHash, with seed 42, folded over all arguments; NULLs leave the value so far.

mod murmur3;
mod xxhash;

use arrow::array::{Array, AsArray, Int32Array, Int64Array};
use arrow::datatypes::{
    DataType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType,
    IntervalUnit, IntervalYearMonthType, TimestampMicrosecondType,
};
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;

use super::kernel::{Call, Function, Kind, Result, column};
pub use murmur3::Murmur3;
pub use xxhash::XxHash64;

/// The hash of nothing.
pub const SEED: i64 = 42;
/// Decimals up to this precision are hashed as BIGINT.
const LONG_DECIMAL_PRECISION: u8 = 18;

/// A hash of 4, 8 or any number of bytes that goes on from another hash.
pub trait Algorithm {
    /// What it gives.
    type Value: Copy;
    /// The hash of an INT.
    fn int(value: i32, seed: Self::Value) -> Self::Value;
    /// The hash of a BIGINT.
    fn long(value: i64, seed: Self::Value) -> Self::Value;
    /// The hash of bytes.
    fn bytes(bytes: &[u8], seed: Self::Value) -> Self::Value;
}

/// The functions of this category.
pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new(
            "hash",
            &[Kind::Any],
            |given| hashable("hash", given, DataType::Int32),
            |call| column(Int32Array::from(hashes::<Murmur3>(call, SEED as i32)?)),
        )
        .variadic()
        .required(1)
        .udf(),
        Function::new(
            "xxhash64",
            &[Kind::Any],
            |given| hashable("xxhash64", given, DataType::Int64),
            |call| column(Int64Array::from(hashes::<XxHash64>(call, SEED)?)),
        )
        .variadic()
        .required(1)
        .udf(),
    ]
}

fn hashable(name: &str, given: &[DataType], returns: DataType) -> Result<DataType> {
    fn has_map(of: &DataType) -> bool {
        match of {
            DataType::Map(..) => true,
            DataType::List(field) => has_map(field.data_type()),
            DataType::Struct(fields) => fields.iter().any(|field| has_map(field.data_type())),
            _ => false,
        }
    }
    if given.iter().any(has_map) {
        return plan_err!("function {name} does not take maps: equal maps may hold their entries in another order");
    }
    Ok(returns)
}

fn hashes<A: Algorithm>(call: &Call<'_>, seed: A::Value) -> Result<Vec<A::Value>> {
    let mut hashes = vec![seed; call.rows];
    for at in 0..call.args.len() {
        let values = call.column(at)?;
        for (row, hash) in hashes.iter_mut().enumerate() {
            *hash = hash_value::<A>(values.as_ref(), row, *hash);
        }
    }
    Ok(hashes)
}

/// Goes on from a hash with a value of a column.
pub fn hash_value<A: Algorithm>(values: &dyn Array, row: usize, seed: A::Value) -> A::Value {
    if values.is_null(row) {
        return seed;
    }
    match values.data_type() {
        DataType::Boolean => A::int(i32::from(values.as_boolean().value(row)), seed),
        DataType::Int8 => A::int(i32::from(values.as_primitive::<Int8Type>().value(row)), seed),
        DataType::Int16 => A::int(i32::from(values.as_primitive::<Int16Type>().value(row)), seed),
        DataType::Int32 => A::int(values.as_primitive::<Int32Type>().value(row), seed),
        DataType::Date32 => A::int(values.as_primitive::<Date32Type>().value(row), seed),
        DataType::Int64 => A::long(values.as_primitive::<Int64Type>().value(row), seed),
        DataType::Timestamp(..) => A::long(values.as_primitive::<TimestampMicrosecondType>().value(row), seed),
        // Adding zero turns -0.0 into 0.0.
        DataType::Float32 => A::int(
            (values.as_primitive::<Float32Type>().value(row) + 0.0).to_bits() as i32,
            seed,
        ),
        DataType::Float64 => A::long(
            (values.as_primitive::<Float64Type>().value(row) + 0.0).to_bits() as i64,
            seed,
        ),
        DataType::Decimal128(precision, _) => {
            let unscaled = values.as_primitive::<Decimal128Type>().value(row);
            if *precision <= LONG_DECIMAL_PRECISION {
                A::long(unscaled as i64, seed)
            } else {
                A::bytes(shortest_bytes(&unscaled.to_be_bytes()), seed)
            }
        }
        DataType::Utf8 => A::bytes(values.as_string::<i32>().value(row).as_bytes(), seed),
        DataType::Binary => A::bytes(values.as_binary::<i32>().value(row), seed),
        DataType::Decimal32(..) => A::int(values.as_primitive::<Decimal32Type>().value(row), seed),
        DataType::Decimal64(..) => A::long(values.as_primitive::<Decimal64Type>().value(row), seed),
        DataType::Interval(unit) => hash_interval::<A>(values, *unit, row, seed),
        DataType::Duration(_) => A::long(values.as_primitive::<DurationMicrosecondType>().value(row), seed),
        _ => hash_nested::<A>(values, row, seed),
    }
}

fn hash_interval<A: Algorithm>(values: &dyn Array, unit: IntervalUnit, row: usize, seed: A::Value) -> A::Value {
    match unit {
        IntervalUnit::YearMonth => A::int(values.as_primitive::<IntervalYearMonthType>().value(row), seed),
        IntervalUnit::MonthDayNano => {
            let parts = values.as_primitive::<IntervalMonthDayNanoType>().value(row);
            let time = A::long(parts.nanoseconds / 1_000, seed);
            A::int(parts.months, A::int(parts.days, time))
        }
        IntervalUnit::DayTime => {
            let parts = values.as_primitive::<IntervalDayTimeType>().value(row);
            let millis = i64::from(parts.days) * 86_400_000 + i64::from(parts.milliseconds);
            A::long(millis.wrapping_mul(1_000), seed)
        }
    }
}

fn hash_nested<A: Algorithm>(values: &dyn Array, row: usize, seed: A::Value) -> A::Value {
    match values.data_type() {
        DataType::List(_) => {
            let elements = values.as_list::<i32>().value(row);
            (0..elements.len()).fold(seed, |seed, at| hash_value::<A>(elements.as_ref(), at, seed))
        }
        DataType::Map(..) => {
            let entries = values.as_map().value(row);
            (0..entries.len()).fold(seed, |seed, at| {
                let key = hash_value::<A>(entries.column(0).as_ref(), at, seed);
                hash_value::<A>(entries.column(1).as_ref(), at, key)
            })
        }
        DataType::Struct(_) => values
            .as_struct()
            .columns()
            .iter()
            .fold(seed, |seed, field| hash_value::<A>(field.as_ref(), row, seed)),
        _ => seed,
    }
}

/// The two's complement of a number without the bytes that only repeat its sign.
fn shortest_bytes(bytes: &[u8; 16]) -> &[u8] {
    let sign = if bytes[0] & 0x80 != 0 { 0xFF } else { 0 };
    let mut from = 0;
    while from < bytes.len() - 1 && bytes[from] == sign && (bytes[from + 1] & 0x80) == (sign & 0x80) {
        from += 1;
    }
    &bytes[from..]
}
