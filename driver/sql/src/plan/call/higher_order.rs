//! Spark's functions of lambda functions that the engine lacks, written with those it has: `array_transform`, `array_filter`
//! and `array_any_match` over entries and zipped elements.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::expr::{HigherOrderFunction, Lambda};
use datafusion::logical_expr::{Expr, lit, when};
use millstream_spark::coerce::common_type;
use millstream_spark::functions::map::KEEPING_REPEATS;
use millstream_spark::type_name::spark_type;
use millstream_spark::types::{list, map_parts};
use sqlparser::ast::{self, FunctionArgExpr};
use sqlparser::tokenizer::Location;

use super::arguments::Arguments;
use super::lambda::{no_name_twice, variable};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::scope::{Scope, Typed};
use crate::plan::{Planner, engine_fault};

/// Where a call stands.
struct Site<'a> {
    name: &'a str,
    scope: &'a Scope,
    at: Location,
}

impl Planner<'_> {
    /// The call written with the engine's functions; none when it has to be looked for elsewhere.
    pub(super) fn lambda_call(
        &mut self,
        name: &str,
        arguments: &Arguments<'_>,
        scope: &Scope,
        at: Location,
    ) -> Checked<Option<Typed>> {
        let (mut values, mut lambdas) = (Vec::new(), Vec::new());
        for arg in &arguments.list {
            match arg {
                FunctionArgExpr::Expr(ast::Expr::Lambda(lambda)) => lambdas.push(lambda),
                FunctionArgExpr::Expr(e) => values.push(e),
                _ => return Ok(None),
            }
        }
        let [lambda] = lambdas.as_slice() else {
            return Ok(None);
        };
        let indexed = lambda.params.len() == 2;
        let site = Site { name, scope, at };
        let mut typed = Vec::with_capacity(values.len());
        let wanted = match name {
            "map_filter" | "transform_keys" | "transform_values" | "forall" => 1,
            "transform" | "filter" if indexed => 1,
            "zip_with" | "map_zip_with" => 2,
            _ => return Ok(None),
        };
        if values.len() != wanted {
            let message = format!("{name} takes {wanted} values and a lambda function");
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        }
        for value in values {
            let value = self.expr(value, scope)?;
            self.not_null(&value, &site)?;
            typed.push(value);
        }
        let (expr, body) = match (name, typed.as_slice()) {
            ("forall", [array]) => self.for_all(array, lambda, &site)?,
            ("transform" | "filter", [array]) => self.with_index(array, lambda, &site)?,
            ("zip_with", [left, right]) => self.zip_with(left, right, lambda, &site)?,
            ("map_zip_with", [left, right]) => self.map_zip_with(left, right, lambda, &site)?,
            (_, [map]) => self.entries(map, lambda, &site)?,
            _ => return Ok(None),
        };
        self.type_of(&expr, scope, at)?;
        let mut shown: Vec<String> = typed.into_iter().map(|t| t.text).collect();
        shown.push(body);
        Ok(Some(Typed {
            expr,
            text: format!("{name}({})", shown.join(", ")),
        }))
    }

    /// `map_filter`, `transform_keys`, `transform_values`: over the map's entries and back.
    fn entries(&mut self, map: &Typed, lambda: &ast::LambdaFunction, site: &Site<'_>) -> Checked<(Expr, String)> {
        let entries = self.scalar(&["map_entries"], vec![map.expr.clone()], site.scope, site.at)?;
        let (name, entry) = self.element_of(&entries, &map.text, site)?;
        let (key, value) = (get_field(entry.clone(), "key"), get_field(entry, "value"));
        let (body, text) = self.body(lambda, &[key.clone(), value.clone()], site)?;
        let made = match site.name {
            "map_filter" => {
                let body = self.predicate_body(body, site)?;
                self.over("array_filter", entries, name, body, site)?
            }
            _ => {
                let (key, value) = if site.name == "transform_keys" {
                    (body, value)
                } else {
                    (key, body)
                };
                let entry = vec![lit("key"), key, lit("value"), value];
                let entry = self.scalar(&["named_struct"], entry, site.scope, site.at)?;
                self.over("array_transform", entries, name, entry, site)?
            }
        };
        // Only new keys can come twice; what the map itself has twice, from JSON, stays.
        let maker = match site.name {
            "transform_keys" => "map_from_entries",
            _ => KEEPING_REPEATS,
        };
        let expr = self.scalar(&[maker], vec![made], site.scope, site.at)?;
        Ok((expr, text))
    }

    /// `forall(a, f)`: there is no element for which `f` does not hold.
    fn for_all(&mut self, array: &Typed, lambda: &ast::LambdaFunction, site: &Site<'_>) -> Checked<(Expr, String)> {
        let (name, element) = self.element_of(&array.expr, &array.text, site)?;
        let (body, text) = self.body(lambda, &[element], site)?;
        let not = Expr::Not(Box::new(self.predicate_body(body, site)?));
        let any = self.over("array_any_match", array.expr.clone(), name, not, site)?;
        Ok((Expr::Not(Box::new(any)), text))
    }

    /// `transform` and `filter` with a lambda function of the element and its index.
    fn with_index(&mut self, array: &Typed, lambda: &ast::LambdaFunction, site: &Site<'_>) -> Checked<(Expr, String)> {
        let length = self.scalar(&["size"], vec![array.expr.clone()], site.scope, site.at)?;
        let length = datafusion::logical_expr::cast(length, DataType::Int64);
        let indexes = self.scalar(&["range"], vec![lit(0_i64), length], site.scope, site.at)?;
        let (zipped, name, [element, index]) = self.zipped(array.expr.clone(), indexes, site)?;
        let index = datafusion::logical_expr::cast(index, DataType::Int32);
        let (body, text) = self.body(lambda, &[element.clone(), index], site)?;
        let made = if site.name == "filter" {
            let body = self.predicate_body(body, site)?;
            let kept = self.over("array_filter", zipped, name.clone(), body, site)?;
            self.over("array_transform", kept, name, element, site)?
        } else {
            self.over("array_transform", zipped, name, body, site)?
        };
        Ok((unless_null(&[array], made, site.at)?, text))
    }

    fn zip_with(
        &mut self,
        left: &Typed,
        right: &Typed,
        lambda: &ast::LambdaFunction,
        site: &Site<'_>,
    ) -> Checked<(Expr, String)> {
        let (zipped, name, elements) = self.zipped(left.expr.clone(), right.expr.clone(), site)?;
        let (body, text) = self.body(lambda, &elements, site)?;
        let made = self.over("array_transform", zipped, name, body, site)?;
        Ok((unless_null(&[left, right], made, site.at)?, text))
    }

    /// `map_zip_with(a, b, (k, x, y) -> ..)`: over the keys of both.
    fn map_zip_with(
        &mut self,
        left: &Typed,
        right: &Typed,
        lambda: &ast::LambdaFunction,
        site: &Site<'_>,
    ) -> Checked<(Expr, String)> {
        let call = |name: &str, args: Vec<Expr>| self.scalar(&[name], args, site.scope, site.at);
        let types = [left, right].map(|map| self.type_of(&map.expr, site.scope, site.at));
        let [left_type, right_type] = types;
        let (left_type, right_type) = (left_type?, right_type?);
        let (Some((own, _)), Some((other, _))) = (map_parts(&left_type), map_parts(&right_type)) else {
            return Err(Fault::new(SqlErrorKind::Type, site.at, "map_zip_with takes two maps"));
        };
        let Some(common) = common_type(own, other) else {
            let message = "map_zip_with takes two maps whose keys are of one type";
            return Err(Fault::new(SqlErrorKind::Type, site.at, message));
        };
        let keys = [left, right].map(|map| {
            let keys = call("map_keys", vec![map.expr.clone()])?;
            Ok(datafusion::logical_expr::cast(keys, list(common.clone())))
        });
        let keys = keys.into_iter().collect::<Checked<Vec<_>>>()?;
        let keys = call("array_union", keys)?;
        let (name, key) = self.element_of(&keys, &left.text, site)?;
        let value = |map: &Typed| self.scalar(&["get"], vec![map.expr.clone(), key.clone()], site.scope, site.at);
        let (x, y) = (value(left)?, value(right)?);
        let (body, text) = self.body(lambda, &[key.clone(), x, y], site)?;
        let entry = vec![lit("key"), key, lit("value"), body];
        let entry = self.scalar(&["named_struct"], entry, site.scope, site.at)?;
        let entries = self.over("array_transform", keys, name, entry, site)?;
        let map = self.scalar(&["map_from_entries"], vec![entries], site.scope, site.at)?;
        Ok((unless_null(&[left, right], map, site.at)?, text))
    }

    /// Refuses NULL without a type in the place of an array or a map.
    fn not_null(&self, value: &Typed, site: &Site<'_>) -> Checked<()> {
        if self.type_of(&value.expr, site.scope, site.at)?.is_null() {
            let message = format!("{} takes an array or a map, {} has no type", site.name, value.text);
            return Err(Fault::new(SqlErrorKind::Type, site.at, message).help("cast it: CAST(NULL AS ARRAY<INT>)"));
        }
        Ok(())
    }

    /// The body of a lambda function that has to be true or false.
    fn predicate_body(&self, body: Expr, site: &Site<'_>) -> Checked<Expr> {
        match self.type_of(&body, site.scope, site.at)? {
            DataType::Boolean => Ok(body),
            DataType::Null => Ok(datafusion::logical_expr::cast(body, DataType::Boolean)),
            other => Err(no_predicate(site.name, &other, site.at)),
        }
    }

    /// Both arrays side by side, the parameter that stands for a pair, and its halves.
    fn zipped(&mut self, left: Expr, right: Expr, site: &Site<'_>) -> Checked<(Expr, String, [Expr; 2])> {
        let args = vec![lit("0"), left, lit("1"), right];
        let zipped = self.scalar(&["arrays_zip"], args, site.scope, site.at)?;
        let DataType::List(pair) = self.type_of(&zipped, site.scope, site.at)? else {
            return Err(not_a_list(site, "its argument", &DataType::Null));
        };
        let DataType::Struct(halves) = pair.data_type() else {
            return Err(not_a_list(site, "its argument", pair.data_type()));
        };
        let name = self.fresh("element");
        let pair = variable(&name, &pair);
        let half = |i: usize| get_field(pair.clone(), halves.get(i).map_or("", |f| f.name().as_str()));
        let both = [half(0), half(1)];
        Ok((zipped, name, both))
    }

    /// A parameter that stands for an element of `array`.
    fn element_of(&mut self, array: &Expr, text: &str, site: &Site<'_>) -> Checked<(String, Expr)> {
        let element: FieldRef = match self.type_of(array, site.scope, site.at)? {
            DataType::List(element) => element,
            DataType::Null => Arc::new(Field::new("element", DataType::Null, true)),
            other => return Err(not_a_list(site, text, &other)),
        };
        let name = self.fresh("element");
        let element = variable(&name, &element);
        Ok((name, element))
    }

    /// The lambda function's body with its parameters standing for `values`, and the text of the function.
    fn body(&mut self, lambda: &ast::LambdaFunction, values: &[Expr], site: &Site<'_>) -> Checked<(Expr, String)> {
        if lambda.params.len() != values.len() {
            let message = format!(
                "{}: the lambda function has {} parameters, it is given {}",
                site.name,
                lambda.params.len(),
                values.len()
            );
            return Err(Fault::new(SqlErrorKind::Type, site.at, message));
        }
        let names: Vec<&str> = lambda.params.iter().map(|p| p.name.value.as_str()).collect();
        no_name_twice(&names, site.at)?;
        let mut inner = site.scope.clone();
        for (parameter, value) in lambda.params.iter().zip(values) {
            inner.lambda.push((parameter.name.value.clone(), value.clone()));
        }
        let body = self.expr(&lambda.body, &inner)?;
        self.type_of(&body.expr, site.scope, site.at)?;
        let variables = vec!["namedlambdavariable()"; values.len()].join(", ");
        Ok((body.expr, format!("lambdafunction({}, {variables})", body.text)))
    }

    /// The engine's function `engine` over `array`, its lambda function's parameter called `name`.
    fn over(&self, engine: &str, array: Expr, name: String, body: Expr, site: &Site<'_>) -> Checked<Expr> {
        let Some(udf) = self.state.higher_order_functions().get(engine).cloned() else {
            let message = format!("{} is not supported here", site.name);
            return Err(Fault::new(SqlErrorKind::Unsupported, site.at, message));
        };
        let args = vec![array, Expr::Lambda(Lambda::new(vec![name], body))];
        Ok(Expr::HigherOrderFunction(HigherOrderFunction::new(udf, args)))
    }
}

/// The error that a lambda function gives something else than true or false.
pub(super) fn no_predicate(name: &str, of: &DataType, at: Location) -> Box<Fault> {
    let message = format!(
        "the lambda function of {name} has to give true or false, here it gives {}",
        spark_type(of).to_uppercase()
    );
    Fault::new(SqlErrorKind::Type, at, message)
}

fn not_a_list(site: &Site<'_>, text: &str, of: &DataType) -> Box<Fault> {
    let message = format!(
        "{} takes an array, {text} is {}",
        site.name,
        spark_type(of).to_uppercase()
    );
    Fault::new(SqlErrorKind::Type, site.at, message)
}

/// `expr`, or NULL where one of the arguments is NULL.
fn unless_null(args: &[&Typed], expr: Expr, at: Location) -> Checked<Expr> {
    let all = args.iter().map(|a| a.expr.clone().is_not_null()).reduce(Expr::and);
    when(all.unwrap_or_else(|| lit(true)), expr)
        .end()
        .map_err(|e| engine_fault(&e, at))
}
