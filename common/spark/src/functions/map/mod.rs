//! Functions that make maps and take them apart.

mod build;
mod parts;

use datafusion::logical_expr::ScalarUDF;

/// The functions of this category.
pub fn functions() -> Vec<ScalarUDF> {
    let mut all = build::functions();
    all.extend(parts::functions());
    all
}
