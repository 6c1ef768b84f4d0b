//! `hash`: Spark's Murmur3 with seed 42, folded over all arguments; NULLs leave the value so far.

use arrow::array::{Array, ArrayRef, AsArray, Int32Array};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use datafusion::logical_expr::ScalarUDF;

use super::kernel::{Call, Function, Kind, Result, column};

const SEED: i32 = 42;
/// Decimals up to this precision are hashed as BIGINT.
const LONG_DECIMAL_PRECISION: u8 = 18;

/// The functions of this category.
pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new("hash", &[Kind::Any], |_| Ok(DataType::Int32), hash)
            .variadic()
            .udf(),
    ]
}

fn hash(call: &Call<'_>) -> Result<ArrayRef> {
    let mut hashes = vec![SEED; call.rows];
    for at in 0..call.args.len() {
        let values = call.column(at)?;
        for (row, hash) in hashes.iter_mut().enumerate() {
            *hash = hash_value(values.as_ref(), row, *hash);
        }
    }
    column(Int32Array::from(hashes))
}

fn hash_value(values: &dyn Array, row: usize, seed: i32) -> i32 {
    if values.is_null(row) {
        return seed;
    }
    match values.data_type() {
        DataType::Boolean => hash_int(i32::from(values.as_boolean().value(row)), seed),
        DataType::Int8 => hash_int(i32::from(values.as_primitive::<Int8Type>().value(row)), seed),
        DataType::Int16 => hash_int(i32::from(values.as_primitive::<Int16Type>().value(row)), seed),
        DataType::Int32 => hash_int(values.as_primitive::<Int32Type>().value(row), seed),
        DataType::Date32 => hash_int(values.as_primitive::<Date32Type>().value(row), seed),
        DataType::Int64 => hash_long(values.as_primitive::<Int64Type>().value(row), seed),
        DataType::Timestamp(..) => hash_long(values.as_primitive::<TimestampMicrosecondType>().value(row), seed),
        // Adding zero turns -0.0 into 0.0.
        DataType::Float32 => hash_int(
            (values.as_primitive::<Float32Type>().value(row) + 0.0).to_bits() as i32,
            seed,
        ),
        DataType::Float64 => hash_long(
            (values.as_primitive::<Float64Type>().value(row) + 0.0).to_bits() as i64,
            seed,
        ),
        DataType::Decimal128(precision, _) => {
            let unscaled = values.as_primitive::<Decimal128Type>().value(row);
            if *precision <= LONG_DECIMAL_PRECISION {
                hash_long(unscaled as i64, seed)
            } else {
                hash_bytes(shortest_bytes(&unscaled.to_be_bytes()), seed)
            }
        }
        DataType::Utf8 => hash_bytes(values.as_string::<i32>().value(row).as_bytes(), seed),
        DataType::Binary => hash_bytes(values.as_binary::<i32>().value(row), seed),
        DataType::List(_) => {
            let elements = values.as_list::<i32>().value(row);
            (0..elements.len()).fold(seed, |seed, at| hash_value(elements.as_ref(), at, seed))
        }
        DataType::Map(..) => {
            let entries = values.as_map().value(row);
            (0..entries.len()).fold(seed, |seed, at| {
                let key = hash_value(entries.column(0).as_ref(), at, seed);
                hash_value(entries.column(1).as_ref(), at, key)
            })
        }
        DataType::Struct(_) => values
            .as_struct()
            .columns()
            .iter()
            .fold(seed, |seed, field| hash_value(field.as_ref(), row, seed)),
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

fn mix_word(word: i32) -> i32 {
    word.wrapping_mul(0xcc9e_2d51_u32 as i32)
        .rotate_left(15)
        .wrapping_mul(0x1b87_3593)
}

fn mix(hash: i32, word: i32) -> i32 {
    (hash ^ mix_word(word))
        .rotate_left(13)
        .wrapping_mul(5)
        .wrapping_add(0xe654_6b64_u32 as i32)
}

fn finish(hash: i32, length: i32) -> i32 {
    let mut hash = (hash ^ length) as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)) as i32
}

fn hash_int(value: i32, seed: i32) -> i32 {
    finish(mix(seed, value), 4)
}

fn hash_long(value: i64, seed: i32) -> i32 {
    finish(mix(mix(seed, value as i32), (value >> 32) as i32), 8)
}

/// Words of four bytes, then the rest byte by byte, each widened with its sign: not the published algorithm's tail.
fn hash_bytes(bytes: &[u8], seed: i32) -> i32 {
    let (words, rest) = bytes.as_chunks::<4>();
    let hash = words
        .iter()
        .fold(seed, |hash, word| mix(hash, i32::from_le_bytes(*word)));
    let hash = rest.iter().fold(hash, |hash, byte| mix(hash, i32::from(*byte as i8)));
    finish(hash, bytes.len() as i32)
}
