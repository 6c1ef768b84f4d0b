//! Functions of a group, with accumulators that keep all groups in columns.
//!
//! The order-dependent ones (`first`, `collect_list`, ties of `max_by`) follow the order in which rows and partial states arrive.

mod average;
mod bitmap;
mod collect;
mod counting;
mod decimal;
mod distinct_estimate;
mod extremes;
mod frame;
mod histogram;
mod moments;
mod percentile;
mod pick;
mod regression;
mod set_order;
mod text_numbers;

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::functions_aggregate as engine;
use datafusion::logical_expr::AggregateUDF;

use crate::functions::kernel::Kind;
use crate::types;
use extremes::Extreme;
use frame::Aggregate;
use text_numbers::TakingText;

const ANY: &[Kind] = &[Kind::Any];
const TWO_NUMBERS: &[Kind] = &[Kind::Double, Kind::Double];
const NUMBER: &[Kind] = &[Kind::Double];

/// The functions of this category; those of the engine under Spark's names first.
pub fn functions() -> Vec<AggregateUDF> {
    let renamed = |function: Arc<AggregateUDF>, names: &[&'static str]| {
        AggregateUDF::clone(&function).with_aliases(names.iter().copied())
    };
    let mut all = vec![
        renamed(engine::bool_and_or::bool_and_udaf(), &["every"]),
        renamed(engine::bool_and_or::bool_or_udaf(), &["some", "any"]),
    ];
    all.extend([
        AggregateUDF::from(TakingText::new(engine::sum::sum_udaf(), &[])),
        AggregateUDF::from(TakingText::new(engine::average::avg_udaf(), &["try_avg"])),
        AggregateUDF::from(Extreme::new(engine::min_max::min_udaf())),
        AggregateUDF::from(Extreme::new(engine::min_max::max_udaf())),
    ]);
    all.extend(own().into_iter().map(AggregateUDF::from));
    all
}

fn own() -> Vec<Aggregate> {
    let same = |given: &[DataType]| Ok(given.first().cloned().unwrap_or(DataType::Null));
    let list = |given: &[DataType]| Ok(types::list(given.first().cloned().unwrap_or(DataType::Null)));
    let double = |_: &[DataType]| Ok(DataType::Float64);
    vec![
        Aggregate::new("first", &[Kind::Any, Kind::Boolean], same, pick::state, pick::first)
            .aliases(&["first_value", "any_value"])
            .required(1)
            .ignoring_nulls_on_demand(),
        Aggregate::new("last", &[Kind::Any, Kind::Boolean], same, pick::state, pick::last)
            .aliases(&["last_value"])
            .required(1)
            .ignoring_nulls_on_demand(),
        Aggregate::new(
            "max_by",
            &[Kind::Any, Kind::Any],
            same,
            pick::extreme_state,
            pick::max_by,
        ),
        Aggregate::new(
            "min_by",
            &[Kind::Any, Kind::Any],
            same,
            pick::extreme_state,
            pick::min_by,
        ),
        Aggregate::new("collect_list", ANY, list, collect::state, collect::list)
            .aliases(&["array_agg"])
            .counting_repeats(),
        Aggregate::new("collect_set", ANY, list, collect::state, collect::set),
        Aggregate::new(
            "count_if",
            &[Kind::Boolean],
            |_| Ok(DataType::Int64),
            counting::state,
            counting::count_if,
        )
        .counting_repeats(),
        Aggregate::new("mode", ANY, same, collect::state, collect::mode).counting_repeats(),
        Aggregate::new("var_samp", NUMBER, double, moments::state, moments::sample_variance)
            .aliases(&["variance"])
            .counting_repeats(),
        Aggregate::new("var_pop", NUMBER, double, moments::state, moments::population_variance).counting_repeats(),
        Aggregate::new("stddev_samp", NUMBER, double, moments::state, moments::sample_deviation)
            .aliases(&["std", "stddev"])
            .counting_repeats(),
        Aggregate::new(
            "stddev_pop",
            NUMBER,
            double,
            moments::state,
            moments::population_deviation,
        )
        .counting_repeats(),
        Aggregate::new(
            "bitmap_construct_agg",
            &[Kind::Long],
            |_| Ok(DataType::Binary),
            bitmap::state,
            bitmap::construct,
        ),
        Aggregate::new(
            "bitmap_or_agg",
            &[Kind::Binary],
            |_| Ok(DataType::Binary),
            bitmap::state,
            bitmap::union,
        ),
        Aggregate::new(
            "histogram_numeric",
            &[Kind::Any, Kind::Any],
            histogram::returns,
            histogram::state,
            histogram::make,
        ),
        Aggregate::new("skewness", NUMBER, double, moments::state, moments::skewness).counting_repeats(),
        Aggregate::new("kurtosis", NUMBER, double, moments::state, moments::kurtosis).counting_repeats(),
        Aggregate::new("regr_r2", TWO_NUMBERS, double, regression::state, regression::r2),
        Aggregate::new(
            "median",
            &[Kind::DoubleOrInterval],
            percentile::exact_type,
            collect::state,
            percentile::median,
        )
        .counting_repeats(),
        Aggregate::new(
            "percentile",
            &[Kind::DoubleOrInterval, Kind::Any, Kind::Long],
            percentile::exact_type,
            percentile::exact_state,
            percentile::exact,
        )
        .required(2)
        .counting_repeats(),
        Aggregate::new(
            "percentile_cont",
            &[Kind::DoubleOrInterval, Kind::Any, Kind::Boolean],
            percentile::exact_type,
            collect::state,
            percentile::continuous,
        )
        .counting_repeats(),
        Aggregate::new(
            "percentile_disc",
            &[Kind::DoubleOrInterval, Kind::Any, Kind::Boolean],
            percentile::exact_type,
            collect::state,
            percentile::discrete,
        )
        .counting_repeats(),
        Aggregate::new(
            "percentile_approx",
            &[Kind::Any, Kind::Any, Kind::Int],
            percentile::approx_type,
            collect::state,
            percentile::approx,
        )
        .aliases(&["approx_percentile"])
        .required(2)
        .counting_repeats(),
        Aggregate::new(
            "approx_count_distinct",
            &[Kind::Any, Kind::Double],
            |_| Ok(DataType::Int64),
            distinct_estimate::state,
            distinct_estimate::make,
        )
        .required(1),
    ]
}
