//! What goes wrong around a job: the message says what, where and what to do, the exit code tells a wrong job from a missing service, and
//! nothing that was committed is lost.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use millstream_tests::broker::{Broker, Record, unique};
use millstream_tests::process::{self, Finished, Process};
use millstream_tests::sql::{Desk, Run};
use millstream_tests::table::Table;

/// Every failure has to show within this: no user waits longer for a message.
const DEADLINE: Duration = Duration::from_secs(60);

const DONE: i32 = 0;
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const UNAVAILABLE: i32 = 3;

/// The run ended with `code`, said each of `words` on standard error (in any case) and printed no result.
#[track_caller]
fn assert_refused(finished: &Finished, code: i32, words: &[&str]) {
    let stderr = finished.stderr.to_lowercase();
    assert_eq!(finished.code, Some(code), "\n--- stderr ---\n{}", finished.stderr);
    for word in words {
        assert!(
            stderr.contains(&word.to_lowercase()),
            "no '{word}' in\n{}",
            finished.stderr
        );
    }
    assert!(!stderr.contains("panicked"), "{}", finished.stderr);
    assert!(
        Table::all(&finished.stdout).is_empty(),
        "a result was printed:\n{}",
        finished.stdout
    );
}

fn numbers_table(servers: &str, topic: &str, more: &str) -> String {
    format!(
        "CREATE TABLE numbers (n INT, name STRING) USING kafka OPTIONS (
  'kafka.bootstrap.servers' '{servers}', subscribe '{topic}', startingOffsets 'earliest', 'value.format' 'json'{more}
);
"
    )
}

/// A topic with the numbers 1 to `count`, all in partition 0 of `partitions`.
fn numbers(broker: &Broker, partitions: i32, count: u32) -> Result<String> {
    let topic = unique("numbers");
    broker.create(&topic, partitions)?;
    let records: Vec<Record> = (1..=count)
        .map(|n| Record::of(format!(r#"{{"n":{n}}}"#)).to(0))
        .collect();
    broker.produce(&topic, &records)?;
    Ok(topic)
}

fn refused(sql: &str) -> Result<Finished> {
    Desk::new()?.job("job.sql", sql)?.finish(DEADLINE)
}

#[test]
fn unreachable_broker() -> Result<()> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let address = format!("127.0.0.1:{port}");
    let finished = refused(&(numbers_table(&address, "numbers", "") + "SELECT sum(n) FROM numbers;"))?;
    assert_refused(
        &finished,
        UNAVAILABLE,
        &[&address, "bootstrap.servers", "refused", "trying again"],
    );
    Ok(())
}

#[test]
fn missing_topic() -> Result<()> {
    let broker = Broker::shared()?;
    let topic = unique("nowhere");
    let finished = refused(&(numbers_table(broker.servers(), &topic, "") + "SELECT sum(n) FROM numbers;"))?;
    assert_refused(&finished, USAGE, &[&topic, broker.servers(), "create it"]);
    Ok(())
}

#[test]
fn what_only_kafka_can_tell_to_be_wrong_is_wrong_use() -> Result<()> {
    let broker = Broker::shared()?;
    let topic = numbers(&broker, 2, 1)?;
    let missing = format!("{topic}-7");
    let cases: [(&str, String, &[&str]); 4] = [
        ("assign", format!(r#"{{"{topic}":[0,7]}}"#), &["assign", &missing]),
        (
            "subscribePattern",
            "zz(*".to_owned(),
            &["subscribePattern", "position 3"],
        ),
        (
            "startingOffsets",
            format!(r#"{{"{topic}":{{"0":0}}}}"#),
            &["starting offsets", &topic],
        ),
        (
            "kafka.security.protocol",
            "SSL_SASL".to_owned(),
            &["kafka.security.protocol", "SSL_SASL"],
        ),
    ];
    for (option, value, words) in cases {
        let subscribe = if matches!(option, "assign" | "subscribePattern") {
            String::new()
        } else {
            format!(", subscribe '{topic}'")
        };
        let sql = format!(
            "CREATE TABLE t USING kafka OPTIONS ('kafka.bootstrap.servers' '{}', '{option}' '{value}'{subscribe});
             SELECT count(*) FROM t;",
            broker.servers()
        );
        assert_refused(&refused(&sql)?, USAGE, words);
    }
    Ok(())
}

#[test]
fn missing_column_shows_the_place_and_the_nearest_name() -> Result<()> {
    let sql = numbers_table("127.0.0.1:1", "numbers", "") + "SELECT nmae FROM numbers;";
    let finished = refused(&sql)?;
    assert_refused(&finished, USAGE, &["job.sql:4:8", "^", "nmae", "name"]);
    Ok(())
}

#[test]
fn wrong_sql_shows_the_place() -> Result<()> {
    let finished = refused("SELECT 1;\nSELECT FROM WHERE;\n")?;
    assert_refused(&finished, USAGE, &["job.sql:2:", "^"]);
    Ok(())
}

#[test]
fn unknown_and_wrong_options_are_named() -> Result<()> {
    let table = |more: &str| numbers_table("127.0.0.1:1", "numbers", more) + "SELECT n FROM STREAM numbers;";
    assert_refused(
        &refused(&table(", maxOffsetPerTrigger 5"))?,
        USAGE,
        &["maxOffsetPerTrigger", "maxOffsetsPerTrigger"],
    );
    assert_refused(
        &refused(&table(", maxOffsetsPerTrigger 'many'"))?,
        USAGE,
        &["maxOffsetsPerTrigger", "many"],
    );
    assert_refused(&refused(&table(", endingOffsets 'latest'"))?, USAGE, &["endingOffsets"]);
    let two = "CREATE TABLE t USING kafka OPTIONS ('kafka.bootstrap.servers' 'b:1', subscribe 'a', subscribePattern 'b'); SELECT key FROM t;";
    assert_refused(&refused(two)?, USAGE, &["subscribe", "subscribePattern"]);
    Ok(())
}

#[test]
fn an_unset_parameter_is_named() -> Result<()> {
    let finished = refused("SELECT '${who}' AS name;")?;
    assert_refused(&finished, USAGE, &["who", "--conf who=", "job.sql:1:"]);
    Ok(())
}

#[test]
fn unsupported_streaming_queries_are_refused_when_planned() -> Result<()> {
    let stream = numbers_table("127.0.0.1:1", "numbers", "");
    let cases = [
        ("SELECT n FROM STREAM numbers ORDER BY n OUTPUT MODE append;", "sort"),
        (
            "SELECT n, count(*) FROM STREAM numbers GROUP BY n OUTPUT MODE append;",
            "watermark",
        ),
        ("SELECT n FROM STREAM numbers OUTPUT MODE complete;", "complete"),
        (
            "SELECT n, row_number() OVER (ORDER BY n) FROM STREAM numbers OUTPUT MODE append;",
            "window",
        ),
    ];
    for (query, word) in cases {
        assert_refused(&refused(&(stream.clone() + query))?, USAGE, &[word, "job.sql:4:"]);
    }
    Ok(())
}

#[test]
fn a_job_file_that_is_not_there() -> Result<()> {
    let finished = Run::file("/nowhere/job.sql").finish(DEADLINE)?;
    assert_refused(&finished, USAGE, &["/nowhere/job.sql"]);
    Ok(())
}

#[test]
fn a_data_file_that_is_not_there_or_not_readable() -> Result<()> {
    let query = "CREATE TABLE t (a INT) USING csv OPTIONS (path '/nowhere/data.csv'); SELECT a FROM t;";
    let finished = refused(query)?;
    assert!([Some(FAILED), Some(USAGE)].contains(&finished.code), "{finished:?}");
    assert_refused(&finished, finished.code.unwrap_or_default(), &["/nowhere/data.csv"]);
    Ok(())
}

#[test]
fn a_gzip_file_that_ends_too_soon() -> Result<()> {
    let desk = Desk::new()?;
    let path = desk.write("data.csv", "a,b\n1,2\n".repeat(10_000))?;
    let status = Command::new("gzip").arg(&path).status()?;
    assert!(status.success());
    let packed = desk.path("data.csv.gz");
    let bytes = fs::read(&packed)?;
    fs::write(&packed, &bytes[..bytes.len() / 2])?;
    let sql = format!(
        "CREATE TABLE t (a INT, b INT) USING csv OPTIONS (path '{}', header true); SELECT sum(a) FROM t;",
        packed.display()
    );
    let finished = desk.job("job.sql", &sql)?.finish(DEADLINE)?;
    assert_refused(&finished, FAILED, &["data.csv.gz"]);
    Ok(())
}

#[test]
fn csv_rows_with_too_many_or_too_few_columns() -> Result<()> {
    let desk = Desk::new()?;
    let path = desk.write("data.csv", "a,b\n1,2\n3,4,5\n6\n")?;
    let table = |mode: &str| {
        format!(
            "CREATE TABLE t (a INT, b INT) USING csv OPTIONS (path '{}', header true, mode '{mode}'); SELECT a, b FROM t;",
            path.display()
        )
    };
    let lenient = desk
        .job("job.sql", &table("PERMISSIVE"))?
        .finish(DEADLINE)?
        .expect(DONE)?;
    assert_eq!(
        Table::last(&lenient.stdout).context("no table")?.lines(),
        ["1 2", "3 4", "6 NULL"]
    );
    let strict = desk.job("job.sql", &table("FAILFAST"))?.finish(DEADLINE)?;
    assert_refused(&strict, FAILED, &["data.csv"]);
    Ok(())
}

#[test]
fn a_port_in_use() -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let desk = Desk::new()?;
    // A query over Kafka needs executors, and they need the port.
    let sql = numbers_table("127.0.0.1:1", "numbers", "") + "SELECT n FROM numbers;";
    let file = desk.write("job.sql", sql)?.display().to_string();
    let finished = Run::bare(&["run", &file, "--local", "1", "--listen", &address]).finish(DEADLINE)?;
    assert_refused(&finished, UNAVAILABLE, &[&address, "--port"]);
    Ok(())
}

#[test]
fn an_executor_without_a_driver_says_so() -> Result<()> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let address = format!("127.0.0.1:{port}");
    let mut executor = Process::executor(["--driver", &address])?;
    executor.wait_for("the driver's address in the log", DEADLINE, |process| {
        process.stderr().contains(&address).then_some(())
    })?;
    Ok(())
}

/// A streaming sum over a topic, with a checkpoint in the desk.
fn running_total(broker: &Broker, desk: &Desk, topic: &str, more: &str) -> Result<Run> {
    let sql = numbers_table(broker.servers(), topic, more)
        + &format!(
            "SELECT sum(n) AS total FROM STREAM numbers OUTPUT MODE complete TRIGGER AVAILABLE NOW CHECKPOINT '{}';",
            desk.text("checkpoint")
        );
    desk.job("job.sql", &sql)
}

#[track_caller]
fn assert_total(finished: &Finished, total: &str) {
    let table = Table::last(&finished.stdout)
        .map(|table| table.lines())
        .unwrap_or_default();
    assert_eq!(table, [total], "\n--- stderr ---\n{}", finished.stderr);
}

#[test]
fn records_that_are_gone() -> Result<()> {
    let (broker, desk) = (Broker::shared()?, Desk::new()?);
    let topic = numbers(&broker, 1, 10)?;
    assert_total(
        &running_total(&broker, &desk, &topic, "")?
            .finish(DEADLINE)?
            .expect(DONE)?,
        "55",
    );
    broker.produce(
        &topic,
        &(11..=20)
            .map(|n| Record::of(format!(r#"{{"n":{n}}}"#)))
            .collect::<Vec<_>>(),
    )?;
    broker.delete_records(&topic, 0, 15)?;
    let finished = running_total(&broker, &desk, &topic, "")?.finish(DEADLINE)?;
    assert_refused(&finished, FAILED, &[&topic, "10", "15", "failOnDataLoss"]);
    // Told to go on, it does so from what was committed: 1 to 10, then 16 to 20.
    let finished = running_total(&broker, &desk, &topic, ", failOnDataLoss false")?
        .finish(DEADLINE)?
        .expect(DONE)?;
    assert_total(&finished, "145");
    Ok(())
}

#[test]
fn a_partition_that_vanishes() -> Result<()> {
    let (broker, desk) = (Broker::shared()?, Desk::new()?);
    let topic = numbers(&broker, 2, 4)?;
    broker.produce(&topic, &[Record::of(r#"{"n":5}"#).to(1)])?;
    assert_total(
        &running_total(&broker, &desk, &topic, "")?
            .finish(DEADLINE)?
            .expect(DONE)?,
        "15",
    );
    broker.delete(&topic)?;
    let mut created = broker.create(&topic, 1);
    for _ in 0..50 {
        if created.is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        created = broker.create(&topic, 1);
    }
    created?;
    let finished = running_total(&broker, &desk, &topic, "")?.finish(DEADLINE)?;
    assert_refused(&finished, FAILED, &[&topic, "failOnDataLoss"]);
    Ok(())
}

#[test]
fn a_full_disk() -> Result<()> {
    let (broker, desk) = (Broker::shared()?, Desk::new()?);
    let topic = numbers(&broker, 1, 10)?;
    let run = running_total(&broker, &desk, &topic, "")?;
    assert_total(&run.finish(DEADLINE)?.expect(DONE)?, "55");
    broker.produce(&topic, &[Record::of(r#"{"n":45}"#)])?;
    // No file may grow: to a program this is what a full disk is, with another error number.
    let mut limited = Command::new("sh");
    limited.args(["-c", r#"trap '' XFSZ; ulimit -f 0; exec "$@""#, "limited"]);
    let driver = process::command("millstream-driver")?;
    limited
        .arg(driver.get_program())
        .args(run.arguments())
        .env_remove("MILLSTREAM_BIN_DIR")
        .env_remove("MILLSTREAM_CACHE");
    let finished = Process::spawn(&mut limited)?.finish(DEADLINE)?;
    assert!(
        [Some(FAILED), Some(UNAVAILABLE)].contains(&finished.code),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("checkpoint"), "{}", finished.stderr);
    // With space again it goes on, and the batch counts once.
    assert_total(&run.finish(DEADLINE)?.expect(DONE)?, "100");
    Ok(())
}

#[test]
fn a_damaged_checkpoint() -> Result<()> {
    let (broker, desk) = (Broker::shared()?, Desk::new()?);
    let topic = numbers(&broker, 1, 10)?;
    let run = running_total(&broker, &desk, &topic, "")?;
    assert_total(&run.finish(DEADLINE)?.expect(DONE)?, "55");
    broker.produce(&topic, &[Record::of(r#"{"n":45}"#)])?;
    let mut whole = Vec::new();
    for version in fs::read_dir(desk.path("checkpoint").join("state"))? {
        for file in fs::read_dir(version?.path())? {
            let path = file?.path();
            let bytes = fs::read(&path)?;
            fs::write(&path, &bytes[..bytes.len() / 4])?;
            whole.push((path, bytes));
        }
    }
    let finished = run.finish(DEADLINE)?;
    assert_refused(&finished, FAILED, &[&desk.text("checkpoint"), "damaged", "restore it"]);
    // Trying again cannot help.
    assert_eq!(finished.stderr.matches("task failed").count(), 1, "{}", finished.stderr);
    for (path, bytes) in whole {
        fs::write(path, bytes)?;
    }
    assert_total(&run.finish(DEADLINE)?.expect(DONE)?, "100");
    Ok(())
}

#[test]
fn a_checkpoint_of_another_query() -> Result<()> {
    let (broker, desk) = (Broker::shared()?, Desk::new()?);
    let topic = numbers(&broker, 1, 10)?;
    running_total(&broker, &desk, &topic, "")?
        .finish(DEADLINE)?
        .expect(DONE)?;
    let other = numbers_table(broker.servers(), &topic, "")
        + &format!(
            "SELECT name, max(n) AS largest FROM STREAM numbers GROUP BY name OUTPUT MODE complete TRIGGER AVAILABLE NOW CHECKPOINT '{}';",
            desk.text("checkpoint")
        );
    broker.produce(&topic, &[Record::of(r#"{"n":11}"#)])?;
    let finished = desk.job("other.sql", &other)?.finish(DEADLINE)?;
    assert_refused(&finished, FAILED, &["checkpoint"]);
    Ok(())
}

#[test]
fn results_into_a_pipe_that_closes() -> Result<()> {
    let mut command = Command::new("sh");
    let driver = process::command("millstream-driver")?;
    command
        .args(["-c", r#""$1" sql "SELECT id FROM range(100000)" | head -n 3"#, "pipe"])
        .arg(driver.get_program());
    let finished = Process::spawn(&mut command)?.finish(DEADLINE)?;
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    std::io::stdout().flush()?;
    Ok(())
}
