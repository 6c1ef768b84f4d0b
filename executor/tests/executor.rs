//! An executor, driven as a driver drives it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, TimeUnit};
use millstream_common::options::Options;
use millstream_executor::process::Ended;
use millstream_executor::shuffle::decode;
use millstream_kafka::mock::MockBroker;
use millstream_kafka::{KafkaConfig, Role, Sender};
use millstream_plan::spec::{
    FileFormat, KafkaSource, RateSource, SinkSpec, SlotId, SourceSpec, StageOutput, Subscription, ValueFormat,
};
use millstream_proto::control::v1::driver_message::Message as Order;
use millstream_proto::control::v1::executor_message::Message as Report;
use millstream_proto::control::v1::{
    BatchAborted, BatchCommitted, CancelTasks, FailureKind, PrepareQuery, StateFile, TaskFinished,
};
use support::orders::*;
use support::{FakeDriver, FakeSession, TestExecutor, within};

/// (key, total, rows), ordered.
fn rows(reports: &[TaskFinished]) -> Vec<(i64, i64, i64)> {
    let batches: Vec<RecordBatch> = reports
        .iter()
        .flat_map(|report| decode(report.rows_ipc.clone()).unwrap())
        .collect();
    let mut rows = Vec::new();
    for batch in &batches {
        let column = |at: usize| batch.column(at).as_primitive::<Int64Type>();
        rows.extend(
            (0..batch.num_rows()).map(|row| (column(0).value(row), column(1).value(row), column(2).value(row))),
        );
    }
    rows.sort_unstable();
    rows
}

/// What one pass over `0..until` gives.
fn expected(until: i64) -> Vec<(i64, i64, i64)> {
    let group = |key: i64| (key..until).step_by(3);
    (0..3)
        .map(|key| (key, group(key).sum(), i64::try_from(group(key).count()).unwrap()))
        .collect()
}

/// Runs the map tasks of a batch over `from..until` on one executor.
async fn run_maps(session: &mut FakeSession, batch: u64, from: i64, until: i64) -> Vec<(String, TaskFinished)> {
    let middle = (from + until) / 2;
    let works = vec![
        (batch * 10, map(0, "rate", from, middle)),
        (batch * 10 + 1, map(1, "rate", middle, until)),
    ];
    session.order(tasks(batch, works)).await;
    let mut finished = vec![session.finished().await, session.finished().await];
    finished.sort_by_key(|report| report.task_id);
    let address = session.register.blocks_address.clone();
    finished.into_iter().map(|report| (address.clone(), report)).collect()
}

async fn run_reduces(
    session: &mut FakeSession,
    batch: u64,
    files: &[StateFile],
    maps: &[(String, TaskFinished)],
) -> Vec<TaskFinished> {
    let works = (0..2)
        .map(|index| (batch * 10 + 5 + u64::from(index), reduce(index, batch, files, maps)))
        .collect();
    session.order(tasks(batch, works)).await;
    vec![session.finished().await, session.finished().await]
}

fn files(reports: &[TaskFinished]) -> Vec<StateFile> {
    reports.iter().flat_map(|report| report.state_files.clone()).collect()
}

async fn commit(session: &FakeSession, batch_id: u64) {
    let committed = BatchCommitted {
        query_id: QUERY.to_owned(),
        generation: 1,
        batch_id,
    };
    session.order(Order::BatchCommitted(committed)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_commit_abort_and_move_to_another_executor() {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().display().to_string();
    let driver = FakeDriver::start().await;
    let first_executor = TestExecutor::start(&[&driver]);
    let mut first = driver.accept().await;
    first.order(aggregation(&location)).await;

    let maps = run_maps(&mut first, 0, 0, 3_000).await;
    assert_eq!(
        maps.iter()
            .map(|(_, report)| report.metrics.as_ref().unwrap().input_rows)
            .sum::<u64>(),
        3_000
    );
    let reduced = run_reduces(&mut first, 0, &[], &maps).await;
    assert_eq!(rows(&reduced), expected(3_000));
    let mut state = files(&reduced);
    commit(&first, 0).await;

    // An aborted batch leaves nothing behind: the same batch gives the same rows again, from state in memory.
    let maps = run_maps(&mut first, 1, 3_000, 5_000).await;
    assert_eq!(rows(&run_reduces(&mut first, 1, &state, &maps).await), expected(5_000));
    first
        .order(Order::BatchAborted(BatchAborted {
            query_id: QUERY.to_owned(),
            generation: 1,
            batch_id: 1,
        }))
        .await;
    let maps = run_maps(&mut first, 1, 3_000, 5_000).await;
    let reduced = run_reduces(&mut first, 1, &state, &maps).await;
    assert_eq!(rows(&reduced), expected(5_000));
    state.extend(files(&reduced));

    // The next batch on an executor that has only the files; its blocks come over the network.
    let second_executor = TestExecutor::start(&[&driver]);
    let mut second = driver.accept().await;
    assert_ne!(second.register.executor_id, first.register.executor_id);
    second.order(aggregation(&location)).await;
    let maps = run_maps(&mut first, 2, 5_000, 6_000).await;
    let reduced = run_reduces(&mut second, 2, &state, &maps).await;
    assert_eq!(rows(&reduced), expected(6_000));

    // Blocks of a committed batch are gone, and the failure names the one that is missed.
    commit(&first, 2).await;
    let mut more = run_maps(&mut first, 3, 6_000, 6_002).await;
    more[0] = maps[0].clone();
    let index = u32::from(maps[0].1.blocks[0].rows == 0);
    second.order(tasks(3, vec![(99, reduce(index, 3, &[], &more))])).await;
    let failure = second.failed().await.failure.unwrap();
    assert_eq!(failure.kind(), FailureKind::LostBlock, "{}", failure.message);
    assert_eq!(failure.lost_block.unwrap().block.unwrap().batch_id, 2);

    let beat = within(async {
        driver
            .beats
            .clone()
            .wait_for(|beat| beat.as_ref().is_some_and(|beat| beat.state_bytes > 0))
            .await
            .unwrap()
            .clone()
    });
    assert!(beat.await.unwrap().resident_bytes > 0);
    drop((first_executor, second_executor));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_are_called_off_and_stale_ones_refused() {
    let folder = tempfile::tempdir().unwrap();
    let driver = FakeDriver::start().await;
    let executor = TestExecutor::start(&[&driver]);
    let mut session = driver.accept().await;
    session.order(aggregation(&folder.path().display().to_string())).await;

    session
        .order(tasks(0, vec![(1, map(0, "rate", 0, i64::from(i32::MAX)))]))
        .await;
    let cancel = CancelTasks {
        query_id: QUERY.to_owned(),
        generation: 1,
        task_ids: vec![1],
    };
    session.order(Order::CancelTasks(cancel)).await;
    assert_eq!(session.failed().await.failure.unwrap().kind(), FailureKind::Cancelled);

    session.order(tasks_of(9, 0, vec![(2, map(0, "rate", 0, 1))])).await;
    assert_eq!(session.failed().await.failure.unwrap().kind(), FailureKind::Fenced);

    let broken = PrepareQuery {
        query_id: "other".to_owned(),
        spec_json: b"{}".to_vec().into(),
        ..PrepareQuery::default()
    };
    session.order(Order::PrepareQuery(broken)).await;
    assert!(matches!(session.report().await, Some(Report::PrepareFailed(_))));

    // Asked to end, it says so and ends its session.
    executor.trigger.escalate();
    assert!(matches!(session.report().await, Some(Report::Leaving(_))));
    assert!(session.report().await.is_none());
    drop(session);
    assert_eq!(within(executor.ended).await.unwrap().unwrap(), Ended::Drained);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_serves_several_drivers_and_survives_them() {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().display().to_string();
    let (one, two) = (FakeDriver::start().await, FakeDriver::start().await);
    let _executor = TestExecutor::start(&[&one, &two]);
    let (mut first, mut second) = (one.accept().await, two.accept().await);
    assert_eq!(first.register.executor_id, second.register.executor_id);
    first.order(aggregation(&location)).await;
    second.order(aggregation(&location)).await;
    let maps = run_maps(&mut first, 0, 0, 30).await;
    assert_eq!(rows(&run_reduces(&mut first, 0, &[], &maps).await), expected(30));
    drop((first, one));
    // The other driver's query of the same name is another one, and still works.
    let maps = run_maps(&mut second, 0, 0, 60).await;
    assert_eq!(rows(&run_reduces(&mut second, 0, &[], &maps).await), expected(60));
    // A session that ends is followed by a new one.
    drop(second);
    let mut again = two.accept().await;
    again.order(tasks(0, vec![(1, map(0, "rate", 0, 1))])).await;
    assert_eq!(
        again.failed().await.failure.unwrap().kind(),
        FailureKind::Fenced,
        "nothing is left of the old session"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_become_files() {
    let folder = tempfile::tempdir().unwrap();
    let driver = FakeDriver::start().await;
    let _executor = TestExecutor::start(&[&driver]);
    let mut session = driver.accept().await;
    let rate = RateSource {
        rows_per_second: 10,
        partitions: 1,
    };
    let mut query = spec([(SlotId(0), SourceSpec::Rate(rate))].into(), StageOutput::Sink);
    query.output_names = vec!["Value".to_owned()];
    query.sink = Some(SinkSpec::Files {
        format: FileFormat::Json,
        path: folder.path().display().to_string(),
        single_file: false,
        options: Options::default(),
    });
    session.order(message(&query, vec![slot(0, vec![int("value")])])).await;
    session
        .order(tasks(0, vec![(1, map(0, "rate", 0, 2)), (2, map(1, "rate", 2, 2))]))
        .await;
    let mut reports = [session.finished().await, session.finished().await];
    reports.sort_by_key(|report| report.task_id);
    let [file] = reports[0].written_files.as_slice() else {
        panic!("expected one file: {reports:?}")
    };
    assert_eq!(file.rows, 2);
    assert_eq!(
        std::fs::read_to_string(folder.path().join(&file.path)).unwrap(),
        "{\"Value\":0}\n{\"Value\":1}\n"
    );
    assert!(reports[1].written_files.is_empty(), "no rows, no file");
}

fn kafka(servers: &str) -> Options {
    let mut options = Options::default();
    options.set("kafka.bootstrap.servers", servers);
    options
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_records_become_rows_and_rows_become_records() {
    let broker = MockBroker::start(1).unwrap();
    broker.create_topic("numbers", 1).unwrap();
    broker.create_topic("copies", 1).unwrap();
    let options = kafka(&broker.bootstrap_servers());
    let sender = Sender::open(&KafkaConfig::from_options(&options, Role::Producer).unwrap()).unwrap();
    for value in ["{\"n\":1,\"unused\":[1]}", "no json", "{\"n\":3}"] {
        sender
            .send("numbers", Some(0), Some(b"k"), Some(value.as_bytes()), &[])
            .unwrap();
    }
    sender.flush(std::time::Duration::from_secs(30)).unwrap();
    let source = |topic: &str, value_format| {
        SourceSpec::Kafka(KafkaSource {
            subscription: Subscription::Topics(vec![topic.to_owned()]),
            include_headers: false,
            fail_on_data_loss: true,
            value_format,
            options: kafka(&broker.bootstrap_servers()),
        })
    };
    let driver = FakeDriver::start().await;
    let _executor = TestExecutor::start(&[&driver]);
    let mut session = driver.accept().await;

    let json = ValueFormat::Json {
        ddl: "n BIGINT, unused ARRAY<INT>".to_owned(),
        options: Options::default(),
    };
    let decoded = spec([(SlotId(0), source("numbers", json))].into(), StageOutput::Driver);
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let columns = vec![int("offset"), int("n"), Field::new("timestamp", time, true)];
    session.order(message(&decoded, vec![slot(0, columns)])).await;
    session.order(tasks(0, vec![(1, map(0, "numbers", 0, 3))])).await;
    let report = session.finished().await;
    let batch = &decode(report.rows_ipc).unwrap()[0];
    let numbers: Vec<Option<i64>> = batch.column(1).as_primitive::<Int64Type>().iter().collect();
    assert_eq!(numbers, [Some(1), None, Some(3)]);
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[0, 1, 2]);
    let metrics = report.metrics.unwrap();
    assert_eq!(
        (metrics.input_rows, metrics.output_rows, metrics.malformed_records),
        (3, 3, 1)
    );

    let mut copied = spec(
        [(SlotId(0), source("numbers", ValueFormat::Raw))].into(),
        StageOutput::Sink,
    );
    copied.query = "copy".into();
    copied.sink = Some(SinkSpec::Kafka {
        topic: Some("copies".to_owned()),
        rows_per_second: None,
        options: kafka(&broker.bootstrap_servers()),
    });
    let columns = || {
        vec![
            Field::new("key", DataType::Binary, true),
            Field::new("value", DataType::Binary, true),
        ]
    };
    session.order(message(&copied, vec![slot(0, columns())])).await;
    let Order::RunTasks(mut run) = tasks(0, vec![(2, map(0, "numbers", 1, 3))]) else {
        unreachable!()
    };
    run.query_id = "copy".to_owned();
    session.order(Order::RunTasks(run)).await;
    assert_eq!(session.finished().await.metrics.unwrap().output_rows, 2);

    let mut read_back = spec(
        [(SlotId(0), source("copies", ValueFormat::Raw))].into(),
        StageOutput::Driver,
    );
    read_back.query = "read".into();
    session.order(message(&read_back, vec![slot(0, columns())])).await;
    let Order::RunTasks(mut run) = tasks(0, vec![(3, map(0, "copies", 0, 2))]) else {
        unreachable!()
    };
    run.query_id = "read".to_owned();
    session.order(Order::RunTasks(run)).await;
    let batch = &decode(session.finished().await.rows_ipc).unwrap()[0];
    let values: Vec<&[u8]> = batch.column(1).as_binary::<i32>().iter().flatten().collect();
    assert_eq!(values, [b"no json".as_slice(), b"{\"n\":3}".as_slice()]);
}
