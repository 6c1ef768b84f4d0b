//! Numbers as Java writes them, and powers of ten.

mod big;
mod java_digits;
pub mod java_random;

/// Powers of ten that fit a 128-bit integer, by exponent.
pub const POWERS_OF_TEN: [i128; 39] = {
    let mut powers = [1i128; 39];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// Returns ten to the given power, or None beyond 38.
pub fn power_of_ten(exponent: u32) -> Option<i128> {
    POWERS_OF_TEN.get(exponent as usize).copied()
}

/// Appends a double as `Double.toString` writes it: plain between 1e-3 and 1e7, else `d.dE±n`.
pub fn write_f64(value: f64, out: &mut String) {
    if write_special(value, out) {
        return;
    }
    write_digits(&java_digits::of_f64(value.abs()), value < 0.0, out);
}

/// Appends a float as `Float.toString` writes it, with a float's digits.
pub fn write_f32(value: f32, out: &mut String) {
    if write_special(f64::from(value), out) {
        return;
    }
    write_digits(&java_digits::of_f32(value.abs()), value < 0.0, out);
}

fn write_special(value: f64, out: &mut String) -> bool {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    } else if value == 0.0 {
        out.push_str(if value.is_sign_negative() { "-0.0" } else { "0.0" });
    } else {
        return false;
    }
    true
}

/// Lays out digits by Java's rule.
fn write_digits(digits: &java_digits::Digits, negative: bool, out: &mut String) {
    /// Places before the point with which a number is written plainly.
    const PLAIN: std::ops::RangeInclusive<i32> = -2..=7;
    if negative {
        out.push('-');
    }
    let (text, places) = (digits.text(), digits.exponent);
    let or_zero = |text: &str, out: &mut String| out.push_str(if text.is_empty() { "0" } else { text });
    if !PLAIN.contains(&places) {
        let (head, tail) = text.split_at(text.len().min(1));
        out.push_str(head);
        out.push('.');
        or_zero(tail, out);
        out.push('E');
        out.push_str(itoa::Buffer::new().format(places - 1));
        return;
    }
    if places <= 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', places.unsigned_abs() as usize));
        out.push_str(text);
        return;
    }
    let whole = places.unsigned_abs() as usize;
    let (head, tail) = text.split_at(text.len().min(whole));
    out.push_str(head);
    out.extend(std::iter::repeat_n('0', whole - head.len()));
    out.push('.');
    or_zero(tail, out);
}

/// How a decimal is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalLayout {
    /// Always digits and a point, as in shown tables.
    Plain,
    /// `BigDecimal.toString`: an exponent when the value is below 1e-6, as in CAST.
    Scientific,
}

/// Appends a decimal with its scale kept.
pub fn write_decimal(unscaled: i128, scale: i8, layout: DecimalLayout, out: &mut String) {
    if unscaled < 0 {
        out.push('-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(unscaled.unsigned_abs());
    if scale <= 0 {
        out.push_str(digits);
        if unscaled != 0 {
            for _ in 0..scale.unsigned_abs() {
                out.push('0');
            }
        }
        return;
    }
    let scale = scale as usize;
    let adjusted = digits.len() as i64 - 1 - scale as i64;
    if layout == DecimalLayout::Scientific && adjusted < -6 {
        let (head, tail) = digits.split_at(1);
        out.push_str(head);
        if !tail.is_empty() {
            out.push('.');
            out.push_str(tail);
        }
        out.push('E');
        out.push_str(itoa::Buffer::new().format(adjusted));
        return;
    }
    if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        out.push_str(whole);
        out.push('.');
        out.push_str(fraction);
    } else {
        out.push_str("0.");
        for _ in digits.len()..scale {
            out.push('0');
        }
        out.push_str(digits);
    }
}

/// Divides and rounds half away from zero.
pub fn div_half_up(value: i128, by: i128) -> i128 {
    let quotient = value / by;
    let rest = (value % by).unsigned_abs();
    // rest >= by - rest avoids doubling, which could overflow.
    if rest >= by.unsigned_abs() - rest {
        quotient + if (value < 0) == (by < 0) { 1 } else { -1 }
    } else {
        quotient
    }
}

/// Moves a decimal to another scale, rounding half up; None when it does not fit the precision.
pub fn rescale(unscaled: i128, from_scale: i8, precision: u8, scale: i8) -> Option<i128> {
    let shift = i32::from(scale) - i32::from(from_scale);
    let moved = if shift >= 0 {
        if unscaled == 0 {
            0
        } else {
            unscaled.checked_mul(power_of_ten(shift as u32)?)?
        }
    } else {
        match power_of_ten(shift.unsigned_abs()) {
            Some(by) => div_half_up(unscaled, by),
            None => 0,
        }
    };
    fits(moved, precision).then_some(moved)
}

/// Whether an unscaled value has at most `precision` digits.
pub fn fits(unscaled: i128, precision: u8) -> bool {
    match power_of_ten(u32::from(precision)) {
        Some(bound) => unscaled.unsigned_abs() < bound.unsigned_abs(),
        None => true,
    }
}

/// Reads a decimal number as `new BigDecimal(text)` does and moves it to the scale, half up. None when the text is no number or
/// the value does not fit.
pub fn parse_decimal(text: &[u8], precision: u8, scale: i8) -> Option<i128> {
    let (negative, rest) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match rest.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&rest[..at], parse_exponent(&rest[at + 1..])?),
        None => (rest, 0),
    };
    let point = mantissa.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        None => (mantissa, &mantissa[..0]),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    if !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return None;
    }
    // Digits kept: those left of the target's last place.
    let keep = whole.len() as i64 + exponent + i64::from(scale);
    let mut digits = whole.iter().chain(fraction);
    let mut value: i128 = 0;
    let mut taken = 0i64;
    while taken < keep {
        let digit = match digits.next() {
            Some(byte) => i128::from(byte - b'0'),
            None if value == 0 => break,
            None => 0,
        };
        value = value.checked_mul(10)?.checked_add(digit)?;
        if !fits(value, precision) {
            return None;
        }
        taken += 1;
    }
    if keep >= 0 && taken == keep && digits.next().is_some_and(|byte| *byte >= b'5') {
        value += 1;
    }
    fits(value, precision).then_some(if negative { -value } else { value })
}

fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits
        .iter()
        .fold(0i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some(if negative { -value } else { value })
}

/// Converts a decimal to the nearest double.
pub fn decimal_to_f64(unscaled: i128, scale: i8) -> f64 {
    const EXACT: u128 = 1 << 53;
    if unscaled.unsigned_abs() <= EXACT && (0..=22).contains(&scale) {
        // Both operands are exact, so one division rounds once.
        return unscaled as f64 / POWERS_OF_TEN[scale as usize] as f64;
    }
    let mut text = String::new();
    write_decimal(unscaled, scale, DecimalLayout::Plain, &mut text);
    text.parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests;
