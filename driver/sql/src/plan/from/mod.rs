//! The FROM clause: tables, views, streams with watermarks, subqueries, joins.

mod join;
mod table;

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use sqlparser::ast::{self, JoinConstraint, JoinOperator, Spanned, TableFactor, TableWithJoins};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Location;

use crate::error::{Checked, Fault, SqlErrorKind};
use crate::parse::{JobDialect, stream_table};
use crate::plan::scope::{Relation, Scope};
use crate::plan::{Planner, engine_fault, place};

/// What a FROM clause gives: rows and the names for them.
#[derive(Clone)]
pub(super) struct From {
    pub(super) plan: LogicalPlan,
    pub(super) scope: Scope,
}

impl Planner<'_> {
    /// Plans a FROM clause; without one there is a single row of no columns.
    pub(super) fn from(&mut self, tables: &[TableWithJoins], outer: Option<Arc<Scope>>) -> Checked<From> {
        let mut whole: Option<From> = None;
        for table in tables {
            whole = Some(self.table_with_joins(table, whole, outer.clone())?);
        }
        match whole {
            Some(from) => Ok(from),
            None => {
                let plan = LogicalPlanBuilder::empty(true)
                    .build()
                    .map_err(|e| engine_fault(&e, Location::new(0, 0)))?;
                Ok(From {
                    plan,
                    scope: Scope::empty(outer).with_exact_names(self.catalog.in_force.exact_names),
                })
            }
        }
    }

    /// Plans a relation with what is joined to it, and joins it to what stands before it behind a comma.
    fn table_with_joins(
        &mut self,
        table: &TableWithJoins,
        before: Option<From>,
        outer: Option<Arc<Scope>>,
    ) -> Checked<From> {
        let at = place(table.relation.span());
        let none = &JoinConstraint::None;
        if let (Some((query, alias)), Some(before)) = (lateral(&table.relation), before.as_ref()) {
            let left = before.clone();
            let whole = self.lateral_join(left, &query, alias, JoinType::Inner, none, outer.clone(), at)?;
            return self.joins(whole, &table.joins, outer);
        }
        let left = self.table_factor(&table.relation, outer.clone())?;
        let right = self.joins(left, &table.joins, outer.clone())?;
        match before {
            Some(before) => self.join(before, right, JoinType::Inner, none, outer, at),
            None => Ok(right),
        }
    }

    fn joins(&mut self, mut left: From, joins: &[ast::Join], outer: Option<Arc<Scope>>) -> Checked<From> {
        for join in joins {
            let at = place(join.relation.span());
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
            if let Some((query, alias)) = lateral(&join.relation) {
                left = self.lateral_join(left, &query, alias, kind, constraint, outer.clone(), at)?;
                continue;
            }
            let right = self.table_factor(&join.relation, outer.clone())?;
            left = self.join(left, right, kind, constraint, outer.clone(), at)?;
        }
        Ok(left)
    }

    fn table_factor(&mut self, factor: &TableFactor, outer: Option<Arc<Scope>>) -> Checked<From> {
        let at = place(factor.span());
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                sample,
                ..
            } => {
                let Some(ident) = name.0.last().and_then(|p| p.as_ident()) else {
                    return Err(Fault::new(SqlErrorKind::Syntax, at, "expected a table's name"));
                };
                if let Some(args) = args {
                    return self.table_function(name, &args.args, alias.as_ref(), outer, place(ident.span));
                }
                let (stream, table) = match stream_table(&ident.value) {
                    Some(table) => (true, table),
                    None => (false, ident.value.as_str()),
                };
                let before = self.streams;
                let relation = self.table(table, stream, place(ident.span))?;
                let relation = self.sampled(relation, sample.as_ref(), at)?;
                self.aliased(relation, Some(table), alias.as_ref(), self.streams > before, outer)
            }
            TableFactor::Derived {
                subquery,
                alias,
                sample,
                ..
            } => {
                let before = self.streams;
                // Without anything before it LATERAL sees nothing more. Within a subquery both see the query around that.
                let relation = self.query(subquery, outer.clone())?;
                let relation = self.sampled(relation, sample.as_ref(), at)?;
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
                self.table_function(name, args, alias.as_ref(), outer, at)
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
                if let Some(alias) = alias {
                    let message = "the result of PIVOT has no name";
                    return Err(Fault::new(SqlErrorKind::Syntax, place(alias.name.span), message)
                        .help("put PIVOT into a subquery and name that: (SELECT * FROM ... PIVOT (...)) name"));
                }
                let from = self.table_factor(table, outer.clone())?;
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
                let from = self.table_factor(table, outer.clone())?;
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

    /// `range(n)`, `explode(xs)` and the like.
    fn table_function(
        &mut self,
        name: &ast::ObjectName,
        args: &[ast::FunctionArg],
        alias: Option<&ast::TableAlias>,
        outer: Option<Arc<Scope>>,
        at: Location,
    ) -> Checked<From> {
        let shown = name
            .0
            .last()
            .and_then(|p| p.as_ident())
            .map_or("", |i| i.value.as_str());
        let call = table_call(name, args);
        if outer.is_some()
            && !shown.eq_ignore_ascii_case("range")
            && let Some(query) = selected(call.clone())
        {
            // Within a subquery the arguments may be columns of the query around it.
            let relation = self.query(&query, outer.clone())?;
            return self.aliased(relation, Some(shown), alias, false, outer);
        }
        let relation = self.generated_table(&call, shown, at)?;
        self.aliased(relation, Some(shown), alias, false, outer)
    }
}

/// A table function as a call.
pub(super) fn table_call(name: &ast::ObjectName, args: &[ast::FunctionArg]) -> ast::Function {
    ast::Function {
        name: name.clone(),
        uses_odbc_syntax: false,
        parameters: ast::FunctionArguments::None,
        args: ast::FunctionArguments::List(ast::FunctionArgumentList {
            duplicate_treatment: None,
            args: args.to_vec(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }
}

/// The query behind LATERAL and its alias.
fn lateral(factor: &TableFactor) -> Option<(Cow<'_, ast::Query>, Option<&ast::TableAlias>)> {
    match factor {
        TableFactor::Derived {
            lateral: true,
            subquery,
            alias,
            ..
        } => Some((Cow::Borrowed(subquery), alias.as_ref())),
        TableFactor::Function {
            lateral: true,
            name,
            args,
            alias,
            ..
        } => {
            let query = selected(table_call(name, args))?;
            Some((Cow::Owned(query), alias.as_ref()))
        }
        _ => None,
    }
}

/// `SELECT call`, which makes the rows that the generator does in FROM.
fn selected(call: ast::Function) -> Option<ast::Query> {
    let mut query = Parser::new(&JobDialect)
        .try_with_sql("SELECT 1")
        .and_then(|mut parser| parser.parse_query())
        .ok()?;
    match query.body.as_mut() {
        ast::SetExpr::Select(select) => {
            select.projection = vec![ast::SelectItem::UnnamedExpr(ast::Expr::Function(call))];
            Some(*query)
        }
        _ => None,
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
