//! Reading exact ranges of partitions through one long-lived consumer.

mod partition;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_common::domain::offset::{OffsetRange, TopicPartition};
use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use crate::config::KafkaConfig;
use crate::context::{Context, Health};
use crate::error::KafkaError;
use crate::native::{MessageBatch, PartitionQueue};
use crate::poller::Poller;
use partition::Partition;

/// What a reader tells its partitions' reads.
struct Shared {
    client: Arc<BaseConsumer<Context>>,
    health: Arc<Health>,
    servers: String,
}

/// Reads ranges of partitions for one query on one executor.
///
/// ```text
/// broker -> librdkafka: a bounded queue per partition, filled ahead -> read(): batches on the calling thread -> callback
/// ```
///
/// One consumer serves all partitions. It goes on fetching between reads, so a range that starts where the last one of its
/// partition ended is usually in memory already; any other start costs a seek. Partitions join the consumer when they are first read.
/// Several threads may read different partitions at once; two reads of one partition take turns.
pub struct SourceReader {
    // The order of the fields is the order of their end: queues before the client.
    partitions: Mutex<HashMap<TopicPartition, Arc<Mutex<Partition>>>>,
    _poller: Poller,
    shared: Arc<Shared>,
}

/// What a read did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadReport {
    /// Records handed out.
    pub records: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// The offset after the last one that was dealt with: the range's `until`, unless the callback stopped the read.
    pub position: i64,
    /// Parts of the range whose records are gone; only without `fail_on_data_loss`.
    pub lost: Vec<OffsetRange>,
    /// Whether the consumer had to be moved, because the range did not start where the last one had ended.
    pub moved: bool,
    /// How long the read waited for the brokers.
    pub waited: Duration,
}

impl SourceReader {
    /// Opens a consumer without any partition. Nothing is contacted yet.
    ///
    /// The group's id is only shown to the brokers (for their access rules) unless `kafka.group.id` is set, which wins; nothing
    /// is ever committed and no group is joined.
    ///
    /// # Errors
    /// `KafkaError::Client` when the library refuses the settings.
    pub fn open(config: &KafkaConfig, group_id: &str) -> Result<Self, KafkaError> {
        let group = config.property("group.id").unwrap_or(group_id).to_owned();
        let config = config.clone().with_property("group.id", group);
        let health = Arc::new(Health::default());
        let client: Arc<BaseConsumer<Context>> = Arc::new(config.create(&health)?);
        let poller = Poller::start(&client).map_err(|error| config.client_error(error.to_string()))?;
        Ok(Self {
            partitions: Mutex::default(),
            _poller: poller,
            shared: Arc::new(Shared {
                client,
                health,
                servers: config.bootstrap_servers().to_owned(),
            }),
        })
    }

    /// Hands exactly the records of `range` to `each`, in offset order, a batch at a time; blocks until that is done.
    ///
    /// Offsets that hold no record (compacted, aborted, transaction markers) are passed over. A batch is only valid during the
    /// callback and lies in the client's own buffers. While nothing comes, `each` gets an empty batch about ten times a second: its
    /// chance to break, as when the task was called off. When `each` breaks, the read ends there without an error. `deadline`
    /// bounds the time without any progress, not the whole read.
    ///
    /// # Errors
    /// - `DataLoss` when records of the range are no longer there and `fail_on_data_loss` is true. Without it the missing part is skipped
    ///   and reported.
    /// - `Stalled` when nothing came for `deadline`: worth another attempt.
    /// - `MissingTopic`, `Read` when the brokers refuse.
    ///
    /// After an error the same range may be read again, by this reader or another.
    pub fn read(
        &self,
        range: &OffsetRange,
        fail_on_data_loss: bool,
        deadline: Duration,
        each: &mut dyn FnMut(&MessageBatch<'_>) -> ControlFlow<()>,
    ) -> Result<ReadReport, KafkaError> {
        if range.is_empty() {
            return Ok(ReadReport {
                position: range.from,
                ..ReadReport::default()
            });
        }
        let partition = self.partition(range)?;
        let started = Instant::now();
        let Some(mut partition) = partition.try_lock_for(deadline) else {
            return Err(self.shared.stalled(range, range.from, started.elapsed()));
        };
        partition.read(&self.shared, range, fail_on_data_loss, deadline, each)
    }

    /// Stops fetching partitions that `keep` does not want any more, and frees what was read ahead of them.
    ///
    /// # Errors
    /// `Refused` when the client does not accept it.
    pub fn retain(&self, keep: impl Fn(&TopicPartition) -> bool) -> Result<(), KafkaError> {
        let mut gone = TopicPartitionList::new();
        self.partitions.lock().retain(|partition, _| {
            let keep = keep(partition);
            if !keep {
                gone.add_partition(&partition.topic, partition.partition);
            }
            keep
        });
        if gone.count() == 0 {
            return Ok(());
        }
        self.shared
            .client
            .incremental_unassign(&gone)
            .map_err(|error| self.shared.refused("stop reading partitions", &error))
    }

    /// How many partitions are being fetched.
    #[must_use]
    pub fn partition_count(&self) -> usize {
        self.partitions.lock().len()
    }

    /// The partition's state; a new partition starts to be fetched where the range starts.
    fn partition(&self, range: &OffsetRange) -> Result<Arc<Mutex<Partition>>, KafkaError> {
        let mut partitions = self.partitions.lock();
        if let Some(partition) = partitions.get(&range.partition) {
            return Ok(Arc::clone(partition));
        }
        let TopicPartition { topic, partition } = &range.partition;
        let queue = PartitionQueue::open(&self.shared.client, topic, *partition).ok_or_else(|| KafkaError::Read {
            partition: range.partition.clone(),
            servers: self.shared.servers.clone(),
            reason: "no topic can have this name".to_owned(),
        })?;
        self.shared.assign(&range.partition, range.from)?;
        let state = Arc::new(Mutex::new(Partition::new(queue, range.from)));
        partitions.insert(range.partition.clone(), Arc::clone(&state));
        Ok(state)
    }
}

impl Shared {
    /// Adds a partition to those fetched, from `offset` on.
    fn assign(&self, partition: &TopicPartition, offset: i64) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(offset))
            .and_then(|()| self.client.incremental_assign(&list))
            .map_err(|error| self.refused(&format!("start reading {partition} at offset {offset}"), &error))
    }

    /// Moves a partition that is being fetched to `offset`, whatever state an error has left it in.
    fn seek(&self, partition: &TopicPartition, offset: i64, wait: Duration) -> Result<(), KafkaError> {
        let moved = self
            .client
            .seek(&partition.topic, partition.partition, Offset::Offset(offset), wait);
        if moved.is_ok() {
            return Ok(());
        }
        // A partition that failed is stopped and cannot be moved, only started again.
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition(&partition.topic, partition.partition);
        self.client
            .incremental_unassign(&list)
            .map_err(|error| self.refused(&format!("move {partition} to offset {offset}"), &error))?;
        self.assign(partition, offset)
    }

    #[cfg(test)]
    fn client_bounds(&self, topic: &str, partition: i32) -> (i64, i64) {
        self.client
            .fetch_watermarks(topic, partition, Duration::from_secs(10))
            .unwrap()
    }

    fn refused(&self, action: &str, error: &rdkafka::error::KafkaError) -> KafkaError {
        KafkaError::Refused {
            action: action.to_owned(),
            servers: self.servers.clone(),
            reason: error.to_string(),
            problem: self.health.problem(),
            retryable: true,
        }
    }

    fn stalled(&self, range: &OffsetRange, position: i64, waited: Duration) -> KafkaError {
        KafkaError::Stalled {
            range: range.clone(),
            position,
            servers: self.servers.clone(),
            waited,
            problem: self.health.problem(),
        }
    }
}

#[cfg(test)]
mod tests;
