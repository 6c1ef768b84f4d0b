//! How fast the Kafka client alone hands out the records: the ceiling of any engine on it.

use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use millstream_common::domain::offset::{OffsetRange, TopicPartition};
use millstream_common::options::Options;
use millstream_kafka::{KafkaConfig, Role, SourceReader};
use millstream_tests::broker::Broker;

/// Records taken from one partition before the other's turn.
const TURN: i64 = 250_000;

/// Records per second of two consumers that read two of the topic's four partitions each and touch the length of each record.
///
/// # Errors
/// When the broker stops answering.
pub fn rate(broker: &Broker, topic: &str, records: u64) -> Result<f64> {
    let started = Instant::now();
    let mut threads = Vec::new();
    for pair in [[0, 2], [1, 3]] {
        let mut ends = Vec::new();
        for partition in pair {
            ends.push((partition, broker.ends(topic, partition)?));
        }
        let (servers, topic) = (broker.servers().to_owned(), topic.to_owned());
        threads.push(thread::spawn(move || read(&servers, &topic, &ends)));
    }
    let mut read = 0;
    for thread in threads {
        read += thread.join().map_err(|_| anyhow!("a reading thread panicked"))??;
    }
    if read < records {
        bail!("the client read {read} of {records} records");
    }
    Ok(read as f64 / started.elapsed().as_secs_f64())
}

fn read(servers: &str, topic: &str, ends: &[(i32, (i64, i64))]) -> Result<u64> {
    let mut options = Options::default();
    options.set("kafka.bootstrap.servers", servers);
    let reader = SourceReader::open(&KafkaConfig::from_options(&options, Role::Reader)?, "bench")?;
    let (mut count, mut bytes) = (0, 0);
    let rounds = ends
        .iter()
        .map(|(_, (low, high))| (high - low) / TURN + 1)
        .max()
        .unwrap_or(0);
    for round in 0..rounds {
        for (partition, (low, high)) in ends {
            let from = low + round * TURN;
            let until = (from + TURN).min(*high);
            if from >= until {
                continue;
            }
            let range = OffsetRange {
                partition: TopicPartition::new(topic, *partition),
                from,
                until,
            };
            let report = reader.read(&range, true, Duration::from_secs(20), &mut |batch| {
                bytes += batch.byte_count();
                ControlFlow::Continue(())
            });
            count += report.context("the client cannot read the topic")?.records;
        }
    }
    std::hint::black_box(bytes);
    Ok(count)
}
