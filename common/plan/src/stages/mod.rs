//! Cuts a physical plan into stages: what executors do with each range of a source, what reduce tasks do with partial
//! rows and state, and what is left for the driver.
//!
//! ```text
//!   slot (Kafka, rate) -> filter, project, time window, join with static tables   row-wise: absorbed into a map stage
//!   aggregate, streaming                                                          map: partial; reduce: merge with state
//!   aggregate, batch                                                              map: partial; driver: final
//!   filter, project above a streaming aggregate                                   absorbed into the reduce stage
//!   everything else (sort, limit, window functions, general joins)                driver
//! ```
//!
//! General SQL above the scans (joins of two topics, window functions, sorts) runs on the driver alone, over rows that map
//! tasks have filtered, projected and pre-aggregated. Spreading it over executors is `datafusion-distributed`'s trade; it was
//! left out because it gives a lost worker no retry and adds some fifty crates, while batch queries over one topic are
//! bounded by the scan, which is distributed here.
//!
//! The cut works bottom-up on a plan made with one target partition. A map stage begins as a bare slot; each operator
//! above is absorbed as long as it treats rows one by one. Where absorbing ends, the driver's plan gets a slot that the
//! stage's rows are fed into.

mod limits;
mod partial;
mod row_wise;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{internal_err, plan_err};
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;

use self::partial::{bare_partial, partial};
use self::row_wise::{is_row_wise, waits_for_subquery};
use crate::event_time::{is_event_time, window_length_of};
use crate::slot::SlotExec;
use crate::spec::{EventTimeKey, OutputMode, SlotId, SourceSpec};

/// A query's stages.
#[derive(Debug)]
pub struct Stages {
    /// Stages that read a source; tasks name them by position.
    pub map: Vec<MapStage>,
    /// The stage that merges partial rows with state, for an aggregating streaming query.
    pub reduce: Option<ReduceStage>,
    /// What the driver runs over the rows of the other stages. Its leaves are slots: those named by `MapStage::into`
    /// and `ReduceStage::into`, and static tables.
    pub last: Arc<dyn ExecutionPlan>,
}

/// A stage that reads ranges of one source.
#[derive(Debug)]
pub struct MapStage {
    /// The source's slot.
    pub slot: SlotId,
    /// Row-wise operators over the slot; with `shuffles`, partial aggregation on top: its rows are the group columns,
    /// then the accumulators' state columns.
    pub plan: Arc<dyn ExecutionPlan>,
    /// Whether the rows go to the reduce stage; otherwise into the driver's slot `into`.
    pub shuffles: bool,
    /// A batch is read by one task, because a limit in the plan counts its rows.
    pub whole: bool,
    /// The slot of the driver's plan that its rows are fed into. Several stages may feed one slot (a union).
    pub into: SlotId,
}

/// The stage that merges partial rows with state.
#[derive(Debug)]
pub struct ReduceStage {
    /// The partial aggregate over an empty slot: keys, aggregates and their types.
    pub aggregate: Arc<dyn ExecutionPlan>,
    /// Row-wise operators over the aggregate's output in slot `post_slot`.
    pub post: Arc<dyn ExecutionPlan>,
    /// The slot of `post`'s input.
    pub post_slot: SlotId,
    /// The group column that holds event time, if one does.
    pub event_time_key: Option<EventTimeKey>,
    /// The slot of the driver's plan that its rows are fed into.
    pub into: SlotId,
}

impl Stages {
    /// Whether the driver has nothing to do with the rows but pass them on: executors may write them to the sink.
    #[must_use]
    pub fn driver_only_passes_on(&self) -> bool {
        self.last.downcast_ref::<SlotExec>().is_some_and(|slot| {
            self.map.iter().any(|stage| stage.into == slot.slot())
                || self.reduce.as_ref().is_some_and(|stage| stage.into == slot.slot())
        })
    }
}

/// Cuts `plan`. `streaming` is the output mode of a streaming query, none for a batch query.
///
/// # Errors
/// A streaming query whose plan does not fit stages (two aggregations, a source under an operator that needs all rows).
pub fn split(
    plan: Arc<dyn ExecutionPlan>,
    sources: &BTreeMap<SlotId, SourceSpec>,
    streaming: Option<OutputMode>,
) -> Result<Stages> {
    let first_free = sources.keys().map(|slot| slot.0 + 1).max().unwrap_or(0);
    let mut splitter = Splitter {
        sources,
        streaming: streaming.is_some(),
        next_slot: first_free,
        map: Vec::new(),
        reduce: None,
        early_limits: limits::early(&plan),
    };
    let last = plan.transform_up(|node| splitter.visit(node))?.data;
    if streaming.is_some() && splitter.map.is_empty() {
        return plan_err!("a streaming query reads at least one stream");
    }
    Ok(Stages {
        map: splitter.map,
        reduce: splitter.reduce,
        last,
    })
}

struct Splitter<'a> {
    sources: &'a BTreeMap<SlotId, SourceSpec>,
    streaming: bool,
    next_slot: u32,
    map: Vec<MapStage>,
    reduce: Option<ReduceStage>,
    /// Limits whose rows go on through operators of a map stage.
    early_limits: BTreeSet<usize>,
}

impl Splitter<'_> {
    fn visit(&mut self, node: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
        if let Some(slot) = node.downcast_ref::<SlotExec>() {
            return self.open_stage(slot, &node);
        }
        if let Some(union) = node.downcast_ref::<UnionExec>() {
            return self.join_stages(union, &node);
        }
        if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
            return self.aggregate(aggregate, &node);
        }
        if let Some(slot) = self.absorbing_child(&node) {
            return self.absorb(&node, slot);
        }
        if let Some(limited) = self.early_limit(&node)? {
            return Ok(Transformed::yes(limited));
        }
        self.push_limit(&node)?;
        if let Some(absorbed) = self.absorb_after_reduce(&node)? {
            return Ok(Transformed::yes(absorbed));
        }
        Ok(Transformed::no(node))
    }

    fn free_slot(&mut self) -> SlotId {
        let slot = SlotId(self.next_slot);
        self.next_slot += 1;
        slot
    }

    /// A scanned slot becomes a stage of its own; a static one stays.
    fn open_stage(
        &mut self,
        slot: &SlotExec,
        node: &Arc<dyn ExecutionPlan>,
    ) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
        if !self.sources.get(&slot.slot()).is_some_and(SourceSpec::is_scanned) {
            return Ok(Transformed::no(Arc::clone(node)));
        }
        let into = self.free_slot();
        self.map.push(MapStage {
            slot: slot.slot(),
            plan: Arc::clone(node),
            shuffles: false,
            whole: false,
            into,
        });
        Ok(Transformed::yes(Arc::new(SlotExec::standing_for(into, node)?)))
    }

    /// The open stages whose rows `node` is, if it is such a slot.
    fn stages_of(&self, node: &Arc<dyn ExecutionPlan>) -> Vec<usize> {
        let Some(slot) = node.downcast_ref::<SlotExec>() else {
            return Vec::new();
        };
        (0..self.map.len())
            .filter(|index| self.map[*index].into == slot.slot() && !self.map[*index].shuffles)
            .collect()
    }

    /// A union of open stages with the same columns is one slot fed by all of them.
    fn join_stages(
        &mut self,
        union: &UnionExec,
        node: &Arc<dyn ExecutionPlan>,
    ) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
        let inputs: Vec<Vec<usize>> = union.inputs().iter().map(|input| self.stages_of(input)).collect();
        let types = |plan: &Arc<dyn ExecutionPlan>| -> Vec<_> {
            plan.schema()
                .fields()
                .iter()
                .map(|field| field.data_type().clone())
                .collect()
        };
        let same_types = union.inputs().iter().all(|input| types(input) == types(node));
        if inputs.iter().any(Vec::is_empty) || !same_types {
            return Ok(Transformed::no(Arc::clone(node)));
        }
        let into = self.free_slot();
        for index in inputs.into_iter().flatten() {
            self.map[index].into = into;
        }
        Ok(Transformed::yes(Arc::new(SlotExec::standing_for(into, node)?)))
    }

    /// The child of a row-wise operator that is an open stage, the others being static.
    fn absorbing_child(&self, node: &Arc<dyn ExecutionPlan>) -> Option<usize> {
        let children = node.children();
        let open: Vec<usize> = (0..children.len())
            .filter(|index| !self.stages_of(children[*index]).is_empty())
            .collect();
        let [child] = open[..] else { return None };
        let others_static = children
            .iter()
            .enumerate()
            .all(|(i, other)| i == child || self.is_static(other));
        (others_static && is_row_wise(node, child) && !waits_for_subquery(node)).then_some(child)
    }

    fn is_static(&self, node: &Arc<dyn ExecutionPlan>) -> bool {
        let this = node.downcast_ref::<SlotExec>().is_none_or(|slot| {
            self.sources
                .get(&slot.slot())
                .is_some_and(|source| !source.is_scanned())
        });
        this && node.children().into_iter().all(|child| self.is_static(child))
    }

    fn absorb(&mut self, node: &Arc<dyn ExecutionPlan>, child: usize) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
        let children = node.children();
        let stages = self.stages_of(children[child]);
        let into = self.free_slot();
        for index in stages {
            let mut inputs: Vec<Arc<dyn ExecutionPlan>> = children.iter().map(|child| Arc::clone(child)).collect();
            inputs[child] = Arc::clone(&self.map[index].plan);
            self.map[index].plan = replace_children(node, inputs)?;
            self.map[index].into = into;
        }
        Ok(Transformed::yes(Arc::new(SlotExec::standing_for(into, node)?)))
    }

    fn aggregate(
        &mut self,
        aggregate: &AggregateExec,
        node: &Arc<dyn ExecutionPlan>,
    ) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
        let schema = aggregate.schema();
        let aggregate = match aggregate.mode() {
            // Both phases are cut at the second; only grouping sets and unions are planned in two.
            AggregateMode::Partial if self.streaming => return Ok(Transformed::no(Arc::clone(node))),
            AggregateMode::Final | AggregateMode::FinalPartitioned if self.streaming => {
                first_phase(aggregate).unwrap_or(aggregate)
            }
            _ => aggregate,
        };
        let stages = self.stages_of(aggregate.input());
        let whole = match aggregate.mode() {
            AggregateMode::Single | AggregateMode::SinglePartitioned => true,
            AggregateMode::Partial => self.streaming,
            _ => false,
        };
        if stages.is_empty() || !whole || waits_for_subquery(node) {
            if self.streaming && !self.is_static(node) {
                return plan_err!(
                    "an aggregation over the result of another aggregation of a stream is not supported yet"
                );
            }
            return Ok(Transformed::no(Arc::clone(node)));
        }
        for index in &stages {
            let stage = &mut self.map[*index];
            stage.plan = partial(aggregate, Arc::clone(&stage.plan))?;
        }
        if self.streaming {
            self.open_reduce(aggregate, schema, &stages)
        } else {
            self.final_on_driver(aggregate, &stages)
        }
    }

    fn open_reduce(
        &mut self,
        aggregate: &AggregateExec,
        schema: SchemaRef,
        stages: &[usize],
    ) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
        if self.reduce.is_some() {
            return plan_err!("two aggregations in one streaming query are not supported yet");
        }
        let (post_slot, into) = (self.free_slot(), self.free_slot());
        for index in stages {
            self.map[*index].shuffles = true;
            self.map[*index].into = into;
        }
        let empty = Arc::new(SlotExec::new(self.free_slot(), aggregate.input().schema()));
        self.reduce = Some(ReduceStage {
            aggregate: bare_partial(aggregate, empty)?,
            post: Arc::new(SlotExec::new(post_slot, Arc::clone(&schema))),
            post_slot,
            event_time_key: event_time_key(aggregate),
            into,
        });
        Ok(Transformed::yes(Arc::new(SlotExec::new(into, schema))))
    }

    fn final_on_driver(
        &mut self,
        aggregate: &AggregateExec,
        stages: &[usize],
    ) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
        let into = self.free_slot();
        for index in stages {
            self.map[*index].into = into;
        }
        let Some(first) = stages.first() else {
            return internal_err!("an aggregate without a stage");
        };
        let partial = &self.map[*first].plan;
        // What one of several branches has as a constant the others need not have.
        let rows = Arc::new(match stages.len() {
            1 => SlotExec::standing_for(into, partial)?,
            _ => SlotExec::new(into, partial.schema()),
        });
        let merged = AggregateExec::try_new(
            AggregateMode::Final,
            aggregate.group_expr().as_final(),
            aggregate.aggr_expr().to_vec(),
            vec![None; aggregate.aggr_expr().len()],
            rows,
            aggregate.input_schema(),
        )?;
        Ok(Transformed::yes(Arc::new(merged)))
    }

    /// Filters and projections directly above the reduce stage run in its tasks.
    fn absorb_after_reduce(&mut self, node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let row_wise = node.downcast_ref::<FilterExec>().is_some() || node.downcast_ref::<ProjectionExec>().is_some();
        let children = node.children();
        let (true, [child], Some(reduce)) = (row_wise, &children[..], self.reduce.as_ref()) else {
            return Ok(None);
        };
        if child
            .downcast_ref::<SlotExec>()
            .is_none_or(|slot| slot.slot() != reduce.into)
        {
            return Ok(None);
        }
        let (post, old) = (Arc::clone(&reduce.post), reduce.into);
        let into = self.free_slot();
        for stage in self.map.iter_mut().filter(|stage| stage.shuffles && stage.into == old) {
            stage.into = into;
        }
        if let Some(reduce) = self.reduce.as_mut() {
            reduce.post = replace_children(node, vec![post])?;
            reduce.into = into;
        }
        Ok(Some(Arc::new(SlotExec::standing_for(into, node)?)))
    }
}

fn replace_children(
    node: &Arc<dyn ExecutionPlan>,
    children: Vec<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    use datafusion::physical_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
    Arc::clone(node).replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
}

/// The aggregation in its first phase below one in its second.
fn first_phase(last: &AggregateExec) -> Option<&AggregateExec> {
    let mut node = last.input();
    loop {
        if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
            return (*aggregate.mode() == AggregateMode::Partial).then_some(aggregate);
        }
        let [child] = node.children()[..] else { return None };
        node = child;
    }
}

fn event_time_key(aggregate: &AggregateExec) -> Option<EventTimeKey> {
    let input = aggregate.input_schema();
    aggregate
        .group_expr()
        .expr()
        .iter()
        .enumerate()
        .find_map(|(column, (expr, _))| {
            let field = expr.return_field(&input).ok()?;
            is_event_time(field.metadata()).then(|| EventTimeKey {
                column,
                duration_us: window_length_of(field.metadata()).unwrap_or(0),
            })
        })
}

#[cfg(test)]
mod tests;
