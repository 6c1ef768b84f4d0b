//! What a user sees of the driver's command line.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use millstream_tests::broker::{Broker, Record, unique};
use millstream_tests::jobs;
use millstream_tests::process::{Process, alive};
use millstream_tests::sql::{Desk, Run};
use millstream_tests::table::Table;

const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn help_shows_commands_and_examples() -> Result<()> {
    let help = Run::bare(&["--help"]).finish(DEADLINE)?.expect(0)?.stdout;
    for word in ["run", "sql", "explain", "demo", "Example"] {
        assert!(help.contains(word), "no '{word}' in\n{help}");
    }
    let run = Run::bare(&["run", "--help"]).finish(DEADLINE)?.expect(0)?.stdout;
    for word in ["--local", "--conf", "--progress", "Example"] {
        assert!(run.contains(word), "no '{word}' in\n{run}");
    }
    Ok(())
}

#[test]
fn sql_on_the_command_line_prints_only_results() -> Result<()> {
    let finished = Run::bare(&["sql", "SELECT 1 + 1 AS two, 'a' AS letter"])
        .finish(DEADLINE)?
        .expect(0)?;
    assert_eq!(
        finished.stdout,
        "+---+------+\n|two|letter|\n+---+------+\n|  2|     a|\n+---+------+\n\n"
    );
    Ok(())
}

#[test]
fn sql_may_begin_with_a_comment() -> Result<()> {
    let finished = Run::bare(&["sql", "-- how many\nSELECT 42 AS many"])
        .finish(DEADLINE)?
        .expect(0)?;
    assert!(finished.stdout.contains("|  42|"), "{}", finished.stdout);
    Ok(())
}

#[test]
fn explain_runs_nothing() -> Result<()> {
    let topic = unique("sales");
    let broker = Broker::shared()?;
    broker.create(&topic, 1)?;
    let job = jobs::file(9)?.display().to_string();
    let run = Run::bare(&["explain", &job])
        .on(&broker)
        .conf("data", jobs::data())
        .conf("sales_topic", &topic);
    let plan = run.finish(DEADLINE)?.expect(0)?.stdout;
    // A driver that ends as soon as it has begun ends as well as any other.
    for _ in 0..10 {
        run.finish(DEADLINE)?.expect(0)?;
    }
    assert!(plan.to_lowercase().contains("join"), "{plan}");
    assert!(Table::all(&plan).is_empty(), "{plan}");
    Ok(())
}

#[test]
fn settings_are_shown_with_where_they_come_from() -> Result<()> {
    let finished = Run::bare(&["--print-config"]).finish(DEADLINE)?.expect(0)?;
    assert!(!finished.stdout.trim().is_empty());
    Ok(())
}

#[test]
fn interrupting_finishes_the_batch_and_leaves_nothing_behind() -> Result<()> {
    let (broker, desk, topic) = (Broker::shared()?, Desk::new()?, unique("numbers"));
    broker.create(&topic, 2)?;
    broker.produce(&topic, &[Record::of(r#"{"n":1}"#)])?;
    for signal in ["INT", "TERM"] {
        let sql = format!(
            "CREATE TABLE numbers (n INT) USING kafka OPTIONS (
               'kafka.bootstrap.servers' '{}', subscribe '{topic}', startingOffsets 'earliest', 'value.format' 'json');
             SELECT sum(n) AS total FROM STREAM numbers OUTPUT MODE complete TRIGGER PROCESSING TIME '50 milliseconds';",
            broker.servers()
        );
        let mut driver: Process = desk.job("numbers.sql", &sql)?.start()?;
        driver.wait_for("a table", DEADLINE, |process| Table::last(&process.stdout()))?;
        let executors = driver.children();
        assert_eq!(executors.len(), 2);
        let started = Instant::now();
        driver.signal(signal)?;
        driver.finish(DEADLINE)?.expect(0)?;
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "a stop took {:?}",
            started.elapsed()
        );
        assert!(
            executors.iter().all(|pid| !alive(*pid)),
            "executors outlive their driver"
        );
    }
    Ok(())
}

#[test]
fn interrupting_before_anything_runs_ends_at_once() -> Result<()> {
    let port = free_port()?;
    let sql = format!(
        "CREATE TABLE t USING kafka OPTIONS ('kafka.bootstrap.servers' '127.0.0.1:{port}', subscribe 'x'); SELECT key FROM t;"
    );
    let mut driver = Run::bare(&["sql", &sql]).executors(1).start()?;
    driver.wait_for("an executor", DEADLINE, |process| process.children().first().copied())?;
    std::thread::sleep(Duration::from_millis(500));
    driver.signal("INT")?;
    driver.finish(Duration::from_secs(8))?.expect(0)?;
    Ok(())
}

#[test]
fn progress_as_json_has_sparks_fields() -> Result<()> {
    let (broker, desk, topic) = (Broker::shared()?, Desk::new()?, unique("numbers"));
    broker.create(&topic, 2)?;
    broker.produce(&topic, &[Record::of(r#"{"n":1}"#), Record::of(r#"{"n":2}"#)])?;
    let sql = format!(
        "CREATE TABLE numbers (n INT) USING kafka OPTIONS (
           'kafka.bootstrap.servers' '{}', subscribe '{topic}', startingOffsets 'earliest', 'value.format' 'json');
         SELECT sum(n) AS total FROM STREAM numbers OUTPUT MODE complete TRIGGER AVAILABLE NOW;",
        broker.servers()
    );
    let finished = desk
        .job("numbers.sql", &sql)?
        .arg("--progress")
        .arg("json")
        .finish(DEADLINE)?
        .expect(0)?;
    let event = finished
        .stderr
        .lines()
        .find(|line| line.contains("numInputRows"))
        .context("no progress event")?;
    let event: serde_json::Value = serde_json::from_str(event)?;
    for field in [
        "id",
        "runId",
        "name",
        "timestamp",
        "batchId",
        "numInputRows",
        "inputRowsPerSecond",
        "processedRowsPerSecond",
        "durationMs",
        "stateOperators",
        "sources",
        "sink",
    ] {
        assert!(event.get(field).is_some(), "no '{field}' in {event}");
    }
    assert_eq!(event["numInputRows"], 2);
    assert_eq!(event["batchId"], 0);
    let end = &event["sources"][0]["endOffset"][&topic];
    let read: i64 = end
        .as_object()
        .context("no end offsets")?
        .values()
        .filter_map(serde_json::Value::as_i64)
        .sum();
    assert_eq!(read, 2);
    Ok(())
}

#[test]
fn two_queries_of_one_file_run_together() -> Result<()> {
    let (broker, desk, topic) = (Broker::shared()?, Desk::new()?, unique("numbers"));
    broker.create(&topic, 2)?;
    broker.produce(&topic, &[Record::of(r#"{"n":1}"#), Record::of(r#"{"n":2}"#)])?;
    let sql = format!(
        "CREATE TABLE numbers (n INT) USING kafka OPTIONS (
           'kafka.bootstrap.servers' '{}', subscribe '{topic}', startingOffsets 'earliest', 'value.format' 'json');
         SELECT sum(n) AS total FROM STREAM numbers OUTPUT MODE complete TRIGGER PROCESSING TIME '50 milliseconds';
         SELECT max(n) AS largest FROM STREAM numbers OUTPUT MODE complete TRIGGER PROCESSING TIME '50 milliseconds';",
        broker.servers()
    );
    let mut driver = desk.job("numbers.sql", &sql)?.start()?;
    for (column, value) in [("total", "3"), ("largest", "2")] {
        driver.wait_for(column, DEADLINE, |process| {
            let tables = Table::all(&process.stdout());
            tables
                .into_iter()
                .find(|table| table.header == [column] && table.rows == [[value]])
        })?;
    }
    driver.signal("INT")?;
    driver.finish(DEADLINE)?.expect(0)?;
    Ok(())
}

#[test]
fn standalone_executors_serve_several_drivers_and_survive_them() -> Result<()> {
    let (broker, desk, topic) = (Broker::shared()?, Desk::new()?, unique("numbers"));
    broker.create(&topic, 2)?;
    broker.produce(&topic, &[Record::of(r#"{"n":1}"#), Record::of(r#"{"n":2}"#)])?;
    let port = free_port()?;
    let address = format!("127.0.0.1:{port}");
    let executors = [
        Process::executor(["--driver", &address])?,
        Process::executor(["--driver", &address])?,
    ];
    let sql = format!(
        "CREATE TABLE numbers (n INT) USING kafka OPTIONS (
           'kafka.bootstrap.servers' '{}', subscribe '{topic}', startingOffsets 'earliest', 'value.format' 'json');
         SELECT sum(n) AS total FROM STREAM numbers OUTPUT MODE complete TRIGGER AVAILABLE NOW;",
        broker.servers()
    );
    let file = desk.write("numbers.sql", &sql)?.display().to_string();
    for _ in 0..2 {
        let finished = Run::bare(&["run", &file, "--listen", &address])
            .finish(DEADLINE)?
            .expect(0)?;
        assert_eq!(Table::last(&finished.stdout).context("no table")?.lines(), ["3"]);
    }
    assert!(
        executors.iter().all(|executor| alive(executor.id())),
        "executors ended with a driver"
    );
    Ok(())
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
