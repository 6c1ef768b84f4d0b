//! A job file in Spark SQL to logical plans: text, statements, names, types, and what a stream may do.

mod compile;
mod error;
mod interval;
mod legality;
mod params;
mod parse;
mod plan;
mod secrets;
mod settings;
#[cfg(test)]
mod shipped_jobs;
mod streaming;
mod tables;
mod text;

pub use compile::{CompileEnv, ExplainMode, Query, SchemaReader, Statement, compile};
pub use error::{Position, SqlError, SqlErrorKind};
pub use params::{EnvResolver, Params, Resolver};
pub use secrets::Secrets;

#[cfg(test)]
mod tests;
