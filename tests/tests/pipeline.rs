//! Is the answer right? The nine jobs through a real driver, real executors and a real broker, cell by cell.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use millstream_tests::broker::{Broker, Record, unique};
use millstream_tests::jobs::{self, Sales};
use millstream_tests::sql::{Desk, Run};
use millstream_tests::table::Table;

/// Jobs take a second or two; a machine that compiles beside takes longer.
const DEADLINE: Duration = Duration::from_secs(90);
/// Partitions of the sales topics.
const PARTITIONS: i32 = 3;
/// 2021-05-10 00:00:00 UTC.
const MIDNIGHT_MS: i64 = 1_620_604_800_000;

/// One set of topics, and the jobs on them.
struct Stage {
    broker: Broker,
    desk: Desk,
    sales: String,
    totals: String,
}

impl Stage {
    fn new() -> Result<Self> {
        let (broker, desk) = (Broker::shared()?, Desk::new()?);
        let (sales, totals) = (unique("sales"), unique("totals"));
        broker.create(&sales, PARTITIONS)?;
        broker.create(&totals, PARTITIONS)?;
        Ok(Self {
            broker,
            desk,
            sales,
            totals,
        })
    }

    /// The same with sales in the topic, ten seconds apart from midnight on.
    fn with(which: Sales) -> Result<Self> {
        let stage = Self::new()?;
        stage.broker.produce(
            &stage.sales,
            &jobs::records(&jobs::sales(which)?, PARTITIONS, MIDNIGHT_MS, 10_000),
        )?;
        Ok(stage)
    }

    fn parameters(&self, run: Run) -> Run {
        run.on(&self.broker)
            .conf("data", jobs::data())
            .conf("output", self.desk.text("output"))
            .conf("checkpoints", self.desk.text("checkpoints"))
            .conf("sales_topic", &self.sales)
            .conf("totals_topic", &self.totals)
            .conf("trigger", "AVAILABLE NOW")
            .conf("rows_per_second", "100000")
    }

    fn job(&self, number: u32) -> Result<Run> {
        Ok(self.parameters(Run::file(jobs::file(number)?)))
    }

    /// A job with its source reading at most so many records per batch.
    fn job_in_batches(&self, number: u32, records: u64) -> Result<Run> {
        let text = fs::read_to_string(jobs::file(number)?)?;
        let cut = text.replace(
            "startingOffsets 'earliest'",
            &format!("startingOffsets 'earliest', maxOffsetsPerTrigger {records}"),
        );
        ensure!(
            cut != text,
            "job {number} has no starting offsets to put a limit beside"
        );
        Ok(self.parameters(self.desk.job(&format!("job-{number}.sql"), &cut)?))
    }
}

fn printed(run: &Run) -> Result<Vec<Table>> {
    Ok(Table::all(&run.finish(DEADLINE)?.expect(0)?.stdout))
}

fn last(run: &Run) -> Result<Table> {
    printed(run)?.pop().context("no table was printed")
}

/// Cents of a printed amount.
fn cents(text: &str) -> Option<u64> {
    text.replace([',', '.'], "").parse().ok()
}

/// Rows are the first of `expected`, which is in order; rows with the same sales may stand in any order.
#[track_caller]
fn assert_ranking(table: &Table, expected: &[String], limit: usize) {
    let amount = |line: &String| line.rsplit(' ').nth(1).and_then(cents);
    let lines = table.lines();
    let amounts: Vec<Option<u64>> = lines.iter().map(amount).collect();
    let wanted: Vec<Option<u64>> = expected.iter().take(limit).map(amount).collect();
    assert_eq!(
        amounts,
        wanted,
        "\nprinted: {lines:#?}\nexpected: {:#?}",
        &expected[..limit.min(expected.len())]
    );
    let mut seen = lines.clone();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), lines.len(), "a line twice: {lines:#?}");
    for line in lines {
        assert!(expected.contains(&line), "not in the published table: {line}");
    }
}

#[test]
fn seed_then_batch_read_gives_the_published_table_and_a_file() -> Result<()> {
    let stage = Stage::new()?;
    stage.job(1)?.finish(DEADLINE)?.expect(0)?;
    assert_eq!(stage.broker.count(&stage.sales)?, 250);
    let record = &stage.broker.consume(&stage.sales)?[0];
    let value: serde_json::Value = serde_json::from_slice(record.value.as_deref().unwrap_or_default())?;
    assert_eq!(
        value["payment_id"].to_string().as_bytes(),
        record.key.as_deref().unwrap_or_default()
    );
    assert!(value["payment_date"].is_i64(), "{value}");

    let expected = jobs::printed(&jobs::by_country(Sales::Seed));
    let table = last(&stage.job(2)?)?;
    assert_eq!(table.header, ["country", "sales", "orders"]);
    assert_ranking(&table, &expected, 25);

    let folder = stage.desk.path("output/sales_by_country.csv");
    let parts: Vec<_> = fs::read_dir(&folder)?.flatten().map(|entry| entry.path()).collect();
    let csv = parts
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "csv"))
        .collect::<Vec<_>>();
    assert_eq!(csv.len(), 1, "one file was asked for: {parts:?}");
    let text = fs::read_to_string(csv[0])?;
    let mut lines: Vec<String> = text.lines().skip(1).map(|line| line.replace('|', " ")).collect();
    lines.sort();
    let mut all = expected;
    all.sort();
    assert_eq!(text.lines().next(), Some("country|sales|orders"));
    assert_eq!(lines, all);

    // Once more: the file is replaced, not joined by a second one.
    stage.job(2)?.finish(DEADLINE)?.expect(0)?;
    assert_eq!(
        fs::read_dir(&folder)?
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|end| end == "csv"))
            .count(),
        1
    );
    Ok(())
}

#[test]
fn incremental_sales_reach_the_streaming_totals() -> Result<()> {
    let stage = Stage::with(Sales::Seed)?;
    let table = last(&stage.job(3)?)?;
    assert_eq!(table.header, ["country", "sales", "orders"]);
    assert_eq!(table.batch, Some(0));
    assert_ranking(&table, &jobs::printed(&jobs::by_country(Sales::Seed)), 25);

    stage.job(4)?.finish(DEADLINE)?.expect(0)?;
    assert_eq!(stage.broker.count(&stage.sales)?, 2_050);
    assert_ranking(
        &last(&stage.job(3)?)?,
        &jobs::printed(&jobs::by_country(Sales::All)),
        25,
    );
    Ok(())
}

#[test]
fn a_running_stream_sees_what_arrives() -> Result<()> {
    let stage = Stage::with(Sales::Seed)?;
    let run = stage.job(3)?.conf("trigger", "PROCESSING TIME '100 milliseconds'");
    let mut stream = run.start()?;
    stream.wait_for("the first batch", DEADLINE, |process| Table::last(&process.stdout()))?;
    stage.job(4)?.finish(DEADLINE)?.expect(0)?;
    let expected = jobs::printed(&jobs::by_country(Sales::All));
    stream.wait_for("the published totals", DEADLINE, |process| {
        let table = Table::last(&process.stdout())?;
        table.lines().first().filter(|line| *line == &expected[0]).map(|_| ())
    })?;
    stream.signal("INT")?;
    let finished = stream.finish(DEADLINE)?.expect(0)?;
    let tables = Table::all(&finished.stdout);
    assert_ranking(tables.last().context("no table")?, &expected, 25);
    let numbers: Vec<u64> = tables.iter().filter_map(|table| table.batch).collect();
    assert_eq!(
        numbers,
        (0..tables.len() as u64).collect::<Vec<_>>(),
        "batches in order, none missing"
    );
    Ok(())
}

#[test]
fn totals_go_to_kafka_and_the_newest_counts() -> Result<()> {
    let stage = Stage::with(Sales::Seed)?;
    stage.job(6)?.finish(DEADLINE)?.expect(0)?;
    let first = stage.broker.consume(&stage.totals)?;
    assert_eq!(first.len(), 68);
    let value: serde_json::Value = serde_json::from_slice(first[0].value.as_deref().unwrap_or_default())?;
    let names: Vec<&String> = value.as_object().context("no object")?.keys().collect();
    assert_eq!(names, ["id", "country", "sales", "orders"]);
    assert_eq!(value["id"].as_str().map(str::as_bytes), first[0].key.as_deref());

    stage.job(4)?.finish(DEADLINE)?.expect(0)?;
    stage.job(6)?.finish(DEADLINE)?.expect(0)?;
    assert_eq!(stage.broker.count(&stage.totals)?, 68 + 105);
    let table = last(&stage.job(7)?)?;
    assert_eq!(table.header, ["country", "sales", "orders"]);
    assert_ranking(&table, &jobs::printed(&jobs::by_country(Sales::All)), 25);
    Ok(())
}

#[test]
fn regions_are_joined() -> Result<()> {
    let stage = Stage::with(Sales::Seed)?;
    let table = last(&stage.job(9)?)?;
    assert_eq!(table.header, ["region", "sales", "orders"]);
    assert_eq!(table.lines(), jobs::printed(&jobs::by_region(Sales::Seed)));
    let stage = Stage::with(Sales::All)?;
    assert_eq!(
        last(&stage.job(9)?)?.lines(),
        jobs::printed(&jobs::by_region(Sales::All))
    );
    Ok(())
}

/// `name sales orders start end` of sales in sliding windows, as jobs 5 and 8 order them.
fn windowed(name: impl Fn(&jobs::Sale) -> String) -> Result<Vec<String>> {
    let mut totals: BTreeMap<(i64, String), (u32, u32)> = BTreeMap::new();
    for (number, sale) in (0_i64..).zip(jobs::sales(Sales::Seed)?) {
        let at_min = (MIDNIGHT_MS + number * 10_000) / 60_000;
        for start in [at_min - at_min % 5, at_min - at_min % 5 - 5] {
            let total = totals.entry((start, name(&sale))).or_default();
            *total = (total.0 + sale.cents, total.1 + 1);
        }
    }
    let mut rows: Vec<_> = totals.into_iter().collect();
    rows.sort_by(|left, right| right.0.0.cmp(&left.0.0).then(right.1.0.cmp(&left.1.0)));
    let clock = |minutes: i64| {
        let since = minutes - MIDNIGHT_MS / 60_000;
        let (day, within) = (10 + since.div_euclid(1_440), since.rem_euclid(1_440));
        format!("2021-05-{day:02} {:02}:{:02}:00", within / 60, within % 60)
    };
    let line = |((start, name), (sum, orders)): ((i64, String), (u32, u32))| {
        format!(
            "{name} {} {orders} {} {}",
            jobs::money(sum),
            clock(start),
            clock(start + 10)
        )
    };
    Ok(rows.into_iter().map(line).collect())
}

/// Rows are the first of `expected`; within a window rows with the same sales may stand in any order.
#[track_caller]
fn assert_windows(table: &Table, expected: &[String], limit: usize) {
    let place = |line: &String| {
        let words: Vec<&str> = line.rsplit(' ').collect();
        (words[2..4].join(" "), words[5].to_owned())
    };
    let lines = table.lines();
    let wanted = &expected[..limit.min(expected.len())];
    assert_eq!(
        lines.iter().map(place).collect::<Vec<_>>(),
        wanted.iter().map(place).collect::<Vec<_>>(),
        "{lines:#?}"
    );
    for line in &lines {
        assert!(expected.contains(line), "not among the expected rows: {line}");
    }
}

#[test]
fn sliding_windows_by_country() -> Result<()> {
    let stage = Stage::with(Sales::Seed)?;
    let finished = stage.job(5)?.finish(DEADLINE)?.expect(0)?;
    let table = Table::last(&finished.stdout).context("no table")?;
    assert_eq!(table.header, ["country", "sales", "orders", "start", "end"]);
    assert_windows(&table, &windowed(|sale| sale.country.clone())?, 100);
    assert!(finished.stdout.contains("only showing top 100 rows"));
    Ok(())
}

#[test]
fn sliding_windows_by_region() -> Result<()> {
    let stage = Stage::with(Sales::Seed)?;
    let table = last(&stage.job(8)?)?;
    assert_eq!(table.header, ["region", "sales", "orders", "start", "end"]);
    assert_windows(&table, &windowed(|sale| sale.region().to_owned())?, 24);
    Ok(())
}

#[test]
fn any_number_of_executors_gives_the_same() -> Result<()> {
    let stage = Stage::with(Sales::All)?;
    let expected = jobs::printed(&jobs::by_region(Sales::All));
    for executors in [1, 2, 3] {
        assert_eq!(
            last(&stage.job(9)?.executors(executors))?.lines(),
            expected,
            "{executors} executors"
        );
    }
    Ok(())
}

#[test]
fn any_cut_into_batches_gives_the_same() -> Result<()> {
    let stage = Stage::with(Sales::Seed)?;
    let regions = jobs::printed(&jobs::by_region(Sales::Seed));
    let windows = windowed(|sale| sale.region().to_owned())?;
    for records in [1, 7, 100, 1_000_000] {
        let tables = printed(&stage.job_in_batches(9, records)?)?;
        assert_eq!(
            tables.last().context("no table")?.lines(),
            regions,
            "batches of {records}"
        );
        // The limit is shared out over the partitions in whole records, so a batch may have a few less, or one for each partition.
        let batches = tables.len() as u64;
        assert!(
            (250_u64.div_ceil(records.max(3))..=250).contains(&batches),
            "{batches} batches of {records}"
        );
        assert_windows(&last(&stage.job_in_batches(8, records)?)?, &windows, 24);
    }
    Ok(())
}

#[test]
fn records_that_cannot_be_decoded_are_nulls_and_counted() -> Result<()> {
    let stage = Stage::new()?;
    let records = [
        Record::of(r#"{"payment_id":1,"amount":1.99,"country":"Peru"}"#),
        Record::of("{broken"),
        Record::of(r#"{"payment_id":"x","amount":2.99,"country":"Peru"}"#),
        Record::default(),
    ];
    stage.broker.produce(&stage.sales, &records)?;
    let sql = format!(
        "CREATE TABLE sales (payment_id INT, amount FLOAT, country STRING) USING kafka OPTIONS (
           'kafka.bootstrap.servers' '{}', subscribe '{}', startingOffsets 'earliest', 'value.format' 'json');
         SELECT country, count(*) AS records, count(payment_id) AS ids FROM STREAM sales GROUP BY country ORDER BY country
         OUTPUT MODE complete TRIGGER AVAILABLE NOW;",
        stage.broker.servers(),
        stage.sales
    );
    let finished = stage
        .desk
        .job("malformed.sql", &sql)?
        .arg("--progress")
        .arg("json")
        .finish(DEADLINE)?
        .expect(0)?;
    let table = Table::last(&finished.stdout).context("no table")?;
    assert_eq!(table.lines(), ["NULL 2 0", "Peru 2 1"]);
    assert!(
        finished.stderr.to_lowercase().contains("malformed"),
        "no count of malformed records in\n{}",
        finished.stderr
    );
    Ok(())
}
