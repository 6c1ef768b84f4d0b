//! A job file's text to statements. Nothing here knows what a table holds.

mod clauses;
mod create;
mod cursor;
mod dialect;
pub(crate) mod lex;
mod pivot;
mod query;
mod rows;
mod statement;

pub(crate) use clauses::{Delay, QueryText, StreamClauses, stream_table, watermark_alias};
pub(crate) use dialect::JobDialect;
pub(crate) use pivot::computed;
pub(crate) use rows::NO_KEYS;
pub(crate) use statement::{CreateTable, Parsed, ParsedStatement, parse};
