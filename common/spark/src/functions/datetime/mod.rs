//! Functions of dates and times. Calendar fields are those of the session's zone.

mod arithmetic;
mod clock;
mod fields;
pub mod interval;
mod make_interval;
mod parse;
mod special;
mod truncate;
mod units;

use std::sync::{Arc, LazyLock};

use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ScalarUDF};

pub use special::special_time;

static DATE_ADD: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(arithmetic::date_add_udf()));

static TIME_ADD: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(interval::add_udf()));
static TIME_DIFFERENCE: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(interval::difference_udf()));
static TIME_SUBTRACT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(interval::subtract_udf()));

static DATE_PART: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(fields::date_part_udf()));

/// The functions of this category.
pub fn functions() -> Vec<ScalarUDF> {
    let mut all = arithmetic::functions();
    all.extend(clock::functions());
    all.extend(fields::functions());
    all.extend(interval::functions());
    all.extend(make_interval::functions());
    all.extend(parse::functions());
    all.extend(truncate::functions());
    all.extend(units::functions());
    all
}

/// Builds `date_add(date, days)`, which is also `date + days`.
pub fn date_add_call(date: Expr, days: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&DATE_ADD), vec![date, days]))
}

/// Builds `time - time`, an interval.
pub fn time_difference_call(end: Expr, start: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&TIME_DIFFERENCE), vec![end, start]))
}

/// Builds `time + interval`, or with `subtract` `time - interval`, on the calendar of the session's zone.
pub fn time_shift_call(time: Expr, interval: Expr, subtract: bool) -> Expr {
    let function = if subtract { &*TIME_SUBTRACT } else { &*TIME_ADD };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), vec![time, interval]))
}

/// Builds `date_part(field, source)`, which is also `EXTRACT(field FROM source)`.
pub fn date_part_call(args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&DATE_PART), args))
}
