//! Functions of dates and times. Calendar fields are those of the session's zone.

mod arithmetic;
mod clock;
mod fields;
mod parse;
pub mod pattern;
mod truncate;

use std::sync::{Arc, LazyLock};

use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ScalarUDF};

static DATE_ADD: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(arithmetic::date_add_udf()));

/// The functions of this category.
pub fn functions() -> Vec<ScalarUDF> {
    let mut all = arithmetic::functions();
    all.extend(clock::functions());
    all.extend(fields::functions());
    all.extend(parse::functions());
    all.extend(truncate::functions());
    all
}

/// Builds `date_add(date, days)`, which is also `date + days`.
pub fn date_add_call(date: Expr, days: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&DATE_ADD), vec![date, days]))
}
