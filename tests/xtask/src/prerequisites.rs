//! What a build or a test needs from the machine, and how to get it.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

/// Something the machine has to have.
struct Need {
    /// What it is called in the message.
    name: &'static str,
    /// What it is for.
    why: &'static str,
    /// A command that succeeds when it is there.
    probe: &'static [&'static str],
    /// Debian and Ubuntu packages that bring it.
    packages: &'static str,
}

const BUILD: &[Need] = &[
    Need {
        name: "a C compiler",
        why: "librdkafka is compiled from source",
        probe: &["cc", "--version"],
        packages: "gcc libc6-dev",
    },
    Need {
        name: "a C++ compiler",
        why: "librdkafka is compiled from source",
        probe: &["c++", "--version"],
        packages: "g++",
    },
    Need {
        name: "make",
        why: "librdkafka is compiled from source",
        probe: &["make", "--version"],
        packages: "make",
    },
    Need {
        name: "pkg-config",
        why: "it finds OpenSSL",
        probe: &["pkg-config", "--version"],
        packages: "pkg-config",
    },
    Need {
        name: "OpenSSL's headers",
        why: "Kafka over TLS",
        probe: &["pkg-config", "--exists", "openssl"],
        packages: "libssl-dev",
    },
    Need {
        name: "zlib's headers",
        why: "gzip in Kafka",
        probe: &["pkg-config", "--exists", "zlib"],
        packages: "zlib1g-dev",
    },
];

const KAFKA: &[Need] = &[
    Need {
        name: "Java 11 or later",
        why: "Apache Kafka runs on it",
        probe: &["java", "-version"],
        packages: "openjdk-17-jre-headless",
    },
    Need {
        name: "Maven",
        why: "it fetches Apache Kafka's jars",
        probe: &["mvn", "--version"],
        packages: "maven",
    },
];

/// Checks what compiling needs.
///
/// # Errors
/// Names everything that is missing, why it is needed and the command that installs it.
pub fn for_build() -> Result<()> {
    check(BUILD)
}

/// Checks what starting Apache Kafka needs.
///
/// # Errors
/// Names everything that is missing, why it is needed and the command that installs it.
pub fn for_kafka() -> Result<()> {
    check(KAFKA)
}

fn check(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !succeeds(need.probe)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = missing
        .iter()
        .map(|need| format!("  {} ({})", need.name, need.why))
        .collect();
    let packages: Vec<&str> = missing.iter().map(|need| need.packages).collect();
    bail!(
        "missing on this machine:\n{}\nDebian, Ubuntu: sudo apt-get install -y {}\nelsewhere: install the same with your system's package manager, then run this again",
        lines.join("\n"),
        packages.join(" ")
    )
}

fn succeeds(probe: &[&str]) -> bool {
    let Some((program, arguments)) = probe.split_first() else {
        return true;
    };
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
