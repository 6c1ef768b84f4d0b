//! Streaming clauses and what they allow.

use millstream_plan::spec::{OutputMode, Trigger};

use super::{error, query};

const WINDOWED: &str = "SELECT window.start, country, count(*) AS n FROM STREAM sales WATERMARK t DELAY OF INTERVAL 10 MINUTES \
                        GROUP BY window(t, '10 minutes', '5 minutes'), country";

#[test]
fn settings_stand_behind_the_query_in_any_order() {
    let query = query(
        "SELECT country, count(*) AS n FROM STREAM sales GROUP BY country ORDER BY n DESC \
                       CHECKPOINT '/cp' QUERY NAME 'q' OUTPUT MODE COMPLETE TRIGGER PROCESSING TIME '1 minute'",
    );
    let stream = query.stream.unwrap();
    assert_eq!(stream.output_mode, OutputMode::Complete);
    assert_eq!(stream.trigger, Trigger::ProcessingTime { interval_ms: 60_000 });
    assert_eq!(
        (stream.checkpoint.as_deref(), stream.name.as_deref()),
        (Some("/cp"), Some("q"))
    );
    let once = super::query("SELECT id FROM STREAM(sales) AS s WHERE s.id > 1 TRIGGER AVAILABLE NOW")
        .stream
        .unwrap();
    assert_eq!(
        (once.output_mode, once.trigger),
        (OutputMode::Append, Trigger::AvailableNow)
    );
}

#[test]
fn watermarks_follow_the_relation() {
    for text in [
        WINDOWED.to_owned(),
        "SELECT t, count(*) FROM STREAM sales AS s WATERMARK t DELAY OF INTERVAL '1 hour' GROUP BY t".to_owned(),
        "SELECT t, count(*) FROM STREAM sales s WATERMARK t DELAY OF INTERVAL 1 HOUR GROUP BY s.t".to_owned(),
        "SELECT DISTINCT t, country FROM STREAM sales WATERMARK t DELAY OF INTERVAL 1 HOUR".to_owned(),
        "CREATE TEMP VIEW v AS SELECT d.* FROM (SELECT struct(t, id) AS d FROM STREAM sales); \
         SELECT window.end, count(*) FROM v WATERMARK t DELAY OF INTERVAL 10 MINUTES GROUP BY window(t, '10 minutes')".to_owned(),
        "SELECT window.start AS s, region, sum(amount) AS total FROM STREAM sales e WATERMARK t DELAY OF INTERVAL 10 MINUTES \
         JOIN regions r ON e.country = r.country GROUP BY window(t, '10 minutes'), region".to_owned(),
    ] {
        let query = query(&text);
        assert!(!query.watermarks.is_empty(), "{text}");
        assert!(query.stream.is_some());
        assert!(query.logical_text().contains("Watermark"), "{}", query.logical_text());
    }
}

#[test]
fn a_union_of_streams_keeps_their_event_time() {
    let query = query(
        "SELECT window.start AS s, src, count(*) AS n FROM (\
           SELECT t, 'A' AS src FROM STREAM sales WATERMARK t DELAY OF INTERVAL 10 MINUTES \
           UNION ALL SELECT timestamp, 'B' FROM STREAM events WATERMARK timestamp DELAY OF INTERVAL 5 MINUTES) \
         GROUP BY window(t, '10 minutes'), src OUTPUT MODE append",
    );
    assert_eq!(query.watermarks.len(), 2);
    assert_eq!(query.stream.unwrap().output_mode, OutputMode::Append);
}

#[test]
fn the_time_parser_policy_reaches_json() {
    let declared = "SET spark.sql.legacy.timeParserPolicy = CORRECTED; \
                    CREATE TABLE j (d DATE) USING kafka OPTIONS ('kafka.bootstrap.servers' 'b:1', subscribe 's', 'value.format' 'json'); \
                    CREATE TABLE k (d DATE) USING kafka OPTIONS ('kafka.bootstrap.servers' 'b:1', subscribe 's', 'value.format' 'json', timeParserPolicy 'exception'); ";
    for (text, expected) in [
        ("SELECT d FROM j", "CORRECTED"),
        ("SELECT d FROM k", "exception"),
        (
            "SELECT from_json(CAST(value AS STRING), 'd DATE') FROM events",
            "CORRECTED",
        ),
    ] {
        let query = query(&format!("{declared}{text}"));
        let shown = format!("{:?} {}", query.sources, query.logical_text());
        assert!(shown.to_lowercase().contains("timeparserpolicy"), "{shown}");
        assert!(shown.contains(expected), "{shown}");
    }
}

#[test]
fn legal_streams() {
    for text in [
        "SELECT id FROM STREAM sales",
        "SELECT country, amount FROM STREAM sales WHERE country IN (SELECT country FROM regions)",
        "SELECT e.id, r.region FROM STREAM sales e LEFT JOIN regions r ON e.country = r.country",
        "SELECT e.id, r.region FROM regions r RIGHT JOIN STREAM sales e ON e.country = r.country",
        "SELECT country, count(*) FROM STREAM sales GROUP BY country OUTPUT MODE update",
        "SELECT count(*) FROM STREAM sales OUTPUT MODE complete",
        "SELECT country, count(*) AS n FROM STREAM sales GROUP BY country ORDER BY n DESC LIMIT 3 OUTPUT MODE complete",
        "SELECT w, count(*) FROM (SELECT explode(l) AS w FROM STREAM sales) GROUP BY w OUTPUT MODE update",
        "SELECT country, count(*) FROM STREAM sales GROUP BY ROLLUP(country) OUTPUT MODE update",
        "SELECT country, count(*) FROM STREAM sales WHERE amount > (SELECT count(*) FROM regions) GROUP BY country OUTPUT MODE update",
        "SELECT id FROM STREAM sales LIMIT 3",
        "SELECT count(*) FROM (SELECT id FROM STREAM sales LIMIT 3) OUTPUT MODE complete",
        "SELECT t, count(*) FROM (SELECT t FROM STREAM sales WATERMARK t DELAY OF INTERVAL 1 HOUR LIMIT 3) GROUP BY t",
        "SELECT a.n, r.region FROM (SELECT country, count(*) AS n FROM STREAM sales GROUP BY country) a LEFT JOIN regions r ON a.country = r.country OUTPUT MODE update",
        "SELECT w, count(*) FROM (SELECT window(t, '1 hour') AS w FROM STREAM sales WATERMARK t DELAY OF INTERVAL 1 HOUR) GROUP BY w",
        "CREATE TABLE r USING rate; SELECT value FROM STREAM r",
    ] {
        assert!(query(text).stream.is_some(), "{text}");
    }
}

#[test]
fn illegal_streams_are_refused_with_a_reason() {
    for (text, expected) in [
        (
            "SELECT id FROM STREAM sales OUTPUT MODE complete",
            "job.sql:1:29: error: OUTPUT MODE complete needs an aggregation",
        ),
        (
            "SELECT country, count(*) FROM STREAM sales GROUP BY country OUTPUT MODE append",
            "job.sql:1:61: error: OUTPUT MODE append needs to know when a group is over",
        ),
        (
            "SELECT country, count(*) FROM STREAM sales WATERMARK t DELAY OF INTERVAL 1 HOUR GROUP BY country",
            "job.sql:1:1: error: OUTPUT MODE append needs",
        ),
        (
            "SELECT id FROM STREAM sales ORDER BY id",
            "job.sql:1:29: error: a stream cannot be sorted",
        ),
        (
            "SELECT country, count(*) AS n FROM STREAM sales GROUP BY country ORDER BY n OUTPUT MODE update",
            "job.sql:1:66: error: a stream cannot be sorted",
        ),
        (
            "SELECT id FROM STREAM sales LIMIT 3 OUTPUT MODE update",
            "job.sql:1:29: error: LIMIT over a stream is not possible in OUTPUT MODE update",
        ),
        (
            "SELECT id FROM STREAM sales LIMIT 3 OFFSET 1",
            "job.sql:1:37: error: OFFSET over a stream is not possible",
        ),
        (
            "SELECT id, monotonically_increasing_id() AS n FROM STREAM sales",
            "job.sql:1:12: error: monotonically_increasing_id() is not possible in a streaming query",
        ),
        (
            "SELECT DISTINCT ON (country) id FROM STREAM sales",
            "job.sql:1:1: error: dropping duplicates by some columns only",
        ),
        (
            "SELECT session_window.start, count(*) FROM STREAM sales GROUP BY session_window(t, '5 minutes'), country",
            "job.sql:1:66: error: session windows are not supported yet",
        ),
        (
            "SELECT row_number() OVER (ORDER BY id) FROM STREAM sales",
            "job.sql:1:21: error: window functions (OVER) are not possible over a stream",
        ),
        (
            "SELECT count(DISTINCT id) FROM STREAM sales OUTPUT MODE complete",
            "job.sql:1:14: error: count(DISTINCT ...) is not possible over a stream",
        ),
        (
            "SELECT a.id FROM STREAM sales a JOIN STREAM sales b ON a.id = b.id",
            "job.sql:1:33: error: joining two streams is not supported yet",
        ),
        (
            "SELECT a.id FROM STREAM sales a FULL JOIN regions r ON a.country = r.country",
            "job.sql:1:38: error: a FULL join is not possible",
        ),
        (
            "SELECT a.id FROM STREAM sales a RIGHT JOIN regions r ON a.country = r.country",
            "job.sql:1:39: error: a RIGHT join with a stream on the left is not possible",
        ),
        (
            "SELECT n, count(*) FROM (SELECT country, count(*) AS n FROM STREAM sales GROUP BY country) GROUP BY n OUTPUT MODE update",
            "job.sql:1:74: error: an aggregation over the result of another aggregation",
        ),
        (
            "SELECT id FROM STREAM sales UNION ALL SELECT id FROM VALUES (1) v(id)",
            "job.sql:1:29: error: a stream and a batch cannot be united",
        ),
        (
            "SELECT session_window(t, '5 minutes'), count(*) FROM STREAM sales GROUP BY session_window(t, '5 minutes')",
            "job.sql:1:76: error: session windows are not supported yet",
        ),
        (
            "SELECT a.id FROM STREAM sales a JOIN events e ON a.country = e.topic",
            "job.sql:1:38: error: a streaming query cannot read a topic as a batch",
        ),
        (
            "SELECT id FROM sales OUTPUT MODE append",
            "job.sql:1:22: error: OUTPUT MODE is for streaming queries",
        ),
        (
            "SELECT region FROM STREAM regions",
            "job.sql:1:27: error: 'regions' is a table of files",
        ),
        (
            "INSERT INTO sales SELECT country AS value FROM STREAM sales",
            "job.sql:1:19: error: a stream into Kafka or files needs a CHECKPOINT",
        ),
        (
            "INSERT INTO files SELECT country, count(*) AS n FROM STREAM sales GROUP BY country OUTPUT MODE complete CHECKPOINT '/c'",
            "job.sql:1:84: error: files can only be appended to",
        ),
        (
            "SELECT id FROM STREAM sales WATERMARK id DELAY OF INTERVAL 1 HOUR",
            "job.sql:1:39: error: a watermark needs a TIMESTAMP, 'id' is INT",
        ),
        (
            "SELECT id FROM STREAM sales WATERMARK tt DELAY OF INTERVAL 1 HOUR",
            "job.sql:1:39: error: no column 'tt'",
        ),
        (
            "SELECT id FROM STREAM sales WATERMARK t DELAY OF INTERVAL -1 HOUR",
            "job.sql:1:50: error: the watermark's delay is negative",
        ),
        (
            "SELECT id FROM STREAM sales TRIGGER PROCESSING TIME '1 month'",
            "job.sql:1:53: error: the trigger's interval is not a positive length of time",
        ),
        (
            "SELECT id FROM STREAM sales TRIGGER ONCE TRIGGER ONCE",
            "job.sql:1:42: error: TRIGGER is given twice",
        ),
        (
            "CREATE TEMP VIEW v AS SELECT id FROM STREAM sales; SELECT id FROM STREAM v",
            "job.sql:1:74: error: 'v' is a query, STREAM goes before a table",
        ),
        (
            "CREATE TABLE r USING rate; SELECT value FROM r",
            "job.sql:1:46: error: 'r' is a rate source, which never ends",
        ),
        (
            "SELECT count(*) FROM STREAM sales GROUP BY window(t, '5 minutes', '10 minutes') OUTPUT MODE update",
            "job.sql:1:67: error: the window's slide is longer than the window",
        ),
        (
            "SELECT count(*) FROM sales GROUP BY window(t, '1 month')",
            "job.sql:1:47: error: the window's length counts months",
        ),
        (
            "SELECT count(*) FROM sales GROUP BY window(t, 'soon')",
            "job.sql:1:47: error: 'soon' is not a length of time",
        ),
        (
            "SELECT count(*) FROM sales GROUP BY window(id, '1 hour')",
            "job.sql:1:44: error: window needs a TIMESTAMP, id is INT",
        ),
        (
            "SELECT count(*) FROM sales GROUP BY window(t)",
            "job.sql:1:37: error: window takes 2 to 4 arguments, here 1",
        ),
    ] {
        let message = error(text);
        assert!(
            message.starts_with(expected),
            "{text}\n  expected {expected}\n  got {message}"
        );
    }
}
