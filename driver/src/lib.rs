//! The driver: one job's planning, its cluster of executors, its batches and its results.
//!
//! Decisions are taken in `millstream_driver_core`; this crate gathers the facts and carries decisions out. `run` is the entry:
//! [`run::Cluster::start`], then [`run::compile_job`] and [`run::run_job`].

pub mod cli;
pub mod cluster;
pub mod config;
pub mod demo;
pub mod error;
mod main_loop;
pub mod progress;
pub mod query;
pub mod run;
pub mod ssm;

pub use main_loop::main_with;
