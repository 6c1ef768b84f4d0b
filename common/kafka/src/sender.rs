//! Writing records: queued, batched, acknowledged by all replicas.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError as ClientError;
use rdkafka::message::{DeliveryResult, Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;

use crate::config::KafkaConfig;
use crate::context::{Context, Health};
use crate::error::KafkaError;

/// A record to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'a> {
    /// Where to.
    pub topic: &'a str,
    /// The partition; none: chosen by the key as Java clients do, or any without a key.
    pub partition: Option<i32>,
    /// The key; none is null.
    pub key: Option<&'a [u8]>,
    /// The value; none is null.
    pub value: Option<&'a [u8]>,
    /// Header names and values, in order.
    pub headers: &'a [(String, Option<Vec<u8>>)],
    /// Milliseconds since the epoch; none: now.
    pub timestamp_ms: Option<i64>,
}

/// Writes records for one task.
///
/// ```text
/// send() -> bounded queue of the shared producer -> batches -> brokers -> acknowledgement counted here -> flush() returns
/// ```
///
/// The producer is idempotent: retries neither double nor reorder records of a partition. `share` gives another task its own `Sender`
/// on the same producer; each counts and reports only its own records. A failed record makes this sender's every later call fail: whoever
/// gets the error repeats the task with a fresh one.
///
/// A transaction belongs to a producer, not to a task: a transactional sender will be a type around the same `Producer` with a
/// `transactional.id` and without `share`.
pub struct Sender {
    producer: Arc<Producer>,
    outcome: Arc<Outcome>,
}

struct Producer {
    client: ThreadedProducer<SenderContext>,
    health: Arc<Health>,
    room: Arc<Room>,
    servers: String,
    /// How long a full queue may stay full: as long as the client tries to deliver a record.
    patience: Duration,
}

/// Signals that the queue has got shorter.
#[derive(Default)]
struct Room {
    lock: Mutex<()>,
    shorter: Condvar,
}

/// What became of one sender's records.
#[derive(Default)]
struct Outcome {
    counts: Mutex<Counts>,
    settled: Condvar,
}

#[derive(Default)]
struct Counts {
    outstanding: u64,
    delivered: u64,
    failed: u64,
    first_failure: Option<Failure>,
}

struct Failure {
    topic: String,
    code: Option<RDKafkaErrorCode>,
    reason: String,
}

impl Sender {
    /// Opens a producer. Nothing is contacted yet.
    ///
    /// # Errors
    /// `KafkaError::Client` when the library refuses the settings.
    pub fn open(config: &KafkaConfig) -> Result<Self, KafkaError> {
        let health = Arc::new(Health::default());
        let room = Arc::new(Room::default());
        let context = SenderContext {
            common: Context::new(Arc::clone(&health), config.tokens()?),
            room: Arc::clone(&room),
        };
        let patience = ["delivery.timeout.ms", "message.timeout.ms"]
            .iter()
            .find_map(|name| config.property(name)?.parse().ok())
            .map_or(Duration::from_secs(120), Duration::from_millis);
        Ok(Self {
            producer: Arc::new(Producer {
                client: config.create_in(context)?,
                health,
                room,
                servers: config.bootstrap_servers().to_owned(),
                patience,
            }),
            outcome: Arc::default(),
        })
    }

    /// A sender of its own on the same producer.
    #[must_use]
    pub fn share(&self) -> Self {
        Self {
            producer: Arc::clone(&self.producer),
            outcome: Arc::default(),
        }
    }

    /// Whether the producer still works: an idempotent producer that has lost track of what was written stops for good, and all its
    /// senders with it. Open another one then.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.producer.client.client().fatal_error().is_none()
    }

    /// Queues a record with the current time as its timestamp; blocks while the queue is full.
    ///
    /// # Errors
    /// - `Delivery` when an earlier record of this sender, or this one, cannot be delivered.
    /// - `Unanswered` when the queue stayed full for as long as the client tries to deliver.
    pub fn send(
        &self,
        topic: &str,
        partition: Option<i32>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(String, Option<Vec<u8>>)],
    ) -> Result<(), KafkaError> {
        self.send_record(&Record {
            topic,
            partition,
            key,
            value,
            headers,
            timestamp_ms: None,
        })
    }

    /// Queues a record; blocks while the queue is full.
    ///
    /// # Errors
    /// As `send`.
    pub fn send_record(&self, record: &Record<'_>) -> Result<(), KafkaError> {
        {
            let mut counts = self.outcome.counts.lock();
            self.check(&counts)?;
            counts.outstanding += 1;
        }
        let queued = self.enqueue(record);
        if queued.is_err() {
            let mut counts = self.outcome.counts.lock();
            counts.outstanding -= 1;
            if counts.outstanding == 0 {
                self.outcome.settled.notify_all();
            }
        }
        queued
    }

    fn enqueue(&self, record: &Record<'_>) -> Result<(), KafkaError> {
        let mut native = self.native(record);
        let started = Instant::now();
        loop {
            let (error, back) = match self.producer.client.send(native) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            native = back;
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(self.producer.refused(record.topic, &error));
            }
            let waited = started.elapsed();
            if waited >= self.producer.patience {
                return Err(self.producer.unanswered("queue a record", waited));
            }
            let mut guard = self.producer.room.lock.lock();
            // A signal may be missed between the refusal and here; the short time-out makes up for it.
            self.producer
                .room
                .shorter
                .wait_for(&mut guard, Duration::from_millis(5));
            drop(guard);
            self.check(&self.outcome.counts.lock())?;
        }
    }

    fn native<'r>(&self, record: &Record<'r>) -> BaseRecord<'r, [u8], [u8], Arc<Outcome>> {
        let mut native = BaseRecord::with_opaque_to(record.topic, Arc::clone(&self.outcome));
        native.partition = record.partition;
        native.key = record.key;
        native.payload = record.value;
        native.timestamp = record.timestamp_ms;
        if !record.headers.is_empty() {
            let empty = OwnedHeaders::new_with_capacity(record.headers.len());
            native.headers = Some(record.headers.iter().fold(empty, |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: value.as_deref(),
                })
            }));
        }
        native
    }

    /// Waits until every record of this sender is acknowledged, at most for `deadline`.
    ///
    /// # Errors
    /// - `Delivery` when one cannot be delivered.
    /// - `Unanswered` when some are still on their way after `deadline`; they may arrive later.
    pub fn flush(&self, deadline: Duration) -> Result<(), KafkaError> {
        let started = Instant::now();
        let mut counts = self.outcome.counts.lock();
        loop {
            self.check(&counts)?;
            if counts.outstanding == 0 {
                return Ok(());
            }
            if self
                .outcome
                .settled
                .wait_until(&mut counts, started + deadline)
                .timed_out()
            {
                self.check(&counts)?;
                if counts.outstanding == 0 {
                    return Ok(());
                }
                let action = format!("deliver {} record(s)", counts.outstanding);
                return Err(self.producer.unanswered(&action, started.elapsed()));
            }
        }
    }

    /// How many records of this sender the brokers have acknowledged.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.outcome.counts.lock().delivered
    }

    /// The error of the first record that failed, if one did.
    fn check(&self, counts: &Counts) -> Result<(), KafkaError> {
        let Some(failure) = &counts.first_failure else {
            return Ok(());
        };
        Err(KafkaError::Delivery {
            topic: failure.topic.clone(),
            servers: self.producer.servers.clone(),
            reason: failure
                .code
                .map_or_else(|| failure.reason.clone(), |code| advised(&failure.reason, code)),
            count: counts.failed,
            problem: self.producer.health.problem(),
            retryable: failure.code.is_none_or(is_retryable),
        })
    }
}

impl Producer {
    fn refused(&self, topic: &str, error: &ClientError) -> KafkaError {
        // After a fatal error every record is refused with that word alone.
        let reason = match self.client.client().fatal_error() {
            Some((code, text)) => format!("{code}: {text}"),
            None => error
                .rdkafka_error_code()
                .map_or_else(|| error.to_string(), |code| advised(&code.to_string(), code)),
        };
        KafkaError::Delivery {
            topic: topic.to_owned(),
            servers: self.servers.clone(),
            reason,
            count: 1,
            problem: self.health.problem(),
            retryable: error.rdkafka_error_code().is_none_or(is_retryable),
        }
    }

    fn unanswered(&self, action: &str, waited: Duration) -> KafkaError {
        KafkaError::Unanswered {
            action: action.to_owned(),
            servers: self.servers.clone(),
            waited,
            problem: self.health.problem(),
        }
    }
}

/// Whether another attempt may fare better: not when the record itself or the permission is at fault.
fn is_retryable(code: RDKafkaErrorCode) -> bool {
    !matches!(
        code,
        RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::InvalidTimestamp
            | RDKafkaErrorCode::InvalidTopic
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::InvalidPartitions
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::InvalidArgument
    )
}

/// A broker's reason, and what to do about it when that is known.
fn advised(reason: &str, code: RDKafkaErrorCode) -> String {
    let advice = match code {
        RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition => {
            "create the topic, or correct option or column 'topic'"
        }
        RDKafkaErrorCode::UnknownPartition => "correct column 'partition', or leave it out",
        RDKafkaErrorCode::MessageSizeTooLarge => {
            "raise 'kafka.max.request.size' and the topic's 'max.message.bytes', or write smaller records"
        }
        RDKafkaErrorCode::TopicAuthorizationFailed => "grant this client the right to write to the topic",
        _ => return reason.to_owned(),
    };
    format!("{reason}; {advice}")
}

fn words_of(error: &ClientError) -> String {
    error
        .rdkafka_error_code()
        .map_or_else(|| error.to_string(), |code| code.to_string())
}

struct SenderContext {
    common: Context,
    room: Arc<Room>,
}

impl ClientContext for SenderContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.common.log(level, facility, message);
    }

    fn error(&self, error: ClientError, reason: &str) {
        self.common.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.common.generate_oauth_token(config)
    }
}

impl ProducerContext for SenderContext {
    type DeliveryOpaque = Arc<Outcome>;

    fn delivery(&self, result: &DeliveryResult<'_>, outcome: Arc<Outcome>) {
        let mut counts = outcome.counts.lock();
        counts.outstanding = counts.outstanding.saturating_sub(1);
        match result {
            Ok(_) => {
                counts.delivered += 1;
                if counts.delivered % 1024 == 1 {
                    self.common.health().clear();
                }
            }
            Err((error, message)) => {
                counts.failed += 1;
                if counts.first_failure.is_none() {
                    counts.first_failure = Some(Failure {
                        topic: message.topic().to_owned(),
                        code: error.rdkafka_error_code(),
                        reason: words_of(error),
                    });
                }
            }
        }
        if counts.outstanding == 0 || counts.first_failure.is_some() {
            outcome.settled.notify_all();
        }
        drop(counts);
        self.room.shorter.notify_all();
    }
}

#[cfg(test)]
#[path = "sender_tests.rs"]
mod tests;
