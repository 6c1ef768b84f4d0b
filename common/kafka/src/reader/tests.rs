use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_common::domain::failure::FailureClass;
use proptest::prelude::*;

use crate::testing::{PATIENCE, broker, config, fill, range, read, read_with, reader};
use crate::{KafkaError, Record, Role, Sender, TimestampType};

fn numbers(from: i64, until: i64) -> Vec<i64> {
    (from..until).collect()
}

#[test]
fn consecutive_ranges_are_read_without_moving_and_others_with() {
    let broker = broker("t", 1);
    let servers = broker.bootstrap_servers();
    fill(&servers, "t", 0, 0, 5_000);
    let reader = reader(&servers, &[]);

    let (seen, report) = read(&reader, &range("t", 0, 10, 1_500));
    assert_eq!(seen, numbers(10, 1_500));
    assert!(!report.moved);
    assert_eq!(report.position, 1_500);
    // What was fetched beyond the first range is kept for the second.
    let (seen, report) = read(&reader, &range("t", 0, 1_500, 1_501));
    assert_eq!((seen, report.moved), (vec![1_500], false));
    let (seen, report) = read(&reader, &range("t", 0, 1_501, 5_000));
    assert_eq!((seen, report.moved), (numbers(1_501, 5_000), false));
    // Back, and forth over a part that is left out.
    let (seen, report) = read(&reader, &range("t", 0, 700, 2_000));
    assert_eq!((seen, report.moved), (numbers(700, 2_000), true));
    let (seen, report) = read(&reader, &range("t", 0, 4_990, 5_000));
    assert_eq!((seen, report.moved), (numbers(4_990, 5_000), true));
    // The log goes on.
    fill(&servers, "t", 0, 5_000, 5_010);
    let (seen, report) = read(&reader, &range("t", 0, 5_000, 5_010));
    assert_eq!((seen, report.moved), (numbers(5_000, 5_010), false));
    // The very start, which is the one offset that no validation precedes.
    assert_eq!(read(&reader, &range("t", 0, 0, 3)).0, numbers(0, 3));
}

#[test]
fn a_record_arrives_soon_after_it_was_written() {
    let broker = broker("t", 1);
    let servers = broker.bootstrap_servers();
    fill(&servers, "t", 0, 0, 1);
    let reader = reader(&servers, &[]);
    read(&reader, &range("t", 0, 0, 1));
    for number in 1..6 {
        fill(&servers, "t", 0, number, number + 1);
        let started = Instant::now();
        read(&reader, &range("t", 0, number, number + 1));
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }
}

#[test]
fn partitions_are_read_at_once_by_several_threads() {
    let broker = broker("t", 3);
    let servers = broker.bootstrap_servers();
    for partition in 0..3 {
        fill(&servers, "t", partition, 0, 2_000);
    }
    let reader = Arc::new(reader(&servers, &[]));
    std::thread::scope(|scope| {
        for partition in 0..3 {
            let reader = Arc::clone(&reader);
            scope.spawn(move || {
                for cut in 0..4 {
                    let (from, until) = (cut * 500, (cut + 1) * 500);
                    let (seen, report) = read(&reader, &range("t", partition, from, until));
                    assert_eq!((seen, report.moved), (numbers(from, until), false));
                }
            });
        }
    });
    assert_eq!(reader.partition_count(), 3);
    // A partition let go is taken up again where it is asked for.
    reader.retain(|partition| partition.partition != 1).unwrap();
    assert_eq!(reader.partition_count(), 2);
    assert_eq!(read(&reader, &range("t", 1, 100, 900)).0, numbers(100, 900));
}

#[test]
fn two_reads_of_one_partition_take_turns() {
    let broker = broker("t", 1);
    let servers = broker.bootstrap_servers();
    fill(&servers, "t", 0, 0, 1_000);
    let reader = reader(&servers, &[]);
    std::thread::scope(|scope| {
        for half in 0..2 {
            let reader = &reader;
            scope.spawn(move || {
                let (from, until) = (half * 500, (half + 1) * 500);
                assert_eq!(read(reader, &range("t", 0, from, until)).0, numbers(from, until));
            });
        }
    });
}

#[test]
fn keys_values_headers_and_timestamps_come_as_they_were_written() {
    let broker = broker("t", 1);
    let servers = broker.bootstrap_servers();
    let sender = Sender::open(&config(&servers, Role::Producer, &[])).unwrap();
    let headers = [
        ("trace".to_owned(), Some(b"1".to_vec())),
        ("none".to_owned(), None),
        ("trace".to_owned(), Some(Vec::new())),
    ];
    let records = [
        Record {
            key: Some(b"k"),
            value: Some(b"v"),
            headers: &headers,
            timestamp_ms: Some(42),
            ..Record::default()
        },
        Record {
            key: None,
            value: None,
            timestamp_ms: Some(7),
            ..Record::default()
        },
        Record {
            key: Some(b""),
            value: Some(b""),
            timestamp_ms: Some(7),
            ..Record::default()
        },
    ];
    for record in records {
        sender
            .send_record(&Record {
                topic: "t",
                partition: Some(0),
                ..record
            })
            .unwrap();
    }
    sender.flush(PATIENCE).unwrap();
    assert_eq!(sender.delivered(), 3);

    let reader = reader(&servers, &[]);
    let mut rows = Vec::new();
    let mut read_headers = Vec::new();
    reader
        .read(&range("t", 0, 0, 3), true, PATIENCE, &mut |batch| {
            for m in batch.iter() {
                assert_eq!(m.timestamp_type, TimestampType::CreateTime);
                rows.push((
                    m.offset,
                    m.timestamp_ms,
                    m.key.map(<[u8]>::to_vec),
                    m.value.map(<[u8]>::to_vec),
                ));
                read_headers.push(
                    m.headers()
                        .map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec)))
                        .collect::<Vec<_>>(),
                );
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(
        rows,
        [
            (0, 42, Some(b"k".to_vec()), Some(b"v".to_vec())),
            (1, 7, None, None),
            (2, 7, Some(Vec::new()), Some(Vec::new())),
        ]
    );
    assert_eq!(read_headers, [headers.to_vec(), Vec::new(), Vec::new()]);
}

#[test]
fn a_callback_that_breaks_ends_the_read_between_records() {
    let broker = broker("t", 1);
    let servers = broker.bootstrap_servers();
    fill(&servers, "t", 0, 0, 3_000);
    let reader = reader(&servers, &[]);
    let mut last = -1;
    let report = reader
        .read(&range("t", 0, 0, 3_000), true, PATIENCE, &mut |batch| {
            let Some(message) = batch.last() else {
                return ControlFlow::Continue(());
            };
            last = message.offset;
            ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!(report.position, last + 1);
    let (seen, report) = read(&reader, &range("t", 0, last + 1, 3_000));
    assert_eq!((seen, report.moved), (numbers(last + 1, 3_000), false));
}

#[test]
fn a_read_that_waits_can_be_called_off() {
    let broker = broker("t", 1);
    let servers = broker.bootstrap_servers();
    fill(&servers, "t", 0, 0, 10);
    broker.round_trip_time(Duration::from_secs(3)).unwrap();
    let reader = reader(&servers, &[]);
    let started = Instant::now();
    let report = reader
        .read(&range("t", 0, 4, 10), true, PATIENCE, &mut |batch| {
            assert!(batch.is_empty());
            ControlFlow::Break(())
        })
        .unwrap();
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!((report.records, report.position), (0, 4));
    broker.round_trip_time(Duration::ZERO).unwrap();
    assert_eq!(read(&reader, &range("t", 0, 4, 10)).0, numbers(4, 10));
}

#[test]
fn a_callback_that_panics_leaves_the_reader_usable() {
    let broker = broker("t", 1);
    let servers = broker.bootstrap_servers();
    fill(&servers, "t", 0, 0, 100);
    let reader = reader(&servers, &[]);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        reader.read(&range("t", 0, 0, 100), true, PATIENCE, &mut |_| panic!("boom"))
    }));
    assert!(outcome.is_err());
    assert_eq!(read(&reader, &range("t", 0, 0, 100)).0, numbers(0, 100));
}

#[test]
fn a_range_beyond_the_end_of_the_log_is_data_loss() {
    let broker = broker("t", 1);
    let servers = broker.bootstrap_servers();
    fill(&servers, "t", 0, 0, 10);
    let reader = reader(&servers, &[]);
    let wait = Duration::from_secs(4);
    let error = read_with(&reader, &range("t", 0, 5, 20), true, wait).unwrap_err();
    assert_eq!(error.class(), FailureClass::DataLoss);
    assert!(
        error
            .to_string()
            .starts_with("records of t-0 [10, 20) are gone: the log ends at offset 10"),
        "{error}"
    );
    let (seen, report) = read_with(&reader, &range("t", 0, 5, 20), false, wait).unwrap();
    assert_eq!((seen.len(), report.lost), (5, vec![range("t", 0, 10, 20)]));
    // Wholly beyond it.
    let error = read_with(&reader, &range("t", 0, 100, 200), true, wait).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("records of t-0 [100, 200) are gone: the log ends at offset 10"),
        "{error}"
    );
    let (seen, report) = read_with(&reader, &range("t", 0, 100, 200), false, wait).unwrap();
    assert_eq!((seen.len(), report.lost), (0, vec![range("t", 0, 100, 200)]));
    assert_eq!(read(&reader, &range("t", 0, 0, 10)).0, numbers(0, 10));
}

#[test]
fn records_deleted_by_retention_are_data_loss_with_the_exact_range() {
    let broker = broker("t", 1);
    let servers = broker.bootstrap_servers();
    // The mock broker keeps 5 MiB of a partition.
    let sender = Sender::open(&config(&servers, Role::Producer, &[])).unwrap();
    let value = vec![b'x'; 50_000];
    for _ in 0..200 {
        sender.send("t", Some(0), None, Some(&value), &[]).unwrap();
    }
    sender.flush(PATIENCE).unwrap();
    let reader = reader(&servers, &[]);
    let (start, end) = reader.shared.client_bounds("t", 0);
    assert!(start > 10 && end == 200, "{start} {end}");

    let error = read_with(&reader, &range("t", 0, 3, 200), true, PATIENCE).unwrap_err();
    assert!(
        matches!(&error, KafkaError::DataLoss { lost, .. } if *lost == range("t", 0, 3, start)),
        "{error}"
    );
    let (seen, report) = read_with(&reader, &range("t", 0, 3, 200), false, PATIENCE).unwrap();
    assert_eq!(report.lost, [range("t", 0, 3, start)]);
    assert_eq!(seen.iter().map(|s| s.0).collect::<Vec<_>>(), numbers(start, 200));
    // All of the range is gone, and the reader goes on.
    let (seen, report) = read_with(&reader, &range("t", 0, 2, 8), false, PATIENCE).unwrap();
    assert_eq!((seen.len(), report.lost), (0, vec![range("t", 0, 2, 8)]));
    assert_eq!(
        read_with(&reader, &range("t", 0, 190, 200), true, PATIENCE)
            .unwrap()
            .0
            .len(),
        10
    );
}

#[test]
fn an_unreachable_broker_is_named_with_the_reason() {
    // Bound and closed again: nothing listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let servers = format!("127.0.0.1:{port}");
    let reader = reader(&servers, &[]);
    let error = read_with(&reader, &range("t", 0, 0, 10), true, Duration::from_secs(2)).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("no record of t-0 [0, 10) came from {servers} within 2")),
        "{text}"
    );
    assert!(
        text.contains("Connection refused") && text.contains("nothing listens there"),
        "{text}"
    );
    assert!(error.class().retryable());
}

#[test]
fn a_topic_that_does_not_exist_ends_the_read() {
    let broker = broker("t", 1);
    let reader = reader(
        &broker.bootstrap_servers(),
        &[("kafka.topic.metadata.propagation.max.ms", "500")],
    );
    let error = read_with(&reader, &range("nope", 0, 0, 10), true, PATIENCE).unwrap_err();
    assert!(
        matches!(&error, KafkaError::MissingTopic { topic, .. } if topic == "nope"),
        "{error}"
    );
}

#[test]
fn a_broker_that_comes_back_is_read_on() {
    let broker = broker("t", 1);
    let servers = broker.bootstrap_servers();
    fill(&servers, "t", 0, 0, 100);
    let reader = reader(&servers, &[]);
    read(&reader, &range("t", 0, 0, 50));
    broker.broker_down(-1).unwrap();
    // What was fetched is there, what was not is waited for.
    read(&reader, &range("t", 0, 50, 100));
    let error = read_with(&reader, &range("t", 0, 100, 110), true, Duration::from_secs(2)).unwrap_err();
    assert!(matches!(error, KafkaError::Stalled { position: 100, .. }), "{error}");
    broker.broker_up(-1).unwrap();
    fill(&servers, "t", 0, 100, 110);
    assert_eq!(read(&reader, &range("t", 0, 100, 110)).0, numbers(100, 110));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_into_ranges_gives_each_record_once_in_order(
        mut cuts in prop::collection::vec(0_i64..3_000, 0..12),
        detours in prop::collection::vec(any::<bool>(), 13),
    ) {
        thread_local! {
            static SETUP: (crate::mock::MockBroker, crate::SourceReader) = {
                let broker = broker("t", 1);
                let servers = broker.bootstrap_servers();
                fill(&servers, "t", 0, 0, 3_000);
                let reader = reader(&servers, &[]);
                (broker, reader)
            };
        }
        cuts.extend([0, 3_000]);
        cuts.sort_unstable();
        SETUP.with(|(_, reader)| {
            let mut all = Vec::new();
            for (pair, detour) in cuts.windows(2).zip(detours) {
                all.extend(read(reader, &range("t", 0, pair[0], pair[1])).0);
                if detour {
                    // Another range in between must not disturb the next one.
                    prop_assert_eq!(read(reader, &range("t", 0, 17, 40)).0, numbers(17, 40));
                }
            }
            prop_assert_eq!(all, numbers(0, 3_000));
            Ok(())
        })?;
    }
}
