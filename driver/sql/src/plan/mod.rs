//! Queries to logical plans: names, types and clauses as Spark reads them, on DataFusion's `LogicalPlan`.
//!
//! The planner is our own, not DataFusion's: Spark resolves names without regard to case and shows them as they were written,
//! allows columns of the same name, lets a SELECT item use an earlier one, and has generators, lateral views and streaming tables.

mod call;
mod expr;
mod from;
mod generator;
mod pivot;
mod query;
pub(crate) mod scope;
mod select;
mod subquery;
mod window;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::execution::SessionState;
use millstream_common::options::nearest;
use millstream_plan::spec::{SlotId, SourceSpec, WatermarkSpec};
use sqlparser::tokenizer::{Location, Span};

use crate::error::{Checked, Fault, SqlErrorKind};
use crate::parse::{Delay, QueryText};
use crate::tables::Table;
use scope::Relation;

/// Everything that was declared before a query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    /// By lower-case name.
    pub(crate) tables: HashMap<String, Arc<Table>>,
    pub(crate) views: HashMap<String, Arc<View>>,
    /// Columns of file tables that declare none, by lower-case name.
    pub(crate) inferred: HashMap<String, SchemaRef>,
    /// Settings that expressions are planned by.
    pub(crate) in_force: InForce,
}

/// What a session's settings say about the meaning of expressions.
#[derive(Clone, Debug, Default)]
pub(crate) struct InForce {
    /// The option `timeParserPolicy` of `from_json` where a call gives no options.
    pub(crate) time_parser_policy: Option<String>,
    /// The option `columnNameOfCorruptRecord` of `from_json` where a call gives none.
    pub(crate) corrupt_record_column: Option<String>,
    /// The option `ignoreNullFields` of `to_json` where a call gives none.
    pub(crate) ignore_null_fields: Option<String>,
    /// Whether a map keeps the last value of a key it is given twice, instead of refusing it.
    pub(crate) last_key_wins: bool,
    /// Whether names that differ in upper and lower case are different names.
    pub(crate) exact_names: bool,
}

/// A declared view.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) name: String,
    /// Names given to its columns, or none.
    pub(crate) columns: Vec<String>,
    pub(crate) query: QueryText,
}

impl Catalog {
    /// The error that there is no table `name`.
    pub(crate) fn unknown_table(&self, name: &str, at: Location) -> Box<Fault> {
        let mut known: Vec<&str> = self
            .tables
            .values()
            .map(|t| t.name.as_str())
            .chain(self.views.values().map(|v| v.name.as_str()))
            .collect();
        known.sort_unstable();
        let help = match nearest(name, &known) {
            Some(near) => format!("did you mean '{near}'?"),
            None if known.is_empty() => "declare it first: CREATE TABLE name USING kafka OPTIONS (...)".to_owned(),
            None => format!("known here: {}", known.join(", ")),
        };
        Fault::new(SqlErrorKind::Name, at, format!("no table or view '{name}'")).help(help)
    }
}

/// Plans one query; collects what it reads.
pub(crate) struct Planner<'a> {
    pub(crate) state: &'a SessionState,
    pub(crate) time_zone: millstream_spark::zone::Tz,
    pub(crate) catalog: &'a Catalog,
    pub(crate) sources: BTreeMap<SlotId, SourceSpec>,
    pub(crate) watermarks: Vec<WatermarkSpec>,
    /// Whether a table was read with STREAM.
    pub(crate) streams: usize,
    /// Watermarks of the text that is being planned: the query's own or a view's.
    delays: Vec<Delay>,
    /// Common table expressions in sight, innermost last. Each use plans anew, as Spark inlines them.
    ctes: Vec<(String, Arc<Cte>)>,
    /// Views being planned, against circles.
    views: Vec<String>,
    /// For names of our own.
    next: usize,
    /// How often a relation's name was used, by lower-case name.
    relations: HashMap<String, usize>,
    /// The relations that the columns of the SELECT planned last come from.
    origins: Vec<Option<String>>,
    /// Slots read as streams.
    pub(crate) stream_slots: BTreeSet<SlotId>,
    /// Where a source is named.
    pub(crate) source_places: BTreeMap<SlotId, Location>,
    /// Where a watermark stands.
    pub(crate) watermark_places: Vec<Location>,
}

/// A common table expression and what was in sight where it stands.
#[derive(Debug)]
struct Cte {
    columns: Vec<String>,
    query: sqlparser::ast::Query,
    /// How many expressions were in sight.
    depth: usize,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(state: &'a SessionState, time_zone: millstream_spark::zone::Tz, catalog: &'a Catalog) -> Self {
        Self {
            state,
            time_zone,
            catalog,
            sources: BTreeMap::new(),
            watermarks: Vec::new(),
            streams: 0,
            delays: Vec::new(),
            ctes: Vec::new(),
            views: Vec::new(),
            next: 0,
            relations: HashMap::new(),
            origins: Vec::new(),
            stream_slots: BTreeSet::new(),
            source_places: BTreeMap::new(),
            watermark_places: Vec::new(),
        }
    }

    /// Plans a statement's query.
    pub(crate) fn plan(&mut self, text: &QueryText) -> Checked<Relation> {
        self.delays.clone_from(&text.watermarks);
        self.query(&text.query, None).map_err(|f| f.at_least(text.at))
    }

    /// A name no user can write.
    fn fresh(&mut self, what: &str) -> String {
        self.next += 1;
        format!("__{what}{}", self.next)
    }
}

/// Where a piece of the syntax tree stands; the statement's begin when the tree does not know.
pub(crate) fn place(span: Span) -> Location {
    span.start
}

/// What DataFusion has against a plan, in the user's words.
pub(crate) fn engine_fault(error: &DataFusionError, at: Location) -> Box<Fault> {
    let (message, at) = match error.diagnostic() {
        Some(diagnostic) => (diagnostic.message.clone(), at),
        None => (error.strip_backtrace(), at),
    };
    Fault::new(SqlErrorKind::Type, at, plain(&message))
}

/// Takes out what DataFusion says to its own developers.
pub(crate) fn plain(message: &str) -> String {
    let mut text = message.to_owned();
    for noise in [
        "Error during planning: ",
        "Internal error: ",
        "This feature is not implemented: ",
        "Schema error: ",
        "Execution error: ",
        "type_coercion\ncaused by\n",
        "Invalid or Unsupported Configuration: ",
        "External error: ",
        "SQL error: ",
        "Arrow error: ",
        "Invalid argument error: ",
        "Optimizer rule ",
        "Compute error: ",
        "Cast error: ",
    ] {
        text = text.replace(noise, "");
    }
    // DataFusion asks to file a bug where a function was called with the wrong arguments.
    for cut in [
        "\n\nbacktrace",
        ".\nThis issue was likely caused by a bug",
        "\nThis issue was likely caused by a bug",
        ".\nThis was likely caused by a bug",
        "\nThis was likely caused by a bug",
        "This was likely caused by a bug",
        "This issue was likely caused by a bug",
        "You might need to add explicit type casts",
        " No function matches the given name",
        "\n\tCandidate functions:",
    ] {
        if let Some(end) = text.find(cut) {
            text.truncate(end);
        }
    }
    let text = text.trim().trim_end_matches('.').replace('\n', " ");
    let mut chars = text.chars();
    let second_upper = text.chars().nth(1).is_some_and(char::is_uppercase);
    match chars.next() {
        Some(first) if !second_upper => first.to_lowercase().chain(chars).collect(),
        _ => text,
    }
}
