//! Figures gathered, as a table for people and JSON for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

use crate::progress::{Latency, Throughput};
use crate::queries::Query;

/// Everything measured so far.
pub struct Report {
    records: u64,
    batch: u64,
    load_rate: Option<f64>,
    raw_rate: Option<f64>,
    engines: Vec<String>,
    throughput: BTreeMap<(Query, String), Throughput>,
    latency: BTreeMap<(Query, String), Latency>,
    first_row: BTreeMap<String, Duration>,
    failed: Vec<String>,
}

impl Report {
    /// Nothing measured yet.
    pub fn new(records: u64, batch: u64) -> Self {
        Self {
            records,
            batch,
            load_rate: None,
            raw_rate: None,
            engines: Vec::new(),
            throughput: BTreeMap::new(),
            latency: BTreeMap::new(),
            first_row: BTreeMap::new(),
            failed: Vec::new(),
        }
    }

    /// Notes the rate at which the topic was written.
    pub fn loaded(&mut self, rate: f64) {
        self.load_rate = Some(rate);
    }

    /// Notes the rate of the client alone.
    pub fn raw(&mut self, rate: f64) {
        self.raw_rate = Some(rate);
    }

    fn note<T>(&mut self, engine: &str, what: &str, outcome: Result<T>) -> Option<T> {
        if !self.engines.iter().any(|known| known == engine) {
            self.engines.push(engine.to_owned());
        }
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                eprintln!("{engine}, {what}: {error:#}");
                self.failed.push(format!("{engine}, {what}"));
                None
            }
        }
    }

    /// Notes a run over the whole topic; the best of several counts.
    pub fn throughput(&mut self, engine: &str, query: Query, outcome: Result<Throughput>) {
        let Some(new) = self.note(engine, query.title(), outcome) else {
            return;
        };
        eprintln!(
            "  {:.0} records/s steady, {:.0} with the first batch",
            new.steady, new.whole
        );
        let best = self
            .throughput
            .entry((query, engine.to_owned()))
            .or_insert_with(|| new.clone());
        if new.steady > best.steady {
            *best = new;
        }
    }

    /// Notes micro-batch durations.
    pub fn latency(&mut self, engine: &str, query: Query, outcome: Result<Latency>) {
        let Some(new) = self.note(engine, "micro-batches", outcome) else {
            return;
        };
        eprintln!("  p50 {:.0} ms, p99 {:.0} ms", new.p50, new.p99);
        self.latency.insert((query, engine.to_owned()), new);
    }

    /// Notes the time to the first row.
    pub fn first_row(&mut self, engine: &str, outcome: Result<Duration>) {
        let Some(new) = self.note(engine, "first row", outcome) else {
            return;
        };
        eprintln!("  {:.2} s", new.as_secs_f64());
        self.first_row.insert(engine.to_owned(), new);
    }

    /// Fails when anything failed.
    ///
    /// # Errors
    /// Lists what failed.
    pub fn failures(&self) -> Result<()> {
        if !self.failed.is_empty() {
            bail!("failed: {}", self.failed.join("; "));
        }
        Ok(())
    }

    /// The steady rate of the tuned Spark, which ratios refer to.
    fn reference(&self, query: Query) -> Option<f64> {
        self.throughput
            .get(&(query, "spark-2".to_owned()))
            .map(|throughput| throughput.steady)
    }

    /// The table for people, in Markdown.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "\n{} records, at most {} per micro-batch\n",
            self.records, self.batch
        );
        if let Some(rate) = self.raw_rate {
            let _ = writeln!(text, "client alone, two consumers: {} records/s\n", thousands(rate));
        }
        if !self.throughput.is_empty() {
            let _ = writeln!(
                text,
                "| query | engine | records/s steady | with first batch | to spark-2 | to client | memory |"
            );
            let _ = writeln!(text, "| --- | --- | ---: | ---: | ---: | ---: | ---: |");
        }
        for ((query, engine), one) in &self.throughput {
            let _ = writeln!(
                text,
                "| {} | {engine} | {} | {} | {} | {} | {} MB |",
                query.title(),
                thousands(one.steady),
                thousands(one.whole),
                self.reference(*query)
                    .map_or_else(String::new, |reference| format!("{:.1}x", one.steady / reference)),
                self.raw_rate
                    .map_or_else(String::new, |raw| format!("{:.0} %", one.steady / raw * 100.0)),
                one.memory / 1_000_000,
            );
        }
        if !self.latency.is_empty() {
            let _ = writeln!(text, "\n| at 1,000 records/s | engine | p50 | p99 | batches | memory |");
            let _ = writeln!(text, "| --- | --- | ---: | ---: | ---: | ---: |");
        }
        for ((query, engine), one) in &self.latency {
            let (title, memory) = (query.title(), one.memory / 1_000_000);
            let _ = writeln!(
                text,
                "| {title} | {engine} | {:.0} ms | {:.0} ms | {} | {memory} MB |",
                one.p50, one.p99, one.batches
            );
        }
        if !self.first_row.is_empty() {
            let _ = writeln!(text);
        }
        for (engine, time) in &self.first_row {
            let _ = writeln!(
                text,
                "first row, {engine}: {:.2} s after the start of the process",
                time.as_secs_f64()
            );
        }
        text
    }

    /// The same as JSON.
    ///
    /// # Errors
    /// Never in practice.
    pub fn json(&self) -> Result<String> {
        let mut throughput = Map::new();
        for ((query, engine), one) in &self.throughput {
            let figures = json!({"steady": one.steady, "whole": one.whole, "memory_bytes": one.memory,
                "ratio_to_spark": self.reference(*query).map(|reference| one.steady / reference)});
            nested(&mut throughput, query.name(), engine, figures);
        }
        let mut latency = Map::new();
        for ((query, engine), one) in &self.latency {
            let figures =
                json!({"p50_ms": one.p50, "p99_ms": one.p99, "batches": one.batches, "memory_bytes": one.memory});
            nested(&mut latency, query.name(), engine, figures);
        }
        let first_row: Map<String, Value> = self
            .first_row
            .iter()
            .map(|(engine, time)| (engine.clone(), json!(time.as_secs_f64())))
            .collect();
        let all = json!({
            "records": self.records, "max_records_per_batch": self.batch,
            "load_records_per_s": self.load_rate, "client_records_per_s": self.raw_rate,
            "throughput_records_per_s": throughput, "micro_batch_at_1000_per_s": latency, "first_row_s": first_row,
        });
        Ok(serde_json::to_string_pretty(&all)? + "\n")
    }
}

fn nested(map: &mut Map<String, Value>, outer: &str, inner: &str, value: Value) {
    let entry = map.entry(outer.to_owned()).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(inside) = entry {
        inside.insert(inner.to_owned(), value);
    }
}

fn thousands(rate: f64) -> String {
    format!("{:.0} K", rate / 1_000.0)
}
