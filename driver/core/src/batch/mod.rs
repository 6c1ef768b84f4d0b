//! The life of a query, batch by batch, as one state machine.
//!
//! ```text
//!             +------------------ nothing to do --------------------+
//!             v                                                     |
//! Waiting --Wake--> Listing --Listed--> Logging --Logged--> Running --all tasks done--> Merging
//!    ^                 |                 (a logged batch is never planned anew)   ^        |  |
//!    |                 +- AvailableNow, Once and nothing left: Finished           +- rows -+  |
//!    |                                                                          were lost    |
//!    +--------- Committing <--- all written --- Writing <--- rows for the sink ---------------+
//! ```
//! Any state ends in Finished on a failure that cannot be retried; Stop ends Waiting and Listing at once and every other state
//! after the commit of its batch. A batch query is one batch that is neither logged nor committed.

mod effect;
mod event;
mod machine;
mod plan;
mod report;
mod settings;
#[cfg(test)]
mod tests;

pub use effect::{BatchReport, Effect, Outcome, SourceReport, Timings};
pub use event::{Event, Listing};
pub use machine::{BatchMachine, Start};
pub use settings::{EmitMode, Settings, SourceSettings};
