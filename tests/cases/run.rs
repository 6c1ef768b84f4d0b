//! One driver with two executors for all cases; each case has a topic of its own.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use arrow::array::RecordBatch;
use base64::Engine as _;
use millstream_common::process::shutdown::Shutdown;
use millstream_driver::progress::ProgressMode;
use millstream_driver::query::{Output, ResultRows};
use millstream_driver::run::{
    Cluster, ClusterOptions, Executors, JobRequest, JobStatement, JobText, ListenAt, compile_job, run_job,
};
use millstream_plan::spec::SinkSpec;
use millstream_spark::render::{ShowOptions, show};
use millstream_spark::type_name::spark_type;
use millstream_tests::broker::{Broker, Record};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::encode;

/// A query that takes longer is stuck.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a case gave.
pub struct Answer {
    /// In the shape of `expected.json`.
    pub result: Value,
    /// The text of `show`, when the case has one.
    pub shown: Option<String>,
}

/// Broker, driver and executors, shared by all cases.
pub struct Runner {
    runtime: Runtime,
    broker: Broker,
    cluster: Cluster,
}

impl Runner {
    /// Starts everything.
    ///
    /// # Errors
    /// When the broker or the executors do not come up.
    pub fn start() -> Result<Self> {
        let broker = Broker::shared()?;
        let runtime = Runtime::new()?;
        let program = xtask::workspace::binary("millstream-executor")?.display().to_string();
        let options = ClusterOptions {
            listen: ListenAt {
                first_port: 0,
                last_port: 0,
                ..ListenAt::default()
            },
            executors: Executors::Local {
                count: 2,
                slots: Some(2),
                program: Some(program),
            },
            wait: DEADLINE,
        };
        let cluster = runtime.block_on(Cluster::start(options))?;
        Ok(Self {
            runtime,
            broker,
            cluster,
        })
    }

    /// Ends the executors.
    pub fn stop(self) {
        self.runtime.block_on(self.cluster.stop());
    }

    /// Runs a batch case.
    ///
    /// # Errors
    /// When the case cannot be read or the broker fails; an error of the query is a result.
    pub fn batch(&self, folder: &Path, name: &str, case: &Value) -> Result<Answer> {
        let topic = format!("case_{}", name.replace('-', "_"));
        let partitions = case["partitions"].as_i64().unwrap_or(1);
        self.broker.create(&topic, i32::try_from(partitions)?)?;
        let lines = fs::read_to_string(folder.join("input.jsonl")).unwrap_or_default();
        let records = lines
            .lines()
            .filter(|line| !line.is_empty())
            .map(record)
            .collect::<Result<Vec<_>>>()?;
        self.broker.produce(&topic, &records)?;
        let (sql, conf) = (self.job(folder, &topic, case)?, settings(case));
        let answered = self.runtime.block_on(self.query(&sql, &conf));
        let _ = self.broker.delete(&topic);
        let zone = case["timezone"].as_str().unwrap_or("UTC");
        let tz = zone.parse().with_context(|| format!("time zone {zone}"))?;
        let rows = match answered {
            Ok(rows) => rows,
            Err(error) => {
                return Ok(Answer {
                    result: json!({"error": {"gist": format!("{error:#}")}}),
                    shown: None,
                });
            }
        };
        let schema = rows
            .batches
            .first()
            .map(RecordBatch::schema)
            .context("no batch came, not even an empty one")?;
        let columns: Vec<Value> = rows
            .names
            .iter()
            .zip(schema.fields())
            .map(|(name, field)| json!({"name": name, "type": spark_type(field.data_type())}))
            .collect();
        let mut encoded = Vec::new();
        for batch in &rows.batches {
            for row in 0..batch.num_rows() {
                let values = batch.columns().iter().map(|column| encode::value(column, row, &tz));
                encoded.push(Value::Array(values.collect::<Result<_>>()?));
            }
        }
        let shown = match case.get("show") {
            Some(options) => Some(show(&rows.batches, &rows.names, &show_options(options), &tz)?),
            None => None,
        };
        let result = json!({"kind": "batch", "ordered": case["ordered"], "schema": columns, "rows": encoded});
        Ok(Answer { result, shown })
    }

    fn job(&self, folder: &Path, topic: &str, case: &Value) -> Result<String> {
        let headers = if case["include_headers"] == true {
            ", includeHeaders true"
        } else {
            ""
        };
        let mut sql = format!(
            "CREATE TABLE events USING kafka OPTIONS ('kafka.bootstrap.servers' '{}', subscribe '{topic}', startingOffsets 'earliest'{headers});\n",
            self.broker.servers()
        );
        for table in case["static_tables"].as_array().into_iter().flatten() {
            let text = |name: &str| table[name].as_str().unwrap_or_default();
            let path = folder.join(text("file"));
            sql += &format!(
                "CREATE TABLE {} ({}) USING csv OPTIONS (path '{}', header true);\n",
                text("name"),
                text("schema"),
                path.canonicalize().unwrap_or(path).display()
            );
        }
        let query = fs::read_to_string(folder.join("query.sql"))?;
        Ok(sql + query.trim().trim_end_matches(';') + ";\n")
    }

    /// Compiles and runs the text; gives the rows of its query.
    async fn query(&self, sql: &str, conf: &[(String, String)]) -> Result<ResultRows> {
        let text = JobText {
            name: "query.sql".to_owned(),
            text: sql.to_owned(),
        };
        let mut statements = compile_job(&[text], conf, false).await?;
        let Some(JobStatement::Query(query)) = statements.last_mut() else {
            bail!("the text holds no query")
        };
        query.sink = SinkSpec::Memory;
        let (sender, mut receiver) = mpsc::channel(16);
        let request = JobRequest {
            statements,
            progress: ProgressMode::None,
            checkpoint: None,
            output: Output::to(Box::new(std::io::sink())).with_memory(sender),
        };
        let (_trigger, shutdown) = Shutdown::manual();
        let running = run_job(&self.cluster, request, &shutdown);
        tokio::time::timeout(DEADLINE, running)
            .await
            .context("the query does not end")??;
        receiver.recv().await.context("the query gave no rows")
    }
}

fn settings(case: &Value) -> Vec<(String, String)> {
    let mut conf = vec![(
        "spark.sql.session.timeZone".to_owned(),
        case["timezone"].as_str().unwrap_or("UTC").to_owned(),
    )];
    for (name, value) in case["conf"].as_object().into_iter().flatten() {
        conf.push((
            name.clone(),
            value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        ));
    }
    conf
}

fn show_options(options: &Value) -> ShowOptions {
    let truncate = match &options["truncate"] {
        Value::Bool(false) => 0,
        Value::Number(width) => width
            .as_u64()
            .and_then(|width| usize::try_from(width).ok())
            .unwrap_or(20),
        _ => 20,
    };
    let num_rows = options["num_rows"]
        .as_u64()
        .and_then(|rows| usize::try_from(rows).ok())
        .unwrap_or(20);
    ShowOptions {
        num_rows,
        truncate,
        vertical: options["vertical"] == true,
    }
}

/// A line of `input.jsonl`.
fn record(line: &str) -> Result<Record> {
    let json: Value = serde_json::from_str(line)?;
    let bytes = |name: &str| -> Result<Option<Vec<u8>>> {
        if let Some(text) = json[format!("{name}_b64")].as_str() {
            return Ok(Some(base64::engine::general_purpose::STANDARD.decode(text)?));
        }
        Ok(json[name].as_str().map(|text| text.as_bytes().to_vec()))
    };
    let header = |pair: &Value| {
        (
            pair[0].as_str().unwrap_or_default().to_owned(),
            pair[1].as_str().map(|text| text.as_bytes().to_vec()),
        )
    };
    Ok(Record {
        partition: Some(i32::try_from(json["partition"].as_i64().unwrap_or(0))?),
        key: bytes("key")?,
        value: bytes("value")?,
        timestamp_ms: Some(json["timestamp_ms"].as_i64().unwrap_or(0)),
        headers: json["headers"]
            .as_array()
            .map(|all| all.iter().map(header).collect())
            .unwrap_or_default(),
        offset: 0,
    })
}
