//! What functions that count rows remember while a task runs: which partition it is, and how far each call has come.
//!
//! A task runs on one thread. Whoever drives it opens a scope; outside of any, everything belongs to partition 0 and nothing is
//! remembered.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::marker::PhantomData;

thread_local! {
    static PARTITION: Cell<Option<i32>> = const { Cell::new(None) };
    static CALLS: RefCell<HashMap<i64, Box<dyn Any>>> = RefCell::new(HashMap::new());
}

/// Keeps a task's partition on this thread; dropping it forgets what the calls remembered.
#[derive(Debug)]
#[must_use = "the partition is only set while the scope lives"]
pub struct Scope {
    previous: Option<i32>,
    // A scope belongs to its thread.
    not_send: PhantomData<*const ()>,
}

impl Drop for Scope {
    fn drop(&mut self) {
        PARTITION.set(self.previous);
        CALLS.with_borrow_mut(HashMap::clear);
    }
}

/// Begins a task over a partition on this thread.
pub fn scope(partition: i32) -> Scope {
    let previous = PARTITION.replace(Some(partition));
    CALLS.with_borrow_mut(HashMap::clear);
    Scope {
        previous,
        not_send: PhantomData,
    }
}

/// The partition of this thread's task.
pub fn partition() -> i32 {
    PARTITION.get().unwrap_or(0)
}

/// Goes on by some rows with what a call remembers, which begins as `start` says.
pub fn advance<S: 'static, T>(
    call: i64,
    rows: usize,
    start: impl Fn() -> S,
    step: impl FnOnce(&mut S, usize) -> T,
) -> T {
    if PARTITION.get().is_none() {
        return step(&mut start(), rows);
    }
    CALLS.with_borrow_mut(|calls| {
        let kept = calls.entry(call).or_insert_with(|| Box::new(start()));
        match kept.downcast_mut::<S>() {
            Some(state) => step(state, rows),
            // Another function under the same number: it begins anew.
            None => {
                let mut fresh = start();
                let answer = step(&mut fresh, rows);
                *kept = Box::new(fresh);
                answer
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_forgotten_with_their_scope() {
        let next = || {
            advance(
                1,
                2,
                || 0,
                |count, rows| {
                    *count += rows;
                    *count
                },
            )
        };
        {
            let _scope = scope(3);
            assert_eq!((partition(), next(), next()), (3, 2, 4));
        }
        assert_eq!((partition(), next(), next()), (0, 2, 2));
    }
}
