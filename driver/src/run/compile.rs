//! From a job's text to queries: the only place that knows the SQL front end.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use millstream_common::domain::failure::FailureClass;
use millstream_common::options::Options;
use millstream_plan::spec::FileSource;
use millstream_spark::zone::Tz;
use millstream_sql::{CompileEnv, ExplainMode, Params, Query, Resolver, SchemaReader, Statement, compile};

use crate::error::{DriverError, chain};
use crate::query::{Compiled, explain};

/// A job file, or SQL from the command line.
#[derive(Clone, Debug)]
pub struct JobText {
    /// How errors name it.
    pub name: String,
    /// SQL.
    pub text: String,
}

impl JobText {
    /// Whether it holds nothing but white space, line comments and semicolons.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let idle = |line: &str| line.starts_with("--") || line.chars().all(|c| c == ';' || c.is_whitespace());
        self.text.lines().map(str::trim).all(idle)
    }
}

/// One statement that does something.
pub enum JobStatement {
    /// Runs.
    Query(Box<Compiled>),
    /// Prints this.
    Explained(String),
}

impl JobStatement {
    /// Whether it runs until it is stopped.
    #[must_use]
    pub fn is_streaming(&self) -> bool {
        match self {
            Self::Query(query) => query.stream.is_some(),
            Self::Explained(_) => false,
        }
    }

    /// Whether it reads a source that executors scan, or has them write.
    #[must_use]
    pub fn needs_executors(&self) -> bool {
        use millstream_plan::spec::{SinkSpec, SourceSpec};
        match self {
            Self::Query(query) => {
                query.sources.values().any(SourceSpec::is_scanned)
                    || matches!(query.sink, SinkSpec::Kafka { .. } | SinkSpec::Files { .. })
            }
            Self::Explained(_) => false,
        }
    }
}

/// Compiles texts in order, with parameters and `spark.*` settings; with `explain_only` queries are described instead of run.
///
/// # Errors
/// The first mistake, with file, line and column.
pub async fn compile_job(
    texts: &[JobText],
    conf: &[(String, String)],
    explain_only: bool,
) -> Result<Vec<JobStatement>, DriverError> {
    let environment = CompileEnv {
        params: conf
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect::<Params>(),
        resolver: Arc::new(Outside),
        schemas: Arc::new(FileSchemas),
        conf: conf
            .iter()
            .filter(|(name, _)| name.starts_with("spark."))
            .cloned()
            .collect(),
    };
    let mut statements = Vec::new();
    for text in texts {
        let compiled = compile(&text.text, &text.name, &environment)
            .await
            .map_err(|error| DriverError::Sql {
                class: error.failure_class(),
                text: error.to_string(),
            })?;
        for statement in compiled {
            statements.push(match statement {
                Statement::Query(query) if !explain_only => {
                    warn(&query.warnings);
                    JobStatement::Query(Box::new(Compiled::from(*query)))
                }
                Statement::Query(query) => explained(*query, ExplainMode::Simple).await?,
                Statement::Explain(query, mode) => explained(*query, mode).await?,
            });
        }
    }
    Ok(statements)
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
}

async fn explained(query: Query, mode: ExplainMode) -> Result<JobStatement, DriverError> {
    warn(&query.warnings);
    let mut text = match mode {
        ExplainMode::Simple => String::new(),
        ExplainMode::Extended => format!("Logical plan\n{}\n", query.logical_text()),
    };
    let secrets = query.secrets.clone();
    text.push_str(&secrets.redact(&explain(&Compiled::from(query)).await?));
    text.push('\n');
    Ok(JobStatement::Explained(text))
}

impl From<Query> for Compiled {
    fn from(query: Query) -> Self {
        let mut settings = Options::default();
        for (name, value) in &query.conf {
            settings.set(name.as_str(), value.as_str());
        }
        Self {
            plan: query.plan,
            state: query.state,
            sources: query.sources,
            sink: query.sink,
            stream: query.stream,
            watermarks: query.watermarks,
            output_names: query.output_names,
            time_zone: query.time_zone,
            settings,
        }
    }
}

/// Reads columns of files that declare none.
struct FileSchemas;

#[async_trait::async_trait]
impl SchemaReader for FileSchemas {
    async fn infer(&self, source: &FileSource, _time_zone: Tz) -> Result<SchemaRef, (FailureClass, String)> {
        let fields = millstream_store::table::infer_schema(source)
            .await
            .map_err(|error| (error.class(), chain(&error)))?;
        Ok(Arc::new(Schema::new(fields)))
    }
}

/// `${env:NAME}` from the process, `${ssm:/path}` from the parameter store.
struct Outside;

#[async_trait::async_trait]
impl Resolver for Outside {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    async fn ssm(&self, path: &str) -> Result<Option<String>, String> {
        match crate::ssm::resolve(&[path.to_owned()]).await {
            Ok(mut values) => Ok(values.remove(path).map(crate::ssm::Secret::into_exposed)),
            // A wrong job, not a store that could not be asked.
            Err(crate::ssm::SsmError::NotFound { .. }) => Ok(None),
            Err(error) => Err(chain(&error)),
        }
    }
}
