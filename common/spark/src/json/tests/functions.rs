//! The JSON functions as a query calls them.

use datafusion::prelude::SessionContext;

use super::show;
use crate::{SessionSettings, session_state};

/// Evaluates an expression over one row that is no constant.
fn evaluate(expression: &str, time_zone: crate::zone::Tz) -> String {
    let settings = SessionSettings {
        time_zone,
        ..SessionSettings::default()
    };
    let context = SessionContext::new_with_state(session_state(&settings).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let text = format!("SELECT {expression} AS x FROM (VALUES ('{{\"a\":1,\"b\":[1.5]}}')) AS t(doc)");
    let batches = runtime.block_on(async { context.sql(&text).await?.collect().await });
    match batches {
        Ok(batches) => show(batches[0].column(0), 0),
        Err(error) => format!("error: {error}"),
    }
}

fn check(cases: &[(&str, &str)]) {
    let wrong: Vec<_> = cases
        .iter()
        .map(|(expression, expected)| (expression, expected, evaluate(expression, crate::zone::Tz::UTC)))
        .filter(|(_, expected, found)| found != *expected)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn reading() {
    check(&[
        ("from_json(doc, 'a INT, b ARRAY<DOUBLE>')", "(1, [1.5])"),
        ("from_json(doc, 'MAP<STRING,STRING>')", r#"{"a": "1", "b": "[1.5]"}"#),
        ("from_json('{\"a\":', 'a INT')", "(-)"),
        ("from_json(NULL, 'a INT')", "-"),
        (
            "from_json('{a:1}', 'a INT', map('allowUnquotedFieldNames', 'true'))",
            "(1)",
        ),
        ("get_json_object(doc, '$.b[0]')", "\"1.5\""),
        ("get_json_object(doc, concat('$.', 'a'))", "\"1\""),
        ("json_tuple(doc, 'b', 'a', 'none')", r#"("[1.5]", "1", -)"#),
        ("json_array_length('[1,2]')", "2"),
        ("json_object_keys(doc)", r#"["a", "b"]"#),
        ("schema_of_json('{\"a\":[1.5]}')", "\"STRUCT<a: ARRAY<DOUBLE>>\""),
        (
            "schema_of_json('{\"a\":1}', map('primitivesAsString', 'true'))",
            "\"STRUCT<a: STRING>\"",
        ),
    ]);
    let failed = evaluate(
        "from_json('{\"a\":', 'a INT', map('mode', 'FAILFAST'))",
        crate::zone::Tz::UTC,
    );
    assert!(failed.contains("malformed JSON record in FAILFAST mode"), "{failed}");
    let failed = evaluate("from_json(doc, 'a SRTING')", crate::zone::Tz::UTC);
    assert!(failed.contains("position 3: `SRTING` is not a type"), "{failed}");
    let kolkata = evaluate(
        "from_json('{\"t\":\"2021-01-01\"}', 't TIMESTAMP')",
        crate::zone::Tz::Region(chrono_tz::Tz::Asia__Kolkata),
    );
    assert_eq!(kolkata, "(2020-12-31T18:30:00Z)");
}

#[test]
fn writing() {
    check(&[
        (
            "to_json(from_json(doc, 'a INT, b ARRAY<DOUBLE>, c STRING'))",
            r#""{\"a\":1,\"b\":[1.5]}""#,
        ),
        (
            "to_json(from_json(doc, 'c STRUCT<d: INT>, a INT'), map('ignoreNullFields', 'false'))",
            r#""{\"c\":null,\"a\":1}""#,
        ),
        (
            "to_json(from_json('{\"c\":{}}', 'c STRUCT<d: INT>'))",
            r#""{\"c\":{}}""#,
        ),
        ("to_json(from_json('[1,null]', 'ARRAY<INT>'))", "\"[1,null]\""),
        (
            "to_json(from_json('{\"k\":null}', 'MAP<STRING,INT>'))",
            r#""{\"k\":null}""#,
        ),
        (
            "to_json(from_json('{\"d\":\"1.5\",\"e\":1e-9,\"f\":NaN,\"g\":1e20,\"h\":5.99}', \
             'd DECIMAL(12,2), e DECIMAL(20,10), f DOUBLE, g DOUBLE, h FLOAT'))",
            r#""{\"d\":1.50,\"e\":1.0E-9,\"f\":\"NaN\",\"g\":1.0E20,\"h\":5.99}""#,
        ),
        (
            "to_json(from_json('{\"b\":\"AQID\",\"s\":\"q\\\"\\\\/\\n\\u0001é\",\"t\":true}', 'b BINARY, s STRING, t BOOLEAN'))",
            r#""{\"b\":\"AQID\",\"s\":\"q\\\"\\\\/\\n\\u0001é\",\"t\":true}""#,
        ),
        (
            "to_json(from_json(doc, 'a INT, b ARRAY<INT>, m STRUCT<x: INT>'), map('pretty', 'true', 'ignoreNullFields', 'false'))",
            r#""{\n  \"a\" : 1,\n  \"b\" : null,\n  \"m\" : null\n}""#,
        ),
    ]);
    let times = "from_json('{\"t\":\"2021-05-08T12:34:56.789123Z\",\"d\":\"1582-10-04\",\"n\":\"2021-01-01 01:02:03.5\"}', \
                 't TIMESTAMP, d DATE, n TIMESTAMP_NTZ')";
    let kolkata = |options: &str| {
        evaluate(
            &format!("to_json({times}{options})"),
            crate::zone::Tz::Region(chrono_tz::Tz::Asia__Kolkata),
        )
    };
    assert_eq!(
        kolkata(""),
        r#""{\"t\":\"2021-05-08T18:04:56.789+05:30\",\"d\":\"1582-10-04\",\"n\":\"2021-01-01T01:02:03.500\"}""#
    );
    assert_eq!(
        kolkata(
            ", map('timestampFormat', 'yyyy/MM/dd HH:mm:ss.SSSSSS', 'dateFormat', 'dd.MM.yy', 'timestampNTZFormat', 'HH')"
        ),
        r#""{\"t\":\"2021/05/08 18:04:56.789123\",\"d\":\"04.10.82\",\"n\":\"01\"}""#
    );
}

#[test]
fn separated_values() {
    check(&[
        ("from_csv('1,x', 'a INT, b STRING')", "(1, \"x\")"),
        ("from_csv('1|x', 'a INT, b STRING', map('sep', '|'))", "(1, \"x\")"),
        (
            "to_csv(from_csv('1,x,2.5', 'a INT, b STRING, c DOUBLE'))",
            "\"1,x,2.5\"",
        ),
        (
            "to_csv(named_struct('a', CAST(NULL AS INT), 'b', '', 'c', 'a'))",
            r#"",\"\",a""#,
        ),
        (
            "to_csv(named_struct('a', 'a,b', 'b', 'q\"q', 'c', 'sp ace', 'd', ' lead'))",
            r#""\"a,b\",\"q\\\"q\",sp ace,lead""#,
        ),
        (
            "to_csv(named_struct('a', 'a', 'b', CAST(NULL AS INT)), map('sep', '|', 'nullValue', 'N'))",
            "\"a|N\"",
        ),
        ("to_csv(named_struct('a', 'a'), map('quoteAll', 'true'))", r#""\"a\"""#),
        (
            "to_csv(from_csv('2021-01-01T01:02:03.456789Z', 't TIMESTAMP'))",
            "\"2021-01-01T01:02:03.456Z\"",
        ),
        (
            "schema_of_csv('1.5,true,2021-01-01,2021-01-01 10:00:00')",
            "\"STRUCT<_c0: DOUBLE, _c1: BOOLEAN, _c2: DATE, _c3: TIMESTAMP>\"",
        ),
        (
            "schema_of_csv('12345678901,,x,99999999999999999999')",
            "\"STRUCT<_c0: BIGINT, _c1: STRING, _c2: STRING, _c3: DECIMAL(20,0)>\"",
        ),
    ]);
}
