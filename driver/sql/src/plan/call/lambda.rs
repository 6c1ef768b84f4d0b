//! Functions that take lambda functions: transform, filter, exists and the like.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::logical_expr::expr::{HigherOrderFunction, Lambda, LambdaVariable};
use datafusion::logical_expr::type_coercion::functions::value_fields_with_higher_order_udf;
use datafusion::logical_expr::{Expr, ExprSchemable, HigherOrderUDF, LambdaParametersProgress, ValueOrLambda, cast};
use millstream_spark::functions::lambda::SORT_BY;
use sqlparser::ast::{self, FunctionArgExpr};
use sqlparser::tokenizer::Location;

use super::arguments::Arguments;
use super::higher_order::no_predicate;
use super::wrong_arguments;
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::scope::{Scope, Typed};
use crate::plan::{Planner, engine_fault};

impl Planner<'_> {
    /// Spark's name or the engine's for a function that takes lambdas.
    pub(super) fn higher_order(&self, name: &str, arguments: &Arguments<'_>) -> Option<Arc<HigherOrderUDF>> {
        let functions = self.state.higher_order_functions();
        let lambda = arguments
            .list
            .iter()
            .any(|a| matches!(a, FunctionArgExpr::Expr(ast::Expr::Lambda(_))));
        let engine = match name {
            "transform" => "array_transform",
            "filter" => "array_filter",
            "exists" => "array_any_match",
            "aggregate" | "reduce" => "aggregate",
            "array_sort" => SORT_BY,
            _ => return None,
        };
        functions.get(engine).filter(|_| lambda).map(Arc::clone)
    }

    /// Arguments that are values come first: their types say what the lambdas' parameters are.
    pub(super) fn higher_order_call(
        &mut self,
        udf: &Arc<HigherOrderUDF>,
        name: &str,
        arguments: &Arguments<'_>,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        enum Argument<'a> {
            Value(Typed),
            Lambda(&'a ast::LambdaFunction),
        }
        let fail = |e: datafusion::error::DataFusionError| wrong_arguments(engine_fault(&e, at), name);
        let mut planned = Vec::new();
        for arg in &arguments.list {
            match arg {
                FunctionArgExpr::Expr(ast::Expr::Lambda(lambda)) => planned.push(Argument::Lambda(lambda)),
                FunctionArgExpr::Expr(e) => {
                    let value = self.expr(e, scope)?;
                    let untyped = planned.is_empty() && self.type_of(&value.expr, scope, at)?.is_null();
                    if untyped {
                        let message = format!("{name} takes an array, {} has no type", value.text);
                        return Err(
                            Fault::new(SqlErrorKind::Type, at, message).help("cast it: CAST(NULL AS ARRAY<INT>)")
                        );
                    }
                    planned.push(Argument::Value(value));
                }
                _ => {
                    return Err(Fault::new(
                        SqlErrorKind::Syntax,
                        at,
                        format!("'*' is no argument of {name}"),
                    ));
                }
            }
        }
        let fields = planned
            .iter()
            .map(|a| match a {
                Argument::Value(typed) => typed
                    .expr
                    .to_field(scope.schema.as_ref())
                    .map(|(_, f)| ValueOrLambda::Value(f))
                    .map_err(fail),
                Argument::Lambda(_) => Ok(ValueOrLambda::Lambda(())),
            })
            .collect::<Checked<Vec<_>>>()?;
        let mut fields: Vec<ValueOrLambda<FieldRef, Option<FieldRef>>> =
            value_fields_with_higher_order_udf(&fields, udf.as_ref())
                .map_err(fail)?
                .into_iter()
                .map(|f| match f {
                    ValueOrLambda::Value(value) => ValueOrLambda::Value(value),
                    ValueOrLambda::Lambda(()) => ValueOrLambda::Lambda(None),
                })
                .collect();
        let limit = udf.signature().lambda_parameters_max_iterations;
        for step in 0..=limit {
            let (parameters, done): (Vec<Option<Vec<FieldRef>>>, bool) = match udf
                .lambda_parameters(step, &fields)
                .map_err(fail)?
            {
                LambdaParametersProgress::Partial(parameters) => (parameters, false),
                LambdaParametersProgress::Complete(parameters) => (parameters.into_iter().map(Some).collect(), true),
            };
            let mut parameters = parameters.into_iter();
            let mut exprs = Vec::with_capacity(planned.len());
            let mut shown = Vec::with_capacity(planned.len());
            for (argument, field) in planned.iter().zip(&mut fields) {
                match argument {
                    Argument::Value(typed) => {
                        exprs.push(typed.expr.clone());
                        shown.push(typed.text.clone());
                    }
                    Argument::Lambda(lambda) => {
                        let Some(parameters) = parameters.next() else {
                            return Err(Fault::new(
                                SqlErrorKind::Type,
                                at,
                                format!("{name} does not take that many lambda functions"),
                            ));
                        };
                        let Some(parameters) = parameters else { continue };
                        let (mut planned, text, mut of) = self.lambda(lambda, &parameters, scope, at)?;
                        if ["array_filter", "array_any_match"].contains(&udf.name())
                            && of.data_type() != &DataType::Boolean
                        {
                            if !of.data_type().is_null() {
                                return Err(no_predicate(name, of.data_type(), at));
                            }
                            planned.body = Box::new(cast(*planned.body, DataType::Boolean));
                            of = Arc::new(of.as_ref().clone().with_data_type(DataType::Boolean));
                        }
                        *field = ValueOrLambda::Lambda(Some(of));
                        exprs.push(Expr::Lambda(planned));
                        shown.push(text);
                    }
                }
            }
            if done {
                if udf.name() == "aggregate" && shown.len() == 3 {
                    // What is accumulated is the result.
                    shown.push("lambdafunction(namedlambdavariable(), namedlambdavariable())".to_owned());
                }
                let expr = Expr::HigherOrderFunction(HigherOrderFunction::new(Arc::clone(udf), exprs));
                self.type_of(&expr, scope, at).map_err(|f| wrong_arguments(f, name))?;
                return Ok(Typed {
                    expr,
                    text: format!("{name}({})", shown.join(", ")),
                });
            }
        }
        Err(Fault::new(
            SqlErrorKind::Type,
            at,
            format!("the types of {name}'s lambda functions cannot be found"),
        ))
    }

    pub(super) fn lambda(
        &mut self,
        lambda: &ast::LambdaFunction,
        parameters: &[FieldRef],
        scope: &Scope,
        at: Location,
    ) -> Checked<(Lambda, String, FieldRef)> {
        let names: Vec<String> = lambda.params.iter().map(|p| p.name.value.clone()).collect();
        if names.len() > parameters.len() {
            let message = format!(
                "the lambda function has {} parameters, it is given {}",
                names.len(),
                parameters.len()
            );
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        }
        no_name_twice(&names.iter().map(String::as_str).collect::<Vec<_>>(), at)?;
        let mut inner = scope.clone();
        for (name, field) in names.iter().zip(parameters) {
            inner.lambda.push((name.clone(), variable(name, field)));
        }
        let body = self.expr(&lambda.body, &inner)?;
        let (_, field) = body
            .expr
            .to_field(scope.schema.as_ref())
            .map_err(|e| engine_fault(&e, at))?;
        let variables = vec!["namedlambdavariable()"; names.len()].join(", ");
        let text = format!("lambdafunction({}, {variables})", body.text);
        Ok((Lambda::new(names, body.expr), text, field))
    }

    /// The field `name` of every struct in an array.
    pub(in crate::plan) fn field_of_each(
        &mut self,
        array: Expr,
        element: &DataType,
        name: &str,
        scope: &Scope,
        at: Location,
    ) -> Checked<Expr> {
        let Some(udf) = self.state.higher_order_functions().get("array_transform").cloned() else {
            return Err(Fault::new(
                SqlErrorKind::Unsupported,
                at,
                "a field of an array of structs is not supported",
            )
            .help("use transform(array, x -> x.field)"));
        };
        let field: FieldRef = Arc::new(arrow::datatypes::Field::new("x", element.clone(), true));
        let x = Typed {
            expr: variable("x", &field),
            text: "x".into(),
        };
        let body = self.field(x, name, scope, at)?;
        let args = vec![array, Expr::Lambda(Lambda::new(vec!["x".into()], body.expr))];
        Ok(Expr::HigherOrderFunction(HigherOrderFunction::new(udf, args)))
    }
}

/// Refuses a lambda function with two parameters of one name.
pub(super) fn no_name_twice(names: &[&str], at: Location) -> Checked<()> {
    let mut pairs = names.iter().enumerate();
    match pairs.find(|(i, n)| names[..*i].iter().any(|other| other.eq_ignore_ascii_case(n))) {
        None => Ok(()),
        Some((_, name)) => {
            let message = format!("the lambda function has two parameters '{name}'");
            Err(Fault::new(SqlErrorKind::Name, at, message))
        }
    }
}

/// The functions that take lambda functions, with the number of parameters of each that may stand at a place.
fn lambda_places(name: &str) -> &'static [(usize, usize)] {
    match name {
        "transform" | "filter" | "exists" | "forall" => &[(1, 1)],
        "aggregate" | "reduce" => &[(2, 2), (3, 1)],
        "array_sort" | "map_filter" | "transform_keys" | "transform_values" => &[(1, 2)],
        "zip_with" => &[(2, 2)],
        "map_zip_with" => &[(2, 3)],
        _ => &[],
    }
}

/// The arguments of a call with lambda functions made of the plain values that stand in their place; none where there are none.
pub(super) fn with_plain_bodies(name: &str, list: &[&FunctionArgExpr]) -> Option<Vec<FunctionArgExpr>> {
    let mut made: Option<Vec<FunctionArgExpr>> = None;
    for (place, parameters) in lambda_places(name) {
        let Some(FunctionArgExpr::Expr(body)) = list.get(*place) else {
            continue;
        };
        if matches!(body, ast::Expr::Lambda(_)) {
            continue;
        }
        // No name in a query begins so.
        let parameter = |i: usize| ast::LambdaFunctionParameter {
            name: ast::Ident::new(format!("\u{1}{i}")),
            data_type: None,
        };
        let lambda = ast::LambdaFunction {
            params: ast::OneOrManyWithParens::Many((0..*parameters).map(parameter).collect()),
            body: Box::new(body.clone()),
            syntax: ast::LambdaSyntax::Arrow,
        };
        let made = made.get_or_insert_with(|| list.iter().map(|a| (*a).clone()).collect());
        made[*place] = FunctionArgExpr::Expr(ast::Expr::Lambda(lambda));
    }
    made
}

/// The text of `array_sort` without a lambda function: that of the one Spark puts in.
pub(super) fn default_sort_text(array: &str) -> String {
    let v = "namedlambdavariable()";
    let steps = [
        format!("(({v} IS NULL) AND ({v} IS NULL)), 0"),
        format!("({v} IS NULL), 1"),
        format!("({v} IS NULL), -1"),
        format!("({v} < {v}), -1"),
    ];
    let last = format!("(IF(({v} > {v}), 1, 0))");
    let body = steps
        .iter()
        .rev()
        .fold(last, |inner, step| format!("(IF({step}, {inner}))"));
    format!("array_sort({array}, lambdafunction({body}, {v}, {v}))")
}

/// The parameter `name` of a lambda function, of the type of `field`.
pub(super) fn variable(name: &str, field: &FieldRef) -> Expr {
    let field = Arc::new(field.as_ref().clone().with_name(name));
    Expr::LambdaVariable(LambdaVariable::new(name.to_owned(), Some(field)))
}
