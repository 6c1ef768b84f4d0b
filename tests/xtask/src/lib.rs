//! Tasks of the project that need nothing but cargo: the library behind `cargo xtask`, shared with the test harness.

pub mod check;
pub mod data;
pub mod kafka;
pub mod prerequisites;
pub mod workspace;
