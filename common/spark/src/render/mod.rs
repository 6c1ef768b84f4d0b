//! Tables as `Dataset.show` and the console sink draw them.

use arrow::array::{Array, RecordBatch};

use crate::SparkError;
use crate::cast::text::{Style, write_value};
use crate::zone::Tz;

/// Least width of a table's column.
const COLUMN_WIDTH_MIN: usize = 3;
/// Cells cut to less than this end without dots.
const DOTS_FROM: usize = 4;

/// How a table is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShowOptions {
    /// Rows drawn at most.
    pub num_rows: usize,
    /// Longest cell in UTF-16 code units; 0 keeps cells whole and aligns them left.
    pub truncate: usize,
    /// One line a field instead of one a row.
    pub vertical: bool,
}

impl Default for ShowOptions {
    fn default() -> Self {
        Self {
            num_rows: 20,
            truncate: 20,
            vertical: false,
        }
    }
}

/// Draws the rows as `Dataset.show` does, `names` being the headers. The text ends after the last line's newline; the blank
/// line that Spark's console prints after a table is the caller's.
///
/// # Errors
/// None for columns of Spark's types.
pub fn show(batches: &[RecordBatch], names: &[String], opts: &ShowOptions, tz: &Tz) -> Result<String, SparkError> {
    let total: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let header: Vec<String> = names.iter().map(|name| escape(name)).collect();
    let mut rows = Vec::with_capacity(total.min(opts.num_rows));
    for batch in batches {
        for row in 0..batch.num_rows() {
            if rows.len() == opts.num_rows {
                break;
            }
            let cells: Vec<String> = batch
                .columns()
                .iter()
                .map(|column| cell(column.as_ref(), row, opts.truncate, tz))
                .collect();
            rows.push(cells);
        }
    }
    let mut out = String::new();
    if opts.vertical {
        draw_vertical(&header, &rows, &mut out);
    } else {
        draw_table(&header, &rows, opts.truncate > 0, &mut out);
    }
    if opts.vertical && rows.is_empty() {
        out.push_str("(0 rows)\n");
    } else if total > opts.num_rows {
        let noun = if opts.num_rows == 1 { "row" } else { "rows" };
        out.push_str(&format!("only showing top {} {noun}\n", opts.num_rows));
    }
    Ok(out)
}

/// Writes one value as a shown table does, without escapes and uncut; `NULL` for a null.
pub fn value_to_text(array: &dyn Array, row: usize, tz: &Tz) -> String {
    let mut text = String::new();
    write_value(array, row, Style::Show, tz, &mut text);
    text
}

fn cell(array: &dyn Array, row: usize, truncate: usize, tz: &Tz) -> String {
    let text = escape(&value_to_text(array, row, tz));
    if truncate == 0 || utf16_len(&text) <= truncate {
        return text;
    }
    if truncate < DOTS_FROM {
        cut(&text, truncate)
    } else {
        cut(&text, truncate - 3) + "..."
    }
}

/// Keeps the first `units` UTF-16 code units; a character cut in half prints as `?`.
fn cut(text: &str, units: usize) -> String {
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        if used + c.len_utf16() > units {
            if used < units {
                kept.push('?');
            }
            break;
        }
        used += c.len_utf16();
        kept.push(c);
    }
    kept
}

fn escape(text: &str) -> String {
    if !text.bytes().any(|byte| matches!(byte, 7..=13)) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\u{b}' => out.push_str("\\v"),
            '\u{7}' => out.push_str("\\a"),
            other => out.push(other),
        }
    }
    out
}

fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Columns a text takes: its UTF-16 code units, East Asian wide characters twice.
fn width(text: &str) -> usize {
    text.chars().map(|c| c.len_utf16() + usize::from(is_wide(c))).sum()
}

/// The ranges Spark counts as two columns wide; narrower than Unicode's own list.
fn is_wide(c: char) -> bool {
    matches!(
        c,
        '\u{1100}'..='\u{115F}'
            | '\u{2E80}'..='\u{A4CF}'
            | '\u{AC00}'..='\u{D7A3}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{FE10}'..='\u{FE19}'
            | '\u{FE30}'..='\u{FE6F}'
            | '\u{FF00}'..='\u{FF60}'
            | '\u{FFE0}'..='\u{FFE6}'
    )
}

fn pad(count: usize, with: char, out: &mut String) {
    out.extend(std::iter::repeat_n(with, count));
}

fn draw_table(header: &[String], rows: &[Vec<String>], align_right: bool, out: &mut String) {
    let mut widths: Vec<usize> = header.iter().map(|name| width(name).max(COLUMN_WIDTH_MIN)).collect();
    for row in rows {
        for (width_max, cell) in widths.iter_mut().zip(row) {
            *width_max = (*width_max).max(width(cell));
        }
    }
    let mut line = String::from("+");
    for width_max in &widths {
        pad(*width_max, '-', &mut line);
        line.push('+');
    }
    if widths.is_empty() {
        line.push('+');
    }
    line.push('\n');
    let draw_row = |cells: &[String], out: &mut String| {
        out.push('|');
        for (cell, width_max) in cells.iter().zip(&widths) {
            let gap = width_max - width(cell);
            if align_right {
                pad(gap, ' ', out);
                out.push_str(cell);
            } else {
                out.push_str(cell);
                pad(gap, ' ', out);
            }
            out.push('|');
        }
        if cells.is_empty() {
            out.push('|');
        }
        out.push('\n');
    };
    out.push_str(&line);
    draw_row(header, out);
    out.push_str(&line);
    for row in rows {
        draw_row(row, out);
    }
    out.push_str(&line);
}

fn draw_vertical(header: &[String], rows: &[Vec<String>], out: &mut String) {
    /// Columns between the widths of names and values in a record's rule.
    const RULE_EXTRA: usize = 5;
    let name_width = header
        .iter()
        .map(|name| width(name))
        .max()
        .unwrap_or(0)
        .max(COLUMN_WIDTH_MIN);
    let data_width = rows
        .iter()
        .flatten()
        .map(|cell| width(cell))
        .max()
        .unwrap_or(0)
        .max(COLUMN_WIDTH_MIN);
    for (at, row) in rows.iter().enumerate() {
        let rule = format!("-RECORD {at}");
        out.push_str(&rule);
        pad(
            (name_width + data_width + RULE_EXTRA).saturating_sub(rule.len()),
            '-',
            out,
        );
        out.push('\n');
        for (name, cell) in header.iter().zip(row) {
            out.push(' ');
            out.push_str(name);
            pad(name_width - width(name), ' ', out);
            out.push_str(" | ");
            out.push_str(cell);
            pad(data_width - width(cell), ' ', out);
            out.push_str(" \n");
        }
    }
}

#[cfg(test)]
mod tests;
