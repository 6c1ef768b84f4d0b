//! A panic of a task fails the task; any other ends the process.

use std::cell::Cell;

thread_local! {
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, panics on this thread are caught by the caller.
#[must_use]
pub(crate) struct Caught(());

/// Says that the caller catches panics on this thread from now on.
pub(crate) fn caught() -> Caught {
    CAUGHT.with(|caught| caught.set(true));
    Caught(())
}

impl Drop for Caught {
    fn drop(&mut self) {
        CAUGHT.with(|caught| caught.set(false));
    }
}

/// Logs panics and ends the process on those that no task catches: one that lost a thread must not go on half alive.
pub fn install_hook() {
    let abort = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if CAUGHT.with(Cell::get) {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "a task panicked");
        } else {
            abort(info);
            std::process::abort();
        }
    }));
}
