//! What the integration tests and the benchmark stand on: real brokers, real processes, tables read back from text.

pub mod broker;
pub mod case;
pub mod jobs;
pub mod moto;
pub mod process;
pub mod spark;
pub mod sql;
pub mod table;
