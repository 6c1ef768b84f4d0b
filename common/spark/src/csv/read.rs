//! Values of a line into typed columns: `from_csv`.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, Fields};

use super::{CsvOptions, split};
use crate::cast::parse_time;
use crate::interval;
use crate::json::column::{Column, StructColumn};
use crate::json::{JsonError, ParseMode, TimeParserPolicy, text_time};
use crate::number::parse_decimal;
use crate::pattern::Pattern;

/// Reads lines into one struct column.
pub(crate) struct LineDecoder<'o> {
    row: StructColumn,
    /// The columns in the order of the values; the one for bad lines is not among them.
    order: Vec<usize>,
    corrupt: Option<usize>,
    options: &'o CsvOptions,
    timestamp: Option<Pattern>,
    local: Option<Pattern>,
    date: Option<Pattern>,
    ambiguous: Option<String>,
    failure: Option<String>,
}

impl<'o> LineDecoder<'o> {
    /// Makes a decoder for a struct of scalars.
    ///
    /// # Errors
    /// [`JsonError::UnsupportedType`] for nested and binary fields, [`JsonError::CorruptColumn`], [`JsonError::Pattern`].
    pub fn try_new(fields: &Fields, options: &'o CsvOptions) -> Result<Self, JsonError> {
        let scalar = |f: &Field| !f.data_type().is_nested() && f.data_type() != &DataType::Binary;
        if let Some(field) = fields.iter().find(|f| !scalar(f)) {
            return Err(JsonError::UnsupportedType {
                data_type: field.data_type().clone(),
            });
        }
        let corrupt = fields.iter().position(|f| f.name() == &options.corrupt_record_column);
        if let Some(field) = corrupt
            .and_then(|at| fields.get(at))
            .filter(|f| f.data_type() != &DataType::Utf8)
        {
            let (column, data_type) = (field.name().clone(), field.data_type().clone());
            return Err(JsonError::CorruptColumn { column, data_type });
        }
        let pattern = |text: &Option<String>| text.as_deref().map(Pattern::for_reading).transpose();
        Ok(Self {
            row: StructColumn::new(fields)?,
            order: (0..fields.len()).filter(|at| Some(*at) != corrupt).collect(),
            corrupt,
            options,
            timestamp: pattern(&options.timestamp_format)?,
            local: pattern(&options.timestamp_ntz_format)?,
            date: pattern(&options.date_format)?,
            ambiguous: None,
            failure: None,
        })
    }

    /// Appends one line; a null gives a null row, every other line a row.
    pub fn append(&mut self, line: Option<&str>) {
        let Some(line) = line else {
            self.row.void_row(false);
            return;
        };
        let comment = self.options.comment.is_some_and(|c| line.starts_with(c));
        let nothing = comment || line.is_empty();
        let values = if nothing { Vec::new() } else { split(line, self.options) };
        let mut good = values.len() == self.order.len();
        for (place, value) in values.into_iter().enumerate().take(self.order.len()) {
            let value = match value {
                // Quoted, with nothing in between.
                Some(text) if text.is_empty() => Some(self.options.empty_value.clone().unwrap_or_default()),
                other => other,
            }
            .filter(|text| *text != self.options.null_value);
            if let Some(text) = value {
                let at = self.order[place];
                good &= self.push(at, &text);
            }
        }
        if !good {
            // Of a line without values there is no text either.
            if let Some(Column::Text(column)) = self
                .corrupt
                .filter(|_| !nothing)
                .and_then(|at| self.row.columns.get_mut(at))
            {
                column.push(line.as_bytes());
            }
            if self.options.mode == ParseMode::FailFast && self.failure.is_none() {
                self.failure = Some(line.chars().take(200).collect());
            }
        }
        self.row.complete_row(true);
    }

    /// Appends a text to the column at `at` if it fits its type.
    fn push(&mut self, at: usize, text: &str) -> bool {
        let zone = &self.options.time_zone;
        let mut ambiguous = false;
        let fits = match &mut self.row.columns[at] {
            Column::Text(c) => {
                c.push(text.as_bytes());
                true
            }
            Column::Bool(c) => match text.to_ascii_lowercase().as_str() {
                "true" => put(c, Some(true)),
                "false" => put(c, Some(false)),
                _ => false,
            },
            Column::I8(c) => put(c, text.parse().ok()),
            Column::I16(c) => put(c, text.parse().ok()),
            Column::I32(c) => put(c, text.parse().ok()),
            Column::I64(c) => put(c, text.parse().ok()),
            Column::F32(c) => put(
                c,
                float(text, self.options).map(|v: f64| if v.is_finite() { float32(text) } else { v as f32 }),
            ),
            Column::F64(c) => put(c, float(text, self.options)),
            Column::Decimal(c, precision, scale) => {
                let digits: Vec<u8> = text.bytes().filter(|b| *b != b',').collect();
                put(c, parse_decimal(&digits, *precision, *scale))
            }
            Column::Interval(c, range) => put(c, interval::parse(text, *range)),
            Column::Date(c) => {
                let read = match &self.date {
                    Some(pattern) => text_time::by_pattern(pattern, text.as_bytes(), Pattern::date),
                    // Unlike in JSON, a bare number is no date.
                    None => text_time::date(text.as_bytes()).map(|_| parse_time::parse_date(text)),
                };
                ambiguous = read.is_err();
                put(c, read.ok().flatten())
            }
            Column::Timestamp(c, Some(_)) => {
                let read = match &self.timestamp {
                    Some(pattern) => text_time::by_pattern(pattern, text.as_bytes(), |p, text| p.instant(text, zone)),
                    None => text_time::timestamp(text.as_bytes(), zone),
                };
                ambiguous = read.is_err();
                put(c, read.ok().flatten())
            }
            Column::Timestamp(c, None) => {
                let read = match &self.local {
                    Some(pattern) => text_time::by_pattern(pattern, text.as_bytes(), Pattern::local),
                    None => Ok(text_time::local(text.as_bytes())),
                };
                ambiguous = read.is_err();
                put(c, read.ok().flatten())
            }
            _ => false,
        };
        if ambiguous {
            self.ambiguous.get_or_insert_with(|| text.to_owned());
        }
        fits
    }

    /// Returns the rows.
    ///
    /// # Errors
    /// [`JsonError::AmbiguousTime`] and, in FAILFAST mode, [`JsonError::MalformedLine`].
    pub fn finish(mut self) -> Result<ArrayRef, JsonError> {
        match (self.ambiguous, self.failure) {
            (Some(text), _) if self.options.time_parser_policy == TimeParserPolicy::Exception => {
                Err(JsonError::AmbiguousTime { text })
            }
            (_, Some(line)) => Err(JsonError::MalformedLine { line }),
            (_, None) => self.row.finish(),
        }
    }
}

/// Decodes a text column; see [`LineDecoder`].
pub(crate) fn decode(column: &ArrayRef, fields: &Fields, options: &CsvOptions) -> Result<ArrayRef, JsonError> {
    let mut decoder = LineDecoder::try_new(fields, options)?;
    match column.as_string_opt::<i32>() {
        Some(texts) => texts.iter().for_each(|line| decoder.append(line)),
        None => (0..column.len()).for_each(|_| decoder.append(None)),
    }
    decoder.finish()
}

fn put<T: Copy + Default>(column: &mut crate::json::column::Fixed<T>, value: Option<T>) -> bool {
    if let Some(value) = value {
        column.push(value);
    }
    value.is_some()
}

/// Reads a double as Java does: blanks around it and a type letter behind it are allowed.
pub(crate) fn float(text: &str, options: &CsvOptions) -> Option<f64> {
    match text {
        _ if text == options.nan_value => return Some(f64::NAN),
        _ if text == options.positive_infinity => return Some(f64::INFINITY),
        _ if text == options.negative_infinity => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    match text.trim() {
        "NaN" => Some(f64::NAN),
        "Infinity" | "+Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        text => digits(text)?.parse().ok(),
    }
}

fn float32(text: &str) -> f32 {
    digits(text.trim()).and_then(|d| d.parse().ok()).unwrap_or(f32::NAN)
}

/// Cuts the type letter off a number; `None` if this cannot be one.
fn digits(text: &str) -> Option<&str> {
    let text = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    text.bytes()
        .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b))
        .then_some(text)
}
