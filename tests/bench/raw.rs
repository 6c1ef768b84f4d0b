//! How fast the Kafka client alone hands out the records: the ceiling of any engine on it.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use millstream_tests::broker::Broker;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// Records per second of two consumers that read half of the topic's four partitions each and touch each record's length.
///
/// # Errors
/// When the broker stops answering.
pub fn rate(broker: &Broker, topic: &str, records: u64) -> Result<f64> {
    let started = Instant::now();
    let threads: Vec<_> = (0..2)
        .map(|half| {
            let (servers, topic) = (broker.servers().to_owned(), topic.to_owned());
            thread::spawn(move || read(&servers, &topic, [half, half + 2]))
        })
        .collect();
    let mut read = 0;
    for thread in threads {
        read += thread.join().map_err(|_| anyhow!("a reading thread panicked"))??;
    }
    if read < records {
        bail!("the client read {read} of {records} records");
    }
    Ok(read as f64 / started.elapsed().as_secs_f64())
}

fn read(servers: &str, topic: &str, partitions: [i32; 2]) -> Result<u64> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", servers)
        .set("group.id", "bench")
        .set("enable.auto.commit", "false");
    config
        .set("enable.auto.offset.store", "false")
        .set("check.crcs", "false")
        .set("fetch.message.max.bytes", "4194304");
    config
        .set("queued.min.messages", "1000000")
        .set("queued.max.messages.kbytes", "262144");
    let consumer: BaseConsumer = config.create().context("cannot make a consumer")?;
    let (mut list, mut left) = (TopicPartitionList::new(), 0);
    for partition in partitions {
        let (low, high) = consumer.fetch_watermarks(topic, partition, Duration::from_secs(10))?;
        left += (high - low).unsigned_abs();
        list.add_partition_offset(topic, partition, Offset::Offset(low))?;
    }
    consumer.assign(&list)?;
    let (mut count, mut bytes) = (0, 0);
    while count < left {
        let message = consumer
            .poll(Duration::from_secs(20))
            .context("the broker sent nothing for 20 s")??;
        bytes += message.payload_len();
        count += 1;
    }
    std::hint::black_box(bytes);
    Ok(count)
}
