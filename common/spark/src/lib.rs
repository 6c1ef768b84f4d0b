//! Spark semantics: schema text, JSON and CSV decoding, functions, casts and rendering.

pub mod ddl;
