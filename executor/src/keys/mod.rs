//! Group keys as columns: one canonical form, a hash that never changes, equality without row encoding.

mod equal;
mod hash;
mod normal;

pub use equal::KeyColumns;
pub use hash::{KeyError, hash_rows};
pub use normal::normalised;
