//! Which topics a Kafka source reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which topics a Kafka source reads. Exactly one way, as in Spark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subscription {
    /// `subscribe`: topic names.
    Topics(Vec<String>),
    /// `subscribePattern`: a regular expression found anywhere in a topic's name.
    Pattern(String),
    /// `assign`: partitions by topic.
    Assign(BTreeMap<String, Vec<i32>>),
}
