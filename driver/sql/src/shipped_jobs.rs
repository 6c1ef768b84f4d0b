//! The job files that come with the project: they compile, as the streams and sinks they are meant to be.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use millstream_common::domain::failure::FailureClass;
use millstream_plan::spec::{FileSource, SinkSpec};
use millstream_spark::zone::Tz;

use crate::{CompileEnv, EnvResolver, Params, Query, SchemaReader, Statement, compile};

/// Every file declares its columns.
struct NoInference;

#[async_trait::async_trait]
impl SchemaReader for NoInference {
    async fn infer(&self, source: &FileSource, _time_zone: Tz) -> Result<SchemaRef, (FailureClass, String)> {
        Err((FailureClass::User, format!("{} declares no columns", source.path)))
    }
}

/// The queries of job `file`, compiled with `params`.
async fn queries(file: &str, params: &[(&str, &str)]) -> Vec<Query> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../bootstrap/jobs")
        .join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let always = [
        ("bootstrap_servers", "localhost:9092"),
        ("data", "/data"),
        ("output", "/output"),
        ("checkpoints", "/checkpoints"),
    ];
    let environment = CompileEnv {
        params: always.iter().chain(params).copied().collect::<Params>(),
        resolver: Arc::new(EnvResolver),
        schemas: Arc::new(NoInference),
        conf: std::collections::BTreeMap::default(),
    };
    let statements = match compile(&text, file, &environment).await {
        Ok(statements) => statements,
        Err(error) => panic!("{error}"),
    };
    let query = |statement| match statement {
        Statement::Query(query) => *query,
        Statement::Explain(..) => panic!("{file} explains"),
    };
    statements.into_iter().map(query).collect()
}

#[tokio::test]
async fn batch_jobs() {
    for (file, sinks) in [
        ("01_seed_sales_kafka.sql", 1),
        ("02_batch_read_kafka.sql", 2),
        ("04_incremental_sales_kafka.sql", 1),
        ("07_batch_read_kafka.sql", 1),
    ] {
        let queries = queries(file, &[]).await;
        assert_eq!(queries.len(), sinks, "{file}");
        assert!(queries.iter().all(|query| query.stream.is_none()), "{file}");
    }
}

#[tokio::test]
async fn streaming_jobs() {
    for (file, columns, watermarks) in [
        (
            "03_streaming_read_kafka_console.sql",
            &["country", "sales", "orders"][..],
            0,
        ),
        (
            "05_streaming_read_kafka_console_window.sql",
            &["country", "sales", "orders", "start", "end"],
            1,
        ),
        ("06_streaming_read_kafka_kafka.sql", &["key", "value"], 0),
        (
            "08_streaming_read_kafka_join_window.sql",
            &["region", "sales", "orders", "start", "end"],
            1,
        ),
        ("09_streaming_read_kafka_join.sql", &["region", "sales", "orders"], 0),
    ] {
        for params in [&[][..], &[("trigger", "AVAILABLE NOW")]] {
            let queries = queries(file, params).await;
            assert_eq!(queries.len(), 1, "{file}");
            assert!(queries[0].stream.is_some(), "{file}");
            assert_eq!(queries[0].output_names, columns, "{file}");
            assert_eq!(queries[0].watermarks.len(), watermarks, "{file}");
        }
    }
}

#[tokio::test]
async fn parameters_replace_defaults() {
    let plain = queries("04_incremental_sales_kafka.sql", &[]).await;
    let fast = queries(
        "04_incremental_sales_kafka.sql",
        &[("rows_per_second", "500"), ("sales_topic", "other")],
    )
    .await;
    let sink = |queries: &[Query]| match &queries[0].sink {
        SinkSpec::Kafka {
            topic, rows_per_second, ..
        } => (topic.clone().unwrap_or_default(), *rows_per_second),
        other => panic!("{other:?}"),
    };
    assert_eq!(sink(&plain), ("pagila.sales.spark.streaming".to_owned(), Some(2.0)));
    assert_eq!(sink(&fast), ("other".to_owned(), Some(500.0)));
}
