//! Real brokers on free ports of the loopback address, gone when their owner is gone.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::jars;

/// A broker that has not said it is up by then will not.
const START_DEADLINE: Duration = Duration::from_secs(90);

/// Starts the JVM given as arguments, says its process id and waits for a line on standard input. The end of that input, which is our end
/// however we end, kills the JVM and removes its files; a line `keep` only kills. Ctrl-C is for us: the guard must outlive us to clean up.
const GUARD: &str = r#"trap '' INT
"$@" </dev/null >"$BROKER_FOLDER/log" 2>&1 & pid=$!
echo $pid
exec 1>&-
read -r word
kill -9 $pid
wait $pid
[ "$word" = keep ] || { rm -rf "$BROKER_FOLDER"; rmdir "${BROKER_FOLDER%/*}" 2>/dev/null; }
"#;

/// How a cluster is made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Number of brokers; each is a controller too.
    pub brokers: u32,
    /// The heap of each broker's JVM.
    pub heap_mb: u32,
    /// Compile little, start quickly: for tests. Off for measurements.
    pub quick_start: bool,
    /// Lines added to each broker's configuration.
    pub properties: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            brokers: 1,
            heap_mb: 512,
            quick_start: true,
            properties: Vec::new(),
        }
    }
}

/// Running brokers. Dropping it, or the end of this process in any way, kills them and removes their files.
pub struct Cluster {
    folder: PathBuf,
    jars: PathBuf,
    settings: Settings,
    ports: Vec<(u16, u16)>,
    brokers: Vec<Option<Guard>>,
}

/// The shell that watches us (see `GUARD`): no broker outlives a killed test.
struct Guard {
    shell: Child,
    pid: u32,
}

impl Cluster {
    /// Starts the brokers and waits until all serve.
    ///
    /// # Errors
    /// When the jars cannot be had, or a broker does not come up; the message carries the end of its log.
    pub fn start(settings: Settings) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let jars = jars::folder()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("millstream-kafka-{}-{number}", process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let ports = free_ports(settings.brokers)?;
        let brokers = (0..settings.brokers).map(|_| None).collect();
        let mut cluster = Self {
            folder,
            jars,
            settings,
            ports,
            brokers,
        };
        for index in 0..cluster.brokers.len() {
            cluster.launch(index)?;
        }
        for index in 0..cluster.brokers.len() {
            cluster.wait_until_up(index)?;
        }
        Ok(cluster)
    }

    /// `host:port` of every broker, comma separated.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        self.ports
            .iter()
            .map(|(port, _)| format!("127.0.0.1:{port}"))
            .collect::<Vec<_>>()
            .join(",")
    }

    /// Process id of a broker's JVM, while it runs.
    #[must_use]
    pub fn pid(&self, index: usize) -> Option<u32> {
        self.brokers.get(index)?.as_ref().map(|guard| guard.pid)
    }

    /// Kills a broker as by `kill -9`; its files stay.
    pub fn kill(&mut self, index: usize) {
        if let Some(guard) = self.brokers.get_mut(index).and_then(Option::take) {
            guard.end();
        }
    }

    /// Starts a killed broker again on its port and files.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub fn restart(&mut self, index: usize) -> Result<()> {
        self.kill(index);
        self.launch(index)?;
        self.wait_until_up(index)
    }

    fn broker_folder(&self, index: usize) -> PathBuf {
        self.folder.join(format!("broker-{}", index + 1))
    }

    fn launch(&mut self, index: usize) -> Result<()> {
        let folder = self.broker_folder(index);
        let data = folder.join("data");
        if !data.is_dir() {
            fs::create_dir_all(&data)?;
            // What Kafka's storage tool would write, without the second that its JVM takes.
            let node = index + 1;
            let meta = format!("version=1\ncluster.id=bWlsbHN0cmVhbS10ZXN0cw\nnode.id={node}\n");
            fs::write(data.join("meta.properties"), meta)?;
            fs::write(folder.join("server.properties"), self.properties(index))?;
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", GUARD, "guard", "java"]);
        shell.arg(format!("-Xmx{}m", self.settings.heap_mb)).arg("-Xshare:auto");
        if self.settings.quick_start {
            shell.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]);
        }
        shell.arg(format!(
            "-Dlog4j.configuration=file:{}",
            self.jars.join("log4j.properties").display()
        ));
        shell
            .arg("-cp")
            .arg(self.jars.join("lib/*"))
            .arg("kafka.Kafka")
            .arg(folder.join("server.properties"));
        shell
            .env("BROKER_FOLDER", &folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut shell = shell.spawn().context("cannot start a shell for Kafka's JVM")?;
        let mut line = String::new();
        if let Some(out) = shell.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let pid = line
            .trim()
            .parse()
            .context("the shell that starts Kafka named no process")?;
        if let Some(slot) = self.brokers.get_mut(index) {
            *slot = Some(Guard { shell, pid });
        }
        Ok(())
    }

    fn properties(&self, index: usize) -> String {
        let (port, controller) = self.ports.get(index).copied().unwrap_or_default();
        let voters: Vec<String> = self
            .ports
            .iter()
            .enumerate()
            .map(|(at, (_, port))| format!("{}@127.0.0.1:{port}", at + 1))
            .collect();
        let copies = self.settings.brokers.min(3);
        let mut lines = vec![
            "process.roles=broker,controller".to_owned(),
            format!("node.id={}", index + 1),
            format!("controller.quorum.voters={}", voters.join(",")),
            format!("listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"),
            format!("advertised.listeners=PLAINTEXT://127.0.0.1:{port}"),
            "controller.listener.names=CONTROLLER".to_owned(),
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT".to_owned(),
            format!("log.dirs={}", self.broker_folder(index).join("data").display()),
            format!("offsets.topic.replication.factor={copies}"),
            "offsets.topic.num.partitions=4".to_owned(),
            format!("transaction.state.log.replication.factor={copies}"),
            format!("transaction.state.log.min.isr={}", copies.min(2)),
            "transaction.state.log.num.partitions=4".to_owned(),
            "group.initial.rebalance.delay.ms=0".to_owned(),
            "auto.create.topics.enable=false".to_owned(),
            // Tests give records timestamps of years ago; retention by time would remove them.
            "log.retention.ms=-1".to_owned(),
        ];
        lines.extend(self.settings.properties.iter().cloned());
        lines.join("\n") + "\n"
    }

    fn wait_until_up(&self, index: usize) -> Result<()> {
        let log = self.broker_folder(index).join("log");
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            let text = fs::read_to_string(&log).unwrap_or_default();
            if text.contains("Kafka Server started") {
                return Ok(());
            }
            let alive = self
                .pid(index)
                .is_some_and(|pid| Path::new(&format!("/proc/{pid}")).exists());
            if !alive || Instant::now() > deadline {
                let lines: Vec<&str> = text.lines().collect();
                let tail = lines
                    .get(lines.len().saturating_sub(15)..)
                    .unwrap_or_default()
                    .join("\n");
                bail!(
                    "Kafka broker {} did not come up; the end of its log:\n{tail}",
                    index + 1
                );
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Guard {
    /// Kills the JVM and leaves the broker's files.
    fn end(mut self) {
        if let Some(mut stdin) = self.shell.stdin.take() {
            let _ = stdin.write_all(b"keep\n");
        }
        let _ = self.shell.wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for index in 0..self.brokers.len() {
            self.kill(index);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A free port for clients and one for controllers, per broker. All are held at once, so that no two are the same.
fn free_ports(brokers: u32) -> Result<Vec<(u16, u16)>> {
    let listeners = (0..2 * brokers)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<std::io::Result<Vec<_>>>()?;
    let ports = listeners
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()))
        .collect::<Result<Vec<_>>>()?;
    Ok(ports.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}
