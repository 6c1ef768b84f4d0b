//! Pauses between attempts.

use std::time::Duration;

/// An endless iterator of pauses: each is drawn between half of a bound and the bound, and the bound doubles from
/// `first` to `longest`. The random part keeps many clients from coming back at the same moment.
pub struct Backoff {
    bound: Duration,
    first: Duration,
    longest: Duration,
    /// Gives numbers in `[0, 1)`.
    random: Box<dyn FnMut() -> f64 + Send>,
}

impl Backoff {
    /// Pauses that begin near `first` and grow to `longest`.
    #[must_use]
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self::with_random(first, longest, Box::new(rand::random::<f64>))
    }

    /// As [`Backoff::new`], with numbers in `[0, 1)` from `random`.
    #[must_use]
    pub fn with_random(first: Duration, longest: Duration, random: Box<dyn FnMut() -> f64 + Send>) -> Self {
        Self {
            bound: first.min(longest),
            first: first.min(longest),
            longest,
            random,
        }
    }

    /// Starts again with the first pause: for after a success.
    pub fn reset(&mut self) {
        self.bound = self.first;
    }
}

impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let share = (self.random)().clamp(0.0, 1.0).mul_add(0.5, 0.5);
        let pause = self.bound.mul_f64(share);
        self.bound = self.bound.saturating_mul(2).min(self.longest);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(random: f64) -> Vec<u128> {
        let (first, longest) = (Duration::from_millis(100), Duration::from_millis(350));
        let backoff = Backoff::with_random(first, longest, Box::new(move || random));
        backoff.take(4).map(|pause| pause.as_millis()).collect()
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        assert_eq!(pauses(0.0), [50, 100, 175, 175]);
        assert_eq!(pauses(0.5), [75, 150, 262, 262]);
        assert_eq!(pauses(1.0), [100, 200, 350, 350]);
    }

    #[test]
    fn a_reset_starts_again() {
        let mut backoff = Backoff::with_random(Duration::from_secs(1), Duration::from_secs(9), Box::new(|| 1.0));
        assert_eq!(backoff.nth(2), Some(Duration::from_secs(4)));
        backoff.reset();
        assert_eq!(backoff.next(), Some(Duration::from_secs(1)));
    }
}
