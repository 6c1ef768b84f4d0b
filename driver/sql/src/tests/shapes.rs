//! Clauses and the plans they give.

use millstream_plan::spec::{SinkSpec, SourceSpec};

use super::{query, run};
use crate::{ExplainMode, Statement};

fn plan(text: &str) -> String {
    query(text).logical_text()
}

#[test]
fn queries_of_many_forms_are_planned() {
    for text in [
        "SELECT country, sum(amount) FROM sales GROUP BY country HAVING sum(amount) > 10 ORDER BY 2 DESC, country LIMIT 5",
        "SELECT country AS c, count(*) AS n FROM sales GROUP BY c ORDER BY n DESC NULLS LAST",
        "SELECT country, count(*) FROM sales GROUP BY 1 ORDER BY 2 DESC",
        "SELECT country, count(*) FROM sales GROUP BY ALL",
        "SELECT country, id, count(*) FROM sales GROUP BY country, id WITH ROLLUP",
        "SELECT country, count(*) FROM sales GROUP BY CUBE(country)",
        "SELECT DISTINCT country FROM sales ORDER BY country",
        "SELECT id FROM sales ORDER BY amount",
        "SELECT upper(country) FROM sales ORDER BY id + 1",
        "SELECT a.id FROM sales a, sales b WHERE a.id = b.id",
        "SELECT id FROM sales WHERE country IN (SELECT country FROM regions)",
        "SELECT id FROM sales x WHERE EXISTS (SELECT 1 FROM regions r WHERE r.country = x.country)",
        "SELECT id, (SELECT max(country) FROM regions) AS m FROM sales",
        "SELECT id FROM sales WHERE id > (SELECT avg(id) FROM sales)",
        "WITH p AS (SELECT id FROM sales), q AS (SELECT id FROM p) SELECT p.id FROM p JOIN q ON p.id = q.id",
        "SELECT id FROM sales UNION ALL SELECT id + 1 FROM sales ORDER BY id",
        "SELECT country FROM sales EXCEPT SELECT country FROM regions",
        "SELECT country FROM sales INTERSECT SELECT country FROM regions",
        "(SELECT id FROM sales) UNION (SELECT id FROM sales)",
        "FROM sales SELECT id",
        "VALUES (1, 'a'), (2, NULL)",
        "SELECT lag(id, 2) OVER w, first_value(id) OVER w FROM sales WINDOW w AS (PARTITION BY country ORDER BY t)",
        "SELECT count(DISTINCT id), count(DISTINCT id, country), count(id, country), count(*) FILTER (WHERE id > 1) FROM sales",
        "SELECT key, offset, partition, timestamp FROM events WHERE offset > 1 AND partition = 0 ORDER BY offset",
        "SELECT id DIV 2, id % 2, id / 2, id <=> NULL, id == 1, ~id, country || 'x' FROM sales",
        "SELECT t + INTERVAL 10 MINUTES, t - INTERVAL '1 day 2 hours', t + INTERVAL 1 DAY 2 HOURS, t + INTERVAL '1 02:03' DAY TO MINUTE FROM sales",
        "SELECT country RLIKE '^A', country LIKE 'a#%' ESCAPE '#', country ILIKE 'B%', country NOT LIKE '%x' FROM sales",
        "SELECT struct(id, country), struct(*), named_struct('a', 1), array(1, 2), map('a', 1) FROM sales",
        "SELECT transform(l, x -> x + 1), filter(l, x -> x > 1), exists(l, x -> x = 1) FROM sales",
        "SELECT id FROM range(10)",
        "SELECT /* a /* nested */ comment */ 1 -- and one more\n",
        "SELECT CASE id WHEN 1 THEN 'a' END, id BETWEEN 1 AND 2, id IS NOT NULL, coalesce(id, 0), if(id > 1, 2, 3) FROM sales",
        "SELECT first(id, true), any_value(country) FROM sales",
        "SELECT id FROM default.sales",
        "SELECT headers[0].key, headers.value FROM events",
        "SELECT stream.id FROM sales AS stream",
    ] {
        let _ = plan(text);
    }
}

#[test]
fn each_use_of_a_table_is_a_source_of_its_own() {
    let query = query("SELECT a.id FROM sales a JOIN sales b ON a.id = b.id JOIN regions r ON a.country = r.country");
    assert_eq!(query.sources.len(), 3);
    assert!(matches!(query.sources.values().last(), Some(SourceSpec::Files(_))));
}

#[test]
fn views_are_put_in_where_they_are_used() {
    let text = "CREATE OR REPLACE TEMPORARY VIEW v AS SELECT country, sum(amount) AS total FROM sales GROUP BY country; \
                CREATE TEMP VIEW w (a, b) AS SELECT * FROM v; SELECT A, b FROM W WHERE b > 1";
    let query = query(text);
    assert_eq!(query.output_names, ["A", "b"]);
    assert_eq!(query.sources.len(), 1);
}

#[test]
fn sinks_are_read_from_their_tables() {
    let select = query("SELECT id FROM sales");
    assert_eq!(
        select.sink,
        SinkSpec::Console {
            num_rows: 20,
            truncate: true
        }
    );
    let console =
        query("CREATE TABLE s2 USING console OPTIONS (numRows 5, truncate false); INSERT INTO s2 SELECT id FROM sales");
    assert_eq!(
        console.sink,
        SinkSpec::Console {
            num_rows: 5,
            truncate: false
        }
    );
    let kafka = query("INSERT INTO sales SELECT CAST(id AS STRING) AS key, 'x' AS Value, 1 AS ignored FROM sales");
    assert_eq!(kafka.output_names, ["key", "value"]);
    assert!(matches!(kafka.sink, SinkSpec::Kafka { topic: Some(ref t), .. } if t == "out"));
    let named = query("INSERT INTO sales (key, value) SELECT country, country FROM regions");
    assert_eq!(named.output_names, ["key", "value"]);
    let files = query("INSERT OVERWRITE files SELECT id, country FROM sales");
    assert!(matches!(files.sink, SinkSpec::Files { ref options, .. } if options.get("mode") == Some("overwrite")));
}

#[test]
fn settings_and_explain() {
    let query = query("SET spark.sql.session.timeZone = Europe/Berlin; SET spark.foo.bar=1; SELECT 1");
    assert_eq!(
        query.time_zone,
        millstream_spark::zone::Tz::Region(chrono_tz::Tz::Europe__Berlin)
    );
    assert_eq!(query.warnings.len(), 1);
    assert_eq!(
        query.conf.get("spark.sql.session.timeZone").map(String::as_str),
        Some("Europe/Berlin")
    );
    let statements = run("EXPLAIN SELECT 1; EXPLAIN EXTENDED SELECT 2").unwrap();
    assert!(matches!(statements[0], Statement::Explain(_, ExplainMode::Simple)));
    assert!(matches!(statements[1], Statement::Explain(_, ExplainMode::Extended)));
}

#[test]
fn a_statement_keeps_its_text_and_line() {
    let query = match run("\n\nSELECT '${brokers}' AS b ;").unwrap().pop() {
        Some(Statement::Query(query)) => query,
        other => panic!("{other:?}"),
    };
    assert_eq!(query.text, "SELECT '${brokers}' AS b");
    assert_eq!(query.line, 3);
}
