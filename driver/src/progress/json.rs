//! `StreamingQueryProgress`: Spark's field names, Spark's order.

use chrono::{DateTime, SecondsFormat, Utc};
use millstream_common::domain::offset::{PartitionOffsets, TopicPartition};
use millstream_driver_core::batch::{BatchReport, SourceReport};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::QueryName;

/// A batch's progress.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(
    missing_docs,
    reason = "the names are Spark's, whose documentation says what they mean"
)]
pub struct StreamingQueryProgress {
    pub id: String,
    pub run_id: String,
    pub name: Option<String>,
    pub timestamp: String,
    pub batch_id: u64,
    pub batch_duration: i64,
    pub num_input_rows: u64,
    pub input_rows_per_second: f64,
    pub processed_rows_per_second: f64,
    pub duration_ms: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub event_time: Map<String, Value>,
    pub state_operators: Vec<Value>,
    pub sources: Vec<Value>,
    pub sink: Value,
}

fn instant(ms: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(ms)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn per_second(rows: u64, ms: i64) -> f64 {
    if ms <= 0 {
        return 0.0;
    }
    #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = rows as f64 * 1000.0 / ms as f64;
    (rate * 10.0).round() / 10.0
}

impl StreamingQueryProgress {
    /// Puts a report into Spark's words.
    #[must_use]
    pub fn of(query: &QueryName, report: &BatchReport) -> Self {
        let rows = report.totals.input_rows;
        let since_ms = report.previous_fired_ms.map_or(0, |before| report.fired_ms - before);
        let total_ms = report.timings.trigger_ms;
        let (input_rate, rate) = (per_second(rows, since_ms), per_second(rows, total_ms.max(1)));
        let sources = report
            .sources
            .iter()
            .zip(&query.sources)
            .map(|(source, description)| source_json(source, description, since_ms, total_ms))
            .collect();
        Self {
            id: query.id.clone(),
            run_id: query.run_id.clone(),
            name: query.name.clone(),
            timestamp: instant(report.fired_ms),
            batch_id: report.batch.0,
            batch_duration: total_ms,
            num_input_rows: rows,
            input_rows_per_second: input_rate,
            processed_rows_per_second: rate,
            duration_ms: durations(report),
            event_time: event_time(report),
            state_operators: state(report),
            sources,
            sink: json!({
                "description": query.sink,
                "numOutputRows": report.output_rows,
                "metrics": {"malformedRecords": report.totals.malformed.to_string()},
            }),
        }
    }
}

fn durations(report: &BatchReport) -> Map<String, Value> {
    let timings = &report.timings;
    let mut all = Map::new();
    all.insert("addBatch".into(), timings.add_batch_ms.into());
    all.insert("commitOffsets".into(), timings.commit_offsets_ms.into());
    all.insert("getBatch".into(), 0.into());
    if let Some(ms) = timings.latest_offset_ms {
        all.insert("latestOffset".into(), ms.into());
    }
    all.insert("queryPlanning".into(), 0.into());
    all.insert("triggerExecution".into(), timings.trigger_ms.into());
    if let Some(ms) = timings.wal_commit_ms {
        all.insert("walCommit".into(), ms.into());
    }
    all
}

fn event_time(report: &BatchReport) -> Map<String, Value> {
    let mut all = Map::new();
    let Some(watermark_ms) = report.watermark_ms else {
        return all;
    };
    if let Some(seen) = &report.event_time {
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "an average for people"
        )]
        let average_ms = (seen.sum_ms / seen.count.max(1) as f64) as i64;
        all.insert("avg".into(), instant(average_ms).into());
        all.insert("max".into(), instant(seen.max_ms).into());
        all.insert("min".into(), instant(seen.min_ms).into());
    }
    all.insert("watermark".into(), instant(watermark_ms).into());
    all
}

fn state(report: &BatchReport) -> Vec<Value> {
    if report.reduce_tasks == 0 {
        return Vec::new();
    }
    let totals = &report.totals;
    vec![json!({
        "operatorName": "stateStoreSave",
        "numRowsTotal": totals.state_rows,
        "numRowsUpdated": totals.state_updated,
        "allUpdatesTimeMs": 0,
        "numRowsRemoved": totals.state_removed,
        "allRemovalsTimeMs": 0,
        "commitTimeMs": totals.state_commit_us / 1000,
        "memoryUsedBytes": totals.state_bytes,
        "numRowsDroppedByWatermark": totals.late_rows,
        "numShufflePartitions": report.reduce_tasks,
        "numStateStoreInstances": report.reduce_tasks,
        "customMetrics": {},
    })]
}

fn source_json(source: &SourceReport, description: &str, since_ms: i64, total_ms: i64) -> Value {
    let offsets = |offsets: &Option<PartitionOffsets>| offsets.as_ref().map_or(Value::Null, |o| json!(o));
    json!({
        "description": description,
        "startOffset": offsets(&source.start),
        "endOffset": json!(source.end),
        "latestOffset": offsets(&source.latest),
        "numInputRows": source.input_rows,
        "inputRowsPerSecond": per_second(source.input_rows, since_ms),
        "processedRowsPerSecond": per_second(source.input_rows, total_ms.max(1)),
        "metrics": lag_json(source),
    })
}

/// How far each partition's end is behind what was there when the batch was planned.
pub(super) fn lags(source: &SourceReport) -> Vec<(TopicPartition, i64)> {
    let latest = source.latest.iter().flat_map(PartitionOffsets::iter);
    latest
        .map(|(partition, latest)| {
            let reached = source.end.get(&partition).unwrap_or(latest);
            (partition, (latest - reached).max(0))
        })
        .collect()
}

fn lag_json(source: &SourceReport) -> Value {
    let lags: Vec<i64> = lags(source).into_iter().map(|(_, lag)| lag).collect();
    let (Some(max), Some(min)) = (lags.iter().max(), lags.iter().min()) else {
        return json!({});
    };
    #[allow(clippy::cast_precision_loss, reason = "an average for people")]
    let average = lags.iter().sum::<i64>() as f64 / lags.len() as f64;
    json!({
        "avgOffsetsBehindLatest": format!("{average:?}"),
        "maxOffsetsBehindLatest": max.to_string(),
        "minOffsetsBehindLatest": min.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use millstream_common::domain::id::BatchId;
    use millstream_driver_core::batch::Timings;
    use millstream_driver_core::tasks::Totals;

    use super::*;

    #[test]
    fn fields_are_sparks_in_name_and_order() {
        let at = |offset| {
            [(TopicPartition::new("t", 0), offset)]
                .into_iter()
                .collect::<PartitionOffsets>()
        };
        let query = QueryName {
            id: "i".into(),
            run_id: "r".into(),
            name: None,
            sources: vec!["KafkaV2[Subscribe[t]]".into()],
            sink: "console".into(),
        };
        let report = BatchReport {
            batch: BatchId(3),
            fired_ms: 1_700_000_000_000,
            previous_fired_ms: Some(1_699_999_999_000),
            watermark_ms: Some(0),
            next_watermark_ms: Some(0),
            event_time: None,
            sources: vec![SourceReport {
                start: Some(at(1)),
                end: at(5),
                latest: Some(at(9)),
                input_rows: 4,
            }],
            totals: Totals {
                input_rows: 4,
                ..Totals::default()
            },
            reduce_tasks: 0,
            output_rows: 4,
            timings: Timings {
                trigger_ms: 20,
                ..Timings::default()
            },
        };
        let text = serde_json::to_string(&StreamingQueryProgress::of(&query, &report)).unwrap();
        let expected = r#"{"id":"i","runId":"r","name":null,"timestamp":"2023-11-14T22:13:20.000Z","batchId":3,"batchDuration":20,"numInputRows":4,"inputRowsPerSecond":4.0,"processedRowsPerSecond":200.0,"#;
        assert!(text.starts_with(expected), "{text}");
        assert!(
            text.contains(r#""eventTime":{"watermark":"1970-01-01T00:00:00.000Z"}"#),
            "{text}"
        );
        assert!(
            text.contains(r#""endOffset":{"t":{"0":5}}"#) && text.contains(r#""maxOffsetsBehindLatest":"4""#),
            "{text}"
        );
    }
}
