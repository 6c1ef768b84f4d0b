//! The time of the micro-batch, as `current_timestamp()` and its relatives see it.
//!
//! Whoever drives a plan sets the time for the thread it runs on; a batch that is run again gives the same answers. Outside of
//! any scope the wall clock answers, which is what a batch query wants while it is planned.

use std::cell::Cell;
use std::marker::PhantomData;
use std::time::{SystemTime, UNIX_EPOCH};

thread_local! {
    static NOW_US: Cell<Option<i64>> = const { Cell::new(None) };
}

/// Keeps the batch time set on this thread; dropping it restores what was set before.
#[derive(Debug)]
#[must_use = "the time is only set while the scope lives"]
pub struct Scope {
    previous: Option<i64>,
    // A scope belongs to its thread: sending it away would restore the wrong one.
    not_send: PhantomData<*const ()>,
}

impl Drop for Scope {
    fn drop(&mut self) {
        NOW_US.with(|now| now.set(self.previous));
    }
}

/// Sets the batch time (microseconds since the epoch, UTC) on this thread until the scope is dropped.
pub fn scope(time_us: i64) -> Scope {
    let previous = NOW_US.with(|now| now.replace(Some(time_us)));
    Scope {
        previous,
        not_send: PhantomData,
    }
}

/// Returns the batch time of this thread, or the wall clock's when none is set, in microseconds since the epoch.
pub fn now_us() -> i64 {
    NOW_US.with(Cell::get).unwrap_or_else(wall_clock_us)
}

fn wall_clock_us() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_scopes_restore_the_outer_time() {
        let outer = scope(1);
        {
            let _inner = scope(2);
            assert_eq!(now_us(), 2);
        }
        assert_eq!(now_us(), 1);
        drop(outer);
        assert!(now_us() > 1_600_000_000_000_000);
    }
}
