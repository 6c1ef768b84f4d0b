//! Paths into JSON texts: `get_json_object`, `json_tuple` and their kin.

use super::escape::{next_escape, unescape_unit};
use super::scan::{Fault, Leniency, Scan, Scanner, Text, Token};
use super::text_out::copy_from;
use super::utf8::append_repaired;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(Vec<u8>),
    Index(usize),
    AnyElement,
    /// `.*`, which Spark reads but never finds anything with.
    AnyMember,
}

/// A path such as `$.a['b c'][0][*].d`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    steps: Vec<Step>,
}

/// How found values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// A text without its quotes.
    Raw,
    Quoted,
    /// Arrays without their brackets.
    Flat,
}

/// What these functions let through: no bare NaN, but control characters.
const LENIENCY: Leniency = Leniency {
    single_quotes: true,
    unquoted_names: false,
    leading_zeros: false,
    non_numeric_numbers: false,
    backslash_any: false,
    comments: false,
    control_characters: true,
};

impl Path {
    /// Reads a path; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, len) = if let Some(inner) = rest.strip_prefix("['") {
                let end = inner.find('\'')?;
                if inner.get(end..end + 2) != Some("']") || end == 0 {
                    return None;
                }
                let name = &inner[..end];
                (
                    if name == "*" {
                        Step::AnyMember
                    } else {
                        Step::Name(name.into())
                    },
                    end + 4,
                )
            } else if let Some(inner) = rest.strip_prefix('[') {
                let end = inner.find(']')?;
                let index = &inner[..end];
                let step = if index == "*" {
                    Step::AnyElement
                } else if index.bytes().all(|b| b.is_ascii_digit()) {
                    Step::Index(index.parse().ok()?)
                } else {
                    return None;
                };
                (step, end + 2)
            } else {
                let inner = rest.strip_prefix('.')?;
                let end = inner.find(['.', '[']).unwrap_or(inner.len());
                if end == 0 {
                    return None;
                }
                let name = &inner[..end];
                (
                    if name == "*" {
                        Step::AnyMember
                    } else {
                        Step::Name(name.into())
                    },
                    end + 1,
                )
            };
            steps.push(step);
            rest = &rest[len..];
        }
        Some(Self { steps })
    }

    /// Appends what the path leads to; `false` if that is nothing or the text is malformed before the end of its value.
    pub fn find(&self, text: &[u8], out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let found = repairing(text, |scanner| {
            out.truncate(start);
            let mut value = Vec::new();
            let found = evaluate(scanner, &mut value, Style::Raw, &self.steps)?;
            out.extend_from_slice(&value);
            Ok(found)
        });
        let found = found == Some(true);
        if !found {
            out.truncate(start);
        }
        found
    }
}

/// Runs `read`, once more on repaired text if the first run met bytes that are not UTF-8.
fn repairing<T>(text: &[u8], mut read: impl FnMut(&mut Scanner<'_>) -> Scan<T>) -> Option<T> {
    match read(&mut Scanner::new(text, LENIENCY)) {
        Ok(value) => Some(value),
        Err(Fault::Malformed) => None,
        Err(Fault::NotUtf8) => {
            let mut repaired = Vec::new();
            append_repaired(text, &mut repaired);
            read(&mut Scanner::new(&repaired, LENIENCY)).ok()
        }
    }
}

/// Appends a text as it is; one that UTF-8 cannot hold breaks the document.
fn append_text(text: &Text<'_>, out: &mut Vec<u8>) -> Scan<()> {
    if text.has_lone_surrogate() {
        return Err(Fault::Malformed);
    }
    text.append_to(out);
    Ok(())
}

/// Puts the characters in the place of their two escapes in written JSON; an escape without its pair breaks the document.
fn joined_surrogates(written: Vec<u8>) -> Scan<Vec<u8>> {
    if memchr::memmem::find(&written, b"\\uD").is_none() {
        return Ok(written);
    }
    let mut joined = Vec::with_capacity(written.len());
    let mut rest = written.as_slice();
    while let Some((plain, escape)) = next_escape(rest) {
        joined.extend_from_slice(plain);
        if !escape.starts_with(b"uD") {
            // Another escape: the character behind the backslash may be one itself.
            let len = escape.len().min(1);
            joined.push(b'\\');
            joined.extend_from_slice(&escape[..len]);
            rest = &escape[len..];
            continue;
        }
        let low = escape.get(5..7).filter(|start| *start == b"\\u").and(escape.get(6..));
        let pair = [unescape_unit(escape), low.map_or(0, unescape_unit)];
        let Some(Ok(character)) = char::decode_utf16(pair).next() else {
            return Err(Fault::Malformed);
        };
        joined.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = escape.get(11..).unwrap_or_default();
    }
    joined.extend_from_slice(rest);
    Ok(joined)
}

/// Starts a value in `out`: parts it from a value before it. Values never end in `[`.
fn separate(out: &mut Vec<u8>) {
    if !matches!(out.last(), None | Some(b'[')) {
        out.push(b',');
    }
}

/// Consumes one value, writes what `steps` find in it and tells whether that was anything.
fn evaluate(scanner: &mut Scanner<'_>, out: &mut Vec<u8>, style: Style, steps: &[Step]) -> Scan<bool> {
    let token = scanner.token()?;
    match (token, steps) {
        (Token::Text(text), []) if style == Style::Raw => {
            append_text(&text, out)?;
            Ok(true)
        }
        (Token::Array, []) if style == Style::Flat => each_element(scanner, out, Style::Flat, &[]).map(|n| n > 0),
        (token, []) => {
            separate(out);
            copy_from(scanner, token, out)?;
            Ok(true)
        }
        (Token::Object, [Step::Name(wanted), rest @ ..]) => {
            let (mut found, mut first) = (false, true);
            while let Some(name) = scanner.next_name(first)? {
                first = false;
                let matches = !found && name.unescaped(&mut Vec::new()) == wanted.as_slice();
                // A null is passed over, so that a later member of the same name can be found.
                if matches && scanner.skip_blank()? != Some(b'n') {
                    found = evaluate(scanner, out, style, rest)?;
                } else {
                    scanner.skip_value()?;
                }
            }
            Ok(found)
        }
        (Token::Array, [Step::AnyElement, Step::AnyElement, rest @ ..]) => {
            separate(out);
            out.push(b'[');
            let found = each_element(scanner, out, Style::Flat, rest)?;
            out.push(b']');
            Ok(found > 0)
        }
        (Token::Array, [Step::AnyElement, rest @ ..]) if style != Style::Quoted => {
            let inner_style = if style == Style::Raw {
                Style::Quoted
            } else {
                Style::Flat
            };
            let mut inner = vec![b'['];
            let found = each_element(scanner, &mut inner, inner_style, rest)?;
            // Spark gathers these as characters first, so that pairs of surrogates are one again.
            let mut inner = joined_surrogates(inner)?;
            match found {
                0 => return Ok(false),
                1 => {
                    separate(out);
                    out.extend_from_slice(&inner[1..]);
                }
                _ => {
                    separate(out);
                    inner.push(b']');
                    out.extend_from_slice(&inner);
                }
            }
            Ok(true)
        }
        (Token::Array, [Step::AnyElement, rest @ ..]) => {
            separate(out);
            out.push(b'[');
            let found = each_element(scanner, out, Style::Quoted, rest)?;
            out.push(b']');
            Ok(found > 0)
        }
        (Token::Array, [Step::Index(wanted), rest @ ..]) => {
            let style = if rest.first() == Some(&Step::AnyElement) {
                Style::Quoted
            } else {
                style
            };
            let (mut found, mut at, mut first) = (false, 0, true);
            while scanner.next_element(first)? {
                first = false;
                if at == *wanted {
                    found = evaluate(scanner, out, style, rest)?;
                } else {
                    scanner.skip_value()?;
                }
                at += 1;
            }
            Ok(found)
        }
        (token, _) => {
            scanner.skip_rest(&token)?;
            Ok(false)
        }
    }
}

/// Evaluates `steps` in every element of an entered array; returns in how many something was found.
fn each_element(scanner: &mut Scanner<'_>, out: &mut Vec<u8>, style: Style, steps: &[Step]) -> Scan<usize> {
    let (mut found, mut first) = (0, true);
    while scanner.next_element(first)? {
        first = false;
        found += usize::from(evaluate(scanner, out, style, steps)?);
    }
    Ok(found)
}

/// Finds the values of several names at the top of an object: texts as they are, other values as JSON. The last of members
/// with one name counts. A malformed object has none.
pub(crate) fn members(text: &[u8], names: &[Option<&[u8]>]) -> Vec<Option<Vec<u8>>> {
    let found = repairing(text, |scanner| {
        let mut found = vec![None; names.len()];
        let Token::Object = scanner.token()? else {
            return Err(Fault::Malformed);
        };
        let mut first = true;
        let mut scratch = Vec::new();
        while let Some(name) = scanner.next_name(first)? {
            first = false;
            let name = name.unescaped(&mut scratch);
            if !names.contains(&Some(name)) {
                scanner.skip_value()?;
                continue;
            }
            let mut value = Vec::new();
            let value = match scanner.token()? {
                Token::Null => None,
                Token::Text(text) => {
                    append_text(&text, &mut value)?;
                    Some(value)
                }
                token => {
                    copy_from(scanner, token, &mut value)?;
                    Some(value)
                }
            };
            for (wanted, slot) in names.iter().zip(&mut found) {
                if *wanted == Some(name) {
                    slot.clone_from(&value);
                }
            }
        }
        Ok(found)
    });
    found.unwrap_or_else(|| vec![None; names.len()])
}

/// Counts the elements of a top-level array; `None` for anything else.
pub(crate) fn array_length(text: &[u8]) -> Option<i32> {
    repairing(text, |scanner| {
        let Token::Array = scanner.token()? else {
            return Err(Fault::Malformed);
        };
        let mut count = 0;
        while scanner.next_element(count == 0)? {
            scanner.skip_value()?;
            count += 1;
        }
        Ok(count)
    })
}

/// Lists the names of a top-level object, repeated ones too; `None` for anything else.
pub(crate) fn object_keys(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    repairing(text, |scanner| {
        let Token::Object = scanner.token()? else {
            return Err(Fault::Malformed);
        };
        let mut names = Vec::new();
        while let Some(name) = scanner.next_name(names.is_empty())? {
            let mut text = Vec::new();
            name.append_to(&mut text);
            names.push(text);
            scanner.skip_value()?;
        }
        Ok(names)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"a":{"b":[10,20,{"c":"x"}],"k.k":1},"s":"str","n":null,"f":1.50,"t":true,"arr":[{"b":1},{"b":2},{"c":3}],"e":[],"o":{},"k k":7,"nest":[[1,2],[3]],"one":[{"b":5}]}"#;

    fn get(document: &str, path: &str) -> Option<String> {
        let mut out = Vec::new();
        Path::parse(path)?
            .find(document.as_bytes(), &mut out)
            .then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn paths() {
        for (path, expected) in [
            ("$.a", r#"{"b":[10,20,{"c":"x"}],"k.k":1}"#),
            ("$.a.b[0]", "10"),
            ("$.a.b[2].c", "x"),
            ("$.s", "str"),
            ("$.f", "1.5"),
            ("$.t", "true"),
            ("$.arr[*].b", "[1,2]"),
            ("$.arr[*]", r#"[{"b":1},{"b":2},{"c":3}]"#),
            ("$.arr[*].c", "3"),
            ("$['a']['b'][1]", "20"),
            ("$.e", "[]"),
            ("$.o", "{}"),
            ("$.a['k.k']", "1"),
            ("$.k k", "7"),
            ("$.nest[*]", "[[1,2],[3]]"),
            ("$.nest[*][0]", "[1,3]"),
            ("$.nest[0][*]", "[1,2]"),
            ("$.nest[*][*]", "[1,2,3]"),
            ("$.one[*].b", "5"),
            ("$.one[*]", r#"{"b":5}"#),
            ("$.a.b[*]", r#"[10,20,{"c":"x"}]"#),
        ] {
            assert_eq!(get(DOCUMENT, path).as_deref(), Some(expected), "{path}");
        }
        for path in [
            "$.a.b[9]",
            "$.n",
            "$.arr.b",
            "$.a.*",
            "$.*",
            "$[\"s\"]",
            "$.e[*]",
            "s",
            "",
            "$..s",
            "$.a.k.k",
            "$[0]",
            "$.arr[-1]",
            "$.arr[ 0 ]",
            "$.s.x",
            "$ .s",
            "$.missing",
            "$.S",
        ] {
            assert_eq!(get(DOCUMENT, path), None, "{path}");
        }
        for (document, path, expected) in [
            ("[1,{\"a\":2}]", "$[1].a", Some("2")),
            ("[[1],[2,3]]", "$[*][0]", Some("[1,2]")),
            ("5", "$", Some("5")),
            ("\"x\"", "$", Some("x")),
            ("{\"a\":1", "$.a", None),
            ("{\"a\":1} x", "$.a", Some("1")),
            ("{\"a\":1,\"a\":2}", "$.a", Some("1")),
            ("{\"a\":null,\"a\":2}", "$.a", Some("2")),
            ("{\"a\":1, bad}", "$.a", None),
            ("{\"b\":NaN}", "$.b", None),
            ("[\"\u{1F600}\\\\uD\",1]", "$[*]", Some("[\"\u{1F600}\\\\uD\",1]")),
            ("[[\"\u{1F600}\"]]", "$", Some("[[\"\\uD83D\\uDE00\"]]")),
            ("[\"\\ude00\",1]", "$[*]", None),
            ("\"\\ude00\"", "$", None),
            (" ", "$.a", None),
        ] {
            assert_eq!(get(document, path).as_deref(), expected, "{document} {path}");
        }
    }

    #[test]
    fn tuples_lengths_and_keys() {
        let tuple = |document: &str, names: &[&str]| {
            let names: Vec<_> = names.iter().map(|n| Some(n.as_bytes())).collect();
            let values = members(document.as_bytes(), &names);
            values
                .into_iter()
                .map(|v| v.map_or("-".to_owned(), |v| String::from_utf8(v).unwrap()))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(tuple(DOCUMENT, &["s", "f", "e", "n", "none"]), "str 1.5 [] - -");
        assert_eq!(tuple(r#"{"a":1,"a":2}"#, &["a", "a"]), "2 2");
        assert_eq!(tuple(r#"{"a":1,bad"#, &["a"]), "-");
        assert_eq!(tuple("[1]", &["a"]), "-");
        assert_eq!(array_length(b"[[1],2] x"), Some(2));
        assert_eq!(array_length(b"[]"), Some(0));
        for bad in ["{}", "\"x\"", "[1", "[1,]", "null", ""] {
            assert_eq!(array_length(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(
            object_keys(br#"{"b":1,"a":{"x":2},"b":3}"#).unwrap(),
            [b"b", b"a", b"b"]
        );
        assert_eq!(object_keys(b"{\"a\":bad}"), None);
    }
}
