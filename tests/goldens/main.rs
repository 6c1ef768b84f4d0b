//! `cargo xtask spark-goldens DIR [--only NAME] [--check] [--runs N]`: lets real Spark answer the cases and expressions of a folder.

mod expressions;
mod spark;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use millstream_tests::broker::Broker;
use millstream_tests::case::Case;
use millstream_tests::spark::Installation;

use spark::{Answer, Spark};

const USAGE: &str = "usage: cargo xtask spark-goldens DIR [--only NAME[,NAME]] [--check] [--runs N]
  DIR      a folder of cases (tests/corpus), whose expected files are written; or one with lists of expressions
           (driver/sql/goldens, *.tsv), whose lines without an answer are filled
  --only   some cases by number or part of the name, some lists by part of their path
  --check  writes nothing: says which answers on disk are not Spark's
  --runs   how often each case is asked; its answers must agree (default 2)";

struct Options {
    folder: PathBuf,
    only: Option<String>,
    check: bool,
    runs: usize,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let (mut folder, mut only, mut check, mut runs) = (None, None, false, 2);
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .with_context(|| format!("{argument} needs a value\n{USAGE}"))
            };
            match argument.as_str() {
                "--only" => only = Some(value()?),
                "--check" => check = true,
                "--runs" => runs = value()?.parse().context("--runs takes a number")?,
                other if other.starts_with('-') || folder.is_some() => bail!("unknown argument '{other}'\n{USAGE}"),
                other => folder = Some(PathBuf::from(other)),
            }
        }
        Ok(Self {
            folder: fs::canonicalize(folder.context(USAGE)?).context("the folder of the questions")?,
            only,
            check,
            runs: runs.max(1),
        })
    }
}

fn main() -> ExitCode {
    let failed = Options::read(std::env::args().skip(1)).and_then(|options| all(&options));
    match failed {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Has everything answered; returns how many questions were not, or not as the files have it.
fn all(options: &Options) -> Result<usize> {
    let lists = expressions::lists(&options.folder, options.only.as_deref())?;
    let cases = match Case::questions(&options.folder, options.only.as_deref()) {
        Err(_) if !lists.is_empty() => Vec::new(),
        cases => cases?,
    };
    let installation = Installation::ready()?;
    let broker = Broker::shared()?;
    let mut spark = Spark::start(&installation, &broker)?;
    let (mut asked, mut failed) = (0, 0);
    for case in &cases {
        asked += 1;
        match answered(&mut spark, case, options) {
            Ok(()) => eprintln!("ok {}", case.name),
            Err(error) => {
                failed += 1;
                println!("{}: {error:#}", case.name);
            }
        }
    }
    for list in &lists {
        let outcome = expressions::answer(&mut spark, list, options.check)?;
        asked += outcome.asked;
        failed += outcome.wrong.len();
        outcome.wrong.iter().for_each(|line| println!("{line}"));
    }
    println!("{} passed, {failed} failed", asked - failed);
    Ok(failed)
}

/// Asks one case, then writes or compares its files.
fn answered(spark: &mut Spark, case: &Case, options: &Options) -> Result<()> {
    let answer = spark.case(case)?;
    for _ in 1..options.runs {
        let again = spark.case(case)?;
        if again.files != answer.files {
            bail!(
                "two runs differ: the query is not deterministic\n{}",
                changes(&answer, &again)
            );
        }
    }
    spark.clear()?;
    let error_expected = case.spec["expect_error"] == true;
    if answer.failed != error_expected {
        let (is, was) = if error_expected {
            ("rows", "an error")
        } else {
            ("an error", "rows")
        };
        bail!("Spark gives {is} where case.json expects {was}: {}", beginning(&answer));
    }
    for (name, text) in &answer.files {
        let path = case.folder.join(name);
        if !options.check {
            fs::write(&path, text).with_context(|| path.display().to_string())?;
        } else if fs::read_to_string(&path).ok().as_ref() != Some(text) {
            bail!("{name} is not what Spark answers: {}", first_change(&path, text));
        }
    }
    Ok(())
}

fn beginning(answer: &Answer) -> String {
    let text = answer.files.get("expected.json").map_or("", String::as_str);
    text.chars().take(300).collect::<String>().replace('\n', " ")
}

fn changes(one: &Answer, other: &Answer) -> String {
    let pairs = one.files.iter().zip(&other.files);
    let changed = pairs.filter(|(one, other)| one != other);
    let lines = changed.flat_map(|((_, one), (_, other))| one.lines().zip(other.lines()));
    let lines = lines.filter(|(one, other)| one != other).take(3);
    lines.map(|(one, other)| format!("  {one}\n  {other}\n")).collect()
}

fn first_change(path: &Path, text: &str) -> String {
    let Ok(there) = fs::read_to_string(path) else {
        return "the file is missing".to_owned();
    };
    let change = there.lines().zip(text.lines()).find(|(there, now)| there != now);
    change.map_or_else(
        || format!("{} lines there, {} now", there.lines().count(), text.lines().count()),
        |(there, now)| format!("\n  there {there}\n  now   {now}"),
    )
}
