//! Takes what happens to a query and shows it on stderr.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use millstream_common::domain::id::BatchId;
use millstream_driver_core::batch::BatchReport;

use super::json::StreamingQueryProgress;
use super::line;

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ProgressMode {
    /// A bar while catching up and a line per batch after on a terminal; else a line per batch.
    #[default]
    Auto,
    /// A line per batch.
    Plain,
    /// Spark's `StreamingQueryProgress`, one JSON object per batch.
    Json,
    /// Nothing but warnings.
    None,
}

/// How a query is named in progress.
#[derive(Clone, Debug, Default)]
pub struct QueryName {
    /// The same as long as the checkpoint lives.
    pub id: String,
    /// This start's.
    pub run_id: String,
    /// Given by the user.
    pub name: Option<String>,
    /// Its sources, as progress describes them.
    pub sources: Vec<String>,
    /// Its sink, as progress describes it.
    pub sink: String,
}

/// Shows one query's progress.
pub struct Watcher {
    mode: ProgressMode,
    query: QueryName,
    label: String,
    streaming: bool,
    bar: Option<ProgressBar>,
}

impl Watcher {
    /// A watcher of one query; `label` names it in lines.
    #[must_use]
    pub fn new(mode: ProgressMode, query: QueryName, label: String, streaming: bool) -> Self {
        let bar = (mode == ProgressMode::Auto && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) =
                ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} rows {per_sec} eta {eta}")
            {
                bar.set_style(style);
            }
            bar.set_message(label.clone());
            bar
        });
        Self {
            mode,
            query,
            label,
            streaming,
            bar,
        }
    }

    /// A batch is done.
    pub fn batch(&self, report: &BatchReport) {
        match self.mode {
            ProgressMode::None => {}
            ProgressMode::Json => {
                let progress = StreamingQueryProgress::of(&self.query, report);
                // Numbers and texts always serialise.
                self.write(&serde_json::to_string(&progress).unwrap_or_default());
            }
            // A query over tables and values alone has read nothing that is worth a line.
            ProgressMode::Auto | ProgressMode::Plain if report.sources.is_empty() => {}
            ProgressMode::Auto | ProgressMode::Plain => {
                let lag = u64::try_from(line::lag(report)).unwrap_or(0);
                match &self.bar {
                    Some(bar) if self.streaming && lag > 0 => {
                        bar.inc(report.totals.input_rows);
                        bar.set_length(bar.position() + lag);
                    }
                    Some(_) | None => {
                        if let Some(bar) = &self.bar {
                            bar.finish_and_clear();
                        }
                        self.write(&line::of(&self.label, report));
                    }
                }
            }
        }
    }

    /// A trigger found nothing to do.
    pub fn idle(&self, _next: BatchId) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Something the user should know.
    pub fn warn(&self, text: &str) {
        self.write(&format!("warning: {}: {text}", self.label));
    }

    /// Runs `print` while nothing of progress is on the screen.
    pub fn suspended<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn write(&self, text: &str) {
        self.suspended(|| {
            // Progress that nobody reads stops nothing.
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        });
    }
}

impl ProgressMode {
    /// The mode as settings write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Plain => "plain",
            Self::Json => "json",
            Self::None => "none",
        }
    }
}
