//! Rows a second of one expression.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use arrow::array::{AsArray, RecordBatch};
use datafusion::datasource::MemTable;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt as _;
use millstream_plan::time_window::{TimeWindowExec, WindowShape};
use millstream_spark::json::{JsonOptions, RecordDecoder};
use millstream_spark::zone::Tz;
use millstream_spark::{SessionSettings, session_state};

use super::cases::{Case, DECODE, SLIDING, TUMBLING, Theirs};
use super::data;

const MINUTE_US: i64 = 60_000_000;

/// The table in a session of each kind.
pub struct Sessions {
    ours: SessionContext,
    engine: SessionContext,
    library: SessionContext,
    batches: Vec<RecordBatch>,
}

impl Sessions {
    /// Makes the table and the sessions; each plans for one core.
    ///
    /// # Errors
    /// When a session does not take the table.
    pub fn new(rows: usize) -> Result<Self> {
        let batches = data::batches(rows)?;
        let settings = SessionSettings {
            time_zone: Tz::UTC,
            target_partitions: 1,
        };
        let plain = || {
            let mut config = SessionConfig::new().with_target_partitions(1);
            config.options_mut().sql_parser.dialect = datafusion::config::Dialect::Databricks;
            config.options_mut().sql_parser.map_string_types_to_utf8view = false;
            SessionContext::new_with_config(config)
        };
        let library = plain();
        for function in datafusion_spark::all_default_scalar_functions() {
            library.register_udf(function.as_ref().clone());
        }
        let sessions = Self {
            ours: SessionContext::new_with_state(session_state(&settings)?),
            engine: plain(),
            library,
            batches,
        };
        let schema = sessions.batches.first().context("no rows")?.schema();
        for session in [&sessions.ours, &sessions.engine, &sessions.library] {
            let table = MemTable::try_new(Arc::clone(&schema), vec![sessions.batches.clone()])?;
            session.register_table("t", Arc::new(table))?;
        }
        Ok(sessions)
    }

    /// Ours.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn ours(&self, case: &Case, rounds: usize) -> Result<f64> {
        match case.ours {
            DECODE => self.best(rounds, || self.decode()),
            TUMBLING => self.windows(10, 10, rounds).await,
            SLIDING => self.windows(10, 5, rounds).await,
            text => self.sql(&self.ours, text, case.grouped, rounds).await,
        }
        .with_context(|| format!("ours: {}", case.ours))
    }

    /// The engine's.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn theirs(&self, case: &Case, rounds: usize) -> Result<f64> {
        match case.theirs {
            Theirs::Engine(text) => self.sql(&self.engine, text, case.grouped, rounds).await,
            Theirs::Library(text) => self.sql(&self.library, text, case.grouped, rounds).await,
            Theirs::None => Ok(0.0),
        }
        .context("theirs")
    }

    fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    fn best(&self, rounds: usize, mut once: impl FnMut() -> Result<()>) -> Result<f64> {
        let mut best = 0.0_f64;
        for _ in 0..rounds {
            let started = Instant::now();
            once()?;
            best = best.max(self.rows() as f64 / started.elapsed().as_secs_f64());
        }
        Ok(best)
    }

    async fn sql(&self, session: &SessionContext, expression: &str, grouped: bool, rounds: usize) -> Result<f64> {
        let text = if grouped {
            format!("SELECT g, {expression} AS x FROM t GROUP BY g")
        } else {
            format!("SELECT {expression} AS x FROM t")
        };
        let mut best = 0.0_f64;
        for _ in 0..rounds {
            let plan = session.sql(&text).await?.create_physical_plan().await?;
            best = best.max(self.drained(plan, session).await?);
        }
        Ok(best)
    }

    async fn windows(&self, length: i64, slide: i64, rounds: usize) -> Result<f64> {
        let shape = WindowShape::try_new(length * MINUTE_US, slide * MINUTE_US, 0)?;
        let mut best = 0.0_f64;
        for _ in 0..rounds {
            let input = self.ours.sql("SELECT ts FROM t").await?.create_physical_plan().await?;
            let plan = TimeWindowExec::try_new(input, 0, shape, "start".to_owned())?;
            best = best.max(self.drained(Arc::new(plan), &self.ours).await?);
        }
        Ok(best)
    }

    /// Runs a plan to its end; planning is not counted.
    async fn drained(&self, plan: Arc<dyn ExecutionPlan>, session: &SessionContext) -> Result<f64> {
        let started = Instant::now();
        let mut stream = execute_stream(plan, session.task_ctx())?;
        while let Some(batch) = stream.next().await {
            std::hint::black_box(batch?);
        }
        Ok(self.rows() as f64 / started.elapsed().as_secs_f64())
    }

    /// The documents as Kafka's values are decoded: a batch at a time, each into new columns.
    fn decode(&self) -> Result<()> {
        let declared = data::declared();
        let mut decoder = RecordDecoder::try_new(&declared, &[0, 1, 2, 3], &JsonOptions::default())?;
        for batch in &self.batches {
            let documents = batch.column_by_name("j").context("no documents")?.as_string::<i32>();
            for document in documents {
                decoder.append(document.map(str::as_bytes));
            }
            std::hint::black_box(decoder.finish()?);
        }
        Ok(())
    }
}
