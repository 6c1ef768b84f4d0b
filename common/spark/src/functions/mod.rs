//! Spark's functions, one folder a category.
//!
//! A category is a module with `pub fn functions() -> Vec<ScalarUDF>`; a scalar function is a [`Function`] there: name, argument
//! kinds, result type and a body over whole columns. Adding one is adding an entry. Functions the engine or its Spark library
//! already has right are taken from there; ours are registered last and win.

pub mod aggregate;
pub mod array;
pub mod conversion;
pub mod datetime;
pub mod hash;
mod kernel;
pub mod lambda;
pub mod map;
pub mod math;
pub mod misc;
pub mod string;
pub mod url;

use std::sync::Arc;

use datafusion::execution::SessionStateDefaults;
use datafusion::functions_window::nth_value;
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, WindowUDF};

pub use kernel::{Call, Function, Kind, Result, argument_types};

/// Every function of a session; of two with one name the later wins.
#[derive(Debug)]
pub struct Registry {
    /// Functions of a row.
    pub scalar: Vec<Arc<ScalarUDF>>,
    /// Functions of a group.
    pub aggregate: Vec<Arc<AggregateUDF>>,
    /// Functions of a window.
    pub window: Vec<Arc<WindowUDF>>,
    /// Functions that take a lambda.
    pub higher_order: Vec<Arc<HigherOrderUDF>>,
}

impl Registry {
    /// Collects the engine's functions, its Spark library's and ours.
    pub fn new() -> Self {
        let mut scalar = SessionStateDefaults::default_scalar_functions();
        scalar.extend(datafusion_spark::all_default_scalar_functions());
        scalar.extend(own_functions().into_iter().map(Arc::new));
        let mut aggregate = SessionStateDefaults::default_aggregate_functions();
        // The Spark library's avg gives a double for decimals, where Spark and the engine's own widen the decimal.
        aggregate.extend(
            datafusion_spark::all_default_aggregate_functions()
                .into_iter()
                .filter(|function| function.name() != "avg"),
        );
        aggregate.extend(aggregate::functions().into_iter().map(Arc::new));
        let mut window = SessionStateDefaults::default_window_functions();
        window.extend(datafusion_spark::all_default_window_functions());
        window.extend(window_aliases());
        let mut higher_order = SessionStateDefaults::default_higher_order_functions();
        higher_order.extend(lambda::functions());
        Self {
            scalar,
            aggregate,
            window,
            higher_order,
        }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

/// Window functions of the engine under Spark's shorter names.
fn window_aliases() -> [Arc<WindowUDF>; 2] {
    let named =
        |function: Arc<WindowUDF>, alias: &'static str| Arc::new(WindowUDF::clone(&function).with_aliases([alias]));
    [
        named(nth_value::first_value_udwf(), "first"),
        named(nth_value::last_value_udwf(), "last"),
    ]
}

/// The categories of our own functions.
fn own_functions() -> Vec<ScalarUDF> {
    [
        conversion::functions(),
        crate::operators::functions(),
        array::functions(),
        datetime::functions(),
        hash::functions(),
        crate::csv::udfs(),
        crate::json::udfs(),
        map::functions(),
        math::functions(),
        misc::functions(),
        string::functions(),
        url::functions(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
