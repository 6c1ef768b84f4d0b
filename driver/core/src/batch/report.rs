//! What a batch did, from its tasks' reports.

use super::effect::{BatchReport, SourceReport, Timings};
use super::plan::Batch;
use super::settings::Settings;
use crate::tasks::{Phase, TaskBook, Totals, Work};
use crate::watermark::EventTime;

/// Sums up a batch whose commit is done at `now_ms`.
pub fn report(
    settings: &Settings,
    next_watermark_ms: Option<i64>,
    previous_fired_ms: Option<i64>,
    batch: &Batch,
    book: &TaskBook,
    now_ms: i64,
) -> BatchReport {
    let mut totals = Totals::default();
    let mut input_rows = vec![0; batch.ends.len()];
    let mut output_rows = 0;
    let mut event_time: Option<EventTime> = None;
    // Output is what the last phase gave; input counts only where records come in.
    let last = book.reports().map(|(work, _)| phase_of(work)).max();
    for (work, report) in book.reports() {
        totals.add(&report.totals);
        match work {
            Work::Map { stage, .. } => {
                let source = settings.map_stages.get(*stage as usize);
                if let Some(rows) = source.and_then(|source| input_rows.get_mut(*source)) {
                    *rows += report.totals.input_rows;
                }
            }
            Work::Reduce { .. } | Work::Write { .. } => {}
        }
        if Some(phase_of(work)) == last {
            output_rows += report.totals.output_rows;
        }
        for stats in report.event_time.iter().filter(|stats| stats.count > 0) {
            event_time = Some(event_time.map_or(*stats, |sum| combine(&sum, stats)));
        }
    }
    totals.input_rows = input_rows.iter().sum();
    let sources = batch
        .starts
        .iter()
        .zip(&batch.ends)
        .zip(&batch.latest)
        .zip(input_rows)
        .map(|(((start, end), latest), input_rows)| SourceReport {
            start: start.clone(),
            end: end.clone(),
            latest: latest.clone(),
            input_rows,
        })
        .collect();
    BatchReport {
        batch: batch.id,
        fired_ms: batch.fired_ms,
        previous_fired_ms,
        watermark_ms: next_watermark_ms.map(|_| batch.watermark_ms),
        next_watermark_ms,
        event_time,
        sources,
        totals,
        reduce_tasks: settings.reduce_tasks,
        output_rows,
        timings: Timings {
            latest_offset_ms: batch.latest_offset_ms,
            wal_commit_ms: batch.wal_commit_ms,
            add_batch_ms: batch.commit_ms - batch.run_ms,
            commit_offsets_ms: now_ms - batch.commit_ms,
            trigger_ms: now_ms - batch.fired_ms,
        },
    }
}

fn combine(a: &EventTime, b: &EventTime) -> EventTime {
    EventTime {
        id: a.id,
        max_ms: a.max_ms.max(b.max_ms),
        min_ms: a.min_ms.min(b.min_ms),
        sum_ms: a.sum_ms + b.sum_ms,
        count: a.count + b.count,
    }
}

fn phase_of(work: &Work) -> Phase {
    match work {
        Work::Map { .. } => Phase::Map,
        Work::Reduce { .. } => Phase::Reduce,
        Work::Write { .. } => Phase::Write,
    }
}
