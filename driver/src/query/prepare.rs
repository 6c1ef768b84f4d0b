//! Compiles a query once: physical plan, stages, what executors are told, what the batch machine must know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::default_table_source::source_as_provider;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::TaskContext;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use millstream_common::domain::id::{Generation, QueryId};
use millstream_common::options::Options;
use millstream_driver_core::batch::{EmitMode, Settings, SourceSettings};
use millstream_driver_core::offsets::Limits;
use millstream_driver_core::tasks::MAX_FAILURES;
use millstream_driver_core::trigger::Trigger as CoreTrigger;
use millstream_driver_core::watermark::{Policy, WatermarkNode};
use millstream_plan::slot::SlotExec;
use millstream_plan::source::SourceTable;
use millstream_plan::spec::{
    KEY_GROUPS, MapStageSpec, OutputMode, QuerySpec, ReduceStageSpec, SinkSpec, SlotId, SourceSpec, StageOutput,
    StreamSettings, Trigger, WatermarkSpec,
};
use millstream_plan::stages::{Stages, split};
use millstream_plan::{codec, stages};
use millstream_proto::control::v1::{PrepareQuery, StaticTable};
use millstream_spark::SessionSettings;
use millstream_spark::zone::Tz;

use crate::cluster::blocks::BlockStore;
use crate::error::DriverError;

/// A query as the front end gives it: a logical plan over slots, and its settings. Nothing behind this knows SQL text.
pub struct Compiled {
    /// Analysed and optimised.
    pub plan: LogicalPlan,
    /// The session it was planned in.
    pub state: SessionState,
    /// What its slots are.
    pub sources: BTreeMap<SlotId, SourceSpec>,
    /// Where its rows go.
    pub sink: SinkSpec,
    /// What makes it a streaming query.
    pub stream: Option<StreamSettings>,
    /// Its watermarks.
    pub watermarks: Vec<WatermarkSpec>,
    /// Names of its columns as the user sees them.
    pub output_names: Vec<String>,
    /// Session time zone.
    pub time_zone: Tz,
    /// Settings (`spark.*`) that were given.
    pub settings: Options,
}

/// Where a query runs.
pub struct Placement {
    /// Which query.
    pub query: QueryId,
    /// Which start of it.
    pub generation: Generation,
    /// Slots of all executors when it starts.
    pub slots: u32,
    /// Where the driver's blocks are served.
    pub blocks_address: String,
    /// Where state files go.
    pub state_location: Option<String>,
}

/// A query ready to run.
pub struct Prepared {
    /// What executors know of it.
    pub spec: QuerySpec,
    /// What executors are told first.
    pub message: Arc<PrepareQuery>,
    /// What the batch machine must know.
    pub machine: Settings,
    /// Scanned slots in the order of the query's sources.
    pub scanned: Vec<SlotId>,
    /// What the driver runs over the rows.
    pub last: Arc<dyn ExecutionPlan>,
    /// Slots of `last` that hold static tables.
    pub tables: Vec<(SlotId, Vec<RecordBatch>)>,
    /// For every map stage the slot of `last` its rows go to; none: they go elsewhere.
    pub map_into: Vec<Option<SlotId>>,
    /// The same for the reduce stage.
    pub reduce_into: Option<SlotId>,
    /// Executors write the sink in their stages: the driver sees no rows.
    pub passes_on: bool,
    /// Where the rows go.
    pub sink: SinkSpec,
    /// Whether it is a streaming query.
    pub streaming: bool,
    /// Context for `last`.
    pub base: Arc<TaskContext>,
    /// Session time zone.
    pub time_zone: Tz,
}

/// Plans a query and cuts it into stages.
async fn stages(compiled: &Compiled) -> Result<Stages, DriverError> {
    let physical = compiled
        .state
        .query_planner()
        .create_physical_plan(&compiled.plan, &compiled.state)
        .await
        .map_err(|error| DriverError::plan(&error))?;
    let mode = compiled.stream.as_ref().map(|stream| stream.output_mode);
    split(physical, &compiled.sources, mode).map_err(|error| DriverError::plan(&error))
}

/// Describes stages, tasks and where each operator runs.
///
/// # Errors
/// A query that cannot be planned.
pub async fn explain(compiled: &Compiled) -> Result<String, DriverError> {
    let stages = stages(compiled).await?;
    let tree = |plan: &Arc<dyn ExecutionPlan>| {
        let text = displayable(plan.as_ref()).indent(false).to_string();
        text.lines().map(|line| format!("    {line}\n")).collect::<String>()
    };
    let mut text = String::new();
    for (number, stage) in stages.map.iter().enumerate() {
        let source = compiled.sources.get(&stage.slot).map(describe).unwrap_or_default();
        let to = if stage.shuffles {
            "shuffled by key group to the reduce tasks"
        } else if stages.driver_only_passes_on() && compiled.sink.is_parallel() {
            "written to the sink by the tasks"
        } else {
            "sent to the driver"
        };
        text.push_str(&format!(
            "Map stage {number} (executors, one task per partition of {source}), {to}\n"
        ));
        text.push_str(&tree(&stage.plan));
    }
    if let Some(reduce) = &stages.reduce {
        text.push_str("Reduce stage (executors, one task per range of key groups, merged with state)\n");
        text.push_str(&tree(&reduce.aggregate));
        text.push_str("  then\n");
        text.push_str(&tree(&reduce.post));
    }
    text.push_str("Driver\n");
    text.push_str(&tree(&stages.last));
    Ok(text)
}

fn describe(source: &SourceSpec) -> String {
    match source {
        SourceSpec::Kafka(kafka) => format!("Kafka {:?}", kafka.subscription),
        SourceSpec::Rate(rate) => format!("rate of {} rows a second", rate.rows_per_second),
        SourceSpec::Files(files) => format!("files {}", files.path),
    }
}

/// Compiles a query.
///
/// # Errors
/// A query that cannot be planned, a static table that cannot be read.
pub async fn prepare(compiled: Compiled, placement: Placement, blocks: &BlockStore) -> Result<Prepared, DriverError> {
    let stages = stages(&compiled).await?;
    let passes_on = stages.driver_only_passes_on() && compiled.sink.is_parallel();
    let to = |shuffles: bool| match (shuffles, passes_on) {
        (true, _) => StageOutput::Shuffle,
        (false, true) => StageOutput::Sink,
        (false, false) => StageOutput::Driver,
    };
    let mut plans: Vec<Vec<u8>> = Vec::new();
    let mut add = |plan: &Arc<dyn ExecutionPlan>| -> Result<usize, DriverError> {
        plans.push(codec::encode(Arc::clone(plan)).map_err(|error| DriverError::plan(&error))?);
        Ok(plans.len() - 1)
    };
    let mut map_stages = Vec::new();
    for stage in &stages.map {
        map_stages.push(MapStageSpec {
            slot: stage.slot,
            plan: add(&stage.plan)?,
            output: to(stage.shuffles),
            whole: stage.whole,
        });
    }
    let reduce = match (&stages.reduce, &compiled.stream) {
        (Some(reduce), Some(stream)) => Some(ReduceStageSpec {
            aggregate: add(&reduce.aggregate)?,
            post: add(&reduce.post)?,
            post_slot: reduce.post_slot,
            tasks: reduce_tasks(&compiled.settings, placement.slots, reduce)?,
            output_mode: stream.output_mode,
            event_time_key: reduce.event_time_key,
            output: to(false),
            state_location: placement.state_location.clone(),
        }),
        (Some(_), None) | (None, _) => None,
    };
    let scanned: BTreeSet<SlotId> = stages.map.iter().map(|stage| stage.slot).collect();
    let tables = read_tables(&compiled, &stages).await?;
    let static_tables = offer_tables(&stages, &tables, blocks, &placement.blocks_address)?;
    let last_slots = slots_of(&stages.last)?;
    let spec = QuerySpec {
        query: placement.query.clone(),
        generation: placement.generation,
        time_zone: compiled.time_zone.to_string(),
        sources: compiled
            .sources
            .iter()
            .filter(|(slot, _)| scanned.contains(slot))
            .map(|(slot, source)| (*slot, source.clone()))
            .collect(),
        map_stages,
        reduce,
        sink: Some(compiled.sink.clone()).filter(|sink| !matches!(sink, SinkSpec::Memory | SinkSpec::Console { .. })),
        output_names: compiled.output_names.clone(),
    };
    let scanned: Vec<SlotId> = scanned.into_iter().collect();
    let machine = machine_settings(&compiled, &spec, &scanned, passes_on, placement.slots)?;
    let spec_json = serde_json::to_vec(&spec).map_err(|_| DriverError::Broken {
        part: "query specification",
    })?;
    let session = SessionSettings {
        time_zone: compiled.time_zone,
        target_partitions: 1,
    };
    Ok(Prepared {
        message: Arc::new(PrepareQuery {
            query_id: placement.query.0,
            generation: placement.generation.0,
            spec_json: spec_json.into(),
            plans: plans.into_iter().map(Into::into).collect(),
            static_tables,
        }),
        machine,
        scanned,
        map_into: stages
            .map
            .iter()
            .map(|stage| (!stage.shuffles && !passes_on).then_some(stage.into))
            .collect(),
        reduce_into: stages.reduce.as_ref().filter(|_| !passes_on).map(|reduce| reduce.into),
        tables: tables
            .into_iter()
            .filter(|(slot, ..)| last_slots.contains(slot))
            .map(|(slot, _, batches)| (slot, batches))
            .collect(),
        last: stages.last,
        passes_on,
        sink: compiled.sink,
        streaming: compiled.stream.is_some(),
        base: millstream_spark::task_context(&session),
        time_zone: compiled.time_zone,
        spec,
    })
}

/// One task for a query with one group; else as many as the setting says, or one a slot.
fn reduce_tasks(settings: &Options, slots: u32, reduce: &stages::ReduceStage) -> Result<u32, DriverError> {
    use datafusion::physical_plan::aggregates::AggregateExec;
    let global = reduce
        .aggregate
        .downcast_ref::<AggregateExec>()
        .is_some_and(|aggregate| aggregate.group_expr().is_empty());
    let wanted = number(settings, "spark.sql.shuffle.partitions")?.unwrap_or(u64::from(slots.max(1)));
    let tasks = u32::try_from(wanted).unwrap_or(KEY_GROUPS).clamp(1, KEY_GROUPS);
    Ok(if global { 1 } else { tasks })
}

fn number(settings: &Options, name: &str) -> Result<Option<u64>, DriverError> {
    settings
        .parse(name, "a whole number")
        .map_err(|error| DriverError::Usage {
            message: error.to_string(),
        })
}

fn machine_settings(
    compiled: &Compiled,
    spec: &QuerySpec,
    scanned: &[SlotId],
    passes_on: bool,
    slots: u32,
) -> Result<Settings, DriverError> {
    let wrong = |error: millstream_common::options::OptionError| DriverError::Usage {
        message: error.to_string(),
    };
    let streaming = compiled.stream.is_some();
    let mut sources = Vec::new();
    for slot in scanned {
        sources.push(match compiled.sources.get(slot) {
            Some(SourceSpec::Kafka(kafka)) => SourceSettings {
                limits: if streaming {
                    Limits::from_options(&kafka.options).map_err(wrong)?
                } else {
                    Limits::none()
                },
                // The ends of a batch query are its own: it cannot lose what it did not read before.
                fail_on_data_loss: streaming && kafka.fail_on_data_loss,
                min_partitions: kafka
                    .options
                    .parse("minPartitions", "a number of tasks")
                    .map_err(wrong)?,
            },
            Some(SourceSpec::Rate(rate)) => SourceSettings {
                limits: Limits::none(),
                fail_on_data_loss: true,
                min_partitions: Some(rate.partitions),
            },
            Some(SourceSpec::Files(_)) | None => {
                return Err(DriverError::Broken {
                    part: "list of sources",
                });
            }
        });
    }
    let policy = match compiled.settings.get("spark.sql.streaming.multipleWatermarkPolicy") {
        Some(text) if text.eq_ignore_ascii_case("max") => Policy::Max,
        Some(_) | None => Policy::Min,
    };
    let driver_sink = matches!(
        compiled.sink,
        SinkSpec::Console { .. } | SinkSpec::Memory | SinkSpec::Noop
    );
    Ok(Settings {
        sources,
        map_stages: spec
            .map_stages
            .iter()
            .filter_map(|stage| scanned.iter().position(|slot| *slot == stage.slot))
            .collect(),
        whole_stages: (0..)
            .zip(&spec.map_stages)
            .filter_map(|(number, stage)| stage.whole.then_some(number))
            .collect(),
        reduce_tasks: spec.reduce.as_ref().map_or(0, |reduce| reduce.tasks),
        write_tasks: u32::from(!passes_on && !driver_sink),
        trigger: compiled
            .stream
            .as_ref()
            .map_or(CoreTrigger::Once, |stream| match stream.trigger {
                Trigger::ProcessingTime { interval_ms } => CoreTrigger::ProcessingTime { interval_ms },
                Trigger::AvailableNow => CoreTrigger::AvailableNow,
                Trigger::Once => CoreTrigger::Once,
            }),
        durable: streaming,
        emit: match compiled.stream.as_ref().map(|stream| stream.output_mode) {
            Some(OutputMode::Append) | None => EmitMode::Append,
            Some(OutputMode::Update) => EmitMode::Update,
            Some(OutputMode::Complete) => EmitMode::Complete,
        },
        evicts: !compiled.watermarks.is_empty()
            && spec
                .reduce
                .as_ref()
                .is_some_and(|reduce| reduce.event_time_key.is_some()),
        watermarks: compiled
            .watermarks
            .iter()
            .map(|watermark| WatermarkNode {
                id: watermark.id,
                delay_ms: watermark.delay_ms,
            })
            .collect(),
        policy,
        no_data_batches: compiled
            .settings
            .flag("spark.sql.streaming.noDataMicroBatches.enabled", true)
            .map_err(wrong)?,
        max_failures: u32::try_from(
            number(&compiled.settings, "spark.task.maxFailures")?.unwrap_or(MAX_FAILURES.into()),
        )
        .unwrap_or(MAX_FAILURES),
        executor_wait_ms: 60_000,
        retained: number(&compiled.settings, "spark.sql.streaming.minBatchesToRetain")?.unwrap_or(100),
        lanes: slots.max(1),
    })
}

type Table = (SlotId, SchemaRef, Vec<RecordBatch>);

/// Reads every static table the plan still uses, once.
async fn read_tables(compiled: &Compiled, stages: &Stages) -> Result<Vec<Table>, DriverError> {
    let mut used = slots_of(&stages.last)?;
    for stage in &stages.map {
        used.extend(slots_of(&stage.plan)?);
    }
    let mut schemas: BTreeMap<SlotId, SchemaRef> = BTreeMap::new();
    compiled
        .plan
        .apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node
                && let Ok(provider) = source_as_provider(&scan.source)
                && let Some(table) = provider.as_ref().downcast_ref::<SourceTable>()
            {
                schemas.insert(table.slot(), datafusion::catalog::TableProvider::schema(table));
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .map_err(|error| DriverError::plan(&error))?;
    let mut tables = Vec::new();
    for (slot, source) in compiled.sources.iter().filter(|(slot, _)| used.contains(slot)) {
        let SourceSpec::Files(files) = source else { continue };
        let declared = schemas.get(slot).map(|schema| {
            schema
                .fields()
                .iter()
                .map(|field| field.as_ref().clone())
                .collect::<Vec<_>>()
        });
        let (schema, batches) = millstream_store::table::read(files, declared.as_deref(), &compiled.time_zone)
            .await
            .map_err(|source| DriverError::Store {
                action: format!("reading table {}", files.path),
                source,
            })?;
        tables.push((*slot, schema, batches));
    }
    Ok(tables)
}

/// Lets executors fetch the tables their stages use.
fn offer_tables(
    stages: &Stages,
    tables: &[Table],
    blocks: &BlockStore,
    address: &str,
) -> Result<Vec<StaticTable>, DriverError> {
    let mut used = BTreeSet::new();
    for stage in &stages.map {
        used.extend(slots_of(&stage.plan)?);
    }
    tables
        .iter()
        .filter(|(slot, ..)| used.contains(slot))
        .map(|(slot, schema, batches)| {
            let (content_hash, bytes) = blocks.put_table(schema, batches).map_err(|error| DriverError::Plan {
                reason: crate::error::chain(&error),
            })?;
            Ok(StaticTable {
                slot: slot.0,
                content_hash,
                blocks_address: address.to_owned(),
                rows: batches.iter().map(|batch| batch.num_rows() as u64).sum(),
                bytes,
            })
        })
        .collect()
}

fn slots_of(plan: &Arc<dyn ExecutionPlan>) -> Result<BTreeSet<SlotId>, DriverError> {
    let mut slots = BTreeSet::new();
    plan.apply(|node| {
        if let Some(slot) = node.downcast_ref::<SlotExec>() {
            slots.insert(slot.slot());
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map_err(|error| DriverError::plan(&error))?;
    Ok(slots)
}
