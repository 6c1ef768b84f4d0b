//! The nouns of the engine: identities, offsets, failures.

pub mod failure;
pub mod id;
pub mod offset;
pub mod subscription;
