//! `cargo xtask spark-cases DIR [--only NAME] [--out DIR]`: runs a folder of cases that real Spark answered, and compares.
//!
//! One broker, one driver and two executors serve all cases; a few run at a time.

mod compare;
mod encode;
mod job;
mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures::StreamExt as _;
use millstream_driver::run::{Cluster, ClusterOptions, Executors, ListenAt};
use millstream_tests::broker::Broker;
use millstream_tests::case::Case;
use millstream_tests::process::command;
use serde_json::Value;

use run::{Actual, Bench};

const USAGE: &str = "usage: cargo xtask spark-cases DIR [--only NAME[,NAME]] [--out DIR] [--jobs N]";
/// Differences shown of one case.
const SHOWN: usize = 6;

struct Options {
    folder: PathBuf,
    only: Option<String>,
    out: Option<PathBuf>,
    jobs: usize,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let (mut folder, mut only, mut out, mut jobs) = (None, None, None, 4);
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .with_context(|| format!("{argument} needs a value\n{USAGE}"))
            };
            match argument.as_str() {
                "--only" => only = Some(value()?),
                "--out" => out = Some(PathBuf::from(value()?)),
                "--jobs" => jobs = value()?.parse().context("--jobs takes a number")?,
                other if other.starts_with('-') || folder.is_some() => bail!("unknown argument '{other}'\n{USAGE}"),
                other => folder = Some(PathBuf::from(other)),
            }
        }
        Ok(Self {
            folder: fs::canonicalize(folder.context(USAGE)?).context("the folder of the cases")?,
            only,
            out,
            jobs: jobs.max(1),
        })
    }
}

fn main() -> ExitCode {
    let ran = Options::read(std::env::args().skip(1)).and_then(|options| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let failed = runtime.block_on(all(&options));
        // A thread that still waits for a broker must not hold up the end.
        runtime.shutdown_background();
        failed
    });
    match ran {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs the cases; returns how many differ.
async fn all(options: &Options) -> Result<usize> {
    let started = Instant::now();
    let cases = Case::all(&options.folder, options.only.as_deref())?;
    let cluster = Cluster::start(ClusterOptions {
        listen: ListenAt {
            first_port: 0,
            last_port: 0,
            ..ListenAt::default()
        },
        executors: Executors::Local {
            count: 2,
            slots: Some(2),
            program: Some(
                command("millstream-executor")?
                    .get_program()
                    .to_string_lossy()
                    .into_owned(),
            ),
        },
        wait: Duration::from_secs(60),
    })
    .await?;
    let broker = tokio::task::block_in_place(Broker::shared)?;
    cluster.ready().await?;
    let held = Bench { cluster, broker };
    let bench = &held;
    let runs = cases.iter().map(|case| async move {
        let differences = match bench.run(case).await {
            Ok(actual) => judged(case, &actual, options.out.as_deref()),
            Err(error) => Ok(vec![format!("{error:#}")]),
        };
        (case, differences)
    });
    let mut results = futures::stream::iter(runs).buffered(options.jobs);
    let mut failed = 0;
    while let Some((case, differences)) = results.next().await {
        let differences = differences?;
        if differences.is_empty() {
            continue;
        }
        failed += 1;
        let more = differences.len().saturating_sub(SHOWN);
        let shown: Vec<&str> = differences.iter().take(SHOWN).map(String::as_str).collect();
        let rest = if more > 0 {
            format!("; and {more} more")
        } else {
            String::new()
        };
        println!("{}: {}{rest}", case.name, shown.join("; ").replace('\n', "\\n"));
    }
    drop(results);
    held.cluster.stop().await;
    let different = cases.iter().filter(|case| case.own.is_some()).count();
    eprintln!(
        "{} cases in {:.1} s, {different} of them marked as different from Spark on purpose",
        cases.len(),
        started.elapsed().as_secs_f64()
    );
    println!("{} passed, {failed} failed", cases.len() - failed);
    Ok(failed)
}

/// Keeps the result when asked to; what differs from Spark's.
fn judged(case: &Case, actual: &Actual, out: Option<&Path>) -> Result<Vec<String>> {
    let expected = case.own.as_ref().unwrap_or(&case.expected);
    let mut differences = compare::differences(expected, &actual.document, &case.spec);
    if let Some((golden, _, text)) = &actual.text {
        let path = case.text_golden(golden);
        let expected = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        differences.extend(compare::text_difference(golden, &expected, text));
    } else if case.own.is_some() && compare::differences(&case.expected, &actual.document, &case.spec).is_empty() {
        differences.push("is as in Spark: 'different' has to leave case.json".to_owned());
    }
    if let Some(out) = out {
        let folder = out.join(&case.name);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        fs::write(folder.join("actual.json"), document(&actual.document))?;
        if let Some((_, file, text)) = &actual.text {
            fs::write(folder.join(file), text)?;
        }
    }
    Ok(differences)
}

/// JSON with a row a line.
fn document(value: &Value) -> String {
    let rows = |rows: &Value, pad: &str| {
        let lines: Vec<String> = rows
            .as_array()
            .into_iter()
            .flatten()
            .map(|row| format!("\n{pad}  {row}"))
            .collect();
        if lines.is_empty() {
            "[]".to_owned()
        } else {
            format!("[{}\n{pad}]", lines.join(","))
        }
    };
    let object = |value: &Value, pad: &str, inner: &dyn Fn(&str, &Value) -> String| {
        let fields = value.as_object().into_iter().flatten();
        let lines: Vec<String> = fields
            .map(|(name, value)| format!("\n{pad}  \"{name}\": {}", inner(name, value)))
            .collect();
        format!("{{{}\n{pad}}}", lines.join(","))
    };
    let batch = |value: &Value| {
        object(value, "    ", &|name, value| match name {
            "rows" => rows(value, "      "),
            _ => value.to_string(),
        })
    };
    let text = object(value, "", &|name, value| match name {
        "rows" => rows(value, "  "),
        "batches" => {
            let batches: Vec<String> = value.as_array().into_iter().flatten().map(batch).collect();
            format!("[\n    {}\n  ]", batches.join(",\n    "))
        }
        _ => value.to_string(),
    });
    text + "\n"
}
