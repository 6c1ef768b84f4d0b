//! Text in, plans and messages out.

mod errors;
mod function_page;
mod goldens;
mod names;
mod shapes;
mod streams;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use millstream_common::domain::failure::FailureClass;
use millstream_plan::spec::FileSource;
use millstream_spark::type_name::spark_type;
use millstream_spark::zone::Tz;

use crate::{CompileEnv, EnvResolver, Params, Query, Resolver, SchemaReader, SqlError, Statement, compile};

struct Schemas;

#[async_trait]
impl SchemaReader for Schemas {
    async fn infer(&self, source: &FileSource, _: Tz) -> Result<SchemaRef, (FailureClass, String)> {
        if source.path.contains("missing") {
            return Err((FailureClass::User, "no such file".into()));
        }
        Ok(Arc::new(Schema::new(vec![
            Field::new("country", DataType::Utf8, true),
            Field::new("region", DataType::Utf8, true),
        ])))
    }
}

struct Store;

#[async_trait]
impl Resolver for Store {
    fn env(&self, name: &str) -> Option<String> {
        (name == "HOME_TOPIC").then(|| "home".to_owned())
    }

    async fn ssm(&self, path: &str) -> Result<Option<String>, String> {
        match path {
            "/brokers" => Ok(Some("b-1:9098".into())),
            "/down" => Err("timed out".into()),
            _ => Ok(None),
        }
    }
}

fn env() -> CompileEnv {
    CompileEnv {
        params: [
            ("brokers", "localhost:9092"),
            ("quote", "it's ${brokers} \\"),
            ("bootstrap_servers", "localhost:9092"),
            ("data", "/data"),
            ("output", "/output"),
            ("results", "/results"),
            ("checkpoints", "/checkpoints"),
        ]
        .into_iter()
        .collect::<Params>(),
        resolver: Arc::new(Store),
        schemas: Arc::new(Schemas),
        conf: BTreeMap::new(),
    }
}

/// Tables that most tests read.
const TABLES: &str = "
CREATE TABLE events USING kafka OPTIONS ('kafka.bootstrap.servers' 'b:1', subscribe 'e', startingOffsets 'earliest', includeHeaders true);
CREATE TABLE sales (id INT, Amount FLOAT, t TIMESTAMP, country STRING, l ARRAY<INT>, m MAP<STRING, INT>, s STRUCT<p: INT, Q: STRING>, d DECIMAL(10,2))
USING kafka OPTIONS ('kafka.bootstrap.servers' 'b:1', subscribe 'sales', topic 'out', startingOffsets 'earliest', 'value.format' 'json');
CREATE TABLE regions USING csv OPTIONS (path '/regions.csv', header true);
CREATE TABLE screen USING console;
CREATE TABLE files USING parquet OPTIONS (path '/out');
";

fn run(text: &str) -> Result<Vec<Statement>, SqlError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(compile(text, "job.sql", &env()))
}

/// The last query of a text, with the usual tables.
fn query(text: &str) -> Query {
    let statements = run(&format!("{TABLES}{text}")).unwrap_or_else(|e| panic!("{text}\n{e}"));
    match statements.into_iter().next_back() {
        Some(Statement::Query(query) | Statement::Explain(query, _)) => *query,
        None => panic!("no query in {text}"),
    }
}

/// The message of a text that is wrong, its lines counted without the usual tables.
fn error(text: &str) -> String {
    let at = TABLES.lines().count();
    let mut error = run(&format!("{TABLES}{text}")).map(|_| ()).expect_err(text);
    if error.position.line > at {
        error.position.line -= at;
    }
    error.to_string()
}

/// Output names and types.
fn columns(text: &str) -> String {
    let query = query(text);
    let fields = query.plan.schema().fields().iter().map(|f| spark_type(f.data_type()));
    query
        .output_names
        .iter()
        .zip(fields)
        .map(|(n, t)| format!("{n}: {t}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[test]
fn parameters_are_put_in() {
    let text = "CREATE TABLE t USING kafka OPTIONS ('kafka.bootstrap.servers' '${ssm:/brokers},${brokers}', subscribe '${env:HOME_TOPIC}'); \
                SELECT '${quote}' AS q, ${n:-1 + 1} AS n -- ${unset} in a comment\nFROM t";
    let statements = run(text).unwrap();
    let Some(Statement::Query(query)) = statements.first() else {
        panic!()
    };
    let spec = format!("{:?}", query.sources);
    assert!(spec.contains("b-1:9098,localhost:9092"), "{spec}");
    assert!(spec.contains("home"), "{spec}");
    let plan = query.logical_text();
    assert!(plan.contains(r"it's ${brokers} \"), "{plan}");
}

#[test]
fn parameters_without_a_value_are_named() {
    for (text, expected) in [
        (
            "SELECT\n  '${brokerz}'",
            "job.sql:2:4: error: parameter 'brokerz' has no value\n    '${brokerz}'\n     ^\n  help: did you mean '${brokers}'?",
        ),
        (
            "SELECT '${env:NOPE}'",
            "job.sql:1:9: error: environment variable 'NOPE' is not set",
        ),
        (
            "SELECT '${ssm:/nope}'",
            "job.sql:1:9: error: parameter '/nope' does not exist in the parameter store",
        ),
        (
            "SELECT '${ssm:/down}'",
            "job.sql:1:9: error: parameter '/down' could not be read from the parameter store: timed out",
        ),
        ("SELECT '${oops", "job.sql:1:9: error: '${' is never closed by '}'"),
    ] {
        let message = run(text).map(|_| ()).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
    assert!(EnvResolver.env("SURELY_NOT_SET_ANYWHERE").is_none());
}

#[test]
fn positions_are_those_of_the_text_as_written() {
    let message = run("SELECT '${brokers}' AS a, nope")
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with("job.sql:1:27: error: no column 'nope'"),
        "{message}"
    );
}

#[test]
fn a_parameter_may_name_the_environment_and_the_store() {
    let mut env = env();
    env.params.set("where", "${ssm:/brokers},${env:HOME_TOPIC}:1");
    env.params.set("gone", "${ssm:/nope}");
    env.params.set("odd", "${where} ${");
    env.conf = [(
        "spark.sql.streaming.checkpointLocation".to_owned(),
        "s3://${ssm:/brokers}/c".to_owned(),
    )]
    .into();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let run = |text: &str| runtime.block_on(compile(text, "job.sql", &env));
    let statements = run("SELECT '${where}' AS w, '${odd}' AS o").unwrap();
    let Some(Statement::Query(query)) = statements.first() else {
        panic!()
    };
    assert_eq!(
        query
            .conf
            .get("spark.sql.streaming.checkpointLocation")
            .map(String::as_str),
        Some("s3://b-1:9098/c")
    );
    let (plan, shown) = (query.plan.display_indent().to_string(), query.logical_text());
    assert!(
        plan.contains("b-1:9098,home:1") && plan.contains("${where} ${"),
        "{plan}"
    );
    assert!(!shown.contains("b-1:9098") && shown.contains("***,home:1"), "{shown}");
    let message = run("SELECT\n '${gone}'").map(|_| ()).unwrap_err().to_string();
    assert!(
        message.starts_with("job.sql:2:3: error: parameter 'gone': parameter '/nope' does not exist"),
        "{message}"
    );
}

#[test]
fn values_from_the_store_are_not_shown() {
    for text in [
        "SELECT `${ssm:/brokers}`",
        "SELECT DATE '${ssm:/brokers}'",
        "CREATE TABLE t USING kafka OPTIONS ('kafka.bootstrap.servers' 'b:1', subscribe 'x', startingOffsets '${ssm:/brokers}'); SELECT * FROM t",
        "SET spark.sql.session.timeZone = '${ssm:/brokers}'",
    ] {
        let message = run(text).map(|_| ()).unwrap_err().to_string();
        assert!(!message.contains("b-1:9098"), "{message}");
        assert!(message.contains("***"), "{message}");
    }
}

#[test]
fn every_name_keeps_its_function_when_a_session_is_extended() {
    let settings = millstream_spark::SessionSettings {
        time_zone: Tz::UTC,
        target_partitions: 1,
    };
    for _ in 0..5 {
        let state = millstream_spark::session_state(&settings).unwrap();
        let extended = millstream_plan::planner::extend(state.clone());
        for (name, function) in state.scalar_functions() {
            assert_eq!(function.name(), extended.scalar_functions()[name].name());
        }
        for (name, function) in state.aggregate_functions() {
            assert_eq!(function.name(), extended.aggregate_functions()[name].name());
        }
        for (name, function) in state.window_functions() {
            assert_eq!(function.name(), extended.window_functions()[name].name());
        }
    }
}
