//! Every decision the driver takes, as pure functions and one state machine: no I/O, no clock, no randomness.
//!
//! Facts go in (offsets a broker reported, what the checkpoint holds, which executor answered), decisions come out (ranges,
//! placements, effects). The driver gathers the facts and carries the decisions out.

pub mod batch;
pub mod checkpoint;
pub mod cluster;
pub mod offsets;
pub mod place;
pub mod tasks;
pub mod trigger;
pub mod watermark;
