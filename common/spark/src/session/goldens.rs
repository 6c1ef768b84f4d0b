//! Every expression of `goldens/expressions.tsv` (expression, value as Spark shows it, type) against what this session gives.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use chrono_tz::Tz;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use sqlparser::ast::{CastKind, DataType as SqlType, ExactNumberInfo, Expr, Value, visit_expressions_mut};
use sqlparser::dialect::SparkSqlDialect;
use sqlparser::parser::Parser;

use super::tests::{shown, tokio_runtime};
use super::{SessionSettings, session_state};

const NEW_YORK: &str = include_str!("../../goldens/new_york.tsv");
const GOLDENS: &str = include_str!("../../goldens/expressions.tsv");
/// Expressions known to differ: one that is right again must leave the list.
const DIFFERENT: &str = include_str!("../../goldens/different.txt");

/// Gives number literals the types the SQL front end gives them.
fn type_literals(expr: &mut Expr) {
    let Expr::Value(value) = expr else { return };
    let Value::Number(digits, false) = &value.value else {
        return;
    };
    let digits = digits.clone();
    let exponent = digits.contains(['e', 'E']);
    let data_type = match digits.split_once('.') {
        _ if exponent => SqlType::Double(ExactNumberInfo::None),
        Some((whole, fraction)) => {
            let whole = whole.trim_start_matches('0').len() as u64;
            let scale = fraction.len() as u64;
            SqlType::Decimal(ExactNumberInfo::PrecisionAndScale((whole + scale).max(1), scale as i64))
        }
        None if digits.parse::<i32>().is_ok() => SqlType::Int(None),
        None => return,
    };
    let text = Expr::Value(Value::SingleQuotedString(digits).with_empty_span());
    *expr = Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(text),
        data_type,
        array: false,
        format: None,
    };
}

async fn evaluated(expression: &str, zone: Tz) -> String {
    let sql = format!("SELECT {expression} AS x");
    let mut statements = match Parser::parse_sql(&SparkSqlDialect {}, &sql) {
        Ok(statements) => statements,
        Err(error) => return format!("parser: {error}"),
    };
    let _ = visit_expressions_mut(&mut statements, |expr| {
        type_literals(expr);
        ControlFlow::<()>::Continue(())
    });
    let context = SessionContext::new_with_state(
        session_state(&SessionSettings {
            time_zone: zone,
            ..SessionSettings::default()
        })
        .unwrap(),
    );
    let statement = Statement::Statement(Box::new(statements.remove(0)));
    let planned = match context.state().statement_to_plan(statement).await {
        Ok(plan) => context.execute_logical_plan(plan).await,
        Err(error) => Err(error),
    };
    let collected = match planned {
        Ok(frame) => frame.collect().await,
        Err(error) => Err(error),
    };
    match collected {
        Ok(batches) => shown(&batches, &zone),
        Err(error) => format!("error: {}", error.to_string().lines().next().unwrap_or_default()),
    }
}

#[test]
fn expressions_are_as_in_spark() {
    check_goldens(GOLDENS, Tz::UTC);
}

#[test]
fn expressions_follow_the_zone_of_the_session() {
    check_goldens(NEW_YORK, Tz::America__New_York);
}

fn check_goldens(goldens: &str, zone: Tz) {
    let runtime = tokio_runtime();
    let different: BTreeSet<&str> = DIFFERENT.lines().collect();
    let mut wrong = Vec::new();
    for line in goldens.lines() {
        let mut fields = line.split('\t');
        let (Some(expression), Some(value), Some(kind)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let got = runtime.block_on(evaluated(expression, zone));
        let same = got == format!("{value} {kind}") || close(&got, value, kind);
        if same == different.contains(expression) {
            wrong.push(format!("{expression}\n    got    {got}\n    wanted {value} {kind}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Doubles may differ in their last digit.
fn close(got: &str, value: &str, kind: &str) -> bool {
    let Some(got) = got.strip_suffix(&format!(" {kind}")) else {
        return false;
    };
    if kind != "double" {
        return false;
    }
    match (got.parse::<f64>(), value.parse::<f64>()) {
        (Ok(got), Ok(value)) => (got - value).abs() <= value.abs() * 1e-14,
        _ => false,
    }
}
