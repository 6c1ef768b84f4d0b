//! The engine session with Spark's types, functions and rules.

mod cross_join;
mod projections;
mod type_planner;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::config::Dialect;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, SessionStateBuilder, TaskContext};
use datafusion::optimizer::Optimizer;
use datafusion::optimizer::analyzer::resolve_grouping_function::ResolveGroupingFunction;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;

use crate::SparkError;
use crate::analyzer::{CastRewrite, GeneratorFilter, SparkAnalyzer};
use crate::functions::Registry;
use crate::operators::SparkOperatorPlanner;
use crate::zone::Tz;

use projections::WithoutLambdas;
pub use type_planner::SparkTypePlanner;

/// What a session is made for. Driver and executors use the same settings, so that a shipped plan means the same on both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// The session's time zone (`spark.sql.session.timeZone`).
    pub time_zone: Tz,
    /// Partitions a plan is made for; 1 in all plans of a stage.
    pub target_partitions: usize,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            time_zone: Tz::UTC,
            target_partitions: 1,
        }
    }
}

/// Rules of the engine's optimizer that are left out; see [`session_state`].
const REFUSED_RULES: [&str; 3] = [
    "single_distinct_aggregation_to_group_by",
    "extract_leaf_expressions",
    "push_down_leaf_projections",
];

/// Makes the session that plans a query: Spark's dialect, types, null order, functions, operators and casts.
///
/// The optimizer has no `single_distinct_aggregation_to_group_by`: that rule splits a distinct aggregate into two, which
/// cannot be cut into a map and a reduce side. It has no `extract_leaf_expressions` and `push_down_leaf_projections` either:
/// where a struct's field is read above a relation with an alias they make columns that are ambiguous.
///
/// # Errors
/// [`SparkError::Engine`] when the registration of a planner fails, which is a defect.
pub fn session_state(settings: &SessionSettings) -> Result<SessionState, SparkError> {
    let registry = Registry::new();
    let rules = Optimizer::new()
        .rules
        .into_iter()
        .filter(|rule| !REFUSED_RULES.contains(&rule.name()))
        .map(cross_join::kept_apart)
        .collect();
    let physical_rules = PhysicalOptimizer::new()
        .rules
        .into_iter()
        .map(|rule| match rule.name() {
            "ProjectionPushdown" => Arc::new(WithoutLambdas(rule)) as Arc<dyn PhysicalOptimizerRule + Send + Sync>,
            _ => rule,
        });
    let physical_rules = physical_rules.collect();
    let mut builder = SessionStateBuilder::new()
        .with_config(session_config(settings))
        .with_default_features()
        .with_optimizer_rules(rules)
        .with_physical_optimizer_rules(physical_rules)
        .with_analyzer_rules(vec![
            Arc::new(ResolveGroupingFunction::new()),
            Arc::new(GeneratorFilter),
            Arc::new(SparkAnalyzer),
            Arc::new(TypeCoercion::new()),
            Arc::new(CastRewrite),
        ])
        .with_type_planner(Arc::new(SparkTypePlanner))
        .with_scalar_functions(registry.scalar)
        .with_aggregate_functions(registry.aggregate)
        .with_window_functions(registry.window)
        .with_higher_order_functions(registry.higher_order);
    let planners = builder.expr_planners().get_or_insert_with(Vec::new);
    planners.insert(0, Arc::new(datafusion_spark::planner::SparkFunctionPlanner));
    // Ours before all others: whatever it leaves alone the engine plans as it does by itself.
    planners.insert(
        0,
        Arc::new(SparkOperatorPlanner {
            zone: settings.time_zone,
        }),
    );

    let mut state = builder.build();
    // A function keeps the settings it is planned with, the session's time zone among them: the planner finds them only here.
    let options = Arc::clone(state.config_options());
    state.execution_props_mut().mark_start_execution(options);
    Ok(state)
}

/// Makes the context that decodes shipped plans: every function by name, and the settings the functions read.
pub fn task_context(settings: &SessionSettings) -> Arc<TaskContext> {
    let registry = Registry::new();
    let mut scalar = HashMap::new();
    for udf in registry.scalar {
        for alias in udf.aliases() {
            scalar.insert(alias.clone(), Arc::clone(&udf));
        }
        scalar.insert(udf.name().to_owned(), udf);
    }
    let mut aggregate = HashMap::new();
    for udf in registry.aggregate {
        for alias in udf.aliases() {
            aggregate.insert(alias.clone(), Arc::clone(&udf));
        }
        aggregate.insert(udf.name().to_owned(), udf);
    }
    let mut window = HashMap::new();
    for udf in registry.window {
        for alias in udf.aliases() {
            window.insert(alias.clone(), Arc::clone(&udf));
        }
        window.insert(udf.name().to_owned(), udf);
    }
    let mut higher_order = HashMap::new();
    for udf in registry.higher_order {
        for alias in udf.aliases() {
            higher_order.insert(alias.clone(), Arc::clone(&udf));
        }
        higher_order.insert(udf.name().to_owned(), udf);
    }
    Arc::new(TaskContext::new(
        None,
        "task".to_owned(),
        session_config(settings),
        scalar,
        higher_order,
        aggregate,
        window,
        Arc::new(RuntimeEnv::default()),
    ))
}

fn session_config(settings: &SessionSettings) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(settings.target_partitions)
        .with_information_schema(false);
    let options = config.options_mut();
    options.execution.time_zone = Some(settings.time_zone.to_string());
    // Rows that cannot join are dropped below the join, as in Spark, where that decides which rows a watermark sees.
    options.optimizer.filter_null_join_keys = true;
    // The rules that move the reading of single fields down confuse a column with one of the same name that they make of it.
    options.optimizer.enable_leaf_expression_pushdown = false;
    options.sql_parser.dialect = Dialect::Spark;
    options.sql_parser.collect_spans = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.sql_parser.default_null_ordering = "nulls_min".to_owned();
    config
}

#[cfg(test)]
mod tests;
