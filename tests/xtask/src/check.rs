//! What the continuous integration runs, and what a developer runs before landing: the same commands.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::{kafka, prerequisites, workspace};

/// Formatting, lints, documentation, every test. Stops at the first step that fails.
///
/// # Errors
/// Names the step that failed and how to run it alone.
pub fn all() -> Result<()> {
    prerequisites::for_build()?;
    step("formatting", workspace::cargo().args(["fmt", "--all", "--check"]))?;
    step(
        "lints",
        workspace::cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    let mut docs = workspace::cargo();
    docs.args(["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"])
        .env("RUSTDOCFLAGS", "-D warnings");
    step("documentation", &mut docs)?;
    tests(&[])
}

/// Builds the binaries and runs every test, or those that `filter` (arguments of `cargo test`) selects.
///
/// # Errors
/// When something does not build or a test fails.
pub fn tests(filter: &[String]) -> Result<()> {
    prerequisites::for_build()?;
    kafka::jars::folder()?;
    // The integration tests drive the binaries as processes: they have to be there, and of this source.
    // Together with the tests, so that one set of features serves both.
    step(
        "binaries",
        workspace::cargo().args(["build", "--workspace", "--bins", "--tests"]),
    )?;
    let mut command = workspace::cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]).args(filter);
    command.env("MILLSTREAM_BIN_DIR", workspace::target_dir().join("debug"));
    step("tests", &mut command)
}

/// Writes what is made from tests: the list of expressions that differ loses those that are right again, then the page of functions.
///
/// # Errors
/// When a test does not build, or an expression differs that is not in the list.
pub fn pages() -> Result<()> {
    prerequisites::for_build()?;
    for test in ["expressions_are", "function_page"] {
        let mut command = workspace::cargo();
        command
            .args(["test", "--workspace", "--lib", test, "--quiet"])
            .env("MILLSTREAM_UPDATE_PAGES", "1");
        step("pages", &mut command)?;
    }
    Ok(())
}

fn step(name: &str, command: &mut Command) -> Result<()> {
    let started = Instant::now();
    eprintln!("== {name}: {}", workspace::shown(command));
    let status = workspace::status(command)?;
    let seconds = started.elapsed().as_secs();
    if !status.success() {
        bail!(
            "{name} failed after {seconds} s; to run this step alone: {}",
            workspace::shown(command)
        );
    }
    eprintln!("== {name}: good, {seconds} s");
    Ok(())
}
