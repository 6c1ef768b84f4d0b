//! Questions about topics and offsets, with deadlines.

mod worker;

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use millstream_common::domain::offset::{PartitionOffsets, TopicPartition};
use millstream_common::domain::subscription::Subscription;
use tokio::sync::oneshot;

use crate::config::KafkaConfig;
use crate::error::KafkaError;
use worker::{At, Worker};

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// A topic to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// How many copies of each; -1 for the cluster's default.
    pub replication: i32,
    /// Settings of the topic, by Kafka's names.
    pub config: BTreeMap<String, String>,
}

/// Asks a cluster for its topics and offsets.
///
/// The client blocks, so it has a thread of its own; questions are answered one after the other. Every question ends: after
/// `fetchOffset.numRetries` repetitions, `fetchOffset.retryIntervalMs` apart, each bounded by `kafka.default.api.timeout.ms`.
/// Dropping a future gives up the answer, not the question.
pub struct Admin {
    jobs: mpsc::Sender<Job>,
    servers: String,
    patience: Duration,
}

impl Admin {
    /// Opens a client. Nothing is contacted yet.
    ///
    /// # Errors
    /// `KafkaError::Client` when the library refuses the settings.
    pub fn open(config: &KafkaConfig) -> Result<Self, KafkaError> {
        let mut worker = Worker::open(config)?;
        let (jobs, queue) = mpsc::channel::<Job>();
        std::thread::Builder::new()
            .name("kafka-admin".to_owned())
            .spawn(move || {
                // Ends with the last sender, that is with the `Admin`.
                while let Ok(job) = queue.recv() {
                    job(&mut worker);
                }
            })
            .map_err(|error| config.client_error(error.to_string()))?;
        Ok(Self {
            jobs,
            servers: config.bootstrap_servers().to_owned(),
            patience: config.patience().total(),
        })
    }

    /// The longest that one question may take.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// The partitions that a subscription stands for now, ordered.
    ///
    /// Topics by name have to exist. A pattern may match anywhere in a name and never matches Kafka's internal topics; it may match nothing. Assigned
    /// partitions have to exist when they are asked for first, later only those that do are returned. An answer that lacks partitions of an earlier
    /// one is only believed when it is given three times in a row.
    ///
    /// # Errors
    /// `MissingTopic`, `MissingPartitions`, `Pattern`, `Unanswered`, `Refused`.
    pub async fn partitions(&self, subscription: &Subscription) -> Result<Vec<TopicPartition>, KafkaError> {
        let subscription = subscription.clone();
        self.run(move |worker| worker.partitions(&subscription)).await
    }

    /// The first offset that each partition still has.
    ///
    /// # Errors
    /// `Unanswered`, `Refused`.
    pub async fn earliest(&self, partitions: &[TopicPartition]) -> Result<PartitionOffsets, KafkaError> {
        self.ends(partitions, At::Start).await
    }

    /// The offset after each partition's last record; with `kafka.isolation.level` `read_committed` after the last one that is committed.
    ///
    /// # Errors
    /// `Unanswered`, `Refused`.
    pub async fn latest(&self, partitions: &[TopicPartition]) -> Result<PartitionOffsets, KafkaError> {
        self.ends(partitions, At::End).await
    }

    /// Per partition the first offset whose timestamp (milliseconds since the epoch) is not before the one given; none where there is no such
    /// record. In the order of `at`, which names each partition once.
    ///
    /// # Errors
    /// `Unanswered`, `Refused`.
    pub async fn offsets_for_times(
        &self,
        at: &[(TopicPartition, i64)],
    ) -> Result<Vec<(TopicPartition, Option<i64>)>, KafkaError> {
        let at: Vec<(TopicPartition, At)> = at.iter().map(|(p, ms)| (p.clone(), At::Time((*ms).max(0)))).collect();
        self.run(move |worker| worker.offsets("look up offsets by time", &at))
            .await
    }

    /// Creates topics and waits until the cluster knows them. Topics that exist already are left as they are.
    ///
    /// # Errors
    /// `Refused` naming the topic, `Unanswered`.
    pub async fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), KafkaError> {
        let topics = topics.to_vec();
        self.run(move |worker| worker.create_topics(&topics)).await
    }

    async fn ends(&self, partitions: &[TopicPartition], end: At) -> Result<PartitionOffsets, KafkaError> {
        let at: Vec<(TopicPartition, At)> = partitions.iter().map(|p| (p.clone(), end)).collect();
        let action = match end {
            At::Start => "look up the earliest offsets",
            _ => "look up the latest offsets",
        };
        let found = self.run(move |worker| worker.offsets(action, &at)).await?;
        Ok(found.into_iter().filter_map(|(p, offset)| Some((p, offset?))).collect())
    }

    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Worker) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, KafkaError> {
        let (answer, answered) = oneshot::channel();
        let closed = || KafkaError::Closed {
            servers: self.servers.clone(),
        };
        self.jobs
            .send(Box::new(move |worker| {
                // Nobody waits any more when this fails.
                let _ = answer.send(job(worker));
            }))
            .map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

#[cfg(test)]
mod tests;
