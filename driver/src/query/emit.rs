//! The sinks the driver is itself: the console, and whoever started the query.

use std::io::Write;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use millstream_common::domain::failure::FailureClass;
use millstream_driver_core::batch::BatchReport;
use millstream_driver_core::tasks::Failure;
use millstream_spark::render::{ShowOptions, show};
use millstream_spark::zone::Tz;
use parking_lot::Mutex;
use tokio::sync::mpsc;

/// One batch's rows for the caller of a query with the sink `Memory`.
#[derive(Clone, Debug)]
pub struct ResultRows {
    /// Which batch.
    pub batch: u64,
    /// Names of the columns as the user sees them.
    pub names: Vec<String>,
    /// Their types, also when there are no rows.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

/// What a program that runs queries hears of them, in the order in which it happens.
#[derive(Clone, Debug)]
pub enum QueryEvent {
    /// Rows of a query with the sink `Memory`. Comes before the batch's report, and again when the batch is run again.
    Rows(ResultRows),
    /// A batch is committed.
    Batch(Box<BatchReport>),
    /// A trigger found nothing to do: all that was there is processed.
    Idle,
}

/// Where results go that the driver emits itself.
#[derive(Clone)]
pub struct Output {
    console: Arc<Mutex<Box<dyn Write + Send>>>,
    listener: Option<mpsc::UnboundedSender<QueryEvent>>,
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
            listener: None,
        }
    }

    /// The same, telling `listener` what happens. Its channel has no bound: whoever listens must keep up or hang up.
    #[must_use]
    pub fn with_listener(mut self, listener: mpsc::UnboundedSender<QueryEvent>) -> Self {
        self.listener = Some(listener);
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

    /// Tells the listener, when there is one.
    pub fn tell(&self, event: impl FnOnce() -> QueryEvent) {
        if let Some(listener) = &self.listener {
            // A listener that is gone wants no events.
            let _ = listener.send(event());
        }
    }
}
