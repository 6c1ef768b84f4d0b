//! Calls that are conditions in disguise, `decode` with pairs, `like` and `ilike`, and arguments that depend on one another.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};
use sqlparser::ast::FunctionArgExpr;
use sqlparser::tokenizer::Location;

use super::arguments::{Arguments, texts};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::Planner;
use crate::plan::scope::{Scope, Typed};

impl Planner<'_> {
    /// `decode(x, search, result, .. [, default])`: the result beside the first search value that is the same, NULL too.
    pub(super) fn decode(&mut self, arguments: &Arguments<'_>, scope: &Scope, at: Location) -> Checked<Typed> {
        let args = self.arguments(arguments, scope)?;
        let text = format!("decode({})", texts(&args));
        let mut rest = args.into_iter().map(|arg| arg.expr);
        let Some(value) = rest.next() else {
            return Err(Fault::new(SqlErrorKind::Type, at, "decode takes a value, then pairs"));
        };
        // Without a default there is an untyped text that is NULL: results become text beside it.
        let (mut branches, mut otherwise) = (Vec::new(), Some(Box::new(lit(ScalarValue::Utf8(None)))));
        while let Some(search) = rest.next() {
            match rest.next() {
                Some(result) => {
                    let value = Box::new(value.clone());
                    let same = BinaryExpr::new(value, Operator::IsNotDistinctFrom, Box::new(search));
                    branches.push((Box::new(Expr::BinaryExpr(same)), Box::new(result)));
                }
                None => otherwise = Some(Box::new(search)),
            }
        }
        let expr = Expr::Case(Case::new(None, branches, otherwise));
        self.type_of(&expr, scope, at)?;
        Ok(Typed { expr, text })
    }

    /// The arguments of a call as its function takes them, for the types they have.
    pub(super) fn settled_arguments(
        &mut self,
        name: &str,
        mut args: Vec<Expr>,
        kinds: &[DataType],
        at: Location,
    ) -> Checked<Vec<Expr>> {
        let wrong = |message: String| Err(Fault::new(SqlErrorKind::Type, at, message));
        match name {
            "greatest" | "least" => {
                let texts = kinds.iter().filter(|kind| **kind == DataType::Utf8).count();
                let nulls = kinds.iter().filter(|kind| kind.is_null()).count();
                if args.len() < 2 {
                    return wrong(format!("{name} takes at least two arguments"));
                }
                if texts > 0 && texts + nulls < kinds.len() {
                    return wrong(format!("{name} takes values of one type, not texts beside others"));
                }
            }
            "mod" | "pmod" | "try_add" | "try_divide" | "try_multiply" | "try_subtract" => narrow(&mut args, kinds),
            "abs" | "bin" | "factorial" | "negative" => {
                let to = match name {
                    "bin" => DataType::Int64,
                    "factorial" => DataType::Int32,
                    _ => DataType::Float64,
                };
                let number = |of: &DataType| of.is_numeric() && !millstream_spark::types::is_interval(of);
                if let ([arg], [of]) = (args.as_mut_slice(), kinds)
                    && (of == &DataType::Utf8 || name == "factorial" && number(of))
                {
                    *arg = datafusion::logical_expr::cast(arg.clone(), to);
                }
            }
            "ascii" => {
                if let ([arg], [of]) = (args.as_mut_slice(), kinds)
                    && !of.is_nested()
                {
                    *arg = datafusion::logical_expr::cast(arg.clone(), DataType::Utf8);
                }
            }
            "rand" | "random" | "randn" => {
                if args.is_empty() {
                    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                    args.push(lit(now.map_or(0, |since| since.as_micros() as i64)));
                }
                args.push(self.numbered());
            }
            "monotonically_increasing_id" if args.is_empty() => args.push(self.numbered()),
            _ => {}
        }
        Ok(args)
    }

    /// A number for a call that counts its rows.
    fn numbered(&mut self) -> Expr {
        self.next += 1;
        lit(i64::try_from(self.next).unwrap_or(i64::MAX))
    }

    /// `nullif(a, b)`: a unless it equals b, in a's type.
    pub(super) fn null_if(&mut self, arguments: &Arguments<'_>, scope: &Scope, at: Location) -> Checked<Typed> {
        let args = self.arguments(arguments, scope)?;
        let text = format!("nullif({})", texts(&args));
        let [value, other] = args.as_slice() else {
            return Err(Fault::new(SqlErrorKind::Type, at, "nullif takes two arguments"));
        };
        let left = Box::new(value.expr.clone());
        let same = BinaryExpr::new(left, Operator::Eq, Box::new(other.expr.clone()));
        let branch = (Box::new(Expr::BinaryExpr(same)), Box::new(lit(ScalarValue::Null)));
        let expr = Expr::Case(Case::new(None, vec![branch], Some(Box::new(value.expr.clone()))));
        self.type_of(&expr, scope, at)?;
        Ok(Typed { expr, text })
    }

    /// `like(text, pattern)` is the operator.
    pub(super) fn like_call(
        &mut self,
        name: &str,
        arguments: &Arguments<'_>,
        scope: &Scope,
        at: Location,
    ) -> Checked<Typed> {
        let [FunctionArgExpr::Expr(text), FunctionArgExpr::Expr(pattern)] = arguments.list.as_slice() else {
            let message = format!("{name} takes a text and a pattern");
            return Err(Fault::new(SqlErrorKind::Type, at, message).help("x LIKE y ESCAPE '/' names another escape"));
        };
        self.like(text, pattern, None, false, false, name == "ilike", scope, at)
    }
}

/// Beside a decimal a whole number that is a literal has as many digits as are written; NULL has the type of the other.
fn narrow(args: &mut [Expr], kinds: &[DataType]) {
    if let Some(other) = kinds.iter().find(|kind| !kind.is_null()) {
        for (arg, kind) in args.iter_mut().zip(kinds) {
            if kind.is_null() {
                *arg = datafusion::logical_expr::cast(arg.clone(), other.clone());
            }
        }
    }
    if !kinds.iter().any(|kind| matches!(kind, DataType::Decimal128(..))) {
        return;
    }
    for arg in args {
        let digits = match arg {
            Expr::Literal(ScalarValue::Int32(Some(value)), _) => value.unsigned_abs().to_string().len(),
            Expr::Literal(ScalarValue::Int64(Some(value)), _) => value.unsigned_abs().to_string().len(),
            _ => continue,
        };
        *arg = datafusion::logical_expr::cast(arg.clone(), DataType::Decimal128(digits as u8, 0));
    }
}
