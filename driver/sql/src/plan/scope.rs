//! What names mean at a place of a query.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::{Column, DFSchema, DFSchemaRef};
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Rows with the names a user sees: column `i` of the plan is called `names[i]`, in the spelling of its declaration.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub(crate) plan: LogicalPlan,
    pub(crate) names: Vec<String>,
}

impl Relation {
    /// A relation whose columns are called as in its plan.
    pub(crate) fn of(plan: LogicalPlan) -> Self {
        let names = plan.schema().fields().iter().map(|f| f.name().clone()).collect();
        Self { plan, names }
    }
}

/// An expression and the text Spark shows for it.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub(crate) expr: Expr,
    pub(crate) text: String,
}

/// A column that can be named.
#[derive(Clone, Debug)]
pub(crate) struct ScopeColumn {
    /// The alias of the relation it belongs to.
    pub(crate) relation: Option<String>,
    pub(crate) name: String,
    pub(crate) expr: Expr,
    /// Whether `*` lists it.
    pub(crate) in_star: bool,
}

/// The names of one FROM clause, and those around it.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) columns: Vec<ScopeColumn>,
    pub(crate) schema: DFSchemaRef,
    /// Names that are looked at after the columns: earlier items of the same SELECT list.
    pub(crate) aliases: Vec<(String, Typed)>,
    /// Parameters of the lambda functions around the expression and what they stand for, innermost last.
    pub(crate) lambda: Vec<(String, Expr)>,
    /// The query around a subquery.
    pub(crate) outer: Option<Arc<Scope>>,
    /// Named windows of the SELECT.
    pub(crate) windows: HashMap<String, sqlparser::ast::WindowSpec>,
    /// Whether aggregates, window functions or generators may stand here; the text says where "here" is when they may not.
    pub(crate) place: Place,
    /// The scope without the SELECT list's own names: what an aggregate's arguments see in HAVING and ORDER BY.
    pub(crate) below: Option<Arc<Scope>>,
    /// Whether names that differ in upper and lower case are different names.
    pub(crate) exact_names: bool,
}

/// The clause an expression stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Select,
    Having,
    OrderBy,
    GroupBy,
    Where,
    Join,
    Values,
    /// Inside a window function: its arguments, keys and order.
    Window,
    /// ORDER BY where only finished columns are in sight.
    Outputs,
    /// Inside an aggregate's arguments.
    Aggregate,
}

impl Place {
    pub(crate) fn allows_aggregates(self) -> bool {
        matches!(self, Self::Select | Self::Having | Self::OrderBy | Self::Window)
    }

    pub(crate) fn allows_windows(self) -> bool {
        matches!(self, Self::Select | Self::Window)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Select => "the SELECT list",
            Self::Having => "HAVING",
            Self::OrderBy => "ORDER BY",
            Self::GroupBy => "GROUP BY",
            Self::Where => "WHERE",
            Self::Join => "a join's condition",
            Self::Values => "VALUES",
            Self::Window => "a window function",
            Self::Outputs => "ORDER BY behind DISTINCT, HAVING, window functions or generators",
            Self::Aggregate => "the argument of an aggregate function",
        }
    }
}

/// What a name was found to be.
pub(crate) enum Found {
    /// A column and how many parts of the name it took.
    Column {
        expr: Expr,
        name: String,
        parts: usize,
    },
    Alias(Typed, usize),
    Ambiguous(Vec<String>),
    Nothing,
}

impl Scope {
    pub(crate) fn empty(outer: Option<Arc<Scope>>) -> Self {
        Self {
            columns: Vec::new(),
            schema: Arc::new(DFSchema::empty()),
            aliases: Vec::new(),
            lambda: Vec::new(),
            outer,
            windows: HashMap::new(),
            place: Place::Select,
            below: None,
            exact_names: false,
        }
    }

    /// The scope with names told apart by their case, or not.
    pub(crate) fn with_exact_names(self, exact_names: bool) -> Self {
        Self { exact_names, ..self }
    }

    /// Whether two names mean the same here.
    pub(crate) fn same(&self, one: &str, other: &str) -> bool {
        same_name(one, other, self.exact_names)
    }

    /// The columns of `relation` under `alias`.
    pub(crate) fn of(relation: &Relation, alias: Option<&str>, outer: Option<Arc<Scope>>) -> Self {
        let schema = Arc::clone(relation.plan.schema());
        let columns = relation
            .names
            .iter()
            .zip(schema.columns())
            .map(|(name, column)| ScopeColumn {
                relation: alias.map(str::to_owned),
                name: name.clone(),
                expr: Expr::Column(column),
                in_star: true,
            })
            .collect();
        Self {
            columns,
            schema,
            ..Self::empty(outer)
        }
    }

    pub(crate) fn at(&self, place: Place) -> Self {
        match &self.below {
            Some(below) if place == Place::Aggregate => Self {
                place,
                lambda: self.lambda.clone(),
                ..below.as_ref().clone()
            },
            _ => Self { place, ..self.clone() },
        }
    }

    /// Finds a name of one or more parts: a lambda's parameter, a column (`c`, `t.c`), an earlier alias, a column of the query around.
    pub(crate) fn find(&self, parts: &[String]) -> Found {
        if let Some((_, expr)) = parts
            .first()
            .and_then(|p| self.lambda.iter().rev().find(|(n, _)| self.same(n, p)))
        {
            let typed = Typed {
                expr: expr.clone(),
                text: "namedlambdavariable()".into(),
            };
            return Found::Alias(typed, 1);
        }
        match self.find_column(parts) {
            Found::Nothing => {}
            found => return found,
        }
        if let Some(first) = parts.first() {
            let mut named = self.aliases.iter().filter(|(n, _)| self.same(n, first));
            if let Some((_, typed)) = named.next() {
                return match named.any(|(_, other)| is_lateral(other)) && is_lateral(typed) {
                    true => Found::Ambiguous(vec![first.clone(), first.clone()]),
                    false => Found::Alias(typed.clone(), 1),
                };
            }
        }
        match self.outer.as_ref().map(|outer| outer.find_column(parts)) {
            Some(Found::Column {
                expr: Expr::Column(column),
                name,
                parts,
            }) => {
                let field = self.outer.as_ref().and_then(|o| {
                    o.schema
                        .qualified_field_from_column(&column)
                        .ok()
                        .map(|(_, f)| Arc::clone(f))
                });
                match field {
                    Some(field) => Found::Column {
                        expr: Expr::OuterReferenceColumn(field, column),
                        name,
                        parts,
                    },
                    None => Found::Nothing,
                }
            }
            Some(Found::Ambiguous(among)) => Found::Ambiguous(among),
            _ => Found::Nothing,
        }
    }

    fn find_column(&self, parts: &[String]) -> Found {
        let (Some(first), second) = (parts.first(), parts.get(1)) else {
            return Found::Nothing;
        };
        // `t.c` wins over a field `c` of a column `t`.
        let qualified: Vec<&ScopeColumn> = match second {
            Some(second) => self
                .columns
                .iter()
                .filter(|c| {
                    c.relation.as_deref().is_some_and(|r| r.eq_ignore_ascii_case(first)) && self.same(&c.name, second)
                })
                .collect(),
            None => Vec::new(),
        };
        let (matches, used) = if qualified.is_empty() {
            // A column joined by USING stands once for both sides.
            let listed = self.columns.iter().filter(|c| self.same(&c.name, first));
            let visible: Vec<&ScopeColumn> = listed.clone().filter(|c| c.in_star).collect();
            (if visible.is_empty() { listed.collect() } else { visible }, 1)
        } else {
            (qualified, 2)
        };
        match matches.as_slice() {
            [] => Found::Nothing,
            [one] => Found::Column {
                expr: one.expr.clone(),
                name: one.name.clone(),
                parts: used,
            },
            [one, rest @ ..] if rest.iter().all(|c| c.expr == one.expr) => Found::Column {
                expr: one.expr.clone(),
                name: one.name.clone(),
                parts: used,
            },
            many => Found::Ambiguous(
                many.iter()
                    .map(|c| {
                        c.relation
                            .as_ref()
                            .map_or_else(|| c.name.clone(), |r| format!("{r}.{}", c.name))
                    })
                    .collect(),
            ),
        }
    }

    /// The columns of `*`, or of `relation.*`.
    pub(crate) fn star(&self, relation: Option<&str>) -> Vec<&ScopeColumn> {
        self.columns
            .iter()
            .filter(|c| match relation {
                Some(relation) => c.relation.as_deref().is_some_and(|r| r.eq_ignore_ascii_case(relation)),
                None => c.in_star,
            })
            .collect()
    }

    /// All names that could have been meant.
    pub(crate) fn known(&self) -> Vec<String> {
        let mut known: Vec<String> = self.columns.iter().map(|c| c.name.clone()).collect();
        known.extend(self.aliases.iter().map(|(n, _)| n.clone()));
        known.extend(self.lambda.iter().map(|(n, _)| n.clone()));
        known
    }
}

/// What Spark shows for an earlier item of the same SELECT list.
pub(crate) fn lateral_text(name: &str) -> String {
    format!("{LATERAL}({name})")
}

/// Whether the name stands for an earlier item of the same SELECT list.
pub(crate) fn is_lateral(typed: &Typed) -> bool {
    typed.text.starts_with(LATERAL)
}

const LATERAL: &str = "lateralAliasReference";

/// Whether two names mean the same; `exact` when their case counts.
pub(crate) fn same_name(one: &str, other: &str, exact: bool) -> bool {
    match exact {
        true => one == other,
        false => one.eq_ignore_ascii_case(other),
    }
}

/// Names that are unique among themselves, so that a plan can carry the columns: a repeated name gets a number.
pub(crate) fn unique(names: &[String]) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    names
        .iter()
        .map(|name| {
            let count = seen.entry(name.to_lowercase()).or_insert(0);
            *count += 1;
            if *count == 1 {
                name.clone()
            } else {
                format!("{name}#{count}")
            }
        })
        .collect()
}

/// The columns of a plan by position.
pub(crate) fn columns(plan: &LogicalPlan) -> Vec<Column> {
    plan.schema().columns()
}
