use arrow::array::{Float64Array, Int64Array};
use arrow::datatypes::{Date32Type, Decimal128Type, Float64Type, Int8Type, Int32Type, TimestampMicrosecondType};

use super::*;

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn to(array: &ArrayRef, target: &DataType) -> ArrayRef {
    cast_array(array, target, &Tz::UTC).unwrap()
}

#[test]
fn text_to_int_cuts_fractions_and_refuses_the_rest() {
    let cast = to(
        &texts(&[" 12 ", "1.9", "-3.7", "x", "", "3000000000", "+5", "1e3", "."]),
        &DataType::Int32,
    );
    let values: Vec<Option<i32>> = cast.as_primitive::<Int32Type>().iter().collect();
    assert_eq!(
        values,
        vec![Some(12), Some(1), Some(-3), None, None, None, Some(5), None, Some(0)]
    );
}

#[test]
fn text_to_double_takes_javas_forms() {
    let cast = to(
        &texts(&["1e3", "1.5f", "2d", " -Infinity ", "nan", "0x1", "1_0", ".5", "-"]),
        &DataType::Float64,
    );
    let values: Vec<Option<f64>> = cast.as_primitive::<Float64Type>().iter().collect();
    assert_eq!(
        values[..4],
        [Some(1000.0), Some(1.5), Some(2.0), Some(f64::NEG_INFINITY)]
    );
    assert!(values[4].unwrap().is_nan());
    assert_eq!(values[5..], [None, None, Some(0.5), None]);
}

#[test]
fn numbers_wrap_and_saturate() {
    let wide: ArrayRef = Arc::new(Int64Array::from(vec![300, 4_294_967_297]));
    assert_eq!(to(&wide, &DataType::Int8).as_primitive::<Int8Type>().values(), &[44, 1]);
    assert_eq!(
        to(&wide, &DataType::Int32).as_primitive::<Int32Type>().values(),
        &[300, 1]
    );
    let doubles: ArrayRef = Arc::new(Float64Array::from(vec![3.99, 3.99e20, f64::NAN, -1.5]));
    assert_eq!(
        to(&doubles, &DataType::Int32).as_primitive::<Int32Type>().values(),
        &[3, i32::MAX, 0, -1]
    );
    assert_eq!(
        to(&doubles, &DataType::Int8).as_primitive::<Int8Type>().values(),
        &[3, -1, 0, -1]
    );
}

#[test]
fn decimals_round_half_up_or_are_null() {
    let cast = to(&texts(&["1.239", "123.45", "bad"]), &DataType::Decimal128(4, 2));
    let values: Vec<Option<i128>> = cast.as_primitive::<Decimal128Type>().iter().collect();
    assert_eq!(values, vec![Some(124), None, None]);
}

#[test]
fn dates_and_timestamps_take_sparks_shapes() {
    let cast = to(
        &texts(&[
            "2021-1-5",
            "2021-02-30",
            "20210105",
            "2021-01-05T10:11",
            "garbage",
            "2021",
        ]),
        &DataType::Date32,
    );
    let values: Vec<Option<i32>> = cast.as_primitive::<Date32Type>().iter().collect();
    assert_eq!(values, vec![Some(18632), None, None, Some(18632), None, Some(18628)]);
    let cast = to(
        &texts(&[
            "2021-01-05 10:11:12.5",
            "2021-01-05T10:11:12Z",
            "2021-01-05 10:11:12 Europe/Berlin",
            "2021-01-05 10:11:12+02:00",
            "2500-01-01",
            "2021-01-05 25:00:00",
        ]),
        &types::timestamp(),
    );
    let values: Vec<Option<i64>> = cast.as_primitive::<TimestampMicrosecondType>().iter().collect();
    assert_eq!(
        values,
        vec![
            Some(1_609_841_472_500_000),
            Some(1_609_841_472_000_000),
            Some(1_609_837_872_000_000),
            Some(1_609_834_272_000_000),
            Some(16_725_225_600_000_000),
            None
        ]
    );
}

#[test]
fn bytes_become_text_without_a_copy() {
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![b"abc".as_slice(), "é".as_bytes()]));
    let text = to(&bytes, &DataType::Utf8);
    assert_eq!(text.as_string::<i32>().value(1), "é");
    assert_eq!(
        text.as_string::<i32>().values().as_ptr(),
        bytes.as_binary::<i32>().values().as_ptr()
    );
    let broken: ArrayRef = Arc::new(BinaryArray::from(vec![b"a\xFFb".as_slice()]));
    assert_eq!(to(&broken, &DataType::Utf8).as_string::<i32>().value(0), "a\u{FFFD}b");
    let surrogate: ArrayRef = Arc::new(BinaryArray::from(vec![b"\xED\xA0\x80".as_slice()]));
    assert_eq!(to(&surrogate, &DataType::Utf8).as_string::<i32>().value(0), "\u{FFFD}");
}

#[test]
fn refused_pairs_are_errors() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    assert!(cast_array(&numbers, &DataType::Date32, &Tz::UTC).is_err());
    assert!(!can_cast(&DataType::Binary, &DataType::Int32));
    assert!(can_cast(&DataType::Int32, &DataType::Binary));
}
