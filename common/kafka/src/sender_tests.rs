use millstream_common::domain::failure::FailureClass;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::*;
use crate::Role;
use crate::testing::{PATIENCE, broker, config, range, read_with, reader};

#[test]
fn a_full_queue_holds_the_sender_back_and_loses_nothing() {
    let broker = broker("t", 1);
    let servers = broker.bootstrap_servers();
    let small = [("kafka.queue.buffering.max.messages", "10"), ("kafka.linger.ms", "1")];
    let sender = Sender::open(&config(&servers, Role::Producer, &small)).unwrap();
    for number in 0..500_u32 {
        sender
            .send("t", Some(0), None, Some(&number.to_le_bytes()), &[])
            .unwrap();
    }
    sender.flush(PATIENCE).unwrap();
    assert_eq!(sender.delivered(), 500);
    let seen = read_with(&reader(&servers, &[]), &range("t", 0, 0, 500), true, PATIENCE)
        .unwrap()
        .0;
    let expected: Vec<Vec<u8>> = (0..500_u32).map(|n| n.to_le_bytes().to_vec()).collect();
    assert_eq!(seen.into_iter().filter_map(|s| s.3).collect::<Vec<_>>(), expected);
}

#[test]
fn a_refused_record_fails_its_own_sender_only() {
    let broker = broker("t", 1);
    let servers = broker.bootstrap_servers();
    let ours = Sender::open(&config(&servers, Role::Producer, &[])).unwrap();
    let theirs = ours.share();
    broker.fail_next(
        RDKafkaApiKey::Produce,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE],
    );
    ours.send("t", Some(0), None, Some(b"1"), &[]).unwrap();
    let error = ours.flush(PATIENCE).unwrap_err();
    assert_eq!(error.class(), FailureClass::User);
    let text = error.to_string();
    assert!(
        text.starts_with("1 record(s) were not delivered, the first to topic 't' at 127.0.0.1:"),
        "{text}"
    );
    assert!(ours.send("t", Some(0), None, None, &[]).is_err());
    theirs.send("t", Some(0), None, Some(b"2"), &[]).unwrap();
    theirs.flush(PATIENCE).unwrap();
}

#[test]
fn an_unreachable_broker_is_told_by_flush() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let servers = format!("127.0.0.1:{port}");
    let sender = Sender::open(&config(&servers, Role::Producer, &[])).unwrap();
    sender.send("t", None, Some(b"k"), None, &[]).unwrap();
    let text = sender.flush(Duration::from_secs(1)).unwrap_err().to_string();
    assert!(
        text.starts_with(&format!("cannot deliver 1 record(s) at {servers}: no answer within")),
        "{text}"
    );
    assert!(text.contains("Connection refused"), "{text}");
}

#[test]
fn a_record_that_times_out_is_a_delivery_error() {
    let broker = broker("t", 1);
    let servers = broker.bootstrap_servers();
    broker.broker_down(-1).unwrap();
    let short = [("kafka.delivery.timeout.ms", "500")];
    let sender = Sender::open(&config(&servers, Role::Producer, &short)).unwrap();
    sender.send("t", None, None, Some(b"v"), &[]).unwrap();
    let error = sender.flush(PATIENCE).unwrap_err();
    assert!(matches!(error, KafkaError::Delivery { retryable: true, .. }), "{error}");
}

#[test]
fn a_producer_that_has_stopped_for_good_says_so() {
    let broker = broker("t", 1);
    let servers = broker.bootstrap_servers();
    let sender = Sender::open(&config(&servers, Role::Producer, &[])).unwrap();
    assert!(sender.is_usable());
    broker.fail_next(
        RDKafkaApiKey::InitProducerId,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED],
    );
    sender.send("t", Some(0), None, Some(b"1"), &[]).unwrap();
    assert!(sender.flush(PATIENCE).is_err());
    assert!(!sender.is_usable());
    let error = sender.share().send("t", Some(0), None, Some(b"1"), &[]).unwrap_err();
    assert!(error.to_string().contains("ClusterAuthorizationFailed"), "{error}");
}
