//! A slow decoder that is easy to believe: text to tree, tree to values.

use arrow::datatypes::DataType;

use crate::number::write_f64;

/// A JSON value as a tree.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    Number(String),
    Special(f64),
    /// In UTF-16, as it may hold surrogates without their pair.
    Text(Vec<u16>),
    Array(Vec<Tree>),
    Object(Vec<(Vec<u16>, Tree)>),
}

/// Reads the object at the start of the text; `None` if there is none or it is malformed.
pub(super) fn parse_object(text: &str) -> Option<Tree> {
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    blanks(&chars, &mut at);
    if chars.get(at) != Some(&'{') {
        return None;
    }
    value(&chars, &mut at)
}

fn blanks(chars: &[char], at: &mut usize) {
    while matches!(chars.get(*at), Some(' ' | '\t' | '\r' | '\n')) {
        *at += 1;
    }
}

fn take(chars: &[char], at: &mut usize, word: &str) -> Option<()> {
    for c in word.chars() {
        if chars.get(*at) != Some(&c) {
            return None;
        }
        *at += 1;
    }
    Some(())
}

fn value(chars: &[char], at: &mut usize) -> Option<Tree> {
    blanks(chars, at);
    match *chars.get(*at)? {
        '{' => {
            *at += 1;
            let mut members = Vec::new();
            blanks(chars, at);
            if chars.get(*at) == Some(&'}') {
                *at += 1;
                return Some(Tree::Object(members));
            }
            loop {
                blanks(chars, at);
                let name = text(chars, at)?;
                blanks(chars, at);
                take(chars, at, ":")?;
                members.push((name, value(chars, at)?));
                blanks(chars, at);
                match chars.get(*at)? {
                    ',' => *at += 1,
                    '}' => break,
                    _ => return None,
                }
            }
            *at += 1;
            Some(Tree::Object(members))
        }
        '[' => {
            *at += 1;
            let mut elements = Vec::new();
            blanks(chars, at);
            if chars.get(*at) == Some(&']') {
                *at += 1;
                return Some(Tree::Array(elements));
            }
            loop {
                elements.push(value(chars, at)?);
                blanks(chars, at);
                match chars.get(*at)? {
                    ',' => *at += 1,
                    ']' => break,
                    _ => return None,
                }
            }
            *at += 1;
            Some(Tree::Array(elements))
        }
        '"' | '\'' => text(chars, at).map(Tree::Text),
        't' => take(chars, at, "true").map(|()| Tree::Bool(true)),
        'f' => take(chars, at, "false").map(|()| Tree::Bool(false)),
        'n' => take(chars, at, "null").map(|()| Tree::Null),
        'N' => take(chars, at, "NaN").map(|()| Tree::Special(f64::NAN)),
        'I' => take(chars, at, "Infinity").map(|()| Tree::Special(f64::INFINITY)),
        _ => number(chars, at),
    }
}

fn text(chars: &[char], at: &mut usize) -> Option<Vec<u16>> {
    let quote = *chars.get(*at)?;
    if quote != '"' && quote != '\'' {
        return None;
    }
    *at += 1;
    let mut units: Vec<u16> = Vec::new();
    loop {
        let c = *chars.get(*at)?;
        *at += 1;
        if c == quote {
            break;
        }
        if c < ' ' {
            return None;
        }
        if c != '\\' {
            units.extend(c.encode_utf16(&mut [0; 2]).iter());
            continue;
        }
        let escape = *chars.get(*at)?;
        *at += 1;
        units.push(match escape {
            '"' | '\\' | '/' | '\'' => escape as u16,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'u' => {
                let digits: String = chars.get(*at..*at + 4)?.iter().collect();
                *at += 4;
                if !digits.chars().all(|d| d.is_ascii_hexdigit()) {
                    return None;
                }
                u16::from_str_radix(&digits, 16).ok()?
            }
            _ => return None,
        });
    }
    Some(units)
}

fn readable(units: &[u16]) -> String {
    char::decode_utf16(units.iter().copied())
        .map(|c| c.unwrap_or('?'))
        .collect()
}

fn number(chars: &[char], at: &mut usize) -> Option<Tree> {
    for (word, value) in [
        ("-Infinity", f64::NEG_INFINITY),
        ("-INF", f64::NEG_INFINITY),
        ("+Infinity", f64::INFINITY),
        ("+INF", f64::INFINITY),
    ] {
        let mut ahead = *at;
        if take(chars, &mut ahead, word).is_some() {
            *at = ahead;
            return Some(Tree::Special(value));
        }
    }
    let start = *at;
    let digits = |at: &mut usize| {
        let from = *at;
        while chars.get(*at).is_some_and(char::is_ascii_digit) {
            *at += 1;
        }
        *at - from
    };
    if chars[*at] == '-' {
        *at += 1;
    }
    let zero = chars.get(*at) == Some(&'0');
    let whole = digits(at);
    if whole == 0 || (zero && whole > 1) {
        return None;
    }
    if chars.get(*at) == Some(&'.') {
        *at += 1;
        if digits(at) == 0 {
            return None;
        }
    }
    if matches!(chars.get(*at), Some('e' | 'E')) {
        *at += 1;
        if matches!(chars.get(*at), Some('+' | '-')) {
            *at += 1;
        }
        if digits(at) == 0 {
            return None;
        }
    }
    Some(Tree::Number(chars[start..*at].iter().collect()))
}

/// Writes the tree as Spark writes what it puts into a text column.
fn rewritten(tree: &Tree) -> String {
    match tree {
        Tree::Null => "null".to_owned(),
        Tree::Bool(b) => b.to_string(),
        Tree::Special(v) if v.is_nan() => "\"NaN\"".to_owned(),
        Tree::Special(v) => if *v > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }.to_owned(),
        Tree::Number(n) if n.contains(['.', 'e', 'E']) => {
            let value: f64 = n.parse().unwrap();
            if value.is_infinite() {
                return rewritten(&Tree::Special(value));
            }
            let mut text = String::new();
            write_f64(value, &mut text);
            text
        }
        Tree::Number(n) => if n == "-0" { "0" } else { n }.to_owned(),
        Tree::Text(t) => quoted(t),
        Tree::Array(elements) => format!("[{}]", elements.iter().map(rewritten).collect::<Vec<_>>().join(",")),
        Tree::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(n, v)| format!("{}:{}", quoted(n), rewritten(v)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

fn quoted(text: &[u16]) -> String {
    let mut out = String::from("\"");
    for unit in text {
        // Spark escapes every surrogate, paired or not.
        let Some(c) = char::from_u32(u32::from(*unit)) else {
            out.push_str(&format!("\\u{unit:04X}"));
            continue;
        };
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out + "\""
}

/// Shows what a column of the type gets for the value; `None` if it does not fit.
pub(super) fn convert(tree: &Tree, to: &DataType) -> Option<String> {
    Some(match (to, tree) {
        (_, Tree::Null) => "-".to_owned(),
        (DataType::Utf8, Tree::Text(t)) => format!("{:?}", readable(t)),
        (DataType::Utf8, tree) => format!("{:?}", rewritten(tree)),
        (DataType::Int32, Tree::Number(n)) => n.parse::<i32>().ok()?.to_string(),
        (DataType::Int64, Tree::Number(n)) => n.parse::<i64>().ok()?.to_string(),
        (DataType::Boolean, Tree::Bool(b)) => b.to_string(),
        (DataType::Float64, Tree::Number(n)) => float(n.parse().unwrap(), !n.contains(['.', 'e', 'E'])),
        (DataType::Float64, Tree::Special(v)) => float(*v, false),
        (DataType::Float64, Tree::Text(t)) => match readable(t).as_str() {
            "NaN" => float(f64::NAN, false),
            "Infinity" | "+Infinity" | "+INF" => float(f64::INFINITY, false),
            "-Infinity" | "-INF" => float(f64::NEG_INFINITY, false),
            _ => return None,
        },
        (DataType::List(field), Tree::Array(elements)) => {
            let shown: Option<Vec<_>> = elements.iter().map(|e| convert(e, field.data_type())).collect();
            format!("[{}]", shown?.join(", "))
        }
        (DataType::Map(field, _), Tree::Object(members)) => {
            let DataType::Struct(entry) = field.data_type() else {
                unreachable!()
            };
            let shown: Option<Vec<_>> = members
                .iter()
                .map(|(name, value)| {
                    Some(format!(
                        "{:?}: {}",
                        readable(name),
                        convert(value, entry[1].data_type())?
                    ))
                })
                .collect();
            format!("{{{}}}", shown?.join(", "))
        }
        (DataType::Struct(fields), Tree::Object(members)) => {
            let shown: Vec<_> = fields
                .iter()
                .map(|f| {
                    let values = members.iter().filter(|(n, _)| &readable(n) == f.name());
                    values
                        .filter_map(|(_, v)| convert(v, f.data_type()))
                        .next_back()
                        .unwrap_or("-".to_owned())
                })
                .collect();
            format!("({})", shown.join(", "))
        }
        _ => return None,
    })
}

fn float(value: f64, integer: bool) -> String {
    // An integer has no negative zero.
    let value = if integer && value == 0.0 { 0.0 } else { value };
    let array = arrow::array::Float64Array::from(vec![value]);
    super::show(&array, 0)
}
