//! Every expression under `goldens/`, planned as a user's query and run, against the value and the type Spark gives.
//!
//! A file is a list of `expression TAB value as show() draws it TAB type`; `ERROR TAB analysis` (or `runtime`) stands where Spark
//! refuses. A line `SET name=value` holds for the lines below it, a line that begins with `-- ` is a comment. A line that is only
//! an expression has no answer yet and is left out. `different.tsv` names the expressions known to differ, each with its reason.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use datafusion::prelude::SessionContext;
use millstream_spark::render::{ShowOptions, show};
use millstream_spark::type_name::spark_type;
use tokio::runtime::Runtime;

use super::env;
use crate::{Query, Statement, compile};

/// Set by `cargo xtask functions`: what is written from the tests is written anew instead of compared.
pub(super) const UPDATE: &str = "MILLSTREAM_UPDATE_PAGES";
/// Expressions of one query; when it fails each runs alone.
const TOGETHER: usize = 16;

pub(super) struct Golden {
    /// What the list of differences calls it: the settings in force, then the expression.
    pub(super) name: String,
    settings: String,
    pub(super) expression: String,
    expected: String,
    place: String,
}

impl Golden {
    /// Whether Spark refuses it.
    pub(super) fn is_error(&self) -> bool {
        self.expected.starts_with("ERROR\t")
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens")
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|end| end == "tsv") && path != self::folder().join("different.tsv") {
            into.push(path);
        }
    }
    into.sort();
}

fn read(path: &Path) -> Vec<Golden> {
    let mut settings = String::new();
    let mut goldens = Vec::new();
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    for (index, line) in text.split_terminator('\n').enumerate() {
        let place = format!("{}:{}", path.strip_prefix(folder()).unwrap().display(), index + 1);
        if line.starts_with("SET ") {
            settings.push_str(line);
            settings.push_str("; ");
            continue;
        }
        let fields: Vec<&str> = line.split('\t').collect();
        match fields.as_slice() {
            [only] if only.is_empty() || only.starts_with("-- ") => {}
            [_] => {}
            [expression, value, kind] => goldens.push(Golden {
                name: format!("{settings}{expression}"),
                settings: settings.clone(),
                expression: (*expression).to_owned(),
                expected: format!("{}\t{kind}", value.trim_end_matches(' ')),
                place,
            }),
            _ => panic!("{place}: expected expression, value and type between tabs"),
        }
    }
    goldens
}

/// What a query gives: a value and a type a column, or the phase it failed in and why.
async fn answers(text: &str) -> Result<Vec<String>, (&'static str, String)> {
    let statements = compile(text, "golden.sql", &env())
        .await
        .map_err(|e| ("analysis", e.to_string()))?;
    let Some(Statement::Query(query)) = statements.into_iter().next_back() else {
        return Err(("analysis", "no query".to_owned()));
    };
    rows(*query).await.map_err(|message| ("runtime", message))
}

async fn rows(query: Query) -> Result<Vec<String>, String> {
    let context = SessionContext::new_with_state(query.state.clone());
    let frame = context
        .execute_logical_plan(query.plan.clone())
        .await
        .map_err(|e| e.to_string())?;
    let schema = frame.schema().clone();
    let batches = frame.collect().await.map_err(|e| e.to_string())?;
    let fields = schema.fields().iter().enumerate();
    let answers = fields.map(|(index, field)| {
        let column: Vec<_> = batches.iter().map(|batch| batch.project(&[index]).unwrap()).collect();
        let options = ShowOptions {
            truncate: 0,
            ..ShowOptions::default()
        };
        let table = show(&column, &["x".to_owned()], &options, &query.time_zone).unwrap();
        let lines: Vec<&str> = table.split('\n').collect();
        let cells: Vec<&str> = lines
            .get(3..lines.len().saturating_sub(2))
            .unwrap_or_default()
            .iter()
            .map(|line| line.trim_matches('|').trim_end_matches(' '))
            .collect();
        format!("{}\t{}", cells.join("\\n"), spark_type(field.data_type()))
    });
    Ok(answers.collect())
}

/// The answers of several expressions with the same settings. A panic is an answer too, so that it does not hide the others.
fn answered(runtime: &Runtime, goldens: &[&Golden]) -> Vec<String> {
    let asked = |text: &str| {
        catch_unwind(AssertUnwindSafe(|| runtime.block_on(answers(text))))
            .unwrap_or_else(|_| Err(("panic", "see above".to_owned())))
    };
    let select = |goldens: &[&Golden]| {
        let items: Vec<String> = goldens
            .iter()
            .enumerate()
            .map(|(index, golden)| format!("{} AS x{index}", golden.expression))
            .collect();
        format!("{}SELECT {}", goldens[0].settings, items.join(", "))
    };
    match asked(&select(goldens)) {
        Ok(answers) if answers.len() == goldens.len() => answers,
        Ok(answers) if goldens.len() == 1 => vec![answers.join(" ")],
        Err((phase, message)) if goldens.len() == 1 => vec![format!("ERROR\t{phase}\t{message}")],
        _ => {
            let (first, second) = goldens.split_at(goldens.len() / 2);
            [answered(runtime, first), answered(runtime, second)].concat()
        }
    }
}

/// Whether it is Spark's answer: doubles may differ in their last digit, and what fails there may be refused earlier here.
fn same(got: &str, expected: &str) -> bool {
    if got == expected {
        return true;
    }
    if let Some(phase) = expected.strip_prefix("ERROR\t") {
        return got.starts_with("ERROR\tanalysis") || phase == "runtime" && got.starts_with("ERROR\truntime");
    }
    match (got.strip_suffix("\tdouble"), expected.strip_suffix("\tdouble")) {
        (Some(got), Some(expected)) => match (got.parse::<f64>(), expected.parse::<f64>()) {
            (Ok(got), Ok(expected)) => (got - expected).abs() <= expected.abs() * 1e-14,
            _ => false,
        },
        _ => false,
    }
}

/// All goldens, in the order of their files.
pub(super) fn all() -> Vec<Golden> {
    let mut paths = Vec::new();
    files(&folder(), &mut paths);
    paths.iter().flat_map(|path| read(path)).collect()
}

/// The expressions known to differ, by name, and why.
pub(super) fn different() -> BTreeMap<String, String> {
    let text = fs::read_to_string(folder().join("different.tsv")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| line.split_once('\t').unwrap_or_else(|| panic!("no reason: {line}")))
        .map(|(name, reason)| (name.to_owned(), reason.to_owned()))
        .collect()
}

/// Takes expressions out of the list of those that differ.
fn leave_list(right: &[&Golden]) {
    let path = folder().join("different.tsv");
    let text = fs::read_to_string(&path).unwrap();
    let stays = |line: &&str| {
        let name = line.split('\t').next().unwrap_or_default();
        right.iter().all(|golden| golden.name != name)
    };
    let lines: Vec<&str> = text.lines().filter(stays).collect();
    fs::write(&path, lines.join("\n") + "\n").unwrap();
}

#[test]
fn expressions_are_as_in_spark() {
    let mut different = different();
    let goldens = all();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut wrong, mut right_again) = (Vec::new(), Vec::new());
    // What is known to fail runs alone, so that it does not make all its neighbours run alone.
    let (alone, together): (Vec<&Golden>, Vec<&Golden>) = goldens
        .iter()
        .partition(|golden| golden.is_error() || different.contains_key(&golden.name));
    let groups = together
        .chunk_by(|a, b| a.settings == b.settings)
        .flat_map(|group| group.chunks(TOGETHER));
    for group in groups.chain(alone.chunks(1)) {
        for (golden, got) in group.iter().zip(answered(&runtime, group)) {
            let known = different.remove(&golden.name);
            match (same(&got, &golden.expected), known) {
                (true, None) | (false, Some(_)) => {}
                (true, Some(_)) => right_again.push(*golden),
                (false, None) => wrong.push(format!(
                    "{}: {}\n    got    {got}\n    wanted {}",
                    golden.place, golden.name, golden.expected
                )),
            }
        }
    }
    if std::env::var_os(UPDATE).is_some() {
        leave_list(&right_again);
    } else {
        wrong.extend(right_again.iter().map(|golden| {
            let (place, name) = (&golden.place, &golden.name);
            format!("{place}: {name}\n    is right again: take it out of different.tsv, or cargo xtask functions")
        }));
    }
    wrong.extend(
        different
            .keys()
            .map(|name| format!("different.tsv: {name}\n    is in no file beside it")),
    );
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        goldens.len(),
        wrong.join("\n")
    );
}
