//! Files of JSON lines as columns.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, SchemaRef};
use millstream_common::options::Options;
use millstream_spark::json::{JsonOptions, RecordDecoder, infer_columns};
use millstream_spark::zone::Tz;

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
    "prefersDecimal",
    "dropFieldIfAllNull",
    "inferTimestamp",
    "enableDateTimeParsingFallback",
    "timeParserPolicy",
    "locale",
];

/// The columns of JSON lines, by name, each of the narrowest type that all its values have. Lines that are no objects are
/// left out.
pub(super) fn infer(options: &Options, files: &[LoadedFile]) -> Result<Vec<Field>, StoreError> {
    check(options)?;
    let pairs = options.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("mode"));
    let bad = |error: &dyn std::fmt::Display| {
        let name = files.first().map_or("files", |file| file.name.as_str());
        StoreError::bad_file(name, error)
    };
    let json = JsonOptions::from_pairs(pairs, Tz::UTC).map_err(|error| bad(&error))?;
    let lines = files.iter().flat_map(|file| file.bytes.split(|byte| *byte == b'\n'));
    let fields = infer_columns(lines, &json).map_err(|error| bad(&error))?;
    Ok(fields.iter().map(|field| field.as_ref().clone()).collect())
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
