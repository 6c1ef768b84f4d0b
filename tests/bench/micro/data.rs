//! The table that is measured on: the same rows at every start.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Int32Array, Int32Builder, Int64Array, ListBuilder, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema};

/// Rows a batch, as between operators.
const BATCH: usize = 8_192;
/// 2022-08-26 00:00:00 UTC.
const BEGIN_US: i64 = 1_661_472_000_000_000;

const WORDS: [&str; 8] = [
    "market",
    "Straße",
    "harbor 12",
    "  garden",
    "north-east",
    "4711",
    "parkway",
    "x",
];

/// Numbers that look random and are not.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Columns: `id` BIGINT, `g` INT (100 groups), `i` INT, `z` INT (half nulls), `d` DOUBLE, `m` DECIMAL(12,2), `s` STRING, `n`
/// STRING (numbers), `ts` TIMESTAMP, `tt` STRING (times), `j` STRING (JSON objects), `a` arrays of INT, `w` arrays of STRING.
///
/// # Errors
/// None, if the columns fit together.
pub fn batches(rows: usize) -> Result<Vec<RecordBatch>> {
    let mut dice = Dice(7);
    (0..rows)
        .step_by(BATCH)
        .map(|first| batch(first, BATCH.min(rows - first), &mut dice))
        .collect()
}

fn batch(first: usize, rows: usize, dice: &mut Dice) -> Result<RecordBatch> {
    let numbers: Vec<u64> = (0..rows).map(|_| dice.throw(1 << 31)).collect();
    let small = |by: u64, numbers: &[u64]| -> Vec<i32> {
        let small = numbers.iter().map(|number| number / 7 % by);
        small.map(|number| i32::try_from(number).unwrap_or(0)).collect()
    };
    let ids: Vec<i64> = (first..first + rows).map(|id| i64::try_from(id).unwrap_or(0)).collect();
    let doubles: Vec<f64> = numbers.iter().map(|number| *number as f64 / 1_000.0).collect();
    let cents = numbers.iter().map(|number| i128::from(*number % 100_000_000));
    let texts: Vec<String> = numbers
        .iter()
        .map(|number| {
            let word = |at: u64| WORDS[usize::try_from(at % 8).unwrap_or(0)];
            format!("{} {}", word(*number), word(number / 8))
        })
        .collect();
    let digits = numbers.iter().map(|number| (number % 1_000_000).to_string());
    let times: Vec<i64> = ids.iter().map(|id| BEGIN_US + id * 250_000).collect();
    let clock = |us: &i64| -> String {
        let seconds = us / 1_000_000 % 86_400;
        format!(
            "2022-08-26 {:02}:{:02}:{:02}",
            seconds / 3_600,
            seconds / 60 % 60,
            seconds % 60
        )
    };
    let document = |row: usize| -> Option<String> {
        let (id, text, double) = (ids.get(row)?, texts.get(row)?, doubles.get(row)?);
        let paid = clock(times.get(row)?).replace(' ', "T");
        Some(format!(
            r#"{{"id":{id},"name":"{text}","amount":{double},"paid":"{paid}Z","note":null,"tags":["a","b"]}}"#
        ))
    };
    let documents: StringArray = (0..rows).map(document).collect();
    let (mut lists, mut words) = (
        ListBuilder::new(Int32Builder::new()),
        ListBuilder::new(StringBuilder::new()),
    );
    for number in &numbers {
        for at in 0..number % 6 {
            lists
                .values()
                .append_value(i32::try_from((number >> at) % 5).unwrap_or(0));
            words
                .values()
                .append_value(WORDS[usize::try_from((number >> at) % 8).unwrap_or(0)]);
        }
        lists.append(true);
        words.append(true);
    }
    let optional = small(100, &numbers).into_iter().zip(&numbers);
    let optional: Int32Array = optional
        .map(|(value, number)| (number % 2 == 0).then_some(value))
        .collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(ids))),
        ("g", Arc::new(Int32Array::from(small(100, &numbers)))),
        ("i", Arc::new(Int32Array::from(small(1_000, &numbers)))),
        ("z", Arc::new(optional)),
        ("d", Arc::new(Float64Array::from(doubles))),
        (
            "m",
            Arc::new(Decimal128Array::from_iter_values(cents).with_precision_and_scale(12, 2)?),
        ),
        ("s", Arc::new(StringArray::from(texts))),
        ("n", Arc::new(StringArray::from_iter_values(digits))),
        ("tt", Arc::new(StringArray::from_iter_values(times.iter().map(clock)))),
        (
            "ts",
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
        ),
        ("j", Arc::new(documents)),
        ("a", Arc::new(lists.finish())),
        ("w", Arc::new(words.finish())),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
        .collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// What the JSON documents are decoded as.
pub fn declared() -> Vec<Field> {
    let time = DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()));
    vec![
        Field::new("id", DataType::Int32, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("amount", DataType::Float64, true),
        Field::new("paid", time, true),
    ]
}
