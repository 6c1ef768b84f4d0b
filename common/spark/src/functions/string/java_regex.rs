//! Java's regular expressions on the regex engine at hand.
//!
//! Java's `\d`, `\w` and `\s` mean ASCII only, its POSIX classes are written `\p{Lower}`, `.` does not match any of its line ends
//! and `$` matches before the last of them; all are translated. Look-around and back references work, through a backtracking
//! engine.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use datafusion::common::{exec_datafusion_err, exec_err};
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

/// Characters that end a line, as members of a class.
const LINE_ENDS: &str = r"\n\r\x{85}\x{2028}\x{2029}";

fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    let mut class_depth = 0usize;
    let (many_lines, any_character) = (has_flag(pattern, 'm'), has_flag(pattern, 's'));
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(escaped) => translate_escape(escaped, &mut chars, class_depth > 0, &mut out),
                None => out.push('\\'),
            },
            '[' => {
                // A `[` inside a class opens a nested one in Java as here; `[:` has no meaning of its own.
                class_depth += 1;
                out.push('[');
                if chars.peek() == Some(&'^') {
                    out.extend(chars.next());
                }
                if class_depth > 1 && chars.peek() == Some(&':') {
                    out.push('\\');
                }
            }
            ']' if class_depth > 0 => {
                class_depth -= 1;
                out.push(']');
            }
            '-' | '~' if class_depth > 0 && chars.peek() == Some(&c) => {
                out.push('\\');
                out.push(c);
            }
            '$' if class_depth == 0 && !many_lines => {
                out.push_str(r"(?=(?:\r\n|[");
                out.push_str(LINE_ENDS);
                out.push_str(r"])?\z)");
            }
            // Behind the last line's end, and in an empty text, no line begins.
            '^' if class_depth == 0 && many_lines => out.push_str(r"^(?!\z)"),
            '.' if class_depth == 0 && !any_character => {
                out.push_str("[^");
                out.push_str(LINE_ENDS);
                out.push(']');
            }
            other => out.push(other),
        }
    }
    out
}

/// Whether a pattern sets a flag somewhere, as in `(?im)`.
fn has_flag(pattern: &str, flag: char) -> bool {
    pattern.match_indices("(?").any(|(at, open)| {
        let flags = pattern[at + open.len()..].chars();
        flags.take_while(char::is_ascii_lowercase).any(|set| set == flag)
    })
}

/// The matches of a pattern one after the other, as Java finds them: one of nothing may follow directly behind another match.
pub struct Matches<'r, 't> {
    pattern: &'r Regex,
    text: &'t str,
    next: Option<usize>,
}

impl<'r, 't> Matches<'r, 't> {
    pub fn new(pattern: &'r Regex, text: &'t str) -> Self {
        Self {
            pattern,
            text,
            next: Some(0),
        }
    }
}

impl<'t> Iterator for Matches<'_, 't> {
    type Item = Result<fancy_regex::Captures<'t>>;

    fn next(&mut self) -> Option<Self::Item> {
        let from = self.next.take()?;
        let found = match self.pattern.captures_from_pos(self.text, from) {
            Ok(found) => found?,
            Err(error) => return Some(Err(exec_datafusion_err!("regular expression: {error}"))),
        };
        let whole = found.get(0)?;
        self.next = match whole.end() {
            end if end > whole.start() => Some(end),
            end => self.text[end..].chars().next().map(|c| end + c.len_utf8()),
        };
        Some(Ok(found))
    }
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
        'v' => (r"\n\x0B\f\r\x{85}\x{2028}\x{2029}", false),
        'e' => {
            out.push_str(r"\x1B");
            return;
        }
        '0' => {
            let digits = std::iter::from_fn(|| rest.next_if(|c| c.is_digit(8))).take(3);
            let code = digits.fold(0, |code, digit| code * 8 + digit.to_digit(8).unwrap_or(0));
            out.push_str(&format!(r"\x{{{code:X}}}"));
            return;
        }
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
        "Cntrl" => r"\x00-\x1F\x7F",
        "Graph" => "!-~",
        "Print" => " -~",
        "javaLowerCase" => r"\p{Lowercase}",
        "javaUpperCase" => r"\p{Uppercase}",
        "javaWhitespace" => r"\s",
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
    /// What is wrong with the text; it matters only when something is replaced.
    Wrong(String),
}

impl Replacement {
    /// Reads a replacement for a pattern with the given number of groups, which tells how many digits `$12` means.
    pub fn parse(text: &str, groups: usize) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let part = match c {
                '\\' => match chars.next() {
                    Some(quoted) => {
                        literal.push(quoted);
                        continue;
                    }
                    None => Part::Wrong("the replacement ends with a backslash, which quotes nothing".into()),
                },
                '$' => group_reference(&mut chars, groups),
                other => {
                    literal.push(other);
                    continue;
                }
            };
            parts.push(Part::Text(std::mem::take(&mut literal)));
            parts.push(part);
        }
        parts.push(Part::Text(literal));
        Self { parts }
    }

    /// Appends the replacement of one match.
    ///
    /// # Errors
    /// An execution error when the replacement names a group that the pattern does not have.
    pub fn expand(&self, found: &fancy_regex::Captures<'_>, out: &mut String) -> Result<()> {
        for part in &self.parts {
            let group = match part {
                Part::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Part::Group(number) if *number < found.len() => found.get(*number),
                Part::Group(number) => return exec_err!("the regular expression has no group {number}"),
                Part::Named(name) => found.name(name),
                Part::Wrong(what) => return exec_err!("{what}"),
            };
            if let Some(group) = group {
                out.push_str(group.as_str());
            }
        }
        Ok(())
    }
}

/// What stands behind a `$`.
fn group_reference(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, groups: usize) -> Part {
    if chars.next_if_eq(&'{').is_some() {
        return Part::Named(chars.by_ref().take_while(|c| *c != '}').collect());
    }
    let Some(first) = chars.peek().and_then(|c| c.to_digit(10)) else {
        return Part::Wrong("a $ of the replacement names no group: write \\$ for the character".into());
    };
    chars.next();
    let mut number = first as usize;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        let longer = number * 10 + digit as usize;
        if longer > groups {
            break;
        }
        number = longer;
        chars.next();
    }
    Part::Group(number)
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
