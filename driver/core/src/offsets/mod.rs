//! From what a broker says to the ranges one batch reads.
//!
//! `position` reads the options that say where a query starts and ends, `advance` decides how far one batch goes, `cut`
//! makes tasks of its ranges.

mod advance;
mod cut;
mod limit;
mod position;

pub use advance::{Advance, DataLossError, Skipped, SkippedKind, advance};
pub use cut::{cut_by_lane, cut_into};
pub use limit::{DEFAULT_OFFSETS_PER_BATCH, Limits, split_limit};
pub use position::{Bound, Facts, Missing, Mode, Position, PositionError, ending, resolve, starting};
