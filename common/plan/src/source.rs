//! Sources as tables for the planner: a name, columns and a slot.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::slot::SlotExec;
use crate::spec::{SlotId, SourceSpec};

/// A source as the planner sees it. Scanning it gives a [`SlotExec`] with the columns that are used.
#[derive(Clone)]
pub struct SourceTable {
    slot: SlotId,
    spec: SourceSpec,
    schema: SchemaRef,
    /// Rows of a static table, when they are known.
    rows: Option<usize>,
}

impl SourceTable {
    /// The table of `spec` in `slot`; `schema` is what the whole source has to offer.
    #[must_use]
    pub fn new(slot: SlotId, spec: SourceSpec, schema: SchemaRef) -> Self {
        Self {
            slot,
            spec,
            schema,
            rows: None,
        }
    }

    /// The same with a known number of rows.
    #[must_use]
    pub fn with_rows(mut self, rows: usize) -> Self {
        self.rows = Some(rows);
        self
    }

    /// Which slot its rows come from.
    #[must_use]
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// What it reads.
    #[must_use]
    pub fn spec(&self) -> &SourceSpec {
        &self.spec
    }
}

impl fmt::Debug for SourceTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceTable")
            .field("slot", &self.slot)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for SourceTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        Ok(Arc::new(match self.rows {
            Some(rows) => SlotExec::with_rows(self.slot, schema, rows),
            None if self.spec.is_scanned() => SlotExec::new(self.slot, schema),
            None => SlotExec::with_rows(self.slot, schema, 1_000),
        }))
    }
}

/// The type of a Spark `TIMESTAMP`: an instant, microseconds since the epoch. The session time zone is a setting.
#[must_use]
pub fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The columns every Kafka source has, in Spark's order and types; `headers` only when asked for.
#[must_use]
pub fn kafka_fields(include_headers: bool) -> Vec<Field> {
    let mut fields = vec![
        Field::new("key", DataType::Binary, true),
        Field::new("value", DataType::Binary, true),
        Field::new("topic", DataType::Utf8, true),
        Field::new("partition", DataType::Int32, true),
        Field::new("offset", DataType::Int64, true),
        Field::new("timestamp", timestamp_type(), true),
        Field::new("timestampType", DataType::Int32, true),
    ];
    if include_headers {
        fields.push(Field::new("headers", headers_type(), true));
    }
    fields
}

/// The type of a Kafka record's headers: an array of (key, value), null when the record has none.
#[must_use]
pub fn headers_type() -> DataType {
    let entry = DataType::Struct(
        vec![
            Field::new("key", DataType::Utf8, true),
            Field::new("value", DataType::Binary, true),
        ]
        .into(),
    );
    DataType::List(Arc::new(Field::new("element", entry, true)))
}

/// The schema of a Kafka source with `declared` columns decoded from the value: those first, then Kafka's own, of which
/// one with the name of a declared column (whatever its case) is hidden.
#[must_use]
pub fn kafka_schema(declared: &[Field], include_headers: bool) -> SchemaRef {
    let hidden = |field: &Field| {
        declared
            .iter()
            .any(|other| other.name().eq_ignore_ascii_case(field.name()))
    };
    let own = kafka_fields(include_headers).into_iter().filter(|field| !hidden(field));
    Arc::new(Schema::new(declared.iter().cloned().chain(own).collect::<Vec<_>>()))
}

/// The schema of the `rate` source.
#[must_use]
pub fn rate_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("timestamp", timestamp_type(), true),
        Field::new("value", DataType::Int64, true),
    ]))
}
