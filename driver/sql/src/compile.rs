//! A job file to statements: declarations are kept, settings applied, queries planned, checked and optimised.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use millstream_plan::spec::{
    FileFormat, FileSource, OutputMode, SinkSpec, SlotId, SourceSpec, StreamSettings, Trigger, WatermarkSpec,
};
use millstream_spark::type_name::spark_type;
use millstream_spark::{SessionSettings, session_state};
use sqlparser::ast::{Query as SqlQuery, visit_relations};
use sqlparser::tokenizer::Location;

use crate::error::{Checked, Fault, SqlError, SqlErrorKind};
use crate::legality::Legality;
use crate::params::{Params, Resolver, substitute};
use crate::parse::{Parsed, ParsedStatement, QueryText, StreamClauses, parse, stream_table};
use crate::plan::scope::{Relation, columns, unique};
use crate::plan::{Catalog, Planner, View, engine_fault};
use crate::settings::Settings;
use crate::tables::{Provider, Table};
use crate::text::SourceText;

/// Reads the columns of files that declare none.
#[async_trait]
pub trait SchemaReader: Send + Sync {
    /// The columns of the files of `source`.
    ///
    /// # Errors
    /// The reason, for people: what could not be read.
    async fn infer(&self, source: &FileSource, time_zone: Tz) -> Result<SchemaRef, String>;
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
}

impl Query {
    /// The logical part of EXPLAIN.
    #[must_use]
    pub fn logical_text(&self) -> String {
        self.plan.display_indent().to_string()
    }
}

/// Compiles the text of a job file; `file` is its name in messages.
///
/// # Errors
/// The first mistake, with file, line, column and what to do.
pub async fn compile(text: &str, file: &str, env: &CompileEnv) -> Result<Vec<Statement>, SqlError> {
    let source = substitute(file, text, &env.params, env.resolver.as_ref()).await?;
    let parsed = parse(&source).map_err(|f| source.error(*f))?;
    let mut compiler = Compiler::new(env, &source).map_err(|f| source.error(*f))?;
    let mut statements = Vec::new();
    for statement in parsed {
        let compiled = compiler.statement(statement).await.map_err(|f| source.error(*f))?;
        statements.extend(compiled);
    }
    Ok(statements)
}

struct Compiler<'a> {
    env: &'a CompileEnv,
    source: &'a SourceText,
    catalog: Catalog,
    settings: Settings,
}

impl<'a> Compiler<'a> {
    fn new(env: &'a CompileEnv, source: &'a SourceText) -> Checked<Self> {
        let mut settings = Settings::new(Tz::UTC, &BTreeMap::new());
        for (key, value) in &env.conf {
            settings.set(key, Some(value), Location::new(0, 0))?;
        }
        settings.values.extend(env.conf.clone());
        Ok(Self {
            env,
            source,
            catalog: Catalog::default(),
            settings,
        })
    }

    async fn statement(&mut self, statement: ParsedStatement) -> Checked<Option<Statement>> {
        let ParsedStatement { start, end, body } = statement;
        match body {
            Parsed::CreateTable(create) => {
                let (or_replace, if_not_exists) = (create.or_replace, create.if_not_exists);
                let table = Table::declare(create)?;
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
            let schema = self
                .env
                .schemas
                .infer(&source, self.settings.time_zone)
                .await
                .map_err(|reason| {
                    let message = format!("the columns of '{}' cannot be read from {path}: {reason}", table.name);
                    Fault::new(SqlErrorKind::External, table.at, message).help(format!(
                        "check the path, or declare the columns: CREATE TABLE {} (name TYPE, ...) USING ...",
                        table.name
                    ))
                })?;
            self.catalog.inferred.insert(key, schema);
        }
        Ok(())
    }

    async fn query(&mut self, body: Parsed, start: Location, end: Location) -> Checked<Query> {
        let (text, clauses, into) = match body {
            Parsed::Select { query, clauses } => (query, clauses, None),
            Parsed::Insert {
                table,
                at,
                overwrite,
                columns,
                query,
                clauses,
            } => (query, clauses, Some((table, at, overwrite, columns))),
            _ => {
                return Err(Fault::new(SqlErrorKind::Syntax, start, "only a query can be explained")
                    .help("EXPLAIN SELECT ... or EXPLAIN INSERT INTO ..."));
            }
        };
        self.infer(&text.query).await?;
        let state = self.session()?;
        let mut planner = Planner::new(&state, self.settings.time_zone, &self.catalog);
        let mut relation = planner.plan(&text).map_err(|f| f.at_least(start))?;
        let Planner {
            sources,
            watermarks,
            stream_slots,
            source_places,
            ..
        } = planner;
        let streaming = !stream_slots.is_empty();
        let sink = match &into {
            None => SinkSpec::Console {
                num_rows: 20,
                truncate: true,
            },
            Some((name, at, overwrite, columns)) => {
                let Some(table) = self.catalog.tables.get(&name.to_lowercase()).cloned() else {
                    return Err(self.no_sink(name, *at));
                };
                relation = given_columns(relation, columns, &table, *at)?;
                let sink = overwriting(table.sink(*at)?, *overwrite, streaming, *at)?;
                relation = fit_sink(relation, &sink, &table, *at)?;
                sink
            }
        };
        let stream = self.stream_settings(&clauses, &sink, streaming, &text)?;
        if streaming {
            refuse_batch_kafka(&sources, &stream_slots, &source_places)?;
        }
        let plan = state.optimize(&relation.plan).map_err(|e| engine_fault(&e, text.at))?;
        let mut warnings = self.settings.warnings.clone();
        if let Some(stream) = &stream {
            let mode_at = clauses.output_mode.as_ref().map_or(text.at, |(_, at)| *at);
            let legality = Legality {
                text: &text,
                streams: &stream_slots,
                mode: stream.output_mode,
                mode_at,
            };
            legality.check(&relation.plan, &plan)?;
            if stream.output_mode == OutputMode::Complete && !watermarks.is_empty() {
                warnings
                    .push("in OUTPUT MODE complete no state is ever dropped: the watermark has no effect".to_owned());
            }
        }
        let position = self.source.position(start);
        Ok(Query {
            plan,
            state,
            sources,
            sink,
            stream,
            watermarks,
            output_names: relation.names,
            text: self.source.written(start, end),
            line: position.line,
            conf: self.settings.values.clone(),
            time_zone: self.settings.time_zone,
            warnings,
        })
    }

    fn no_sink(&self, name: &str, at: Location) -> Box<Fault> {
        if self.catalog.views.contains_key(&name.to_lowercase()) {
            return Fault::new(
                SqlErrorKind::Name,
                at,
                format!("'{name}' is a view: it cannot be written"),
            )
            .help("declare a table to write to: CREATE TABLE name USING ...");
        }
        self.catalog.unknown_table(name, at)
    }

    fn stream_settings(
        &self,
        clauses: &StreamClauses,
        sink: &SinkSpec,
        streaming: bool,
        text: &QueryText,
    ) -> Checked<Option<StreamSettings>> {
        if !streaming {
            let first = [
                clauses.output_mode.as_ref().map(|c| ("OUTPUT MODE", c.1)),
                clauses.trigger.as_ref().map(|c| ("TRIGGER", c.1)),
                clauses.checkpoint.as_ref().map(|c| ("CHECKPOINT", c.1)),
            ];
            if let Some((what, at)) = first.into_iter().flatten().next() {
                return Err(Fault::new(
                    SqlErrorKind::Unsupported,
                    at,
                    format!("{what} is for streaming queries, this is a batch query"),
                )
                .help("read a table as a stream: FROM STREAM name"));
            }
            return Ok(None);
        }
        let output_mode = clauses.output_mode.as_ref().map_or(OutputMode::Append, |c| c.0);
        let mode_at = clauses.output_mode.as_ref().map_or(text.at, |c| c.1);
        let checkpoint = clauses.checkpoint.as_ref().map(|c| c.0.clone()).or_else(|| {
            let base = self.settings.checkpoint()?.trim_end_matches('/');
            // As Spark does: under the default location every query has a folder of its own.
            Some(format!(
                "{base}/{}",
                clauses.name.as_ref().map_or("query", |n| n.0.as_str())
            ))
        });
        match sink {
            SinkSpec::Kafka { .. } | SinkSpec::Files { .. } if checkpoint.is_none() => {
                return Err(Fault::new(SqlErrorKind::Option, text.at, "a stream into Kafka or files needs a CHECKPOINT: without one a restart would write everything again")
                    .help("add it behind the query: CHECKPOINT 's3a://bucket/checkpoints/name' (or a folder)"));
            }
            SinkSpec::Files { .. } if output_mode != OutputMode::Append => {
                return Err(Fault::new(
                    SqlErrorKind::Unsupported,
                    mode_at,
                    "files can only be appended to: use OUTPUT MODE append",
                ));
            }
            _ => {}
        }
        Ok(Some(StreamSettings {
            output_mode,
            trigger: clauses
                .trigger
                .as_ref()
                .map_or(Trigger::ProcessingTime { interval_ms: 0 }, |c| c.0),
            checkpoint,
            name: clauses.name.as_ref().map(|c| c.0.clone()),
        }))
    }
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

/// Names the columns after an INSERT's list, else after the declared columns of the table.
fn given_columns(
    mut relation: Relation,
    given: &[(String, Location)],
    table: &Table,
    at: Location,
) -> Checked<Relation> {
    if !given.is_empty() {
        if given.len() != relation.names.len() {
            let message = format!(
                "{} columns are named, the query has {}",
                given.len(),
                relation.names.len()
            );
            return Err(Fault::new(
                SqlErrorKind::Type,
                given.first().map_or(at, |g| g.1),
                message,
            ));
        }
        relation.names = given.iter().map(|(n, _)| n.clone()).collect();
        return Ok(relation);
    }
    if let (Provider::Files(_), Some((fields, _))) = (table.provider, &table.columns) {
        if fields.len() != relation.names.len() {
            let message = format!(
                "'{}' has {} columns, the query has {}",
                table.name,
                fields.len(),
                relation.names.len()
            );
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        }
        relation.names = fields.iter().map(|f| f.name().clone()).collect();
    }
    Ok(relation)
}

/// Records whether what is there gives way; Kafka cannot forget.
fn overwriting(sink: SinkSpec, overwrite: bool, streaming: bool, at: Location) -> Checked<SinkSpec> {
    let refused = |message: &str| Err(Fault::new(SqlErrorKind::Unsupported, at, message).help("use INSERT INTO"));
    match sink {
        SinkSpec::Kafka { .. } if overwrite => refused("a topic cannot be overwritten, only appended to"),
        SinkSpec::Files { .. } if overwrite && streaming => {
            refused("a stream cannot overwrite files, only append to them")
        }
        SinkSpec::Files {
            format,
            path,
            single_file,
            mut options,
        } => {
            options.set("mode", if overwrite { "overwrite" } else { "append" });
            Ok(SinkSpec::Files {
                format,
                path,
                single_file,
                options,
            })
        }
        sink => Ok(sink),
    }
}

/// Checks and shapes the columns for the sink.
fn fit_sink(relation: Relation, sink: &SinkSpec, table: &Table, at: Location) -> Checked<Relation> {
    match sink {
        SinkSpec::Kafka { topic, .. } => fit_kafka(relation, topic.is_some(), table, at),
        SinkSpec::Files { format, .. } => {
            for (name, field) in relation.names.iter().zip(relation.plan.schema().fields()) {
                let of = field.data_type();
                if relation.names.iter().filter(|n| n.eq_ignore_ascii_case(name)).count() > 1 {
                    return Err(Fault::new(
                        SqlErrorKind::Name,
                        at,
                        format!("column '{name}' appears twice, files need different names"),
                    )
                    .help("rename one with AS"));
                }
                let nested = matches!(
                    of,
                    DataType::Struct(_) | DataType::List(_) | DataType::Map(..) | DataType::Binary
                );
                if *format == FileFormat::Csv && nested {
                    let message = format!(
                        "column '{name}' is {}, which CSV cannot hold",
                        spark_type(of).to_uppercase()
                    );
                    return Err(
                        Fault::new(SqlErrorKind::Type, at, message).help("use to_json(...), or cast it to STRING")
                    );
                }
                if matches!(of, DataType::Interval(_)) {
                    return Err(Fault::new(
                        SqlErrorKind::Type,
                        at,
                        format!("column '{name}' is an interval, which files cannot hold"),
                    ));
                }
            }
            declared_types(relation, table, at)
        }
        _ => Ok(relation),
    }
}

fn declared_types(relation: Relation, table: &Table, at: Location) -> Checked<Relation> {
    let Some((fields, _)) = &table.columns else {
        return Ok(relation);
    };
    let items: Vec<Expr> = columns(&relation.plan)
        .into_iter()
        .zip(&relation.names)
        .map(|(column, name)| {
            let column = Expr::Column(column);
            match fields.iter().find(|f| f.name().eq_ignore_ascii_case(name)) {
                Some(field) => datafusion::logical_expr::cast(column, field.data_type().clone()).alias(name),
                None => column.alias(name),
            }
        })
        .collect();
    let plan = LogicalPlanBuilder::from(relation.plan)
        .project(items)
        .and_then(LogicalPlanBuilder::build)
        .map_err(|e| engine_fault(&e, at))?;
    Ok(Relation {
        plan,
        names: relation.names,
    })
}

/// Kafka's columns: types checked, others dropped, NULL typed.
fn fit_kafka(relation: Relation, has_topic: bool, table: &Table, at: Location) -> Checked<Relation> {
    let all = columns(&relation.plan);
    let fields = relation.plan.schema().fields().clone();
    let text = "STRING or BINARY";
    let mut items = Vec::new();
    let mut names = Vec::new();
    for (index, name) in relation.names.iter().enumerate() {
        let lower = name.to_ascii_lowercase();
        let of = fields[index].data_type();
        let textual = matches!(
            of,
            DataType::Utf8
                | DataType::Binary
                | DataType::LargeUtf8
                | DataType::Utf8View
                | DataType::BinaryView
                | DataType::LargeBinary
        );
        let (fits, expected, typed) = match lower.as_str() {
            "key" | "value" => (textual, text, DataType::Utf8),
            "topic" => (
                matches!(of, DataType::Utf8 | DataType::Utf8View),
                "STRING",
                DataType::Utf8,
            ),
            "partition" => (*of == DataType::Int32, "INT", DataType::Int32),
            "headers" => (
                spark_type(of) == "array<struct<key:string,value:binary>>",
                "ARRAY<STRUCT<key: STRING, value: BINARY>>",
                DataType::Null,
            ),
            _ => continue,
        };
        if names.contains(&lower) {
            return Err(Fault::new(
                SqlErrorKind::Name,
                at,
                format!("column '{lower}' appears twice"),
            ));
        }
        let column = Expr::Column(all[index].clone());
        if *of == DataType::Null && typed != DataType::Null {
            items.push(datafusion::logical_expr::cast(column, typed).alias(&lower));
        } else if fits {
            items.push(column.alias(&lower));
        } else {
            let message = format!(
                "column '{lower}' of a Kafka sink is {expected}, here it is {}",
                spark_type(of).to_uppercase()
            );
            return Err(Fault::new(SqlErrorKind::Type, at, message).help(format!(
                "cast it: CAST({name} AS {})",
                expected.split(" or ").next().unwrap_or_default()
            )));
        }
        names.push(lower);
    }
    if !names.iter().any(|n| n == "value") {
        let message = format!(
            "writing to Kafka needs a column 'value', the query has: {}",
            relation.names.join(", ")
        );
        return Err(Fault::new(SqlErrorKind::Name, at, message)
            .help("for instance: SELECT CAST(id AS STRING) AS key, to_json(struct(*)) AS value FROM ..."));
    }
    if !has_topic && !names.iter().any(|n| n == "topic") {
        return Err(Fault::new(
            SqlErrorKind::Option,
            at,
            format!("nothing says which topic '{}' writes to", table.name),
        )
        .help("add the option topic 'name' to the table, or a column 'topic' to the query"));
    }
    let plan = LogicalPlanBuilder::from(relation.plan)
        .project(items)
        .and_then(LogicalPlanBuilder::build)
        .map_err(|e| engine_fault(&e, at))?;
    debug_assert_eq!(unique(&names), names);
    Ok(Relation { plan, names })
}

/// In a streaming query everything that is not a stream is read once, at the start: topics are not.
fn refuse_batch_kafka(
    sources: &BTreeMap<SlotId, SourceSpec>,
    streams: &BTreeSet<SlotId>,
    places: &BTreeMap<SlotId, Location>,
) -> Checked<()> {
    for (slot, spec) in sources {
        if spec.is_scanned() && !streams.contains(slot) {
            let at = places.get(slot).copied().unwrap_or(Location::new(0, 0));
            return Err(Fault::new(
                SqlErrorKind::Unsupported,
                at,
                "a streaming query cannot read a topic as a batch",
            )
            .help("the tables beside a stream are files; or read this one with STREAM too"));
        }
    }
    Ok(())
}
