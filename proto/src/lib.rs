//! The wire format between driver and executors: generated code only.
//!
//! What the messages mean is written where they are defined, in `proto/millstream/**`.
#![allow(missing_docs, clippy::all, clippy::pedantic)]

/// Names this build: driver and executors exchange plans only between equal ones.
pub const BUILD: &str = env!("CARGO_PKG_VERSION");

/// Coordination: registration, tasks, reports.
pub mod control {
    /// Version 1 of the package.
    pub mod v1 {
        tonic::include_proto!("millstream.control.v1");
    }
}

/// Data: shuffle blocks, static tables, result rows as Arrow IPC.
pub mod blocks {
    /// Version 1 of the package.
    pub mod v1 {
        tonic::include_proto!("millstream.blocks.v1");
    }
}
