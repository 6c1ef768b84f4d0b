//! Where things are: the checkout, cargo's target directory, the cache outside the checkout.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context as _, Result, bail, ensure};

/// The root of the checkout.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Where downloads are kept between checkouts: `MILLSTREAM_CACHE`, else `~/.cache/millstream`.
///
/// # Errors
/// When neither that variable nor `HOME` is set.
pub fn cache_dir() -> Result<PathBuf> {
    if let Some(dir) = env::var_os("MILLSTREAM_CACHE") {
        return Ok(dir.into());
    }
    let home = env::var_os("HOME").context("neither MILLSTREAM_CACHE nor HOME is set: no place for downloads")?;
    Ok(PathBuf::from(home).join(".cache/millstream"))
}

/// Cargo's build directory: `CARGO_TARGET_DIR`, else `target` in the checkout.
#[must_use]
pub fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The folder with the built binaries: `MILLSTREAM_BIN_DIR`, else the debug profile's output.
#[must_use]
pub fn bin_dir() -> PathBuf {
    env::var_os("MILLSTREAM_BIN_DIR").map_or_else(|| target_dir().join("debug"), PathBuf::from)
}

/// Path of a built binary of the project.
///
/// # Errors
/// When it has not been built, with the command that builds it.
pub fn binary(name: &str) -> Result<PathBuf> {
    let path = bin_dir().join(name);
    ensure!(
        path.is_file(),
        "{} does not exist: build it with `cargo build --workspace --bins`",
        path.display()
    );
    Ok(path)
}

/// The cargo that runs us.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What `cargo run` says of this package: some build scripts watch it, and everything above them would be compiled again.
    let ours = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
        "CARGO_PRIMARY_",
    ];
    for (name, _) in env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| ours.iter().any(|prefix| name.starts_with(prefix)))
        {
            command.env_remove(name);
        }
    }
    command.current_dir(root());
    command
}

/// Runs a command to its end, its output going where ours goes.
///
/// # Errors
/// When it cannot be started or ends with anything but success.
pub fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs a command to its end and gives its status.
///
/// # Errors
/// When it cannot be started.
pub fn status(command: &mut Command) -> Result<ExitStatus> {
    command
        .status()
        .with_context(|| format!("cannot start {}", shown(command)))
}

/// A command as one would type it.
#[must_use]
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
