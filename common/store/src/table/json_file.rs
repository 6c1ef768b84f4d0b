//! Files of JSON lines as columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, SchemaRef};
use chrono_tz::Tz;
use millstream_common::options::Options;
use millstream_spark::json::{JsonOptions, RecordDecoder};
use serde_json::Value;

use super::LoadedFile;
use super::csv_text::Mode;
use crate::error::StoreError;

const BATCH_ROWS: usize = 8192;
const OPTIONS: &[&str] = &[
    "path",
    "mode",
    "multiLine",
    "encoding",
    "timeZone",
    "timestampFormat",
    "timestampNTZFormat",
    "dateFormat",
    "columnNameOfCorruptRecord",
    "primitivesAsString",
    "allowSingleQuotes",
    "allowUnquotedFieldNames",
    "allowNumericLeadingZeros",
    "allowNonNumericNumbers",
    "allowBackslashEscapingAnyCharacter",
    "allowComments",
    "allowUnquotedControlChars",
    "samplingRatio",
];

/// The columns of JSON lines, by name, each of the narrowest type that all its values have. Lines that are no objects are
/// left out.
pub(super) fn infer(options: &Options, files: &[LoadedFile]) -> Result<Vec<Field>, StoreError> {
    check(options)?;
    let as_text = options.flag("primitivesAsString", false)?;
    let mut columns = BTreeMap::new();
    for file in files {
        for line in String::from_utf8_lossy(&file.bytes).lines() {
            if let Ok(Value::Object(object)) = serde_json::from_str(line) {
                for (name, value) in &object {
                    let guess = columns.remove(name).unwrap_or(Guess::Nothing);
                    columns.insert(name.clone(), guess.merged(Guess::of(value, as_text)));
                }
            }
        }
    }
    Ok(fields_of(columns))
}

fn fields_of(columns: BTreeMap<String, Guess>) -> Vec<Field> {
    columns
        .into_iter()
        .map(|(name, guess)| Field::new(name, guess.data_type(), true))
        .collect()
}

/// What the values of one name have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Guess {
    /// Only nulls.
    Nothing,
    Boolean,
    Long,
    /// An integer beyond 64 bits.
    Wide,
    Double,
    Text,
    Array(Box<Guess>),
    Object(BTreeMap<String, Guess>),
}

impl Guess {
    fn of(value: &Value, as_text: bool) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::Bool(_) | Value::Number(_) if as_text => Self::Text,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_i64() => Self::Long,
            Value::Number(number) if number.is_u64() => Self::Wide,
            Value::Number(_) => Self::Double,
            Value::String(_) => Self::Text,
            Value::Array(items) => {
                let item = items
                    .iter()
                    .map(|item| Self::of(item, as_text))
                    .fold(Self::Nothing, Self::merged);
                Self::Array(Box::new(item))
            }
            Value::Object(object) => Self::Object(
                object
                    .iter()
                    .map(|(name, value)| (name.clone(), Self::of(value, as_text)))
                    .collect(),
            ),
        }
    }

    fn merged(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, guess) | (guess, Self::Nothing) => guess,
            (left, right) if left == right => left,
            (Self::Long, Self::Wide) | (Self::Wide, Self::Long) => Self::Wide,
            (Self::Long | Self::Wide, Self::Double) | (Self::Double, Self::Long | Self::Wide) => Self::Double,
            (Self::Array(left), Self::Array(right)) => Self::Array(Box::new(left.merged(*right))),
            (Self::Object(mut left), Self::Object(right)) => {
                for (name, guess) in right {
                    let before = left.remove(&name).unwrap_or(Self::Nothing);
                    left.insert(name, before.merged(guess));
                }
                Self::Object(left)
            }
            _ => Self::Text,
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Nothing | Self::Text => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
            Self::Long => DataType::Int64,
            Self::Wide => DataType::Decimal128(20, 0),
            Self::Double => DataType::Float64,
            Self::Array(item) => DataType::List(Arc::new(Field::new("item", item.data_type(), true))),
            Self::Object(fields) => DataType::Struct(fields_of(fields).into()),
        }
    }
}

/// Adds the rows of a file, one for each line that is not blank.
pub(super) fn decode(
    options: &Options,
    file: &LoadedFile,
    schema: &SchemaRef,
    tz: &Tz,
    batches: &mut Vec<RecordBatch>,
) -> Result<(), StoreError> {
    check(options)?;
    let mode = Mode::from_options(options)?;
    let bad = |error: &dyn std::fmt::Display| StoreError::bad_file(&file.name, error);
    // What a record that does not fit leads to is decided here, where its line is known.
    let pairs = options.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("mode"));
    let json = JsonOptions::from_pairs(pairs, *tz).map_err(|error| bad(&error))?;
    let declared: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    let projection: Vec<usize> = (0..declared.len()).collect();
    let mut decoder = RecordDecoder::try_new(&declared, &projection, &json).map_err(|error| bad(&error))?;
    let mut keep = Vec::with_capacity(BATCH_ROWS);
    for (line, record) in file.bytes.split(|byte| *byte == b'\n').enumerate() {
        let record = record.strip_suffix(b"\r").unwrap_or(record);
        if record.trim_ascii().is_empty() {
            continue;
        }
        let before = decoder.malformed() + decoder.partial();
        decoder.append(Some(record));
        let fits = decoder.malformed() + decoder.partial() == before;
        if !fits && mode == Mode::FailFast {
            return Err(StoreError::BadFile {
                file: file.name.clone(),
                line: u64::try_from(line + 1).ok(),
                column: None,
                reason: format!(
                    "no JSON object of the declared columns: {}; correct it, or set mode to PERMISSIVE",
                    excerpt(record)
                ),
            });
        }
        keep.push(fits || mode == Mode::Permissive);
        if keep.len() == BATCH_ROWS {
            batches.push(finish(&mut decoder, schema, &mut keep).map_err(|error| bad(&error))?);
        }
    }
    if !keep.is_empty() {
        batches.push(finish(&mut decoder, schema, &mut keep).map_err(|error| bad(&error))?);
    }
    Ok(())
}

fn finish(
    decoder: &mut RecordDecoder,
    schema: &SchemaRef,
    keep: &mut Vec<bool>,
) -> Result<RecordBatch, Box<dyn std::error::Error>> {
    let rows = RecordBatchOptions::new().with_row_count(Some(keep.len()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(schema), decoder.finish()?, &rows)?;
    let keep = std::mem::take(keep);
    if keep.iter().all(|keep| *keep) {
        Ok(batch)
    } else {
        Ok(filter_record_batch(&batch, &BooleanArray::from(keep))?)
    }
}

fn check(options: &Options) -> Result<(), StoreError> {
    options.check_known(OPTIONS, &[])?;
    if options.flag("multiLine", false)? {
        return Err(options.invalid("multiLine", "false: one object a line").into());
    }
    Ok(())
}

/// The beginning of a record, for a message.
fn excerpt(record: &[u8]) -> String {
    let text = String::from_utf8_lossy(record);
    let short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        format!("{short}...")
    } else {
        short
    }
}
