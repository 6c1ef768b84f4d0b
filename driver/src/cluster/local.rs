//! Executors of the driver's own, on this machine: started with it, ended with it, and started again when they die.

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::error::DriverError;

/// How long executors may take to end by themselves.
const FAREWELL: Duration = Duration::from_secs(5);
/// An executor that dies more often than this within [`DEATHS_WITHIN`] is not started again.
const DEATHS_MAX: usize = 5;
/// The time in which deaths are counted together.
const DEATHS_WITHIN: Duration = Duration::from_secs(60);
/// Pause before the first new start; doubled with every further death that counts.
const PAUSE: Duration = Duration::from_millis(100);
/// How many of its last lines are told of an executor that is given up.
const LAST_LINES: usize = 5;
/// How long the rest of an ended executor's standard error may take.
const REST_WITHIN: Duration = Duration::from_secs(1);

/// What the executors are kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Those that die are started again.
    Running,
    /// The driver finishes what it has begun with those that are there.
    Draining,
    /// They end.
    Stopping,
}

/// Running executors. Each holds the read end of a pipe to the driver and ends when that closes, so a killed driver takes them
/// along; dropping this ends them too.
pub struct LocalExecutors {
    phase: watch::Sender<Phase>,
    keepers: JoinSet<()>,
    /// How those ended that are not started again.
    lost: Arc<Mutex<Vec<String>>>,
}

impl LocalExecutors {
    /// Starts `count` executors that register at `driver`. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// `StartExecutor` when the program is missing or cannot run.
    pub fn start(count: usize, slots: Option<u32>, program: Option<&str>, driver: &str) -> Result<Self, DriverError> {
        let mut arguments = vec!["--driver".to_owned(), driver.to_owned(), "--exit-with-stdin".to_owned()];
        arguments.extend(
            slots
                .into_iter()
                .flat_map(|slots| ["--slots".to_owned(), slots.to_string()]),
        );
        let program = Program {
            path: program.map_or_else(beside_the_driver, PathBuf::from),
            arguments,
        };
        let (phase, _) = watch::channel(Phase::Running);
        let (mut keepers, lost) = (JoinSet::new(), Arc::new(Mutex::new(Vec::new())));
        for _ in 0..count {
            let process = program.start().map_err(|source| DriverError::StartExecutor {
                program: program.path.display().to_string(),
                source,
            })?;
            let keeper = Keeper {
                program: program.clone(),
                phase: phase.subscribe(),
                lost: Arc::clone(&lost),
            };
            keepers.spawn(keeper.keep(process));
        }
        Ok(Self { phase, keepers, lost })
    }

    /// How many of them are not started again, and how the first of those ended.
    #[must_use]
    pub fn lost(&self) -> (usize, Option<String>) {
        let lost = self.lost.lock();
        (lost.len(), lost.first().cloned())
    }

    /// From now on those that die are not started again.
    pub fn drain(&self) {
        self.advance(Phase::Draining);
    }

    /// Lets them end, and ends those that do not.
    pub async fn stop(mut self) {
        self.advance(Phase::Stopping);
        while self.keepers.join_next().await.is_some() {}
    }

    fn advance(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let later = to > *phase;
            *phase = to.max(*phase);
            later
        });
    }
}

#[derive(Clone)]
struct Program {
    path: PathBuf,
    arguments: Vec<String>,
}

impl Program {
    fn start(&self) -> std::io::Result<Process> {
        let mut child = Command::new(&self.path)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A Ctrl-C in the terminal is for the driver; it ends its executors when the batch is done.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Process {
            stdin: child.stdin.take(),
            last_lines: tokio::spawn(pass_on(child.stderr.take())),
            child,
        })
    }
}

/// A running executor.
struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    last_lines: JoinHandle<VecDeque<String>>,
}

impl Process {
    /// Waits for its end; says how it ended and what it wrote last.
    async fn ended(&mut self) -> String {
        let how = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        match tokio::time::timeout(REST_WITHIN, &mut self.last_lines).await {
            Ok(Ok(lines)) if !lines.is_empty() => {
                format!("{how}; its last lines:\n  {}", Vec::from(lines).join("\n  "))
            }
            _ => how,
        }
    }

    async fn farewell(mut self) {
        self.stdin.take();
        if tokio::time::timeout(FAREWELL, self.child.wait()).await.is_err() {
            tracing::warn!(pid = self.child.id(), "executor does not end, killing it");
            // It may have ended in this moment.
            let _ = self.child.kill().await;
        }
        // What it wrote last is shown, too.
        let _ = tokio::time::timeout(REST_WITHIN, self.last_lines).await;
    }
}

/// Copies what an executor writes to the driver's standard error; gives its last lines.
async fn pass_on(stderr: Option<ChildStderr>) -> VecDeque<String> {
    let mut last = VecDeque::with_capacity(LAST_LINES);
    let Some(stderr) = stderr else { return last };
    let (mut reader, mut line) = (BufReader::new(stderr), Vec::new());
    while matches!(reader.read_until(b'\n', &mut line).await, Ok(1..)) {
        // Nobody may listen; the executor must not be held up.
        let _ = std::io::stderr().lock().write_all(&line);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
    last
}

/// Keeps one executor running.
struct Keeper {
    program: Program,
    phase: watch::Receiver<Phase>,
    lost: Arc<Mutex<Vec<String>>>,
}

impl Keeper {
    async fn keep(mut self, first: Process) {
        let mut deaths = Deaths::default();
        let mut process: std::io::Result<Process> = Ok(first);
        loop {
            let how = match process {
                Ok(mut running) => tokio::select! {
                    how = running.ended() => how,
                    () = reached(&mut self.phase, Phase::Stopping) => return running.farewell().await,
                },
                Err(error) => error.to_string(),
            };
            if *self.phase.borrow() != Phase::Running {
                return;
            }
            let Some(pause) = deaths.another(Instant::now()) else {
                tracing::error!(
                    "a local executor died {} times within {} s and is not started again: {how}",
                    DEATHS_MAX + 1,
                    DEATHS_WITHIN.as_secs()
                );
                self.lost.lock().push(how);
                return;
            };
            let first_line = how
                .lines()
                .next()
                .unwrap_or_default()
                .trim_end_matches("; its last lines:");
            tracing::warn!("a local executor ended ({first_line}), starting it again");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = reached(&mut self.phase, Phase::Draining) => return,
            }
            process = self.program.start();
        }
    }
}

/// Waits until the driver is as far as `phase`, or gone.
async fn reached(phases: &mut watch::Receiver<Phase>, phase: Phase) {
    // A sender that is gone ends the executors as well.
    let _ = phases.wait_for(|now| *now >= phase).await;
}

/// When an executor died, lately.
#[derive(Default)]
struct Deaths(VecDeque<Instant>);

impl Deaths {
    /// One more, at `now`: how long to wait before the next start; none when it is not worth another.
    fn another(&mut self, now: Instant) -> Option<Duration> {
        self.0.retain(|at| now.duration_since(*at) < DEATHS_WITHIN);
        let earlier = self.0.len();
        self.0.push_back(now);
        (earlier < DEATHS_MAX).then(|| PAUSE * (1 << earlier))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_death_within_a_minute_is_the_last() {
        let (mut deaths, start) = (Deaths::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        for second in 0..5 {
            assert!(deaths.another(after(second)).is_some());
        }
        // The first two no longer count.
        assert!(deaths.another(after(61)).is_some());
        assert!(deaths.another(after(61)).is_some());
        assert_eq!(deaths.another(after(61)), None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_executor_that_always_dies_is_given_up_with_how_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("executor");
        std::fs::write(&program, "#!/bin/sh\necho no luck >&2\nexit 7\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, mode).unwrap();
        let executors = LocalExecutors::start(1, None, program.to_str(), "127.0.0.1:1").unwrap();
        let begun = Instant::now();
        let how = loop {
            if let (1, Some(how)) = executors.lost() {
                break how;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "not given up");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert!(how.contains('7') && how.ends_with("  no luck"), "{how}");
        executors.stop().await;
    }
}
