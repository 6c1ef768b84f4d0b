//! Names: columns, aliases, and what hangs on them: elements, fields, map values.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, lit};
use millstream_spark::type_name::spark_type;
use millstream_spark::types::map_parts;
use sqlparser::ast::{self, AccessExpr, Subscript};
use sqlparser::tokenizer::Location;

use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::call::GROUPING_ID;
use crate::plan::from::unknown_column;
use crate::plan::scope::{Found, Place, Scope, Typed, is_lateral};
use crate::plan::{Planner, place};

impl Planner<'_> {
    /// A name: a column, a struct's field, an alias, or a function without parentheses.
    pub(super) fn name(&mut self, idents: &[ast::Ident], scope: &Scope) -> Checked<Typed> {
        let parts: Vec<String> = idents.iter().map(|i| i.value.clone()).collect();
        let at = idents.first().map_or(Location::new(0, 0), |i| place(i.span));
        let written = parts.join(".");
        let (mut typed, used) = match scope.find(&parts) {
            Found::Column { expr, parts: used, .. } => {
                // Spark shows the column in the spelling of the query.
                let text = parts[..used].last().cloned().unwrap_or_default();
                (Typed { expr, text }, used)
            }
            Found::Alias(typed, used) => {
                if is_lateral(&typed) && matches!(scope.place, Place::Aggregate | Place::Window) {
                    let message = format!(
                        "'{written}' is an item of the same SELECT list: it cannot stand in {}",
                        scope.place.name()
                    );
                    return Err(Fault::new(SqlErrorKind::Name, at, message)
                        .help("repeat the item's expression, or compute it in a subquery"));
                }
                (typed, used)
            }
            Found::Ambiguous(candidates) => {
                return Err(Fault::new(SqlErrorKind::Name, at, format!("'{written}' is ambiguous"))
                    .help(format!("it could be {}", candidates.join(" or "))));
            }
            Found::Nothing => {
                if idents.len() == 1
                    && [
                        "current_date",
                        "current_timestamp",
                        "current_user",
                        "user",
                        "localtimestamp",
                    ]
                    .contains(&parts[0].to_lowercase().as_str())
                {
                    let name = parts[0].to_lowercase();
                    let expr = self.scalar(&[&name], vec![], scope, at)?;
                    return Ok(Typed {
                        expr,
                        text: format!("{name}()"),
                    });
                }
                if let [one] = parts.as_slice()
                    && one.eq_ignore_ascii_case(GROUPING_ID)
                {
                    return self.grouping_id(scope, at);
                }
                return Err(unknown_column(&written, &scope.known(), false, at));
            }
        };
        for ident in &idents[used..] {
            typed = self.field(typed, &ident.value, scope, place(ident.span))?;
        }
        Ok(typed)
    }

    pub(super) fn access(&mut self, from: Typed, access: &AccessExpr, scope: &Scope, at: Location) -> Checked<Typed> {
        match access {
            AccessExpr::Dot(ast::Expr::Identifier(ident)) => self.field(from, &ident.value, scope, place(ident.span)),
            AccessExpr::Dot(_) => Err(Fault::new(
                SqlErrorKind::Syntax,
                at,
                "expected a field's name after '.'",
            )),
            AccessExpr::Subscript(Subscript::Slice { .. }) => {
                Err(
                    Fault::new(SqlErrorKind::Syntax, at, "slices with ':' are not Spark SQL")
                        .help("use slice(array, start, length)"),
                )
            }
            AccessExpr::Subscript(Subscript::Index { index }) => {
                let index = self.expr(index, scope)?;
                self.element(from, index, scope, at)
            }
        }
    }

    /// `x[i]`: an array's element counted from 0, a map's value, a struct's field.
    pub(super) fn element(&mut self, from: Typed, index: Typed, scope: &Scope, at: Location) -> Checked<Typed> {
        let text = format!("{}[{}]", from.text, index.text);
        let of = self.type_of(&from.expr, scope, at)?;
        if let Some((key, _)) = map_parts(&of) {
            let given = self.type_of(&index.expr, scope, at)?;
            if given.is_nested() != key.is_nested() && !given.is_null() {
                let (key, given) = (spark_type(key).to_uppercase(), spark_type(&given).to_uppercase());
                let message = format!("the keys of {} are {key}, {} is {given}", from.text, index.text);
                return Err(Fault::new(SqlErrorKind::Type, at, message));
            }
        }
        let expr = match of {
            // `get` counts from 0 and gives NULL for what is not there, a negative index included.
            DataType::List(_) | DataType::Map(..) => self.scalar(&["get"], vec![from.expr, index.expr], scope, at)?,
            DataType::Struct(_) => match index.expr {
                Expr::Literal(ScalarValue::Utf8(Some(name)), _) => return self.field(from, &name, scope, at),
                _ => {
                    return Err(Fault::new(
                        SqlErrorKind::Type,
                        at,
                        "a struct's field is named by a quoted text in [...]",
                    ));
                }
            },
            other => {
                let message = format!(
                    "{} is {}, it has no elements",
                    from.text,
                    spark_type(&other).to_uppercase()
                );
                return Err(Fault::new(SqlErrorKind::Type, at, message));
            }
        };
        Ok(Typed { expr, text })
    }

    /// `x.name`: a struct's field, that field of every struct in an array, a map's value.
    pub(in crate::plan) fn field(&mut self, from: Typed, name: &str, scope: &Scope, at: Location) -> Checked<Typed> {
        let text = format!("{}.{name}", from.text);
        match self.type_of(&from.expr, scope, at)? {
            DataType::Struct(fields) => {
                let found: Vec<_> = fields.iter().filter(|f| scope.same(f.name(), name)).collect();
                if found.len() > 1 {
                    let message = format!(
                        "the field '{name}' is ambiguous: {} has {} of that name",
                        from.text,
                        found.len()
                    );
                    return Err(Fault::new(SqlErrorKind::Name, at, message)
                        .help("upper and lower case make no difference in names"));
                }
                let Some(field) = found.first() else {
                    let known: Vec<String> = fields.iter().map(|f| f.name().clone()).collect();
                    let names: Vec<&str> = known.iter().map(String::as_str).collect();
                    let message = format!("{} has no field '{name}'", from.text);
                    let help = match millstream_common::options::nearest(name, &names) {
                        Some(near) => format!("did you mean '{near}'?"),
                        None => format!("its fields: {}", names.join(", ")),
                    };
                    return Err(Fault::new(SqlErrorKind::Name, at, message).help(help));
                };
                let expr = datafusion::functions::core::expr_fn::get_field(from.expr, field.name().as_str());
                Ok(Typed { expr, text })
            }
            DataType::Map(..) => {
                let expr = self.scalar(&["get"], vec![from.expr, lit(name)], scope, at)?;
                Ok(Typed {
                    expr,
                    text: format!("{}[{name}]", from.text),
                })
            }
            DataType::List(element) if matches!(element.data_type(), DataType::Struct(_)) => {
                let expr = self.field_of_each(from.expr, element.data_type(), name, scope, at)?;
                Ok(Typed { expr, text })
            }
            other => {
                let message = format!(
                    "{} is {}, it has no field '{name}'",
                    from.text,
                    spark_type(&other).to_uppercase()
                );
                Err(Fault::new(SqlErrorKind::Name, at, message))
            }
        }
    }
}
