//! `spark-cases`: runs a folder of cases that real Spark answered through a driver and executors on a real broker, and compares.
//!
//! Batch cases only; cases of streams are counted as failed, with that reason.

mod compare;
mod encode;
mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

const USAGE: &str = "cargo xtask spark-cases DIR [--only NAME] [--out DIR]";

struct Options {
    folder: PathBuf,
    only: Option<String>,
    out: Option<PathBuf>,
}

fn options() -> Result<Options> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().context(USAGE)?);
    let mut options = Options {
        folder,
        only: None,
        out: None,
    };
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .with_context(|| format!("{name} needs a value\n{USAGE}"))?;
        match name.as_str() {
            "--only" => options.only = Some(value),
            "--out" => options.out = Some(value.into()),
            _ => bail!("unknown option {name}\n{USAGE}"),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    match options().and_then(|options| all(&options)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the selected cases; gives the number of those that differ.
fn all(options: &Options) -> Result<usize> {
    let mut cases: Vec<PathBuf> = fs::read_dir(&options.folder)
        .with_context(|| format!("cannot read {}", options.folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("case.json").is_file())
        .filter(|path| {
            options
                .only
                .as_ref()
                .is_none_or(|only| name_of(path).contains(only.as_str()))
        })
        .collect();
    cases.sort();
    let runner = run::Runner::start()?;
    let (mut passed, mut failed) = (0, 0);
    for case in &cases {
        let differences =
            judge(&runner, case, options.out.as_deref()).unwrap_or_else(|error| vec![format!("{error:#}")]);
        if differences.is_empty() {
            passed += 1;
            continue;
        }
        failed += 1;
        println!("{}", name_of(case));
        for difference in differences.iter().take(5) {
            println!("    {difference}");
        }
    }
    runner.stop();
    println!("{passed} passed, {failed} failed");
    Ok(failed)
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Runs one case and lists what differs.
fn judge(runner: &run::Runner, folder: &Path, out: Option<&Path>) -> Result<Vec<String>> {
    let json = |name: &str| -> Result<Value> { Ok(serde_json::from_str(&fs::read_to_string(folder.join(name))?)?) };
    let (case, expected) = (json("case.json")?, json("expected.json")?);
    if case["kind"] != "batch" {
        return Ok(vec!["streams are not run yet".to_owned()]);
    }
    let answer = runner.batch(folder, &name_of(folder), &case)?;
    if let Some(out) = out {
        let own = out.join(name_of(folder));
        fs::create_dir_all(&own)?;
        fs::write(own.join("actual.json"), serde_json::to_string_pretty(&answer.result)?)?;
        if let Some(text) = &answer.shown {
            fs::write(own.join("actual_show.txt"), text)?;
        }
    }
    let mut differences = compare::batch(&expected, &answer.result, &case);
    let golden = folder.join("expected_show.txt");
    if golden.is_file() && answer.shown.as_deref() != Some(fs::read_to_string(&golden)?.as_str()) {
        differences.push(format!("the shown text differs:\n{}", answer.shown.unwrap_or_default()));
    }
    Ok(differences)
}
