//! What the mock broker cannot show: gaps, transactions, deleted records, look-up by time. Needs an empty Kafka cluster in
//! `MILLSTREAM_TEST_KAFKA` (host:port); without it these tests are not run (`cargo test -- --ignored` runs them).

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millstream_common::domain::offset::TopicPartition;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::testing::{PATIENCE, config, fill, range, read, read_with, reader};
use crate::{Admin, KafkaError, Role, Subscription, TopicSpec};

const COMMITTED: &[(&str, &str)] = &[("kafka.isolation.level", "read_committed")];

fn servers() -> String {
    std::env::var("MILLSTREAM_TEST_KAFKA").expect("MILLSTREAM_TEST_KAFKA names a cluster")
}

async fn topic(servers: &str, name: &str, settings: &[(&str, &str)]) -> (Admin, String) {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let name = format!("{name}-{nanos}");
    let admin = Admin::open(&config(servers, Role::Admin, &[])).unwrap();
    let spec = TopicSpec {
        name: name.clone(),
        partitions: 1,
        replication: 1,
        config: settings
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect::<BTreeMap<_, _>>(),
    };
    admin.create_topics(std::slice::from_ref(&spec)).await.unwrap();
    // Existing topics are left alone.
    admin.create_topics(&[spec]).await.unwrap();
    (admin, name)
}

fn transactional(servers: &str, id: &str) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("transactional.id", id);
    let producer: BaseProducer = config.create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer
}

fn transaction(producer: &BaseProducer, topic: &str, values: std::ops::Range<i64>, commit: bool) {
    producer.begin_transaction().unwrap();
    for value in values {
        let text = value.to_string();
        producer
            .send(BaseRecord::<(), str>::to(topic).partition(0).payload(text.as_str()))
            .unwrap();
    }
    producer.flush(PATIENCE).unwrap();
    if commit {
        producer.commit_transaction(PATIENCE).unwrap();
    } else {
        producer.abort_transaction(PATIENCE).unwrap();
    }
}

#[tokio::test]
#[ignore = "needs a Kafka cluster"]
async fn transactions_leave_gaps_that_ranges_pass_over() {
    let servers = servers();
    let (admin, topic) = topic(&servers, "transactions", &[]).await;
    let producer = transactional(&servers, &topic);
    transaction(&producer, &topic, 0..10, true); // 0..10, marker 10
    transaction(&producer, &topic, 11..20, false); // 11..20, marker 20
    transaction(&producer, &topic, 21..30, true); // 21..30, marker 30
    transaction(&producer, &topic, 31..40, false); // 31..40, marker 40: nothing after it
    let partition = TopicPartition::new(topic.clone(), 0);
    // Markers are written after the producer has its answer.
    for _ in 0..100 {
        let end = admin.latest(std::slice::from_ref(&partition)).await.unwrap();
        if end.get(&partition) == Some(41) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }

    let committed: Vec<i64> = (0..10).chain(21..30).collect();
    let all: Vec<i64> = (0..10).chain(11..20).chain(21..30).chain(31..40).collect();
    for (more, expected) in [(COMMITTED, committed), (&[], all)] {
        let reader = reader(&servers, more);
        // Every cut into two or three ranges, each end on or inside a gap at some point.
        for cut in 1..41 {
            let mut seen = Vec::new();
            for (from, until) in [(0, cut), (cut, (cut + 5).min(41)), ((cut + 5).min(41), 41)] {
                let (part, report) = read(&reader, &range(&topic, 0, from, until));
                seen.extend(part);
                assert_eq!(report.position, until.max(from));
            }
            assert_eq!(seen, expected, "cut at {cut}");
        }
    }

    // An open transaction holds the committed end back.
    producer.begin_transaction().unwrap();
    producer
        .send(BaseRecord::<(), str>::to(&topic).partition(0).payload("41"))
        .unwrap();
    producer.flush(PATIENCE).unwrap();
    let uncommitted = admin.latest(std::slice::from_ref(&partition)).await.unwrap();
    assert_eq!(uncommitted.get(&partition), Some(42));
    let admin = Admin::open(&config(&servers, Role::Admin, COMMITTED)).unwrap();
    assert_eq!(
        admin
            .latest(std::slice::from_ref(&partition))
            .await
            .unwrap()
            .get(&partition),
        Some(41)
    );
    producer.abort_transaction(PATIENCE).unwrap();
}

#[tokio::test]
#[ignore = "needs a Kafka cluster"]
async fn deleted_records_and_times_are_looked_up() {
    let servers = servers();
    let (admin, topic) = topic(&servers, "deleted", &[]).await;
    fill(&servers, &topic, 0, 0, 1_000);
    let partition = TopicPartition::new(topic.clone(), 0);
    let times = [
        (partition.clone(), 1_500),
        (partition.clone(), 0),
        (partition.clone(), 5_000),
    ];
    // `fill` gives record n the timestamp 1000 + n; one partition per question, as answers are by partition.
    let mut found = Vec::new();
    for at in times {
        found.push(admin.offsets_for_times(&[at]).await.unwrap()[0].1);
    }
    assert_eq!(found, [Some(500), Some(0), None]);

    let reader = reader(&servers, &[]);
    assert_eq!(read(&reader, &range(&topic, 0, 0, 10)).0.len(), 10);
    let native: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &servers).create().unwrap();
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(&topic, 0, Offset::Offset(600)).unwrap();
    native.delete_records(&before, &AdminOptions::new()).await.unwrap();
    let start = admin.earliest(std::slice::from_ref(&partition)).await.unwrap();
    assert_eq!(start.get(&partition), Some(600));

    // Far enough back that nothing prefetched hides it.
    let error = read_with(&reader, &range(&topic, 0, 20, 700), true, PATIENCE).unwrap_err();
    assert!(
        matches!(&error, KafkaError::DataLoss { lost, .. } if *lost == range(&topic, 0, 20, 600)),
        "{error}"
    );
    let (seen, report) = read_with(&reader, &range(&topic, 0, 20, 700), false, PATIENCE).unwrap();
    assert_eq!((seen.len(), report.lost), (100, vec![range(&topic, 0, 20, 600)]));

    // The topic goes altogether.
    native.delete_topics(&[&topic], &AdminOptions::new()).await.unwrap();
    let error = read_with(&reader, &range(&topic, 0, 1_000, 1_010), true, Duration::from_secs(30)).unwrap_err();
    assert!(matches!(error, KafkaError::MissingTopic { .. }), "{error}");
    let error = admin.partitions(&Subscription::Topics(vec![topic])).await.unwrap_err();
    assert!(matches!(error, KafkaError::MissingTopic { .. }), "{error}");
}
