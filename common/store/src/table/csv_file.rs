//! CSV files as columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, SchemaRef};
use millstream_common::options::Options;
use millstream_spark::cast::cast_array;
use millstream_spark::type_name::spark_type;
use millstream_spark::zone::Tz;

use super::csv_text::{Dialect, Mode, Records, Token, split};
use super::{LoadedFile, csv_infer};
use crate::error::StoreError;

const BATCH_ROWS: usize = 8192;
const DEFAULT_CORRUPT_COLUMN: &str = "_corrupt_record";
const OPTIONS: &[&str] = &[
    "path",
    "sep",
    "delimiter",
    "quote",
    "escape",
    "comment",
    "header",
    "inferSchema",
    "nullValue",
    "emptyValue",
    "mode",
    "multiLine",
    "encoding",
    "charset",
    "ignoreLeadingWhiteSpace",
    "ignoreTrailingWhiteSpace",
    "enforceSchema",
    "columnNameOfCorruptRecord",
    "nanValue",
    "positiveInf",
    "negativeInf",
    "samplingRatio",
    "preferDate",
];

/// The options of a CSV source.
pub(super) struct CsvOptions {
    pub dialect: Dialect,
    pub header: bool,
    infer: bool,
    null_value: String,
    empty_value: String,
    mode: Mode,
    corrupt_column: String,
    /// Spellings of NaN, infinity and minus infinity.
    specials: [(String, &'static str); 3],
}

impl CsvOptions {
    pub(super) fn from_options(options: &Options) -> Result<Self, StoreError> {
        options.check_known(OPTIONS, &[])?;
        let text = |name: &str, default: &str| options.get(name).unwrap_or(default).to_owned();
        Ok(Self {
            dialect: Dialect::from_options(options, false)?,
            header: options.flag("header", false)?,
            infer: options.flag("inferSchema", false)?,
            null_value: text("nullValue", ""),
            empty_value: text("emptyValue", ""),
            mode: Mode::from_options(options)?,
            corrupt_column: text("columnNameOfCorruptRecord", DEFAULT_CORRUPT_COLUMN),
            specials: [
                (text("nanValue", "NaN"), "NaN"),
                (text("positiveInf", "Inf"), "Infinity"),
                (text("negativeInf", "-Inf"), "-Infinity"),
            ],
        })
    }

    /// The value of a field, none for null.
    pub(super) fn value<'a>(&'a self, token: &'a Token<'a>) -> Option<&'a str> {
        let text: &str = match (token.text.as_ref(), token.quoted) {
            ("", false) => return None,
            ("", true) => &self.empty_value,
            (text, _) => text,
        };
        (text != self.null_value).then_some(text)
    }
}

/// The columns of CSV files: names from the header of the first, types by looking at all values where asked for.
pub(super) fn infer(options: &Options, files: &[LoadedFile]) -> Result<Vec<Field>, StoreError> {
    let csv = CsvOptions::from_options(options)?;
    let Some(first) = files.first() else {
        return Ok(Vec::new());
    };
    let text = String::from_utf8_lossy(&first.bytes);
    let Some((_, record)) = Records::new(&text, &csv.dialect).next() else {
        return Ok(Vec::new());
    };
    let tokens = split(record, &csv.dialect).0;
    let names = csv_infer::names(&tokens, &csv);
    if !csv.infer {
        return Ok(names
            .into_iter()
            .map(|name| Field::new(name, DataType::Utf8, true))
            .collect());
    }
    let mut types = vec![csv_infer::Guess::Nothing; names.len()];
    for file in files {
        let text = String::from_utf8_lossy(&file.bytes);
        for (_, record) in Records::new(&text, &csv.dialect).skip(usize::from(csv.header)) {
            let tokens = split(record, &csv.dialect).0;
            for (guess, token) in types.iter_mut().zip(&tokens) {
                if let Some(value) = csv.value(token) {
                    *guess = guess.widened(value);
                }
            }
        }
    }
    let fields = names.into_iter().zip(types);
    Ok(fields
        .map(|(name, guess)| Field::new(name, guess.data_type(), true))
        .collect())
}

/// Adds the rows of a file; columns are found by position.
pub(super) fn decode(
    options: &Options,
    file: &LoadedFile,
    schema: &SchemaRef,
    tz: &Tz,
    batches: &mut Vec<RecordBatch>,
) -> Result<(), StoreError> {
    let csv = CsvOptions::from_options(options)?;
    for field in schema.fields() {
        if field.data_type().is_nested() {
            return Err(StoreError::UnsupportedType {
                column: field.name().clone(),
                data_type: spark_type(field.data_type()),
                format: "CSV",
                reason: "CSV has no nested values: declare it as STRING and use from_json",
            });
        }
    }
    let text = String::from_utf8_lossy(&file.bytes);
    let mut chunk = Chunk::new(&csv, schema, &file.name, *tz);
    for (line, record) in Records::new(&text, &csv.dialect).skip(usize::from(csv.header)) {
        chunk.append(line, record)?;
        if chunk.records.len() == BATCH_ROWS {
            batches.push(chunk.take()?);
        }
    }
    if !chunk.records.is_empty() {
        batches.push(chunk.take()?);
    }
    Ok(())
}

/// Rows on their way into a batch.
struct Chunk<'a> {
    csv: &'a CsvOptions,
    schema: &'a SchemaRef,
    file: &'a str,
    tz: Tz,
    /// The column that gets the text of malformed records, when the schema has it.
    corrupt: Option<usize>,
    /// Texts by column, the corrupt column's stay empty.
    texts: Vec<Vec<Option<String>>>,
    /// Line, text, and whether the number of fields was wrong.
    records: Vec<(u64, &'a str, bool)>,
}

impl<'a> Chunk<'a> {
    fn new(csv: &'a CsvOptions, schema: &'a SchemaRef, file: &'a str, tz: Tz) -> Self {
        let corrupt = schema
            .fields()
            .iter()
            .position(|field| *field.name() == csv.corrupt_column && field.data_type() == &DataType::Utf8);
        Self {
            csv,
            schema,
            file,
            tz,
            corrupt,
            texts: vec![Vec::new(); schema.fields().len()],
            records: Vec::new(),
        }
    }

    fn append(&mut self, line: u64, record: &'a str) -> Result<(), StoreError> {
        let tokens = split(record, &self.csv.dialect).0;
        let wanted = self.schema.fields().len() - usize::from(self.corrupt.is_some());
        let wrong_length = tokens.len() != wanted;
        if wrong_length && self.csv.mode == Mode::FailFast {
            return Err(StoreError::BadFile {
                file: self.file.to_owned(),
                line: Some(line),
                column: None,
                reason: format!(
                    "{} fields where {wanted} are declared: correct the row, the separator ('{}') or the columns, or set mode to PERMISSIVE",
                    tokens.len(),
                    self.csv.dialect.separator.escape_default()
                ),
            });
        }
        let mut tokens = tokens.iter();
        for (column, texts) in self.texts.iter_mut().enumerate() {
            let token = if self.corrupt == Some(column) {
                None
            } else {
                tokens.next()
            };
            texts.push(token.and_then(|token| self.csv.value(token)).map(str::to_owned));
        }
        self.records.push((line, record, wrong_length));
        Ok(())
    }

    fn take(&mut self) -> Result<RecordBatch, StoreError> {
        let records = std::mem::take(&mut self.records);
        let mut malformed: Vec<bool> = records.iter().map(|(_, _, wrong_length)| *wrong_length).collect();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.texts.len());
        for (field, texts) in self.schema.fields().iter().zip(&mut self.texts) {
            let texts = StringArray::from(std::mem::take(texts));
            let values =
                convert(&texts, field, self.csv, &self.tz).map_err(|error| StoreError::bad_file(self.file, error))?;
            for row in 0..texts.len() {
                if values.is_null(row) && !texts.is_null(row) {
                    malformed[row] = true;
                    if self.csv.mode == Mode::FailFast {
                        return Err(StoreError::BadFile {
                            file: self.file.to_owned(),
                            line: Some(records[row].0),
                            column: Some(field.name().clone()),
                            reason: format!("'{}' is no {}", texts.value(row), spark_type(field.data_type())),
                        });
                    }
                }
            }
            columns.push(values);
        }
        if let Some(column) = self.corrupt {
            let texts = records.iter().zip(&malformed);
            let texts: StringArray = texts.map(|((_, record, _), bad)| bad.then_some(*record)).collect();
            columns[column] = Arc::new(texts);
        }
        let failed = |error: arrow::error::ArrowError| StoreError::bad_file(self.file, error);
        let batch = RecordBatch::try_new(Arc::clone(self.schema), columns).map_err(failed)?;
        if self.csv.mode == Mode::DropMalformed {
            let keep: arrow::array::BooleanArray = malformed.iter().map(|bad| Some(!bad)).collect();
            return filter_record_batch(&batch, &keep).map_err(failed);
        }
        Ok(batch)
    }
}

/// Converts texts as Spark's CSV source does, which is stricter than CAST: what does not fit is null.
fn convert(
    texts: &StringArray,
    field: &Field,
    csv: &CsvOptions,
    tz: &Tz,
) -> Result<ArrayRef, millstream_spark::SparkError> {
    let data_type = field.data_type();
    let accepted: ArrayRef = match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            Arc::new(keep(texts, |text| is_integer(text).then_some(text)))
        }
        DataType::Boolean => Arc::new(keep(texts, |text| {
            (text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")).then_some(text)
        })),
        DataType::Float32 | DataType::Float64 => Arc::new(keep(texts, |text| {
            let special = csv.specials.iter().find(|(spelling, _)| spelling == text);
            Some(special.map_or(text, |(_, value)| *value))
        })),
        _ => Arc::new(texts.clone()),
    };
    cast_array(&accepted, data_type, tz)
}

fn keep<'a>(texts: &'a StringArray, accept: impl Fn(&'a str) -> Option<&'a str>) -> StringArray {
    texts.iter().map(|text| text.and_then(&accept)).collect()
}

/// A sign and digits, no blanks, no fraction.
pub(super) fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
