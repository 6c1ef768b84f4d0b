//! `format_number`: thousands separators and a fixed number of places, rounded half to even on the exact value.

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int32Type};
use datafusion::common::plan_err;
use datafusion::logical_expr::ScalarUDF;

use crate::cast::cast_array;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::number::{self, DecimalLayout};
use crate::type_name::spark_type;
use crate::types;
use crate::zone::Tz;

/// Places a `DecimalFormat` keeps at most.
const PLACES_MAX: usize = 340;

pub fn functions() -> Vec<ScalarUDF> {
    vec![Function::new("format_number", &[Kind::Number, Kind::Any], returns, format_number).udf()]
}

fn returns(given: &[DataType]) -> Result<DataType> {
    match given {
        [_, places] if types::is_integer(places) || types::is_text(places) || places.is_null() => Ok(DataType::Utf8),
        [_, other] => plan_err!(
            "function format_number requires int or string as argument 2, but {} was given",
            spark_type(other)
        ),
        _ => plan_err!("function format_number takes 2 arguments"),
    }
}

/// How numbers are laid out: what stands around them, and how many digits they have.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Layout {
    prefix: String,
    suffix: String,
    /// What stands around negative numbers instead of a minus and the above.
    negative: Option<(String, String)>,
    whole_min: usize,
    places_min: usize,
    places_max: usize,
    group: usize,
    /// Power of ten the value is multiplied with: 2 for `%`, 3 for `‰`.
    shift: u32,
}

impl Layout {
    fn of_places(places: usize) -> Self {
        let places = places.min(PLACES_MAX);
        Self {
            prefix: String::new(),
            suffix: String::new(),
            negative: None,
            whole_min: 1,
            places_min: places,
            places_max: places,
            group: 3,
            shift: 0,
        }
    }

    /// Reads a `DecimalFormat` pattern; an empty one is `#,###,###,###,###,###,##0`.
    fn of_pattern(pattern: &str) -> Self {
        if pattern.is_empty() {
            return Self::of_places(0);
        }
        let positive = pattern.split(';').next().unwrap_or("");
        let is_digit = |c: char| matches!(c, '#' | '0' | ',' | '.');
        let start = positive.find(is_digit).unwrap_or(positive.len());
        let body_len = positive[start..]
            .find(|c| !is_digit(c))
            .unwrap_or(positive.len() - start);
        let (body, rest) = positive[start..].split_at(body_len);
        let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
        let group = whole.rfind(',').map_or(0, |at| whole.len() - at - 1);
        let mut suffix = rest.replace('\'', "");
        let prefix = positive[..start].replace('\'', "");
        let shift = match () {
            () if suffix.contains('%') || prefix.contains('%') => 2,
            () if suffix.contains('‰') || prefix.contains('‰') => 3,
            () => 0,
        };
        if body.is_empty() {
            suffix = String::new();
        }
        let negative = pattern.split(';').nth(1).map(|part| {
            let from = part.find(is_digit).unwrap_or(part.len());
            let until = part.rfind(is_digit).map_or(part.len(), |at| at + 1);
            (part[..from].replace('\'', ""), part[until..].replace('\'', ""))
        });
        Self {
            prefix,
            suffix,
            negative,
            whole_min: whole.matches('0').count(),
            places_min: fraction.matches('0').count(),
            places_max: fraction.matches(['0', '#']).count(),
            group,
            shift,
        }
    }

    /// Lays out a plain decimal text whose places were rounded to at most `places_max`.
    fn write(&self, plain: &str, out: &mut String) {
        let (negative, digits) = match plain.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, plain),
        };
        let (prefix, suffix) = match (&self.negative, negative) {
            (Some((prefix, suffix)), true) => (prefix, suffix),
            (None, true) => {
                out.push('-');
                (&self.prefix, &self.suffix)
            }
            _ => (&self.prefix, &self.suffix),
        };
        out.push_str(prefix);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let whole = whole.trim_start_matches('0');
        let width = whole.len().max(self.whole_min);
        for at in 0..width {
            let left = width - at;
            if at > 0 && self.group > 0 && left % self.group == 0 {
                out.push(',');
            }
            let pad = width - whole.len();
            out.push(if at < pad {
                '0'
            } else {
                char::from(whole.as_bytes()[at - pad])
            });
        }
        let kept = fraction.trim_end_matches('0').len().max(self.places_min);
        if kept > 0 {
            out.push('.');
            let shown = &fraction[..kept.min(fraction.len())];
            out.push_str(shown);
            for _ in shown.len()..kept {
                out.push('0');
            }
        } else if width == 0 {
            out.push('0');
        }
        out.push_str(suffix);
    }

    fn write_f64(&self, value: f64, scratch: &mut String, out: &mut String) {
        if value.is_nan() {
            out.push_str("NaN");
            return;
        }
        if value.is_infinite() {
            if value < 0.0 {
                out.push('-');
            }
            out.push_str(&self.prefix);
            out.push('∞');
            out.push_str(&self.suffix);
            return;
        }
        let value = value * 10f64.powi(self.shift as i32);
        scratch.clear();
        round_f64(value, self.places_max, scratch);
        self.write(scratch, out);
    }

    fn write_decimal(&self, unscaled: i128, scale: i8, scratch: &mut String, out: &mut String) {
        let places = self.places_max.min(38) as i8;
        let scale = scale - self.shift as i8;
        scratch.clear();
        if scale > places {
            let by = number::power_of_ten((scale - places) as u32).unwrap_or(i128::MAX);
            let rounded = div_half_even(unscaled, by);
            if rounded == 0 && unscaled < 0 {
                // What is rounded away keeps its sign.
                scratch.push('-');
            }
            number::write_decimal(rounded, places, DecimalLayout::Plain, scratch);
        } else {
            number::write_decimal(unscaled, scale, DecimalLayout::Plain, scratch);
        }
        self.write(scratch, out);
    }
}

/// Writes a double without exponent, rounded half to even on its exact binary value. Places beyond its shortest digits are not
/// invented.
fn round_f64(value: f64, places: usize, out: &mut String) {
    use std::fmt::Write;
    let start = out.len();
    // `{}` writes the shortest digits, never an exponent. Writing to a String cannot fail.
    let _ = write!(out, "{value}");
    let fraction = out[start..].split_once('.').map_or(0, |(_, fraction)| fraction.len());
    if fraction > places {
        out.truncate(start);
        let _ = write!(out, "{value:.places$}");
    }
}

fn div_half_even(value: i128, by: i128) -> i128 {
    let quotient = value / by;
    let rest = (value % by).unsigned_abs();
    let other = by.unsigned_abs() - rest;
    if rest > other || (rest == other && quotient % 2 != 0) {
        quotient + value.signum()
    } else {
        quotient
    }
}

fn format_number(call: &Call<'_>) -> Result<ArrayRef> {
    let values = call.column(0)?;
    let formats = call.column(1)?;
    let formats_are_text = types::is_text(formats.data_type());
    let formats = if formats_are_text {
        formats
    } else {
        cast_array(&formats, &DataType::Int32, &Tz::UTC)?
    };
    let is_float = matches!(values.data_type(), DataType::Float32 | DataType::Float64);
    let scale = match values.data_type() {
        DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    };
    let values = match values.data_type() {
        DataType::Float32 => cast_array(&values, &DataType::Float64, &Tz::UTC)?,
        of if types::is_integer(of) => cast_array(&values, &DataType::Decimal128(20, 0), &Tz::UTC)?,
        _ => values,
    };
    let layout_of = |row: usize| -> Option<Layout> {
        if formats.is_null(row) {
            None
        } else if formats_are_text {
            Some(Layout::of_pattern(formats.as_string::<i32>().value(row)))
        } else {
            usize::try_from(formats.as_primitive::<Int32Type>().value(row))
                .ok()
                .map(Layout::of_places)
        }
    };
    // A column of no rows has no first row to read the constant from.
    let constant = call.constant(1).filter(|_| !values.is_empty()).map(|_| layout_of(0));
    let mut builder = StringBuilder::with_capacity(values.len(), values.len() * 12);
    let (mut buffer, mut scratch) = (String::new(), String::new());
    for row in 0..values.len() {
        let fresh;
        let layout = match &constant {
            Some(constant) => constant.as_ref(),
            None => {
                fresh = layout_of(row);
                fresh.as_ref()
            }
        };
        let Some(layout) = layout.filter(|_| values.is_valid(row)) else {
            builder.append_null();
            continue;
        };
        buffer.clear();
        if is_float {
            layout.write_f64(
                values.as_primitive::<Float64Type>().value(row),
                &mut scratch,
                &mut buffer,
            );
        } else {
            layout.write_decimal(
                values.as_primitive::<Decimal128Type>().value(row),
                scale,
                &mut scratch,
                &mut buffer,
            );
        }
        builder.append_value(&buffer);
    }
    column(builder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(value: f64, layout: &Layout) -> String {
        let (mut scratch, mut out) = (String::new(), String::new());
        layout.write_f64(value, &mut scratch, &mut out);
        out
    }

    #[test]
    fn rounding_is_half_even_on_the_exact_value() {
        for (value, places, text) in [
            (0.125, 2, "0.12"),
            (0.375, 2, "0.38"),
            (2.5, 0, "2"),
            (3.5, 0, "4"),
            (1234567.885, 2, "1,234,567.89"),
            (-0.004, 2, "-0.00"),
            (0.1, 20, "0.10000000000000000000"),
            (1e23, 2, "100,000,000,000,000,000,000,000.00"),
            (138.7999963760376, 2, "138.80"),
            (999.0, 0, "999"),
            (f64::INFINITY, 2, "∞"),
            (f64::NEG_INFINITY, 2, "-∞"),
            (f64::NAN, 2, "NaN"),
        ] {
            assert_eq!(formatted(value, &Layout::of_places(places)), text);
        }
    }

    #[test]
    fn patterns_are_decimal_formats() {
        for (value, pattern, text) in [
            (12332.123456, "##################.###", "12332.123"),
            (1234.5, "#,##0.00", "1,234.50"),
            (0.5, "#.##", ".5"),
            (0.0, "#", "0"),
            (0.256, "0.0%", "25.6%"),
            (1234.5, "$#,###.0", "$1,234.5"),
        ] {
            assert_eq!(formatted(value, &Layout::of_pattern(pattern)), text, "{pattern}");
        }
    }
}
