//! What a checkpoint says, and what that means for a query that starts.
//!
//! ```text
//! metadata      {"id": ...}                     which query this is
//! sources/I/0   the position the query began at
//! offsets/N     batch N is decided              written before anything of it runs
//! commits/N     batch N exists                  written after all of it is done
//! state/...     files that commits refer to
//! lease/G       generation G owns the checkpoint
//! ```

mod log;
mod resolve;
mod state;

pub use log::{CommitRecord, FormatError, OffsetRecord, StateFile};
pub use resolve::{LastBatch, Resume, ResumeError, resume};
pub use state::{files_for, merge};
