//! Values as JSON text: `to_json`.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::text_out::{push_f64, push_quoted};
use super::{JsonError, JsonOptions};
use crate::cast::text::{Style, write_value};
use crate::number::{DecimalLayout, write_decimal, write_f32};
use crate::pattern::Pattern;
use crate::zone::{DAY_US, Tz};

const TIMESTAMP_PATTERN: &str = "yyyy-MM-dd'T'HH:mm:ss.SSSXXX";
const LOCAL_PATTERN: &str = "yyyy-MM-dd'T'HH:mm:ss.SSS";
const DATE_PATTERN: &str = "yyyy-MM-dd";

/// Writes values as JSON by the options it was made with.
#[derive(Debug)]
pub struct Writer {
    zone: Tz,
    timestamp: Pattern,
    local: Pattern,
    date: Pattern,
    ignore_null_fields: bool,
    pretty: bool,
    scratch: String,
}

impl Writer {
    /// Makes a writer.
    ///
    /// # Errors
    /// [`JsonError::Pattern`] for a pattern that cannot be written by.
    pub fn new(options: &JsonOptions) -> Result<Self, JsonError> {
        let pattern = |given: &Option<String>, default| Pattern::for_writing(given.as_deref().unwrap_or(default));
        Ok(Self {
            zone: options.time_zone,
            timestamp: pattern(&options.timestamp_format, TIMESTAMP_PATTERN)?,
            local: pattern(&options.timestamp_ntz_format, LOCAL_PATTERN)?,
            date: pattern(&options.date_format, DATE_PATTERN)?,
            ignore_null_fields: options.ignore_null_fields,
            pretty: options.pretty,
            scratch: String::new(),
        })
    }

    /// Appends the value at `row`; `indent` is how many containers it stands in.
    pub fn push(&mut self, array: &dyn Array, row: usize, indent: usize, out: &mut Vec<u8>) {
        if array.is_null(row) {
            out.extend_from_slice(b"null");
            return;
        }
        match array.data_type() {
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns();
                let mut first = true;
                out.push(b'{');
                for (field, column) in fields.iter().zip(columns) {
                    if self.ignore_null_fields && is_null(column, row) {
                        continue;
                    }
                    self.push_name(field.name().as_bytes(), &mut first, indent + 1, out);
                    self.push(column, row, indent + 1, out);
                }
                self.end_object(first, indent, out);
            }
            DataType::Map(..) => {
                let entries = array.as_map().value(row);
                let (keys, values) = (entries.column(0), entries.column(1));
                let mut first = true;
                out.push(b'{');
                for at in 0..entries.len() {
                    let key = self.key(keys, at);
                    self.push_name(key.as_bytes(), &mut first, indent + 1, out);
                    self.push(values, at, indent + 1, out);
                }
                self.end_object(first, indent, out);
            }
            DataType::List(_) => {
                let values = array.as_list::<i32>().value(row);
                out.extend_from_slice(if self.pretty { b"[ " } else { b"[" });
                for at in 0..values.len() {
                    if at > 0 {
                        out.extend_from_slice(if self.pretty { b", " } else { b"," });
                    }
                    self.push(&values, at, indent, out);
                }
                if self.pretty && !values.is_empty() {
                    out.push(b' ');
                }
                out.push(b']');
            }
            _ => self.push_scalar(array, row, out),
        }
    }

    fn push_scalar(&mut self, array: &dyn Array, row: usize, out: &mut Vec<u8>) {
        self.scratch.clear();
        let text = &mut self.scratch;
        match array.data_type() {
            DataType::Boolean | DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
                write_value(array, row, Style::Cast, &self.zone, text);
            }
            DataType::Float32 => {
                let value = array.as_primitive::<Float32Type>().value(row);
                if !value.is_finite() {
                    return push_f64(f64::from(value), out);
                }
                write_f32(value, text);
            }
            DataType::Float64 => return push_f64(array.as_primitive::<Float64Type>().value(row), out),
            DataType::Decimal128(_, scale) => {
                write_decimal(
                    array.as_primitive::<Decimal128Type>().value(row),
                    *scale,
                    DecimalLayout::Scientific,
                    text,
                );
            }
            DataType::Utf8 => return push_quoted(array.as_string::<i32>().value(row).as_bytes(), out),
            DataType::LargeUtf8 => return push_quoted(array.as_string::<i64>().value(row).as_bytes(), out),
            DataType::Utf8View => return push_quoted(array.as_string_view().value(row).as_bytes(), out),
            DataType::Binary => {
                STANDARD.encode_string(array.as_binary::<i32>().value(row), text);
                return push_quoted(text.as_bytes(), out);
            }
            DataType::Date32 => {
                let days = i64::from(array.as_primitive::<Date32Type>().value(row));
                self.date.write_local(days * DAY_US, text);
                return push_quoted(text.as_bytes(), out);
            }
            DataType::Timestamp(_, zone) => {
                let at = array.as_primitive::<TimestampMicrosecondType>().value(row);
                match zone {
                    Some(_) => self.timestamp.write_instant(at, &self.zone, text),
                    None => self.local.write_local(at, text),
                }
                return push_quoted(text.as_bytes(), out);
            }
            _ => {
                write_value(array, row, Style::Cast, &self.zone, text);
                return push_quoted(text.as_bytes(), out);
            }
        }
        out.extend_from_slice(text.as_bytes());
    }

    /// Writes a map's key as a name: times as the numbers they are kept as, everything else as its text.
    fn key(&self, keys: &dyn Array, row: usize) -> String {
        let mut text = String::new();
        match keys.data_type() {
            DataType::Date32 => return keys.as_primitive::<Date32Type>().value(row).to_string(),
            DataType::Timestamp(..) => return keys.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
            DataType::Int8 => return keys.as_primitive::<Int8Type>().value(row).to_string(),
            DataType::Int16 => return keys.as_primitive::<Int16Type>().value(row).to_string(),
            DataType::Int32 => return keys.as_primitive::<Int32Type>().value(row).to_string(),
            DataType::Int64 => return keys.as_primitive::<Int64Type>().value(row).to_string(),
            DataType::Struct(_) => {
                let columns = keys.as_struct().columns();
                return self.key_of_parts(columns.iter().map(|column| (column.as_ref(), row)));
            }
            DataType::List(_) => {
                let values = keys.as_list::<i32>().value(row);
                return self.key_of_parts((0..values.len()).map(|at| (values.as_ref(), at)));
            }
            _ => write_value(keys, row, Style::Cast, &self.zone, &mut text),
        }
        text
    }

    /// Writes the parts of a nested key.
    fn key_of_parts<'a>(&self, parts: impl Iterator<Item = (&'a dyn Array, usize)>) -> String {
        let part = |(column, row): (&dyn Array, usize)| match is_null(column, row) {
            true => "null".to_owned(),
            false => self.key(column, row),
        };
        format!("[{}]", parts.map(part).collect::<Vec<_>>().join(","))
    }

    fn push_name(&self, name: &[u8], first: &mut bool, indent: usize, out: &mut Vec<u8>) {
        if !*first {
            out.push(b',');
        }
        *first = false;
        self.new_line(indent, out);
        push_quoted(name, out);
        out.extend_from_slice(if self.pretty { b" : " } else { b":" });
    }

    fn end_object(&self, empty: bool, indent: usize, out: &mut Vec<u8>) {
        if !empty {
            self.new_line(indent, out);
        } else if self.pretty {
            out.push(b' ');
        }
        out.push(b'}');
    }

    fn new_line(&self, indent: usize, out: &mut Vec<u8>) {
        if self.pretty {
            out.push(b'\n');
            out.resize(out.len() + 2 * indent, b' ');
        }
    }
}

/// A column of no type holds nulls without saying so.
fn is_null(column: &dyn Array, row: usize) -> bool {
    column.data_type() == &DataType::Null || column.is_null(row)
}
