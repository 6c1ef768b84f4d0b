//! `millstream-driver`: see `--help`.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use millstream_common::process::exit;
use millstream_driver::cli::Arguments;

/// SQL may begin with a comment: `sql "$(cat job.sql)"`. No option has white space in its name.
fn comment_is_no_option(argument: OsString) -> OsString {
    match argument.to_str() {
        Some(text) if text.starts_with("--") && text[2..].starts_with(char::is_whitespace) => format!(" {text}").into(),
        _ => argument,
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse_from(std::env::args_os().map(comment_is_no_option)) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are results, anything else is wrong usage; clap prints both where they belong.
            let _ = error.print();
            return if error.use_stderr() {
                exit::USAGE.into()
            } else {
                exit::DONE.into()
            };
        }
    };
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().enable_all().build() else {
        eprintln!("error: the system gives no threads");
        return exit::FAILED.into();
    };
    let code = runtime.block_on(millstream_driver::main_with(arguments));
    // A thread that still waits for a broker must not hold up the end.
    runtime.shutdown_background();
    code.into()
}
