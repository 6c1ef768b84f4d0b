//! The rules of comparison: floats by tolerance, maps in any order, everything else exact.

use serde_json::Value;

/// What differs between a golden and a result of a batch case.
pub fn batch(expected: &Value, actual: &Value, case: &Value) -> Vec<String> {
    match (expected.get("error"), actual.get("error")) {
        (Some(_), Some(_)) => return Vec::new(),
        (Some(error), None) => return vec![format!("an error was expected ({}), got rows", error["error_class"])],
        (None, Some(error)) => return vec![format!("rows were expected, got {error}")],
        (None, None) => {}
    }
    let mut differences = Vec::new();
    if expected["schema"] != actual["schema"] {
        differences.push(format!(
            "columns: expected {}, got {}",
            expected["schema"], actual["schema"]
        ));
    }
    let types: Vec<&str> = list(&expected["schema"])
        .iter()
        .map(|column| column["type"].as_str().unwrap_or(""))
        .collect();
    let tolerances: Vec<Option<f64>> = list(&expected["schema"])
        .iter()
        .map(|column| case["approx"][column["name"].as_str().unwrap_or("")].as_f64())
        .collect();
    let same = |left: &Value, right: &Value| {
        let (left, right) = (list(left), list(right));
        left.len() == right.len()
            && left
                .iter()
                .zip(right)
                .zip(types.iter().zip(&tolerances))
                .all(|((l, r), (kind, tolerance))| equal(l, r, kind, *tolerance))
    };
    let (rows, mut left) = (list(&expected["rows"]), list(&actual["rows"]).to_vec());
    if expected["ordered"] == true {
        for (at, row) in rows.iter().enumerate() {
            match left.get(at) {
                Some(got) if same(row, got) => {}
                Some(got) => differences.push(format!("row {at}: expected {row}, got {got}")),
                None => differences.push(format!("row {at}: expected {row}, got none")),
            }
        }
        differences.extend(left.iter().skip(rows.len()).map(|row| format!("unexpected row {row}")));
        return differences;
    }
    for row in rows {
        match left.iter().position(|got| same(row, got)) {
            Some(at) => {
                left.swap_remove(at);
            }
            None => differences.push(format!("missing row {row}")),
        }
    }
    differences.extend(left.iter().map(|row| format!("unexpected row {row}")));
    differences
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Fields of a struct type's inside, `a:int,b:map<string,int>`: commas within brackets do not count.
fn fields(inside: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, letter) in inside.char_indices() {
        match letter {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inside[start..]);
    parts
}

fn inside<'a>(kind: &'a str, name: &str) -> Option<&'a str> {
    kind.strip_prefix(name)?.strip_prefix('<')?.strip_suffix('>')
}

fn equal(left: &Value, right: &Value, kind: &str, tolerance: Option<f64>) -> bool {
    if left.is_null() || right.is_null() {
        return left.is_null() && right.is_null();
    }
    if kind == "float" || kind == "double" {
        return close(
            left,
            right,
            tolerance.unwrap_or(if kind == "float" { 1e-6 } else { 1e-9 }),
        );
    }
    if let Some(item) = inside(kind, "array") {
        let (left, right) = (list(left), list(right));
        return left.len() == right.len() && left.iter().zip(right).all(|(l, r)| equal(l, r, item, tolerance));
    }
    if let Some([key, value]) = inside(kind, "map").map(fields).as_deref() {
        let mut others = list(right).to_vec();
        return list(left).len() == others.len()
            && list(left).iter().all(|pair| {
                let found = others.iter().position(|other| {
                    equal(&pair[0], &other[0], key, tolerance) && equal(&pair[1], &other[1], value, tolerance)
                });
                found.map(|at| others.swap_remove(at)).is_some()
            });
    }
    if let (Some(inner), Some(l), Some(r)) = (inside(kind, "struct"), left.as_object(), right.as_object()) {
        let kinds = fields(inner);
        let names_agree = l.keys().eq(r.keys()) && kinds.len() == l.len();
        return names_agree
            && kinds
                .iter()
                .zip(l.values().zip(r.values()))
                .all(|(field, (left, right))| {
                    let kind = field.split_once(':').map_or("", |(_, kind)| kind);
                    equal(left, right, kind, tolerance)
                });
    }
    match tolerance {
        Some(tolerance) if left.is_number() => close(left, right, tolerance),
        _ => left == right,
    }
}

fn close(left: &Value, right: &Value, tolerance: f64) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => (left - right).abs() <= (tolerance * left.abs().max(right.abs())).max(1e-12),
        _ => left == right,
    }
}
