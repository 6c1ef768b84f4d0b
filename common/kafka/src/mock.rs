//! A Kafka cluster inside the process, for tests and for trying things out without a broker.
//!
//! It is librdkafka's own imitation: any client that can reach the loopback interface may use it, from other processes too. What it is not: an
//! aborted transaction's records are readable, a transactional id does not fence, look-up by time always answers the end, and each
//! partition keeps only its last 5 MiB.

use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
pub use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::error::KafkaError;

/// A running imitation of a cluster; it ends when dropped.
pub struct MockBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl MockBroker {
    /// Starts a cluster of `brokers` brokers on free ports of the loopback interface.
    ///
    /// # Errors
    /// `KafkaError::Client` when it cannot be started.
    pub fn start(brokers: i32) -> Result<Self, KafkaError> {
        let cluster = MockCluster::new(brokers).map_err(|error| mock_error("start", &error))?;
        Ok(Self { cluster })
    }

    /// `host:port` of each broker, separated by commas.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Creates a topic. An unknown topic that is written to gets four partitions by itself.
    ///
    /// # Errors
    /// When the topic exists already.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), KafkaError> {
        self.cluster
            .create_topic(name, partitions, 1)
            .map_err(|error| mock_error(&format!("create topic '{name}'"), &error))
    }

    /// Makes all brokers answer only after `delay`.
    ///
    /// # Errors
    /// When the cluster does not take it.
    pub fn round_trip_time(&self, delay: Duration) -> Result<(), KafkaError> {
        self.cluster
            .broker_round_trip_time(-1, delay)
            .map_err(|error| mock_error("set the round trip time", &error))
    }

    /// Closes all connections of a broker (numbered from 1; -1 for all) and accepts no more.
    ///
    /// # Errors
    /// When there is no such broker.
    pub fn broker_down(&self, broker: i32) -> Result<(), KafkaError> {
        self.cluster
            .broker_down(broker)
            .map_err(|error| mock_error("take a broker down", &error))
    }

    /// Lets a broker accept connections again.
    ///
    /// # Errors
    /// When there is no such broker.
    pub fn broker_up(&self, broker: i32) -> Result<(), KafkaError> {
        self.cluster
            .broker_up(broker)
            .map_err(|error| mock_error("bring a broker up", &error))
    }

    /// Makes the next requests of a kind fail, one per error, in order.
    pub fn fail_next(&self, request: RDKafkaApiKey, errors: &[RDKafkaRespErr]) {
        self.cluster.request_errors(request, errors);
    }
}

fn mock_error(action: &str, error: &rdkafka::error::KafkaError) -> KafkaError {
    KafkaError::Client {
        servers: "the mock cluster".to_owned(),
        reason: format!("cannot {action}: {error}"),
    }
}
