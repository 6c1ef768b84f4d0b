//! A query to all that is needed to run it: plan, sources, sink, streaming settings.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::LogicalPlan;
use millstream_plan::spec::{OutputMode, SinkSpec, SlotId, SourceSpec, StreamSettings, Trigger};
use sqlparser::tokenizer::Location;

use super::sink::{fit_sink, given_columns, overwriting};
use super::{Compiler, Query};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::legality::Legality;
use crate::parse::{Parsed, QueryText, StreamClauses};
use crate::plan::{Planner, engine_fault};
use crate::streaming;

impl Compiler<'_> {
    pub(super) async fn query(&mut self, body: Parsed, start: Location, end: Location) -> Checked<Query> {
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
        let mut state = self.session()?;
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
        let legality = stream.as_ref().map(|stream| Legality {
            text: &text,
            streams: &stream_slots,
            mode: stream.output_mode,
            mode_at: clauses.output_mode.as_ref().map_or(text.at, |(_, at)| *at),
        });
        let planned = match &legality {
            Some(legality) => {
                legality.check_shape(&relation.plan)?;
                streaming::rewrite(relation.plan, &stream_slots, legality.mode)
                    .map_err(|e| engine_fault(&e, text.at))?
            }
            None => relation.plan,
        };
        if streaming {
            // Joined to the rows, the value of a subquery is there where they are; else only the driver has it.
            let options = state.config_mut().options_mut();
            options.optimizer.enable_physical_uncorrelated_scalar_subquery = false;
        }
        let plan = state.optimize(&planned).map_err(|e| engine_fault(&e, text.at))?;
        refuse_correlated(&plan, &text)?;
        if let Some(legality) = &legality {
            legality.check_keys(&plan)?;
        }
        let mut warnings = self.settings.warnings.clone();
        if let Some(stream) = &stream
            && stream.output_mode == OutputMode::Complete
            && !watermarks.is_empty()
        {
            warnings.push("in OUTPUT MODE complete no state is ever dropped: the watermark has no effect".to_owned());
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
            secrets: self.secrets.clone(),
        })
    }

    pub(super) fn no_sink(&self, name: &str, at: Location) -> Box<Fault> {
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

    pub(super) fn stream_settings(
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

/// In a streaming query everything that is not a stream is read once, at the start: topics are not.
pub(super) fn refuse_batch_kafka(
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

/// What is left of a query around a subquery once the plan is optimised cannot be run.
fn refuse_correlated(plan: &LogicalPlan, text: &QueryText) -> Checked<()> {
    let mut left = false;
    let _ = plan.apply(|node| {
        node.apply_expressions(|e| {
            left |= e.contains_outer();
            Ok(TreeNodeRecursion::Continue)
        })
    });
    if left {
        let message = "this subquery uses columns of the query around it in a way that is not supported";
        return Err(Fault::new(SqlErrorKind::Unsupported, text.place_of("LATERAL"), message)
            .help("write it as a join, or with LATERAL VIEW"));
    }
    Ok(())
}
