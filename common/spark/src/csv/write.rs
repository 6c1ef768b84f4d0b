//! A struct as one line of separated values: `to_csv`.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};

use super::{CsvOptions, is_blank};
use crate::cast::text::{Style, write_value};
use crate::json::JsonError;
use crate::pattern::Pattern;
use crate::zone::DAY_US;

/// A line that begins with this reads as a comment elsewhere, so its first value is quoted.
const COMMENT: char = '#';

/// Writes lines by the options it was made with.
pub(crate) struct LineWriter<'o> {
    options: &'o CsvOptions,
    timestamp: Pattern,
    local: Pattern,
    date: Pattern,
}

impl<'o> LineWriter<'o> {
    pub fn new(options: &'o CsvOptions) -> Result<Self, JsonError> {
        let pattern = |given: &Option<String>, default| Pattern::for_writing(given.as_deref().unwrap_or(default));
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
            text.clear();
            if column.data_type() != &DataType::Null && column.is_valid(row) {
                self.value(column, row, &mut text);
            } else if self.options.null_value.is_empty() && !self.options.quote_all {
                continue;
            } else {
                text.push_str(&self.options.null_value);
            }
            self.field(at, &text, out);
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
                    Some(_) => self.timestamp.write_instant(at, &self.options.time_zone, out),
                    None => self.local.write_local(at, out),
                }
            }
            _ => write_value(column, row, Style::Cast, &self.options.time_zone, out),
        }
    }

    fn field(&self, column: usize, whole: &str, out: &mut String) {
        let options = self.options;
        let mut text = whole;
        if options.ignore_leading_blanks != Some(false) {
            text = text.trim_start_matches(is_blank);
        }
        if options.ignore_trailing_blanks != Some(false) {
            text = text.trim_end_matches(is_blank);
        }
        let empty = text.is_empty();
        if empty {
            text = options.empty_value.as_deref().unwrap_or("\"\"");
        }
        let Some(quote) = options.quote else {
            out.push_str(text);
            return;
        };
        let quoted_already = empty && text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
        let comment = column == 0 && whole.starts_with(options.comment.unwrap_or(COMMENT));
        let special = |c: char| c == '\n' || c == '\r' || (options.escape_quotes && c == quote);
        let quotes = options.quote_all
            || comment
            || text.starts_with(quote)
            || text.contains(special)
            || text.contains(&options.separator);
        if quoted_already || !quotes {
            out.push_str(text);
            return;
        }
        out.push(quote);
        for c in text.chars() {
            if c == quote {
                out.extend(options.escape);
            } else if Some(c) == options.escape {
                out.extend(options.escape_of_escape());
            }
            out.push(c);
        }
        out.push(quote);
    }
}
