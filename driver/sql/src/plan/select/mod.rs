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
use sqlparser::ast::{self, GroupByExpr, NamedWindowExpr, Select, Spanned};
use sqlparser::tokenizer::Location;

use self::assemble::Clauses;
pub(super) use self::assemble::{build, no_map_here, replaced, select_columns};
use self::group::output_scope;
use self::items::Items;
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::from::From;
use crate::plan::scope::{Place, Relation, Scope};
use crate::plan::{Planner, place};

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
            scope.windows.insert(definition.0.value.to_lowercase(), spec);
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
        let order = match order {
            [] => self.order_by(&sorted_within(select), &items, &scope, &outputs)?,
            order => self.order_by(order, &items, &scope, &outputs)?,
        };
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
            distinct: is_distinct(select, at)?,
        };
        self.assemble(plan, clauses, at)
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
