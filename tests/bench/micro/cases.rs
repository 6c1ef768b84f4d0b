//! What is measured. Columns of the table `t`: see `data.rs`.

/// One expression over a column, or one part of the engine that works on columns.
pub struct Case {
    /// Category.
    pub category: &'static str,
    /// Expression in Spark's words; words in square brackets are no SQL but a part of ours.
    pub ours: &'static str,
    /// What it is compared with.
    pub theirs: Theirs,
    /// Whether it is an aggregate, by a hundred groups.
    pub grouped: bool,
}

/// The engine's own way to the same.
#[derive(Clone, Copy)]
pub enum Theirs {
    /// There is none.
    None,
    /// DataFusion's function in its own dialect.
    Engine(&'static str),
    /// The function of its Spark library.
    Library(&'static str),
}

const fn plain(category: &'static str, ours: &'static str, theirs: &'static str) -> Case {
    Case {
        category,
        ours,
        theirs: Theirs::Engine(theirs),
        grouped: false,
    }
}

const fn library(category: &'static str, ours: &'static str, theirs: &'static str) -> Case {
    Case {
        category,
        ours,
        theirs: Theirs::Library(theirs),
        grouped: false,
    }
}

const fn alone(category: &'static str, ours: &'static str) -> Case {
    Case {
        category,
        ours,
        theirs: Theirs::None,
        grouped: false,
    }
}

const fn grouped(ours: &'static str, theirs: &'static str) -> Case {
    Case {
        category: "aggregate",
        ours,
        theirs: Theirs::Engine(theirs),
        grouped: true,
    }
}

/// Records decoded as they come from Kafka.
pub const DECODE: &str = "[decode: id, name, amount, paid]";
/// Rows put into windows of ten minutes.
pub const TUMBLING: &str = "[window: 10 minutes]";
/// Rows put into windows of ten minutes every five.
pub const SLIDING: &str = "[window: 10 minutes every 5]";

/// All of them.
pub const CASES: &[Case] = &[
    plain("string", "upper(s)", "upper(s)"),
    plain("string", "concat(s, '-', n)", "concat(s, '-', n)"),
    plain("string", "substring(s, 3, 5)", "substr(s, 3, 5)"),
    plain("string", "length(s)", "character_length(s)"),
    plain("string", "trim(s)", "trim(s)"),
    plain("string", "lpad(s, 24, '*')", "lpad(s, 24, '*')"),
    plain("string", "replace(s, 'a', 'bb')", "replace(s, 'a', 'bb')"),
    plain("string", "split(s, ' ')", "string_to_array(s, ' ')"),
    plain("string", "instr(s, 'ar')", "strpos(s, 'ar')"),
    plain("string", "s LIKE '%ar%'", "s LIKE '%ar%'"),
    plain(
        "string",
        "regexp_replace(s, '[0-9]+', '#')",
        "regexp_replace(s, '[0-9]+', '#', 'g')",
    ),
    plain("string", "rlike(s, '[0-9]{3}')", "regexp_like(s, '[0-9]{3}')"),
    plain("cast", "CAST(n AS INT)", "try_cast(n AS INT)"),
    plain("cast", "CAST(n AS DOUBLE)", "try_cast(n AS DOUBLE)"),
    plain("cast", "CAST(n AS DECIMAL(12,2))", "try_cast(n AS DECIMAL(12,2))"),
    plain("cast", "CAST(id AS STRING)", "arrow_cast(id, 'Utf8')"),
    plain("cast", "CAST(d AS STRING)", "arrow_cast(d, 'Utf8')"),
    plain("cast", "CAST(ts AS STRING)", "arrow_cast(ts, 'Utf8')"),
    plain("cast", "CAST(tt AS TIMESTAMP)", "try_cast(tt AS TIMESTAMP)"),
    plain("cast", "CAST(d AS INT)", "try_cast(d AS INT)"),
    alone("json", DECODE),
    alone(
        "json",
        "from_json(j, 'id INT, name STRING, amount DOUBLE, paid TIMESTAMP')",
    ),
    alone("json", "get_json_object(j, '$.name')"),
    alone(
        "json",
        "to_json(named_struct('id', id, 'name', s, 'amount', d, 'paid', ts))",
    ),
    plain("datetime", "year(ts)", "date_part('year', ts)"),
    plain("datetime", "hour(ts)", "date_part('hour', ts)"),
    plain("datetime", "date_trunc('HOUR', ts)", "date_trunc('hour', ts)"),
    plain(
        "datetime",
        "date_format(ts, 'yyyy-MM-dd HH:mm')",
        "to_char(ts, '%Y-%m-%d %H:%M')",
    ),
    plain(
        "datetime",
        "to_timestamp(tt, 'yyyy-MM-dd HH:mm:ss')",
        "to_timestamp(tt, '%Y-%m-%d %H:%M:%S')",
    ),
    plain("datetime", "CAST(ts AS DATE)", "arrow_cast(ts, 'Date32')"),
    library(
        "datetime",
        "add_months(CAST(ts AS DATE), 1)",
        "add_months(arrow_cast(ts, 'Date32'), arrow_cast(1, 'Int32'))",
    ),
    plain("math", "i + i * 2", "i + i * 2"),
    plain("math", "d / 3.0E0", "d / 3.0"),
    plain("math", "i % CAST(7 AS INT)", "i % arrow_cast(7, 'Int32')"),
    plain("math", "m * m", "m * m"),
    plain("math", "round(d, 2)", "round(d, 2)"),
    plain("math", "sqrt(d)", "sqrt(d)"),
    plain("math", "power(d, 2)", "power(d, 2)"),
    plain("math", "floor(d)", "floor(d)"),
    plain(
        "array",
        "array_contains(a, CAST(3 AS INT))",
        "array_has(a, arrow_cast(3, 'Int32'))",
    ),
    plain("array", "sort_array(a)", "array_sort(a)"),
    plain("array", "array_distinct(a)", "array_distinct(a)"),
    plain("array", "size(a)", "array_length(a)"),
    plain("array", "array_join(w, ',')", "array_to_string(w, ',')"),
    plain(
        "array",
        "array_transform(a, x -> x + 1)",
        "array_transform(a, x -> x + 1)",
    ),
    plain("array", "array_filter(a, x -> x > 2)", "array_filter(a, x -> x > 2)"),
    grouped("count(*)", "count(*)"),
    grouped("sum(i)", "sum(i)"),
    grouped("avg(d)", "avg(d)"),
    grouped("sum(m)", "sum(m)"),
    grouped("min(s)", "min(s)"),
    grouped("stddev(d)", "stddev(d)"),
    grouped("count(DISTINCT i)", "count(DISTINCT i)"),
    grouped("approx_count_distinct(id)", "approx_distinct(id)"),
    grouped("percentile_approx(d, 0.5)", "approx_percentile_cont(d, 0.5)"),
    grouped("percentile(d, 0.5)", "median(d)"),
    grouped("collect_list(i)", "array_agg(i)"),
    grouped("first(s)", "first_value(s)"),
    Case {
        category: "hash",
        ours: "xxhash64(s)",
        theirs: Theirs::Library("xxhash64(s)"),
        grouped: false,
    },
    library("hash", "crc32(s)", "crc32(s)"),
    library("hash", "sha1(s)", "sha1(s)"),
    plain("hash", "md5(s)", "md5(s)"),
    plain("hash", "sha2(s, 256)", "sha256(s)"),
    alone("hash", "hash(s, i, d)"),
    plain(
        "conditional",
        "CASE WHEN i > 50 THEN s ELSE n END",
        "CASE WHEN i > 50 THEN s ELSE n END",
    ),
    plain(
        "conditional",
        "if(i > 50, d, 0.0E0)",
        "CASE WHEN i > 50 THEN d ELSE 0.0 END",
    ),
    plain("conditional", "coalesce(z, i)", "coalesce(z, i)"),
    plain(
        "conditional",
        "nullif(i, CAST(5 AS INT))",
        "nullif(i, arrow_cast(5, 'Int32'))",
    ),
    plain("conditional", "greatest(i, z)", "greatest(i, z)"),
    plain("conditional", "i IN (1, 3, 5, 7)", "i IN (1, 3, 5, 7)"),
    plain("window", TUMBLING, "date_bin(INTERVAL '10' MINUTE, ts)"),
    alone("window", SLIDING),
];
