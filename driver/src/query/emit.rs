//! The sinks the driver is itself: the console, and whoever started the query.

use std::io::Write;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use chrono_tz::Tz;
use millstream_common::domain::failure::FailureClass;
use millstream_driver_core::tasks::Failure;
use millstream_spark::render::{ShowOptions, show};
use parking_lot::Mutex;
use tokio::sync::mpsc;

/// One batch's rows for the caller of a query with the sink `Memory`.
#[derive(Clone, Debug)]
pub struct ResultRows {
    /// Which batch.
    pub batch: u64,
    /// Names of the columns as the user sees them.
    pub names: Vec<String>,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

/// Where results go that the driver emits itself.
#[derive(Clone)]
pub struct Output {
    console: Arc<Mutex<Box<dyn Write + Send>>>,
    memory: Option<mpsc::Sender<ResultRows>>,
}

impl Output {
    /// Results on standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::to(Box::new(std::io::stdout()))
    }

    /// Results on `writer`, flushed batch by batch.
    #[must_use]
    pub fn to(writer: Box<dyn Write + Send>) -> Self {
        Self {
            console: Arc::new(Mutex::new(writer)),
            memory: None,
        }
    }

    /// Rows of queries with the sink `Memory` go to `rows`.
    #[must_use]
    pub fn with_memory(mut self, rows: mpsc::Sender<ResultRows>) -> Self {
        self.memory = Some(rows);
        self
    }

    /// Prints text as it is.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        let mut console = self.console.lock();
        console
            .write_all(text.as_bytes())
            .and_then(|()| console.flush())
            .map_err(|error| Failure::new(FailureClass::External, format!("cannot print results: {error}")))
    }

    /// Draws a table; a streaming query's batch is named above it.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn show(
        &self,
        batch: Option<u64>,
        names: &[String],
        batches: &[RecordBatch],
        options: &ShowOptions,
        tz: &Tz,
    ) -> Result<(), Failure> {
        let table = show(batches, names, options, tz)
            .map_err(|error| Failure::new(FailureClass::Internal, format!("cannot draw the result: {error}")))?;
        let mut text = String::new();
        if let Some(batch) = batch {
            let line = "-".repeat(43);
            text.push_str(&format!("{line}\nBatch: {batch}\n{line}\n"));
        }
        text.push_str(&table);
        text.push('\n');
        self.print(&text)
    }

    /// Hands rows to the caller; waits while it is busy.
    pub async fn hand_over(&self, rows: ResultRows) {
        if let Some(memory) = &self.memory {
            // A caller that is gone wants no rows.
            let _ = memory.send(rows).await;
        }
    }
}
