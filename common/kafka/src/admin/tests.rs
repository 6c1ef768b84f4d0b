use std::collections::BTreeMap;
use std::time::Instant;

use millstream_common::domain::failure::FailureClass;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::*;
use crate::Role;
use crate::mock::MockBroker;
use crate::testing::{config, fill};

const QUICK: &[(&str, &str)] = &[
    ("fetchOffset.numRetries", "1"),
    ("fetchOffset.retryIntervalMs", "50"),
    ("kafka.default.api.timeout.ms", "2000"),
];

fn admin(servers: &str) -> Admin {
    Admin::open(&config(servers, Role::Admin, QUICK)).unwrap()
}

fn topics(names: &[&str]) -> Subscription {
    Subscription::Topics(names.iter().map(|name| (*name).to_owned()).collect())
}

fn names(partitions: &[TopicPartition]) -> Vec<String> {
    partitions.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn subscriptions_become_partitions() {
    let broker = MockBroker::start(1).unwrap();
    for (topic, partitions) in [
        ("sales.eu", 2),
        ("sales.us", 1),
        ("other", 1),
        ("__consumer_offsets", 1),
    ] {
        broker.create_topic(topic, partitions).unwrap();
    }
    let admin = admin(&broker.bootstrap_servers());
    let all = admin.partitions(&topics(&["sales.us", "sales.eu"])).await.unwrap();
    assert_eq!(names(&all), ["sales.eu-0", "sales.eu-1", "sales.us-0"]);
    // Found anywhere in the name, look-ahead as in Java.
    let all = admin
        .partitions(&Subscription::Pattern("^(?!other).*s".to_owned()))
        .await
        .unwrap();
    assert_eq!(names(&all), ["sales.eu-0", "sales.eu-1", "sales.us-0"]);
    assert!(
        admin
            .partitions(&Subscription::Pattern("none".to_owned()))
            .await
            .unwrap()
            .is_empty()
    );
    let assigned = |partitions| Subscription::Assign(BTreeMap::from([("sales.eu".to_owned(), partitions)]));
    assert_eq!(
        names(&admin.partitions(&assigned(vec![1])).await.unwrap()),
        ["sales.eu-1"]
    );
    let error = admin.partitions(&assigned(vec![1, 7])).await.unwrap_err().to_string();
    assert!(error.contains("sales.eu-7") && error.contains("'assign'"), "{error}");
    let error = admin
        .partitions(&Subscription::Pattern("(".to_owned()))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("subscribePattern"), "{error}");
}

#[tokio::test]
async fn a_missing_topic_is_named_with_its_neighbours() {
    let broker = MockBroker::start(1).unwrap();
    broker.create_topic("pagila.sales", 1).unwrap();
    broker.create_topic("unlike", 1).unwrap();
    let admin = admin(&broker.bootstrap_servers());
    let error = admin.partitions(&topics(&["pagila.sale"])).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::User);
    let text = error.to_string();
    assert!(
        text.starts_with("topic 'pagila.sale' does not exist at 127.0.0.1:"),
        "{text}"
    );
    assert!(
        text.contains("did you mean 'pagila.sales'?") && text.contains("create it"),
        "{text}"
    );
    // Asking did not create it.
    let all = admin
        .partitions(&Subscription::Pattern("pagila".to_owned()))
        .await
        .unwrap();
    assert_eq!(names(&all), ["pagila.sales-0"]);
}

#[tokio::test]
async fn the_ends_of_logs_are_looked_up() {
    let broker = MockBroker::start(2).unwrap();
    broker.create_topic("t", 3).unwrap();
    let servers = broker.bootstrap_servers();
    fill(&servers, "t", 0, 0, 5);
    fill(&servers, "t", 2, 0, 7);
    let admin = admin(&servers);
    let partitions = admin.partitions(&topics(&["t"])).await.unwrap();
    let expect = |offsets: [i64; 3]| partitions.iter().cloned().zip(offsets).collect::<PartitionOffsets>();
    assert_eq!(admin.earliest(&partitions).await.unwrap(), expect([0, 0, 0]));
    assert_eq!(admin.latest(&partitions).await.unwrap(), expect([5, 0, 7]));
    assert!(admin.latest(&[]).await.unwrap().is_empty());
    // The mock broker answers the end to every time.
    let at = [(partitions[2].clone(), 5), (partitions[0].clone(), -3)];
    let found = admin.offsets_for_times(&at).await.unwrap();
    assert_eq!(found.iter().map(|(p, _)| p.partition).collect::<Vec<_>>(), [2, 0]);
}

#[tokio::test]
async fn errors_of_the_moment_are_repeated() {
    let broker = MockBroker::start(1).unwrap();
    broker.create_topic("t", 1).unwrap();
    let servers = broker.bootstrap_servers();
    fill(&servers, "t", 0, 0, 5);
    let admin = admin(&servers);
    let partitions = admin.partitions(&topics(&["t"])).await.unwrap();
    broker.fail_next(
        RDKafkaApiKey::ListOffsets,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE],
    );
    assert_eq!(admin.latest(&partitions).await.unwrap().get(&partitions[0]), Some(5));
}

#[tokio::test]
async fn an_unreachable_broker_is_said_in_time() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let servers = format!("127.0.0.1:{port}");
    let admin = admin(&servers);
    let started = Instant::now();
    let error = admin.partitions(&topics(&["t"])).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(error.class(), FailureClass::External);
    let text = error.to_string();
    assert!(
        text.starts_with(&format!(
            "cannot list the partitions of topic 't' at {servers}: no answer within"
        )),
        "{text}"
    );
    assert!(
        text.contains("Connection refused") && text.contains("nothing listens there"),
        "{text}"
    );
}

#[tokio::test]
async fn a_partition_that_is_gone_is_named() {
    let broker = MockBroker::start(1).unwrap();
    broker.create_topic("t", 1).unwrap();
    let admin = admin(&broker.bootstrap_servers());
    let gone = [TopicPartition::new("t", 0), TopicPartition::new("t", 4)];
    let text = admin.latest(&gone).await.unwrap_err().to_string();
    assert!(
        text.starts_with("cannot look up the latest offsets of t-0, t-4 at 127.0.0.1:"),
        "{text}"
    );
}

#[tokio::test]
async fn tls_to_a_port_without_tls_is_explained() {
    let broker = MockBroker::start(1).unwrap();
    let servers = broker.bootstrap_servers();
    let mut more = QUICK.to_vec();
    more.push(("kafka.security.protocol", "SSL"));
    let admin = Admin::open(&config(&servers, Role::Admin, &more)).unwrap();
    let text = admin.partitions(&topics(&["t"])).await.unwrap_err().to_string();
    assert!(
        text.contains("kafka.ssl.ca.location") || text.contains("kafka.security.protocol"),
        "{text}"
    );
}

#[tokio::test]
async fn asking_again_costs_a_round_trip() {
    let broker = MockBroker::start(1).unwrap();
    broker.create_topic("t", 4).unwrap();
    let admin = admin(&broker.bootstrap_servers());
    let partitions = admin.partitions(&topics(&["t"])).await.unwrap();
    admin.latest(&partitions).await.unwrap();
    let started = Instant::now();
    for _ in 0..20 {
        admin.latest(&partitions).await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}
