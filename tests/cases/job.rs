//! A case as a job: the statements a user would write.

use anyhow::{Context as _, Result, bail};
use millstream_driver::error::DriverError;
use millstream_driver::query::Compiled;
use millstream_driver::run::{JobStatement, JobText, compile_job};
use millstream_plan::spec::SinkSpec;
use millstream_tests::case::Case;

/// Compiles a case's query over a topic; its rows go to `sink`. The inner error is the engine's refusal.
///
/// # Errors
/// A case that is not one query.
pub async fn compile(case: &Case, servers: &str, topic: &str, sink: SinkSpec) -> Result<Result<Compiled, DriverError>> {
    let text = JobText {
        name: format!("{}/query.sql", case.name),
        text: text(case, servers, topic)?,
    };
    let mut statements = match compile_job(&[text], &case.conf(), false).await {
        Ok(statements) => statements,
        Err(error) => return Ok(Err(error)),
    };
    match (statements.pop(), statements.is_empty()) {
        (Some(JobStatement::Query(mut query)), true) => {
            query.sink = sink;
            Ok(Ok(*query))
        }
        _ => bail!("the case is not one query"),
    }
}

fn text(case: &Case, servers: &str, topic: &str) -> Result<String> {
    let headers = if case.spec["include_headers"] == true {
        ", includeHeaders 'true'"
    } else {
        ""
    };
    let mut text = format!(
        "CREATE TABLE events USING kafka OPTIONS ('kafka.bootstrap.servers' '{servers}', subscribe '{topic}', \
         startingOffsets 'earliest'{headers});\n"
    );
    for table in case.spec["static_tables"].as_array().into_iter().flatten() {
        let field = |name: &str| {
            table[name]
                .as_str()
                .with_context(|| format!("static table without {name}"))
        };
        let path = case.folder.join(field("file")?);
        text.push_str(&format!(
            "CREATE TABLE {} ({}) USING csv OPTIONS (path '{}', header true);\n",
            field("name")?,
            field("schema")?,
            path.display()
        ));
    }
    let query = case.query.trim().trim_end_matches(';');
    if !case.is_stream() {
        text.push_str(query);
        return Ok(text);
    }
    for view in case.views() {
        let rows = view
            .sql
            .map_or_else(|| "SELECT * FROM STREAM events".to_owned(), streamed);
        let name = view.name;
        let rows = match view.watermark {
            None => rows,
            Some((column, delay)) => {
                text.push_str(&format!("CREATE TEMPORARY VIEW {name}_rows AS {rows};\n"));
                format!("SELECT * FROM {name}_rows WATERMARK {column} DELAY OF INTERVAL '{delay}'")
            }
        };
        let rows = match view.dedup {
            None => rows,
            Some(columns) => {
                text.push_str(&format!("CREATE TEMPORARY VIEW {name}_all AS {rows};\n"));
                let columns = if columns.is_empty() {
                    "*".to_owned()
                } else {
                    columns.join(", ")
                };
                format!("SELECT DISTINCT ON ({columns}) * FROM {name}_all")
            }
        };
        text.push_str(&format!("CREATE TEMPORARY VIEW {name} AS {rows};\n"));
    }
    let mode = case.spec["output_mode"].as_str().unwrap_or("append");
    text.push_str(&format!("{}\nOUTPUT MODE {mode}", streamed(query)));
    Ok(text)
}

/// The same text with `STREAM` before each use of the table `events`.
fn streamed(text: &str) -> String {
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("events") {
        let (before, found) = rest.split_at(at);
        let (name, after) = found.split_at("events".len());
        out.push_str(before);
        let read = out.trim_end().to_ascii_uppercase();
        let table = read.ends_with("FROM") || read.ends_with("JOIN");
        if table && out.ends_with(char::is_whitespace) && !after.starts_with(word) {
            out.push_str("STREAM ");
        }
        out.push_str(name);
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_table_is_a_stream() {
        let text = "SELECT events.x, 'events' FROM events JOIN events_wm ON a IN (SELECT b FROM  events)";
        let expected =
            "SELECT events.x, 'events' FROM STREAM events JOIN events_wm ON a IN (SELECT b FROM  STREAM events)";
        assert_eq!(streamed(text), expected);
    }
}
