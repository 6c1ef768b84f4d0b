//! What an engine reported of its micro-batches, in the fields of Spark's progress events.

use anyhow::{Result, ensure};
use serde_json::Value;

/// One micro-batch.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// Start in milliseconds since the epoch.
    pub started_ms: f64,
    /// Whole duration in milliseconds.
    pub duration_ms: f64,
    /// Records read.
    pub rows: u64,
}

/// What a run over the whole topic took.
#[derive(Clone, Debug)]
pub struct Throughput {
    /// Records per second without the first batch.
    pub steady: f64,
    /// Records per second from the start of the first batch.
    pub whole: f64,
    /// Largest resident memory of all processes, in bytes.
    pub memory: u64,
}

/// Durations of micro-batches, in milliseconds.
#[derive(Clone, Debug)]
pub struct Latency {
    /// Half of the batches took less.
    pub p50: f64,
    /// One in a hundred took more.
    pub p99: f64,
    /// Batches measured.
    pub batches: usize,
    /// Largest resident memory of all processes, in bytes.
    pub memory: u64,
}

/// Micro-batches with rows, from text with a progress event in JSON on some of its lines.
pub fn batches(text: &str) -> Vec<Batch> {
    let events = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.get(line.find('{')?..)?).ok());
    let found = events.filter_map(|event| {
        let rows = event.get("numInputRows")?.as_u64()?;
        let duration_ms = event.get("durationMs")?.get("triggerExecution")?.as_f64()?;
        let started_ms = instant_ms(event.get("timestamp")?.as_str()?)?;
        Some(Batch {
            started_ms,
            duration_ms,
            rows,
        })
    });
    found.filter(|batch| batch.rows > 0).collect()
}

/// Milliseconds since the start of the year 1 of an instant like `2021-05-08T21:20:00.123Z`; months count as 31 days, which is good
/// enough for differences within a run that does not cross the end of a month.
fn instant_ms(text: &str) -> Option<f64> {
    let (date, time) = text.trim_end_matches('Z').split_once('T')?;
    let mut date = date.split('-').map(str::parse::<f64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.split(':').map(str::parse::<f64>);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    Some(((((year * 12.0 + month) * 31.0 + day) * 24.0 + hour) * 3_600.0 + minute * 60.0 + second) * 1_000.0)
}

/// Rates of a run that had to read `records`.
///
/// # Errors
/// When it read another number of records.
pub fn throughput(batches: &[Batch], records: u64, memory: u64) -> Result<Throughput> {
    let read: u64 = batches.iter().map(|batch| batch.rows).sum();
    ensure!(read == records, "{read} records were read, {records} are in the topic");
    let end = batches
        .iter()
        .map(|batch| batch.started_ms + batch.duration_ms)
        .fold(0.0, f64::max);
    let rate = |batches: &[Batch]| {
        let rows: u64 = batches.iter().map(|batch| batch.rows).sum();
        let start = batches
            .iter()
            .map(|batch| batch.started_ms)
            .fold(f64::INFINITY, f64::min);
        rows as f64 / (end - start) * 1_000.0
    };
    let steady = if batches.len() > 1 {
        rate(batches.get(1..).unwrap_or_default())
    } else {
        rate(batches)
    };
    Ok(Throughput {
        steady,
        whole: rate(batches),
        memory,
    })
}

/// Durations after the first three seconds.
///
/// # Errors
/// When there were too few batches to speak of.
pub fn latency(batches: &[Batch], memory: u64) -> Result<Latency> {
    let start = batches.first().map_or(0.0, |batch| batch.started_ms) + 3_000.0;
    let mut durations: Vec<f64> = batches
        .iter()
        .filter(|batch| batch.started_ms > start)
        .map(|batch| batch.duration_ms)
        .collect();
    ensure!(
        durations.len() >= 10,
        "only {} batches after the first three seconds",
        durations.len()
    );
    durations.sort_by(f64::total_cmp);
    let at = |share: f64| {
        durations
            .get(((durations.len() - 1) as f64 * share) as usize)
            .copied()
            .unwrap_or_default()
    };
    Ok(Latency {
        p50: at(0.5),
        p99: at(0.99),
        batches: durations.len(),
        memory,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_taken_from_events() {
        let event = |second: u32, rows: u32| {
            format!(
                r#"x {{"timestamp":"2026-01-01T00:00:{second:02}.000Z","numInputRows":{rows},"durationMs":{{"triggerExecution":2000}}}}"#
            )
        };
        let text = format!("noise\n{}\n{}\n{}\n{{}}\n", event(0, 100), event(4, 200), event(6, 200));
        let batches = batches(&text);
        assert_eq!(batches.len(), 3);
        let throughput = throughput(&batches, 500, 0).unwrap();
        assert_eq!((throughput.steady, throughput.whole), (100.0, 62.5));
    }
}
