use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{
    DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::TaskContext;
use datafusion::functions_aggregate::{array_agg, average, count, first_last, sum};
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::col;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::common::collect;
use millstream_plan::spec::{EventTimeKey, OutputMode, key_groups_of, reduce_task_of};
use proptest::prelude::*;

use super::*;
use crate::keys::hash_rows;

const MINUTE: i64 = 60_000_000;

/// One input row: key, window start in minutes, amount.
type Row = (Option<u8>, i64, i32);

fn input_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("city", DataType::Utf8, true),
        Field::new(
            "start",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            true,
        ),
        Field::new("amount", DataType::Float64, true),
    ]))
}

fn input(rows: &[Row]) -> RecordBatch {
    let city: StringArray = rows
        .iter()
        .map(|(key, _, _)| key.map(|key| format!("city {key}")))
        .collect();
    let start: TimestampMicrosecondArray = rows.iter().map(|(_, start, _)| Some(start * MINUTE)).collect();
    let amount: Float64Array = rows.iter().map(|(_, _, amount)| Some(f64::from(*amount))).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(city), Arc::new(start.with_timezone("UTC")), Arc::new(amount)];
    RecordBatch::try_new(input_schema(), columns).unwrap()
}

/// `SELECT .., sum, avg, count, array_agg, first_value GROUP BY city, start` as the map side runs it.
fn partial_plan(rows: RecordBatch, keys: &[&str]) -> Arc<dyn ExecutionPlan> {
    let schema = input_schema();
    let source = MemorySourceConfig::try_new_exec(&[vec![rows]], Arc::clone(&schema), None).unwrap();
    let column = |name: &str| col(name, &schema).unwrap();
    let aggregates = [
        ("sum", sum::sum_udaf()),
        ("avg", average::avg_udaf()),
        ("count", count::count_udaf()),
        ("all", array_agg::array_agg_udaf()),
        ("first", first_last::first_value_udaf()),
    ]
    .into_iter()
    .map(|(name, function)| {
        let built = AggregateExprBuilder::new(function, vec![column("amount")])
            .schema(Arc::clone(&schema))
            .alias(name);
        Arc::new(built.build().unwrap())
    })
    .collect::<Vec<_>>();
    let groups = PhysicalGroupBy::new_single(keys.iter().map(|key| (column(key), (*key).to_owned())).collect());
    let filters = vec![None; aggregates.len()];
    Arc::new(AggregateExec::try_new(AggregateMode::Partial, groups, aggregates, filters, source, schema).unwrap())
}

fn partials(rows: &[Row], keys: &[&str]) -> Vec<RecordBatch> {
    partials_of(input(rows), keys)
}

fn partials_of(rows: RecordBatch, keys: &[&str]) -> Vec<RecordBatch> {
    let plan = partial_plan(rows, keys);
    let stream = plan.execute(0, Arc::new(TaskContext::default())).unwrap();
    futures::executor::block_on(collect(stream)).unwrap()
}

const KEYS: [&str; 2] = ["city", "start"];

fn layout() -> Arc<Layout> {
    let event_time = EventTimeKey {
        column: 1,
        duration_us: 10 * MINUTE,
    };
    Arc::new(Layout::try_new(&partial_plan(input(&[]), &KEYS), Some(event_time)).unwrap())
}

fn rules(mode: OutputMode) -> Rules {
    Rules {
        mode,
        late_before_us: i64::MIN,
        evict_before_us: i64::MIN,
    }
}

/// Rows by key: window start, sum, count, sum of the collected values.
type Answer = BTreeMap<(Option<String>, i64), (f64, f64, i64, f64)>;

fn read(batches: &[RecordBatch]) -> Answer {
    let mut answer = Answer::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let city = batch.column(0).as_string::<i32>();
            let city = arrow::array::Array::is_valid(city, row).then(|| city.value(row).to_owned());
            let start = batch.column(1).as_primitive::<TimestampMicrosecondType>().value(row) / MINUTE;
            let all = batch.column(5).as_list::<i32>().value(row);
            let value = (
                batch.column(2).as_primitive::<Float64Type>().value(row),
                batch.column(3).as_primitive::<Float64Type>().value(row),
                batch.column(4).as_primitive::<Int64Type>().value(row),
                all.as_primitive::<Float64Type>().values().iter().sum(),
            );
            assert!(answer.insert((city, start), value).is_none(), "a group is emitted once");
        }
    }
    answer
}

/// What one pass over all rows gives.
fn expected(rows: &[Row]) -> Answer {
    let mut groups: BTreeMap<(Option<String>, i64), Vec<f64>> = BTreeMap::new();
    for (key, start, amount) in rows {
        groups
            .entry((key.map(|key| format!("city {key}")), *start))
            .or_default()
            .push(f64::from(*amount));
    }
    let value = |values: Vec<f64>| {
        let total: f64 = values.iter().sum();
        let count = i32::try_from(values.len()).unwrap();
        (total, total / f64::from(count), i64::from(count), total)
    };
    groups.into_iter().map(|(key, values)| (key, value(values))).collect()
}

fn complete(table: &mut Table) -> Answer {
    let rows = table.stage(&[], rules(OutputMode::Complete)).unwrap().rows;
    table.abort();
    read(&[rows])
}

#[test]
fn update_emits_touched_groups_with_their_totals() {
    let mut table = Table::new(layout());
    table
        .stage(
            &partials(&[(Some(1), 0, 5), (Some(2), 0, 1)], &KEYS),
            rules(OutputMode::Update),
        )
        .unwrap();
    table.commit();
    let outcome = table
        .stage(
            &partials(&[(Some(1), 0, 7), (None, 0, 1)], &KEYS),
            rules(OutputMode::Update),
        )
        .unwrap();
    let answer = read(&[outcome.rows]);
    assert_eq!(answer[&(Some("city 1".to_owned()), 0)], (12.0, 6.0, 2, 12.0));
    assert_eq!(answer[&(None, 0)], (1.0, 1.0, 1, 1.0));
    assert_eq!(answer.len(), 2);
    assert_eq!((outcome.updated, table.rows()), (2, 3));
}

#[test]
fn append_emits_groups_when_they_end_and_drops_late_rows() {
    let mut table = Table::new(layout());
    let first = partials(&[(Some(1), 0, 1), (Some(1), 5, 2), (Some(2), 10, 3)], &KEYS);
    let outcome = table.stage(&first, rules(OutputMode::Append)).unwrap();
    assert_eq!(outcome.rows.num_rows(), 0);
    table.commit();
    let ended = Rules {
        mode: OutputMode::Append,
        late_before_us: 10 * MINUTE,
        evict_before_us: 15 * MINUTE,
    };
    // The window that started at 0 ends exactly at the threshold: late. The one of minute 5 is touched and emitted at once.
    let outcome = table
        .stage(
            &partials(&[(Some(1), 0, 9), (Some(1), 5, 4), (Some(3), 4, 8)], &KEYS),
            ended,
        )
        .unwrap();
    assert_eq!((outcome.late_rows, outcome.removed), (1, 3));
    let answer = read(&[outcome.rows]);
    assert_eq!(answer[&(Some("city 1".to_owned()), 0)].0, 1.0);
    assert_eq!(answer[&(Some("city 1".to_owned()), 5)].0, 6.0);
    assert_eq!(answer[&(Some("city 3".to_owned()), 4)].0, 8.0);
    table.commit();
    assert_eq!(table.rows(), 1);
}

#[test]
fn a_group_without_values_stays_null_beside_one_that_has_some() {
    let mut table = Table::new(layout());
    table
        .stage(&partials(&[(Some(1), 0, 5)], &KEYS), rules(OutputMode::Update))
        .unwrap();
    table.commit();
    let mut columns = input(&[(Some(1), 0, 7), (Some(2), 0, 0)]).columns().to_vec();
    columns[2] = Arc::new(Float64Array::from(vec![Some(7.0), None]));
    let rows = partials_of(RecordBatch::try_new(input_schema(), columns).unwrap(), &KEYS);
    let rows = table.stage(&rows, rules(OutputMode::Update)).unwrap().rows;
    let sums = rows.column(2).as_primitive::<Float64Type>();
    assert_eq!(sums.iter().collect::<Vec<_>>(), vec![Some(12.0), None]);
}

#[test]
fn update_evicts_silently() {
    let mut table = Table::new(layout());
    let ended = Rules {
        mode: OutputMode::Update,
        late_before_us: 0,
        evict_before_us: 12 * MINUTE,
    };
    let outcome = table
        .stage(&partials(&[(Some(1), 0, 1), (Some(1), 5, 2)], &KEYS), ended)
        .unwrap();
    assert_eq!(outcome.rows.num_rows(), 2);
    table.commit();
    assert_eq!(table.rows(), 1);
}

#[test]
fn a_global_aggregate_has_a_row_without_input() {
    let layout = Arc::new(Layout::try_new(&partial_plan(input(&[]), &[]), None).unwrap());
    for mode in [OutputMode::Update, OutputMode::Complete] {
        let mut state = ReduceState::new(Arc::clone(&layout), key_groups_of(0, 2), None);
        let rows = state.stage(0, &[], rules(mode)).unwrap().rows;
        assert_eq!(rows.num_rows(), 1);
        assert!(
            arrow::array::Array::is_null(rows.column(0), 0),
            "the sum of nothing is NULL"
        );
        assert_eq!(rows.column(2).as_primitive::<Int64Type>().value(0), 0);
        state.commit(0);
        let rows = state
            .stage(1, &partials(&[(None, 0, 4), (None, 1, 5)], &[]), rules(mode))
            .unwrap()
            .rows;
        assert_eq!(rows.column(0).as_primitive::<Float64Type>().value(0), 9.0);
    }
    let mut other = ReduceState::new(layout, key_groups_of(1, 2), None);
    assert_eq!(
        other
            .stage(0, &[], rules(OutputMode::Complete))
            .unwrap()
            .rows
            .num_rows(),
        0
    );
}

#[test]
fn a_task_for_the_next_version_commits_and_one_for_the_same_undoes() {
    let mut state = ReduceState::new(layout(), 0..256, None);
    let mut run = |batch: u64| {
        state.open(batch, &[]).unwrap();
        let rows = partials(&[(Some(1), 0, 1)], &KEYS);
        let rows = state.stage(batch, &rows, rules(OutputMode::Update)).unwrap().rows;
        rows.column(2).as_primitive::<Float64Type>().value(0)
    };
    assert_eq!(
        (run(0), run(0)),
        (1.0, 1.0),
        "the same batch again starts from the same version"
    );
    assert_eq!(
        (run(1), run(2)),
        (2.0, 3.0),
        "the next batch says that the last one exists"
    );
    let error = state.open(9, &[]).unwrap_err();
    assert!(
        matches!(error, StateError::MissingVersion { wanted: 9, held: 2 }),
        "{error}"
    );
}

#[test]
fn files_of_another_query_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn FileStore> = Arc::new(LocalFiles::new(folder.path()));
    let mut state = ReduceState::new(layout(), 0..256, Some(Arc::clone(&store)));
    state
        .stage(0, &partials(&[(Some(1), 0, 1)], &KEYS), rules(OutputMode::Update))
        .unwrap();
    let file = state.save(&[]).unwrap().unwrap();
    let other = Arc::new(Layout::try_new(&partial_plan(input(&[]), &["city"]), None).unwrap());
    let error = ReduceState::new(other, 0..256, Some(store))
        .open(1, &[file])
        .unwrap_err();
    assert!(matches!(error, StateError::OtherQuery { .. }), "{error}");
}

/// Rows of the reduce tasks, cut as the shuffle cuts them.
fn cut(rows: &[RecordBatch], tasks: u32, index: u32) -> Vec<RecordBatch> {
    rows.iter()
        .map(|batch| {
            let hashes = hash_rows(&batch.columns()[..2], batch.num_rows()).unwrap();
            let mine: arrow::array::UInt32Array = (0_u32..)
                .zip(hashes)
                .filter(|(_, hash)| reduce_task_of(*hash, tasks) == index)
                .map(|(row, _)| row)
                .collect();
            arrow::compute::take_record_batch(batch, &mine).unwrap()
        })
        .collect()
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    proptest::collection::vec((proptest::option::weighted(0.9, 0..6_u8), 0..8_i64, -50..50_i32), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_cut_of_the_rows_gives_the_answer_of_one_pass(
        batches in proptest::collection::vec(rows(), 1..14), tasks in 1..5_u32, again in 0..14_usize,
    ) {
        let layout = layout();
        let mut tables: Vec<Table> = (0..tasks).map(|_| Table::new(Arc::clone(&layout))).collect();
        for (at, batch) in batches.iter().enumerate() {
            // Two map tasks, so that groups repeat in the input.
            let (left, right) = batch.split_at(batch.len() / 2);
            let parts: Vec<_> = [partials(left, &KEYS), partials(right, &KEYS)].concat();
            for (index, table) in (0..tasks).zip(&mut tables) {
                let mine = cut(&parts, tasks, index);
                let rows = table.stage(&mine, rules(OutputMode::Update)).unwrap().rows;
                if at == again {
                    table.abort();
                    let repeated = table.stage(&mine, rules(OutputMode::Update)).unwrap().rows;
                    prop_assert_eq!(read(&[rows]), read(&[repeated]), "a run after an abort differs");
                }
                table.commit();
            }
        }
        let mut answer = Answer::new();
        for table in &mut tables {
            answer.extend(complete(table));
        }
        prop_assert_eq!(answer, expected(&batches.concat()));
    }

    #[test]
    fn restored_state_equals_the_one_in_memory(
        batches in proptest::collection::vec(rows(), 1..25), tasks in 1..4_u32, new_tasks in 1..4_u32, step in 0..2_i64,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn FileStore> = Arc::new(LocalFiles::new(folder.path()));
        let layout = layout();
        let task = |index, tasks| ReduceState::new(Arc::clone(&layout), key_groups_of(index, tasks), Some(Arc::clone(&store)));
        let mut states: Vec<ReduceState> = (0..tasks).map(|index| task(index, tasks)).collect();
        let mut files: Vec<StateFileRef> = Vec::new();
        for (batch, rows) in (0_u64..).zip(&batches) {
            let parts = partials(rows, &KEYS);
            let ended = i64::try_from(batch).unwrap() * step * MINUTE + 8 * MINUTE;
            let rules = Rules { mode: OutputMode::Append, late_before_us: ended - MINUTE, evict_before_us: ended };
            let mut written = Vec::new();
            for (index, state) in (0..tasks).zip(&mut states) {
                state.open(batch, &files).unwrap();
                state.stage(batch, &cut(&parts, tasks, index), rules).unwrap();
                written.extend(state.save(&files).unwrap());
                state.commit(batch);
            }
            files.extend(written);
        }
        let version = u64::try_from(batches.len()).unwrap();
        let mut held = Answer::new();
        for state in &mut states {
            held.extend(read(&[state.stage(version, &[], rules(OutputMode::Complete)).unwrap().rows]));
        }
        let mut restored = Answer::new();
        for index in 0..new_tasks {
            let mut state = task(index, new_tasks);
            state.open(version, &files).unwrap();
            restored.extend(read(&[state.stage(version, &[], rules(OutputMode::Complete)).unwrap().rows]));
        }
        prop_assert_eq!(held, restored);
    }
}
