use arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::prelude::SessionContext;

use super::*;
use crate::cast::text::{Style, write_value};
use crate::type_name::spark_type;

/// Evaluates expressions and gives each one's value and type as text.
pub(crate) fn evaluate(expressions: &[&str], tz: Tz) -> Vec<String> {
    let runtime = tokio_runtime();
    expressions
        .iter()
        .map(|expression| runtime.block_on(one(expression, tz)))
        .collect()
}

pub(crate) fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

async fn one(expression: &str, tz: Tz) -> String {
    let settings = SessionSettings {
        time_zone: tz,
        ..SessionSettings::default()
    };
    let context = SessionContext::new_with_state(session_state(&settings).unwrap());
    let plan = match context.sql(&format!("SELECT {expression} AS x")).await {
        Ok(plan) => plan,
        Err(error) => return format!("plan error: {error}"),
    };
    match plan.collect().await {
        Ok(batches) => shown(&batches, &tz),
        Err(error) => format!("error: {error}"),
    }
}

pub(crate) fn shown(batches: &[RecordBatch], tz: &Tz) -> String {
    let column: &ArrayRef = batches[0].column(0);
    let mut text = String::new();
    write_value(column.as_ref(), 0, Style::Show, tz, &mut text);
    format!("{text} {}", spark_type(column.data_type()))
}

/// Checks expressions against what Spark 3.5 gives.
fn check(cases: &[(&str, &str)]) {
    let (expressions, wanted): (Vec<&str>, Vec<&str>) = cases.iter().copied().unzip();
    let got = evaluate(&expressions, Tz::UTC);
    let wrong: Vec<String> = expressions
        .iter()
        .zip(&got)
        .zip(&wanted)
        .filter(|((_, got), wanted)| got.as_str() != **wanted)
        .map(|((expression, got), wanted)| format!("{expression}: got {got:?}, wanted {wanted:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn operators_are_sparks() {
    check(&[
        ("CAST(1 AS INT) / CAST(2 AS INT)", "0.5 double"),
        ("CAST(7 AS INT) DIV CAST(2 AS INT)", "3 bigint"),
        ("CAST(7 AS INT) / CAST(0 AS INT)", "NULL double"),
        ("CAST(7 AS INT) % CAST(0 AS INT)", "NULL int"),
        ("CAST(-7 AS INT) % CAST(3 AS INT)", "-1 int"),
        ("'1' + CAST(1 AS INT)", "2.0 double"),
        ("CAST(2147483647 AS INT) + CAST(1 AS INT)", "-2147483648 int"),
        (
            "CAST('1.5' AS DECIMAL(10,2)) / CAST('3' AS DECIMAL(5,1))",
            "0.50000000 decimal(17,8)",
        ),
        ("CAST('1.5' AS DECIMAL(2,1)) + CAST(1 AS INT)", "2.5 decimal(12,1)"),
        ("CAST('1.5' AS DECIMAL(2,1)) * CAST(2 AS INT)", "3.0 decimal(13,1)"),
        ("CAST('x' AS INT)", "NULL int"),
        ("CAST('1.9' AS INT)", "1 int"),
        ("CAST(300 AS TINYINT)", "44 tinyint"),
        ("CAST(1.0E10 AS STRING)", "1.0E10 string"),
        ("'x' > CAST(5 AS INT)", "NULL boolean"),
        ("'5.0' = CAST(5 AS INT)", "true boolean"),
        ("'5.0' IN (CAST(5 AS INT), CAST(10 AS INT))", "false boolean"),
        ("CASE WHEN true THEN CAST(1 AS INT) ELSE 'a' END", "1 string"),
        ("coalesce(NULL, CAST(1 AS INT), 'a')", "1 string"),
        ("'a' || CAST(1 AS INT)", "a1 string"),
        ("DATE '2021-01-31' + CAST(1 AS INT)", "2021-02-01 date"),
        ("CAST('2021-01-05' AS DATE) < '2021-02-01'", "true boolean"),
        ("CAST(5 AS INT) BETWEEN '1' AND CAST(9 AS BIGINT)", "true boolean"),
    ]);
}

#[test]
fn text_functions_are_sparks() {
    check(&[
        (
            "format_number(CAST(1234567.885 AS DOUBLE), CAST(2 AS INT))",
            "1,234,567.89 string",
        ),
        ("format_number(CAST(-0.004 AS DOUBLE), CAST(2 AS INT))", "-0.00 string"),
        (
            "format_number(CAST(12332.123456 AS DOUBLE), '##################.###')",
            "12332.123 string",
        ),
        ("split('a,b,,c,', ',')", "[a, b, , c, ] array<string>"),
        ("split('oneAtwoBthreeC', '[ABC]', 2)", "[one, twoBthreeC] array<string>"),
        ("regexp_replace('100-200', '(\\d+)', 'num')", "num-num string"),
        ("regexp_replace('ab', '', '-')", "-a-b- string"),
        ("regexp_extract('100-200', '(\\d+)-(\\d+)', 2)", "200 string"),
        (
            "regexp_extract_all('100-200, 300-400', '(\\d+)-(\\d+)', 1)",
            "[100, 300] array<string>",
        ),
        ("rlike('abc', '^a')", "true boolean"),
        ("concat(array('a'), array('b'))", "[a, b] array<string>"),
        ("concat('a', NULL)", "NULL string"),
        ("left('abc', -1)", " string"),
        ("initcap('hello-world foo')", "Hello-world Foo string"),
        ("substring('hello', -3, 2)", "ll string"),
        ("sha1('abc')", "a9993e364706816aba3e25717850c26c9cd0d89d string"),
        ("md5('abc')", "900150983cd24fb0d6963f7d28e17f72 string"),
        ("upper(CAST(1.50 AS DECIMAL(3,2)))", "1.50 string"),
        ("locate('b', 'abcb', 3)", "4 int"),
    ]);
}

#[test]
fn time_functions_are_sparks() {
    check(&[
        (
            "date_format(TIMESTAMP '2021-01-05 10:11:12', 'dd.MM.yyyy HH:mm')",
            "05.01.2021 10:11 string",
        ),
        (
            "to_timestamp('05/01/2021', 'dd/MM/yyyy')",
            "2021-01-05 00:00:00 timestamp",
        ),
        ("to_date('05/01/2021', 'dd/MM/yyyy')", "2021-01-05 date"),
        ("to_date('garbage')", "NULL date"),
        ("from_unixtime(0)", "1970-01-01 00:00:00 string"),
        ("unix_timestamp('2021-01-05 10:11:12')", "1609841472 bigint"),
        ("year('2021-03-04')", "2021 int"),
        ("EXTRACT(YEAR FROM DATE '2021-03-04')", "2021 int"),
        (
            "EXTRACT(SECOND FROM TIMESTAMP '2021-01-05 10:11:12.5')",
            "12.500000 decimal(8,6)",
        ),
        (
            "date_trunc('HOUR', TIMESTAMP '2021-01-05 10:11:12')",
            "2021-01-05 10:00:00 timestamp",
        ),
        ("trunc(DATE '2021-05-05', 'YEAR')", "2021-01-01 date"),
        (
            "months_between('1997-02-28 10:30:00', '1996-10-30')",
            "3.94959677 double",
        ),
        ("next_day(DATE '2021-01-05', 'TU')", "2021-01-12 date"),
        ("add_months(DATE '2021-01-31', CAST(1 AS INT))", "2021-02-28 date"),
        ("TIMESTAMP '2500-01-01 00:00:00'", "2500-01-01 00:00:00 timestamp"),
        ("date_add('2021-01-01', CAST(1 AS INT))", "2021-01-02 date"),
    ]);
    let berlin = evaluate(
        &[
            "hour(CAST('2021-07-01T00:00:00Z' AS TIMESTAMP))",
            "CAST('2021-07-01T00:00:00Z' AS TIMESTAMP)",
        ],
        Tz::Region(chrono_tz::Tz::Europe__Berlin),
    );
    assert_eq!(berlin, ["2 int", "2021-07-01 02:00:00 timestamp"]);
}

#[test]
fn number_and_array_functions_are_sparks() {
    check(&[
        ("round(CAST('2.345' AS DECIMAL(10,3)), 2)", "2.35 decimal(10,2)"),
        ("round(CAST(2.5 AS DOUBLE))", "3.0 double"),
        ("bround(CAST(2.5 AS DOUBLE))", "2.0 double"),
        ("round(CAST(125 AS INT), -1)", "130 int"),
        ("ceil(CAST(1.2 AS DOUBLE))", "2 bigint"),
        ("floor(CAST('-1.5' AS DECIMAL(3,1)))", "-2 decimal(3,0)"),
        ("sqrt(CAST(-1 AS DOUBLE))", "NaN double"),
        ("ln(CAST(0 AS DOUBLE))", "NULL double"),
        ("conv('100', 2, 10)", "4 string"),
        ("conv('-10', 16, -10)", "-16 string"),
        ("array(CAST(1 AS INT), CAST(2 AS INT))[0]", "1 int"),
        (
            "element_at(array(CAST(1 AS INT), CAST(2 AS INT)), CAST(-1 AS INT))",
            "2 int",
        ),
        ("sort_array(array('b', NULL, 'a'))", "[NULL, a, b] array<string>"),
        ("sort_array(array('b', NULL, 'a'), false)", "[b, a, NULL] array<string>"),
        ("array_position(array('b', 'a'), 'z')", "0 bigint"),
        ("size(NULL)", "-1 int"),
        ("map('a', CAST(1 AS INT))['a']", "1 int"),
        ("typeof(CAST(1 AS SMALLINT))", "smallint string"),
        ("int('12')", "12 int"),
        ("reverse('abc')", "cba string"),
    ]);
}

/// Runs a query over a small table and gives the shown rows.
fn query(sql: &str) -> Vec<String> {
    tokio_runtime().block_on(async {
        let context = SessionContext::new_with_state(session_state(&SessionSettings::default()).unwrap());
        let table = "CREATE TABLE t AS SELECT * FROM (VALUES ('a', CAST(1 AS DOUBLE), 'x'), ('a', 3.0, NULL), ('b', 2.0, 'y'), ('a', 2.0, 'x'), ('b', NULL, 'z')) AS v(k, n, s)";
        context.sql(table).await.unwrap().collect().await.unwrap();
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        let mut rows = Vec::new();
        for batch in &batches {
            for row in 0..batch.num_rows() {
                let cells: Vec<String> = batch
                    .columns()
                    .iter()
                    .map(|column| crate::render::value_to_text(column.as_ref(), row, &Tz::UTC))
                    .collect();
                rows.push(cells.join("|"));
            }
        }
        rows
    })
}

#[test]
fn aggregates_are_sparks() {
    assert_eq!(
        query(
            "SELECT k, first(s), last(s), first(n, true), max_by(s, n), min_by(s, n), collect_list(s), collect_set(s), \
             count_if(n > 1), every(n > 0), percentile(n, 0.5), percentile_approx(n, 0.5), median(n), mode(s), \
             approx_count_distinct(n) FROM t GROUP BY k ORDER BY k"
        ),
        [
            "a|x|x|1.0|NULL|x|[x, x]|[x]|2|true|2.0|2.0|2.0|x|3",
            "b|y|z|2.0|y|y|[y, z]|[y, z]|1|true|2.0|2.0|2.0|y|1",
        ]
    );
    assert_eq!(
        query("SELECT collect_list(s), max_by(s, n), count_if(n > 1) FROM t WHERE n > 100"),
        ["[]|NULL|0"]
    );
    assert_eq!(
        query("SELECT round(skewness(n), 6), round(kurtosis(n), 6), variance(n) FROM t WHERE k = 'a'"),
        ["0.0|-1.5|1.0"]
    );
    assert_eq!(
        query("SELECT percentile(n, array(0.25, 0.75)) FROM t"),
        ["[1.75, 2.25]"]
    );
    let wide = "CAST('99999999999999999999999999999999999999' AS DECIMAL(38,0))";
    assert_eq!(
        query(&format!("SELECT sum({wide}) FROM t WHERE n = 1 OR n = 3 GROUP BY k")),
        ["NULL"]
    );
    assert_eq!(query("SELECT s FROM t WHERE s > 5 ORDER BY s"), Vec::<String>::new());
    assert_eq!(query("SELECT 'a' AS x UNION ALL SELECT CAST(1 AS INT)"), ["a", "1"]);
}

#[test]
fn shipped_plans_find_their_functions() {
    let context = task_context(&SessionSettings::default());
    for name in ["spark_cast", "format_number", "spark_div", "to_timestamp", "now"] {
        assert!(context.scalar_functions().contains_key(name), "{name}");
    }
    for name in ["collect_list", "first", "every", "avg"] {
        assert!(context.aggregate_functions().contains_key(name), "{name}");
    }
}

#[test]
fn the_clock_is_the_batchs() {
    let _scope = crate::batch_clock::scope(1_609_841_472_500_000);
    check(&[
        ("now()", "2021-01-05 10:11:12.5 timestamp"),
        ("current_timestamp()", "2021-01-05 10:11:12.5 timestamp"),
        ("current_timestamp", "2021-01-05 10:11:12.5 timestamp"),
        ("current_date()", "2021-01-05 date"),
        ("current_date", "2021-01-05 date"),
        ("unix_timestamp()", "1609841472 bigint"),
        ("date_format(now(), 'HH:mm')", "10:11 string"),
    ]);
    let context = SessionContext::new_with_state(session_state(&SessionSettings::default()).unwrap());
    // The plan is made at one time and run at others.
    let runtime = tokio_runtime();
    let frame = runtime.block_on(context.sql("SELECT now() AS x")).unwrap();
    for now in [1_000_000, 2_000_000] {
        let _scope = crate::batch_clock::scope(now);
        let batches = runtime.block_on(frame.clone().collect()).unwrap();
        assert_eq!(
            shown(&batches, &Tz::UTC),
            format!("1970-01-01 00:00:0{} timestamp", now / 1_000_000)
        );
    }
}

#[test]
fn calls_of_no_rows_give_no_rows() {
    let rows = query(
        "SELECT format_number(n, 2), split(s, ','), regexp_replace(s, 'x', 'y'), round(n, 1), date_format(s, 'yyyy'), \
         s || 'a', n / 2, substring(s, 1, 2), CAST(s AS INT), concat_ws(',', s, k), mask(s), trunc(s, 'MM') FROM t WHERE n > 100",
    );
    assert!(rows.is_empty());
}
