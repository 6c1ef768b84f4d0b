//! Does every case of our corpus get Spark's answer? On a real broker, through driver and executors.

use std::time::Duration;

use anyhow::{Result, ensure};
use millstream_tests::process::{Process, command};
use xtask::workspace;

/// All cases, on a machine that compiles beside.
const DEADLINE: Duration = Duration::from_secs(1_800);

#[test]
fn every_case_is_answered_as_by_spark() -> Result<()> {
    let mut runner = command("spark-cases")?;
    runner
        .arg(workspace::root().join("tests/corpus"))
        .env("MILLSTREAM_CACHE", workspace::cache_dir()?)
        .env("MILLSTREAM_BIN_DIR", workspace::bin_dir());
    let finished = Process::spawn(&mut runner)?.finish(DEADLINE)?;
    eprint!("{}", finished.stderr);
    ensure!(
        finished.code == Some(0),
        "cases differ from Spark (one alone: cargo xtask spark-cases tests/corpus --only NAME)\n{}",
        finished.stdout
    );
    Ok(())
}
