//! Output names and types.

use super::{columns, query};

#[test]
fn output_names_are_those_of_spark() {
    for (text, expected) in [
        (
            "SELECT * FROM events",
            "key: binary, value: binary, topic: string, partition: int, offset: bigint, timestamp: timestamp, timestampType: int, headers: array<struct<key:string,value:binary>>",
        ),
        ("SELECT KEY, events.Value FROM events", "KEY: binary, Value: binary"),
        ("SELECT amount, AMOUNT AS x FROM sales", "amount: float, x: float"),
        ("SELECT id, id FROM sales", "id: int, id: int"),
        (
            "SELECT 1, 2L, 3S, 4Y, 1.50, 1e3, 1.5D, 2F, -7, 'x', true, NULL",
            "1: int, 2: bigint, 3: smallint, 4: tinyint, 1.50: decimal(3,2), 1000.0: double, 1.5: double, 2.0: float, -7: int, x: string, true: boolean, NULL: void",
        ),
        (
            "SELECT 99999999999, 0.05, 2147483648, -2147483648",
            "99999999999: bigint, 0.05: decimal(2,2), 2147483648: bigint, -2147483648: int",
        ),
        (
            "SELECT -id, NOT (id = 1), id <> 2 FROM sales",
            "(- id): int, (NOT (id = 1)): boolean, (NOT (id = 2)): boolean",
        ),
        (
            "SELECT id > 0 AND true, id IN (1, 2), country LIKE 'x%' FROM sales",
            "((id > 0) AND true): boolean, (id IN (1, 2)): boolean, country LIKE x%: boolean",
        ),
        (
            "SELECT CAST(id AS STRING), CAST(id AS BIGINT) AS b FROM sales",
            "id: string, b: bigint",
        ),
        (
            "SELECT CASE WHEN id > 0 THEN 1 ELSE 2 END FROM sales",
            "CASE WHEN (id > 0) THEN 1 ELSE 2 END: int",
        ),
        (
            "SELECT count(*), count(1), count(id) FROM sales",
            "count(1): bigint, count(1): bigint, count(id): bigint",
        ),
        (
            "SELECT s.p, s.q, sales.s.Q AS x FROM sales",
            "p: int, q: string, x: string",
        ),
        ("SELECT s.*, id AS id FROM sales", "p: int, Q: string, id: int"),
        ("SELECT l[0], m['a'], m.a FROM sales", "l[0]: int, m[a]: int, a: int"),
        ("SELECT id AS a, a + 1 AS b FROM sales", "a: int, b: int"),
        ("SELECT explode(l) FROM sales", "col: int"),
        ("SELECT id, explode(l) AS e FROM sales", "id: int, e: int"),
        ("SELECT posexplode(l) AS (p, c) FROM sales", "p: int, c: int"),
        (
            "SELECT id, x FROM sales LATERAL VIEW OUTER explode(l) v AS x",
            "id: int, x: int",
        ),
        ("SELECT v.x FROM sales LATERAL VIEW explode(l) v AS x", "x: int"),
        (
            "SELECT DATE '2021-01-01', TIMESTAMP '2021-01-01 10:00:00'",
            "DATE '2021-01-01': date, TIMESTAMP '2021-01-01 10:00:00': timestamp",
        ),
        ("SELECT `odd ``name` FROM (SELECT 1 AS `odd ``name`)", "odd `name: int"),
        (
            "SELECT col1, col2 FROM VALUES (1, 'a'), (2, 'b')",
            "col1: int, col2: string",
        ),
        ("SELECT * FROM VALUES (1, 'a') AS v(x, y)", "x: int, y: string"),
        (
            "SELECT window.start, window.end, window FROM sales GROUP BY window(t, '10 minutes')",
            "start: timestamp, end: timestamp, window: struct<start:timestamp,end:timestamp>",
        ),
        (
            "SELECT sum(id) OVER (PARTITION BY country ORDER BY t) AS x, row_number() OVER (ORDER BY t) AS n FROM sales",
            "x: bigint, n: int",
        ),
        (
            "SELECT struct(id, id + 1 AS x) AS s, struct(*) IS NULL AS n FROM (SELECT id FROM sales)",
            "s: struct<id:int,x:int>, n: boolean",
        ),
        (
            "SELECT sum(id) OVER () FROM sales",
            "sum(id) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING): bigint",
        ),
    ] {
        assert_eq!(columns(text), expected, "{text}");
    }
}

#[test]
fn joins_with_using_list_the_key_once_and_first() {
    let both = "FROM (SELECT id, country FROM sales) a";
    for (text, expected) in [
        (
            format!("SELECT * {both} JOIN regions USING (country)"),
            "country: string, id: int, region: string",
        ),
        (
            format!("SELECT * {both} FULL JOIN regions USING (country)"),
            "country: string, id: int, region: string",
        ),
        (
            format!("SELECT * {both} NATURAL JOIN regions"),
            "country: string, id: int, region: string",
        ),
        (
            format!("SELECT * {both} JOIN regions r ON a.country = r.country"),
            "id: int, country: string, country: string, region: string",
        ),
        (
            format!("SELECT * {both} LEFT SEMI JOIN regions r ON a.country = r.country"),
            "id: int, country: string",
        ),
        (
            format!("SELECT r.country {both} LEFT JOIN regions r USING (country)"),
            "country: string",
        ),
    ] {
        assert_eq!(columns(&text), expected, "{text}");
    }
}

#[test]
fn strings_are_read_as_spark_reads_them() {
    for (text, expected) in [
        (r"'a\tb'", "a\tb"),
        (r"'it\'s'", "it's"),
        (r"'\\d+'", r"\d+"),
        (r"r'\d+'", r"\d+"),
        ("'a' 'b'", "ab"),
        (r#""dq""#, "dq"),
        (r"'\u0041'", "A"),
        (r"'100\%'", r"100\%"),
    ] {
        let query = query(&format!("SELECT {text} AS x"));
        let plan = query.logical_text();
        assert!(
            plan.contains(&format!("Utf8(\"{expected}\")")) || plan.contains(expected),
            "{text}: {plan}"
        );
    }
}
