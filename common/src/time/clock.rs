//! Clocks.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Wall-clock time in microseconds since the epoch. May jump when the machine's clock is set.
    fn now_us(&self) -> i64;

    /// Time since the clock was made. Never goes back: for measuring and for deadlines.
    fn elapsed(&self) -> Duration;

    /// Wall-clock time in milliseconds since the epoch.
    fn now_ms(&self) -> i64 {
        self.now_us().div_euclid(1000)
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that starts measuring now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now_us(&self) -> i64 {
        // A machine whose clock stands before 1970 gets the epoch.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that stands still until it is moved, for tests.
#[derive(Debug, Default)]
pub struct ManualClock {
    now_us: AtomicI64,
    elapsed_us: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `now_us` microseconds since the epoch.
    #[must_use]
    pub fn at_us(now_us: i64) -> Self {
        Self {
            now_us: AtomicI64::new(now_us),
            elapsed_us: AtomicI64::new(0),
        }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.now_us.fetch_add(by, Ordering::SeqCst);
        self.elapsed_us.fetch_add(by, Ordering::SeqCst);
    }

    /// Sets the wall clock alone, as an operator may do, also backwards.
    pub fn set_us(&self, now_us: i64) {
        self.now_us.store(now_us, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_us(&self) -> i64 {
        self.now_us.load(Ordering::SeqCst)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.elapsed_us.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_when_told() {
        let clock = ManualClock::at_us(-1);
        assert_eq!(clock.now_ms(), -1);
        clock.advance(Duration::from_millis(5));
        assert_eq!((clock.now_us(), clock.elapsed()), (4_999, Duration::from_millis(5)));
        clock.set_us(0);
        assert_eq!((clock.now_us(), clock.elapsed()), (0, Duration::from_millis(5)));
    }
}
