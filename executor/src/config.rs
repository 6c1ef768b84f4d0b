//! What an executor can be told: command line, environment, file.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Parser;
use millstream_common::process::config::{Config, ConfigError, Kind, Layers, Setting};
use thiserror::Error;

use crate::session::{TargetError, parse_targets};

/// Settings by their names in the file; flags and variables set the same ones.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "executor.driver",
        kind: Kind::Text,
        default: None,
        help: "Where drivers are: HOST:PORT, several separated by commas, HOST:FIRST-LAST for a range of ports",
    },
    Setting {
        key: "executor.slots",
        kind: Kind::Count { least: 1, most: 1_024 },
        default: None,
        help: "Tasks run at once; default: one per processor",
    },
    Setting {
        key: "executor.bind",
        kind: Kind::Text,
        default: Some("127.0.0.1"),
        help: "Address the Blocks service listens on",
    },
    Setting {
        key: "executor.port",
        kind: Kind::Count { least: 0, most: 65_535 },
        default: Some("0"),
        help: "Port of the Blocks service; 0: any free one",
    },
    Setting {
        key: "executor.host",
        kind: Kind::Text,
        default: None,
        help: "Name under which other processes reach this one; default: the address it listens on",
    },
    Setting {
        key: "executor.shuffle_memory",
        kind: Kind::Bytes,
        default: Some("1g"),
        help: "Most memory for shuffle blocks, in bytes",
    },
    Setting {
        key: "executor.log",
        kind: Kind::Text,
        default: Some("warn"),
        help: "Log level (error, warn, info, debug) or a filter such as info,rdkafka=debug",
    },
];

/// Runs tasks for Millstream drivers.
#[derive(Debug, Parser)]
#[command(
    name = "millstream-executor",
    version,
    about,
    after_help = "\
Examples:
  millstream-executor --driver 127.0.0.1:7077            one driver on this machine
  millstream-executor --driver master:7077-7092          any of sixteen drivers on the host master
  millstream-executor --driver a:7077,b:7077 --slots 8 --bind 0.0.0.0 --host worker-3
  millstream-executor --driver a:7077 --print-config     show every setting and where it comes from

The executor goes on looking for drivers that are not there. SIGTERM lets running tasks finish.
Exit codes: 0 done, 1 failed, 2 bad arguments or configuration, 3 the port cannot be bound, 130 interrupted twice."
)]
pub struct Arguments {
    /// Where drivers are: HOST:PORT, several separated by commas, HOST:FIRST-LAST for a range of ports
    #[arg(long, alias = "master", value_name = "ADDRESSES")]
    driver: Option<String>,
    /// Tasks run at once [default: one per processor]
    #[arg(long, value_name = "COUNT")]
    slots: Option<NonZeroU32>,
    /// Address the Blocks service listens on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<IpAddr>,
    /// Port of the Blocks service, 0 for any free one [default: 0]
    #[arg(long)]
    port: Option<u16>,
    /// Name under which other processes reach this one [default: the address it listens on]
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Most memory for shuffle blocks, such as 512m or 2g [default: 1g]
    #[arg(long, value_name = "SIZE")]
    shuffle_memory: Option<String>,
    /// Log level or filter [default: warn]
    #[arg(long, env = "MILLSTREAM_LOG", value_name = "LEVEL")]
    log: Option<String>,
    /// Configuration file (TOML)
    #[arg(long, env = "MILLSTREAM_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// End when standard input closes: for an executor that belongs to the process that started it
    #[arg(long)]
    pub exit_with_stdin: bool,
    /// Print the settings in force and end
    #[arg(long)]
    pub print_config: bool,
}

impl Arguments {
    fn flags(&self) -> Vec<(String, String)> {
        let text = |key: &str, value: Option<String>| value.map(|value| (format!("executor.{key}"), value));
        [
            text("driver", self.driver.clone()),
            text("slots", self.slots.map(|slots| slots.to_string())),
            text("bind", self.bind.map(|bind| bind.to_string())),
            text("port", self.port.map(|port| port.to_string())),
            text("host", self.host.clone()),
            text("shuffle_memory", self.shuffle_memory.clone()),
            text("log", self.log.clone()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// All layers together.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn load(&self) -> Result<Config, ConfigError> {
        let layers = Layers {
            foreign: &["driver", "local", "conf"],
            ..Layers::of_process(self.config.clone(), self.flags())
        };
        Config::load(SETTINGS, None, &layers)
    }
}

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub enum ExecutorConfigError {
    /// No driver is named.
    #[error("no driver is named: give --driver HOST:PORT or set executor.driver")]
    NoDriver,
    /// The drivers' addresses.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The address to listen on.
    #[error("executor.bind is '{text}', expected an IP address")]
    Bind {
        /// As given.
        text: String,
    },
}

/// The settings an executor runs with.
#[derive(Clone, Debug)]
pub struct ExecutorConfig {
    /// Drivers' addresses, each once.
    pub drivers: Vec<String>,
    /// Tasks run at once.
    pub slots: u32,
    /// Where the Blocks service listens.
    pub bind: IpAddr,
    /// Its port; 0: any.
    pub port: u16,
    /// The name others reach it by.
    pub host: Option<String>,
    /// Limit of shuffle blocks, in bytes.
    pub shuffle_bytes: u64,
}

impl ExecutorConfig {
    /// Takes the settings out of a checked configuration.
    ///
    /// # Errors
    /// [`ExecutorConfigError`].
    pub fn of(config: &Config) -> Result<Self, ExecutorConfigError> {
        let drivers = parse_targets(config.text("executor.driver").ok_or(ExecutorConfigError::NoDriver)?)?;
        let bind = config.text("executor.bind").unwrap_or("127.0.0.1");
        let processors = || std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
        let slots = config.count("executor.slots").unwrap_or_else(processors);
        Ok(Self {
            drivers,
            slots: u32::try_from(slots).unwrap_or(1),
            bind: bind
                .parse()
                .map_err(|_| ExecutorConfigError::Bind { text: bind.to_owned() })?,
            port: config
                .count("executor.port")
                .and_then(|port| u16::try_from(port).ok())
                .unwrap_or(0),
            host: config.text("executor.host").map(str::to_owned),
            shuffle_bytes: config.bytes("executor.shuffle_memory").unwrap_or(1 << 30),
        })
    }
}
