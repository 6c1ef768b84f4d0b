//! Apache Kafka for tests and measurements: its own jars, fetched once by Maven, started as real broker processes in KRaft mode.

pub mod cluster;
pub mod jars;

pub use cluster::{Cluster, Settings};
