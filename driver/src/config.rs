//! The driver's settings, read once.

use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

use clap::ValueEnum;
use millstream_common::process::config::{Config, Kind, Layers, Setting};

use crate::cli::Common;
use crate::error::DriverError;
use crate::progress::ProgressMode;
use crate::run::{ClusterOptions, Executors, ListenAt};

/// All settings of the driver.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "driver.local.executors",
        kind: Kind::Count { least: 0, most: 64 },
        default: None,
        help: "Executors started on this machine and ended with the driver; unset: stand-alone ones are waited for",
    },
    Setting {
        key: "driver.local.slots",
        kind: Kind::Count { least: 1, most: 256 },
        default: None,
        help: "Tasks each local executor runs at once; unset: its share of the processors",
    },
    Setting {
        key: "driver.local.program",
        kind: Kind::Text,
        default: None,
        help: "The executor program; unset: millstream-executor beside the driver",
    },
    Setting {
        key: "driver.cluster.executors",
        kind: Kind::Count { least: 1, most: 10_000 },
        default: Some("1"),
        help: "Stand-alone executors to wait for before a job starts",
    },
    Setting {
        key: "driver.cluster.wait",
        kind: Kind::Duration,
        default: Some("60s"),
        help: "How long to wait for executors",
    },
    Setting {
        key: "driver.listen.address",
        kind: Kind::Text,
        default: Some("127.0.0.1:7077-7092"),
        help: "Where executors connect: HOST:PORT, or HOST:FIRST-LAST for the first free port",
    },
    Setting {
        key: "driver.listen.port",
        kind: Kind::Count { least: 0, most: 65_535 },
        default: None,
        help: "Replaces the port of listen.address; 0 takes any free one",
    },
    Setting {
        key: "driver.listen.advertise",
        kind: Kind::Text,
        default: None,
        help: "Host name that executors are told to fetch from; unset: that of listen.address",
    },
    Setting {
        key: "driver.progress",
        kind: Kind::OneOf(&["auto", "plain", "json", "none"]),
        default: Some("auto"),
        help: "What is written to standard error while queries run",
    },
    Setting {
        key: "driver.checkpoint",
        kind: Kind::Text,
        default: None,
        help: "Where streaming queries keep logs and state, instead of what their statements say",
    },
];

/// The settings, checked.
pub struct DriverConfig {
    /// As text, for `--print-config`.
    pub rendered: String,
    /// The driver's place.
    pub cluster: ClusterOptions,
    /// How progress is shown.
    pub progress: ProgressMode,
    /// Where streaming queries keep their state.
    pub checkpoint: Option<String>,
    /// Parameters and `spark.*` settings, file first, then flags.
    pub conf: Vec<(String, String)>,
}

impl DriverConfig {
    /// Reads file, environment and flags.
    ///
    /// # Errors
    /// `Usage` with all problems together.
    pub fn load(common: &Common) -> Result<Self, DriverError> {
        let usage = |message: String| DriverError::Usage { message };
        let layers = Layers {
            foreign: &["executor"],
            ..Layers::of_process(common.config.clone(), common.flags())
        };
        let config = Config::load(SETTINGS, Some("conf"), &layers).map_err(|error| usage(error.to_string()))?;
        let mut conf: Vec<(String, String)> = config
            .open_entries()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for entry in &common.conf {
            let (name, value) = entry
                .split_once('=')
                .ok_or_else(|| usage(format!("--conf '{entry}': expected NAME=VALUE")))?;
            conf.push((name.trim().to_owned(), value.to_owned()));
        }
        let local = config.count("driver.local.executors").filter(|count| *count > 0);
        let executors = match local {
            Some(count) => Executors::Local {
                count: usize::try_from(count).unwrap_or(1),
                slots: config
                    .count("driver.local.slots")
                    .and_then(|slots| u32::try_from(slots).ok()),
                program: config.text("driver.local.program").map(str::to_owned),
            },
            None => Executors::Standalone {
                count: usize::try_from(config.count("driver.cluster.executors").unwrap_or(1)).unwrap_or(1),
            },
        };
        let mut listen = listen_at(config.text("driver.listen.address").unwrap_or_default()).map_err(usage)?;
        if let Some(port) = config
            .count("driver.listen.port")
            .and_then(|port| u16::try_from(port).ok())
        {
            (listen.first_port, listen.last_port) = (port, port);
        }
        listen.advertise = config.text("driver.listen.advertise").map(str::to_owned);
        Ok(Self {
            rendered: config.render(),
            cluster: ClusterOptions {
                listen,
                executors,
                wait: config
                    .duration("driver.cluster.wait")
                    .unwrap_or(Duration::from_secs(60)),
            },
            progress: config
                .text("driver.progress")
                .and_then(|word| ProgressMode::from_str(word, true).ok())
                .unwrap_or_default(),
            checkpoint: config.text("driver.checkpoint").map(str::to_owned),
            conf,
        })
    }
}

fn listen_at(text: &str) -> Result<ListenAt, String> {
    let wrong = || format!("listen.address is '{text}', expected HOST:PORT or HOST:FIRST-LAST");
    let (host, ports) = match text.rsplit_once(':') {
        Some((host, ports)) => (host.trim_matches(['[', ']']), ports),
        None => (text, "7077-7092"),
    };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (first_port, last_port): (u16, u16) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
    let parsed: Option<IpAddr> = host.parse().ok();
    let resolved = parsed.or_else(|| (host, 0).to_socket_addrs().ok()?.next().map(|address| address.ip()));
    let host_ip = resolved.ok_or_else(|| format!("listen.address: host '{host}' is not known on this machine"))?;
    Ok(ListenAt {
        host: host_ip,
        first_port,
        last_port,
        advertise: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let read = |text: &str| listen_at(text).map(|at| (at.host.to_string(), at.first_port, at.last_port));
        assert_eq!(read("127.0.0.1:7077-7092"), Ok(("127.0.0.1".into(), 7077, 7092)));
        assert_eq!(read("0.0.0.0:0"), Ok(("0.0.0.0".into(), 0, 0)));
        assert_eq!(read("[::1]:80"), Ok(("::1".into(), 80, 80)));
        assert!(read("127.0.0.1:many").is_err());
    }
}
