//! The order in which `collect_set` gives its values: that of the places they have in Spark's hash table.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};

use crate::functions::hash::{Algorithm, Murmur3};

/// Places of a table nothing was put into.
const FIRST_PLACES: usize = 32;
/// A table of which more than this many thousandths are taken grows.
const LOAD: usize = 450;
const EMPTY: u32 = u32::MAX;
/// Seed of the hashes of texts.
const TEXT_SEED: i32 = 42;

/// The different values of each group, `rows` of `values`, in the order of the table. Values of types whose hashes are not known
/// stay as they are.
pub fn in_table_order(values: &ArrayRef, rows: Vec<u32>, lengths: &[usize]) -> Vec<u32> {
    let Some(codes) = hash_codes(values) else {
        return rows;
    };
    let mut ordered = Vec::with_capacity(rows.len());
    let mut places = Vec::new();
    let mut at = 0;
    for length in lengths {
        let group = &rows[at..at + length];
        at += length;
        match group {
            [] | [_] => ordered.extend_from_slice(group),
            _ => {
                fill(&mut places, group, &codes);
                ordered.extend(places.iter().copied().filter(|row| *row != EMPTY));
            }
        }
    }
    ordered
}

/// Puts rows into a table that grows with them.
fn fill(places: &mut Vec<u32>, rows: &[u32], codes: &[u32]) {
    places.clear();
    places.resize(FIRST_PLACES, EMPTY);
    let mut taken = 0;
    for row in rows {
        put(places, *row, codes);
        taken += 1;
        if taken >= places.len() * LOAD / 1000 {
            let size = places.len() * 2;
            let before = std::mem::replace(places, vec![EMPTY; size]);
            before
                .into_iter()
                .filter(|row| *row != EMPTY)
                .for_each(|row| put(places, row, codes));
        }
    }
}

/// Puts a row into the first free place from that of its hash on.
fn put(places: &mut [u32], row: u32, codes: &[u32]) {
    let bits = places.len().trailing_zeros();
    let mixed = mix(codes[row as usize]).rotate_right(bits % u32::BITS);
    let mut place = (mixed >> (u32::BITS - bits)) as usize;
    while places[place] != EMPTY {
        place = (place + 1) % places.len();
    }
    places[place] = row;
}

fn mix(code: u32) -> u32 {
    const FACTOR: u32 = 0x9e37_75cd;
    code.wrapping_mul(FACTOR).swap_bytes().wrapping_mul(FACTOR)
}

/// The hash code of each value, as of Java's boxed values.
fn hash_codes(values: &ArrayRef) -> Option<Vec<u32>> {
    fn folded(value: u64) -> u32 {
        (value ^ (value >> 32)) as u32
    }
    Some(match values.data_type() {
        DataType::Boolean => {
            let values = values.as_boolean();
            (0..values.len())
                .map(|row| if values.value(row) { 1231 } else { 1237 })
                .collect()
        }
        DataType::Int8 => values
            .as_primitive::<Int8Type>()
            .values()
            .iter()
            .map(|v| *v as u32)
            .collect(),
        DataType::Int16 => values
            .as_primitive::<Int16Type>()
            .values()
            .iter()
            .map(|v| *v as u32)
            .collect(),
        DataType::Int32 => values
            .as_primitive::<Int32Type>()
            .values()
            .iter()
            .map(|v| *v as u32)
            .collect(),
        DataType::Date32 => values
            .as_primitive::<Date32Type>()
            .values()
            .iter()
            .map(|v| *v as u32)
            .collect(),
        DataType::Int64 => {
            let values = values.as_primitive::<Int64Type>().values();
            values.iter().map(|v| folded(*v as u64)).collect()
        }
        DataType::Timestamp(..) => {
            let values = values.as_primitive_opt::<TimestampMicrosecondType>()?.values();
            values.iter().map(|v| folded(*v as u64)).collect()
        }
        DataType::Float32 => values
            .as_primitive::<Float32Type>()
            .values()
            .iter()
            .map(|v| v.to_bits())
            .collect(),
        DataType::Float64 => {
            let values = values.as_primitive::<Float64Type>().values();
            values.iter().map(|v| folded(v.to_bits())).collect()
        }
        DataType::Utf8 => {
            let values = values.as_string::<i32>();
            (0..values.len())
                .map(|row| Murmur3::bytes(values.value(row).as_bytes(), TEXT_SEED) as u32)
                .collect()
        }
        _ => return None,
    })
}
