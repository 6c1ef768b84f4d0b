//! Spark's operators: which type they compute in, and the functions for those the engine computes otherwise.

mod arithmetic;
mod decimal;
mod interval;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, DataFusionError};
use datafusion::functions::core::named_struct;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, RawFieldAccessExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, GetFieldAccess, Operator, ScalarUDF, lit};
use sqlparser::ast::BinaryOperator;

use crate::analyzer::{rewrite_tree, rewrite_whole_division};
use crate::functions::Result;
use crate::functions::array::get_call;
use crate::functions::datetime::date_part_call;
use crate::zone::Tz;

pub use arithmetic::{Arithmetic, arithmetic};
pub use interval::interval_share;
pub(crate) use interval::{call as interval_call, magnitude_call};

/// The functions behind the operators: `spark_add`, `spark_subtract`, `spark_multiply`, `spark_div`, `spark_mod`,
/// `spark_intdiv`; and `try_divide`, `try_add`,
/// `try_subtract`, `try_multiply`, which give NULL where a result does not fit.
pub fn functions() -> Vec<ScalarUDF> {
    Arithmetic::ALL
        .iter()
        .map(|operator| operator.udf())
        .chain(arithmetic::try_udfs())
        .chain(interval::functions())
        .collect()
}

/// Plans binary operators with Spark's coercion, before the engine refuses pairs of types that Spark takes.
#[derive(Debug)]
pub struct SparkOperatorPlanner {
    /// Zone in which literals are read as timestamps.
    pub zone: Tz,
}

impl ExprPlanner for SparkOperatorPlanner {
    fn plan_binary_op(&self, raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right } = raw.clone();
        let planned = match op {
            BinaryOperator::MyIntegerDivide => {
                let left = rewrite_tree(left, schema, &self.zone)?.data;
                let right = rewrite_tree(right, schema, &self.zone)?.data;
                let planned = rewrite_whole_division(left, right, schema, &self.zone)?;
                return Ok(PlannerResult::Planned(planned));
            }
            BinaryOperator::StringConcat => {
                return Ok(PlannerResult::Planned(crate::functions::string::concat_call(vec![
                    left, right,
                ])));
            }
            other => match engine_operator(&other) {
                Some(operator) => Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right))),
                None => return Ok(PlannerResult::Original(raw)),
            },
        };
        match rewrite_tree(planned, schema, &self.zone) {
            Ok(rewritten) => Ok(PlannerResult::Planned(rewritten.data)),
            Err(error @ DataFusionError::Plan(_)) => Err(error),
            // An unresolved name: the engine's own message carries the place.
            Err(_) => Ok(PlannerResult::Original(raw)),
        }
    }

    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(date_part_call(args)))
    }

    fn plan_struct_literal(&self, args: Vec<Expr>, is_named_struct: bool) -> Result<PlannerResult<Vec<Expr>>> {
        if is_named_struct {
            return Ok(PlannerResult::Original(args));
        }
        let named = args.into_iter().enumerate().flat_map(|(at, arg)| {
            // A column keeps its name, everything else is numbered.
            let name = match &arg {
                Expr::Column(column) => column.name.clone(),
                Expr::Alias(alias) => alias.name.clone(),
                _ => format!("col{}", at + 1),
            };
            [lit(name), arg.unalias()]
        });
        Ok(PlannerResult::Planned(named_struct().call(named.collect())))
    }

    fn plan_field_access(
        &self,
        raw: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let key = match &raw.field_access {
            GetFieldAccess::ListIndex { key } => key.as_ref().clone(),
            GetFieldAccess::NamedStructField { name } => Expr::Literal(name.clone(), None),
            GetFieldAccess::ListRange { .. } => return Ok(PlannerResult::Original(raw)),
        };
        match raw.expr.get_type(schema)? {
            DataType::List(_) | DataType::Map(..) => Ok(PlannerResult::Planned(get_call(raw.expr, key))),
            _ => Ok(PlannerResult::Original(raw)),
        }
    }
}

fn engine_operator(operator: &BinaryOperator) -> Option<Operator> {
    Some(match operator {
        BinaryOperator::Plus => Operator::Plus,
        BinaryOperator::Minus => Operator::Minus,
        BinaryOperator::Multiply => Operator::Multiply,
        BinaryOperator::Divide => Operator::Divide,
        BinaryOperator::Modulo => Operator::Modulo,
        BinaryOperator::BitwiseAnd => Operator::BitwiseAnd,
        BinaryOperator::BitwiseOr => Operator::BitwiseOr,
        BinaryOperator::BitwiseXor => Operator::BitwiseXor,
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        BinaryOperator::Spaceship => Operator::IsNotDistinctFrom,
        _ => return None,
    })
}

/// Whether the engine computes `left operator right` on this one type as Spark does.
pub fn is_engine_arithmetic(operator: Operator, of: &DataType) -> bool {
    matches!(operator, Operator::Plus | Operator::Minus | Operator::Multiply)
        && matches!(
            of,
            DataType::Int8
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::Float32
                | DataType::Float64
        )
}
