//! One SELECT: its clauses in the order in which they take effect.
//!
//! ```text
//!   FROM, LATERAL VIEW -> WHERE -> GROUP BY and aggregates -> HAVING -> window functions -> generators -> items
//!   -> DISTINCT -> ORDER BY -> items without the helpers that ORDER BY needed
//! ```

mod assemble;
mod group;
mod items;

use std::sync::Arc;

use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::{find_aggregate_exprs, find_window_exprs, grouping_set_to_exprlist};
use sqlparser::ast::{self, GroupByExpr, NamedWindowExpr, Select, Spanned};
use sqlparser::tokenizer::Location;

use self::assemble::Clauses;
pub(super) use self::assemble::{build, no_map_here, replaced, select_columns};
use self::group::{finished_scope, output_scope};
use self::items::Items;
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::from::From;
use crate::plan::query::sorted;
use crate::plan::scope::{Place, Relation, Scope};
use crate::plan::{Planner, engine_fault, place};

/// One column of the result.
#[derive(Clone, Debug)]
struct Item {
    expr: Expr,
    name: String,
    /// Whether the name was given with AS.
    named: bool,
    at: Location,
}

impl Planner<'_> {
    pub(super) fn select(
        &mut self,
        select: &Select,
        order: &[ast::OrderByExpr],
        outer: Option<Arc<Scope>>,
    ) -> Checked<Relation> {
        let at = place(select.select_token.0.span);
        refuse_foreign_clauses(select, at)?;
        let mut from = self.from(&select.from, outer)?;
        for view in &select.lateral_views {
            from = self.lateral_view(from, view)?;
        }
        let From { mut plan, mut scope } = from;
        if let Some(condition) = &select.selection {
            let condition = self.condition(condition, &scope.at(Place::Where))?;
            plan = self.filtered(plan, condition, at)?;
        }
        for definition in &select.named_window {
            let spec = match &definition.1 {
                NamedWindowExpr::WindowSpec(spec) => spec.clone(),
                NamedWindowExpr::NamedWindow(name) => {
                    scope.windows.get(&name.value.to_lowercase()).cloned().ok_or_else(|| {
                        Fault::new(
                            SqlErrorKind::Name,
                            place(name.span),
                            format!("no window '{}'", name.value),
                        )
                    })?
                }
            };
            let name = &definition.0;
            if scope.windows.insert(name.value.to_lowercase(), spec).is_some() {
                let message = format!("the window '{}' is defined twice", name.value);
                return Err(Fault::new(SqlErrorKind::Name, place(name.span), message));
            }
        }
        self.add_time_window(select, &mut scope)?;
        let Items {
            items,
            generators,
            generated,
        } = self.items(&select.projection, &mut scope, at)?;
        let group = self.group_by(&select.group_by, &items, &scope)?;
        let outputs = output_scope(&scope, &items, &generated);
        let having = match &select.having {
            Some(having) => Some((
                self.condition(having, &outputs.at(Place::Having))?,
                place(having.span()),
            )),
            None => None,
        };
        let within = sorted_within(select);
        if let (Some(first), false) = (order.first(), within.is_empty() && select.distribute_by.is_empty()) {
            let message = "ORDER BY cannot stand beside SORT BY, CLUSTER BY or DISTRIBUTE BY";
            return Err(Fault::new(SqlErrorKind::Syntax, place(first.expr.span()), message));
        }
        let order = if order.is_empty() { within.as_slice() } else { order };
        let distinct = is_distinct(select, at)?;
        let behind =
            having.is_some() || !generators.is_empty() || !find_window_exprs(items.iter().map(|i| &i.expr)).is_empty();
        let grouped = group.is_some() || !find_aggregate_exprs(items.iter().map(|i| &i.expr)).is_empty();
        let sight = if behind && grouped {
            let keys = grouping_set_to_exprlist(group.as_deref().unwrap_or_default());
            finished_scope(&outputs, &items, &keys.map_err(|e| engine_fault(&e, at))?)
        } else {
            outputs.clone()
        };
        let (order, late) = match distinct {
            true => (Vec::new(), order),
            false => (self.order_by(order, &items, &scope, &sight)?, [].as_slice()),
        };
        let origins = origins(&items, &scope);
        for key in &select.distribute_by {
            // Where rows are is the engine's business; what is written has to make sense all the same.
            self.expr(key, &outputs.at(Place::Where))?;
        }
        if let Some(qualify) = &select.qualify {
            let message = "QUALIFY is not Spark SQL";
            return Err(Fault::new(SqlErrorKind::Syntax, place(qualify.span()), message)
                .help("compute the window function in a subquery and filter its result with WHERE"));
        }
        let clauses = Clauses {
            items,
            generators,
            group,
            having,
            order,
            distinct,
        };
        let relation = self.assemble(plan, clauses, at)?;
        let relation = self.ordered_distinct(relation, late, &origins, scope.outer)?;
        self.origins = origins.into_iter().map(|(from, _)| from).collect();
        Ok(relation)
    }

    /// Orders the rows of SELECT DISTINCT: its own columns alone are in sight, under the relations they came from.
    fn ordered_distinct(
        &mut self,
        relation: Relation,
        order: &[ast::OrderByExpr],
        origins: &[(Option<String>, usize)],
        outer: Option<Arc<Scope>>,
    ) -> Checked<Relation> {
        if order.is_empty() {
            return Ok(relation);
        }
        let mut scope = Scope::of(&relation, None, outer).at(Place::Outputs);
        let exprs: Vec<Expr> = scope.columns.iter().map(|c| c.expr.clone()).collect();
        for (column, (from, first)) in scope.columns.iter_mut().zip(origins) {
            column.relation.clone_from(from);
            if let Some(same) = exprs.get(*first) {
                column.expr = same.clone();
            }
        }
        let items: Vec<Item> = scope
            .columns
            .iter()
            .map(|c| Item {
                name: c.name.clone(),
                ..plain(c.expr.clone(), Location::new(0, 0))
            })
            .collect();
        let sorts = self.order_by(order, &items, &scope, &scope)?;
        sorted(relation, sorts.into_iter().map(|(sort, _)| sort).collect())
    }

    /// Lets `window` stand for the time window that the query groups by. A session window is refused here: what is selected of
    /// it would be missed first.
    fn add_time_window(&mut self, select: &Select, scope: &mut Scope) -> Checked<()> {
        let is_window = |e: &ast::Expr| match e {
            ast::Expr::Function(f) => f.name.0.last().and_then(|p| p.as_ident()).is_some_and(|i| {
                i.value.eq_ignore_ascii_case("window") || i.value.eq_ignore_ascii_case("session_window")
            }),
            _ => false,
        };
        let GroupByExpr::Expressions(groups, _) = &select.group_by else {
            return Ok(());
        };
        let keys = groups.iter().flat_map(|e| match e {
            ast::Expr::Rollup(sets) | ast::Expr::Cube(sets) | ast::Expr::GroupingSets(sets) => {
                sets.iter().flatten().collect()
            }
            key => vec![key],
        });
        if let Some(call) = keys.into_iter().find(|e| is_window(e)) {
            let typed = self.expr(call, &scope.at(Place::GroupBy))?;
            scope.aliases.push(("window".into(), typed));
        }
        Ok(())
    }
}

/// SORT BY and CLUSTER BY: the order within a part of the rows, all of which are one part here.
fn sorted_within(select: &Select) -> Vec<ast::OrderByExpr> {
    let clustered = select.cluster_by.iter().map(|e| ast::OrderByExpr {
        expr: e.clone(),
        options: ast::OrderByOptions {
            asc: None,
            nulls_first: None,
        },
        with_fill: None,
    });
    select.sort_by.iter().cloned().chain(clustered).collect()
}

/// For every item the relation its column belongs to, unless it has an alias, and the first item that is the same.
fn origins(items: &[Item], scope: &Scope) -> Vec<(Option<String>, usize)> {
    let of = |item: &Item| {
        let column = scope.columns.iter().find(|c| !item.named && c.expr == item.expr);
        column.and_then(|c| c.relation.clone())
    };
    let first = |item: &Item| items.iter().position(|i| i.expr == item.expr).unwrap_or(0);
    items.iter().map(|item| (of(item), first(item))).collect()
}

fn plain(expr: Expr, at: Location) -> Item {
    Item {
        expr,
        name: String::new(),
        named: false,
        at,
    }
}

fn is_distinct(select: &Select, at: Location) -> Checked<bool> {
    match &select.distinct {
        None | Some(ast::Distinct::All) => Ok(false),
        Some(ast::Distinct::Distinct) => Ok(true),
        Some(ast::Distinct::On(_)) => Err(Fault::new(
            SqlErrorKind::Unsupported,
            at,
            "dropping duplicates by some columns only (SELECT DISTINCT ON) is not supported yet",
        )
        .help("use GROUP BY with any_value(...); over a stream it is stateful deduplication, which comes later")),
    }
}

fn refuse_foreign_clauses(select: &Select, at: Location) -> Checked<()> {
    let refused = [
        (select.top.is_some(), "TOP", "use LIMIT"),
        (select.into.is_some(), "SELECT INTO", "use INSERT INTO table SELECT ..."),
        (select.prewhere.is_some(), "PREWHERE", "use WHERE"),
        (
            !select.connect_by.is_empty(),
            "CONNECT BY",
            "there are no hierarchical queries",
        ),
    ];
    match refused.into_iter().find(|(given, ..)| *given) {
        None => Ok(()),
        Some((_, what, help)) => {
            Err(Fault::new(SqlErrorKind::Unsupported, at, format!("{what} is not supported")).help(help))
        }
    }
}
