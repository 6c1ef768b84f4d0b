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
