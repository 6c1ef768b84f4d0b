//! Functions that make maps and take them apart.

mod build;
mod parts;

use datafusion::logical_expr::ScalarUDF;

pub use build::{KEEPING_REPEATS, LAST_WINS};

/// The functions of this category.
pub fn functions() -> Vec<ScalarUDF> {
    let mut all = build::functions();
    all.extend(parts::functions());
    all
}
