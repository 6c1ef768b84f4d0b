//! Generators: functions that make several rows of one, in a SELECT list or a LATERAL VIEW.

use arrow::datatypes::{DataType, Field};
use datafusion::common::{Column, NullHandling, ScalarValue, UnnestOptions};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use millstream_spark::type_name::spark_type;
use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned};
use sqlparser::tokenizer::Location;

use super::from::From;
use super::scope::{Relation, Scope, ScopeColumn, columns};
use super::{Planner, engine_fault, place};
use crate::error::{Checked, Fault, SqlErrorKind};

/// Names of the generators.
pub(super) const GENERATORS: [&str; 8] = [
    "explode",
    "explode_outer",
    "posexplode",
    "posexplode_outer",
    "inline",
    "inline_outer",
    "json_tuple",
    "stack",
];

/// One generator, taken apart: rows are the elements of `input`, an array.
#[derive(Clone, Debug)]
pub(super) struct Generator {
    name: String,
    pub(super) input: Expr,
    /// A row of NULLs where there is no element.
    outer: bool,
    /// The element's position is a column.
    position: bool,
    /// Fields of the element that become columns; none: the element itself is one.
    fields: Vec<String>,
    /// The columns' names: the generator's own, or those given.
    pub(super) names: Vec<String>,
    /// The columns as they are in the plan once there are rows; see [`Planner::columns_of`].
    pub(super) made: Vec<String>,
}

impl Generator {
    /// Rows of the named fields of the structs in the array `input`.
    pub(super) fn fields_of(input: Expr, fields: Vec<String>) -> Self {
        Self {
            name: "inline".into(),
            input,
            outer: false,
            position: false,
            names: fields.clone(),
            fields,
            made: Vec::new(),
        }
    }

    /// The columns' names when `aliases` are given.
    pub(super) fn names(&self, aliases: &[ast::Ident], at: Location) -> Checked<Vec<String>> {
        match aliases {
            [] => Ok(self.names.clone()),
            given if given.len() == self.names.len() => Ok(given.iter().map(|i| i.value.clone()).collect()),
            given => {
                let message = format!(
                    "{} makes {} columns, {} names are given",
                    self.name,
                    self.names.len(),
                    given.len()
                );
                Err(Fault::new(SqlErrorKind::Name, at, message))
            }
        }
    }
}

impl Planner<'_> {
    /// The generator that `e` is, if it is one.
    pub(super) fn generator(&mut self, e: &ast::Expr, scope: &Scope) -> Checked<Option<Generator>> {
        let ast::Expr::Function(function) = e else {
            return Ok(None);
        };
        let Some(ident) = function.name.0.last().and_then(|p| p.as_ident()) else {
            return Ok(None);
        };
        let (name, at) = (ident.value.to_lowercase(), place(ident.span));
        if !GENERATORS.contains(&name.as_str()) {
            return Ok(None);
        }
        let args: Vec<&ast::Expr> = match &function.args {
            FunctionArguments::List(list) => list
                .args
                .iter()
                .filter_map(|a| match a {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        match name.as_str() {
            "json_tuple" => return self.json_tuple(&args, scope, at).map(Some),
            "stack" => return self.stack(&args, scope, at).map(Some),
            _ => {}
        }
        let [arg] = args.as_slice() else {
            return Err(Fault::new(
                SqlErrorKind::Type,
                at,
                format!("{name} takes one array or map, here {} arguments", args.len()),
            ));
        };
        let typed = self.expr(arg, scope)?;
        let (outer, position, inline) = (
            name.ends_with("_outer"),
            name.starts_with("pos"),
            name.starts_with("inline"),
        );
        let wrong = |of: &DataType| {
            let expected = if inline {
                "an array of structs"
            } else {
                "an array or a map"
            };
            let message = format!(
                "{name} takes {expected}, {} is {}",
                typed.text,
                spark_type(of).to_uppercase()
            );
            Fault::new(SqlErrorKind::Type, place(arg.span()), message)
        };
        let (input, fields, mut names) = match self.type_of(&typed.expr, scope, at)? {
            DataType::List(element) if inline => match element.data_type() {
                DataType::Struct(fields) => {
                    let fields: Vec<String> = fields.iter().map(|f| f.name().clone()).collect();
                    (typed.expr.clone(), fields.clone(), fields)
                }
                _ => return Err(wrong(&DataType::List(element))),
            },
            DataType::List(_) => (typed.expr.clone(), Vec::new(), vec!["col".to_owned()]),
            DataType::Map(..) if !inline => {
                let entries = self.scalar(&["map_entries"], vec![typed.expr.clone()], scope, at)?;
                let fields = vec!["key".to_owned(), "value".to_owned()];
                (entries, fields.clone(), fields)
            }
            other => return Err(wrong(&other)),
        };
        if position {
            names.insert(0, "pos".to_owned());
        }
        Ok(Some(Generator {
            name,
            input,
            outer,
            position,
            fields,
            names,
            made: Vec::new(),
        }))
    }

    /// `json_tuple(text, 'a', 'b')`: one row with a column for each field.
    fn json_tuple(&mut self, args: &[&ast::Expr], scope: &Scope, at: Location) -> Checked<Generator> {
        if args.len() < 2 {
            return Err(Fault::new(
                SqlErrorKind::Type,
                at,
                "json_tuple takes a text and the names of fields",
            ));
        }
        let exprs = args
            .iter()
            .map(|e| self.expr(e, scope).map(|t| t.expr))
            .collect::<Checked<Vec<_>>>()?;
        let tuple = self.scalar(&["json_tuple"], exprs, scope, at)?;
        let DataType::Struct(fields) = self.type_of(&tuple, scope, at)? else {
            return Err(Fault::new(
                SqlErrorKind::Unsupported,
                at,
                "json_tuple is not supported here",
            ));
        };
        let input = self.scalar(&["array", "make_array"], vec![tuple], scope, at)?;
        let names = (0..fields.len()).map(|i| format!("c{i}")).collect();
        let fields = fields.iter().map(|f| f.name().clone()).collect();
        Ok(Generator {
            name: "json_tuple".into(),
            input,
            outer: true,
            position: false,
            fields,
            names,
            made: Vec::new(),
        })
    }

    /// `stack(n, a, b, ...)`: the values in n rows.
    fn stack(&mut self, args: &[&ast::Expr], scope: &Scope, at: Location) -> Checked<Generator> {
        let wrong = |at| {
            Fault::new(
                SqlErrorKind::Type,
                at,
                "stack takes a number of rows, a literal, and values",
            )
        };
        let [rows, values @ ..] = args else {
            return Err(wrong(at));
        };
        let rows = match self.expr(rows, scope)?.expr {
            Expr::Literal(ScalarValue::Int32(Some(rows)), _) => usize::try_from(rows).ok().filter(|rows| *rows > 0),
            _ => None,
        };
        let (Some(rows), false) = (rows, values.is_empty()) else {
            return Err(wrong(at));
        };
        let width = values.len().div_ceil(rows);
        let mut types = vec![DataType::Null; width];
        let mut exprs = Vec::with_capacity(values.len());
        for (i, value) in values.iter().enumerate() {
            let typed = self.expr(value, scope)?;
            let of = self.type_of(&typed.expr, scope, place(value.span()))?;
            let column = &mut types[i % width];
            if column.is_null() {
                *column = of;
            } else if *column != of && !of.is_null() {
                let message = format!(
                    "column {} of stack is {}, {} is {}",
                    i % width,
                    spark_type(column).to_uppercase(),
                    typed.text,
                    spark_type(&of).to_uppercase()
                );
                return Err(Fault::new(SqlErrorKind::Type, place(value.span()), message));
            }
            exprs.push(typed.expr);
        }
        exprs.resize(rows * width, lit(ScalarValue::Null));
        let fields: Vec<String> = (0..width).map(|i| format!("col{i}")).collect();
        let mut structs = Vec::with_capacity(rows);
        for row in exprs.chunks(width) {
            let row = row.iter().zip(&fields).zip(&types).flat_map(|((value, name), of)| {
                let value = if of.is_null() {
                    value.clone()
                } else {
                    datafusion::logical_expr::cast(value.clone(), of.clone())
                };
                [lit(name.as_str()), value]
            });
            structs.push(self.scalar(&["named_struct"], row.collect(), scope, at)?);
        }
        Ok(Generator {
            name: "stack".into(),
            input: self.scalar(&["array"], structs, scope, at)?,
            outer: false,
            position: false,
            names: fields.clone(),
            fields,
            made: Vec::new(),
        })
    }

    /// Gives the generator's columns their names in the plan, and the columns.
    pub(super) fn columns_of(&mut self, generator: &mut Generator, scope: &Scope, at: Location) -> Checked<Vec<Field>> {
        let of_element = match self.type_of(&generator.input, scope, at)? {
            DataType::List(element) => element.data_type().clone(),
            other => other,
        };
        let mut types = Vec::new();
        if generator.position {
            types.push(DataType::Int32);
        }
        match (&of_element, generator.fields.is_empty()) {
            (DataType::Struct(fields), false) => {
                types.extend(fields.iter().map(|field| field.data_type().clone()));
            }
            _ => types.push(of_element),
        }
        generator.made = types.iter().map(|_| self.fresh("generated")).collect();
        let made = generator.made.iter().zip(types);
        Ok(made.map(|(name, of)| Field::new(name, of, true)).collect())
    }

    /// The rows of a generator over those of `plan`, whose columns stay.
    pub(super) fn generate_over(
        &mut self,
        plan: LogicalPlan,
        generator: &Generator,
        at: Location,
    ) -> Checked<(LogicalPlan, Vec<String>)> {
        let input = self.fresh("generated");
        let mut items: Vec<Expr> = columns(&plan).into_iter().map(Expr::Column).collect();
        items.push(generator.input.clone().alias(&input));
        let plan = LogicalPlanBuilder::from(plan)
            .project(items)
            .and_then(LogicalPlanBuilder::build)
            .map_err(|e| engine_fault(&e, at))?;
        self.generate(plan, &input, generator, at)
    }

    /// Makes the rows: column `column` of `plan`, an array, gives way to the generator's columns, whose names are returned.
    pub(super) fn generate(
        &mut self,
        plan: LogicalPlan,
        column: &str,
        generator: &Generator,
        at: Location,
    ) -> Checked<(LogicalPlan, Vec<String>)> {
        let fail = |e| engine_fault(&e, at);
        let plan = self.without_keys(plan, at)?;
        let mut unnested = vec![Column::new_unqualified(column)];
        let mut plan = plan;
        let position = self.fresh("position");
        let scope = Scope {
            schema: std::sync::Arc::clone(plan.schema()),
            ..Scope::empty(None)
        };
        if generator.position {
            // Positions are unnested side by side with the elements.
            let input = Expr::Column(Column::new_unqualified(column));
            let length = datafusion::logical_expr::cast(
                self.scalar(&["array_length"], vec![input], &scope, at)?,
                DataType::Int64,
            );
            let positions = self.scalar(&["range"], vec![lit(0_i64), length], &scope, at)?;
            let mut items: Vec<Expr> = columns(&plan).into_iter().map(Expr::Column).collect();
            items.push(positions.alias(&position));
            plan = LogicalPlanBuilder::from(plan)
                .project(items)
                .and_then(LogicalPlanBuilder::build)
                .map_err(fail)?;
            unnested.push(Column::new_unqualified(&position));
        }
        let options = UnnestOptions {
            null_handling: if generator.outer {
                NullHandling::PreserveAndExpandEmpty
            } else {
                NullHandling::Drop
            },
            ..UnnestOptions::default()
        };
        plan = LogicalPlanBuilder::from(plan)
            .unnest_columns_with_options(unnested, options)
            .and_then(LogicalPlanBuilder::build)
            .map_err(fail)?;
        let element = Expr::Column(Column::new_unqualified(column));
        let mut made = Vec::new();
        let mut new: Vec<Expr> = Vec::new();
        if generator.position {
            new.push(datafusion::logical_expr::cast(
                Expr::Column(Column::new_unqualified(&position)),
                DataType::Int32,
            ));
        }
        if generator.fields.is_empty() {
            new.push(element);
        } else {
            new.extend(
                generator
                    .fields
                    .iter()
                    .map(|f| datafusion::functions::core::expr_fn::get_field(element.clone(), f.as_str())),
            );
        }
        let mut items = Vec::new();
        for existing in columns(&plan) {
            if existing.name == column {
                for (i, expr) in new.drain(..).enumerate() {
                    let name = match generator.made.get(i) {
                        Some(name) => name.clone(),
                        None => self.fresh("generated"),
                    };
                    items.push(expr.alias(&name));
                    made.push(name);
                }
            } else if existing.name != position {
                items.push(Expr::Column(existing));
            }
        }
        let plan = LogicalPlanBuilder::from(plan)
            .project(items)
            .and_then(LogicalPlanBuilder::build)
            .map_err(fail)?;
        Ok((plan, made))
    }

    /// `LATERAL VIEW [OUTER] generator(...) name AS a, b`.
    pub(super) fn lateral_view(&mut self, from: From, view: &ast::LateralView) -> Checked<From> {
        let at = place(view.lateral_view.span());
        let Some(mut generator) = self.generator(&view.lateral_view, &from.scope)? else {
            return Err(
                Fault::new(SqlErrorKind::Syntax, at, "LATERAL VIEW needs a generator").help(GENERATORS.join(", "))
            );
        };
        generator.outer |= view.outer;
        // A view without names of columns has one empty name behind its own.
        let aliases = match view.lateral_col_alias.as_slice() {
            [one] if one.value.is_empty() => &[],
            given => given,
        };
        let names = generator.names(aliases, at)?;
        let relation = view
            .lateral_view_name
            .0
            .last()
            .and_then(|p| p.as_ident())
            .map(|i| i.value.clone());
        let (plan, made) = self.generate_over(from.plan, &generator, at)?;
        let mut scope = from.scope;
        scope.schema = std::sync::Arc::clone(plan.schema());
        for (name, column) in names.into_iter().zip(made) {
            let expr = Expr::Column(Column::new_unqualified(column));
            scope.columns.push(ScopeColumn {
                relation: relation.clone(),
                name,
                expr,
                in_star: true,
            });
        }
        Ok(From { plan, scope })
    }

    /// A generator or `range([from,] until [, step])` as a table.
    pub(super) fn generated_table(&mut self, function: &ast::Function, name: &str, at: Location) -> Checked<Relation> {
        let scope = Scope::empty(None);
        let generator = if name.eq_ignore_ascii_case("range") {
            self.range(function, &scope, at)?
        } else {
            let call = ast::Expr::Function(function.clone());
            match self.generator(&call, &scope)? {
                Some(generator) => generator,
                None => {
                    return Err(
                        Fault::new(SqlErrorKind::Name, at, format!("no table function '{name}'"))
                            .help(format!("known: range, {}", GENERATORS.join(", "))),
                    );
                }
            }
        };
        let plan = LogicalPlanBuilder::empty(true)
            .build()
            .map_err(|e| engine_fault(&e, at))?;
        let (plan, made) = self.generate_over(plan, &generator, at)?;
        let plan = super::select::select_columns(plan, &made, at)?;
        Ok(Relation {
            plan,
            names: generator.names,
        })
    }

    fn range(&mut self, function: &ast::Function, scope: &Scope, at: Location) -> Checked<Generator> {
        let arguments: &[FunctionArg] = match &function.args {
            FunctionArguments::List(list) => &list.args,
            _ => &[],
        };
        let mut exprs = Vec::new();
        for arg in arguments {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) = arg else {
                return Err(Fault::new(SqlErrorKind::Type, at, "range takes numbers"));
            };
            exprs.push(datafusion::logical_expr::cast(
                self.expr(e, scope)?.expr,
                DataType::Int64,
            ));
        }
        // The fourth is a number of partitions, which rows do not show.
        exprs.truncate(3);
        Ok(Generator {
            name: "range".into(),
            input: self.scalar(&["range"], exprs, scope, at)?,
            outer: false,
            position: false,
            fields: vec![],
            names: vec!["id".into()],
            made: Vec::new(),
        })
    }
}
