//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::progress::ProgressMode;

const EXAMPLES: &str = "\
Examples:
  millstream-driver run --local 2 --conf bootstrap_servers=localhost:9092 job.sql
  millstream-driver sql \"SELECT 1 + 1 AS two\"
  millstream-driver explain job.sql
  millstream-driver demo

Results go to standard output, everything else to standard error.
Exit codes: 0 done, 1 failed, 2 wrong arguments or SQL, 3 a service cannot be reached (try again),
            4 a newer start owns the checkpoint (do not start again), 130 stopped at once.";

const RUN_EXAMPLES: &str = "\
Examples:
  # two executors on this machine, started and ended with the driver
  millstream-driver run --local 2 --conf bootstrap_servers=localhost:9092 job.sql

  # executors that run elsewhere with --driver THIS_HOST:7077
  millstream-driver run --listen 0.0.0.0:7077 --executors 4 --wait 2m job.sql

  # progress for a program, state that survives a restart
  millstream-driver run --local 2 --progress json --checkpoint s3://bucket/checkpoints/sales job.sql

The first Ctrl-C (or SIGTERM) finishes the running batch, commits it and exits 0; a second one stops at once.";

/// Runs streaming and batch SQL over Kafka on a set of executors.
#[derive(Debug, Parser)]
#[command(name = "millstream-driver", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Settings.
    #[command(flatten)]
    pub common: Common,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run job files: batch statements in order, streaming queries together
    #[command(after_help = RUN_EXAMPLES)]
    Run {
        /// SQL files (local, or s3://)
        #[arg(required = true, value_name = "FILE.sql")]
        files: Vec<String>,
    },
    /// Run SQL given on the command line
    #[command(
        after_help = "Example:\n  millstream-driver sql \"SELECT country, count(*) FROM VALUES ('Peru'), ('Chad') AS t(country) GROUP BY country\""
    )]
    Sql {
        /// Statements, separated by semicolons
        #[arg(value_name = "SQL")]
        text: String,
    },
    /// Show stages, tasks and where each operator runs, without running anything
    #[command(after_help = "Example:\n  millstream-driver explain --conf bootstrap_servers=localhost:9092 job.sql")]
    Explain {
        /// A SQL file, or SQL
        #[arg(value_name = "FILE|SQL")]
        what: String,
    },
    /// Run the nine jobs on an embedded broker and show their tables
    #[command(disable_help_flag = true)]
    Demo {
        /// See demo --help
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

/// Settings of every command. Later layers win: defaults, file, environment (MILLSTREAM_*), flags.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// A parameter ${NAME} of the SQL, or a spark.* setting; may be repeated
    #[arg(long, global = true, value_name = "NAME=VALUE")]
    pub conf: Vec<String>,

    /// Settings file (TOML)
    #[arg(long, global = true, value_name = "FILE.toml", env = "MILLSTREAM_CONFIG")]
    pub config: Option<PathBuf>,

    /// Show all settings with where they come from, and end
    #[arg(long, global = true)]
    pub print_config: bool,

    /// Start N executors on this machine that end with the driver
    #[arg(long, global = true, value_name = "N")]
    pub local: Option<u64>,

    /// Tasks each local executor runs at once
    #[arg(long, global = true, value_name = "N")]
    pub slots: Option<u64>,

    /// Stand-alone executors to wait for
    #[arg(long, global = true, value_name = "N")]
    pub executors: Option<u64>,

    /// How long to wait for executors (30s, 2m)
    #[arg(long, global = true, value_name = "TIME")]
    pub wait: Option<String>,

    /// Where executors connect: HOST:PORT or HOST:FIRST-LAST; loopback unless set
    #[arg(long, global = true, value_name = "HOST:PORT")]
    pub listen: Option<String>,

    /// Only the port of --listen; 0 takes any free one
    #[arg(long, global = true, value_name = "PORT")]
    pub port: Option<u16>,

    /// Host name that executors are told to fetch from, when it is not that of --listen
    #[arg(long, global = true, value_name = "HOST")]
    pub advertise: Option<String>,

    /// What is written to standard error while queries run
    #[arg(long, global = true, value_enum, value_name = "HOW")]
    pub progress: Option<ProgressMode>,

    /// Where streaming queries keep logs and state, instead of what the SQL says
    #[arg(long, global = true, value_name = "FOLDER")]
    pub checkpoint: Option<String>,

    /// Log filter for standard error (error, warn, info, debug, or a tracing filter)
    #[arg(long, global = true, value_name = "LEVEL", env = "MILLSTREAM_LOG")]
    pub log: Option<String>,
}

impl Common {
    /// The flags that were given, by setting.
    #[must_use]
    pub fn flags(&self) -> Vec<(String, String)> {
        let mut flags = Vec::new();
        let mut flag = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                flags.push((key.to_owned(), value));
            }
        };
        flag("driver.local.executors", self.local.map(|n| n.to_string()));
        flag("driver.local.slots", self.slots.map(|n| n.to_string()));
        flag("driver.cluster.executors", self.executors.map(|n| n.to_string()));
        flag("driver.cluster.wait", self.wait.clone());
        flag("driver.listen.address", self.listen.clone());
        flag("driver.listen.port", self.port.map(|port| port.to_string()));
        flag("driver.listen.advertise", self.advertise.clone());
        flag("driver.progress", self.progress.map(|mode| mode.word().to_owned()));
        flag("driver.checkpoint", self.checkpoint.clone());
        flags
    }
}
