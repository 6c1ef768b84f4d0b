//! `common/spark/FUNCTIONS.md`: what became of each of Spark's functions, from the goldens. `cargo xtask functions` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::goldens::{UPDATE, all, different};
use super::run;

/// Expressions that prove a function when no case does.
const PROOF: usize = 2;
/// Reasons shown of one function.
const REASONS: usize = 3;

/// A function of Spark's: `name TAB group TAB why it makes no sense in SQL text here, if so`.
struct Function {
    name: String,
    group: String,
    senseless: String,
}

/// What the goldens say of a function.
#[derive(PartialEq, Eq)]
enum Answer {
    Same,
    Differs(String),
    Unproven,
    Missing,
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn functions() -> Vec<Function> {
    let text = fs::read_to_string(workspace().join("common/spark/functions.tsv")).unwrap();
    let function = |line: &str| {
        let mut fields = line.split('\t').map(str::to_owned);
        let mut next = || fields.next().unwrap_or_default();
        Function {
            name: next(),
            group: next(),
            senseless: next(),
        }
    };
    text.lines().map(function).collect()
}

/// The text in lower case, with what stands in quotes left out and blanks around signs.
fn bare(text: &str) -> String {
    let (mut out, mut quote) = (String::new(), None);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match quote {
            Some(_) if letter == '\\' => {
                letters.next();
            }
            Some(open) if letter == open => {
                quote = None;
                out.push('?');
            }
            Some(_) => {}
            None if matches!(letter, '\'' | '"' | '`') => quote = Some(letter),
            None => out.extend(letter.to_lowercase()),
        }
    }
    out
}

/// The functions and operators that a text uses, as `names` has them.
fn used(text: &str, names: &BTreeSet<&str>) -> BTreeSet<String> {
    let text = bare(text);
    let mut found = BTreeSet::new();
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let (mut previous, mut types) = ("", 0);
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|letter: char| !letter.is_whitespace()) {
        rest = &rest[start..];
        let is_word = rest.starts_with(word);
        let sign = |letter: char| "=<>!|&^~%*/+-".contains(letter);
        let end = if is_word {
            rest.find(|letter| !word(letter))
        } else if rest.starts_with(sign) {
            rest.find(|letter| !sign(letter))
        } else {
            rest.chars().next().map(char::len_utf8)
        };
        let (token, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        let next = rest.trim_start();
        let call = next.starts_with('(');
        let inside = next.trim_start_matches('(').trim_start();
        // Words of the language that look like calls.
        let clause = matches!((token, previous), ("any" | "some" | "all", "like" | "ilike"))
            || token == "filter" && inside.starts_with("where")
            || token == "exists" && (inside.starts_with("select") || inside.starts_with("with"))
            || matches!(previous, "as" | ":") && token != "?";
        let operator = matches!(
            token,
            "and" | "or" | "not" | "in" | "like" | "ilike" | "rlike" | "regexp" | "between" | "case" | "div"
        );
        let bare_call = matches!(
            token,
            "current_date" | "current_timestamp" | "current_user" | "localtimestamp" | "user"
        );
        // `ARRAY<INT>`, `count(*)` and `-1` hold no operators.
        let brackets = matches!(previous, "array" | "map" | "struct") && token.starts_with('<');
        let closing = types > 0 && token.starts_with('>');
        types += usize::from(brackets);
        types -= if closing { token.len().min(types) } else { 0 };
        let lone = matches!(token, "*" | "-")
            && !previous.ends_with(|letter| word(letter) || matches!(letter, ')' | '?' | ']'));
        let clause = clause || brackets || closing || lone;
        if names.contains(token) && !clause && (!is_word || call || operator || bare_call) {
            found.insert(token.to_owned());
        }
        previous = token;
    }
    found
}

/// Whether the planner knows the name as that of a function called without arguments.
fn is_known(name: &str) -> bool {
    if !name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        return true;
    }
    let unknown = format!("no function '{name}'");
    // What panics without arguments is there.
    let planned = std::panic::catch_unwind(|| run(&format!("SELECT {name}()")).map(|_| ()));
    !matches!(planned, Ok(Err(error)) if error.to_string().contains(&unknown))
}

/// The queries of the corpus that are answered as by Spark.
fn case_queries() -> Vec<String> {
    let folders = fs::read_dir(workspace().join("tests/corpus")).unwrap();
    let mut queries = Vec::new();
    for folder in folders {
        let folder = folder.unwrap().path();
        let Ok(case) = fs::read_to_string(folder.join("case.json")) else {
            continue;
        };
        if !case.contains("\"different\"") && !case.contains("\"expect_error\": true") {
            queries.push(fs::read_to_string(folder.join("query.sql")).unwrap() + &case);
        }
    }
    queries
}

fn answers(functions: &[Function]) -> BTreeMap<String, Answer> {
    let names: BTreeSet<&str> = functions.iter().map(|function| function.name.as_str()).collect();
    let (mut right, mut wrong): (BTreeMap<String, usize>, BTreeMap<String, Vec<String>>) = Default::default();
    let (goldens, different) = (all(), different());
    let uses = goldens.iter().map(|golden| (golden, used(&golden.expression, &names)));
    let (agreeing, differing): (Vec<_>, Vec<_>) = uses.partition(|(golden, _)| !different.contains_key(&golden.name));
    for (_, used) in agreeing.into_iter().filter(|(golden, _)| !golden.is_error()) {
        used.into_iter().for_each(|name| *right.entry(name).or_default() += 1);
    }
    for query in case_queries() {
        for name in used(&query, &names) {
            *right.entry(name).or_default() += PROOF;
        }
    }
    // Some are words of the language: what has been answered once is there.
    let missing = names
        .iter()
        .copied()
        .filter(|name| !right.contains_key(*name) && !is_known(name));
    let missing: BTreeSet<&str> = missing.collect();
    for (golden, used) in differing {
        let reason = different.get(&golden.name).map_or("", String::as_str);
        // One that is not there takes the blame alone, and so does one that the reason begins with (`name: why`).
        let named = |name: &String| {
            reason
                .strip_prefix(name.as_str())
                .is_some_and(|rest| rest.starts_with(": "))
        };
        let blamed = |name: &&String| missing.contains(name.as_str()) || named(name);
        let blamed: Vec<&String> = used.iter().filter(blamed).collect();
        let blamed = if blamed.is_empty() {
            used.iter().collect()
        } else {
            blamed
        };
        for name in blamed {
            let text = format!("`{}`: {reason}", golden.expression);
            wrong.entry(name.clone()).or_default().push(text);
        }
    }
    let answer = |name: &str| match wrong.get(name) {
        _ if missing.contains(name) => Answer::Missing,
        Some(reasons) => {
            let more = reasons.len().saturating_sub(REASONS);
            let mut text = reasons.iter().take(REASONS).cloned().collect::<Vec<_>>().join("; ");
            if more > 0 {
                let _ = write!(text, "; and {more} more");
            }
            Answer::Differs(text)
        }
        None if right.get(name).is_some_and(|count| *count >= PROOF) => Answer::Same,
        None => Answer::Unproven,
    };
    names.iter().map(|name| ((*name).to_owned(), answer(name))).collect()
}

const HEAD: &str = "\
<!-- Written by `cargo xtask functions`: change the goldens, not this page. -->

# Spark's functions

Every function and operator that Spark 3.5.7 lists, in Spark's groups, and whether it gives Spark's answer here. *Same*: every expression
in `driver/sql/goldens` and every case in `tests/corpus` that uses it agrees, and there are at least two expressions or a case.
*Differs*: some expression does not agree; it stands beside it. *Not there*: a query with it is refused when it is planned.

";

fn page() -> String {
    let functions = functions();
    let answers = answers(&functions);
    let mut groups: BTreeMap<&str, Vec<&Function>> = BTreeMap::new();
    for function in &functions {
        groups.entry(&function.group).or_default().push(function);
    }
    let count = |wanted: &dyn Fn(&Function, &Answer) -> bool| {
        let found = functions
            .iter()
            .filter(|function| wanted(function, &answers[&function.name]));
        found.count()
    };
    let same = count(&|_, answer| *answer == Answer::Same);
    let differs = count(&|_, answer| matches!(answer, Answer::Differs(_)));
    let unproven = count(&|_, answer| *answer == Answer::Unproven);
    let missing = count(&|function, answer| *answer == Answer::Missing && function.senseless.is_empty());
    let senseless = count(&|function, answer| *answer == Answer::Missing && !function.senseless.is_empty());
    let sensible = functions.len() - senseless;
    let mut out = HEAD.to_owned();
    let _ = writeln!(
        out,
        "| of {} | |\n| --- | ---: |\n| same | {same} |\n| differs | {differs} |\n| there, not proven | {unproven} |\n\
         | not there | {missing} |\n| make no sense in SQL text here | {senseless} |\n\n\
         Same of those that make sense: {}.{} %.",
        functions.len(),
        same * 1_000 / sensible / 10,
        same * 1_000 / sensible % 10
    );
    for (group, functions) in groups {
        let _ = writeln!(out, "\n## {group}\n\n| | | |\n| --- | --- | --- |");
        for function in functions {
            let (answer, note) = match &answers[&function.name] {
                Answer::Same => ("same", ""),
                Answer::Differs(reasons) => ("differs", reasons.as_str()),
                Answer::Unproven => ("there", "not proven"),
                Answer::Missing => ("not there", function.senseless.as_str()),
            };
            let cell = |text: &str| text.replace('|', "\\|");
            let _ = writeln!(out, "| `{}` | {answer} | {} |", cell(&function.name), cell(note));
        }
    }
    out
}

#[test]
fn function_page_is_fresh() {
    let path = workspace().join("common/spark/FUNCTIONS.md");
    let page = page();
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, page).unwrap();
        return;
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    let stale = there.lines().zip(page.lines()).find(|(there, now)| there != now);
    assert!(
        there == page,
        "common/spark/FUNCTIONS.md is stale: cargo xtask functions\n{stale:?}"
    );
}

#[test]
fn deliberate_differences_are_listed() {
    let page = fs::read_to_string(workspace().join("common/spark/DIFFERENCES.md")).unwrap();
    let listed: BTreeSet<&str> = page
        .split('`')
        .filter(|name| name.len() > 5 && name.as_bytes()[4] == b'-' && name[..4].parse::<u32>().is_ok())
        .collect();
    let mut marked = BTreeSet::new();
    for folder in fs::read_dir(workspace().join("tests/corpus")).unwrap() {
        let folder = folder.unwrap();
        let case = fs::read_to_string(folder.path().join("case.json")).unwrap_or_default();
        if case.contains("\"different\"") {
            marked.insert(folder.file_name().to_string_lossy().into_owned());
        }
    }
    let marked: BTreeSet<&str> = marked.iter().map(String::as_str).collect();
    assert_eq!(
        marked, listed,
        "cases marked as different, and those in common/spark/DIFFERENCES.md"
    );
}

#[test]
fn uses_are_found() {
    let functions = functions();
    let names = functions.iter().map(|function| function.name.as_str()).collect();
    for (text, expected) in [
        ("upper('lower(x)') || 'a'", "upper ||"),
        ("count(a) FILTER (WHERE a > 1)", "> count"),
        ("x LIKE ANY ('a', 'b') AND any(y)", "and any like"),
        ("CAST(a AS DECIMAL(3,1)) % 2", "% cast"),
        ("filter(l, x -> x >= 1)", ">= filter"),
        ("count(*) - CAST(NULL AS MAP<INT, ARRAY<INT>>) < -1", "- < cast count"),
        ("current_date >= DATE '2022-01-01'", ">= current_date"),
    ] {
        let found: Vec<String> = used(text, &names).into_iter().collect();
        assert_eq!(found.join(" "), expected, "{text}");
    }
}
