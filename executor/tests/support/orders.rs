//! The orders a driver gives, and the plans in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::functions_aggregate::{count::count_udaf, sum::sum_udaf};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::{binary, col, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use millstream_plan::codec;
use millstream_plan::slot::SlotExec;
use millstream_plan::spec::{
    MapStageSpec, OutputMode, QuerySpec, RateSource, ReduceStageSpec, SlotId, SourceSpec, StageOutput,
};
use millstream_proto::control::v1::driver_message::Message as Order;
use millstream_proto::control::v1::task::Work;
use millstream_proto::control::v1::{
    BlockId, BlockRef, MapTask, OffsetRange, PrepareQuery, ReduceTask, RunTasks, StateFile, StateVersion, Task,
    TaskFinished,
};

pub const QUERY: &str = "query-1";

pub fn slot(id: u32, columns: Vec<Field>) -> Arc<dyn ExecutionPlan> {
    Arc::new(SlotExec::new(SlotId(id), Arc::new(Schema::new(columns))))
}

/// `SELECT value % 3 AS k, sum(value), count(value) GROUP BY k`, partial.
pub fn partial(input: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let schema: SchemaRef = input.schema();
    let value = col("value", &schema).unwrap();
    let key = binary(
        Arc::clone(&value),
        Operator::Modulo,
        lit(ScalarValue::Int64(Some(3))),
        &schema,
    )
    .unwrap();
    let aggregates = [("total", sum_udaf()), ("rows", count_udaf())]
        .into_iter()
        .map(|(name, function)| {
            let built = AggregateExprBuilder::new(function, vec![Arc::clone(&value)]);
            Arc::new(built.schema(Arc::clone(&schema)).alias(name).build().unwrap())
        })
        .collect::<Vec<_>>();
    let groups = PhysicalGroupBy::new_single(vec![(key, "k".to_owned())]);
    Arc::new(
        AggregateExec::try_new(
            AggregateMode::Partial,
            groups,
            aggregates,
            vec![None, None],
            input,
            schema,
        )
        .unwrap(),
    )
}

pub fn int(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

pub fn spec(sources: BTreeMap<SlotId, SourceSpec>, output: StageOutput) -> QuerySpec {
    QuerySpec {
        query: QUERY.into(),
        generation: millstream_common::domain::id::Generation(1),
        time_zone: "UTC".to_owned(),
        sources,
        map_stages: vec![MapStageSpec {
            slot: SlotId(0),
            plan: 0,
            output,
            whole: false,
        }],
        reduce: None,
        sink: None,
        output_names: Vec::new(),
    }
}

pub fn message(spec: &QuerySpec, plans: Vec<Arc<dyn ExecutionPlan>>) -> Order {
    Order::PrepareQuery(PrepareQuery {
        query_id: spec.query.0.clone(),
        generation: spec.generation.0,
        spec_json: serde_json::to_vec(spec).unwrap().into(),
        plans: plans
            .into_iter()
            .map(|plan| codec::encode(plan).unwrap().into())
            .collect(),
        static_tables: Vec::new(),
    })
}

/// The rate source aggregated by two reduce tasks, state below `location`.
pub fn aggregation(location: &str) -> Order {
    let rate = RateSource {
        rows_per_second: 1_000,
        partitions: 2,
    };
    let mut spec = spec([(SlotId(0), SourceSpec::Rate(rate))].into(), StageOutput::Shuffle);
    spec.reduce = Some(ReduceStageSpec {
        aggregate: 1,
        post: 2,
        post_slot: SlotId(2),
        tasks: 2,
        output_mode: OutputMode::Update,
        event_time_key: None,
        output: StageOutput::Driver,
        state_location: Some(location.to_owned()),
    });
    let map = partial(slot(0, vec![int("value")]));
    let reduce = partial(slot(1, vec![int("value")]));
    message(
        &spec,
        vec![map, reduce, slot(2, vec![int("k"), int("total"), int("rows")])],
    )
}

pub fn tasks(batch: u64, works: Vec<(u64, Work)>) -> Order {
    tasks_of(1, batch, works)
}

pub fn tasks_of(generation: u64, batch: u64, works: Vec<(u64, Work)>) -> Order {
    let task = |(task_id, work)| Task {
        task_id,
        attempt: 0,
        work: Some(work),
    };
    Order::RunTasks(RunTasks {
        query_id: QUERY.to_owned(),
        generation,
        batch_id: batch,
        batch_time_us: 1_700_000_000_000_000,
        tasks: works.into_iter().map(task).collect(),
    })
}

pub fn map(index: u32, topic: &str, from: i64, until: i64) -> Work {
    let range = OffsetRange {
        topic: topic.to_owned(),
        partition: i32::try_from(index).unwrap(),
        from,
        until,
    };
    Work::Map(MapTask {
        stage: 0,
        index,
        ranges: vec![range],
        passed: Vec::new(),
    })
}

pub fn reduce(index: u32, version: u64, files: &[StateFile], maps: &[(String, TaskFinished)]) -> Work {
    let inputs = (0..).zip(maps).map(|(map, (address, finished))| {
        let made = finished.blocks.iter().find(|block| block.partition == index).unwrap();
        let id = BlockId {
            query_id: QUERY.to_owned(),
            batch_id: finished.batch_id,
            stage: 0,
            task_index: map,
            attempt: finished.attempt,
            partition: index,
        };
        BlockRef {
            blocks_address: address.clone(),
            block: Some(id),
            rows: made.rows,
            bytes: made.bytes,
        }
    });
    Work::Reduce(ReduceTask {
        index,
        inputs: inputs.collect(),
        state: Some(StateVersion {
            version,
            files: files.to_vec(),
        }),
        late_before_ms: 0,
        evict_before_ms: 0,
    })
}
