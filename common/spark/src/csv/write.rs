//! A struct as one line of separated values: `to_csv`.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};

use super::CsvOptions;
use crate::cast::text::{Style, write_value};
use crate::json::JsonError;
use crate::json::pattern::Pattern;
use crate::zone::DAY_US;

/// Writes lines by the options it was made with.
pub(crate) struct LineWriter<'o> {
    options: &'o CsvOptions,
    timestamp: Pattern,
    local: Pattern,
    date: Pattern,
}

impl<'o> LineWriter<'o> {
    pub fn new(options: &'o CsvOptions) -> Result<Self, JsonError> {
        let pattern = |given: &Option<String>, default| Pattern::new(given.as_deref().unwrap_or(default));
        Ok(Self {
            options,
            timestamp: pattern(&options.timestamp_format, "yyyy-MM-dd'T'HH:mm:ss.SSSXXX")?,
            local: pattern(&options.timestamp_ntz_format, "yyyy-MM-dd'T'HH:mm:ss.SSS")?,
            date: pattern(&options.date_format, "yyyy-MM-dd")?,
        })
    }

    /// Appends the values at `row` as one line, without a line end.
    pub fn push(&self, columns: &[arrow::array::ArrayRef], row: usize, out: &mut String) {
        let mut text = String::new();
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                out.push_str(&self.options.separator);
            }
            if column.data_type() == &DataType::Null || column.is_null(row) {
                out.push_str(&self.options.null_value);
                continue;
            }
            text.clear();
            self.value(column, row, &mut text);
            self.field(&text, out);
        }
    }

    fn value(&self, column: &dyn Array, row: usize, out: &mut String) {
        match column.data_type() {
            DataType::Date32 => {
                let days = i64::from(column.as_primitive::<Date32Type>().value(row));
                self.date.write_local(days * DAY_US, out);
            }
            DataType::Timestamp(_, zone) => {
                let at = column.as_primitive::<TimestampMicrosecondType>().value(row);
                match zone {
                    Some(_) => self.timestamp.write_timestamp(at, &self.options.time_zone, out),
                    None => self.local.write_local(at, out),
                }
            }
            _ => write_value(column, row, Style::Cast, &self.options.time_zone, out),
        }
    }

    fn field(&self, text: &str, out: &mut String) {
        let blanks = [' ', '\t'];
        let mut text = text;
        if self.options.ignore_leading_blanks != Some(false) {
            text = text.trim_start_matches(blanks);
        }
        if self.options.ignore_trailing_blanks != Some(false) {
            text = text.trim_end_matches(blanks);
        }
        if text.is_empty() {
            out.push_str(self.options.empty_value.as_deref().unwrap_or("\"\""));
            return;
        }
        let Some(quote) = self.options.quote else {
            out.push_str(text);
            return;
        };
        let special = |c: char| c == quote || c == '\n' || c == '\r';
        if !self.options.quote_all && !text.contains(special) && !text.contains(&self.options.separator) {
            out.push_str(text);
            return;
        }
        out.push(quote);
        for c in text.chars() {
            if c == quote {
                out.extend(self.options.escape);
            }
            out.push(c);
        }
        out.push(quote);
    }
}
