//! Queries planned, cut, shipped and run stage by stage give what the uncut plan gives.

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::TableProvider;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Extension, LogicalPlan, LogicalPlanBuilder, col};
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::prelude::{SessionConfig, SessionContext};
use millstream_common::options::Options;

use super::*;
use crate::codec;
use crate::event_time::WatermarkNode;
use crate::planner::extend;
use crate::slot::{Batches, TaskInputs};
use crate::source::{SourceTable, timestamp_type};
use crate::spec::{FileFormat, FileSource, RateSource};
use crate::stream_limit::StreamLimitExec;

const SALES: SlotId = SlotId(0);
const REGIONS: SlotId = SlotId(1);

fn sources() -> BTreeMap<SlotId, SourceSpec> {
    let files = FileSource {
        format: FileFormat::Csv,
        path: "regions.csv".to_owned(),
        options: Options::default(),
    };
    BTreeMap::from([
        (
            SALES,
            SourceSpec::Rate(RateSource {
                rows_per_second: 1,
                partitions: 1,
            }),
        ),
        (REGIONS, SourceSpec::Files(files)),
    ])
}

fn sales_schema() -> arrow::datatypes::SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("country", DataType::Utf8, true),
        Field::new("amount", DataType::Float64, true),
        Field::new("orders", DataType::Int64, true),
        Field::new("t", timestamp_type(), true),
    ]))
}

fn sales(from: i64, until: i64) -> RecordBatch {
    let numbers = from..until;
    let countries = ["India", "China", "Peru"];
    let country: StringArray = numbers
        .clone()
        .map(|n| countries.get(usize::try_from(n % 4).unwrap()).copied())
        .collect();
    let amount: Float64Array = numbers.clone().map(|n| Some(n as f64)).collect();
    let orders: Int64Array = numbers.clone().map(Some).collect();
    let time: TimestampMicrosecondArray = numbers
        .map(|n| (n % 7 != 0).then_some(n * 97_000_000))
        .collect::<TimestampMicrosecondArray>();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(country),
        Arc::new(amount),
        Arc::new(orders),
        Arc::new(time.with_timezone("UTC")),
    ];
    RecordBatch::try_new(sales_schema(), columns).unwrap()
}

fn regions() -> RecordBatch {
    let schema = Arc::new(Schema::new(vec![
        Field::new("country", DataType::Utf8, true),
        Field::new("region", DataType::Utf8, true),
    ]));
    let country: ArrayRef = Arc::new(StringArray::from(vec!["India", "China", "Chad"]));
    let region: ArrayRef = Arc::new(StringArray::from(vec!["Asia", "Asia", "Africa"]));
    RecordBatch::try_new(schema, vec![country, region]).unwrap()
}

fn state() -> SessionState {
    let config = SessionConfig::new().with_target_partitions(1);
    extend(
        SessionStateBuilder::new()
            .with_config(config)
            .with_default_features()
            .build(),
    )
}

/// The physical plan of `sql` over `sales` (watermarked) and `regions`.
async fn plan(sql: &str) -> Arc<dyn ExecutionPlan> {
    let context = SessionContext::new_with_state(state());
    let specs = sources();
    let table: Arc<dyn TableProvider> = Arc::new(SourceTable::new(SALES, specs[&SALES].clone(), sales_schema()));
    let scan = LogicalPlanBuilder::scan("sales", datafusion::datasource::provider_as_source(table), None).unwrap();
    let node = WatermarkNode::try_new(scan.build().unwrap(), col("sales.t"), 0).unwrap();
    let plan = LogicalPlan::Extension(Extension { node: Arc::new(node) });
    let view = datafusion::datasource::ViewTable::new(plan, None);
    context.register_table("sales", Arc::new(view)).unwrap();
    let table = SourceTable::new(REGIONS, specs[&REGIONS].clone(), regions().schema()).with_rows(3);
    context.register_table("regions", Arc::new(table)).unwrap();
    let frame = context.sql(sql).await.unwrap();
    frame.create_physical_plan().await.unwrap()
}

/// Runs `plan` here, as the driver does.
async fn run(plan: &Arc<dyn ExecutionPlan>, inputs: TaskInputs) -> Vec<RecordBatch> {
    let base = SessionContext::new_with_state(state()).task_ctx();
    let context = Arc::new(inputs).context(&base);
    let fresh = datafusion::physical_plan::execution_plan::reset_plan_states(Arc::clone(plan)).unwrap();
    datafusion::physical_plan::collect(fresh, context).await.unwrap()
}

/// Ships `plan` and runs what arrives, as an executor does.
async fn run_shipped(plan: &Arc<dyn ExecutionPlan>, inputs: TaskInputs) -> Vec<RecordBatch> {
    let base = SessionContext::new_with_state(state()).task_ctx();
    let shipped = codec::decode(&codec::encode(Arc::clone(plan)).unwrap(), &base).unwrap();
    run(&shipped, inputs).await
}

fn sorted_rows(batches: &[RecordBatch]) -> Vec<String> {
    let text = pretty_format_batches(batches).unwrap().to_string();
    let mut rows: Vec<String> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    rows.retain(|row| !row.starts_with('+'));
    rows.sort();
    rows
}

/// Runs `sql` in one piece, and cut into stages with two map tasks; both must agree.
async fn check_batch(sql: &str) -> Stages {
    let whole = plan(sql).await;
    let (first, second) = (sales(0, 40), sales(40, 100));
    let all = TaskInputs::default()
        .with(SALES, Arc::new(Batches(vec![first.clone(), second.clone()])))
        .with(REGIONS, Arc::new(Batches(vec![regions()])));
    let expected = run(&whole, all).await;

    let stages = split(whole, &sources(), None).unwrap();
    let mut fed: BTreeMap<SlotId, Vec<RecordBatch>> = BTreeMap::new();
    for stage in &stages.map {
        for part in [&first, &second] {
            let inputs = TaskInputs::default()
                .with(SALES, Arc::new(Batches(vec![part.clone()])))
                .with(REGIONS, Arc::new(Batches(vec![regions()])));
            fed.entry(stage.into)
                .or_default()
                .extend(run_shipped(&stage.plan, inputs).await);
        }
    }
    let mut inputs = TaskInputs::default().with(REGIONS, Arc::new(Batches(vec![regions()])));
    for (slot, batches) in fed {
        inputs = inputs.with(slot, Arc::new(Batches(batches)));
    }
    let got = run(&stages.last, inputs).await;
    assert_eq!(sorted_rows(&got), sorted_rows(&expected), "{sql}");
    stages
}

fn text(plan: &Arc<dyn ExecutionPlan>) -> String {
    datafusion::physical_plan::displayable(plan.as_ref())
        .indent(false)
        .to_string()
}

#[tokio::test]
async fn batch_queries_give_the_same_cut_and_uncut() {
    for sql in [
        "SELECT country, amount FROM sales WHERE amount > 10",
        "SELECT country, sum(amount) AS s, count(*) AS n, avg(orders) AS a FROM sales GROUP BY country",
        "SELECT count(*) AS n, min(country) AS c FROM sales",
        "SELECT DISTINCT country FROM sales",
        "SELECT * FROM sales ORDER BY amount DESC LIMIT 3",
        "SELECT region, sum(amount) AS s FROM sales LEFT JOIN regions ON sales.country = regions.country GROUP BY region",
        "SELECT s.country, r.region FROM sales s JOIN regions r ON s.country = r.country WHERE s.orders < 20",
        "SELECT r.region, s.n FROM regions r LEFT JOIN (SELECT country, count(*) AS n FROM sales GROUP BY country) s ON s.country = r.country",
        "SELECT country, amount, row_number() OVER (PARTITION BY country ORDER BY amount DESC) AS n FROM sales",
        "SELECT country FROM sales WHERE amount > (SELECT avg(amount) FROM sales)",
        "SELECT country, count(*) AS n FROM (SELECT country FROM sales WHERE orders < 9 UNION ALL SELECT country FROM sales) u GROUP BY country",
        "SELECT window(t, '10 minutes', '5 minutes') AS w, country, sum(amount) AS s FROM sales GROUP BY window(t, '10 minutes', '5 minutes'), country",
        "SELECT window(t, '10 minutes', '4 minutes') AS w, count(*) AS n FROM sales GROUP BY window(t, '10 minutes', '4 minutes')",
        "SELECT window(t, '1 hour') AS w, count(*) AS n FROM sales GROUP BY window(t, '1 hour') HAVING count(*) > 2",
        "SELECT orders, window(t, '10 minutes', '5 minutes', '1 minute') AS w FROM sales",
    ] {
        check_batch(sql).await;
    }
}

#[tokio::test]
async fn a_sliding_window_is_aggregated_by_pane() {
    let stages = check_batch(
        "SELECT window(t, '10 minutes', '5 minutes') AS w, country, sum(amount) AS s FROM sales \
         GROUP BY window(t, '10 minutes', '5 minutes'), country",
    )
    .await;
    let map = text(&stages.map[0].plan);
    assert!(map.starts_with("PaneExpandExec"), "{map}");
    assert!(map.contains("length=300000000us, slide=300000000us"), "{map}");
    // The window used elsewhere than as a key is not cut into panes.
    let stages = check_batch(
        "SELECT w.start AS s, count(*) AS n, max(w.end) AS e FROM \
         (SELECT window(t, '10 minutes', '5 minutes') AS w FROM sales) x GROUP BY w.start",
    )
    .await;
    assert!(!text(&stages.map[0].plan).contains("PaneExpandExec"));
}

#[tokio::test]
async fn a_streaming_aggregate_becomes_map_and_reduce() {
    let sql = "SELECT country, window(t, '10 minutes', '5 minutes') AS w, sum(amount) AS s FROM sales \
               LEFT JOIN regions USING (country) \
               GROUP BY country, window(t, '10 minutes', '5 minutes') HAVING sum(amount) > 1 ORDER BY s";
    let stages = split(plan(sql).await, &sources(), Some(OutputMode::Complete)).unwrap();
    let reduce = stages.reduce.as_ref().unwrap();
    assert_eq!(
        reduce.event_time_key,
        Some(EventTimeKey {
            column: 1,
            duration_us: 600_000_000
        })
    );
    let post = text(&reduce.post);
    assert!(post.contains("FilterExec") && post.contains("ProjectionExec"), "{post}");
    assert!(text(&stages.last).starts_with("SortExec"), "{}", text(&stages.last));
    assert!(!stages.driver_only_passes_on());
    assert!(stages.map[0].shuffles);
    let map = text(&stages.map[0].plan);
    assert!(map.contains("HashJoinExec") && map.contains("WatermarkExec"), "{map}");
    for plan in [&reduce.aggregate, &reduce.post, &stages.map[0].plan] {
        codec::encode(Arc::clone(plan)).unwrap();
    }
}

#[tokio::test]
async fn stateless_rows_are_passed_on_by_the_driver() {
    let stages = split(
        plan("SELECT country, amount + 1 AS x FROM sales WHERE orders > 3").await,
        &sources(),
        Some(OutputMode::Append),
    )
    .unwrap();
    assert!(stages.driver_only_passes_on());
    assert!(stages.reduce.is_none() && !stages.map[0].shuffles);
}

#[tokio::test]
async fn chained_aggregations_of_a_stream_are_refused() {
    let plan = plan("SELECT max(n) AS m FROM (SELECT country, count(*) AS n FROM sales GROUP BY country) x").await;
    let error = split(plan, &sources(), Some(OutputMode::Complete)).unwrap_err();
    assert!(error.to_string().contains("another aggregation"), "{error}");
}

#[tokio::test]
async fn event_times_are_observed_in_milliseconds() {
    let stages = split(
        plan("SELECT country, t FROM sales").await,
        &sources(),
        Some(OutputMode::Append),
    )
    .unwrap();
    let base = SessionContext::new_with_state(state()).task_ctx();
    let inputs = Arc::new(TaskInputs::default().with(SALES, Arc::new(Batches(vec![sales(1, 10)]))));
    datafusion::physical_plan::collect(Arc::clone(&stages.map[0].plan), inputs.context(&base))
        .await
        .unwrap();
    let seen = inputs.event_time()[&0];
    assert_eq!((seen.max_ms, seen.min_ms, seen.count), (9 * 97_000, 0, 9));
}

#[tokio::test]
async fn predicates_on_event_time_stay_above_the_watermark() {
    let stages = split(
        plan("SELECT country FROM sales WHERE t > TIMESTAMP '1970-01-01 00:05:00' AND orders > 3").await,
        &sources(),
        Some(OutputMode::Append),
    )
    .unwrap();
    let map = text(&stages.map[0].plan);
    let (watermark, above, below) = (
        map.find("WatermarkExec").unwrap(),
        map.find("FilterExec: t@").unwrap(),
        map.rfind("FilterExec").unwrap(),
    );
    assert!(above < watermark && watermark < below, "{map}");
}

#[tokio::test]
async fn a_limit_below_an_aggregation_is_part_of_the_one_task_that_reads() {
    let plan = plan("SELECT country, count(*) AS n FROM (SELECT country FROM sales LIMIT 3) x GROUP BY country").await;
    let plan = plan
        .transform_up(|node| {
            let over_stream = node
                .downcast_ref::<GlobalLimitExec>()
                .map(|limit| Arc::clone(limit.input()));
            Ok(match over_stream {
                Some(input) => Transformed::yes(Arc::new(StreamLimitExec::new(input, 3, 0)) as Arc<dyn ExecutionPlan>),
                None => Transformed::no(node),
            })
        })
        .unwrap()
        .data;
    let stages = split(plan, &sources(), Some(OutputMode::Complete)).unwrap();
    assert!(stages.map[0].whole && stages.map[0].shuffles);
    let map = text(&stages.map[0].plan);
    assert!(map.contains("StreamLimitExec"), "{map}");
    codec::encode(Arc::clone(&stages.map[0].plan)).unwrap();
}
