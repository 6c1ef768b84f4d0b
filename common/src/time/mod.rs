//! Time as a dependency: clocks and pauses that tests can drive.

mod backoff;
mod clock;

pub use backoff::Backoff;
pub use clock::{Clock, ManualClock, SystemClock};
