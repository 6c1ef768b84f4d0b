//! `VALUES`: rows that are written out.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlanBuilder};
use millstream_spark::coerce::common_as_written;
use sqlparser::ast::{self, Spanned};

use super::renamed;
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::scope::{Place, Relation, Scope};
use crate::plan::{Planner, engine_fault, place};

impl Planner<'_> {
    /// `VALUES (..), (..)`: columns col1, col2, ...
    pub(super) fn values(&mut self, values: &ast::Values, outer: Option<Arc<Scope>>) -> Checked<Relation> {
        let scope = Scope::empty(outer).at(Place::Values);
        let mut rows = Vec::with_capacity(values.rows.len());
        for row in &values.rows {
            let row: Vec<&ast::Expr> = match row.content.as_slice() {
                // `VALUES (1, 2)` may come as one tuple.
                [ast::Expr::Tuple(items)] => items.iter().collect(),
                items => items.iter().collect(),
            };
            rows.push(
                row.into_iter()
                    .map(|e| self.expr(e, &scope).map(|t| t.expr))
                    .collect::<Checked<Vec<_>>>()?,
            );
        }
        let at = values
            .rows
            .first()
            .and_then(|r| r.content.first())
            .map_or_else(|| place(values.value_span()), |e| place(e.span()));
        let width = rows.first().map_or(0, Vec::len);
        if let Some(other) = rows.iter().find(|r| r.len() != width) {
            let message = format!("rows of VALUES have {width} and {} columns", other.len());
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        }
        // The engine finds one type per column among its literals; a cast there would hide it.
        let rows = self.common_types(rows, at)?;
        let plan = LogicalPlanBuilder::values(rows)
            .and_then(LogicalPlanBuilder::build)
            .map_err(|e| engine_fault(&e, at))?;
        let names: Vec<String> = (1..=width).map(|i| format!("col{i}")).collect();
        let plan = renamed(
            Relation {
                plan,
                names: names.clone(),
            },
            &names,
        )?;
        Ok(Relation { plan, names })
    }

    /// Casts every column of VALUES to the one type that holds all its values.
    fn common_types(&self, rows: Vec<Vec<Expr>>, at: sqlparser::tokenizer::Location) -> Checked<Vec<Vec<Expr>>> {
        let schema = datafusion::common::DFSchema::empty();
        let width = rows.first().map_or(0, Vec::len);
        let mut columns: Vec<Vec<DataType>> = vec![Vec::with_capacity(rows.len()); width];
        for row in &rows {
            for (column, expr) in columns.iter_mut().zip(row) {
                column.push(expr.get_type(&schema).map_err(|e| engine_fault(&e, at))?);
            }
        }
        let types = columns
            .iter()
            .map(|column| {
                common_as_written(column).ok_or_else(|| {
                    Fault::new(
                        SqlErrorKind::Type,
                        at,
                        "the rows of VALUES have columns of types that do not fit together",
                    )
                })
            })
            .collect::<Checked<Vec<_>>>()?;
        rows.into_iter()
            .map(|row| {
                row.into_iter()
                    .zip(&types)
                    .map(|(expr, to)| {
                        let from = expr.get_type(&schema).map_err(|e| engine_fault(&e, at))?;
                        Ok(if from == *to {
                            expr
                        } else {
                            datafusion::logical_expr::cast(expr, to.clone())
                        })
                    })
                    .collect()
            })
            .collect()
    }
}

/// Span of VALUES without rows: nowhere.
trait ValueSpan {
    fn value_span(&self) -> sqlparser::tokenizer::Span;
}

impl ValueSpan for ast::Values {
    fn value_span(&self) -> sqlparser::tokenizer::Span {
        sqlparser::tokenizer::Span::empty()
    }
}
