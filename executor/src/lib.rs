//! The executor: slots that read ranges, aggregate, hold state and shuffle blocks, and write parallel sinks.
//!
//! ```text
//!   drivers ── session ──► actor ──► slot threads ──► task: map, reduce, write
//!                 │                                      │ source, state, shuffle, sink
//!                 └─ heartbeat (own thread)              └─ Blocks service ──► other executors, driver
//! ```
//! An executor registers with every driver it is told of and serves each in a session of its own.

pub mod actor;
pub mod config;
pub mod error;
pub mod keys;
pub mod panics;
pub mod process;
pub mod query;
pub mod session;
pub mod shuffle;
pub mod sink;
pub mod source;
pub mod state;
pub mod storage;
pub mod task;
