//! Whole numbers of any size, as far as the digits of doubles need them.

use std::cmp::Ordering;

use super::java_digits::Number;

/// Limbs of 32 bits, least first, without zeros at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Big {
    limbs: Vec<u32>,
}

impl Big {
    /// `factor * 5^fives * 2^twos`.
    pub(super) fn scaled(factor: u64, fives: u32, twos: u32) -> Self {
        /// The largest power of five in a limb.
        const FIVES: (u32, u32) = (13, 1_220_703_125);
        let mut value = Self {
            limbs: vec![factor as u32, (factor >> 32) as u32],
        };
        value.trim();
        for _ in 0..fives / FIVES.0 {
            value.multiply(FIVES.1);
        }
        value.multiply(5u32.pow(fives % FIVES.0));
        value.multiply(1 << (twos % 32));
        if !value.limbs.is_empty() {
            let zeros = vec![0; (twos / 32) as usize];
            value.limbs.splice(0..0, zeros);
        }
        value
    }

    fn trim(&mut self) {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
    }

    fn multiply(&mut self, by: u32) {
        let mut carry = 0u64;
        for limb in &mut self.limbs {
            let product = u64::from(*limb) * u64::from(by) + carry;
            *limb = product as u32;
            carry = product >> 32;
        }
        if carry > 0 {
            self.limbs.push(carry as u32);
        }
    }

    fn subtract(&mut self, other: &Self) {
        let mut borrow = 0i64;
        for (at, limb) in self.limbs.iter_mut().enumerate() {
            let taken = i64::from(*limb) - i64::from(other.limbs.get(at).copied().unwrap_or(0)) - borrow;
            borrow = i64::from(taken < 0);
            *limb = taken as u32;
        }
        self.trim();
    }

    fn plus(&self, other: &Self) -> Self {
        let length = self.limbs.len().max(other.limbs.len());
        let mut limbs = Vec::with_capacity(length + 1);
        let mut carry = 0u64;
        for at in 0..length {
            let limb = |of: &Self| u64::from(of.limbs.get(at).copied().unwrap_or(0));
            let sum = limb(self) + limb(other) + carry;
            limbs.push(sum as u32);
            carry = sum >> 32;
        }
        limbs.push(carry as u32);
        let mut sum = Self { limbs };
        sum.trim();
        sum
    }
}

impl Number for Big {
    fn times_ten(mut self) -> Self {
        self.multiply(10);
        self
    }

    fn next_digit(&mut self, s: &Self) -> u64 {
        let mut digit = 0;
        while self.compare(s) != Ordering::Less {
            self.subtract(s);
            digit += 1;
        }
        self.multiply(10);
        digit
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.limbs
            .len()
            .cmp(&other.limbs.len())
            .then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
    }

    fn compare_sum(&self, other: &Self, third: &Self) -> Ordering {
        self.plus(other).compare(third)
    }
}
