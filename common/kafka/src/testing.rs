//! Helpers of this crate's tests.

use std::ops::ControlFlow;
use std::time::Duration;

use millstream_common::domain::offset::{OffsetRange, TopicPartition};
use millstream_common::options::Options;

use crate::mock::MockBroker;
use crate::{KafkaConfig, KafkaError, ReadReport, Record, Role, Sender, SourceReader};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn options(servers: &str, more: &[(&str, &str)]) -> Options {
    let mut options: Options = more.iter().copied().collect();
    options.set("kafka.bootstrap.servers", servers);
    options
}

pub(crate) fn config(servers: &str, role: Role, more: &[(&str, &str)]) -> KafkaConfig {
    KafkaConfig::from_options(&options(servers, more), role).unwrap()
}

/// A broker with one topic.
pub(crate) fn broker(topic: &str, partitions: i32) -> MockBroker {
    let broker = MockBroker::start(1).unwrap();
    broker.create_topic(topic, partitions).unwrap();
    broker
}

/// Writes records whose value is their number, `from..until`.
pub(crate) fn fill(servers: &str, topic: &str, partition: i32, from: i64, until: i64) {
    let sender = Sender::open(&config(servers, Role::Producer, &[])).unwrap();
    for number in from..until {
        let value = number.to_string();
        let record = Record {
            topic,
            partition: Some(partition),
            value: Some(value.as_bytes()),
            timestamp_ms: Some(1_000 + number),
            ..Record::default()
        };
        sender.send_record(&record).unwrap();
    }
    sender.flush(PATIENCE).unwrap();
}

pub(crate) fn range(topic: &str, partition: i32, from: i64, until: i64) -> OffsetRange {
    OffsetRange {
        partition: TopicPartition::new(topic, partition),
        from,
        until,
    }
}

pub(crate) fn reader(servers: &str, more: &[(&str, &str)]) -> SourceReader {
    SourceReader::open(&config(servers, Role::Reader, more), "test").unwrap()
}

/// A record as owned data: offset, timestamp, key, value.
pub(crate) type Seen = (i64, i64, Option<Vec<u8>>, Option<Vec<u8>>);

pub(crate) fn read_with(
    reader: &SourceReader,
    range: &OffsetRange,
    fail_on_data_loss: bool,
    deadline: Duration,
) -> Result<(Vec<Seen>, ReadReport), KafkaError> {
    let mut seen = Vec::new();
    let report = reader.read(range, fail_on_data_loss, deadline, &mut |batch| {
        seen.extend(batch.iter().map(|m| {
            let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
            (m.offset, m.timestamp_ms, owned(m.key), owned(m.value))
        }));
        ControlFlow::Continue(())
    })?;
    assert_eq!(report.records, seen.len() as u64);
    Ok((seen, report))
}

pub(crate) fn read(reader: &SourceReader, range: &OffsetRange) -> (Vec<i64>, ReadReport) {
    let (seen, report) = read_with(reader, range, true, PATIENCE).unwrap();
    for (offset, _, _, value) in &seen {
        assert_eq!(value.as_deref(), Some(offset.to_string().as_bytes()));
    }
    (seen.iter().map(|(offset, ..)| *offset).collect(), report)
}
