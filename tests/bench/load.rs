//! Sales as fast as the broker takes them, or at a steady pace.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use xtask::data::figures::COUNTRIES;

/// Partitions of the topics.
pub const PARTITIONS: u64 = 4;
/// Records per second of the steady pace.
pub const TRICKLE_RATE: u64 = 1_000;
/// 2021-05-08 00:00:00 UTC: event time of the first record; each following record is one millisecond later.
const FIRST_EVENT_S: u64 = 1_620_432_000;

/// Records as JSON text, record by record the same on every run.
struct Sales {
    /// `"city":...,"country":"..."}` of each place, as often as the country has orders.
    places: Vec<String>,
}

impl Sales {
    fn new() -> Self {
        let mut places = Vec::new();
        for (country, _, seed, more, cities) in COUNTRIES {
            let cities: Vec<&str> = cities.split(';').collect();
            for order in 0..seed.1 + more.1 {
                let place = cities.get(order as usize % cities.len()).copied().unwrap_or_default();
                let (city, district) = place.split_once('/').unwrap_or((place, ""));
                places.push(format!(
                    r#","city":"{city}","district":"{district}","country":"{country}"}}"#
                ));
            }
        }
        Self { places }
    }

    /// Writes record `number` into `text`, replacing what is there.
    fn write(&self, number: u64, text: &mut Vec<u8>) -> Result<()> {
        text.clear();
        // A multiplicative hash spreads places and prices without a generator to carry along.
        let dice = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let place = usize::try_from(dice)? % self.places.len();
        let place = self.places.get(place).map_or("", String::as_str);
        let (second, millisecond) = (FIRST_EVENT_S + number / 1_000, number % 1_000);
        let (day, hour, minute) = (
            8 + (second - FIRST_EVENT_S) / 86_400,
            second / 3_600 % 24,
            second / 60 % 60,
        );
        write!(
            text,
            r#"{{"payment_id":{number},"customer_id":{},"amount":{}.99,"payment_date":"2021-05-{day:02}T{hour:02}:{minute:02}:{:02}.{millisecond:03}Z"{place}"#,
            dice % 599 + 1,
            dice / 599 % 12 + 1,
            second % 60,
        )?;
        Ok(())
    }
}

fn producer(servers: &str) -> Result<BaseProducer> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", servers)
        .set("acks", "1")
        .set("linger.ms", "20")
        .set("batch.size", "1000000");
    config
        .set("batch.num.messages", "100000")
        .set("queue.buffering.max.messages", "500000");
    config.set("queue.buffering.max.kbytes", "262144");
    config.create().context("cannot make a producer")
}

/// Record `number` goes to partition `number % 4`; event time rises by a millisecond a record over the whole topic. Gives records per second.
///
/// # Errors
/// When the broker does not take them.
pub fn fill(servers: &str, topic: &str, records: u64) -> Result<f64> {
    let started = Instant::now();
    let threads: Vec<JoinHandle<Result<()>>> = (0..2)
        .map(|half| {
            let (servers, topic) = (servers.to_owned(), topic.to_owned());
            thread::spawn(move || {
                let (producer, sales, mut text) = (producer(&servers)?, Sales::new(), Vec::with_capacity(256));
                for number in (0..records).filter(|number| number % 2 == half) {
                    sales.write(number, &mut text)?;
                    send(&producer, &topic, number, &text)?;
                }
                producer
                    .flush(Duration::from_secs(120))
                    .context("the broker did not take all records")
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| anyhow!("a loading thread panicked"))??;
    }
    Ok(records as f64 / started.elapsed().as_secs_f64())
}

fn send(producer: &BaseProducer, topic: &str, number: u64, text: &[u8]) -> Result<()> {
    let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic);
    record.partition = Some(i32::try_from(number % PARTITIONS)?);
    record.payload = Some(text);
    loop {
        match producer.send(record) {
            Ok(()) => break,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                producer.poll(Duration::from_millis(5));
            }
            Err((error, _)) => bail!("cannot produce to {topic}: {error}"),
        }
    }
    if number % 1_024 < 2 {
        producer.poll(Duration::ZERO);
    }
    Ok(())
}

/// Records at a steady pace until it is dropped.
pub struct Trickle {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Trickle {
    /// Starts sending to a topic, ten records every ten milliseconds.
    pub fn start(servers: &str, topic: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, servers, topic) = (Arc::clone(&stop), servers.to_owned(), topic.to_owned());
        let thread = thread::spawn(move || {
            let mut config = ClientConfig::new();
            let producer: BaseProducer = config
                .set("bootstrap.servers", &servers)
                .set("linger.ms", "0")
                .create()?;
            let (sales, mut text, started) = (Sales::new(), Vec::with_capacity(256), Instant::now());
            let mut number = 0;
            while !flag.load(Ordering::Relaxed) {
                let due = started.elapsed().as_millis() as u64 * TRICKLE_RATE / 1_000;
                while number < due {
                    sales.write(number, &mut text)?;
                    send(&producer, &topic, number, &text)?;
                    number += 1;
                }
                producer.poll(Duration::ZERO);
                thread::sleep(Duration::from_millis(10));
            }
            producer
                .flush(Duration::from_secs(10))
                .context("the broker did not take all records")
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Trickle {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
