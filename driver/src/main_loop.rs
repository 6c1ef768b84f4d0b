//! What `main` does once the arguments are read.

use millstream_common::process::shutdown::Shutdown;
use millstream_common::process::{exit, telemetry};

use crate::cli::{Arguments, Command};
use crate::config::DriverConfig;
use crate::error::{DriverError, chain};
use crate::query::Output;
use crate::run::{Cluster, Executors, JobRequest, JobStatement, JobText, compile_job, run_job};

/// How errors name SQL that came as an argument.
const COMMAND_LINE: &str = "<command line>";

/// Runs a command to its end; returns the process's exit code.
pub async fn main_with(arguments: Arguments) -> u8 {
    if let Err(error) = telemetry::init(arguments.common.log.as_deref().unwrap_or("warn")) {
        eprintln!("error: {}", chain(&error));
        return exit::USAGE;
    }
    match Box::pin(dispatch(arguments)).await {
        Ok(()) => exit::DONE,
        Err(error) => {
            match &error {
                // It says itself that it is an error, behind the place.
                DriverError::Sql { text, .. } => eprintln!("{text}"),
                error => eprintln!("error: {}", chain(error)),
            }
            error.exit_code()
        }
    }
}

async fn dispatch(arguments: Arguments) -> Result<(), DriverError> {
    let config = DriverConfig::load(&arguments.common)?;
    let output = Output::stdout();
    if arguments.common.print_config {
        return output.print(&config.rendered).map_err(DriverError::Query);
    }
    let (_trigger, shutdown) = Shutdown::on_signals().map_err(|_| DriverError::Broken { part: "signal handler" })?;
    let (texts, explain_only) = match arguments.command {
        None => {
            return Err(DriverError::Usage {
                message: "a command is needed: run, sql, explain or demo; see --help".to_owned(),
            });
        }
        Some(Command::Run { files }) => (read_all(&files).await?, false),
        Some(Command::Sql { text }) => (vec![on_command_line(text)], false),
        Some(Command::Explain { what }) if what.is_empty() || what.contains(char::is_whitespace) => {
            (vec![on_command_line(what)], true)
        }
        Some(Command::Explain { what }) => (read_all(&[what]).await?, true),
        Some(Command::Demo { arguments }) => {
            let program = match config.cluster.executors {
                Executors::Local { program, .. } => program,
                Executors::Standalone { .. } => None,
            };
            return crate::demo::run(arguments, program, &shutdown).await;
        }
    };
    if let Some(empty) = texts.iter().find(|job| job.is_empty()) {
        let message = match empty.name.as_str() {
            COMMAND_LINE => "the SQL text on the command line is empty: give at least one statement".to_owned(),
            file => format!("job file '{file}' is empty: it needs at least one statement"),
        };
        return Err(DriverError::Usage { message });
    }
    let statements = compile_job(&texts, &config.conf, explain_only).await?;
    execute(statements, config, output, &shutdown).await
}

async fn execute(
    statements: Vec<JobStatement>,
    config: DriverConfig,
    output: Output,
    shutdown: &Shutdown,
) -> Result<(), DriverError> {
    let request = JobRequest {
        statements,
        progress: config.progress,
        checkpoint: config.checkpoint,
        output,
    };
    let mut options = config.cluster;
    if !request.statements.iter().any(JobStatement::needs_executors) {
        // Nothing to do for executors: none are started, none are waited for, any port will do.
        options.executors = Executors::Standalone { count: 0 };
        (options.listen.first_port, options.listen.last_port) = (0, 0);
    }
    let cluster = Cluster::start(options).await?;
    let result = run_job(&cluster, request, shutdown).await;
    cluster.stop().await;
    result
}

fn on_command_line(text: String) -> JobText {
    let name = COMMAND_LINE.to_owned();
    JobText { name, text }
}

/// Reads job files, local ones and those of an object store.
async fn read_all(files: &[String]) -> Result<Vec<JobText>, DriverError> {
    let mut texts = Vec::with_capacity(files.len());
    for file in files {
        let wrong = |reason: String| DriverError::Usage {
            message: format!("cannot read job file '{file}': {reason}"),
        };
        let bytes = if file.contains("://") {
            let location = millstream_store::Location::parse(file).map_err(|error| wrong(chain(&error)))?;
            let (folder, name) = location.split().ok_or_else(|| wrong("it names no file".to_owned()))?;
            let read = millstream_store::Store::at(folder).read(&name).await;
            read.map_err(|error| wrong(chain(&error)))?
                .ok_or_else(|| wrong("there is no such file".to_owned()))?
                .to_vec()
        } else {
            tokio::fs::read(file).await.map_err(|error| wrong(error.to_string()))?
        };
        let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8 text".to_owned()))?;
        texts.push(JobText {
            name: file.clone(),
            text,
        });
    }
    Ok(texts)
}
