//! Executors of the driver's own, on this machine: started with it, ended with it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, ChildStdin, Command};

use crate::error::DriverError;

/// How long executors may take to end by themselves.
const FAREWELL: Duration = Duration::from_secs(5);

/// Running executors. Each holds the read end of a pipe to the driver and ends when that closes, so a killed driver takes them
/// along; dropping this ends them too.
pub struct LocalExecutors {
    children: Vec<(Child, Option<ChildStdin>)>,
}

impl LocalExecutors {
    /// Starts `count` executors that register at `driver`.
    ///
    /// # Errors
    /// `StartExecutor` when the program is missing or cannot run.
    pub fn start(count: usize, slots: Option<u32>, program: Option<&str>, driver: &str) -> Result<Self, DriverError> {
        let program = program.map_or_else(beside_the_driver, PathBuf::from);
        let mut children = Vec::with_capacity(count);
        for _ in 0..count {
            let mut command = Command::new(&program);
            command.args(["--driver", driver, "--exit-with-stdin"]);
            if let Some(slots) = slots {
                command.args(["--slots", &slots.to_string()]);
            }
            let spawned = command
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::inherit())
                // A Ctrl-C in the terminal is for the driver; it ends its executors when the batch is done.
                .process_group(0)
                .kill_on_drop(true)
                .spawn();
            let mut child = spawned.map_err(|source| DriverError::StartExecutor {
                program: program.display().to_string(),
                source,
            })?;
            let stdin = child.stdin.take();
            children.push((child, stdin));
        }
        Ok(Self { children })
    }

    /// How many of them have ended, and how the first of those did.
    pub fn ended(&mut self) -> (usize, Option<std::process::ExitStatus>) {
        let ended: Vec<_> = self
            .children
            .iter_mut()
            .filter_map(|(child, _)| child.try_wait().ok().flatten())
            .collect();
        (ended.len(), ended.first().copied())
    }

    /// Lets them end, and ends those that do not.
    pub async fn stop(mut self) {
        for (_, stdin) in &mut self.children {
            stdin.take();
        }
        for (child, _) in &mut self.children {
            if tokio::time::timeout(FAREWELL, child.wait()).await.is_err() {
                tracing::warn!(pid = child.id(), "executor does not end, killing it");
                // It may have ended in this moment.
                let _ = child.kill().await;
            }
        }
    }
}

/// The executor's program: beside the driver's own, wherever that was installed.
fn beside_the_driver() -> PathBuf {
    let name = "millstream-executor";
    let beside = |folder: &std::path::Path| Some(folder.join(name)).filter(|path| path.exists());
    std::env::current_exe()
        .ok()
        .and_then(|own| {
            let folder = own.parent()?.to_path_buf();
            // A test's binary stands one folder below the programs.
            beside(&folder).or_else(|| beside(folder.parent()?))
        })
        .unwrap_or_else(|| name.into())
}
