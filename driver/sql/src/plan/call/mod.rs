//! Function calls: scalar, aggregate and higher-order ones by name, and those that are syntax in disguise.

mod aggregate;
mod arguments;
mod conditional;
mod higher_order;
mod lambda;
mod rules;
mod shown;
mod structs;
mod time_units;
mod time_window;

pub(super) use aggregate::{ALL_GROUPING, ALL_KEYS, GROUPING_ID};
pub(super) use arguments::{null_flag, nulls, texts};
pub(super) use shown::shown_call;

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::Case;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, lit};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use millstream_common::options::nearest;
use millstream_spark::functions::map::LAST_WINS;
use sqlparser::ast::{self, Spanned};
use sqlparser::tokenizer::Location;

use self::arguments::{Arguments, arguments};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::generator::GENERATORS;
use crate::plan::scope::{Place, Scope, Typed};
use crate::plan::{Planner, place};

impl Planner<'_> {
    /// Plans a function call.
    pub(super) fn call(&mut self, function: &ast::Function, scope: &Scope) -> Checked<Typed> {
        let Some(ident) = function.name.0.last().and_then(|p| p.as_ident()) else {
            return Err(Fault::new(
                SqlErrorKind::Syntax,
                place(function.span()),
                "expected a function's name",
            ));
        };
        let (name, at) = (ident.value.to_lowercase(), place(ident.span));
        let mut arguments = arguments(function, at)?;
        if function.over.is_some() {
            return self.window_call(&name, function, scope, at);
        }
        let lambdas = lambda::with_plain_bodies(&name, &arguments.list);
        if let Some(list) = &lambdas {
            arguments.list = list.iter().collect();
        }
        if let Some(typed) = self.special_call(&name, &arguments, function, scope, at)? {
            return Ok(typed);
        }
        if let Some(typed) = self.lambda_call(&name, &arguments, scope, at)? {
            return Ok(typed);
        }
        if let Some(udf) = self.higher_order(&name, &arguments) {
            return self.higher_order_call(&udf, &name, &arguments, scope, at);
        }
        if let Some(udf) = self.state.aggregate_functions().get(&name).cloned() {
            return self.aggregate_call(&udf, &name, function, &arguments, scope, at);
        }
        let args = self.arguments(&arguments, scope)?;
        if self.state.scalar_functions().contains_key(&name) {
            if arguments.distinct || function.filter.is_some() {
                let message = format!("{name} is no aggregate function: DISTINCT and FILTER do not fit");
                return Err(Fault::new(SqlErrorKind::Type, at, message));
            }
            return self.named_call(&name, args, scope, at);
        }
        if let (Some(to), [arg]) = (type_function(&name), args.as_slice()) {
            return Ok(Typed {
                expr: datafusion::logical_expr::cast(arg.expr.clone(), to),
                text: shown_call(&name, &args),
            });
        }
        if self.state.window_functions().contains_key(&name) {
            return Err(Fault::new(
                SqlErrorKind::Type,
                at,
                format!("{name} is a window function: it needs OVER (...)"),
            ));
        }
        Err(self.unknown_function(&name, at))
    }

    /// A call of a scalar function, under the name Spark shows it by.
    pub(super) fn named_call(&mut self, name: &str, args: Vec<Typed>, scope: &Scope, at: Location) -> Checked<Typed> {
        let kinds = args
            .iter()
            .map(|arg| self.type_of(&arg.expr, scope, at))
            .collect::<Checked<Vec<_>>>()?;
        let text = match (name, args.as_slice(), kinds.as_slice()) {
            ("array_sort", [array], _) => lambda::default_sort_text(&array.text),
            // Bytes are filled up with zeros.
            ("lpad" | "rpad", [_, _], [DataType::Binary, _]) => format!("{name}({}, X'00')", texts(&args)),
            _ => shown_call(name, &args),
        };
        if let ("if" | "nvl2", [test, then, otherwise]) = (name, args.as_slice())
            && (name == "nvl2" || kinds[0] == DataType::Boolean)
        {
            let test = match name {
                "nvl2" => test.expr.clone().is_not_null(),
                _ => test.expr.clone(),
            };
            let branch = (Box::new(test), Box::new(then.expr.clone()));
            let expr = Expr::Case(Case::new(None, vec![branch], Some(Box::new(otherwise.expr.clone()))));
            self.type_of(&expr, scope, at)?;
            return Ok(Typed { expr, text });
        }
        let mut exprs = self.settled_arguments(name, args.into_iter().map(|a| a.expr).collect(), &kinds, at)?;
        self.check_arguments(name, &mut exprs, &kinds, at)?;
        let expr = self.scalar(&[name], exprs, scope, at)?;
        Ok(Typed { expr, text })
    }

    fn unknown_function(&self, name: &str, at: Location) -> Box<Fault> {
        let mut known: Vec<&str> = self.state.scalar_functions().keys().map(String::as_str).collect();
        known.extend(self.state.aggregate_functions().keys().map(String::as_str));
        known.extend(self.state.window_functions().keys().map(String::as_str));
        known.extend(GENERATORS);
        known.extend([
            "window",
            "struct",
            "named_struct",
            "transform",
            "filter",
            "exists",
            "forall",
            "aggregate",
            "reduce",
            "zip_with",
            "map_filter",
            "map_zip_with",
            "transform_keys",
            "transform_values",
            "grouping_id",
            "like",
            "ilike",
        ]);
        known.sort_unstable();
        let fault = Fault::new(SqlErrorKind::Name, at, format!("no function '{name}'"));
        match nearest(name, &known) {
            Some(near) => fault.help(format!("did you mean '{near}'?")),
            None => fault.help("functions are those of Spark SQL; this one is not known here"),
        }
    }

    /// A call of the first of `names` that exists.
    pub(super) fn scalar(&self, names: &[&str], args: Vec<Expr>, scope: &Scope, at: Location) -> Checked<Expr> {
        let found = names
            .iter()
            .find_map(|n| self.state.scalar_functions().get(self.settled_name(n)));
        let Some(udf) = found else {
            return Err(self.unknown_function(names.first().copied().unwrap_or_default(), at));
        };
        let args = match udf.name() {
            "from_json" | "from_csv" => {
                let mut args = args;
                // The result type has to be known while planning.
                if let Some(schema) = args.get_mut(1) {
                    *schema = self.folded(schema.clone());
                }
                let policy = &self.catalog.in_force.time_parser_policy;
                let corrupt = &self.catalog.in_force.corrupt_record_column;
                for (name, value) in [("timeParserPolicy", policy), ("columnNameOfCorruptRecord", corrupt)] {
                    if let Some(value) = value {
                        self.add_option(&mut args, 2, (name, value), scope, at)?;
                    }
                }
                args
            }
            "to_json" => {
                let mut args = args;
                if let (Some(value), false) = (&self.catalog.in_force.ignore_null_fields, args.is_empty()) {
                    self.add_option(&mut args, 1, ("ignoreNullFields", value), scope, at)?;
                }
                args
            }
            name if READING_TIMES.contains(&name) && args.len() > 1 => self.with_policy(name, args, at)?,
            _ => args,
        };
        let expr = Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(udf), args));
        // Wrong arguments show when the type is asked for: now, while the place is known.
        self.type_of(&expr, scope, at)
            .map_err(|f| wrong_arguments(f, names.first().copied().unwrap_or(udf.name())))?;
        Ok(expr)
    }

    /// The function that does what `name` does under the session's settings.
    fn settled_name<'n>(&self, name: &'n str) -> &'n str {
        let last_wins = LAST_WINS.iter().find(|(strict, _)| *strict == name);
        match last_wins.filter(|_| self.catalog.in_force.last_key_wins) {
            Some((_, name)) => name,
            None => name,
        }
    }

    /// Puts the session's policy for time texts behind the pattern of a function that reads times.
    fn with_policy(&self, name: &str, mut args: Vec<Expr>, at: Location) -> Checked<Vec<Expr>> {
        if args.len() > 2 {
            let message = format!("{name}: expected 1 or 2 arguments, found {}", args.len());
            return Err(Fault::new(SqlErrorKind::Type, at, message));
        }
        args.extend(self.catalog.in_force.time_parser_policy.as_deref().map(lit));
        Ok(args)
    }

    /// Puts a setting of the session among the options, which are argument `place`, unless they have it.
    fn add_option(
        &self,
        args: &mut Vec<Expr>,
        place: usize,
        (name, value): (&str, &str),
        scope: &Scope,
        at: Location,
    ) -> Checked<()> {
        let mut entries = vec![lit(name), lit(value)];
        if let Some(given) = args.get(place) {
            let Some(given) = literal_entries(given) else {
                return Ok(());
            };
            let is_name = |e: &Expr| matches!(e, Expr::Literal(v, _) if v.try_as_str().flatten().is_some_and(|t| t.eq_ignore_ascii_case(name)));
            if given.iter().any(is_name) {
                return Ok(());
            }
            entries.extend(given);
        }
        let options = self.scalar(&["map"], entries, scope, at)?;
        args.truncate(place);
        args.push(options);
        Ok(())
    }

    /// The value of a constant expression; the expression itself when it has none.
    pub(super) fn folded(&self, expr: Expr) -> Expr {
        if matches!(expr, Expr::Literal(..)) {
            return expr;
        }
        let schema = datafusion::common::DFSchema::empty();
        let zone = self.time_zone;
        let spark = millstream_spark::analyzer::rewrite_tree(expr.clone(), &schema, &zone);
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(schema))
            .with_config_options(Arc::clone(self.state.config_options()))
            .build();
        match spark.and_then(|e| ExprSimplifier::new(context).simplify(e.data)) {
            Ok(Expr::Literal(value, metadata)) => Expr::Literal(value, metadata),
            _ => expr,
        }
    }

    /// Calls that are no calls of a registered function.
    fn special_call(
        &mut self,
        name: &str,
        arguments: &Arguments<'_>,
        function: &ast::Function,
        scope: &Scope,
        at: Location,
    ) -> Checked<Option<Typed>> {
        if GENERATORS.contains(&name) {
            return Err(Fault::new(
                SqlErrorKind::Unsupported,
                at,
                format!("{name} makes rows: it can only be an item of the SELECT list of its own"),
            )
            .help(format!(
                "use it as: SELECT {name}(...) AS x, or FROM t LATERAL VIEW {name}(...) v AS x"
            )));
        }
        Ok(Some(match name {
            "try_add" | "try_subtract" | "try_multiply" | "try_divide" if arguments.list.len() == 2 => {
                match self.try_with_times(name, arguments, scope, at)? {
                    Some(typed) => typed,
                    None => return Ok(None),
                }
            }
            "timestampadd" | "dateadd" | "date_add" | "timestampdiff" | "datediff" | "date_diff"
                if arguments.list.len() == 3 =>
            {
                self.in_units(name, arguments, scope, at)?
            }
            "window" => self.time_window(arguments.list.as_slice(), scope, at)?,
            "session_window" => {
                return Err(
                    Fault::new(SqlErrorKind::Unsupported, at, "session windows are not supported yet")
                        .help("use window(time, length [, slide])"),
                );
            }
            "struct" | "named_struct" if !arguments.list.is_empty() => {
                if name == "named_struct" {
                    let args = self.arguments(arguments, scope)?;
                    let text = format!("named_struct({})", texts(&args));
                    let args = args.into_iter().map(|a| a.expr).collect();
                    let expr = self.struct_of_names(args, scope, at)?;
                    Typed { expr, text }
                } else {
                    self.struct_call(arguments, scope, at)?
                }
            }
            "get" if arguments.list.len() == 2 => {
                let args = self.arguments(arguments, scope)?;
                let [array, index] = args.as_slice() else {
                    return Ok(None);
                };
                let of = self.type_of(&array.expr, scope, at)?;
                if !matches!(of, DataType::List(_)) {
                    let of = millstream_spark::type_name::spark_type(&of).to_uppercase();
                    let message = format!("get takes an array and an index, {} is {of}", array.text);
                    return Err(Fault::new(SqlErrorKind::Type, at, message).help("use element_at(map, key)"));
                }
                let expr = self.scalar(&["get"], vec![array.expr.clone(), index.expr.clone()], scope, at)?;
                let text = format!("get({})", texts(&args));
                Typed { expr, text }
            }
            "arrays_zip" => self.arrays_zip(arguments, scope, at)?,
            "ltrim" | "rtrim" | "trim" if arguments.list.len() == 2 => {
                let args = self.arguments(arguments, scope)?;
                match <[Typed; 2]>::try_from(args) {
                    Ok([what, from]) => self.trim(name, Some(what), from, scope, at)?,
                    Err(_) => return Ok(None),
                }
            }
            "grouping" | "grouping_id" => self.grouping(name, arguments, scope, at)?,
            "decode" if arguments.list.len() > 2 => self.decode(arguments, scope, at)?,
            "nullif" => self.null_if(arguments, scope, at)?,
            "like" | "ilike" => self.like_call(name, arguments, scope, at)?,
            "count" if function.over.is_none() => self.count(arguments, function, scope, at)?,
            "count_if" if !self.state.aggregate_functions().contains_key("count_if") => {
                let args = self.arguments(arguments, &scope.at(Place::Aggregate))?;
                let [arg] = args.as_slice() else {
                    return Err(Fault::new(SqlErrorKind::Type, at, "count_if takes one condition"));
                };
                let text = format!("count_if({})", arg.text);
                let expr = self.make_aggregate("count", vec![lit(1_i64)], false, Some(arg.expr.clone()), scope, at)?;
                Typed { expr, text }
            }
            _ => return Ok(None),
        }))
    }
}

/// Types whose name is a function: `int('12')`.
fn type_function(name: &str) -> Option<DataType> {
    let known = [
        "boolean",
        "tinyint",
        "smallint",
        "int",
        "bigint",
        "float",
        "double",
        "decimal",
        "date",
        "timestamp",
        "binary",
        "string",
    ];
    known
        .contains(&name)
        .then(|| millstream_spark::ddl::parse_type(name).ok())
        .flatten()
}

/// Names the function in a message about its arguments.
fn wrong_arguments(mut fault: Box<Fault>, name: &str) -> Box<Fault> {
    if !fault.message.to_lowercase().contains(&name.to_lowercase()) {
        fault.message = format!("{name}: {}", fault.message);
    }
    fault
}

/// Functions that read times by a pattern.
const READING_TIMES: [&str; 5] = [
    "to_timestamp",
    "to_timestamp_ntz",
    "to_date",
    "to_unix_timestamp",
    "unix_timestamp",
];

/// The keys and values of a literal map in turn; None for any other expression.
fn literal_entries(e: &Expr) -> Option<Vec<Expr>> {
    let Expr::ScalarFunction(call) = e else {
        return None;
    };
    if !makes_map(call.func.name()) || !is_literal_map(e) {
        return None;
    }
    match call.args.as_slice() {
        [Expr::ScalarFunction(keys), Expr::ScalarFunction(values)] if keys.args.len() == values.args.len() => {
            let pairs = keys.args.iter().zip(&values.args);
            Some(pairs.flat_map(|(key, value)| [key.clone(), value.clone()]).collect())
        }
        entries => Some(entries.to_vec()),
    }
}

fn makes_map(name: &str) -> bool {
    LAST_WINS[0].0 == name || LAST_WINS[0].1 == name
}

/// `map('key', 'value')`, as options are given.
fn is_literal_map(e: &Expr) -> bool {
    match e {
        Expr::Literal(..) => true,
        Expr::ScalarFunction(call) => {
            let name = call.func.name();
            (makes_map(name) || ["make_array", "array"].contains(&name)) && call.args.iter().all(is_literal_map)
        }
        _ => false,
    }
}
