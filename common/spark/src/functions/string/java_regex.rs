//! Java's regular expressions on the regex engine at hand.
//!
//! Java's `\d`, `\w` and `\s` mean ASCII only, and its POSIX classes are written `\p{Lower}`; both are translated. Look-around and
//! back references work, through a backtracking engine.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use datafusion::common::exec_datafusion_err;
use fancy_regex::Regex;

use crate::functions::Result;

/// Patterns kept compiled on a thread.
const CACHE_PATTERNS_MAX: usize = 64;

thread_local! {
    static CACHE: RefCell<HashMap<String, Rc<Regex>>> = RefCell::new(HashMap::new());
}

/// Compiles a Java pattern, or takes it from this thread's cache.
///
/// # Errors
/// An execution error that shows the pattern when its syntax is wrong.
pub fn compile(pattern: &str) -> Result<Rc<Regex>> {
    if let Some(found) = CACHE.with_borrow(|cache| cache.get(pattern).cloned()) {
        return Ok(found);
    }
    let compiled = Regex::new(&translate(pattern))
        .map_err(|error| exec_datafusion_err!("invalid regular expression {pattern:?}: {error}"))?;
    let compiled = Rc::new(compiled);
    CACHE.with_borrow_mut(|cache| {
        if cache.len() >= CACHE_PATTERNS_MAX {
            cache.clear();
        }
        cache.insert(pattern.to_owned(), Rc::clone(&compiled));
    });
    Ok(compiled)
}

fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    let mut class_depth = 0usize;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(escaped) => translate_escape(escaped, &mut chars, class_depth > 0, &mut out),
                None => out.push('\\'),
            },
            '[' => {
                // A `[` inside a class opens a nested one in Java as here.
                class_depth += 1;
                out.push('[');
            }
            ']' if class_depth > 0 => {
                class_depth -= 1;
                out.push(']');
            }
            other => out.push(other),
        }
    }
    out
}

fn translate_escape(
    escaped: char,
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    in_class: bool,
    out: &mut String,
) {
    let (members, negated) = match escaped {
        'd' => ("0-9", false),
        'D' => ("0-9", true),
        'w' => ("a-zA-Z0-9_", false),
        'W' => ("a-zA-Z0-9_", true),
        's' => (r" \t\n\x0B\f\r", false),
        'S' => (r" \t\n\x0B\f\r", true),
        'h' => (r" \t\x{A0}", false),
        'R' if !in_class => {
            out.push_str(r"(?:\r\n|[\n\x0B\f\r])");
            return;
        }
        'Z' if !in_class => {
            out.push_str(r"(?=\n?\z)");
            return;
        }
        'Q' => {
            let mut quoted = String::new();
            while let Some(c) = rest.next() {
                if c == '\\' && rest.peek() == Some(&'E') {
                    rest.next();
                    break;
                }
                quoted.push(c);
            }
            out.push_str(&fancy_regex::escape(&quoted));
            return;
        }
        'p' | 'P' if rest.peek() == Some(&'{') => {
            let name: String = rest.by_ref().skip(1).take_while(|c| *c != '}').collect();
            translate_property(&name, escaped == 'P', in_class, out);
            return;
        }
        other => {
            out.push('\\');
            out.push(other);
            return;
        }
    };
    push_class(members, negated, in_class, out);
}

fn push_class(members: &str, negated: bool, in_class: bool, out: &mut String) {
    if in_class && !negated {
        out.push_str(members);
        return;
    }
    out.push_str(if negated { "[^" } else { "[" });
    out.push_str(members);
    out.push(']');
}

fn translate_property(name: &str, negated: bool, in_class: bool, out: &mut String) {
    let members = match name {
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "Alpha" => "a-zA-Z",
        "Digit" => "0-9",
        "Alnum" => "a-zA-Z0-9",
        "Punct" => r"!-/:-@\[-`{-~",
        "Space" => r" \t\n\x0B\f\r",
        "Blank" => r" \t",
        "XDigit" => "0-9a-fA-F",
        "ASCII" => r"\x00-\x7F",
        unicode => {
            let name = unicode.strip_prefix("Is").unwrap_or(unicode);
            out.push_str(if negated { r"\P{" } else { r"\p{" });
            out.push_str(name);
            out.push('}');
            return;
        }
    };
    push_class(members, negated, in_class, out);
}

/// A Java replacement text: `$1` and `${name}` insert groups, a backslash quotes the next character.
pub struct Replacement {
    parts: Vec<Part>,
}

enum Part {
    Text(String),
    Group(usize),
    Named(String),
}

impl Replacement {
    /// Reads a replacement for a pattern with the given number of groups, which tells how many digits `$12` means.
    pub fn parse(text: &str, groups: usize) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => literal.extend(chars.next()),
                '$' => {
                    let part = match chars.peek() {
                        Some('{') => {
                            chars.next();
                            Some(Part::Named(chars.by_ref().take_while(|c| *c != '}').collect()))
                        }
                        Some(digit) if digit.is_ascii_digit() => {
                            let mut number = 0;
                            let mut first = true;
                            while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                                let longer = number * 10 + digit as usize;
                                if !first && longer > groups {
                                    break;
                                }
                                number = longer;
                                first = false;
                                chars.next();
                            }
                            Some(Part::Group(number))
                        }
                        _ => None,
                    };
                    match part {
                        Some(part) => {
                            parts.push(Part::Text(std::mem::take(&mut literal)));
                            parts.push(part);
                        }
                        None => literal.push('$'),
                    }
                }
                other => literal.push(other),
            }
        }
        parts.push(Part::Text(literal));
        Self { parts }
    }

    /// Appends the replacement of one match.
    pub fn expand(&self, found: &fancy_regex::Captures<'_>, out: &mut String) {
        for part in &self.parts {
            let group = match part {
                Part::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Part::Group(number) => found.get(*number),
                Part::Named(name) => found.name(name),
            };
            if let Some(group) = group {
                out.push_str(group.as_str());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        compile(pattern).unwrap().is_match(text).unwrap()
    }

    #[test]
    fn classes_are_ascii() {
        assert!(matches(r"^\d+$", "123"));
        assert!(!matches(r"\d", "٣"));
        assert!(matches(r"^[\w-]+$", "a-b_1"));
        assert!(matches(r"^\p{Upper}\p{Lower}+$", "Ab"));
        assert!(matches(r"a(?=b)", "ab"));
        assert!(matches(r"(a)\1", "aa"));
        assert!(matches(r"\Q.+\E", "x.+y"));
        assert!(!matches(r"^[^\s]$", " "));
    }
}
