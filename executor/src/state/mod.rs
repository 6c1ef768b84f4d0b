//! The state of a streaming aggregation: one row of accumulator states per group, kept between batches.
//!
//! ```text
//! partial rows ─► late filter ─► index: key hash ─► (chunk, row)        chunks: immutable Arrow columns, one per batch
//!                                      │ touched groups                  ┌ keys ┬ states ┐
//!      old state rows ◄── interleave ──┘                                 │ ...  │  ...   │
//!            └─► merge with partial rows in fresh accumulators ─► new chunk = the batch's change, also on disk
//!                                                                 └─► second fresh set ─► evaluated rows
//! ```
//! A chunk is never changed: overwritten and evicted rows only become dead in it, and compaction rewrites the live ones.
//! What a batch does is *staged*; committing forgets how to undo it, aborting undoes it.

mod accumulators;
mod chunk;
mod error;
mod file;
mod layout;
mod store;
mod table;
mod versioned;

#[cfg(test)]
mod tests;

pub use error::StateError;
pub use layout::Layout;
pub use store::{FileStore, LocalFiles};
pub use table::{Outcome, Rules, Table};
pub use versioned::{ReduceState, StateFileRef};
