//! The hash that decides a group's key group.
//!
//! It is written into checkpoints by way of the files' key-group ranges, so it must never change: not between processes, builds
//! or versions of a library. It depends on values only, never on how an array is laid out (offset, dictionary, slice).

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalYearMonthType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, ToByteSlice,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::normal::{canonical_f32, canonical_f64};

/// A key that cannot be hashed.
#[derive(Debug, Error)]
pub enum KeyError {
    /// No canonical form is defined for the type.
    #[error("a group key of type {data_type} is not supported; cast it to STRING or BINARY")]
    Unsupported {
        /// Arrow's name of the type.
        data_type: DataType,
    },
}

const NULL: u64 = 0x9E37_79B9_7F4A_7C15;
const LIST: u64 = 0xC2B2_AE3D_27D4_EB4F;

/// The hash of each row over `columns`; `rows` of them. No columns: 0 for every row.
///
/// # Errors
/// [`KeyError::Unsupported`] for types Spark cannot group by either (maps, unions).
pub fn hash_rows(columns: &[ArrayRef], rows: usize) -> Result<Vec<u64>, KeyError> {
    let mut hashes = vec![0; rows];
    for column in columns {
        fold(column, &mut hashes)?;
    }
    Ok(hashes)
}

/// Mixes `value` into `seed`; both halves of the product are kept, so every bit of the input reaches every bit of the output.
fn mix(seed: u64, value: u64) -> u64 {
    let folded = seed ^ value.wrapping_mul(0x9FB2_1C65_1E98_DF25);
    let wide = u128::from(folded ^ 0xA076_1D64_78BD_642F) * u128::from(seed.rotate_left(32) ^ 0xE703_7ED1_A0B4_28DB);
    let product = low(wide) ^ low(wide >> 64) ^ folded;
    let spread = (product ^ (product >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    spread ^ (spread >> 32)
}

fn low(wide: u128) -> u64 {
    u64::try_from(wide & u128::from(u64::MAX)).unwrap_or(0)
}

fn fold(column: &ArrayRef, hashes: &mut [u64]) -> Result<(), KeyError> {
    match column.data_type() {
        DataType::Null => hashes.iter_mut().for_each(|hash| *hash = mix(*hash, NULL)),
        DataType::Boolean => fold_bool(column.as_boolean(), hashes),
        DataType::Int8 => fold_int::<Int8Type>(column, hashes, |v| u64::from_ne_bytes(i64::from(v).to_ne_bytes())),
        DataType::Int16 => fold_int::<Int16Type>(column, hashes, |v| u64::from_ne_bytes(i64::from(v).to_ne_bytes())),
        DataType::Int32 => fold_int::<Int32Type>(column, hashes, |v| u64::from_ne_bytes(i64::from(v).to_ne_bytes())),
        DataType::Int64 => fold_int::<Int64Type>(column, hashes, |v| u64::from_ne_bytes(v.to_ne_bytes())),
        DataType::UInt8 => fold_int::<UInt8Type>(column, hashes, u64::from),
        DataType::UInt16 => fold_int::<UInt16Type>(column, hashes, u64::from),
        DataType::UInt32 => fold_int::<UInt32Type>(column, hashes, u64::from),
        DataType::UInt64 => fold_int::<UInt64Type>(column, hashes, |v| v),
        DataType::Float32 => {
            fold_int::<Float32Type>(column, hashes, |v| u64::from(canonical_f32(v).to_bits()));
        }
        DataType::Float64 => fold_int::<Float64Type>(column, hashes, |v| canonical_f64(v).to_bits()),
        DataType::Date32 => fold_int::<Date32Type>(column, hashes, |v| u64::from_ne_bytes(i64::from(v).to_ne_bytes())),
        DataType::Date64 => fold_int::<Date64Type>(column, hashes, |v| u64::from_ne_bytes(v.to_ne_bytes())),
        DataType::Timestamp(unit, _) => {
            let bits = |v: i64| u64::from_ne_bytes(v.to_ne_bytes());
            match unit {
                TimeUnit::Second => fold_int::<TimestampSecondType>(column, hashes, bits),
                TimeUnit::Millisecond => fold_int::<TimestampMillisecondType>(column, hashes, bits),
                TimeUnit::Microsecond => fold_int::<TimestampMicrosecondType>(column, hashes, bits),
                TimeUnit::Nanosecond => fold_int::<TimestampNanosecondType>(column, hashes, bits),
            }
        }
        DataType::Decimal32(_, _) => fold_raw::<Decimal32Type>(column, hashes),
        DataType::Decimal64(_, _) => fold_raw::<Decimal64Type>(column, hashes),
        DataType::Decimal128(_, _) => fold_raw::<Decimal128Type>(column, hashes),
        DataType::Interval(unit) => match unit {
            arrow::datatypes::IntervalUnit::YearMonth => fold_raw::<IntervalYearMonthType>(column, hashes),
            arrow::datatypes::IntervalUnit::DayTime => fold_raw::<IntervalDayTimeType>(column, hashes),
            arrow::datatypes::IntervalUnit::MonthDayNano => fold_raw::<IntervalMonthDayNanoType>(column, hashes),
        },
        DataType::Utf8 => fold_bytes(column.as_string::<i32>().iter().map(|v| v.map(str::as_bytes)), hashes),
        DataType::LargeUtf8 => fold_bytes(column.as_string::<i64>().iter().map(|v| v.map(str::as_bytes)), hashes),
        DataType::Utf8View => fold_bytes(column.as_string_view().iter().map(|v| v.map(str::as_bytes)), hashes),
        DataType::Binary => fold_bytes(column.as_binary::<i32>().iter(), hashes),
        DataType::LargeBinary => fold_bytes(column.as_binary::<i64>().iter(), hashes),
        DataType::BinaryView => fold_bytes(column.as_binary_view().iter(), hashes),
        DataType::FixedSizeBinary(_) => fold_bytes(column.as_fixed_size_binary().iter(), hashes),
        DataType::Struct(_) => {
            let fields = column.as_struct();
            for (row, hash) in hashes.iter_mut().enumerate() {
                if fields.is_null(row) {
                    *hash = mix(*hash, NULL);
                }
            }
            for field in fields.columns() {
                fold(field, hashes)?;
            }
        }
        DataType::List(_) => {
            let lists = column.as_list::<i32>();
            for (row, hash) in hashes.iter_mut().enumerate() {
                *hash = if lists.is_null(row) {
                    mix(*hash, NULL)
                } else {
                    fold_list(&lists.value(row), *hash)?
                };
            }
        }
        other => {
            return Err(KeyError::Unsupported {
                data_type: other.clone(),
            });
        }
    }
    Ok(())
}

fn fold_bool(column: &BooleanArray, hashes: &mut [u64]) {
    for (value, hash) in column.iter().zip(hashes) {
        *hash = mix(*hash, value.map_or(NULL, u64::from));
    }
}

fn fold_int<T: ArrowPrimitiveType>(column: &ArrayRef, hashes: &mut [u64], bits: impl Fn(T::Native) -> u64) {
    let column: &PrimitiveArray<T> = column.as_primitive();
    if column.null_count() == 0 {
        for (value, hash) in column.values().iter().zip(hashes) {
            *hash = mix(*hash, bits(*value));
        }
    } else {
        for (value, hash) in column.iter().zip(hashes) {
            *hash = mix(*hash, value.map_or(NULL, &bits));
        }
    }
}

/// Types wider than 64 bits, by their bytes in little-endian order.
fn fold_raw<T: ArrowPrimitiveType>(column: &ArrayRef, hashes: &mut [u64]) {
    let column: &PrimitiveArray<T> = column.as_primitive();
    for (value, hash) in column.iter().zip(hashes) {
        *hash = match value {
            Some(value) => xxh3_64_with_seed(value.to_byte_slice(), *hash),
            None => mix(*hash, NULL),
        };
    }
}

fn fold_bytes<'a>(values: impl Iterator<Item = Option<&'a [u8]>>, hashes: &mut [u64]) {
    for (value, hash) in values.zip(hashes) {
        *hash = match value {
            Some(bytes) => xxh3_64_with_seed(bytes, *hash),
            None => mix(*hash, NULL),
        };
    }
}

fn fold_list(items: &ArrayRef, seed: u64) -> Result<u64, KeyError> {
    let mut hash = mix(seed, LIST ^ u64::try_from(items.len()).unwrap_or(u64::MAX));
    for item in hash_rows(std::slice::from_ref(items), items.len())? {
        hash = mix(hash, item);
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    #[test]
    fn hashes_are_frozen() {
        let text: ArrayRef = Arc::new(StringArray::from(vec![Some("Berlin"), None, Some("")]));
        let number: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), Some(-1), None]));
        let hashes = hash_rows(&[text, number], 3).unwrap();
        assert_eq!(hashes, FROZEN, "these numbers are in every checkpoint: {hashes:?}");
    }

    const FROZEN: [u64; 3] = [
        2_748_679_162_296_196_069,
        7_599_672_715_963_178_917,
        4_670_311_781_842_097_426,
    ];

    #[test]
    fn zeros_are_one_key_and_nans_another() {
        let other_nan = f64::from_bits(f64::NAN.to_bits() | 1);
        let column: ArrayRef = Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN, other_nan, -f64::NAN]));
        let h = hash_rows(&[column], 5).unwrap();
        assert_eq!(h[0], h[1]);
        assert_eq!(h[2], h[3]);
        assert_eq!(h[2], h[4]);
        assert_ne!(h[0], h[2]);
    }

    #[test]
    fn a_slice_hashes_as_its_values() {
        let whole: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c", "d"]));
        let hashes = hash_rows(std::slice::from_ref(&whole), 4).unwrap();
        assert_eq!(hash_rows(&[whole.slice(2, 2)], 2).unwrap(), hashes[2..]);
    }

    #[test]
    fn small_integers_spread_over_key_groups() {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..25_600));
        let mut groups = [0_u32; 256];
        for hash in hash_rows(&[column], 25_600).unwrap() {
            groups[usize::try_from(hash % 256).unwrap()] += 1;
        }
        assert!(groups.iter().all(|n| (50..160).contains(n)), "{groups:?}");
    }
}
