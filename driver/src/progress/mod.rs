//! What people and programs see of a running query: a line or a JSON object per batch on stderr, a bar while it catches up.

mod json;
mod line;
mod watcher;

pub use json::StreamingQueryProgress;
pub use watcher::{ProgressMode, QueryName, Watcher};
