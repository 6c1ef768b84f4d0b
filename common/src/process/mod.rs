//! What a `main` needs.

pub mod config;
pub mod exit;
pub mod shutdown;
pub mod telemetry;
