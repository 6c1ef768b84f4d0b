//! A job file to statements: declarations are kept, settings applied, queries planned, checked and optimised.

mod query;
mod sink;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use millstream_common::domain::failure::FailureClass;
use millstream_plan::spec::{FileSource, SinkSpec, SlotId, SourceSpec, StreamSettings, WatermarkSpec};
use millstream_spark::zone::Tz;
use millstream_spark::{SessionSettings, session_state};
use sqlparser::ast::{Query as SqlQuery, visit_relations};
use sqlparser::tokenizer::Location;

use crate::error::{Checked, Fault, SqlError, SqlErrorKind};
use crate::params::{LookUp, Params, Resolver, substitute};
use crate::parse::{Parsed, ParsedStatement, parse, stream_table};
use crate::plan::{Catalog, Planner, View};
use crate::secrets::Secrets;
use crate::settings::Settings;
use crate::tables::{Provider, Table};
use crate::text::SourceText;

/// Reads the columns of files that declare none.
#[async_trait]
pub trait SchemaReader: Send + Sync {
    /// The columns of the files of `source`.
    ///
    /// # Errors
    /// Whose fault it is, and the reason, for people: what could not be read.
    async fn infer(&self, source: &FileSource, time_zone: Tz) -> Result<SchemaRef, (FailureClass, String)>;
}

/// What a file is compiled with.
pub struct CompileEnv {
    /// Values of `${name}`.
    pub params: Params,
    /// Where `${env:..}` and `${ssm:..}` come from.
    pub resolver: Arc<dyn Resolver>,
    /// Reads columns of files.
    pub schemas: Arc<dyn SchemaReader>,
    /// Settings in force before the first statement, under Spark's names.
    pub conf: BTreeMap<String, String>,
}

/// A statement that does something when the file runs. Declarations and settings are gone: they are in the queries.
#[derive(Debug)]
pub enum Statement {
    /// Run this query.
    Query(Box<Query>),
    /// Show how this query would run.
    Explain(Box<Query>, ExplainMode),
}

/// How much EXPLAIN shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExplainMode {
    /// What runs.
    Simple,
    /// The logical plan as well.
    Extended,
}

/// One query of a file, planned.
#[derive(Debug)]
pub struct Query {
    /// The analysed and optimised plan; its leaves are `SourceTable`s. Its columns have unique names.
    pub plan: LogicalPlan,
    /// The session it was planned in.
    pub state: SessionState,
    /// What it reads, by slot.
    pub sources: BTreeMap<SlotId, SourceSpec>,
    /// Where its rows go.
    pub sink: SinkSpec,
    /// Set when it is a streaming query.
    pub stream: Option<StreamSettings>,
    /// Its watermarks by number.
    pub watermarks: Vec<WatermarkSpec>,
    /// The columns' names as the user sees them, in order.
    pub output_names: Vec<String>,
    /// The statement as it was written, parameters left unresolved.
    pub text: String,
    /// The line it begins in.
    pub line: usize,
    /// Settings in force, under Spark's names.
    pub conf: BTreeMap<String, String>,
    /// The session's time zone.
    pub time_zone: Tz,
    /// What the user should know although it is no mistake.
    pub warnings: Vec<String>,
    /// What must not be shown when the query is described.
    pub secrets: Secrets,
}

impl Query {
    /// The logical part of EXPLAIN.
    #[must_use]
    pub fn logical_text(&self) -> String {
        self.secrets.redact(&self.plan.display_indent().to_string())
    }
}

struct Compiler<'a> {
    env: &'a CompileEnv,
    source: &'a SourceText,
    secrets: Secrets,
    catalog: Catalog,
    settings: Settings,
}

impl<'a> Compiler<'a> {
    fn new(
        env: &'a CompileEnv,
        conf: BTreeMap<String, String>,
        secrets: Secrets,
        source: &'a SourceText,
    ) -> Checked<Self> {
        let mut settings = Settings::new(Tz::UTC, &BTreeMap::new());
        for (key, value) in &conf {
            settings.set(key, Some(value), Location::new(0, 0))?;
        }
        settings.values.extend(conf);
        let catalog = Catalog {
            in_force: settings.in_force(),
            ..Catalog::default()
        };
        Ok(Self {
            env,
            source,
            secrets,
            catalog,
            settings,
        })
    }

    async fn statement(&mut self, statement: ParsedStatement) -> Checked<Option<Statement>> {
        let ParsedStatement { start, end, body } = statement;
        match body {
            Parsed::CreateTable(create) => {
                let (or_replace, if_not_exists) = (create.or_replace, create.if_not_exists);
                let mut table = Table::declare(create)?;
                if let Some(policy) = &self.catalog.in_force.time_parser_policy {
                    table.reading_option("timeParserPolicy", policy);
                }
                if let Some(column) = &self.catalog.in_force.corrupt_record_column {
                    table.reading_option("columnNameOfCorruptRecord", column);
                }
                let key = table.name.to_lowercase();
                if self.catalog.tables.contains_key(&key) || self.catalog.views.contains_key(&key) {
                    if if_not_exists {
                        return Ok(None);
                    }
                    if !or_replace {
                        return Err(exists(&table.name, table.at));
                    }
                }
                self.catalog.views.remove(&key);
                self.catalog.inferred.remove(&key);
                self.catalog.tables.insert(key, Arc::new(table));
                Ok(None)
            }
            Parsed::CreateView {
                name,
                at,
                or_replace,
                columns,
                query,
            } => {
                let key = name.to_lowercase();
                if !or_replace && (self.catalog.tables.contains_key(&key) || self.catalog.views.contains_key(&key)) {
                    return Err(exists(&name, at));
                }
                // Planned here for its mistakes only: a view that is wrong is wrong where it stands.
                self.infer(&query.query).await?;
                let state = self.session()?;
                let relation = Planner::new(&state, self.settings.time_zone, &self.catalog).plan(&query)?;
                if !columns.is_empty() && columns.len() != relation.names.len() {
                    let message = format!(
                        "{} column names are given, the query has {} columns",
                        columns.len(),
                        relation.names.len()
                    );
                    return Err(Fault::new(SqlErrorKind::Name, at, message));
                }
                self.catalog.tables.remove(&key);
                self.catalog.views.insert(key, Arc::new(View { name, columns, query }));
                Ok(None)
            }
            Parsed::Drop { name, at, if_exists } => {
                let key = name.to_lowercase();
                let there = self.catalog.tables.remove(&key).is_some() | self.catalog.views.remove(&key).is_some();
                if there || if_exists {
                    Ok(None)
                } else {
                    Err(self.catalog.unknown_table(&name, at))
                }
            }
            Parsed::Set { key, value, at } => {
                self.settings.set(&key, value.as_deref(), at)?;
                self.catalog.in_force = self.settings.in_force();
                Ok(None)
            }
            Parsed::Explain { extended, of } => {
                let mode = if extended {
                    ExplainMode::Extended
                } else {
                    ExplainMode::Simple
                };
                let query = self.query(*of, start, end).await?;
                Ok(Some(Statement::Explain(Box::new(query), mode)))
            }
            body => Ok(Some(Statement::Query(Box::new(self.query(body, start, end).await?)))),
        }
    }

    fn session(&self) -> Checked<SessionState> {
        let settings = SessionSettings {
            time_zone: self.settings.time_zone,
            target_partitions: 1,
        };
        let state = session_state(&settings).map_err(|e| {
            Fault::new(
                SqlErrorKind::External,
                Location::new(0, 0),
                format!("the session cannot be made: {e}"),
            )
        })?;
        Ok(millstream_plan::planner::extend(state))
    }

    /// Finds the columns of the file tables that a query reads, views included.
    async fn infer(&mut self, query: &SqlQuery) -> Checked<()> {
        let mut open = relations(query);
        let mut seen = BTreeSet::new();
        while let Some(name) = open.pop() {
            let key = name.to_lowercase();
            if !seen.insert(key.clone()) || self.catalog.inferred.contains_key(&key) {
                continue;
            }
            if let Some(view) = self.catalog.views.get(&key) {
                open.extend(relations(&view.query.query));
            }
            let Some(table) = self.catalog.tables.get(&key).cloned() else {
                continue;
            };
            if table.columns.is_some() || !matches!(table.provider, Provider::Files(_)) {
                continue;
            }
            // Wrong options show when the table is planned.
            let path = table.options.get("path").unwrap_or_default().to_owned();
            let Provider::Files(format) = table.provider else {
                continue;
            };
            let source = FileSource {
                format,
                path: path.clone(),
                options: table.options.clone(),
            };
            let schema =
                self.env
                    .schemas
                    .infer(&source, self.settings.time_zone)
                    .await
                    .map_err(|(class, reason)| {
                        let kind = match class {
                            FailureClass::External => SqlErrorKind::External,
                            _ => SqlErrorKind::Option,
                        };
                        let message = format!("the columns of '{}' cannot be read from {path}: {reason}", table.name);
                        Fault::new(kind, table.at, message).help(format!(
                            "check the path, or declare the columns: CREATE TABLE {} (name TYPE, ...) USING ...",
                            table.name
                        ))
                    })?;
            self.catalog.inferred.insert(key, schema);
        }
        Ok(())
    }
}

/// Compiles the text of a job file; `file` is its name in messages.
///
/// # Errors
/// The first mistake, with file, line, column and what to do.
pub async fn compile(text: &str, file: &str, env: &CompileEnv) -> Result<Vec<Statement>, SqlError> {
    let mut look_up = LookUp::new(&env.params, env.resolver.as_ref());
    let conf = look_up.settings(file, &env.conf).await?;
    let source = substitute(file, text, &mut look_up).await?;
    let secrets = look_up.secrets;
    let parsed = parse(&source).map_err(|f| source.error(*f))?;
    let mut compiler = Compiler::new(env, conf, secrets, &source).map_err(|f| source.error(*f))?;
    let mut statements = Vec::new();
    for statement in parsed {
        let compiled = compiler.statement(statement).await.map_err(|f| source.error(*f))?;
        statements.extend(compiled);
    }
    Ok(statements)
}

fn exists(name: &str, at: Location) -> Box<Fault> {
    Fault::new(SqlErrorKind::Name, at, format!("'{name}' exists already"))
        .help("write CREATE OR REPLACE, or choose another name")
}

/// Names of all relations in a query.
fn relations(query: &SqlQuery) -> Vec<String> {
    let mut names = Vec::new();
    let _ = visit_relations(query, |name| {
        if let Some(ident) = name.0.last().and_then(|p| p.as_ident()) {
            names.push(stream_table(&ident.value).unwrap_or(&ident.value).to_owned());
        }
        ControlFlow::<()>::Continue(())
    });
    names
}
