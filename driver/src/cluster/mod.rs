//! The executors of this driver: who is there, and how they are spoken to.
//!
//! ```text
//! executor --Session stream--> service --Registered, Ended--> ClusterActor (core: Members) --who is usable--> every QueryActor
//!          --Heartbeat-------> service --> Registry (last heard, no message)
//!          --task reports----> service --> QueryActor of that query (bounded mailbox: back pressure)
//! QueryActor --tasks--> Registry --> the executor's session stream
//! ```

mod actor;
pub mod blocks;
pub mod local;
mod registry;
mod server;
mod service;
mod stage;

pub use actor::{ClusterActor, Waited};
pub use registry::{ExecutorInfo, QueryRoute, Registry};
pub use server::{Listening, listen};
pub use stage::Stage;

/// How large one message between driver and executor may be: plans and small results, never tables. Bytes.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;
