//! Functions of text.

mod bytes;
mod charset;
mod concat;
mod format_number;
mod java_format;
mod java_regex;
mod number_text;
mod pad;
pub(super) mod regexp;
mod search;
mod sentences;
pub(super) mod split;
mod text;

use std::sync::{Arc, LazyLock};

use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ScalarUDF};

pub(super) use java_regex::compile as compile_pattern;

static CONCAT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(concat::concat_udf()));

/// The functions of this category.
pub fn functions() -> Vec<ScalarUDF> {
    let mut all = text::functions();
    all.extend(charset::functions());
    all.extend(regexp::functions());
    all.extend(search::functions());
    all.extend(split::functions());
    all.extend(format_number::functions());
    all.extend(bytes::functions());
    all.extend(java_format::functions());
    all.extend(number_text::functions());
    all.extend(pad::functions());
    all.extend(sentences::functions());
    all
}

/// Builds `concat(..)`, which is also the operator `||`.
pub fn concat_call(args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&CONCAT), args))
}
