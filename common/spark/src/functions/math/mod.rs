//! Functions of numbers.

mod bucket;
mod modulo;
mod real;
mod round;

use datafusion::logical_expr::ScalarUDF;

/// The functions of this category.
pub fn functions() -> Vec<ScalarUDF> {
    let mut all = real::functions();
    all.extend(round::functions());
    all.extend(modulo::functions());
    all.extend(bucket::functions());
    all
}
