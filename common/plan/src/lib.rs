//! The shapes that driver and executors exchange about a query, and the plan operators both must know.
//!
//! A query is planned once, cut into stages once ([`stages`]), and its stages are shipped once ([`codec`]). A task
//! then only says where the rows of each [`slot`] come from.

pub mod codec;
pub mod event_time;
pub mod keep_order;
pub mod pane;
pub mod planner;
pub mod slot;
pub mod source;
pub mod spec;
pub mod stages;
pub mod stream_limit;
pub mod time_window;
pub mod window_rewrite;

mod operator;
