//! The shapes that driver and executors exchange about a query, and the plan operators both must know.

pub mod spec;
