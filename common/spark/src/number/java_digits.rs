//! The digits of floats and doubles as Java 8 to 18 choose them.
//!
//! They are not always the fewest that read back as the same number: a whole number beyond the precision keeps digits of its
//! exact value (`9.0071993E15` as a float), and some numbers get one digit more (`1.9999999999999998E23`). The method generates
//! digits of the exact value until what is left is below half of the distance to the next number, estimated from its magnitude.

use std::cmp::Ordering;

use super::big::Big;

/// Bits of a double's fraction.
const FRACTION_BITS: i32 = 52;
/// Exponents between which a number may be whole in 64 bits.
const SMALL_EXPONENTS: std::ops::RangeInclusive<i32> = -21..=62;
/// Bits of powers of five are counted exactly below this exponent.
const FIVES_EXACT: i32 = 27;

/// Digits and the power of ten before the first of them: `0.d1d2d3 * 10^exponent`.
#[derive(Debug, Clone, Copy)]
pub struct Digits {
    digits: [u8; 24],
    length: usize,
    /// Places before the point.
    pub exponent: i32,
}

impl Digits {
    /// The digits as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.digits[..self.length]).unwrap_or_default()
    }

    fn push(&mut self, digit: u64) {
        if let Some(slot) = self.digits.get_mut(self.length) {
            *slot = b'0' + (digit % 10) as u8;
            self.length += 1;
        }
    }

    fn round_up(&mut self) {
        for at in (0..self.length).rev() {
            if self.digits[at] < b'9' {
                self.digits[at] += 1;
                return;
            }
            self.digits[at] = b'0';
        }
        // All nines: one more place before the point.
        self.digits[0] = b'1';
        self.exponent += 1;
    }
}

/// The digits of a positive, finite double.
pub fn of_f64(value: f64) -> Digits {
    let bits = value.to_bits();
    let (fraction, exponent) = (
        bits & ((1 << FRACTION_BITS) - 1),
        (bits >> FRACTION_BITS & 0x7ff) as i32,
    );
    if exponent == 0 {
        let shift = fraction.leading_zeros() as i32 - (63 - FRACTION_BITS);
        return digits(1 - shift - 1023, fraction << shift, FRACTION_BITS + 1 - shift);
    }
    digits(exponent - 1023, fraction | 1 << FRACTION_BITS, FRACTION_BITS + 1)
}

/// The digits of a positive, finite float.
pub fn of_f32(value: f32) -> Digits {
    const BITS: i32 = 23;
    let bits = value.to_bits();
    let (fraction, exponent) = (bits & ((1 << BITS) - 1), (bits >> BITS & 0xff) as i32);
    let wide = |fraction: u32| u64::from(fraction) << (FRACTION_BITS - BITS);
    if exponent == 0 {
        let shift = fraction.leading_zeros() as i32 - (31 - BITS);
        return digits(1 - shift - 127, wide(fraction << shift), BITS + 1 - shift);
    }
    digits(exponent - 127, wide(fraction | 1 << BITS), BITS + 1)
}

/// The digits of `fraction * 2^(exponent - 52)`, whose top bit is the 53rd, of which `significant` bits count.
fn digits(exponent: i32, fraction: u64, significant: i32) -> Digits {
    let zeros = fraction.trailing_zeros() as i32;
    let used = FRACTION_BITS + 1 - zeros;
    // Bits behind the point.
    let tiny = (used - exponent - 1).max(0);
    if tiny == 0 && SMALL_EXPONENTS.contains(&exponent) && used < 64 {
        let dropped = exponent - significant - 1;
        let value = if exponent >= FRACTION_BITS {
            fraction << (exponent - FRACTION_BITS)
        } else {
            fraction >> (FRACTION_BITS - exponent)
        };
        return whole_digits(
            value,
            if dropped > 1 {
                decimal_digits_of_bits(dropped)
            } else {
                0
            },
        );
    }
    Scaled::new(exponent, fraction >> zeros, used, tiny, significant).generate()
}

/// How many decimal digits a number of that many bits surely has.
fn decimal_digits_of_bits(bits: i32) -> u32 {
    (1u128 << bits.min(120)).ilog10()
}

/// The digits of a whole number without its last ones, rounded.
fn whole_digits(value: u64, dropped: u32) -> Digits {
    let power = 10u64.pow(dropped);
    let mut kept = value / power;
    if dropped > 0 && value % power >= power / 2 {
        kept += 1;
    }
    let places = kept.checked_ilog10().unwrap_or(0) + 1;
    let mut all = Digits {
        digits: [b'0'; 24],
        length: 0,
        exponent: (places + dropped) as i32,
    };
    let mut unit = 10u64.pow(places - 1);
    while unit > 0 && (kept > 0 || all.length == 0) {
        all.push(kept / unit);
        kept %= unit;
        unit /= 10;
    }
    all
}

/// A number as the fraction `b / s` and the distance `m / s` within which digits stop, all scaled to whole numbers.
struct Scaled {
    fraction: u64,
    exponent: i32,
    b: (i32, i32),
    s: (i32, i32),
    m: (i32, i32),
    /// Whether Java computes in 64 bits, where it stops a little later.
    short: bool,
}

/// Bits of a power of five, as Java counts them.
fn bits_of_five(power: i32) -> i32 {
    if power < FIVES_EXACT {
        5u128.pow(power.max(0) as u32).ilog2() as i32 + i32::from(power > 0)
    } else {
        power * 3
    }
}

impl Scaled {
    /// `b`, `s` and `m` are kept as powers of two and five beside the fraction.
    fn new(exponent: i32, fraction: u64, used: i32, tiny: i32, significant: i32) -> Self {
        let decimal = estimated_exponent(exponent, fraction << (FRACTION_BITS + 1 - used));
        let (b5, s5) = ((-decimal).max(0), decimal.max(0));
        let (mut b2, mut s2) = (b5 + tiny + exponent, s5 + tiny);
        let mut m2 = b2 - significant;
        b2 -= used - 1;
        let common = b2.min(s2);
        b2 -= common;
        s2 -= common;
        m2 -= common;
        // Below a power of two the next number is only half as far away.
        if used == 1 {
            m2 -= 1;
        }
        if m2 < 0 {
            b2 -= m2;
            s2 -= m2;
            m2 = 0;
        }
        let b_bits = used + b2 + bits_of_five(b5);
        let s_bits = s2 + 1 + bits_of_five(s5 + 1);
        Self {
            fraction,
            exponent: decimal,
            b: (b2, b5),
            s: (s2, s5),
            m: (m2, b5),
            short: b_bits < 64 && s_bits < 64,
        }
    }

    fn generate(&self) -> Digits {
        if self.short {
            let wide = |factor: u64, (twos, fives): (i32, i32)| (u128::from(factor) * 5u128.pow(fives as u32)) << twos;
            return self.run(wide(self.fraction, self.b), wide(1, self.s), wide(1, self.m));
        }
        let big = |factor: u64, (twos, fives): (i32, i32)| Big::scaled(factor, fives as u32, twos as u32);
        self.run(big(self.fraction, self.b), big(1, self.s), big(1, self.m))
    }

    fn run<N: Number>(&self, mut b: N, s: N, mut m: N) -> Digits {
        let mut all = Digits {
            digits: [b'0'; 24],
            length: 0,
            exponent: self.exponent,
        };
        let tens = s.clone().times_ten();
        let stops = |b: &N, m: &N| {
            let low = b.compare(m) == Ordering::Less;
            let high = b.compare_sum(m, &tens);
            (low, high == Ordering::Greater || !self.short && high == Ordering::Equal)
        };
        let q = b.next_digit(&s);
        m = m.times_ten();
        let (mut low, mut high) = stops(&b, &m);
        if q == 0 && !high {
            all.exponent -= 1;
        } else {
            all.push(q);
        }
        // With an exponent there is always a second digit.
        if all.exponent < -3 || all.exponent >= 8 {
            (low, high) = (false, false);
        }
        while !low && !high {
            let q = b.next_digit(&s);
            m = m.times_ten();
            (low, high) = stops(&b, &m);
            all.push(q);
        }
        all.exponent += 1;
        let up = match (high, low) {
            (false, _) => false,
            (true, false) => true,
            (true, true) => match b.compare_sum(&b, &tens) {
                Ordering::Equal => all.text().as_bytes().last().is_some_and(|last| last % 2 == 1),
                other => other == Ordering::Greater,
            },
        };
        if up {
            all.round_up();
        }
        // What rounding left behind is no digit.
        while all.length > 1 && all.digits[all.length - 1] == b'0' {
            all.length -= 1;
        }
        all
    }
}

/// The exponent of ten as Java estimates it, at most one too large.
#[expect(clippy::approx_constant, reason = "Java's own digits of log10(2)")]
fn estimated_exponent(exponent: i32, fraction: u64) -> i32 {
    let mantissa = f64::from_bits(1023 << FRACTION_BITS | fraction & ((1 << FRACTION_BITS) - 1));
    let estimate = (mantissa - 1.5) * 0.289_529_654 + 0.176_091_259 + f64::from(exponent) * 0.301_029_995_663_981;
    estimate.floor() as i32
}

/// What digits are generated with.
pub(super) trait Number: Clone {
    /// Ten times the number.
    fn times_ten(self) -> Self;
    /// Takes the digit `self / s` and goes on with ten times the rest.
    fn next_digit(&mut self, s: &Self) -> u64;
    /// How it compares.
    fn compare(&self, other: &Self) -> Ordering;
    /// How `self + other` compares with a third.
    fn compare_sum(&self, other: &Self, third: &Self) -> Ordering;
}

impl Number for u128 {
    fn times_ten(self) -> Self {
        self.wrapping_mul(10)
    }

    fn next_digit(&mut self, s: &Self) -> u64 {
        let digit = *self / s;
        *self = (*self % s) * 10;
        digit as u64
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }

    fn compare_sum(&self, other: &Self, third: &Self) -> Ordering {
        self.saturating_add(*other).cmp(third)
    }
}
