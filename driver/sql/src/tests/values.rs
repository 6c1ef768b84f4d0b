//! What expressions without a source give.

use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::SessionContext;

use super::query;

/// The rows of a query over no table, fields joined by `|`, rows by `;`.
fn rows(text: &str) -> String {
    let query = query(text);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let batches = runtime.block_on(async {
        let context = SessionContext::new_with_state(query.state.clone());
        let frame = context.execute_logical_plan(query.plan.clone()).await.unwrap();
        frame.collect().await.unwrap_or_else(|e| panic!("{text}\n{e}"))
    });
    let options = FormatOptions::default().with_null("NULL");
    let mut out = Vec::new();
    for batch in &batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|c| ArrayFormatter::try_new(c, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            out.push(
                columns
                    .iter()
                    .map(|c| c.value(row).to_string())
                    .collect::<Vec<_>>()
                    .join("|"),
            );
        }
    }
    out.join(";")
}

#[test]
fn inferred_schemas_are_known_while_planning() {
    for (text, expected) in [
        (
            r#"SELECT from_json('{"a":1,"b":[2]}', schema_of_json('{"a":0,"b":[0]}')).b[0]"#,
            "2",
        ),
        ("SELECT from_csv('1,x', schema_of_csv('1,x')).`_c1`", "x"),
    ] {
        assert_eq!(rows(text), expected, "{text}");
    }
}

#[test]
fn lambda_functions() {
    for (text, expected) in [
        ("SELECT map_filter(map('a', 1, 'b', 2), (k, v) -> v > 1)", "{b: 2}"),
        (
            "SELECT transform_values(map('a', 1, 'b', 2), (k, v) -> concat(k, v))",
            "{a: a1, b: b2}",
        ),
        ("SELECT transform_keys(map('a', 1), (k, v) -> upper(k))", "{A: 1}"),
        (
            "SELECT map_zip_with(map('a', 1), map('a', 5, 'b', 2), (k, x, y) -> coalesce(x, 0) + y)",
            "{a: 6, b: 2}",
        ),
        (
            "SELECT zip_with(array(1, 2), array(3, 4, 5), (x, y) -> x + y)",
            "[4, 6, NULL]",
        ),
        (
            "SELECT zip_with(CAST(NULL AS ARRAY<INT>), array(3), (x, y) -> y)",
            "NULL",
        ),
        (
            "SELECT forall(array(1, 2), x -> x > 0), forall(array(1, NULL), x -> x > 0), forall(array(), x -> false)",
            "true|NULL|true",
        ),
        (
            "SELECT exists(array(1, 2), x -> x > 1), filter(array(1, 2), x -> x > 1), transform(array(1, 2), x -> x + 1)",
            "true|[2]|[2, 3]",
        ),
        (
            "SELECT transform(array(5, 6), (x, i) -> x + i), filter(array(5, 6), (x, i) -> i > 0)",
            "[5, 7]|[6]",
        ),
        (
            "SELECT transform(l, (x, i) -> x * a) FROM VALUES (2, array(1, 2)), (3, array()), (4, NULL) t(a, l)",
            "[2, 4];[];NULL",
        ),
        (
            "SELECT transform(array(array(1), array(2, 3)), x -> transform(x, y -> y + size(x)))",
            "[[2], [4, 5]]",
        ),
    ] {
        assert_eq!(rows(text), expected, "{text}");
    }
}

#[test]
fn patterns_and_trimming() {
    for (text, expected) in [
        (
            "SELECT 'abc' LIKE ALL ('a%', '%c'), 'abc' LIKE ANY ('x', 'a%'), 'abc' LIKE SOME ('a%'), 'abc' ILIKE ALL ('A%')",
            "true|true|true|true",
        ),
        (
            "SELECT 'abc' NOT LIKE ALL ('x%'), 'abc' NOT LIKE ANY ('a%', 'b%'), 'abc' LIKE ALL ('a%', NULL), 'x' LIKE ANY ('y', NULL)",
            "true|true|NULL|NULL",
        ),
        (
            "SELECT TRIM(BOTH 'x' FROM 'xax'), TRIM(LEADING 'x' FROM 'xax'), TRIM(TRAILING 'x' FROM 'xax'), TRIM(BOTH FROM ' a '), TRIM('x' FROM 'xa')",
            "a|ax|xa|a|a",
        ),
        (
            "SELECT ltrim('x', 'xxa'), rtrim('x', 'axx'), trim('x', 'xax'), ltrim(' a'), trim(' a ')",
            "a|a|a|a|a",
        ),
        (
            "SELECT ceil(1.25, 1), floor(1.25, 1), ceil(-0.5), 9223372036854775808",
            "1.3|1.2|0|9223372036854775808",
        ),
        (
            "SELECT element_at(map('a', 1), 'z'), element_at(map('a', 1), 'a'), element_at(array(1, 2), -1)",
            "NULL|1|2",
        ),
    ] {
        assert_eq!(rows(text), expected, "{text}");
    }
}

#[test]
fn grouping_and_windows() {
    let t = "VALUES (1, 2, 3), (1, 3, 4) t(a, b, c)";
    for (text, expected) in [
        (
            format!(
                "SELECT a, b, sum(c), grouping(a), grouping(b), grouping_id() AS g FROM {t} GROUP BY ROLLUP(a, b) ORDER BY g, b"
            ),
            "1|2|3|0|0|0;1|3|4|0|0|0;1|NULL|7|0|1|1;NULL|NULL|7|1|1|3",
        ),
        (
            format!("SELECT a, sum(c) FROM {t} GROUP BY CUBE(a, b) HAVING grouping_id(a, b) = 1"),
            "1|7",
        ),
        (
            format!(
                "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY c), percentile_disc(0.5) WITHIN GROUP (ORDER BY c DESC) FROM {t}"
            ),
            "3.0|4.0",
        ),
        (
            format!("SELECT b, lag(b, 1, b * 10) OVER (ORDER BY b) FROM {t} WHERE b < 3"),
            "2|20",
        ),
        (
            format!(
                "SELECT rank() OVER (ORDER BY s) AS r, s.b FROM (SELECT struct(a, b) AS s FROM {t}) ORDER BY s DESC"
            ),
            "2|3;1|2",
        ),
        (
            format!("SELECT count(DISTINCT a, b), count(DISTINCT a) FROM {t}"),
            "2|1",
        ),
    ] {
        assert_eq!(rows(&text), expected, "{text}");
    }
}

#[test]
fn pivot_and_unpivot() {
    let t = "(SELECT * FROM VALUES ('r', 'x', 1), ('r', 'y', 2), ('q', 'x', 4), ('p', NULL, 8) t(r, p, v))";
    for (text, names, expected) in [
        (
            format!("SELECT * FROM {t} PIVOT (sum(v) AS s, count(v) AS n FOR p IN ('x' AS x, 'y')) ORDER BY r"),
            "r, x_s, x_n, y_s, y_n",
            "p|NULL|NULL|NULL|NULL;q|4|1|NULL|NULL;r|1|1|2|1",
        ),
        (
            format!("SELECT * FROM {t} PIVOT (max(v) FOR p IN ('x', 'y')) WHERE x IS NOT NULL ORDER BY r"),
            "r, x, y",
            "q|4|NULL;r|1|2",
        ),
        (
            format!("SELECT * FROM {t} PIVOT (max(v) FOR (r, p) IN (('r', 'x') AS a, ('r', 'y') AS b))"),
            "a, b",
            "1|2",
        ),
        (
            "SELECT * FROM (SELECT 1 AS a, 2 AS b, NULL AS c) UNPIVOT (v FOR k IN (b, c AS cc))".to_owned(),
            "a, k, v",
            "1|b|2",
        ),
        (
            "SELECT * FROM (SELECT 1 AS a, 2 AS b, 2.5 AS c) UNPIVOT INCLUDE NULLS (v FOR k IN (b, c))".to_owned(),
            "a, k, v",
            "1|b|2.0;1|c|2.5",
        ),
    ] {
        assert_eq!(query(&text).output_names.join(", "), names, "{text}");
        assert_eq!(rows(&text), expected, "{text}");
    }
}
