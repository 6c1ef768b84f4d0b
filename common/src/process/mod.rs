//! What a `main` needs.

pub mod exit;
