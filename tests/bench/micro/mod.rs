//! `cargo xtask bench micro`: what one function costs on whole columns, ours beside the engine's own where there is one.

mod cases;
mod data;
mod measure;

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};

use cases::{CASES, Case, Theirs};
use measure::Sessions;

const USAGE: &str = "\
cargo xtask bench micro [OPTIONS]

  --only LIST   categories, or parts of names (comma separated; default all)
  --rows N      rows of the table (default 1000000)
  --rounds N    how often each is measured; the best counts (default 3)
";

struct Options {
    only: Vec<String>,
    rows: usize,
    rounds: usize,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            only: Vec::new(),
            rows: 1_000_000,
            rounds: 3,
        };
        while let Some(name) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .with_context(|| format!("{name} needs a value\n\n{USAGE}"))
            };
            let number = |text: String| {
                text.replace('_', "")
                    .parse::<usize>()
                    .with_context(|| format!("{name} is '{text}', expected a number"))
            };
            match name.as_str() {
                "--only" => options.only = value()?.split(',').map(|part| part.trim().to_owned()).collect(),
                "--rows" => options.rows = number(value()?)?.max(1),
                "--rounds" => options.rounds = number(value()?)?.max(1),
                _ => bail!("unknown option '{name}'\n\n{USAGE}"),
            }
        }
        Ok(options)
    }

    fn wants(&self, case: &Case) -> bool {
        self.only.is_empty()
            || self
                .only
                .iter()
                .any(|part| case.category == part || case.ours.to_lowercase().contains(&part.to_lowercase()))
    }
}

/// Measures and prints a table.
///
/// # Errors
/// Wrong arguments; an expression that does not run.
pub fn run(arguments: impl Iterator<Item = String>) -> Result<()> {
    let options = Options::parse(arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sessions = Sessions::new(options.rows)?;
    println!(
        "million rows a second on one core, best of {}, {} rows\n",
        options.rounds, options.rows
    );
    println!("| category | expression | ours | theirs | ours / theirs | what theirs is |");
    println!("| --- | --- | ---: | ---: | ---: | --- |");
    let mut failed = 0;
    for case in CASES.iter().filter(|case| options.wants(case)) {
        let row = runtime.block_on(row(&sessions, case, options.rounds));
        failed += usize::from(row.is_err());
        println!("{}", row.unwrap_or_else(|error| broken(case, &error)));
    }
    if failed > 0 {
        bail!("{failed} could not be measured");
    }
    Ok(())
}

async fn row(sessions: &Sessions, case: &Case, rounds: usize) -> Result<String> {
    let ours = sessions.ours(case, rounds).await?;
    let mut line = format!("| {} | `{}` | {} |", case.category, cell(case.ours), rate(ours));
    match case.theirs {
        Theirs::None => line.push_str(" | | |"),
        Theirs::Engine(text) | Theirs::Library(text) => {
            let theirs = sessions.theirs(case, rounds).await?;
            let whose = match case.theirs {
                Theirs::Library(_) => "datafusion-spark",
                _ => "DataFusion",
            };
            let _ = write!(
                line,
                " {} | {:.2} | {whose}: `{}` |",
                rate(theirs),
                ours / theirs,
                cell(text)
            );
        }
    }
    Ok(line)
}

fn broken(case: &Case, error: &anyhow::Error) -> String {
    let why = format!("{error:#}").replace('\n', " ");
    format!("| {} | `{}` | failed: {why} | | | |", case.category, cell(case.ours))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Rows a second in millions, three digits.
fn rate(rows_per_second: f64) -> String {
    let millions = rows_per_second / 1e6;
    match millions {
        m if m >= 100.0 => format!("{m:.0}"),
        m if m >= 10.0 => format!("{m:.1}"),
        m => format!("{m:.2}"),
    }
}
