//! Vocabulary and process furniture shared by the driver and the executors.
//!
//! A module belongs here only when both roles use it and it needs neither Kafka nor DataFusion.

pub mod domain;
pub mod options;
pub mod process;
pub mod time;
