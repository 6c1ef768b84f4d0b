//! The FROM clause: tables, views, streams with watermarks, subqueries, joins.

mod join;
mod table;

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, Subquery};
use sqlparser::ast::{self, JoinConstraint, JoinOperator, Spanned, TableFactor, TableWithJoins};
use sqlparser::tokenizer::Location;

use self::join::merged;
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::parse::stream_table;
use crate::plan::scope::{Relation, Scope};
use crate::plan::{Planner, engine_fault, place};

/// What a FROM clause gives: rows and the names for them.
pub(super) struct From {
    pub(super) plan: LogicalPlan,
    pub(super) scope: Scope,
}

impl Planner<'_> {
    /// Plans a FROM clause; without one there is a single row of no columns.
    pub(super) fn from(&mut self, tables: &[TableWithJoins], outer: Option<Arc<Scope>>) -> Checked<From> {
        let mut whole: Option<From> = None;
        for table in tables {
            let sofar = whole.as_ref().map(|f| f.scope.clone());
            let next = self.table_with_joins(table, sofar, outer.clone())?;
            whole = Some(match whole {
                None => next,
                Some(left) => {
                    let at = place(table.relation.span());
                    self.join(left, next, JoinType::Inner, &JoinConstraint::None, outer.clone(), at)?
                }
            });
        }
        match whole {
            Some(from) => Ok(from),
            None => {
                let plan = LogicalPlanBuilder::empty(true)
                    .build()
                    .map_err(|e| engine_fault(&e, Location::new(0, 0)))?;
                Ok(From {
                    plan,
                    scope: Scope::empty(outer),
                })
            }
        }
    }

    fn table_with_joins(
        &mut self,
        table: &TableWithJoins,
        sofar: Option<Scope>,
        outer: Option<Arc<Scope>>,
    ) -> Checked<From> {
        let mut left = self.table_factor(&table.relation, sofar.as_ref(), outer.clone())?;
        for join in &table.joins {
            let at = place(join.relation.span());
            let visible = match &sofar {
                Some(before) => merged(before, &left.scope),
                None => left.scope.clone(),
            };
            let right = self.table_factor(&join.relation, Some(&visible), outer.clone())?;
            let (kind, constraint) = match &join.join_operator {
                JoinOperator::Join(c) | JoinOperator::Inner(c) | JoinOperator::CrossJoin(c) => (JoinType::Inner, c),
                JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => (JoinType::Left, c),
                JoinOperator::Right(c) | JoinOperator::RightOuter(c) => (JoinType::Right, c),
                JoinOperator::FullOuter(c) => (JoinType::Full, c),
                JoinOperator::Semi(c) | JoinOperator::LeftSemi(c) => (JoinType::LeftSemi, c),
                JoinOperator::Anti(c) | JoinOperator::LeftAnti(c) => (JoinType::LeftAnti, c),
                _ => {
                    return Err(Fault::new(
                        SqlErrorKind::Unsupported,
                        at,
                        "this kind of join is not Spark SQL",
                    ));
                }
            };
            left = self.join(left, right, kind, constraint, outer.clone(), at)?;
        }
        Ok(left)
    }

    fn table_factor(
        &mut self,
        factor: &TableFactor,
        sofar: Option<&Scope>,
        outer: Option<Arc<Scope>>,
    ) -> Checked<From> {
        let at = place(factor.span());
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                sample,
                ..
            } => {
                if sample.is_some() {
                    return Err(Fault::new(
                        SqlErrorKind::Unsupported,
                        at,
                        "TABLESAMPLE is not supported",
                    ));
                }
                let Some(ident) = name.0.last().and_then(|p| p.as_ident()) else {
                    return Err(Fault::new(SqlErrorKind::Syntax, at, "expected a table's name"));
                };
                if let Some(args) = args {
                    return self.table_function(
                        &ident.value,
                        &args.args,
                        alias.as_ref(),
                        sofar,
                        outer,
                        place(ident.span),
                    );
                }
                let (stream, table) = match stream_table(&ident.value) {
                    Some(table) => (true, table),
                    None => (false, ident.value.as_str()),
                };
                let before = self.streams;
                let relation = self.table(table, stream, place(ident.span))?;
                self.aliased(relation, Some(table), alias.as_ref(), self.streams > before, outer)
            }
            TableFactor::Derived {
                lateral,
                subquery,
                alias,
                sample,
            } => {
                if sample.is_some() {
                    return Err(Fault::new(
                        SqlErrorKind::Unsupported,
                        at,
                        "TABLESAMPLE is not supported",
                    ));
                }
                let before = self.streams;
                if *lateral {
                    let around = sofar.cloned().map(Arc::new).or_else(|| outer.clone());
                    let relation = self.query(subquery, around)?;
                    let outer_ref_columns = relation.plan.all_out_ref_exprs();
                    let plan = LogicalPlan::Subquery(Subquery {
                        subquery: Arc::new(relation.plan),
                        outer_ref_columns,
                        spans: Default::default(),
                    });
                    return self.aliased(
                        Relation {
                            plan,
                            names: relation.names,
                        },
                        None,
                        alias.as_ref(),
                        self.streams > before,
                        outer,
                    );
                }
                let relation = self.query(subquery, None)?;
                self.aliased(relation, None, alias.as_ref(), self.streams > before, outer)
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } => {
                let inner = self.table_with_joins(table_with_joins, None, outer.clone())?;
                match alias {
                    None => Ok(inner),
                    Some(_) => {
                        let names = inner.scope.columns.iter().map(|c| c.name.clone()).collect();
                        self.aliased(
                            Relation {
                                plan: inner.plan,
                                names,
                            },
                            None,
                            alias.as_ref(),
                            false,
                            outer,
                        )
                    }
                }
            }
            TableFactor::Function { name, args, alias, .. } => {
                let name = name.0.last().map(ToString::to_string).unwrap_or_default();
                self.table_function(&name, args, alias.as_ref(), sofar, outer, at)
            }
            TableFactor::TableFunction { .. } | TableFactor::UNNEST { .. } => {
                Err(
                    Fault::new(SqlErrorKind::Unsupported, at, "this table function is not Spark SQL")
                        .help("use LATERAL VIEW explode(...)"),
                )
            }
            TableFactor::Pivot {
                table,
                aggregate_functions,
                value_column,
                value_source,
                alias,
                ..
            } => {
                let from = self.table_factor(table, sofar, outer.clone())?;
                let relation = self.pivot(from, aggregate_functions, value_column, value_source, at)?;
                self.aliased(relation, None, alias.as_ref(), false, outer)
            }
            TableFactor::Unpivot {
                table,
                value,
                name,
                columns,
                null_inclusion,
                alias,
            } => {
                let from = self.table_factor(table, sofar, outer.clone())?;
                let keep_nulls = matches!(null_inclusion, Some(ast::NullInclusion::IncludeNulls));
                let relation = self.unpivot(from, value, name, columns, keep_nulls, at)?;
                self.aliased(relation, None, alias.as_ref(), false, outer)
            }
            _ => Err(Fault::new(
                SqlErrorKind::Unsupported,
                at,
                "this form of relation is not Spark SQL",
            )),
        }
    }

    /// `range(n)` and the like.
    fn table_function(
        &mut self,
        name: &str,
        args: &[ast::FunctionArg],
        alias: Option<&ast::TableAlias>,
        sofar: Option<&Scope>,
        outer: Option<Arc<Scope>>,
        at: Location,
    ) -> Checked<From> {
        let relation = self.generated_table(name, args, sofar, at)?;
        self.aliased(relation, Some(name), alias, false, outer)
    }
}

/// The error that a column does not exist, with what may have been meant.
pub(super) fn unknown_column(name: &str, known: &[String], ambiguous: bool, at: Location) -> Box<Fault> {
    if ambiguous {
        return Fault::new(SqlErrorKind::Name, at, format!("'{name}' is ambiguous"))
            .help("put the relation's name before it: t.column");
    }
    let mut names: Vec<&str> = known.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let last = name.rsplit('.').next().unwrap_or(name);
    let help = match millstream_common::options::nearest(last, &names) {
        Some(near) => format!("did you mean '{near}'?"),
        None if names.is_empty() => "there are no columns here".to_owned(),
        None => format!("columns here: {}", names.join(", ")),
    };
    Fault::new(SqlErrorKind::Name, at, format!("no column '{name}'")).help(help)
}
