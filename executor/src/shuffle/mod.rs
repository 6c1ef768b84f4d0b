//! Rows on their way from one task to another: cut by key group, held in memory, pulled by whoever needs them.

mod cache;
mod client;
mod ipc;
mod partition;
mod service;
mod store;

pub use cache::StaticTables;
pub use client::{BlockClient, FetchError};
pub use ipc::{IpcError, decode, encode};
pub use partition::partition;
pub use service::BlocksService;
pub use store::{BlockKey, BlockStore, StoreFull};
