//! When a result is Spark's: the rules of the cases' README.

use serde_json::Value;

/// Everything that differs, one line each.
pub fn differences(expected: &Value, actual: &Value, spec: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let (wanted, got) = (&expected["error"], &actual["error"]);
    if wanted.is_object() {
        let early = |error: &Value| error["phase"] != "runtime";
        if !got.is_object() {
            out.push(format!("an error was expected ({}), got rows", plain(&wanted["gist"])));
        } else if early(wanted) && !early(got) {
            out.push(format!("refused only at run time: {}", plain(&got["gist"])));
        }
        return out;
    }
    if got.is_object() {
        out.push(format!("rows were expected, got an error: {}", plain(&got["gist"])));
        return out;
    }
    let (columns, given) = (items(&expected["schema"]), items(&actual["schema"]));
    let names = |columns: &[Value]| -> Vec<String> { columns.iter().map(|column| plain(&column["name"])).collect() };
    if names(columns) != names(given) {
        out.push(format!(
            "columns: expected {:?}, got {:?}",
            names(columns),
            names(given)
        ));
    }
    for (wanted, got) in columns.iter().zip(given) {
        if wanted["type"] != got["type"] {
            let (name, wanted, got) = (plain(&wanted["name"]), plain(&wanted["type"]), plain(&got["type"]));
            out.push(format!("column {name}: type {wanted} expected, got {got}"));
        }
    }
    let rules = Rules {
        columns,
        tolerances: &spec["approx"],
        ordered: spec["ordered"] == true,
    };
    if expected["kind"] != "stream" {
        rules.rows(items(&expected["rows"]), items(&actual["rows"]), "rows", &mut out);
        return out;
    }
    let (batches, given) = (items(&expected["batches"]), items(&actual["batches"]));
    if batches.len() != given.len() {
        out.push(format!("{} micro-batches expected, got {}", batches.len(), given.len()));
    }
    for (wanted, got) in batches.iter().zip(given) {
        let place = format!("batch {}", wanted["batch"]);
        for field in ["batch", "watermark_used", "watermark_next"] {
            if wanted[field] != got[field] {
                out.push(format!(
                    "{place}: {field} {} expected, got {}",
                    wanted[field], got[field]
                ));
            }
        }
        rules.rows(items(&wanted["rows"]), items(&got["rows"]), &place, &mut out);
    }
    out
}

/// The places where two texts begin to differ.
pub fn text_difference(file: &str, expected: &str, actual: &str) -> Option<String> {
    if expected == actual {
        return None;
    }
    let mut lines = expected.lines().zip(actual.lines()).enumerate();
    Some(match lines.find(|(_, (wanted, got))| wanted != got) {
        Some((at, (wanted, got))) => format!("{file} line {}: expected {wanted:?}, got {got:?}", at + 1),
        None => format!(
            "{file}: {} bytes expected, got {} (one is the beginning of the other)",
            expected.len(),
            actual.len()
        ),
    })
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

struct Rules<'a> {
    columns: &'a [Value],
    tolerances: &'a Value,
    ordered: bool,
}

impl Rules<'_> {
    fn rows(&self, expected: &[Value], actual: &[Value], place: &str, out: &mut Vec<String>) {
        if expected.len() != actual.len() {
            out.push(format!(
                "{place}: {} rows expected, got {}",
                expected.len(),
                actual.len()
            ));
        }
        if self.ordered {
            for (at, (wanted, got)) in expected.iter().zip(actual).enumerate() {
                self.row(items(wanted), items(got), &format!("{place} row {at}"), out);
            }
            return;
        }
        let mut left: Vec<&Value> = actual.iter().collect();
        for wanted in expected {
            let same = |got: &&Value| {
                let mut ignored = Vec::new();
                self.row(items(wanted), items(got), "", &mut ignored);
                ignored.is_empty()
            };
            match left.iter().position(same) {
                Some(at) => {
                    left.remove(at);
                }
                None => out.push(format!("{place}: expected row {wanted}")),
            }
        }
        out.extend(left.iter().map(|got| format!("{place}: got row {got}")));
    }

    fn row(&self, expected: &[Value], actual: &[Value], place: &str, out: &mut Vec<String>) {
        if expected.len() != actual.len() {
            out.push(format!(
                "{place}: {} columns expected, got {}",
                expected.len(),
                actual.len()
            ));
            return;
        }
        for ((wanted, got), column) in expected.iter().zip(actual).zip(self.columns) {
            let name = plain(&column["name"]);
            let tolerance = self.tolerances[&name].as_f64();
            same(
                wanted,
                got,
                &plain(&column["type"]),
                tolerance,
                &format!("{place} {name}"),
                out,
            );
        }
    }
}

fn same(expected: &Value, actual: &Value, of: &str, tolerance: Option<f64>, place: &str, out: &mut Vec<String>) {
    let equal = match (expected, actual) {
        (Value::Null, Value::Null) => true,
        (Value::Null, _) | (_, Value::Null) => false,
        _ if of == "float" || of == "double" => floats_equal(expected, actual, of, tolerance),
        (Value::Array(wanted), Value::Array(got)) if of.starts_with("array<") && wanted.len() == got.len() => {
            for (at, (wanted, got)) in wanted.iter().zip(got).enumerate() {
                same(
                    wanted,
                    got,
                    inside(of, "array<"),
                    tolerance,
                    &format!("{place}[{at}]"),
                    out,
                );
            }
            return;
        }
        (Value::Array(wanted), Value::Array(got)) if of.starts_with("map<") && wanted.len() == got.len() => {
            let types = fields(inside(of, "map<"));
            let [key, value] = types.as_slice() else { return };
            // Entries have no order; duplicates of a key keep theirs.
            let sorted = |entries: &[Value]| {
                let mut sorted: Vec<Value> = entries.to_vec();
                sorted.sort_by_key(|entry| entry[0].to_string());
                sorted
            };
            for (wanted, got) in sorted(wanted).iter().zip(sorted(got)) {
                same(&wanted[0], &got[0], key, tolerance, &format!("{place}{{key}}"), out);
                same(
                    &wanted[1],
                    &got[1],
                    value,
                    tolerance,
                    &format!("{place}{{{}}}", wanted[0]),
                    out,
                );
            }
            return;
        }
        (Value::Object(wanted), Value::Object(got)) if of.starts_with("struct<") && wanted.keys().eq(got.keys()) => {
            for field in fields(inside(of, "struct<")) {
                let (name, of) = field.split_once(':').unwrap_or((field, ""));
                if let (Some(wanted), Some(got)) = (wanted.get(name), got.get(name)) {
                    same(wanted, got, of, tolerance, &format!("{place}.{name}"), out);
                }
            }
            return;
        }
        // Objects are equal to the library whatever the order of their fields; a struct's order counts.
        (Value::Object(_), Value::Object(_)) => false,
        (Value::Number(wanted), Value::Number(got)) => match (tolerance, wanted.as_f64(), got.as_f64()) {
            (Some(tolerance), Some(wanted), Some(got)) => {
                (wanted - got).abs() <= tolerance * wanted.abs().max(got.abs()).max(1.0)
            }
            _ => wanted == got,
        },
        _ => expected == actual,
    };
    if !equal {
        out.push(format!("{place}: expected {expected}, got {actual}"));
    }
}

fn floats_equal(expected: &Value, actual: &Value, of: &str, tolerance: Option<f64>) -> bool {
    let read = |value: &Value| match value.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => value.as_f64(),
    };
    let (Some(wanted), Some(got)) = (read(expected), read(actual)) else {
        return false;
    };
    if wanted.is_nan() || got.is_nan() {
        return wanted.is_nan() && got.is_nan();
    }
    if wanted.is_infinite() || got.is_infinite() {
        return wanted == got;
    }
    let single = of == "float";
    let relative = tolerance.unwrap_or(if single { 1e-6 } else { 1e-9 });
    let least = if single { 1e-38 } else { 1e-12 };
    (wanted - got).abs() <= (relative * wanted.abs().max(got.abs())).max(least)
}

fn inside<'a>(of: &'a str, opening: &str) -> &'a str {
    of.strip_prefix(opening)
        .and_then(|rest| rest.strip_suffix('>'))
        .unwrap_or("")
}

/// `a:int,b:map<string,int>` at its outer commas.
fn fields(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.extend(text.get(from..at));
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(from..).filter(|rest| !rest.is_empty()));
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compared(of: &str, expected: Value, actual: Value) -> usize {
        let schema = json!([{"name": "x", "type": of}]);
        let expected = json!({"kind": "batch", "schema": schema, "rows": [[expected]]});
        let actual = json!({"kind": "batch", "schema": schema, "rows": [[actual]]});
        differences(&expected, &actual, &json!({"ordered": true})).len()
    }

    #[test]
    fn values_follow_the_rules() {
        let cases = [
            ("double", json!(1.0), json!(1.000_000_000_1), 0),
            ("double", json!(1.0), json!(1.000_001), 1),
            ("float", json!("NaN"), json!("NaN"), 0),
            ("bigint", json!(1), json!("1"), 1),
            (
                "map<string,int>",
                json!([["a", 1], ["b", 2]]),
                json!([["b", 2], ["a", 1]]),
                0,
            ),
            ("array<int>", json!([1, 2]), json!([2, 1]), 2),
            (
                "struct<a:int,b:array<double>>",
                json!({"a": 1, "b": [0.0]}),
                json!({"a": 1, "b": [-0.0]}),
                0,
            ),
            (
                "struct<a:int,b:int>",
                json!({"a": 1, "b": 2}),
                json!({"b": 2, "a": 1}),
                1,
            ),
            ("string", json!(null), json!(""), 1),
        ];
        for (of, expected, actual, count) in cases {
            assert_eq!(
                compared(of, expected.clone(), actual.clone()),
                count,
                "{of} {expected} {actual}"
            );
        }
    }

    #[test]
    fn an_error_must_come_in_time() {
        let expected = json!({"error": {"phase": "analysis", "gist": "no"}});
        let rows = json!({"rows": []});
        let late = json!({"error": {"phase": "runtime", "gist": "no"}});
        let early = json!({"error": {"phase": "start", "gist": "no"}});
        for (actual, count) in [(&rows, 1), (&late, 1), (&early, 0)] {
            assert_eq!(differences(&expected, actual, &json!({})).len(), count);
        }
    }
}
