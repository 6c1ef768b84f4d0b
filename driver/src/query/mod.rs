//! One query: from its logical plan to its last batch.
//!
//! `prepare` compiles it once, `source` asks where its topics stand, the actor feeds the batch machine and `effects` carries out what that
//! decides; `rows` brings results together, `emit` shows or hands them on, `checkpoint` keeps the logs.

mod actor;
pub mod checkpoint;
mod effects;
mod emit;
mod prepare;
mod rows;
mod source;
mod wire;

pub use actor::{Happened, QueryActor, TaskReport};
pub use effects::QueryContext;
pub use emit::{Output, QueryEvent, ResultRows};
pub use prepare::{Compiled, Placement, Prepared, explain, prepare};
pub use source::SourceFacts;
