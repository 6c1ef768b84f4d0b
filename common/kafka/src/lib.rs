//! Kafka clients for sources and sinks: exact offset ranges in, acknowledged records out.
//!
//! All clients are librdkafka. None of them is awaited record by record: [`SourceReader`] hands out batches on plain threads,
//! [`Sender`] queues, and [`Admin`] answers from a thread of its own.

mod admin;
mod config;
mod context;
mod error;
mod iam;
pub mod mock;
#[allow(unsafe_code)]
mod native;
mod poller;
mod reader;
#[cfg(test)]
mod real_tests;
mod sender;
#[cfg(test)]
mod testing;

pub use admin::{Admin, TopicSpec};
pub use config::{KafkaConfig, Role};
pub use context::{Problem, ProblemKind};
pub use error::KafkaError;
pub use millstream_common::domain::subscription::Subscription;
pub use native::{Message, MessageBatch, TimestampType};
pub use reader::{ReadReport, SourceReader};
pub use sender::{Record, Sender};
