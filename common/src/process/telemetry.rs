//! Logs: plain lines on stderr, so that stdout holds results only.

use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The level when none is given.
pub const DEFAULT_LEVEL: &str = "info";

/// Logging that cannot be set up.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The level is no level and no filter.
    #[error(
        "log level '{level}' cannot be used, expected error, warn, info, debug, trace or a filter such as 'info,millstream_kafka=debug'"
    )]
    BadLevel {
        /// The text given.
        level: String,
        /// What the parser says of a filter.
        #[source]
        source: Option<tracing_subscriber::filter::ParseError>,
    },
    /// Another logger was installed before.
    #[error("logging is set up already")]
    AlreadySet,
}

/// Sends logs of `level` and above to stderr, and makes a panic end the process.
///
/// `level` is a level (`info`: of this program's parts; libraries say warnings only) or a whole filter
/// (`info,rdkafka=debug`).
///
/// # Errors
/// `BadLevel`; `AlreadySet` when called twice.
pub fn init(level: &str) -> Result<(), TelemetryError> {
    init_to(level, std::io::stderr, std::io::stderr().is_terminal())
}

/// As [`init`], through a writer of one's own: one that moves a progress bar out of the way, say.
///
/// # Errors
/// As [`init`].
pub fn init_to<W>(level: &str, writer: W, color: bool) -> Result<(), TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = parse_filter(level)?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(color)
        .with_target(false)
        .try_init()
        .map_err(|_| TelemetryError::AlreadySet)?;
    abort_on_panic();
    Ok(())
}

/// Makes a panic on any thread log where and why, and end the process: a process that lost a thread must not go on
/// half alive.
pub fn abort_on_panic() {
    std::panic::set_hook(Box::new(|info| {
        let (place, reason) = describe(info);
        tracing::error!(
            thread = std::thread::current().name().unwrap_or("unnamed"),
            place,
            reason,
            "panic, the process ends"
        );
        // Also when logging itself is what failed.
        eprintln!("panic at {place}: {reason}");
        std::process::abort();
    }));
}

fn describe(info: &PanicHookInfo<'_>) -> (String, String) {
    let place = info
        .location()
        .map_or_else(|| "unknown place".to_owned(), ToString::to_string);
    let payload = info.payload();
    let reason = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no reason given".to_owned());
    (place, reason)
}

fn parse_filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    let level = level.trim();
    let bad = |source| TelemetryError::BadLevel {
        level: level.to_owned(),
        source,
    };
    if level.contains(['=', ',']) {
        return EnvFilter::try_new(level).map_err(|error| bad(Some(error)));
    }
    let level: LevelFilter = level.parse().map_err(|_| bad(None))?;
    // Filters match targets by their beginning, so this one name covers all packages of the project.
    EnvFilter::try_new(format!("warn,millstream={level}")).map_err(|error| bad(Some(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_filters_are_read_and_nonsense_is_refused() {
        for level in ["info", "DEBUG", " warn ", "off", "info,millstream_kafka=debug"] {
            parse_filter(level).unwrap_or_else(|error| panic!("{level}: {error}"));
        }
        let error = parse_filter("loud").unwrap_err().to_string();
        assert!(
            error.starts_with("log level 'loud' cannot be used, expected error, warn"),
            "{error}"
        );
    }
}
