//! The executor's program: arguments, configuration, run, exit code.

use std::io::Read;
use std::process::ExitCode;

use clap::Parser;
use millstream_common::process::shutdown::{Phase, Shutdown, ShutdownTrigger};
use millstream_common::process::{exit, telemetry};
use millstream_executor::config::{Arguments, ExecutorConfig};
use millstream_executor::process::{Ended, ProcessError, run};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = match arguments.load() {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    if arguments.print_config {
        print!("{}", config.render());
        return exit::DONE.into();
    }
    if let Err(error) = telemetry::init(config.text("executor.log").unwrap_or("warn")) {
        return refuse(&error);
    }
    millstream_executor::panics::install_hook();
    match ExecutorConfig::of(&config) {
        Ok(config) => start(config, arguments.exit_with_stdin),
        Err(error) => refuse(&error),
    }
}

fn start(config: ExecutorConfig, exit_with_stdin: bool) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "cannot start");
            return exit::FAILED.into();
        }
    };
    let result = runtime.block_on(async {
        let (trigger, shutdown) = Shutdown::on_signals()?;
        if exit_with_stdin {
            watch_stdin(trigger)?;
        }
        Ok::<_, std::io::Error>(run(config, shutdown).await)
    });
    // Slot threads may still be busy when the process was told to stop at once: they are not waited for.
    runtime.shutdown_background();
    match result {
        Ok(Ok(Ended::Drained)) => exit::DONE.into(),
        Ok(Ok(Ended::Interrupted)) => exit::INTERRUPTED.into(),
        Ok(Err(error)) => {
            let reason = std::error::Error::source(&error)
                .map(|cause| format!(": {cause}"))
                .unwrap_or_default();
            eprintln!("millstream-executor: {error}{reason}");
            match error {
                ProcessError::Listen { .. } => exit::UNAVAILABLE.into(),
                ProcessError::Thread(_) | ProcessError::Serve(_) => exit::FAILED.into(),
            }
        }
        Err(error) => {
            eprintln!("millstream-executor: cannot install signal handlers: {error}");
            exit::FAILED.into()
        }
    }
}

/// Stops at once when standard input closes: whoever started this process is gone, and nobody wants its results.
fn watch_stdin(trigger: ShutdownTrigger) -> std::io::Result<()> {
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut ignored = [0_u8; 256];
        let mut stdin = std::io::stdin().lock();
        while matches!(stdin.read(&mut ignored), Ok(1..)) {}
        trigger.request(Phase::Now);
    })?;
    Ok(())
}

fn refuse(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("millstream-executor: {error}");
    exit::USAGE.into()
}
