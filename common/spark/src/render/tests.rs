use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Decimal128Array, Float64Array, Int32Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};

use super::*;

fn batch(columns: Vec<(&str, ArrayRef)>) -> (RecordBatch, Vec<String>) {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
        .collect();
    let names = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let batch = RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns.into_iter().map(|(_, column)| column).collect(),
    )
    .unwrap();
    (batch, names)
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn drawn(columns: Vec<(&str, ArrayRef)>, opts: ShowOptions) -> String {
    let (batch, names) = batch(columns);
    show(&[batch], &names, &opts, &Tz::UTC).unwrap()
}

#[test]
fn long_cells_are_cut_to_the_right() {
    let table = drawn(
        vec![
            ("id", Arc::new(Int32Array::from(vec![0, 1, 2, 3, 4]))),
            (
                "s",
                texts(&[
                    "aaaaaaaaaaaaaaaaaaaaa",
                    "日本語日本語日本語日本語日本語日本語日本語日本語",
                    "😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀",
                    "tab\there newline\nhere and more text",
                    "",
                ]),
            ),
        ],
        ShowOptions::default(),
    );
    assert_eq!(
        table,
        "+---+-------------------------------------+\n\
         | id|                                    s|\n\
         +---+-------------------------------------+\n\
         |  0|                 aaaaaaaaaaaaaaaaa...|\n\
         |  1|日本語日本語日本語日本語日本語日本...|\n\
         |  2|                 😀😀😀😀😀😀😀😀?...|\n\
         |  3|                 tab\\there newline...|\n\
         |  4|                                     |\n\
         +---+-------------------------------------+\n"
    );
}

#[test]
fn wide_characters_take_two_columns() {
    let table = drawn(
        vec![
            ("a", texts(&["한국어 text", "😀😀", "ｱｲｳ"])),
            ("列名", texts(&["ＡＢＣ", "é", "—…“”"])),
        ],
        ShowOptions::default(),
    );
    assert_eq!(
        table,
        "+-----------+------+\n\
         |          a|  列名|\n\
         +-----------+------+\n\
         |한국어 text|ＡＢＣ|\n\
         |       😀😀|     é|\n\
         |        ｱｲｳ|  —…“”|\n\
         +-----------+------+\n"
    );
}

#[test]
fn the_overflow_line_counts_rows() {
    let rows = || -> Vec<(&str, ArrayRef)> { vec![("v", Arc::new(Int32Array::from(vec![1, 2, 3])))] };
    let some = |num_rows| ShowOptions {
        num_rows,
        ..ShowOptions::default()
    };
    assert_eq!(
        drawn(rows(), some(1)),
        "+---+\n|  v|\n+---+\n|  1|\n+---+\nonly showing top 1 row\n"
    );
    assert_eq!(
        drawn(rows(), some(0)),
        "+---+\n|  v|\n+---+\n+---+\nonly showing top 0 rows\n"
    );
    assert!(!drawn(rows(), some(3)).contains("only"));
}

#[test]
fn untruncated_cells_are_on_the_left() {
    let table = drawn(
        vec![("long name", texts(&["a", "this is longer than twenty"]))],
        ShowOptions {
            truncate: 0,
            ..ShowOptions::default()
        },
    );
    assert_eq!(
        table,
        "+--------------------------+\n\
         |long name                 |\n\
         +--------------------------+\n\
         |a                         |\n\
         |this is longer than twenty|\n\
         +--------------------------+\n"
    );
}

#[test]
fn vertical_has_a_line_a_field() {
    let table = drawn(
        vec![
            ("id", Arc::new(Int32Array::from(vec![1, 2]))),
            ("name", texts(&["x", "longer"])),
        ],
        ShowOptions {
            vertical: true,
            ..ShowOptions::default()
        },
    );
    assert_eq!(
        table,
        "-RECORD 0------\n id   | 1      \n name | x      \n-RECORD 1------\n id   | 2      \n name | longer \n"
    );
}

#[test]
fn values_are_sparks() {
    let list = arrow::array::ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None])]);
    let stamp = TimestampMicrosecondArray::from(vec![1_609_841_471_500_000]).with_timezone("UTC");
    let text = |array: ArrayRef, tz: Tz| value_to_text(array.as_ref(), 0, &tz);
    assert_eq!(text(Arc::new(list), Tz::UTC), "[1, NULL]");
    assert_eq!(
        text(Arc::new(stamp), Tz::Region(chrono_tz::Tz::Europe__Berlin)),
        "2021-01-05 11:11:11.5"
    );
    assert_eq!(
        text(Arc::new(BinaryArray::from(vec![b"aJ".as_slice()])), Tz::UTC),
        "[61 4A]"
    );
    assert_eq!(text(Arc::new(Float64Array::from(vec![1e10])), Tz::UTC), "1.0E10");
    let decimal = Decimal128Array::from(vec![1]).with_precision_and_scale(10, 9).unwrap();
    assert_eq!(text(Arc::new(decimal), Tz::UTC), "0.000000001");
    assert_eq!(text(arrow::array::new_null_array(&DataType::Utf8, 1), Tz::UTC), "NULL");
}
