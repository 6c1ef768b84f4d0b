//! Functions of arrays, and access to elements of arrays and maps.

mod access;
mod build;
mod order;
pub(super) mod parts;
mod sequence;
mod sets;

use std::sync::{Arc, LazyLock};

use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ScalarUDF};

static GET: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(access::get_udf()));

/// The functions of this category.
pub fn functions() -> Vec<ScalarUDF> {
    let mut all = access::functions();
    all.extend(build::functions());
    all.extend(order::functions());
    all.extend(sequence::functions());
    all.extend(sets::functions());
    all
}

/// Builds `get(array or map, index or key)`, which is also `a[i]` and `m[k]`; arrays count from 0.
pub fn get_call(container: Expr, key: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&GET), vec![container, key]))
}
