//! One partition's cursor: where the client stands, and the way from `from` to `until`.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use millstream_common::domain::offset::OffsetRange;
use rdkafka::consumer::Consumer;
use rdkafka::types::RDKafkaErrorCode;

use super::{ReadReport, Shared};
use crate::error::KafkaError;
use crate::native::{Head, MessageBatch, PartitionQueue};

/// Records taken from the library in one call.
const BATCH: usize = 1024;
/// The longest single wait inside the library; between waits the deadline is looked at.
const WAIT: Duration = Duration::from_millis(100);
/// How long a log that ends before `until` may take to grow: a new leader can be behind for a moment.
const SHORT_LOG_GRACE: Duration = Duration::from_secs(3);
/// Between looks at the topic itself while nothing comes: the library waits for a missing one without a word.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How often in a row the topic has to be missing: one broker may not know a new topic yet.
const LOOKS: u32 = 3;
/// How long a look may take.
const LOOK_WAIT: Duration = Duration::from_secs(2);
/// How long the brokers may take to say where a log starts and ends.
const BOUNDS_WAIT: Duration = Duration::from_secs(10);

/// What the reader knows of one partition.
pub(super) struct Partition {
    queue: PartitionQueue,
    /// The lowest offset that may come next out of the queue; none when that is not known and a seek has to settle it.
    position: Option<i64>,
}

/// One read in progress.
struct Reading<'a> {
    shared: &'a Shared,
    range: &'a OffsetRange,
    fail_on_data_loss: bool,
    deadline: Duration,
    /// The next offset wanted.
    position: i64,
    /// When there last was progress.
    moved_at: Instant,
    /// Since when the log is known to end before `until`.
    short_since: Option<Instant>,
    /// Fruitless recoveries since the last progress.
    recoveries: u32,
    /// When the topic was last looked at, and how often in a row it was missing.
    looked: (Instant, u32),
    /// The library has stopped the partition: the next read has to start it again.
    stopped: bool,
    report: ReadReport,
}

/// Whether the read goes on.
enum Step {
    Continue,
    Done,
}

impl Partition {
    pub(super) fn new(queue: PartitionQueue, position: i64) -> Self {
        Self {
            queue,
            position: Some(position),
        }
    }

    pub(super) fn read(
        &mut self,
        shared: &Shared,
        range: &OffsetRange,
        fail_on_data_loss: bool,
        deadline: Duration,
        each: &mut dyn FnMut(&MessageBatch<'_>) -> ControlFlow<()>,
    ) -> Result<ReadReport, KafkaError> {
        let mut reading = Reading {
            shared,
            range,
            fail_on_data_loss,
            deadline,
            position: range.from,
            moved_at: Instant::now(),
            short_since: None,
            recoveries: 0,
            looked: (Instant::now(), 0),
            stopped: false,
            report: ReadReport::default(),
        };
        if self.position != Some(range.from) {
            self.seek(&mut reading, range.from)?;
            reading.report.moved = true;
        }
        // Whatever way this is left, by an error or by a panic of the callback: what comes next out of the queue is then unknown.
        self.position = None;
        loop {
            if let Step::Done = self.step(&mut reading, each)? {
                break;
            }
        }
        self.position = (!reading.stopped).then_some(reading.position);
        reading.report.position = reading.position;
        Ok(reading.report)
    }

    fn step(
        &mut self,
        reading: &mut Reading<'_>,
        each: &mut dyn FnMut(&MessageBatch<'_>) -> ControlFlow<()>,
    ) -> Result<Step, KafkaError> {
        let until = reading.range.until;
        if reading.position >= until {
            return Ok(Step::Done);
        }
        match self.queue.head() {
            None => self.wait(reading, each),
            // Fetched before a seek: the library drops these itself, this is the second lock on the door.
            Some(Head::Record(offset)) if offset < reading.position => {
                self.queue.discard(1);
                Ok(Step::Continue)
            }
            Some(Head::Record(offset)) if offset >= until => {
                // Kept for the next range. The offsets in between hold no records.
                reading.position = until;
                Ok(Step::Done)
            }
            Some(Head::Record(_)) => Ok(self.hand_out(reading, each)),
            Some(Head::End(end)) => {
                if end >= until {
                    reading.position = until;
                    // Still to be seen by a range that goes further: it ends there too.
                    return Ok(Step::Done);
                }
                self.queue.discard(1);
                if end >= reading.position {
                    reading.position = end;
                    reading.short_since.get_or_insert_with(Instant::now);
                }
                Ok(Step::Continue)
            }
            Some(Head::Error(code, text)) => {
                self.queue.discard(1);
                self.recover(reading, code, text)
            }
        }
    }

    /// Hands the pending records below `until` to the callback.
    fn hand_out(
        &mut self,
        reading: &mut Reading<'_>,
        each: &mut dyn FnMut(&MessageBatch<'_>) -> ControlFlow<()>,
    ) -> Step {
        let batch = self.queue.batch(reading.range.until);
        let count = batch.len();
        reading.report.records += count as u64;
        reading.report.bytes += batch.byte_count();
        if let Some(last) = batch.last() {
            reading.position = last.offset + 1;
        }
        let flow = each(&batch);
        self.queue.discard(count);
        reading.progress();
        match flow {
            ControlFlow::Continue(()) => Step::Continue,
            ControlFlow::Break(()) => Step::Done,
        }
    }

    /// Waits for records, and looks at the clock.
    fn wait(
        &mut self,
        reading: &mut Reading<'_>,
        each: &mut dyn FnMut(&MessageBatch<'_>) -> ControlFlow<()>,
    ) -> Result<Step, KafkaError> {
        let idle = reading.moved_at.elapsed();
        if idle >= reading.deadline {
            return Err(reading.shared.stalled(reading.range, reading.position, idle));
        }
        if let Some(since) = reading.short_since {
            // Measured from when the end was first seen; half the deadline at most, so that this is said before a stall is.
            if since.elapsed() >= SHORT_LOG_GRACE.min(reading.deadline / 2) {
                return self.short_log(reading);
            }
        }
        if reading.looked.0.elapsed() >= LOOK_EVERY {
            reading.look()?;
        }
        let started = Instant::now();
        self.queue.fill(BATCH, WAIT.min(reading.deadline - idle));
        reading.report.waited += started.elapsed();
        if self.queue.head().is_none() && each(&self.queue.batch(reading.range.until)).is_break() {
            return Ok(Step::Done);
        }
        Ok(Step::Continue)
    }

    /// The log ended before `until` and has not grown since.
    fn short_log(&mut self, reading: &mut Reading<'_>) -> Result<Step, KafkaError> {
        let (_, end) = reading.bounds()?;
        if end > reading.position {
            // More is there by now; an end beyond the position without records is waited for like any other.
            reading.short_since = (end < reading.range.until).then(Instant::now);
            if end >= reading.range.until {
                return Ok(Step::Continue);
            }
            self.seek(reading, reading.position)?;
            return Ok(Step::Continue);
        }
        reading.lose(reading.range.until, &format!("the log ends at offset {end}"))?;
        reading.stopped = true;
        Ok(Step::Done)
    }

    /// Deals with an error in place of records.
    fn recover(&mut self, reading: &mut Reading<'_>, code: RDKafkaErrorCode, text: String) -> Result<Step, KafkaError> {
        match code {
            RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange => self.out_of_range(reading, text),
            RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition => Err(reading.missing_topic()),
            RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::BadMessage
            | RDKafkaErrorCode::BadCompression
            | RDKafkaErrorCode::NotImplemented => Err(KafkaError::Read {
                partition: reading.range.partition.clone(),
                servers: reading.shared.servers.clone(),
                reason: text,
            }),
            // Leaders move, connections break: the library goes on by itself, and the deadline says when that is enough.
            _ => {
                tracing::debug!(target: "kafka", partition = %reading.range.partition, "{text}");
                Ok(Step::Continue)
            }
        }
    }

    /// The broker has nothing at the position: records were deleted, or the topic is another one by now.
    fn out_of_range(&mut self, reading: &mut Reading<'_>, text: String) -> Result<Step, KafkaError> {
        let (start, end) = reading.bounds()?;
        if reading.position < start {
            let next = start.min(reading.range.until);
            reading.lose(next, &format!("the log starts at offset {start}"))?;
            if reading.position >= reading.range.until {
                reading.stopped = true;
                return Ok(Step::Done);
            }
        } else if reading.position > end {
            reading.lose(
                reading.range.until,
                &format!("the log ends at offset {end}: the topic was deleted and created again, or cut off"),
            )?;
            reading.stopped = true;
            return Ok(Step::Done);
        } else {
            // The answer came from a broker that is behind or ahead of its leader. It has to agree before the deadline.
            reading.recoveries += 1;
            tracing::debug!(target: "kafka", partition = %reading.range.partition, "{text}");
            let idle = reading.moved_at.elapsed();
            if idle >= reading.deadline {
                return Err(reading.shared.stalled(reading.range, reading.position, idle));
            }
            std::thread::sleep(WAIT.min(reading.deadline - idle) * reading.recoveries.min(5));
        }
        self.seek(reading, reading.position)?;
        Ok(Step::Continue)
    }

    fn seek(&mut self, reading: &mut Reading<'_>, offset: i64) -> Result<(), KafkaError> {
        self.queue.clear();
        self.position = None;
        let wait = reading.deadline.min(BOUNDS_WAIT);
        reading.shared.seek(&reading.range.partition, offset, wait)
    }
}

impl Reading<'_> {
    fn progress(&mut self) {
        self.moved_at = Instant::now();
        self.short_since = None;
        self.recoveries = 0;
        self.looked = (self.moved_at, 0);
        self.shared.health.clear();
    }

    /// Asks whether the topic is still there.
    fn look(&mut self) -> Result<(), KafkaError> {
        let topic = self.range.partition.topic.as_str();
        let wait = LOOK_WAIT.min(self.deadline);
        let missing = self
            .shared
            .client
            .fetch_metadata(Some(topic), wait)
            .is_ok_and(|metadata| {
                metadata.topics().iter().any(|found| {
                    let code = found.error().map(RDKafkaErrorCode::from);
                    found.name() == topic && matches!(code, Some(RDKafkaErrorCode::UnknownTopicOrPartition))
                })
            });
        self.looked = (Instant::now(), if missing { self.looked.1 + 1 } else { 0 });
        if self.looked.1 < LOOKS {
            return Ok(());
        }
        Err(self.missing_topic())
    }

    fn missing_topic(&self) -> KafkaError {
        KafkaError::MissingTopic {
            topic: self.range.partition.topic.clone(),
            servers: self.shared.servers.clone(),
            near: Vec::new(),
        }
    }

    /// The first offset of the log and the one after its last.
    fn bounds(&self) -> Result<(i64, i64), KafkaError> {
        let partition = &self.range.partition;
        let started = Instant::now();
        self.shared
            .client
            .fetch_watermarks(&partition.topic, partition.partition, self.deadline.min(BOUNDS_WAIT))
            .map_err(|_| self.shared.stalled(self.range, self.position, started.elapsed()))
    }

    /// Gives up the records from the position to `next`, or fails if that is not allowed.
    fn lose(&mut self, next: i64, reason: &str) -> Result<(), KafkaError> {
        let lost = OffsetRange {
            partition: self.range.partition.clone(),
            from: self.position,
            until: next,
        };
        if self.fail_on_data_loss {
            return Err(KafkaError::DataLoss {
                lost,
                reason: reason.to_owned(),
            });
        }
        tracing::warn!(target: "kafka", %lost, "records are gone and skipped: {reason}");
        self.report.lost.push(lost);
        self.position = next;
        self.progress();
        Ok(())
    }
}
