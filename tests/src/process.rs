//! Drivers and executors as processes: started, watched through what they print, signalled, and gone at the end of a test.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use xtask::workspace;

/// How often a predicate is looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// A process of ours. Dropping it kills it.
pub struct Process {
    name: String,
    child: Child,
    stdout: Capture,
    stderr: Capture,
}

/// What a finished process left.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Exit code; none after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

struct Capture {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Capture {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let target = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let (mut chunk, mut pending) = ([0; 8_192], Vec::new());
            while let Ok(count) = pipe.read(&mut chunk) {
                if count == 0 {
                    break;
                }
                pending.extend_from_slice(&chunk[..count]);
                // A chunk may end within a character: keep its bytes for the next one.
                let whole = match std::str::from_utf8(&pending) {
                    Ok(_) => pending.len(),
                    Err(error) if error.error_len().is_none() => error.valid_up_to(),
                    Err(_) => pending.len(),
                };
                let tail = pending.split_off(whole);
                lock(&target).push_str(&String::from_utf8_lossy(&pending));
                pending = tail;
            }
        });
        Self {
            text,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        lock(&self.text).clone()
    }

    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.text()
    }
}

fn lock(text: &Mutex<String>) -> std::sync::MutexGuard<'_, String> {
    text.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A command for one of the project's binaries, without an inherited configuration.
///
/// # Errors
/// When it has not been built.
pub fn command(binary: &str) -> Result<Command> {
    let mut command = Command::new(workspace::binary(binary)?);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MILLSTREAM_") {
            command.env_remove(&name);
        }
    }
    Ok(command)
}

impl Process {
    /// Starts a command with its output captured.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let name = Path::new(command.get_program())
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", workspace::shown(command)))?;
        let stdout = Capture::of(child.stdout.take().context("no standard output")?);
        let stderr = Capture::of(child.stderr.take().context("no standard error")?);
        Ok(Self {
            name: name.unwrap_or_default(),
            child,
            stdout,
            stderr,
        })
    }

    /// Starts the driver with these arguments.
    ///
    /// # Errors
    /// When it has not been built or cannot be started.
    pub fn driver<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<Self> {
        Self::spawn(command("millstream-driver")?.args(arguments))
    }

    /// Starts an executor with these arguments.
    ///
    /// # Errors
    /// When it has not been built or cannot be started.
    pub fn executor<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<Self> {
        Self::spawn(command("millstream-executor")?.args(arguments))
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Process ids of its children, as the system knows them now.
    #[must_use]
    pub fn children(&self) -> Vec<u32> {
        children_of(self.id())
    }

    /// What it has printed so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has reported so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until `seen` gives something.
    ///
    /// # Errors
    /// When the process ends before or the deadline passes; the message carries what it printed.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        deadline: Duration,
        mut seen: impl FnMut(&Self) -> Option<T>,
    ) -> Result<T> {
        let started = Instant::now();
        loop {
            if let Some(found) = seen(self) {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                // The last lines may still have been on their way.
                self.stdout.finish();
                self.stderr.finish();
                return match seen(self) {
                    Some(found) => Ok(found),
                    None => bail!("{} ended with {status} before {what}\n{}", self.name, self.printed()),
                };
            }
            if started.elapsed() > deadline {
                bail!("no {what} from {} within {deadline:?}\n{}", self.name, self.printed());
            }
            thread::sleep(GLANCE);
        }
    }

    fn printed(&self) -> String {
        format!(
            "--- stdout ---\n{}\n--- stderr ---\n{}",
            tail(&self.stdout()),
            tail(&self.stderr())
        )
    }

    /// Sends a signal by name (`INT`, `TERM`, `KILL`, `STOP`, `CONT`).
    ///
    /// # Errors
    /// When the process is gone.
    pub fn signal(&self, name: &str) -> Result<()> {
        signal(self.id(), name)
    }

    /// Waits for its end by itself.
    ///
    /// # Errors
    /// When the deadline passes; it is killed then.
    pub fn finish(mut self, deadline: Duration) -> Result<Finished> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(self.finished(status));
            }
            if started.elapsed() > deadline {
                let printed = self.printed();
                bail!("{} did not end within {deadline:?}\n{printed}", self.name);
            }
            thread::sleep(GLANCE);
        }
    }

    /// Kills it as by `kill -9` and collects what it left.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(mut self) -> Result<Finished> {
        self.child.kill()?;
        let status = self.child.wait()?;
        Ok(self.finished(status))
    }

    fn finished(&mut self, status: ExitStatus) -> Finished {
        Finished {
            code: status.code(),
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Itself when the exit code is `code`.
    ///
    /// # Errors
    /// When it is another; the message carries what was printed.
    pub fn expect(self, code: i32) -> Result<Self> {
        if self.code == Some(code) {
            return Ok(self);
        }
        bail!(
            "exit code {:?}, expected {code}\n--- stdout ---\n{}\n--- stderr ---\n{}",
            self.code,
            tail(&self.stdout),
            tail(&self.stderr)
        )
    }
}

/// The last lines of a text, enough to see what happened.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(60)..)
        .unwrap_or_default()
        .join("\n")
}

/// Sends a signal by name to any process of ours.
///
/// # Errors
/// When there is no such process.
pub fn signal(pid: u32, name: &str) -> Result<()> {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .stderr(Stdio::null())
        .status()?;
    if !status.success() {
        bail!("cannot send {name} to process {pid}: it is gone");
    }
    Ok(())
}

/// Whether a process exists and is not a zombie.
#[must_use]
pub fn alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(_, state)| state != "Z")
}

/// Process ids of a process's children.
#[must_use]
pub fn children_of(pid: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    pids.filter(|child| stat(*child).is_some_and(|(parent, _)| parent == pid))
        .collect()
}

/// (parent, state) of a process.
fn stat(pid: u32) -> Option<(u32, String)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets and may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.to_owned();
    Some((fields.next()?.parse().ok()?, state))
}

/// Resident memory of a process in bytes; 0 when it is gone.
#[must_use]
pub fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or_default();
    line.split_whitespace()
        .next()
        .and_then(|kib| kib.parse::<u64>().ok())
        .unwrap_or(0)
        * 1_024
}
