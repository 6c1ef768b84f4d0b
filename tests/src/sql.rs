//! Job files for tests, written and run.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::broker::Broker;
use crate::process::{Finished, Process};

/// A folder with job files, checkpoints and outputs, removed at the end.
pub struct Desk {
    folder: TempDir,
}

/// One start of the driver, put together step by step.
#[derive(Clone, Debug)]
pub struct Run {
    arguments: Vec<String>,
}

impl Desk {
    /// An empty folder.
    ///
    /// # Errors
    /// When none can be made.
    pub fn new() -> Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir().context("no temporary folder")?,
        })
    }

    /// A path inside it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same as text.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Writes a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// A start of the driver over a job file with this text, with two executors of its own.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn job(&self, name: &str, sql: &str) -> Result<Run> {
        let path = self.write(name, sql)?;
        Ok(Run::file(path))
    }
}

impl Run {
    /// The driver over a job file, with two executors of its own.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path: PathBuf = path.into();
        Self {
            arguments: vec!["run".to_owned(), path.display().to_string()],
        }
        .executors(2)
    }

    /// The driver with these arguments and nothing else.
    #[must_use]
    pub fn bare(arguments: &[&str]) -> Self {
        Self {
            arguments: arguments.iter().map(|&one| one.to_owned()).collect(),
        }
    }

    /// With this many executors of its own.
    #[must_use]
    pub fn executors(mut self, count: u32) -> Self {
        if let Some(at) = self.arguments.iter().position(|argument| argument == "--local") {
            self.arguments.drain(at..at + 2);
        }
        self.arguments.extend(["--local".to_owned(), count.to_string()]);
        self
    }

    /// With a parameter or setting.
    #[must_use]
    pub fn conf(self, name: &str, value: impl AsRef<str>) -> Self {
        self.arg("--conf").arg(&format!("{name}={}", value.as_ref()))
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// With the broker as `${bootstrap_servers}`.
    #[must_use]
    pub fn on(self, broker: &Broker) -> Self {
        self.conf("bootstrap_servers", broker.servers())
    }

    /// Its arguments.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Starts it.
    ///
    /// # Errors
    /// When the driver has not been built.
    pub fn start(&self) -> Result<Process> {
        Process::driver(&self.arguments)
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn finish(&self, deadline: Duration) -> Result<Finished> {
        self.start()?.finish(deadline)
    }
}
