//! Exit codes, the same for every binary.

/// Everything asked for was done.
pub const DONE: u8 = 0;
/// It failed while running.
pub const FAILED: u8 = 1;
/// Bad arguments, configuration or SQL: nothing was started.
pub const USAGE: u8 = 2;
/// A service or port that is needed cannot be reached or bound: another start may help.
pub const UNAVAILABLE: u8 = 3;
/// A newer generation owns the checkpoint: do not start again.
pub const FENCED: u8 = 4;
/// Interrupted for the second time, without finishing the batch.
pub const INTERRUPTED: u8 = 130;
