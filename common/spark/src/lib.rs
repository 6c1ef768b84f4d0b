//! Spark's answers on Arrow columns: types, casts, functions, operators and the text of tables.
//!
//! Everything is reachable by name through one [`session_state`] (planning) and one [`task_context`] (decoding a
//! plan that was shipped), which register the same functions, so that a physical plan made by one process runs in
//! another.
//!
//! What a planner has to do beyond using [`session_state`]:
//! - binary operators (`+ - * / % DIV || = < ..`) are planned by [`operators::SparkOperatorPlanner`], which is registered
//!   there: nothing to call. Unary `~` has no hook in the SQL planner: plan it as the function `bitwise_not`, and `RLIKE` as
//!   the function `rlike`.
//! - `CAST` and `TRY_CAST` stay `Expr::Cast` while planning; the analyzer rule [`analyzer::SparkAnalyzer`] turns every one of
//!   them, written or implied, into the function [`spark_cast`](functions::conversion).
//! - integer literals have to be narrowed by the caller (`1` is an INT in Spark); a cast around one is a written cast, beside which
//!   a decimal takes all digits of the type.
//! - `a[i]` and `m[k]` are planned by the same planner, with Spark's index from 0.
//! - `struct(a, b + 1)` names its fields `a` and `col2`; a field taken from a struct (`d.a`) is no column here, so write it as
//!   `named_struct('a', d.a)` where its name matters.
//! - `ltrim(what, text)`, `rtrim(what, text)`: Spark's order of arguments is the reverse of the engine's; swap them.
//! - `ceil(x, d)` and `floor(x, d)` are parsed as `Expr::Ceil` and `Expr::Floor`, which the SQL planner refuses with a scale:
//!   rewrite them to calls of the functions.
//! - the time zone of a session is `execution.time_zone` of its configuration; functions read it when they run.

pub mod analyzer;
pub mod batch_clock;
pub mod cast;
pub mod coerce;
pub mod csv;
pub mod ddl;
mod error;
pub mod functions;
pub mod interval;
pub mod json;
pub mod number;
pub mod operators;
pub mod pattern;
pub mod render;
pub mod session;
pub mod task_rows;
pub mod type_name;
pub mod types;
pub mod zone;

pub use error::SparkError;
pub use session::{SessionSettings, session_state, task_context};
