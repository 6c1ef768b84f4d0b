//! What can go wrong with a Kafka cluster, said so that the reader knows where to look.

use std::time::Duration;

use millstream_common::domain::failure::FailureClass;
use millstream_common::domain::offset::{OffsetRange, TopicPartition};
use millstream_common::options::OptionError;
use thiserror::Error;

use crate::context::Problem;

/// A failed call to a Kafka cluster.
#[derive(Debug, Error)]
pub enum KafkaError {
    /// An option of the source or sink cannot be used.
    #[error(transparent)]
    Option(#[from] OptionError),

    /// The cluster did not answer in time.
    #[error("cannot {action} at {servers}: no answer within {}{}", seconds(.waited), because(.problem.as_deref()))]
    Unanswered {
        /// What was tried, as an infinitive.
        action: String,
        /// The bootstrap servers that were asked.
        servers: String,
        /// For how long.
        waited: Duration,
        /// What the brokers' connections last complained of.
        problem: Option<Box<Problem>>,
    },

    /// The cluster answered with a refusal.
    #[error("cannot {action} at {servers}: {reason}{}", and_also(.problem.as_deref()))]
    Refused {
        /// What was tried, as an infinitive.
        action: String,
        /// The bootstrap servers that were asked.
        servers: String,
        /// The answer in Kafka's words.
        reason: String,
        /// What the brokers' connections last complained of.
        problem: Option<Box<Problem>>,
        /// Whether the same call may succeed later.
        retryable: bool,
    },

    /// A topic that has to exist does not, or may not be seen.
    #[error(
        "topic '{topic}' does not exist at {servers}, or this client may not describe it{} create it, or correct the \
         option that names it",
        near_names(.near)
    )]
    MissingTopic {
        /// The topic asked for.
        topic: String,
        /// The bootstrap servers that were asked.
        servers: String,
        /// Names of topics that look like it.
        near: Vec<String>,
    },

    /// Assigned partitions do not exist.
    #[error("no partition(s) {partitions} at {servers}: correct option 'assign', partitions are numbered from 0")]
    MissingPartitions {
        /// Which, with their topics.
        partitions: String,
        /// The bootstrap servers that were asked.
        servers: String,
    },

    /// The pattern of `subscribePattern` is no regular expression.
    #[error("option 'subscribePattern' is not a regular expression: {source}")]
    Pattern {
        /// Where it is wrong.
        #[source]
        source: Box<fancy_regex::Error>,
    },

    /// Records of a range are no longer there and `failOnDataLoss` is true.
    #[error(
        "records of {lost} are gone: {reason}; set failOnDataLoss to false to go on without them, \
         or start again from a new checkpoint"
    )]
    DataLoss {
        /// The part of the range that cannot be read.
        lost: OffsetRange,
        /// What the broker has instead.
        reason: String,
    },

    /// A partition gave nothing for too long, although its range was not read to the end.
    #[error(
        "no record of {range} came from {servers} within {}, position {position}{}",
        seconds(.waited),
        because(.problem.as_deref())
    )]
    Stalled {
        /// The range being read.
        range: OffsetRange,
        /// The next offset wanted.
        position: i64,
        /// The bootstrap servers.
        servers: String,
        /// How long there was no progress.
        waited: Duration,
        /// What the brokers' connections last complained of.
        problem: Option<Box<Problem>>,
    },

    /// The broker answered a fetch with an error that waiting does not cure.
    #[error("cannot read {partition} at {servers}: {reason}")]
    Read {
        /// The partition.
        partition: TopicPartition,
        /// The bootstrap servers.
        servers: String,
        /// The answer in Kafka's words.
        reason: String,
    },

    /// Records could not be delivered.
    #[error("{count} record(s) were not delivered, the first to topic '{topic}' at {servers}: {reason}{}", and_also(.problem.as_deref()))]
    Delivery {
        /// The topic of the first record that failed.
        topic: String,
        /// The bootstrap servers.
        servers: String,
        /// Why the first one failed, in Kafka's words.
        reason: String,
        /// How many failed so far.
        count: u64,
        /// What the brokers' connections last complained of.
        problem: Option<Box<Problem>>,
        /// Whether another attempt may succeed.
        retryable: bool,
    },

    /// A client could not be made from its configuration.
    #[error("cannot create a Kafka client for {servers}: {reason}")]
    Client {
        /// The bootstrap servers.
        servers: String,
        /// Why not.
        reason: String,
    },

    /// A thread of the client is gone.
    #[error("the Kafka client for {servers} has been closed")]
    Closed {
        /// The bootstrap servers.
        servers: String,
    },
}

impl KafkaError {
    /// Whose fault it is, and so whether another attempt can help.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Option(_)
            | Self::MissingTopic { .. }
            | Self::MissingPartitions { .. }
            | Self::Pattern { .. }
            | Self::Client { .. } => FailureClass::User,
            Self::Refused { retryable: false, .. } | Self::Delivery { retryable: false, .. } => FailureClass::User,
            Self::Unanswered { .. }
            | Self::Refused { .. }
            | Self::Stalled { .. }
            | Self::Read { .. }
            | Self::Delivery { .. } => FailureClass::External,
            Self::DataLoss { .. } => FailureClass::DataLoss,
            Self::Closed { .. } => FailureClass::Internal,
        }
    }
}

fn seconds(waited: &Duration) -> String {
    format!("{:.1} s", waited.as_secs_f64())
}

fn because(problem: Option<&Problem>) -> String {
    match problem {
        Some(problem) => format!(": {}; {}", problem.text, problem.kind.advice()),
        None => "; check that the cluster is up and that 'kafka.bootstrap.servers' and 'kafka.security.protocol' are \
                 right for it"
            .to_owned(),
    }
}

/// As `because`, for an answer that says something by itself.
fn and_also(problem: Option<&Problem>) -> String {
    problem.map_or_else(String::new, |problem| because(Some(problem)))
}

fn near_names(near: &[String]) -> String {
    if near.is_empty() {
        ":".to_owned()
    } else {
        format!(", did you mean '{}'? Otherwise", near.join("' or '"))
    }
}
