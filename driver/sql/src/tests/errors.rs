//! Mistakes and what is said about them.

use super::{error, query, run};

#[test]
fn a_message_shows_the_line_and_a_caret() {
    assert_eq!(
        error("SELECT country,\n  sum(amout)\nFROM sales"),
        "job.sql:2:7: error: no column 'amout'\n    sum(amout)\n        ^\n  help: did you mean 'Amount'?"
    );
}

#[test]
fn mistakes_are_found_where_they_are() {
    for (text, expected) in [
        ("SELECT nope FROM sales", "job.sql:1:8: error: no column 'nope'"),
        ("SELECT x.id FROM sales s", "job.sql:1:8: error: no column 'x.id'"),
        ("SELECT id FROM salez", "job.sql:1:16: error: no table or view 'salez'"),
        (
            "INSERT INTO screeen SELECT 1",
            "job.sql:1:13: error: no table or view 'screeen'",
        ),
        (
            "SELECT uper(country) FROM sales",
            "job.sql:1:8: error: no function 'uper'",
        ),
        (
            "SELECT no_such_fn(key) FROM events",
            "job.sql:1:8: error: no function 'no_such_fn'",
        ),
        ("SELECT s.r FROM sales", "job.sql:1:10: error: s has no field 'r'"),
        (
            "SELECT id.x FROM sales",
            "job.sql:1:11: error: id is INT, it has no field 'x'",
        ),
        (
            "SELECT id[0] FROM sales",
            "job.sql:1:8: error: id is INT, it has no elements",
        ),
        (
            "SELECT a.id FROM sales a JOIN sales b ON id = b.id",
            "job.sql:1:42: error: 'id' is ambiguous",
        ),
        (
            "SELECT 1 FROM events WHERE count(*) > 1",
            "job.sql:1:28: error: count is an aggregate function: it cannot stand in WHERE",
        ),
        (
            "SELECT sum(count(*)) FROM events",
            "job.sql:1:12: error: count is an aggregate function: it cannot stand in the argument of an aggregate function",
        ),
        (
            "SELECT country, sum(id) FROM sales",
            "job.sql:1:8: error: 'country' is neither in GROUP BY nor inside an aggregate function",
        ),
        (
            "SELECT id + 1, count(*) FROM sales GROUP BY country",
            "job.sql:1:8: error: 'id' in (id + 1) is neither in GROUP BY",
        ),
        (
            "SELECT key FROM events WHERE (offset > 1",
            "job.sql:1:41: error: expected",
        ),
        ("SELEC 1", "job.sql:1:1: error: expected CREATE TABLE"),
        ("SELECT 1 FROM sales WHERE", "job.sql:1:26: error: expected"),
        (
            "SELECT id FROM sales ORDER BY 3",
            "job.sql:1:31: error: there is no item 3: the SELECT list has 1",
        ),
        ("SELECT id FROM sales WHERE country + 1 AND id", "job.sql:1:"),
        (
            "SELECT id FROM sales WHERE id",
            "job.sql:1:28: error: WHERE takes a condition, id is INT",
        ),
        (
            "SELECT row_number() FROM sales",
            "job.sql:1:8: error: row_number is a window function: it needs OVER (...)",
        ),
        (
            "SELECT explode(id) FROM sales",
            "job.sql:1:16: error: explode takes an array or a map, id is INT",
        ),
        (
            "SELECT 1 + explode(l) FROM sales",
            "job.sql:1:12: error: explode makes rows",
        ),
        ("SELECT CAST(id AS INTT) FROM sales", "job.sql:1:"),
        (
            "SELECT DATE '2021-13-45'",
            "job.sql:1:13: error: '2021-13-45' is not a DATE",
        ),
        (
            "SELECT 300Y",
            "job.sql:1:8: error: the number 300Y does not fit its type",
        ),
        ("SELECT 'abc", "job.sql:1:8: error: unterminated string literal"),
        (
            "SELECT id FROM sales UNION ALL SELECT id, id FROM sales",
            "job.sql:1:32: error: both sides need the same number of columns, here 1 and 2",
        ),
        (
            "SELECT a, b FROM VALUES (1), (2) t(a), LATERAL (SELECT id AS b FROM sales WHERE id > a LIMIT 1)",
            "job.sql:1:49: error: a subquery cannot use columns of the query around it below LIMIT",
        ),
        (
            "SELECT * EXCEPT (id) FROM sales",
            "job.sql:1:8: error: EXCEPT behind '*' is not Spark SQL",
        ),
        (
            "SELECT map_filter(m, k -> true) FROM sales",
            "job.sql:1:8: error: map_filter: the lambda function has 1 parameters, it is given 2",
        ),
        ("SELECT zip_with(l, id, (x, y) -> x) FROM sales", "job.sql:1:8: error: "),
        (
            "SELECT * FROM (SELECT id, country FROM sales) PIVOT (upper(country) FOR id IN (1))",
            "job.sql:1:60: error: PIVOT needs aggregate functions, upper(country) is none",
        ),
        (
            "SET spark.sql.legacy.timeParserPolicy = LEGACY",
            "job.sql:1:5: error: 'spark.sql.legacy.timeParserPolicy' is 'LEGACY', expected EXCEPTION or CORRECTED",
        ),
        (
            "SET spark.sql.session.timeZone = Mars/Base",
            "job.sql:1:5: error: 'spark.sql.session.timeZone' is 'Mars/Base', expected a time zone",
        ),
        ("SET foo = 1", "job.sql:1:5: error: no setting 'foo'"),
        (
            "CREATE TABLE sales USING console",
            "job.sql:1:14: error: 'sales' exists already",
        ),
        (
            "SELECT id FROM screen",
            "job.sql:1:16: error: 'screen' can only be written, there is nothing to read",
        ),
        (
            "INSERT INTO sales SELECT id FROM sales",
            "job.sql:1:13: error: writing to Kafka needs a column 'value', the query has: id",
        ),
        (
            "INSERT INTO sales SELECT id AS value FROM sales",
            "job.sql:1:13: error: column 'value' of a Kafka sink is STRING or BINARY, here it is INT",
        ),
        (
            "INSERT INTO events SELECT country AS value FROM sales",
            "job.sql:1:13: error: nothing says which topic 'events' writes to",
        ),
        (
            "INSERT OVERWRITE sales SELECT country AS value FROM sales",
            "job.sql:1:18: error: a topic cannot be overwritten",
        ),
        (
            "CREATE TABLE c USING csv OPTIONS (path '/x'); INSERT INTO c SELECT l FROM sales",
            "job.sql:1:59: error: column 'l' is ARRAY<INT>, which CSV cannot hold",
        ),
        (
            "INSERT INTO files SELECT id, id FROM sales",
            "job.sql:1:13: error: column 'id' appears twice",
        ),
        (
            "CREATE TABLE m USING csv OPTIONS (path '/missing.csv'); SELECT * FROM m",
            "job.sql:1:14: error: the columns of 'm' cannot be read from /missing.csv: no such file",
        ),
        (
            "CREATE TABLE b (a INT, a STRING) USING csv OPTIONS (path '/x')",
            "job.sql:1:17: error: column 'a' is declared twice",
        ),
        (
            "CREATE TABLE b (a INTEGR) USING csv OPTIONS (path '/x')",
            "job.sql:1:19: error: `INTEGR` is not a type",
        ),
        (
            "CREATE TEMP VIEW v AS SELECT nope FROM sales",
            "job.sql:1:30: error: no column 'nope'",
        ),
    ] {
        let message = error(text);
        assert!(
            message.starts_with(expected),
            "{text}\n  expected {expected}\n  got {message}"
        );
        assert!(!message.to_lowercase().contains("bug"), "{message}");
        assert!(!message.contains('\u{1}'), "{message}");
    }
}

#[test]
fn options_are_checked() {
    let kafka = |options: &str| {
        format!("CREATE TABLE k USING kafka OPTIONS ('kafka.bootstrap.servers' 'b:1', {options}); SELECT * FROM k")
    };
    for (text, expected) in [
        ("CREATE TABLE k USING kafak".to_owned(), "there is no kind of table called 'kafak'"),
        ("CREATE TABLE k USING kafka OPTIONS (subscribe 'x')".to_owned(), "option 'kafka.bootstrap.servers' is required"),
        (kafka("subscirbe 'x'"), "unknown option 'subscirbe', did you mean 'subscribe'?"),
        (kafka("startingOffsets 'earliest'"), "option 'subscribe' is required"),
        (kafka("subscribe 'a', assign '{\"a\":[0]}'"), "only one of subscribe, subscribePattern and assign"),
        (kafka("assign 'a'"), "option 'assign' is 'a', expected partitions by topic"),
        (kafka("subscribe 'a', startingOffsets 'latest'"), "option 'startingOffsets' is 'latest', expected earliest or JSON"),
        (kafka("subscribe 'a', startingOffsets 'early'"), "option 'startingOffsets' is 'early'"),
        (kafka("subscribe 'a', endingOffsets 'earliest'"), "option 'endingOffsets' is 'earliest'"),
        (kafka("subscribe 'a', maxOffsetsPerTrigger 0"), "option 'maxOffsetsPerTrigger' is '0'"),
        (kafka("subscribe 'a', minOffsetsPerTrigger 5, maxOffsetsPerTrigger 2"), "option 'minOffsetsPerTrigger' is '5', expected at most"),
        (kafka("subscribe 'a', failOnDataLoss 'maybe'"), "option 'failOnDataLoss' is 'maybe', expected true or false"),
        (kafka("subscribe 'a', 'kafka.auto.offset.reset' 'earliest'"), "option 'kafka.auto.offset.reset' is not allowed"),
        (kafka("subscribe 'a', 'value.format' 'avro'"), "option 'value.format' is 'avro', expected json or raw"),
        (kafka("subscribe 'a', 'value.format' 'json'"), "'value.format' is json, but no columns are declared"),
        (kafka("subscribe 'a', subscribe 'b'"), "option 'subscribe' is given twice"),
        ("CREATE TABLE k (a INT) USING kafka OPTIONS ('kafka.bootstrap.servers' 'b:1', subscribe 'a')".into(), "columns are declared, but nothing says how to find them"),
        ("CREATE TABLE c USING csv".into(), "option 'path' is required"),
        ("CREATE TABLE c USING csv OPTIONS (path '/x', quote 'ab')".into(), "option 'quote' is 'ab', expected one character"),
        ("CREATE TABLE c USING console OPTIONS (truncate 10); INSERT INTO c SELECT 1".into(), "option 'truncate' is '10', expected true or false"),
        ("CREATE TABLE c USING console OPTIONS (numRows 'x'); INSERT INTO c SELECT 1".into(), "option 'numRows' is 'x', expected a whole number"),
        ("CREATE TABLE c (a INT) USING console".into(), "none can be declared"),
        ("CREATE TABLE r USING rate OPTIONS (rowsPerSecond 0); SELECT * FROM STREAM r".into(), "option 'rowsPerSecond' is '0'"),
        ("CREATE TABLE k USING kafka OPTIONS ('kafka.bootstrap.servers' 'b:1', subscribe 'a', endingOffsets 'latest'); SELECT * FROM STREAM k".into(), "option 'endingOffsets' is not allowed"),
    ] {
        let message = run(&text).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}\n  expected {expected}\n  got {message}");
    }
}

#[test]
fn secrets_stay_out_of_messages() {
    let text = "CREATE TABLE k USING kafka OPTIONS ('kafka.bootstrap.servers' '${brokers}', 'kafka.sasl.password' 'hunter2'); SELECT * FROM k";
    let message = run(text).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("'subscribe' is required"), "{message}");
}

#[test]
fn names_find_columns_whatever_their_case() {
    assert_eq!(query("SELECT SALES.AMOUNT AS a FROM Sales").output_names, ["a"]);
}
