//! A broker for tests: Apache Kafka itself, one per test binary, and what tests do with it.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers as _, Message as _, OwnedHeaders, ToBytes};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use xtask::kafka::{Cluster, Settings};

/// No single call to a broker on this machine takes longer unless something is wrong.
const CALL: Duration = Duration::from_secs(30);

/// One record to produce, or as consumed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Partition; none lets the key decide.
    pub partition: Option<i32>,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Creation time in milliseconds since the epoch; none is now.
    pub timestamp_ms: Option<i64>,
    /// Headers in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Offset, of consumed records.
    pub offset: i64,
}

impl Record {
    /// A record with this text as value.
    #[must_use]
    pub fn of(value: impl Into<String>) -> Self {
        Self {
            value: Some(value.into().into_bytes()),
            ..Self::default()
        }
    }

    /// The same in this partition.
    #[must_use]
    pub fn to(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// The same with this key.
    #[must_use]
    pub fn keyed(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into().into_bytes());
        self
    }

    /// The same created at this time.
    #[must_use]
    pub fn at(mut self, timestamp_ms: i64) -> Self {
        self.timestamp_ms = Some(timestamp_ms);
        self
    }

    /// The value as text; empty for a tombstone.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.value.as_deref().unwrap_or_default()).into_owned()
    }
}

/// A connection to brokers.
#[derive(Clone, Debug)]
pub struct Broker {
    servers: String,
}

impl Broker {
    /// The broker of this test binary, started at the first call. It ends with the process.
    ///
    /// # Errors
    /// When Kafka cannot be fetched or does not start.
    pub fn shared() -> Result<Self> {
        static SHARED: OnceLock<Mutex<Option<Cluster>>> = OnceLock::new();
        let mut cluster = SHARED
            .get_or_init(Mutex::default)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if cluster.is_none() {
            *cluster = Some(Cluster::start(Settings::default())?);
        }
        let servers = cluster.as_ref().map(Cluster::bootstrap_servers).unwrap_or_default();
        Ok(Self { servers })
    }

    /// Brokers that somebody else runs.
    #[must_use]
    pub fn at(servers: impl Into<String>) -> Self {
        Self {
            servers: servers.into(),
        }
    }

    /// `host:port` list.
    #[must_use]
    pub fn servers(&self) -> &str {
        &self.servers
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.servers)
            .set("topic.metadata.refresh.fast.interval.ms", "50");
        config
    }

    /// Creates a topic and waits until its partitions have leaders.
    ///
    /// # Errors
    /// When the topic exists or the broker does not answer.
    pub fn create(&self, topic: &str, partitions: i32) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.config().create()?;
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        let options = AdminOptions::new().operation_timeout(Some(CALL));
        for result in block_on(admin.create_topics([&new], &options))? {
            result.map_err(|(name, code)| anyhow::anyhow!("cannot create topic {name}: {code}"))?;
        }
        let started = Instant::now();
        let client: BaseConsumer = self.config().create()?;
        loop {
            let metadata = client.fetch_metadata(Some(topic), CALL)?;
            let ready = metadata
                .topics()
                .iter()
                .find(|found| found.name() == topic)
                .is_some_and(|found| {
                    found.partitions().len() == partitions.unsigned_abs() as usize
                        && found.partitions().iter().all(|partition| partition.leader() >= 0)
                });
            if ready {
                return Ok(());
            }
            ensure!(started.elapsed() < CALL, "topic {topic} has no leaders");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Removes a topic.
    ///
    /// # Errors
    /// When the broker refuses or does not answer.
    pub fn delete(&self, topic: &str) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.config().create()?;
        for result in block_on(admin.delete_topics(&[topic], &AdminOptions::new().operation_timeout(Some(CALL))))? {
            result.map_err(|(name, code)| anyhow::anyhow!("cannot delete topic {name}: {code}"))?;
        }
        Ok(())
    }

    /// Removes the records of a partition before an offset, as retention would.
    ///
    /// # Errors
    /// When the broker refuses or does not answer.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.config().create()?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(before))?;
        let options = AdminOptions::new().operation_timeout(Some(CALL));
        block_on(admin.delete_records(&list, &options)).context("cannot delete records")?;
        Ok(())
    }

    /// Produces `records` in order and waits until the broker has them all.
    ///
    /// # Errors
    /// When the broker does not take them.
    pub fn produce(&self, topic: &str, records: &[Record]) -> Result<()> {
        let mut config = self.config();
        config
            .set("acks", "all")
            .set("linger.ms", "1")
            .set("max.in.flight.requests.per.connection", "1");
        let producer: BaseProducer = config.create()?;
        for record in records {
            self.enqueue(&producer, topic, record)?;
        }
        producer
            .flush(CALL)
            .with_context(|| format!("{} records to {topic}", records.len()))
    }

    fn enqueue(&self, producer: &BaseProducer, topic: &str, record: &Record) -> Result<()> {
        let mut message: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic);
        message.partition = record.partition;
        message.key = record.key.as_deref();
        message.payload = record.value.as_deref();
        message.timestamp = record.timestamp_ms;
        if !record.headers.is_empty() {
            let mut headers = OwnedHeaders::new();
            for (key, value) in &record.headers {
                headers = headers.insert(Header {
                    key,
                    value: value.as_deref().map(ToBytes::to_bytes),
                });
            }
            message.headers = Some(headers);
        }
        loop {
            match producer.send(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    message = back;
                    producer.poll(Duration::from_millis(10));
                }
                Err((error, _)) => bail!("cannot produce to {topic}: {error}"),
            }
        }
    }

    /// All records of a topic as committed readers see them, by partition and offset.
    ///
    /// # Errors
    /// When the topic is missing or the broker does not answer.
    pub fn consume(&self, topic: &str) -> Result<Vec<Record>> {
        let mut config = self.config();
        config
            .set("group.id", "tests")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed");
        config.set("enable.partition.eof", "true");
        let consumer: BaseConsumer = config.create()?;
        let partitions = self.partitions(topic)?;
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&list)?;
        let (mut records, mut open) = (Vec::new(), partitions);
        let started = Instant::now();
        while open > 0 {
            ensure!(
                started.elapsed() < CALL,
                "{topic} was not read to its end, {} records came",
                records.len()
            );
            match consumer.poll(Duration::from_millis(100)) {
                None => {}
                Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
                Some(Err(error)) => bail!("cannot read {topic}: {error}"),
                Some(Ok(message)) => records.push(Record {
                    partition: Some(message.partition()),
                    key: message.key().map(<[u8]>::to_vec),
                    value: message.payload().map(<[u8]>::to_vec),
                    timestamp_ms: message.timestamp().to_millis(),
                    headers: message.headers().map_or_else(Vec::new, |headers| {
                        headers
                            .iter()
                            .map(|one| (one.key.to_owned(), one.value.map(<[u8]>::to_vec)))
                            .collect()
                    }),
                    offset: message.offset(),
                }),
            }
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        Ok(records)
    }

    /// Number of partitions of a topic.
    ///
    /// # Errors
    /// When the topic is missing or the broker does not answer.
    pub fn partitions(&self, topic: &str) -> Result<i32> {
        let client: BaseConsumer = self.config().create()?;
        let metadata = client.fetch_metadata(Some(topic), CALL)?;
        let found = metadata
            .topics()
            .iter()
            .find(|found| found.name() == topic)
            .context("no such topic")?;
        ensure!(!found.partitions().is_empty(), "topic {topic} does not exist");
        Ok(i32::try_from(found.partitions().len())?)
    }

    /// First offset and end of a partition.
    ///
    /// # Errors
    /// When the topic is missing or the broker does not answer.
    pub fn ends(&self, topic: &str, partition: i32) -> Result<(i64, i64)> {
        let client: BaseConsumer = self.config().create()?;
        Ok(client.fetch_watermarks(topic, partition, CALL)?)
    }

    /// Records per partition's end minus its beginning, summed.
    ///
    /// # Errors
    /// When the topic is missing or the broker does not answer.
    pub fn count(&self, topic: &str) -> Result<i64> {
        let client: BaseConsumer = self.config().create()?;
        let mut sum = 0;
        for partition in 0..self.partitions(topic)? {
            let (low, high) = client.fetch_watermarks(topic, partition, CALL)?;
            sum += high - low;
        }
        Ok(sum)
    }
}

/// A topic name that no other test of this machine uses.
#[must_use]
pub fn unique(name: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!(
        "{name}-{}-{}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    )
}
