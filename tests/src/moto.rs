//! A stand-in for AWS on this machine: moto's server, in memory, and AWS's own command line pointed at it.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use xtask::workspace;

/// What is installed into a virtual environment of its own, below the cache folder.
const PACKAGES: [&str; 2] = ["moto[server,ssm,s3,emr]==5.2.5", "awscli==1.46.3"];
/// Changes with the packages, so that an older environment is not taken for this one.
const ENVIRONMENT: &str = "python-aws-5.2.5-1.46.3";
const START: Duration = Duration::from_secs(60);
const REGION: &str = "eu-central-1";

/// A running server, ended when it is dropped. Its state is its own and empty at the start.
pub struct Moto {
    server: Child,
    port: u16,
    python: PathBuf,
}

impl Moto {
    /// Starts a server on a free port, installing it first where it is missing.
    ///
    /// # Errors
    /// When Python or a package is missing, with the command that installs it; when the server does not start.
    pub fn start() -> Result<Self> {
        let python = python()?;
        // Free now; nobody else on the machine is likely to take it in the next moment.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = Command::new(&python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start moto's server")?;
        let mut moto = Self { server, port, python };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = moto.server.try_wait()? {
                bail!(
                    "moto's server ended with {status}; try: {} -m moto.server -p {port}",
                    moto.python.display()
                );
            }
            ensure!(
                started.elapsed() < START,
                "moto's server does not listen after {START:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(moto)
    }

    /// The variables that send every AWS client here, and keep it from looking anywhere else.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ]
    }

    /// AWS's command line as one word for a shell, for scripts that take it from a variable.
    #[must_use]
    pub fn aws_command(&self) -> String {
        format!("{} -m awscli", self.python.display())
    }

    /// Runs a Python script that finds AWS's library for Python imported as `boto3`: for preparing many things at once, as
    /// the command line takes a second for each.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn prepare(&self, script: &str) -> Result<()> {
        let output = Command::new(&self.python)
            .args(["-c", &format!("import boto3\n{script}")])
            .envs(self.environment())
            .output()
            .context("cannot run Python")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Makes an empty bucket.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create_bucket(&self, name: &str) -> Result<()> {
        self.prepare(&format!(
            "boto3.client('s3').create_bucket(Bucket='{name}', \
             CreateBucketConfiguration={{'LocationConstraint': '{REGION}'}})"
        ))
    }

    /// Runs AWS's command line and gives what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn aws(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(&self.python)
            .args(["-m", "awscli"])
            .args(arguments)
            .envs(self.environment())
            .output()
            .context("cannot run awscli")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "aws {}: {said}", arguments.join(" "));
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The interpreter of an environment that has the packages, made at the first call on a machine.
fn python() -> Result<PathBuf> {
    static READY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    READY
        .get_or_init(|| install().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(anyhow::Error::msg)
}

fn install() -> Result<PathBuf> {
    let cache = workspace::cache_dir()?;
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let home = cache.join(ENVIRONMENT);
    let python = home.join("bin/python");
    let complete = home.join(".complete");
    // Test binaries may run side by side: one installs, the others wait.
    let lock = File::create(cache.join(format!("{ENVIRONMENT}.lock")))?;
    lock.lock().context("cannot lock the cache folder")?;
    if complete.exists() {
        return Ok(python);
    }
    let _ = fs::remove_dir_all(&home);
    run(
        Command::new("python3").args(["-m", "venv"]).arg(&home),
        "python3 with venv is missing or broken, install it: apt-get install python3 python3-venv",
    )?;
    let pip = format!(
        "the packages cannot be installed, try: {} -m pip install {}",
        python.display(),
        PACKAGES.join(" ")
    );
    run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet"])
            .args(PACKAGES),
        &pip,
    )?;
    fs::write(complete, "")?;
    Ok(python)
}

fn run(command: &mut Command, otherwise: &str) -> Result<()> {
    let output = command.output().with_context(|| otherwise.to_owned())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{otherwise}\n{said}");
    Ok(())
}

/// The folder of the scripts for EMR.
#[must_use]
pub fn emr_folder() -> PathBuf {
    Path::new(&workspace::root()).join("bootstrap/emr")
}
