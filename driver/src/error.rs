//! What ends a job early, and whose fault it is.

use millstream_common::domain::failure::FailureClass;
use millstream_common::process::exit;
use millstream_driver_core::tasks::Failure;
use thiserror::Error;

/// A job that cannot start or go on. `Display` leaves out the source: print the chain.
#[derive(Debug, Error)]
pub enum DriverError {
    /// Arguments or configuration.
    #[error("{message}")]
    Usage {
        /// What is wrong and what would be right.
        message: String,
    },
    /// The job file is wrong; the text shows file, line and a caret.
    #[error("{text}")]
    Sql {
        /// The rendered error.
        text: String,
        /// Whose fault it is.
        class: FailureClass,
    },
    /// No port to listen on.
    #[error("cannot listen on {address}: {hint}")]
    Listen {
        /// Host and port or range of ports.
        address: String,
        /// What to do.
        hint: String,
        /// What the system says of the last port tried.
        #[source]
        source: Option<std::io::Error>,
    },
    /// The executors of `--local` cannot be started.
    #[error(
        "cannot start executor '{program}': build it beside the driver (cargo build -p millstream-executor) or name it by the setting driver.local.program"
    )]
    StartExecutor {
        /// The program.
        program: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Too few executors came in time.
    #[error("{present} of {wanted} executors registered within {waited_s} s: {hint}")]
    TooFewExecutors {
        /// How many are there.
        present: usize,
        /// How many were asked for.
        wanted: usize,
        /// How long was waited, seconds.
        waited_s: u64,
        /// What to do.
        hint: String,
    },
    /// The checkpoint, a table or a file sink's place.
    #[error("{action}: {source}")]
    Store {
        /// What was being done.
        action: String,
        /// What went wrong.
        #[source]
        source: millstream_store::StoreError,
    },
    /// The checkpoint does not fit the query or is damaged.
    #[error("checkpoint {location}: {reason}")]
    Checkpoint {
        /// Where it is.
        location: String,
        /// What is wrong, what to do.
        reason: String,
    },
    /// Another driver has taken over the checkpoint.
    #[error(
        "checkpoint {location} belongs to a newer start of this query (generation {generation}): this one has ended, do not start it again"
    )]
    Fenced {
        /// Where it is.
        location: String,
        /// The newer generation.
        generation: u64,
    },
    /// The query cannot be planned.
    #[error("cannot plan the query: {reason}")]
    Plan {
        /// What the planner says.
        reason: String,
    },
    /// A query failed while it ran.
    #[error("{0}")]
    Query(Failure),
    /// The job was told to stop at once.
    #[error("stopped before the running batch was finished; it runs again at the next start")]
    Interrupted,
    /// A part of the driver ended that must not.
    #[error("the driver's {part} ended: this is a bug")]
    Broken {
        /// Which part.
        part: &'static str,
    },
}

impl DriverError {
    /// A failure to plan.
    pub fn plan(error: &datafusion::error::DataFusionError) -> Self {
        Self::Plan {
            reason: error.strip_backtrace(),
        }
    }

    /// Whose fault it is and whether another attempt can help.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Usage { .. } | Self::Plan { .. } | Self::Checkpoint { .. } => FailureClass::User,
            Self::Sql { class, .. } => *class,
            Self::Listen { .. } | Self::StartExecutor { .. } | Self::TooFewExecutors { .. } => FailureClass::External,
            Self::Store { source, .. } => source.class(),
            Self::Fenced { .. } => FailureClass::Fenced,
            Self::Query(failure) => failure.class,
            Self::Interrupted => FailureClass::Cancelled,
            Self::Broken { .. } => FailureClass::Internal,
        }
    }

    /// The process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } | Self::Plan { .. } => exit::USAGE,
            Self::Sql { class, .. } if *class == FailureClass::User => exit::USAGE,
            Self::Sql { .. } | Self::Listen { .. } | Self::StartExecutor { .. } | Self::TooFewExecutors { .. } => {
                exit::UNAVAILABLE
            }
            Self::Fenced { .. } => exit::FENCED,
            Self::Interrupted => exit::INTERRUPTED,
            Self::Store { .. } | Self::Checkpoint { .. } | Self::Query(_) | Self::Broken { .. } => match self.class() {
                FailureClass::External | FailureClass::LostBlock => exit::UNAVAILABLE,
                FailureClass::Fenced => exit::FENCED,
                FailureClass::User | FailureClass::Internal | FailureClass::DataLoss | FailureClass::Cancelled => {
                    exit::FAILED
                }
            },
        }
    }
}

/// An error with all its causes in one line, each named once.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
