//! Where limits run.
//!
//! A limit over a stream counts on the driver, unless a map stage needs its rows: an aggregation or a watermark above it.
//! Then it counts in the map stage, which reads a batch in one task.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::sorts::sort::SortExec;

use super::{Splitter, replace_children};
use crate::event_time::WatermarkExec;
use crate::slot::SlotExec;
use crate::stream_limit::StreamLimitExec;

/// The numbers of the limits in `plan` that stand below an aggregation or a watermark.
pub(super) fn early(plan: &Arc<dyn ExecutionPlan>) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    collect_early(plan, false, &mut found);
    found
}

fn collect_early(node: &Arc<dyn ExecutionPlan>, below: bool, found: &mut BTreeSet<usize>) {
    if let Some(limit) = node.downcast_ref::<StreamLimitExec>()
        && below
    {
        found.insert(limit.number());
    }
    let below =
        below || node.downcast_ref::<AggregateExec>().is_some() || node.downcast_ref::<WatermarkExec>().is_some();
    for child in node.children() {
        collect_early(child, below, found);
    }
}

fn exists(node: &Arc<dyn ExecutionPlan>, is: &dyn Fn(&Arc<dyn ExecutionPlan>) -> bool) -> bool {
    is(node) || node.children().into_iter().any(|child| exists(child, is))
}

impl Splitter<'_> {
    /// A limit whose rows a map stage needs becomes a part of the stage below it.
    pub(super) fn early_limit(&mut self, node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(limit), [child]) = (node.downcast_ref::<StreamLimitExec>(), &node.children()[..]) else {
            return Ok(None);
        };
        if !self.early_limits.contains(&limit.number()) {
            return Ok(None);
        }
        let [stage] = self.stages_of(child)[..] else {
            return plan_err!(
                "a LIMIT over a union of streams below an aggregation or a watermark is not supported yet"
            );
        };
        let into = self.free_slot();
        let stage = &mut self.map[stage];
        stage.plan = replace_children(node, vec![Arc::clone(&stage.plan)])?;
        stage.whole = true;
        stage.into = into;
        Ok(Some(Arc::new(SlotExec::new(into, node.schema()))))
    }

    /// What only needs some of the rows lets each task send only as many.
    pub(super) fn push_limit(&mut self, node: &Arc<dyn ExecutionPlan>) -> Result<()> {
        let Some(child) = node.children().first().map(|child| Arc::clone(child)) else {
            return Ok(());
        };
        let stages = self.stages_of(&child);
        for index in stages {
            let plan = Arc::clone(&self.map[index].plan);
            if let Some(limit) = node.downcast_ref::<GlobalLimitExec>() {
                if let Some(fetch) = limit.fetch() {
                    self.map[index].plan = Arc::new(LocalLimitExec::new(plan, limit.skip().saturating_add(fetch)));
                }
            } else if let Some(limit) = node.downcast_ref::<StreamLimitExec>() {
                // A watermark is told by all rows, also by those that no limit lets through; of none, nothing is read.
                if limit.fetch() > 0 && exists(&plan, &|node| node.downcast_ref::<WatermarkExec>().is_some()) {
                    continue;
                }
                let fetch = usize::try_from(limit.fetch()).unwrap_or(usize::MAX);
                self.map[index].plan = Arc::new(LocalLimitExec::new(plan, fetch));
            } else if let Some(sort) = node.downcast_ref::<SortExec>()
                && sort.fetch().is_some()
            {
                // A sort of its own: the driver's keeps a threshold that must not be shared.
                self.map[index].plan = Arc::new(SortExec::new(sort.expr().clone(), plan).with_fetch(sort.fetch()));
            }
        }
        Ok(())
    }
}
