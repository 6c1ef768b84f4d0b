//! One SELECT: its clauses in the order in which they take effect.
//!
//! ```text
//!   FROM, LATERAL VIEW -> WHERE -> GROUP BY and aggregates -> HAVING -> window functions -> items -> generators
//!   -> DISTINCT -> ORDER BY -> items without the helpers that ORDER BY needed
//! ```

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError};
use datafusion::logical_expr::expr::GroupingSet;
use datafusion::logical_expr::utils::{find_aggregate_exprs, find_window_exprs, grouping_set_to_exprlist};
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, LogicalPlanBuilder, SortExpr};
use sqlparser::ast::{
    self, GroupByExpr, GroupByWithModifier, NamedWindowExpr, Select, SelectItem, SelectItemQualifiedWildcardKind,
    Spanned,
};
use sqlparser::tokenizer::Location;

use super::from::{From, unknown_column};
use super::generator::Generator;
use super::query::{no_item, ordinal, sort};
use super::scope::{Place, Relation, Scope, Typed, columns, unique};
use super::{Planner, engine_fault, place};
use crate::error::{Checked, Fault, SqlErrorKind};

/// One column of the result.
#[derive(Clone, Debug)]
struct Item {
    expr: Expr,
    name: String,
    /// Whether the name was given with AS.
    named: bool,
    at: Location,
    generator: Option<Generator>,
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
            plan = build(LogicalPlanBuilder::from(plan).filter(condition), at)?;
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
        let items = self.items(&select.projection, &scope, at)?;
        let group = self.group_by(&select.group_by, &items, &scope)?;
        let outputs = output_scope(&scope, &items);
        let having = match &select.having {
            Some(having) => Some((
                self.condition(having, &outputs.at(Place::Having))?,
                place(having.span()),
            )),
            None => None,
        };
        let order = self.order_by(order, &items, &scope, &outputs)?;
        self.assemble(plan, items, group, having, order, is_distinct(select, at)?, at)
    }

    /// Lets `window` stand for the time window that the query groups by.
    fn add_time_window(&mut self, select: &Select, scope: &mut Scope) -> Checked<()> {
        let is_window = |e: &ast::Expr| match e {
            ast::Expr::Function(f) => f
                .name
                .0
                .last()
                .and_then(|p| p.as_ident())
                .is_some_and(|i| i.value.eq_ignore_ascii_case("window")),
            _ => false,
        };
        let GroupByExpr::Expressions(groups, _) = &select.group_by else {
            return Ok(());
        };
        if let Some(call) = groups.iter().find(|e| is_window(e)) {
            let typed = self.expr(call, &scope.at(Place::GroupBy))?;
            scope.aliases.push(("window".into(), typed));
        }
        Ok(())
    }

    fn items(&mut self, projection: &[SelectItem], scope: &Scope, at: Location) -> Checked<Vec<Item>> {
        let mut scope = scope.clone();
        let mut items: Vec<Item> = Vec::with_capacity(projection.len());
        for item in projection {
            let planned = self.item(item, &scope, at)?;
            // Later items may use this one by its alias.
            for item in planned.iter().filter(|i| i.named && i.generator.is_none()) {
                scope.aliases.push((
                    item.name.clone(),
                    Typed {
                        expr: item.expr.clone(),
                        text: item.name.clone(),
                    },
                ));
            }
            items.extend(planned);
        }
        if items.iter().filter(|i| i.generator.is_some()).count() > 1 {
            return Err(Fault::new(
                SqlErrorKind::Unsupported,
                at,
                "only one generator such as explode may stand in a SELECT list",
            )
            .help("use LATERAL VIEW for the others"));
        }
        Ok(items)
    }

    fn item(&mut self, item: &SelectItem, scope: &Scope, select_at: Location) -> Checked<Vec<Item>> {
        match item {
            SelectItem::UnnamedExpr(e) => {
                if let Some(items) = self.generator_item(e, &[], scope)? {
                    return Ok(items);
                }
                let typed = self.expr(e, scope)?;
                Ok(vec![Item {
                    name: shown_name(e, &typed),
                    named: false,
                    ..plain(typed.expr, place(e.span()))
                }])
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                if let Some(items) = self.generator_item(expr, std::slice::from_ref(alias), scope)? {
                    return Ok(items);
                }
                let typed = self.expr(expr, scope)?;
                Ok(vec![Item {
                    name: alias.value.clone(),
                    named: true,
                    ..plain(typed.expr, place(expr.span()))
                }])
            }
            SelectItem::ExprWithAliases { expr, aliases } => match self.generator_item(expr, aliases, scope)? {
                Some(items) => Ok(items),
                None => Err(Fault::new(
                    SqlErrorKind::Syntax,
                    place(expr.span()),
                    "only a generator such as posexplode has several names",
                )),
            },
            SelectItem::Wildcard(options) => {
                let at = place(options.wildcard_token.0.span);
                if scope.columns.is_empty() {
                    return Err(Fault::new(SqlErrorKind::Syntax, at, "'*' needs a FROM clause"));
                }
                let all = scope
                    .star(None)
                    .into_iter()
                    .map(|c| (c.name.clone(), c.expr.clone()))
                    .collect();
                starred(all, options, at)
            }
            SelectItem::QualifiedWildcard(kind, options) => {
                let at = place(options.wildcard_token.0.span);
                let at = if at.line == 0 { select_at } else { at };
                let all = self.qualified_star(kind, scope, at)?;
                starred(all, options, at)
            }
        }
    }

    /// `t.*` and `s.*` for a relation or a struct.
    fn qualified_star(
        &mut self,
        kind: &SelectItemQualifiedWildcardKind,
        scope: &Scope,
        at: Location,
    ) -> Checked<Vec<(String, Expr)>> {
        let base = match kind {
            SelectItemQualifiedWildcardKind::ObjectName(name) => {
                let idents: Vec<ast::Ident> = name.0.iter().filter_map(|p| p.as_ident().cloned()).collect();
                if let [one] = idents.as_slice() {
                    let listed = scope.star(Some(&one.value));
                    if !listed.is_empty() {
                        return Ok(listed.into_iter().map(|c| (c.name.clone(), c.expr.clone())).collect());
                    }
                }
                let shown = name.to_string();
                let e = match idents.as_slice() {
                    [one] => ast::Expr::Identifier(one.clone()),
                    _ => ast::Expr::CompoundIdentifier(idents),
                };
                self.expr(&e, scope).map_err(|f| {
                    if f.message.starts_with("no column") {
                        unknown_column(&shown, &scope.known(), false, f.at).help(format!(
                            "'{shown}' is neither a relation of the FROM clause nor a struct column"
                        ))
                    } else {
                        f
                    }
                })?
            }
            SelectItemQualifiedWildcardKind::Expr(e) => self.expr(e, scope)?,
        };
        match self.type_of(&base.expr, scope, at)? {
            arrow::datatypes::DataType::Struct(fields) => fields
                .iter()
                .map(|f| {
                    self.field(base.clone(), f.name(), scope, at)
                        .map(|typed| (f.name().clone(), typed.expr))
                })
                .collect(),
            other => {
                let of = millstream_spark::type_name::spark_type(&other).to_uppercase();
                Err(Fault::new(
                    SqlErrorKind::Type,
                    at,
                    format!("'{}.*' needs a relation or a struct, {} is {of}", base.text, base.text),
                ))
            }
        }
    }

    /// The item when the expression is a generator: explode and the like.
    fn generator_item(&mut self, e: &ast::Expr, aliases: &[ast::Ident], scope: &Scope) -> Checked<Option<Vec<Item>>> {
        let Some(mut generator) = self.generator(e, scope)? else {
            return Ok(None);
        };
        let at = place(e.span());
        let names = generator.names(aliases, at)?;
        // One item stands for all columns of the generator until rows are made.
        let expr = generator.input.clone();
        generator.names.clone_from(&names);
        Ok(Some(vec![Item {
            name: names.join(","),
            named: !aliases.is_empty(),
            generator: Some(generator),
            ..plain(expr, at)
        }]))
    }

    /// Group expressions: items by number or alias, columns before aliases. None when the query does not group.
    fn group_by(&mut self, group: &GroupByExpr, items: &[Item], scope: &Scope) -> Checked<Option<Vec<Expr>>> {
        let (list, modifiers) = match group {
            GroupByExpr::All(modifiers) => {
                let all = items
                    .iter()
                    .filter(|i| find_aggregate_exprs([&i.expr]).is_empty())
                    .map(|i| i.expr.clone())
                    .collect();
                return modified(all, modifiers, Location::new(0, 0)).map(Some);
            }
            GroupByExpr::Expressions(list, modifiers) if list.is_empty() && modifiers.is_empty() => return Ok(None),
            GroupByExpr::Expressions(list, modifiers) => (list, modifiers),
        };
        let mut scope = scope.at(Place::GroupBy);
        for item in items.iter().filter(|i| i.named && i.generator.is_none()) {
            scope.aliases.push((
                item.name.clone(),
                Typed {
                    expr: item.expr.clone(),
                    text: item.name.clone(),
                },
            ));
        }
        let mut out = Vec::with_capacity(list.len());
        for e in list {
            match e {
                ast::Expr::Rollup(sets) => {
                    out.push(Expr::GroupingSet(GroupingSet::Rollup(self.flat(sets, items, &scope)?)))
                }
                ast::Expr::Cube(sets) => {
                    out.push(Expr::GroupingSet(GroupingSet::Cube(self.flat(sets, items, &scope)?)))
                }
                ast::Expr::GroupingSets(sets) => {
                    let sets = sets
                        .iter()
                        .map(|set| {
                            set.iter()
                                .map(|e| self.group_expr(e, items, &scope))
                                .collect::<Checked<Vec<_>>>()
                        })
                        .collect::<Checked<Vec<_>>>()?;
                    out.push(Expr::GroupingSet(GroupingSet::GroupingSets(sets)));
                }
                e => out.push(self.group_expr(e, items, &scope)?),
            }
        }
        modified(
            out,
            modifiers,
            list.first().map_or(Location::new(0, 0), |e| place(e.span())),
        )
        .map(Some)
    }

    fn flat(&mut self, sets: &[Vec<ast::Expr>], items: &[Item], scope: &Scope) -> Checked<Vec<Expr>> {
        sets.iter()
            .flatten()
            .map(|e| self.group_expr(e, items, scope))
            .collect()
    }

    fn group_expr(&mut self, e: &ast::Expr, items: &[Item], scope: &Scope) -> Checked<Expr> {
        let at = place(e.span());
        let expr = match ordinal(e) {
            Some(n) => n
                .checked_sub(1)
                .and_then(|i| items.get(i))
                .map(|i| i.expr.clone())
                .ok_or_else(|| no_item(n, items.len(), at))?,
            None => self.expr(e, scope)?.expr,
        };
        if !find_aggregate_exprs([&expr]).is_empty() {
            return Err(Fault::new(
                SqlErrorKind::Type,
                at,
                "GROUP BY cannot contain an aggregate function",
            ));
        }
        Ok(expr)
    }

    fn order_by(
        &mut self,
        order: &[ast::OrderByExpr],
        items: &[Item],
        scope: &Scope,
        outputs: &Scope,
    ) -> Checked<Vec<(SortExpr, Location)>> {
        let mut out = Vec::with_capacity(order.len());
        for item in order {
            let at = place(item.expr.span());
            let expr = match (ordinal(&item.expr), &item.expr) {
                (Some(n), _) => n
                    .checked_sub(1)
                    .and_then(|i| items.get(i))
                    .map(|i| i.expr.clone())
                    .ok_or_else(|| no_item(n, items.len(), at))?,
                // An item's name as shown: ORDER BY `sum(amount)`.
                (None, ast::Expr::Identifier(ident))
                    if items.iter().any(|i| i.name.eq_ignore_ascii_case(&ident.value)) =>
                {
                    let named: Vec<&Item> = items
                        .iter()
                        .filter(|i| i.name.eq_ignore_ascii_case(&ident.value))
                        .collect();
                    let [first, rest @ ..] = named.as_slice() else { continue };
                    if rest.iter().any(|o| o.expr != first.expr) {
                        return Err(Fault::new(
                            SqlErrorKind::Name,
                            at,
                            format!("'{}' is ambiguous", ident.value),
                        ));
                    }
                    first.expr.clone()
                }
                (None, e) => match self.expr(e, &outputs.at(Place::OrderBy)) {
                    Ok(typed) => typed.expr,
                    // An alias that hides a column inside an aggregate's argument.
                    Err(fault) => self.expr(e, &scope.at(Place::OrderBy)).map_err(|_| fault)?.expr,
                },
            };
            out.push((sort(expr, &item.options), at));
        }
        Ok(out)
    }

    #[expect(clippy::too_many_arguments, reason = "the clauses of a SELECT")]
    fn assemble(
        &mut self,
        mut plan: LogicalPlan,
        mut items: Vec<Item>,
        group: Option<Vec<Expr>>,
        having: Option<(Expr, Location)>,
        mut order: Vec<(SortExpr, Location)>,
        distinct: bool,
        at: Location,
    ) -> Checked<Relation> {
        let mut having = having;
        let all = items
            .iter()
            .map(|i| &i.expr)
            .chain(having.iter().map(|h| &h.0))
            .chain(order.iter().map(|o| &o.0.expr));
        let aggregates = find_aggregate_exprs(all);
        if group.is_some() || !aggregates.is_empty() {
            let group = group.unwrap_or_default();
            let keys: Vec<Expr> = grouping_set_to_exprlist(&group)
                .map_err(|e| engine_fault(&e, at))?
                .into_iter()
                .cloned()
                .collect();
            plan = build(
                LogicalPlanBuilder::from(plan).aggregate(group.clone(), aggregates.clone()),
                at,
            )?;
            let outputs = columns(&plan);
            let known: Vec<(Expr, Column)> = keys
                .iter()
                .cloned()
                .zip(outputs.iter().cloned())
                .chain(
                    aggregates
                        .into_iter()
                        .zip(outputs[outputs.len() - aggregate_count(&plan)..].iter().cloned()),
                )
                .collect();
            let rebase = |expr: &mut Expr, name: &str, at: Location| -> Checked<()> {
                *expr = replaced(expr.clone(), &known).map_err(|e| engine_fault(&e, at))?;
                not_grouped(expr, &outputs, name, at)
            };
            for item in &mut items {
                let name = item.name.clone();
                rebase(&mut item.expr, &name, item.at)?;
                if let Some(generator) = &mut item.generator {
                    generator.input = item.expr.clone();
                }
            }
            if let Some((having, at)) = &mut having {
                rebase(having, "HAVING", *at)?;
            }
            for (sort, at) in &mut order {
                rebase(&mut sort.expr, "ORDER BY", *at)?;
            }
        }
        if let Some((having, at)) = having {
            plan = build(LogicalPlanBuilder::from(plan).filter(having), at)?;
        }
        let windows = find_window_exprs(items.iter().map(|i| &i.expr).chain(order.iter().map(|o| &o.0.expr)));
        if !windows.is_empty() {
            plan = LogicalPlanBuilder::window_plan(plan, windows.clone()).map_err(|e| engine_fault(&e, at))?;
            let known: Vec<(Expr, Column)> = windows
                .into_iter()
                .map(|w| (w.clone(), Column::new_unqualified(w.schema_name().to_string())))
                .collect();
            for item in &mut items {
                item.expr = replaced(item.expr.clone(), &known).map_err(|e| engine_fault(&e, at))?;
            }
            for (sort, _) in &mut order {
                sort.expr = replaced(sort.expr.clone(), &known).map_err(|e| engine_fault(&e, at))?;
            }
        }
        self.project(plan, items, order, distinct, at)
    }

    /// Items, helpers for the order, generators, DISTINCT, order, and the items alone again.
    fn project(
        &mut self,
        plan: LogicalPlan,
        items: Vec<Item>,
        order: Vec<(SortExpr, Location)>,
        distinct: bool,
        at: Location,
    ) -> Checked<Relation> {
        let names: Vec<String> = items.iter().map(|i| i.name.clone()).collect();
        let inner = unique(&names);
        let mut projected: Vec<Expr> = items.iter().zip(&inner).map(|(i, n)| i.expr.clone().alias(n)).collect();
        let mut sorts = Vec::with_capacity(order.len());
        for (sort, at) in order {
            let known = items.iter().position(|i| i.expr == sort.expr && i.generator.is_none());
            let column = match known {
                Some(i) => inner[i].clone(),
                None if distinct => {
                    return Err(Fault::new(
                        SqlErrorKind::Unsupported,
                        at,
                        "with SELECT DISTINCT, ORDER BY can only use items of the SELECT list",
                    ));
                }
                None => {
                    let helper = self.fresh("order");
                    projected.push(sort.expr.alias(&helper));
                    helper
                }
            };
            sorts.push(Expr::Column(Column::new_unqualified(column)).sort(sort.asc, sort.nulls_first));
        }
        let helpers = projected.len() > items.len();
        let mut plan = build(LogicalPlanBuilder::from(plan).project(projected), at)?;
        let mut relation_names = names;
        let mut kept: Vec<String> = inner.clone();
        if let Some((index, generator)) = items
            .iter()
            .enumerate()
            .find_map(|(i, item)| item.generator.clone().map(|g| (i, g)))
        {
            let (generated, made) = self.generate(plan, &inner[index], &generator, at)?;
            plan = generated;
            relation_names.splice(index..=index, generator.names.iter().cloned());
            kept.splice(index..=index, made);
        }
        if distinct {
            plan = LogicalPlan::Distinct(Distinct::All(Arc::new(select_columns(plan, &kept, at)?)));
        }
        if !sorts.is_empty() {
            plan = LogicalPlan::Sort(datafusion::logical_expr::Sort {
                expr: sorts,
                input: Arc::new(plan),
                fetch: None,
            });
        }
        if helpers || columns(&plan).len() != kept.len() {
            plan = select_columns(plan, &kept, at)?;
        }
        Ok(Relation {
            plan,
            names: relation_names,
        })
    }
}

fn plain(expr: Expr, at: Location) -> Item {
    Item {
        expr,
        name: String::new(),
        named: false,
        at,
        generator: None,
    }
}

fn build(builder: Result<LogicalPlanBuilder, DataFusionError>, at: Location) -> Checked<LogicalPlan> {
    builder
        .and_then(LogicalPlanBuilder::build)
        .map_err(|e| engine_fault(&e, at))
}

pub(super) fn select_columns(plan: LogicalPlan, names: &[String], at: Location) -> Checked<LogicalPlan> {
    let all = columns(&plan);
    let items = names
        .iter()
        .map(|n| {
            all.iter()
                .find(|c| c.name == *n)
                .cloned()
                .unwrap_or_else(|| Column::new_unqualified(n))
        })
        .map(Expr::Column)
        .collect::<Vec<_>>();
    build(LogicalPlanBuilder::from(plan).project(items), at)
}

fn aggregate_count(plan: &LogicalPlan) -> usize {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.aggr_expr.len(),
        _ => 0,
    }
}

/// Puts columns in the place of expressions computed below.
fn replaced(expr: Expr, known: &[(Expr, Column)]) -> Result<Expr, DataFusionError> {
    expr.transform_down(|e| match known.iter().find(|(k, _)| *k == e) {
        Some((_, column)) => Ok(Transformed::new(
            Expr::Column(column.clone()),
            true,
            TreeNodeRecursion::Jump,
        )),
        None => Ok(Transformed::no(e)),
    })
    .map(|t| t.data)
}

/// Refuses a column that is neither grouped nor aggregated.
fn not_grouped(expr: &Expr, outputs: &[Column], what: &str, at: Location) -> Checked<()> {
    let bad = expr
        .column_refs()
        .into_iter()
        .find(|c| !outputs.contains(c))
        .map(|c| c.name.clone());
    match bad {
        None => Ok(()),
        Some(name) => {
            let message = if name.eq_ignore_ascii_case(what) {
                format!("'{name}' is neither in GROUP BY nor inside an aggregate function")
            } else {
                format!("'{name}' in {what} is neither in GROUP BY nor inside an aggregate function")
            };
            Err(Fault::new(SqlErrorKind::Type, at, message).help(format!(
                "add it to GROUP BY, or take any of its values: any_value({name})"
            )))
        }
    }
}

fn modified(group: Vec<Expr>, modifiers: &[GroupByWithModifier], at: Location) -> Checked<Vec<Expr>> {
    match modifiers {
        [] => Ok(group),
        [GroupByWithModifier::Rollup] => Ok(vec![Expr::GroupingSet(GroupingSet::Rollup(group))]),
        [GroupByWithModifier::Cube] => Ok(vec![Expr::GroupingSet(GroupingSet::Cube(group))]),
        _ => Err(
            Fault::new(SqlErrorKind::Unsupported, at, "this form of GROUP BY is not supported")
                .help("use GROUP BY GROUPING SETS (...)"),
        ),
    }
}

/// Names of the result before names of the rows below, for HAVING and ORDER BY.
fn output_scope(scope: &Scope, items: &[Item]) -> Scope {
    let mut outputs = scope.clone();
    outputs.below = Some(Arc::new(scope.clone()));
    let named = items.iter().filter(|i| i.named && i.generator.is_none());
    let columns: Vec<_> = named
        .map(|i| super::scope::ScopeColumn {
            relation: None,
            name: i.name.clone(),
            expr: i.expr.clone(),
            in_star: true,
        })
        .collect();
    outputs
        .columns
        .retain(|c| !columns.iter().any(|o| o.name.eq_ignore_ascii_case(&c.name)) || c.relation.is_some());
    for column in &mut outputs.columns {
        // Still there under its relation's name.
        if columns.iter().any(|o| o.name.eq_ignore_ascii_case(&column.name)) {
            column.in_star = false;
        }
    }
    outputs.columns.extend(columns);
    outputs
}

/// The name Spark gives an item without alias: a column's or field's own, also through casts.
fn shown_name(e: &ast::Expr, typed: &Typed) -> String {
    match e {
        ast::Expr::CompoundIdentifier(parts) => parts.last().map_or_else(|| typed.text.clone(), |i| i.value.clone()),
        ast::Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last() {
            Some(ast::AccessExpr::Dot(ast::Expr::Identifier(i))) => i.value.clone(),
            _ => typed.text.clone(),
        },
        ast::Expr::Cast { expr, .. } if is_named(expr) => shown_name(
            expr,
            &Typed {
                expr: typed.expr.clone(),
                text: expr.to_string(),
            },
        ),
        ast::Expr::Identifier(i) if typed.text != "window" => match typed.text.strip_suffix("()") {
            Some(_) => typed.text.clone(),
            None => i.value.clone(),
        },
        ast::Expr::Nested(inner) => shown_name(inner, typed),
        _ => typed.text.clone(),
    }
}

fn is_named(e: &ast::Expr) -> bool {
    match e {
        ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_) => true,
        ast::Expr::Cast { expr, .. } | ast::Expr::Nested(expr) => is_named(expr),
        _ => false,
    }
}

fn starred(all: Vec<(String, Expr)>, options: &ast::WildcardAdditionalOptions, at: Location) -> Checked<Vec<Item>> {
    let mut except: Vec<String> = Vec::new();
    if let Some(list) = &options.opt_except {
        except.push(list.first_element.value.clone());
        except.extend(list.additional_elements.iter().map(|i| i.value.clone()));
    }
    for name in &except {
        if !all.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
            return Err(unknown_column(
                name,
                &all.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>(),
                false,
                at,
            ));
        }
    }
    Ok(all
        .into_iter()
        .filter(|(name, _)| !except.iter().any(|e| e.eq_ignore_ascii_case(name)))
        .map(|(name, expr)| Item {
            name,
            ..plain(expr, at)
        })
        .collect())
}

fn is_distinct(select: &Select, at: Location) -> Checked<bool> {
    match &select.distinct {
        None | Some(ast::Distinct::All) => Ok(false),
        Some(ast::Distinct::Distinct) => Ok(true),
        Some(ast::Distinct::On(_)) => Err(Fault::new(
            SqlErrorKind::Unsupported,
            at,
            "SELECT DISTINCT ON is not Spark SQL",
        )),
    }
}

fn refuse_foreign_clauses(select: &Select, at: Location) -> Checked<()> {
    let refused = [
        (select.top.is_some(), "TOP", "use LIMIT"),
        (select.into.is_some(), "SELECT INTO", "use INSERT INTO table SELECT ..."),
        (
            select.qualify.is_some(),
            "QUALIFY",
            "put the window function in a subquery and filter around it",
        ),
        (select.prewhere.is_some(), "PREWHERE", "use WHERE"),
        (
            !select.connect_by.is_empty(),
            "CONNECT BY",
            "there are no hierarchical queries",
        ),
        (!select.sort_by.is_empty(), "SORT BY", "use ORDER BY"),
        (
            !select.cluster_by.is_empty(),
            "CLUSTER BY",
            "rows are distributed by the engine",
        ),
        (
            !select.distribute_by.is_empty(),
            "DISTRIBUTE BY",
            "rows are distributed by the engine",
        ),
    ];
    match refused.into_iter().find(|(given, ..)| *given) {
        None => Ok(()),
        Some((_, what, help)) => {
            Err(Fault::new(SqlErrorKind::Unsupported, at, format!("{what} is not supported")).help(help))
        }
    }
}
