//! The FROM clause: tables, views, streams with watermarks, subqueries, joins.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, LogicalPlanBuilder, Subquery, lit};
use millstream_plan::event_time::WatermarkNode;
use millstream_plan::source::SourceTable;
use millstream_plan::spec::{SlotId, WatermarkSpec};
use sqlparser::ast::{self, JoinConstraint, JoinOperator, Spanned, TableFactor, TableWithJoins};
use sqlparser::tokenizer::Location;

use super::scope::{Place, Relation, Scope, ScopeColumn};
use super::{Planner, engine_fault, place};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::parse::{stream_table, watermark_alias};

/// What a FROM clause gives: rows and the names for them.
pub(super) struct From {
    pub(super) plan: LogicalPlan,
    pub(super) scope: Scope,
}

/// The sides of a join whose rows go on.
#[derive(Clone, Copy, PartialEq)]
enum Keep {
    Both,
    Left,
    Right,
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

    /// Puts a relation under its alias, applies a watermark that was written behind it, renames its columns.
    fn aliased(
        &mut self,
        relation: Relation,
        own_name: Option<&str>,
        alias: Option<&ast::TableAlias>,
        streaming: bool,
        outer: Option<Arc<Scope>>,
    ) -> Checked<From> {
        let (given, watermark) = match alias {
            Some(alias) => watermark_alias(&alias.name.value),
            None => (None, None),
        };
        let mut relation = relation;
        if let Some(alias) = alias
            && !alias.columns.is_empty()
        {
            if alias.columns.len() != relation.names.len() {
                let message = format!(
                    "{} column names are given, there are {} columns",
                    alias.columns.len(),
                    relation.names.len()
                );
                return Err(Fault::new(SqlErrorKind::Name, place(alias.name.span), message));
            }
            relation.names = alias.columns.iter().map(|c| c.name.value.clone()).collect();
        }
        if let Some(number) = watermark {
            relation = self.watermark(relation, number, streaming)?;
        }
        let shown = given.or(own_name);
        let name = self.relation_name(shown.unwrap_or("subquery"));
        let plan = LogicalPlanBuilder::from(relation.plan)
            .alias(name)
            .and_then(LogicalPlanBuilder::build)
            .map_err(|e| engine_fault(&e, alias.map_or(Location::new(0, 0), |a| place(a.name.span))))?;
        let relation = Relation {
            plan,
            names: relation.names,
        };
        let scope = Scope::of(&relation, shown, outer);
        Ok(From {
            plan: relation.plan,
            scope,
        })
    }

    /// A relation's name within the whole plan: the same alias may stand in several queries of it.
    fn relation_name(&mut self, shown: &str) -> datafusion::common::TableReference {
        let used = self.relations.entry(shown.to_lowercase()).or_insert(0);
        *used += 1;
        let name = if *used == 1 {
            shown.to_owned()
        } else {
            format!("{shown}#{used}")
        };
        datafusion::common::TableReference::bare(name)
    }

    fn watermark(&mut self, relation: Relation, number: usize, streaming: bool) -> Checked<Relation> {
        let Some(delay) = self.delays.get(number).cloned() else {
            return Ok(relation);
        };
        let found: Vec<usize> = relation
            .names
            .iter()
            .enumerate()
            .filter(|(_, n)| n.eq_ignore_ascii_case(&delay.column))
            .map(|(i, _)| i)
            .collect();
        let [index] = found.as_slice() else {
            return Err(unknown_column(
                &delay.column,
                &relation.names,
                !found.is_empty(),
                delay.at,
            ));
        };
        let field = relation.plan.schema().field(*index).clone();
        if !matches!(field.data_type(), arrow::datatypes::DataType::Timestamp(_, Some(_))) {
            let of = millstream_spark::type_name::spark_type(field.data_type());
            let message = format!(
                "a watermark needs a TIMESTAMP, '{}' is {}",
                delay.column,
                of.to_uppercase()
            );
            return Err(Fault::new(SqlErrorKind::Type, delay.at, message));
        }
        // A watermark on rows that end means nothing, as in Spark.
        if !streaming {
            return Ok(relation);
        }
        if has_watermark(&relation.plan) {
            return Err(Fault::new(
                SqlErrorKind::Unsupported,
                delay.at,
                "this stream has a watermark already",
            )
            .help("one watermark per stream; take one of the two away"));
        }
        let id = u32::try_from(self.watermarks.len()).unwrap_or(u32::MAX);
        let column = Expr::Column(super::scope::columns(&relation.plan)[*index].clone());
        let node = WatermarkNode::try_new(relation.plan, column, id).map_err(|e| engine_fault(&e, delay.at))?;
        self.watermarks.push(WatermarkSpec {
            id,
            column: relation.names[*index].clone(),
            delay_ms: delay.delay_ms,
        });
        self.watermark_places.push(delay.at);
        let plan = LogicalPlan::Extension(Extension { node: Arc::new(node) });
        Ok(Relation {
            plan,
            names: relation.names,
        })
    }

    /// A common table expression, view or table by name.
    pub(super) fn named(&mut self, name: &str, alias: Option<&str>, at: Location) -> Checked<Relation> {
        debug_assert!(alias.is_none());
        self.table(name, false, at)
    }

    fn table(&mut self, name: &str, stream: bool, at: Location) -> Checked<Relation> {
        let lower = name.to_lowercase();
        let cte = self
            .ctes
            .iter()
            .rposition(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|i| Arc::clone(&self.ctes[i].1));
        let is_view = cte.is_some() || self.catalog.views.contains_key(&lower);
        if stream && is_view {
            return Err(Fault::new(
                SqlErrorKind::Unsupported,
                at,
                format!("'{name}' is a query, STREAM goes before a table"),
            )
            .help(format!(
                "write STREAM in the FROM clause of '{name}' and read it here without"
            )));
        }
        if let Some(cte) = cte {
            // It sees what was in sight where it stands, not what is here.
            let hidden = self.ctes.split_off(cte.depth);
            let planned = self.query(&cte.query, None);
            self.ctes.extend(hidden);
            return with_names(planned?, &cte.columns, at);
        }
        if let Some(view) = self.catalog.views.get(&lower).cloned() {
            return self.view(&view, at);
        }
        let Some(table) = self.catalog.tables.get(&lower).cloned() else {
            return Err(self.catalog.unknown_table(name, at));
        };
        let source = table.source(stream, self.catalog.inferred.get(&lower), at)?;
        let slot = SlotId(u32::try_from(self.sources.len()).unwrap_or(u32::MAX));
        if stream {
            self.streams += 1;
            self.stream_slots.insert(slot);
        }
        self.source_places.insert(slot, at);
        self.sources.insert(slot, source.spec.clone());
        let provider = SourceTable::new(slot, source.spec, source.schema);
        LogicalPlanBuilder::scan(
            datafusion::common::TableReference::bare(table.name.clone()),
            provider_as_source(Arc::new(provider)),
            None,
        )
        .and_then(LogicalPlanBuilder::build)
        .map(Relation::of)
        .map_err(|e| engine_fault(&e, at))
    }

    fn view(&mut self, view: &super::View, at: Location) -> Checked<Relation> {
        if self.views.iter().any(|v| v.eq_ignore_ascii_case(&view.name)) {
            return Err(Fault::new(
                SqlErrorKind::Name,
                at,
                format!("view '{}' reads itself", view.name),
            ));
        }
        self.views.push(view.name.clone());
        let ctes = std::mem::take(&mut self.ctes);
        let delays = std::mem::replace(&mut self.delays, view.query.watermarks.clone());
        let planned = self.query(&view.query.query, None);
        self.ctes = ctes;
        self.delays = delays;
        self.views.pop();
        with_names(planned?, &view.columns, at)
    }

    fn join(
        &mut self,
        left: From,
        right: From,
        kind: JoinType,
        constraint: &JoinConstraint,
        outer: Option<Arc<Scope>>,
        at: Location,
    ) -> Checked<From> {
        let both = left
            .plan
            .schema()
            .join(right.plan.schema())
            .map_err(|e| engine_fault(&e, at))?;
        let mut scope = merged(&left.scope, &right.scope);
        scope.schema = Arc::new(both);
        scope.outer = outer;
        let mut shared = Vec::new();
        let condition = match constraint {
            JoinConstraint::On(on) => Some(self.condition(on, &scope.at(Place::Join))?),
            JoinConstraint::Using(names) => {
                for name in names {
                    let name = name
                        .0
                        .last()
                        .and_then(|p| p.as_ident())
                        .map(|i| i.value.clone())
                        .unwrap_or_default();
                    shared.push(name);
                }
                None
            }
            JoinConstraint::Natural => {
                let listed = right.scope.star(None);
                let both = left
                    .scope
                    .star(None)
                    .into_iter()
                    .filter(|c| listed.iter().any(|o| o.name.eq_ignore_ascii_case(&c.name)));
                shared.extend(both.map(|c| c.name.clone()));
                None
            }
            JoinConstraint::None => None,
        };
        let mut pairs = Vec::with_capacity(shared.len());
        for name in &shared {
            let side = |scope: &Scope| match scope.find(std::slice::from_ref(name)) {
                super::scope::Found::Column { expr, name, .. } => Ok((expr, name)),
                _ => Err(unknown_column(name, &scope.known(), false, at)),
            };
            let ((left, shown), (right, _)) = (side(&left.scope)?, side(&right.scope)?);
            pairs.push((left, right, shown));
        }
        let keys = pairs.iter().map(|(l, r, _)| l.clone().eq(r.clone())).reduce(Expr::and);
        let on = match (condition, keys) {
            (Some(on), _) | (None, Some(on)) => on,
            (None, None) => lit(true),
        };
        let keep = match kind {
            JoinType::LeftSemi | JoinType::LeftAnti => Keep::Left,
            JoinType::RightSemi | JoinType::RightAnti => Keep::Right,
            _ => Keep::Both,
        };
        let plan = LogicalPlanBuilder::from(left.plan)
            .join_on(right.plan, kind, [on])
            .and_then(LogicalPlanBuilder::build)
            .map_err(|e| engine_fault(&e, at))?;
        let mut scope = match keep {
            Keep::Both => scope,
            Keep::Left => left.scope,
            Keep::Right => right.scope,
        };
        scope.schema = Arc::clone(plan.schema());
        if keep == Keep::Both && !pairs.is_empty() {
            scope.columns = using_columns(scope.columns, pairs, kind);
        }
        Ok(From { plan, scope })
    }
}

/// With USING the shared columns come first, once; each side's own is still there under its relation's name.
fn using_columns(columns: Vec<ScopeColumn>, pairs: Vec<(Expr, Expr, String)>, kind: JoinType) -> Vec<ScopeColumn> {
    let mut out = Vec::with_capacity(columns.len() + pairs.len());
    for (left, right, name) in &pairs {
        let expr = match kind {
            JoinType::Right => right.clone(),
            JoinType::Full => datafusion::functions::core::expr_fn::coalesce(vec![left.clone(), right.clone()]),
            _ => left.clone(),
        };
        out.push(ScopeColumn {
            relation: None,
            name: name.clone(),
            expr,
            in_star: true,
        });
    }
    for mut column in columns {
        if pairs.iter().any(|(l, r, _)| column.expr == *l || column.expr == *r) {
            column.in_star = false;
        }
        out.push(column);
    }
    out
}

fn merged(left: &Scope, right: &Scope) -> Scope {
    let mut scope = left.clone();
    scope.columns.extend(right.columns.iter().cloned());
    if let Ok(schema) = left.schema.join(&right.schema) {
        scope.schema = Arc::new(schema);
    }
    scope
}

fn with_names(relation: Relation, names: &[String], at: Location) -> Checked<Relation> {
    if names.is_empty() {
        return Ok(relation);
    }
    if names.len() != relation.names.len() {
        let message = format!(
            "{} column names are given, the query has {} columns",
            names.len(),
            relation.names.len()
        );
        return Err(Fault::new(SqlErrorKind::Name, at, message));
    }
    Ok(Relation {
        plan: relation.plan,
        names: names.to_vec(),
    })
}

fn has_watermark(plan: &LogicalPlan) -> bool {
    plan.schema()
        .fields()
        .iter()
        .any(|f| f.metadata().contains_key(millstream_plan::event_time::EVENT_TIME))
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
