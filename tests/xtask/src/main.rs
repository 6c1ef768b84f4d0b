//! `cargo xtask`: the project's own tasks. Compiled before anything else, so it depends on next to nothing.

use std::env;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use xtask::{check, data, kafka, prerequisites, workspace};

const USAGE: &str = "\
cargo xtask COMMAND

  demo [ARGS]                       build everything and run the nine jobs (also: cargo demo)
  test [ARGS]                       all tests; ARGS go to cargo test. Without ARGS formatting, lints and documentation too
  data [DIR]                        write the project's own sales files (bootstrap/jobs/data)
  kafka [--brokers N]               run Apache Kafka on free ports until Ctrl-C
  spark-cases DIR [--only NAME] [--out DIR] [--jobs N]
                                    run a folder of cases that real Spark answered (ours: tests/corpus), and compare
  spark-goldens DIR [--only NAME] [--check]
                                    let real Spark answer a folder of cases or lists of expressions
  functions                         write common/spark/FUNCTIONS.md anew from the goldens
  bench [ARGS]                      the benchmark; see tests/bench/README.md
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let Some((command, rest)) = arguments.split_first() else {
        bail!("which task?\n\n{USAGE}");
    };
    match command.as_str() {
        "demo" => demo(rest),
        "test" | "ci" if rest.is_empty() => check::all(),
        "test" => check::tests(rest),
        "data" => {
            let folder = rest
                .first()
                .map_or_else(|| workspace::root().join("bootstrap/jobs/data"), PathBuf::from);
            data::write(&folder)?;
            eprintln!("wrote {}", folder.display());
            Ok(())
        }
        "kafka" => brokers(rest),
        "spark-cases" => tool("spark-cases", rest, false),
        "spark-goldens" => tool("spark-goldens", rest, false),
        "functions" => check::pages(),
        "bench" => tool("bench", rest, true),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("no task '{other}'\n\n{USAGE}"),
    }
}

/// Builds both binaries and hands over to the driver's own demo.
fn demo(arguments: &[String]) -> Result<()> {
    prerequisites::for_build()?;
    let driver = workspace::target_dir().join("debug/millstream-driver");
    if !driver.is_file() {
        eprintln!(
            "building the driver and the executor; the first build compiles some 500 crates and takes many minutes"
        );
    }
    // Always the whole workspace: for a selection of packages cargo would choose other features and compile everything once more.
    let bins = ["--bin", "millstream-driver", "--bin", "millstream-executor"];
    workspace::run(workspace::cargo().args(["build", "--workspace"]).args(bins))?;
    let mut command = Command::new(driver);
    command.arg("demo").args(arguments).current_dir(workspace::root());
    hand_over(&mut command)
}

/// Builds and runs a program of the test package: it needs a Kafka client, which this one must not be compiled with.
fn tool(name: &str, arguments: &[String], release: bool) -> Result<()> {
    prerequisites::for_build()?;
    kafka::jars::folder()?;
    let profile: &[&str] = if release { &["--release"] } else { &[] };
    let bins = [
        "--bin",
        "millstream-driver",
        "--bin",
        "millstream-executor",
        "--bin",
        name,
    ];
    workspace::run(
        workspace::cargo()
            .args(["build", "--workspace"])
            .args(bins)
            .args(profile),
    )?;
    let folder = workspace::target_dir().join(if release { "release" } else { "debug" });
    let mut command = Command::new(folder.join(name));
    command.args(arguments).env("MILLSTREAM_BIN_DIR", &folder);
    hand_over(&mut command)
}

/// Becomes the other program, so that signals and the exit code are its own.
fn hand_over(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    let error = command.exec();
    bail!("cannot start {}: {error}", Path::new(command.get_program()).display())
}

/// Runs brokers until standard input ends or Ctrl-C.
fn brokers(arguments: &[String]) -> Result<()> {
    let count = match arguments {
        [] => 1,
        [flag, count] if flag == "--brokers" => count.parse()?,
        _ => bail!("usage: cargo xtask kafka [--brokers N]"),
    };
    let settings = kafka::Settings {
        brokers: count,
        heap_mb: 1_024,
        quick_start: false,
        ..kafka::Settings::default()
    };
    let cluster = kafka::Cluster::start(settings)?;
    println!("{}", cluster.bootstrap_servers());
    eprintln!(
        "Apache Kafka {} is up; Ctrl-C or the end of standard input stops it",
        kafka::jars::VERSION
    );
    let mut sink = Vec::new();
    std::io::stdin().read_to_end(&mut sink)?;
    Ok(())
}
