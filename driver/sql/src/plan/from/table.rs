//! Relations by name: tables, views, common table expressions; aliases and watermarks on them.

use std::sync::Arc;

use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, LogicalPlanBuilder};
use millstream_plan::event_time::WatermarkNode;
use millstream_plan::keep_order::KeepOrderNode;
use millstream_plan::source::SourceTable;
use millstream_plan::spec::{SlotId, WatermarkSpec};
use sqlparser::ast;
use sqlparser::tokenizer::Location;

use super::{From, unknown_column};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::parse::watermark_alias;
use crate::plan::scope::{Relation, Scope, columns};
use crate::plan::{Planner, engine_fault, place};

impl Planner<'_> {
    /// Puts a relation under its alias, applies a watermark that was written behind it, renames its columns.
    pub(super) fn aliased(
        &mut self,
        relation: Relation,
        own_name: Option<&str>,
        alias: Option<&ast::TableAlias>,
        streaming: bool,
        outer: Option<Arc<Scope>>,
    ) -> Checked<From> {
        let (given, watermark) = match alias {
            Some(alias) => watermark_alias(&alias.name.value),
            None => (None, None),
        };
        let mut relation = relation;
        if !streaming {
            relation.plan = order_kept(relation.plan);
        }
        if let Some(alias) = alias
            && !alias.columns.is_empty()
        {
            if alias.columns.len() != relation.names.len() {
                let message = format!(
                    "{} column names are given, there are {} columns",
                    alias.columns.len(),
                    relation.names.len()
                );
                return Err(Fault::new(SqlErrorKind::Name, place(alias.name.span), message));
            }
            relation.names = alias.columns.iter().map(|c| c.name.value.clone()).collect();
        }
        if let Some(number) = watermark {
            relation = self.watermark(relation, number, streaming)?;
        }
        let shown = given.or(own_name);
        let name = self.relation_name(shown.unwrap_or("subquery"));
        let plan = LogicalPlanBuilder::from(relation.plan)
            .alias(name)
            .and_then(LogicalPlanBuilder::build)
            .map_err(|e| engine_fault(&e, alias.map_or(Location::new(0, 0), |a| place(a.name.span))))?;
        let relation = Relation {
            plan,
            names: relation.names,
        };
        let scope = Scope::of(&relation, shown, outer).with_exact_names(self.catalog.in_force.exact_names);
        Ok(From {
            plan: relation.plan,
            scope,
        })
    }

    /// A relation's name within the whole plan: the same alias may stand in several queries of it.
    pub(super) fn relation_name(&mut self, shown: &str) -> datafusion::common::TableReference {
        let used = self.relations.entry(shown.to_lowercase()).or_insert(0);
        *used += 1;
        let name = if *used == 1 {
            shown.to_owned()
        } else {
            format!("{shown}#{used}")
        };
        datafusion::common::TableReference::bare(name)
    }

    pub(super) fn watermark(&mut self, relation: Relation, number: usize, streaming: bool) -> Checked<Relation> {
        let Some(delay) = self.delays.get(number).cloned() else {
            return Ok(relation);
        };
        let found: Vec<usize> = relation
            .names
            .iter()
            .enumerate()
            .filter(|(_, n)| n.eq_ignore_ascii_case(&delay.column))
            .map(|(i, _)| i)
            .collect();
        let [index] = found.as_slice() else {
            return Err(unknown_column(
                &delay.column,
                &relation.names,
                !found.is_empty(),
                delay.at,
            ));
        };
        let field = relation.plan.schema().field(*index).clone();
        if !matches!(field.data_type(), arrow::datatypes::DataType::Timestamp(_, Some(_))) {
            let of = millstream_spark::type_name::spark_type(field.data_type());
            let message = format!(
                "a watermark needs a TIMESTAMP, '{}' is {}",
                delay.column,
                of.to_uppercase()
            );
            return Err(Fault::new(SqlErrorKind::Type, delay.at, message));
        }
        // A watermark on rows that end means nothing, as in Spark.
        if !streaming {
            return Ok(relation);
        }
        if has_watermark(&relation.plan) {
            return Err(Fault::new(
                SqlErrorKind::Unsupported,
                delay.at,
                "this stream has a watermark already",
            )
            .help("one watermark per stream; take one of the two away"));
        }
        let id = u32::try_from(self.watermarks.len()).unwrap_or(u32::MAX);
        let column = Expr::Column(columns(&relation.plan)[*index].clone());
        let node = WatermarkNode::try_new(relation.plan, column, id).map_err(|e| engine_fault(&e, delay.at))?;
        self.watermarks.push(WatermarkSpec {
            id,
            column: relation.names[*index].clone(),
            delay_ms: delay.delay_ms,
        });
        self.watermark_places.push(delay.at);
        let plan = LogicalPlan::Extension(Extension { node: Arc::new(node) });
        Ok(Relation {
            plan,
            names: relation.names,
        })
    }

    /// A common table expression, view or table by name.
    pub(in crate::plan) fn named(&mut self, name: &str, alias: Option<&str>, at: Location) -> Checked<Relation> {
        debug_assert!(alias.is_none());
        self.table(name, false, at)
    }

    pub(super) fn table(&mut self, name: &str, stream: bool, at: Location) -> Checked<Relation> {
        let lower = name.to_lowercase();
        let cte = self
            .ctes
            .iter()
            .rposition(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|i| Arc::clone(&self.ctes[i].1));
        let is_view = cte.is_some() || self.catalog.views.contains_key(&lower);
        if stream && is_view {
            return Err(Fault::new(
                SqlErrorKind::Unsupported,
                at,
                format!("'{name}' is a query, STREAM goes before a table"),
            )
            .help(format!(
                "write STREAM in the FROM clause of '{name}' and read it here without"
            )));
        }
        if let Some(cte) = cte {
            // It sees what was in sight where it stands, not what is here.
            let hidden = self.ctes.split_off(cte.depth);
            let planned = self.query(&cte.query, None);
            self.ctes.extend(hidden);
            return with_names(planned?, &cte.columns, at);
        }
        if let Some(view) = self.catalog.views.get(&lower).cloned() {
            return self.view(&view, at);
        }
        let Some(table) = self.catalog.tables.get(&lower).cloned() else {
            return Err(self.catalog.unknown_table(name, at));
        };
        let source = table.source(stream, self.catalog.inferred.get(&lower), at)?;
        let slot = SlotId(u32::try_from(self.sources.len()).unwrap_or(u32::MAX));
        if stream {
            self.streams += 1;
            self.stream_slots.insert(slot);
        }
        self.source_places.insert(slot, at);
        self.sources.insert(slot, source.spec.clone());
        let provider = SourceTable::new(slot, source.spec, source.schema);
        LogicalPlanBuilder::scan(
            datafusion::common::TableReference::bare(table.name.clone()),
            provider_as_source(Arc::new(provider)),
            None,
        )
        .and_then(LogicalPlanBuilder::build)
        .map(Relation::of)
        .map_err(|e| engine_fault(&e, at))
    }

    pub(super) fn view(&mut self, view: &crate::plan::View, at: Location) -> Checked<Relation> {
        if self.views.iter().any(|v| v.eq_ignore_ascii_case(&view.name)) {
            return Err(Fault::new(
                SqlErrorKind::Name,
                at,
                format!("view '{}' reads itself", view.name),
            ));
        }
        self.views.push(view.name.clone());
        let ctes = std::mem::take(&mut self.ctes);
        let delays = std::mem::replace(&mut self.delays, view.query.watermarks.clone());
        let planned = self.query(&view.query.query, None);
        self.ctes = ctes;
        self.delays = delays;
        self.views.pop();
        with_names(planned?, &view.columns, at)
    }
}

pub(super) fn with_names(relation: Relation, names: &[String], at: Location) -> Checked<Relation> {
    if names.is_empty() {
        return Ok(relation);
    }
    if names.len() != relation.names.len() {
        let message = format!(
            "{} column names are given, the query has {} columns",
            names.len(),
            relation.names.len()
        );
        return Err(Fault::new(SqlErrorKind::Name, at, message));
    }
    Ok(Relation {
        plan: relation.plan,
        names: names.to_vec(),
    })
}

pub(super) fn has_watermark(plan: &LogicalPlan) -> bool {
    plan.schema()
        .fields()
        .iter()
        .any(|f| f.metadata().contains_key(millstream_plan::event_time::EVENT_TIME))
}

/// Keeps the order of a subquery that is sorted: aggregates around it may see it.
fn order_kept(plan: LogicalPlan) -> LogicalPlan {
    match plan {
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => LogicalPlan::Extension(Extension {
            node: Arc::new(KeepOrderNode::new(LogicalPlan::Sort(sort))),
        }),
        LogicalPlan::Projection(mut projection) => {
            projection.input = Arc::new(order_kept(Arc::unwrap_or_clone(projection.input)));
            LogicalPlan::Projection(projection)
        }
        other => other,
    }
}
