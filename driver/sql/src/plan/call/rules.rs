//! What functions ask of their arguments beyond a type that casts: some cast nothing, some need a constant.

use arrow::array::Array;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, cast};
use millstream_spark::functions::{Kind, argument_types};
use millstream_spark::type_name::spark_type;
use millstream_spark::types::{is_integer, is_number, is_text, map_parts, timestamp};
use sqlparser::tokenizer::Location;

use crate::error::{Checked, Fault, SqlErrorKind};
use crate::plan::{Planner, engine_fault};

/// What an argument has to be as it is written: no cast helps.
#[derive(Clone, Copy)]
enum Exactly {
    Text,
    TextOrTime,
    Integer,
    Number,
    Timestamp,
    Date,
    Anything,
}

impl Exactly {
    fn fits(self, of: &DataType) -> bool {
        let is_time = matches!(of, DataType::Date32 | DataType::Timestamp(..));
        of.is_null()
            || match self {
                Self::Text => is_text(of),
                Self::TextOrTime => is_text(of) || is_time,
                Self::Integer => is_integer(of),
                Self::Number => is_number(of),
                Self::Timestamp => *of == timestamp(),
                Self::Date => *of == DataType::Date32,
                Self::Anything => true,
            }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text => "STRING",
            Self::TextOrTime => "STRING, DATE or TIMESTAMP",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Timestamp => "TIMESTAMP",
            Self::Date => "DATE",
            Self::Anything => "any type",
        }
    }
}

/// What the arguments of a function have to be as they are; the last holds for all that follow.
fn exact(name: &str) -> &'static [Exactly] {
    match name {
        "get_json_object" | "json_object_keys" | "json_array_length" | "parse_url" | "str_to_map" | "mask" => {
            &[Exactly::Text]
        }
        "array_join" => &[Exactly::Anything, Exactly::Text],
        "unix_timestamp" | "to_unix_timestamp" => &[Exactly::TextOrTime, Exactly::Text],
        "timestamp_millis" | "timestamp_micros" => &[Exactly::Integer],
        "timestamp_seconds" => &[Exactly::Number],
        "unix_seconds" | "unix_millis" | "unix_micros" => &[Exactly::Timestamp],
        "unix_date" => &[Exactly::Date],
        "format_number" => &[Exactly::Number, Exactly::Anything],
        _ => &[],
    }
}

/// The kinds of arguments of functions that cast less by themselves than Spark does.
fn cast_kinds(name: &str) -> &'static [Kind] {
    match name {
        "atan2" | "hypot" => &[Kind::Double, Kind::Double],
        "cot" | "csc" | "sec" => &[Kind::Double],
        "bit_get" | "getbit" => &[Kind::Any, Kind::Int],
        "sha2" => &[Kind::Binary, Kind::Int],
        "split_part" => &[Kind::Text, Kind::Text, Kind::Int],
        "unhex" | "url_decode" | "url_encode" | "luhn_check" => &[Kind::Text],
        "bitmap_bit_position" | "bitmap_bucket_number" => &[Kind::Long],
        "bitmap_count" => &[Kind::Binary],
        _ => &[],
    }
}

/// The arguments of a function that must be constants.
fn constants(name: &str) -> &'static [usize] {
    match name {
        "round" | "bround" | "ceil" | "ceiling" | "floor" | "sort_array" | "to_binary" | "try_to_binary" => &[1],
        "regexp_replace" => &[3],
        "mask" => &[1, 2, 3, 4],
        "schema_of_json" | "schema_of_csv" => &[0],
        "percentile" | "percentile_cont" | "percentile_disc" | "histogram_numeric" | "approx_count_distinct" => &[1],
        "percentile_approx" | "approx_percentile" => &[1, 2],
        "count_min_sketch" => &[1, 2, 3],
        _ => &[],
    }
}

/// Functions of a share of the values, or of several.
const PERCENTILES: [&str; 5] = [
    "percentile",
    "percentile_cont",
    "percentile_disc",
    "percentile_approx",
    "approx_percentile",
];

/// Functions that read times, with a pattern or without.
const READING_TIMES: [&str; 5] = [
    "to_date",
    "to_timestamp",
    "to_timestamp_ltz",
    "to_timestamp_ntz",
    "try_to_timestamp",
];

impl Planner<'_> {
    /// Refuses arguments a function does not take, and casts those the engine's function would not cast by itself.
    pub(super) fn check_arguments(
        &self,
        name: &str,
        args: &mut [Expr],
        kinds: &[DataType],
        at: Location,
    ) -> Checked<()> {
        let wrong = |message: String| Err(Fault::new(SqlErrorKind::Type, at, message));
        let exact = exact(name);
        for (index, of) in kinds.iter().enumerate() {
            if let Some(wanted) = exact.get(index).or(exact.last())
                && !wanted.fits(of)
            {
                let (wanted, given) = (wanted.name(), spark_type(of).to_uppercase());
                return wrong(format!("{name} takes {wanted} as argument {}, not {given}", index + 1));
            }
        }
        check_varying(name, args, at)?;
        self.check_constants(name, args, at)?;
        check_options(name, args, kinds, at)?;
        if READING_TIMES.contains(&name) {
            if let Some(of) = kinds.first().filter(|of| of.is_nested()) {
                return wrong(format!("{name} does not take {}", spark_type(of).to_uppercase()));
            }
            // A pattern reads the text of a number.
            if args.len() > 1 && is_number(&kinds[0]) {
                args[0] = cast(args[0].clone(), DataType::Utf8);
            }
        }
        let wanted = cast_kinds(name);
        if !wanted.is_empty() {
            let targets = argument_types(name, wanted, wanted.len(), false, kinds).map_err(|e| engine_fault(&e, at))?;
            for ((arg, of), target) in args.iter_mut().zip(kinds).zip(targets) {
                if *of != target {
                    *arg = cast(arg.clone(), target);
                }
            }
        }
        if ["shiftleft", "shiftright", "shiftrightunsigned"].contains(&name) && args.len() == 2 {
            for (index, of) in kinds.iter().enumerate() {
                let castable = of.is_null() || is_text(of) || is_number(of);
                let stays = *of == DataType::Int32 || index == 0 && *of == DataType::Int64;
                if castable && !stays {
                    args[index] = cast(args[index].clone(), DataType::Int32);
                }
            }
        }
        Ok(())
    }

    /// Refuses values of constant arguments that a function has no use for.
    pub(super) fn check_constants(&self, name: &str, args: &[Expr], at: Location) -> Checked<()> {
        let value = |index: usize| match args.get(index).map(|arg| self.folded(arg.clone())) {
            Some(Expr::Literal(value, _)) => Some(value),
            _ => None,
        };
        let text = |index: usize| value(index).and_then(|v| v.try_as_str().flatten().map(str::to_owned));
        let message = match name {
            "ceil" | "ceiling" | "floor" if value(1).is_some_and(|v| v.is_null()) => {
                format!("the number of places of {name} is not NULL")
            }
            "regexp_replace" if value(3).is_some_and(|v| not_positive(&v)) => {
                "regexp_replace counts places from 1".to_owned()
            }
            "mask" if (1..5).any(|i| text(i).is_some_and(|t| t.chars().count() != 1)) => {
                "mask takes a single character for each kind of character".to_owned()
            }
            "to_binary" | "try_to_binary"
                if text(1).is_some_and(|t| {
                    !["hex", "utf-8", "utf8", "base64"].contains(&t.to_ascii_lowercase().as_str())
                }) =>
            {
                format!(
                    "{name} reads hex, utf-8 and base64, not '{}'",
                    text(1).unwrap_or_default()
                )
            }
            "schema_of_json" | "schema_of_csv" if value(0).is_some_and(|v| v.is_null()) => {
                format!("{name} takes a text that is not NULL")
            }
            "schema_of_json" | "schema_of_csv" | "to_json" if value(1).is_some_and(|v| v.is_null()) => {
                format!("{name} takes a map of texts for its options, not NULL")
            }
            name if PERCENTILES.contains(&name) && value(1).is_some_and(|v| !is_share(&v)) => {
                format!("the percentages of {name} are between 0.0 and 1.0")
            }
            "percentile_approx" | "approx_percentile" if value(2).is_some_and(|v| v.is_null() || not_positive(&v)) => {
                format!("the accuracy of {name} is a whole number above 0")
            }
            "ifnull" | "nvl" if args.len() != 2 => format!("{name} takes 2 arguments, {} given", args.len()),
            _ => return Ok(()),
        };
        Err(Fault::new(SqlErrorKind::Type, at, message))
    }
}

/// Refuses arguments that vary from row to row where a function takes constants only.
pub(super) fn check_varying(name: &str, args: &[Expr], at: Location) -> Checked<()> {
    let varying = |index: &&usize| args.get(**index).is_some_and(|arg| !is_constant(arg));
    match constants(name).iter().find(varying) {
        Some(index) => {
            let message = format!("{name} takes a constant as argument {}", index + 1);
            Err(Fault::new(SqlErrorKind::Type, at, message))
        }
        None => Ok(()),
    }
}

/// Whether a value is a number from 0 to 1, or a list of such.
fn is_share(value: &ScalarValue) -> bool {
    if let ScalarValue::List(list) = value {
        let shares = (!list.is_null(0)).then(|| list.value(0));
        return shares.is_some_and(|shares| {
            (0..shares.len()).all(|at| ScalarValue::try_from_array(&shares, at).is_ok_and(|share| is_share(&share)))
        });
    }
    matches!(value.cast_to(&DataType::Float64), Ok(ScalarValue::Float64(Some(share))) if (0.0..=1.0).contains(&share))
}

/// Refuses options that are no map of texts that are known.
fn check_options(name: &str, args: &[Expr], kinds: &[DataType], at: Location) -> Checked<()> {
    let place = match name {
        "from_json" | "from_csv" => 2,
        "to_json" | "to_csv" | "schema_of_json" | "schema_of_csv" => 1,
        _ => return Ok(()),
    };
    let (Some(options), Some(kind)) = (args.get(place), kinds.get(place)) else {
        return Ok(());
    };
    let texts = |of: &DataType| is_text(of) || of.is_null();
    let fits = map_parts(kind).is_none_or(|(key, value)| texts(key) && texts(value));
    if fits && is_constant(options) {
        return Ok(());
    }
    let message = format!("{name} takes a map of constant texts for its options");
    Err(Fault::new(SqlErrorKind::Type, at, message).help("for instance: map('mode', 'FAILFAST')"))
}

fn not_positive(value: &ScalarValue) -> bool {
    match value.cast_to(&DataType::Int64) {
        Ok(ScalarValue::Int64(Some(place))) => place < 1,
        _ => false,
    }
}

/// Whether an expression has one value, whatever the row.
fn is_constant(expr: &Expr) -> bool {
    let mut constant = true;
    let walked = expr.apply(|part| {
        constant &= !matches!(
            part,
            Expr::Column(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::AggregateFunction(_)
                | Expr::WindowFunction(_)
                | Expr::LambdaVariable(_)
                | Expr::ScalarSubquery(_)
        );
        Ok(TreeNodeRecursion::Continue)
    });
    walked.is_ok() && constant
}
