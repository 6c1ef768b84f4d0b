//! PIVOT and UNPIVOT.

use sqlparser::ast;
use sqlparser::tokenizer::Location;

use super::Planner;
use super::from::From;
use super::scope::Relation;
use crate::error::{Checked, Fault, SqlErrorKind};

impl Planner<'_> {
    pub(super) fn pivot(
        &mut self,
        _from: From,
        _aggregates: &[ast::ExprWithAlias],
        _columns: &[ast::Expr],
        _values: &ast::PivotValueSource,
        at: Location,
    ) -> Checked<Relation> {
        Err(Fault::new(SqlErrorKind::Unsupported, at, "PIVOT is not supported yet")
            .help("use sum(x) FILTER (WHERE column = 'value') for each value"))
    }

    pub(super) fn unpivot(
        &mut self,
        _from: From,
        _value: &ast::Expr,
        _name: &ast::Ident,
        _columns: &[ast::ExprWithAlias],
        _keep_nulls: bool,
        at: Location,
    ) -> Checked<Relation> {
        Err(
            Fault::new(SqlErrorKind::Unsupported, at, "UNPIVOT is not supported yet")
                .help("use UNION ALL with one SELECT for each column"),
        )
    }
}
