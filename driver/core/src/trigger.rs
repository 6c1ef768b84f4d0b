//! When the next batch starts.

/// When batches start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// As soon as there is data (0), or at multiples of the interval since the epoch.
    ProcessingTime {
        /// Milliseconds.
        interval_ms: u64,
    },
    /// All that is there at the start, in as many batches as the limits ask for, then the end.
    AvailableNow,
    /// All that is there at the start in one batch, then the end.
    Once,
}

/// How long an idle query waits before it asks the source again, when no interval is set. Milliseconds.
pub const POLL_DELAY_MS: i64 = 10;

impl Trigger {
    /// When the trigger after the one that fired at `fired_ms` fires, seen at `now_ms`, after it ran a batch or found nothing to do.
    ///
    /// With an interval: the next multiple of it after the *start*; at once when that has passed already (an overrun), so missed
    /// ticks collapse into one.
    #[must_use]
    pub fn next_ms(self, fired_ms: i64, ran: bool, now_ms: i64) -> i64 {
        match self {
            Self::ProcessingTime { interval_ms } if interval_ms > 0 => {
                let interval = i64::try_from(interval_ms).unwrap_or(i64::MAX);
                let tick = fired_ms.div_euclid(interval).saturating_add(1).saturating_mul(interval);
                tick.max(now_ms)
            }
            Self::ProcessingTime { .. } | Self::AvailableNow | Self::Once => {
                if ran {
                    now_ms
                } else {
                    now_ms + POLL_DELAY_MS
                }
            }
        }
    }

    /// Whether the query ends by itself when nothing is left to do.
    #[must_use]
    pub fn ends(self) -> bool {
        match self {
            Self::AvailableNow | Self::Once => true,
            Self::ProcessingTime { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_aligned_to_the_epoch_and_an_overrun_starts_at_once() {
        let every = |interval_ms| Trigger::ProcessingTime { interval_ms };
        let cases = [
            // trigger, fired, ran, now, next
            (every(3000), 21_000, true, 21_400, 24_000),
            (every(3000), 22_700, true, 23_000, 24_000),
            (every(3000), 24_000, false, 24_001, 27_000),
            // A 1 s trigger and a batch of 4.4 s: at once, then aligned again.
            (every(1000), 5_000, true, 9_400, 9_400),
            (every(1000), 9_400, true, 9_600, 10_000),
            (every(0), 5_000, true, 5_100, 5_100),
            (every(0), 5_000, false, 5_001, 5_011),
            (Trigger::AvailableNow, 5_000, true, 5_100, 5_100),
        ];
        for (trigger, fired, ran, now, next) in cases {
            assert_eq!(trigger.next_ms(fired, ran, now), next, "{trigger:?} {fired} {now}");
        }
    }
}
