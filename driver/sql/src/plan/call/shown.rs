//! Calls as Spark shows them in a column's name: some functions go by another name there, some show the arguments they imply,
//! some hide those they are given.

use super::arguments::texts;
use crate::plan::scope::Typed;

/// Functions that Spark writes in capitals when they have one argument or two, as in the query that names them.
const CAPITALS: [&str; 39] = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "cos",
    "cosh",
    "cot",
    "csc",
    "degrees",
    "dense_rank",
    "e",
    "exp",
    "expm1",
    "floor",
    "hypot",
    "log",
    "log10",
    "log1p",
    "log2",
    "percent_rank",
    "pi",
    "power",
    "radians",
    "rank",
    "regexp",
    "regexp_like",
    "rlike",
    "sec",
    "signum",
    "sin",
    "sinh",
    "spark_partition_id",
    "sqrt",
    "tan",
];

/// Functions whose schema and options are not shown.
const FIRST_ALONE: [&str; 6] = [
    "from_csv",
    "from_json",
    "schema_of_csv",
    "schema_of_json",
    "to_csv",
    "to_json",
];

/// Types whose name is a function: the cast that it is does not show.
const TYPES: [&str; 12] = [
    "bigint",
    "binary",
    "boolean",
    "date",
    "decimal",
    "double",
    "float",
    "int",
    "smallint",
    "string",
    "timestamp",
    "tinyint",
];

/// The text of a call of `name`.
pub(in crate::plan) fn shown_call(name: &str, args: &[Typed]) -> String {
    let text = |i: usize| args.get(i).map_or("", |a| a.text.as_str());
    match (name, args.len()) {
        ("if", 3) => return format!("(IF({}))", texts(args)),
        ("like", 2) => return format!("{} LIKE {}", text(0), text(1)),
        ("positive", 1) => return format!("(+ {})", text(0)),
        ("isnull", 1) => return format!("({} IS NULL)", text(0)),
        ("isnotnull", 1) => return format!("({} IS NOT NULL)", text(0)),
        ("datepart", 2) => return format!("datepart({} FROM {})", text(0), text(1)),
        // The wanted precision is no argument of the sketch.
        ("approx_count_distinct", 2) => return format!("{name}({})", text(0)),
        ("log", 1) => return format!("LOG(E(), {})", text(0)),
        ("assert_true", 1) => return format!("assert_true({0}, '{0}' is not true!)", text(0)),
        (name, 1) if TYPES.contains(&name) => return text(0).to_owned(),
        (name, 2..) if FIRST_ALONE.contains(&name) => return format!("{name}({})", text(0)),
        _ => {}
    }
    let implied = implied(name, args.len());
    let name = match (name, args.len()) {
        ("array_agg", _) => "collect_list".to_owned(),
        ("current_schema", _) => "current_database".to_owned(),
        ("random", _) => "rand".to_owned(),
        ("to_varchar", _) => "to_char".to_owned(),
        ("user", _) => "current_user".to_owned(),
        ("dateadd", 2) => "date_add".to_owned(),
        ("ceil" | "floor", 2) => name.to_owned(),
        ("tanh", _) => "TANH".to_owned(),
        (name, _) if CAPITALS.contains(&name) => name.to_uppercase(),
        (name, _) => name.to_owned(),
    };
    match args {
        [] => format!("{name}({})", implied.trim_start_matches(", ")),
        _ => format!("{name}({}{implied})", texts(args)),
    }
}

/// The arguments that a call with `count` of them implies.
fn implied(name: &str, count: usize) -> &'static str {
    match (name, count) {
        ("substring" | "substr", 2) => ", 2147483647",
        ("locate" | "position", 2) => ", 1",
        ("overlay", 3) => ", -1",
        ("percentile", 2) => ", 1",
        ("approx_percentile" | "percentile_approx", 2) => ", 10000",
        ("from_unixtime" | "unix_timestamp" | "to_unix_timestamp", 1) => ", yyyy-MM-dd HH:mm:ss",
        ("unix_timestamp", 0) => ", current_timestamp(), yyyy-MM-dd HH:mm:ss",
        ("lpad" | "rpad", 2) => ",  ",
        ("make_dt_interval", 0) => ", 0, 0, 0, 0.000000",
        ("make_ym_interval", 0) => ", 0, 0",
        ("make_ym_interval", 1) => ", 0",
        ("make_dt_interval", 1) => ", 0, 0, 0.000000",
        ("make_dt_interval", 2) => ", 0, 0.000000",
        ("make_dt_interval", 3) => ", 0.000000",
        ("mask", 1) => ", X, x, n, NULL",
        ("mask", 2) => ", x, n, NULL",
        ("mask", 3) => ", n, NULL",
        ("mask", 4) => ", NULL",
        ("months_between", 2) => ", true",
        ("regexp_replace", 3) => ", 1",
        ("regexp_extract" | "regexp_extract_all", 2) => ", 1",
        ("regexp_instr", 2) => ", 0",
        ("sentences", 1) => ", , ",
        ("sentences", 2) => ", ",
        ("split", 2) => ", -1",
        ("str_to_map", 1) => ", ,, :",
        ("str_to_map", 2) => ", :",
        ("aes_encrypt", 2) => ", GCM, DEFAULT, , ",
        ("aes_decrypt" | "try_aes_decrypt", 2) => ", GCM, DEFAULT, ",
        ("bround" | "round", 1) => ", 0",
        ("sort_array", 1) => ", true",
        ("aes_encrypt", 3) => ", DEFAULT, , ",
        ("aes_encrypt", 4) => ", , ",
        ("aes_encrypt", 5) => ", ",
        ("aes_decrypt" | "try_aes_decrypt", 3) => ", DEFAULT, ",
        ("aes_decrypt" | "try_aes_decrypt", 4) => ", ",
        ("replace", 2) => ", ",
        ("ntile", 0) => ", 1",
        _ => "",
    }
}

/// The text of an aggregate call, under its own name, or under the first name of its function when a clause says what becomes
/// of NULLs.
pub(in crate::plan) fn aggregate_text(name: &str, distinct: bool, args: &[Typed], nulls_in_words: bool) -> String {
    let name = match name {
        "first_value" if nulls_in_words => "first",
        "last_value" if nulls_in_words => "last",
        own => own,
    };
    let text = shown_call(name, args);
    if distinct {
        text.replacen('(', "(DISTINCT ", 1)
    } else {
        text
    }
}
