//! A job from its text to its end: the entry for `main`, the demo and tests.
//!
//! ```text
//! text --compile--> statements --Cluster--> executors --start_query--> batch machine ... outcome
//! ```
//! Batch statements run one after the other; streaming queries run together until they end, one fails, or the job is stopped.

mod cluster;
mod compile;
mod job;
mod query;

pub use cluster::{Cluster, ClusterOptions, Executors, ListenAt};
pub use compile::{JobStatement, JobText, compile_job};
pub use job::{JobRequest, run_job};
pub use query::{QueryOptions, RunningQuery, start};
