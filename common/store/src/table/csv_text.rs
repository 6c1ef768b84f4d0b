//! The text of separated values: options, records, fields. Knows no types.
//!
//! As Spark reads with its defaults: a quote counts only at the beginning of a field, inside it the escape character makes
//! the next quote a plain one, and a field that goes on after its closing quote (or never closes it) is taken as it
//! stands, quotes included.

use std::borrow::Cow;

use millstream_common::options::Options;

use crate::error::StoreError;

/// What is done with a record that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Fields that do not fit are null.
    Permissive,
    /// Records that do not fit are left out.
    DropMalformed,
    /// The first record that does not fit is an error.
    FailFast,
}

impl Mode {
    pub(super) fn from_options(options: &Options) -> Result<Self, StoreError> {
        match options.get("mode").map(str::to_ascii_uppercase).as_deref() {
            None | Some("PERMISSIVE") => Ok(Self::Permissive),
            Some("DROPMALFORMED") => Ok(Self::DropMalformed),
            Some("FAILFAST") => Ok(Self::FailFast),
            Some(_) => Err(options.invalid("mode", "PERMISSIVE, DROPMALFORMED or FAILFAST").into()),
        }
    }
}

/// How values are separated and quoted.
#[derive(Clone, Debug)]
pub(super) struct Dialect {
    pub separator: String,
    /// None: quotes mean nothing.
    pub quote: Option<char>,
    pub escape: Option<char>,
    pub comment: Option<char>,
    /// Whether a quoted field may span lines.
    pub multi_line: bool,
    pub trim_left: bool,
    pub trim_right: bool,
}

impl Dialect {
    /// Reads the options; `writing` decides whether blanks around values are kept by default.
    pub(super) fn from_options(options: &Options, writing: bool) -> Result<Self, StoreError> {
        let separator = options.get("sep").or_else(|| options.get("delimiter")).unwrap_or(",");
        let separator = match separator {
            "\\t" => "\t".to_owned(),
            "\\\\" => "\\".to_owned(),
            "" => return Err(options.invalid("sep", "at least one character").into()),
            other => other.to_owned(),
        };
        if let Some(encoding) = options.get("encoding").or_else(|| options.get("charset"))
            && !encoding.eq_ignore_ascii_case("utf-8")
        {
            return Err(options.invalid("encoding", "UTF-8: convert the file first").into());
        }
        Ok(Self {
            separator,
            quote: character(options, "quote", Some('"'))?,
            escape: character(options, "escape", Some('\\'))?,
            comment: character(options, "comment", None)?,
            multi_line: options.flag("multiLine", false)?,
            trim_left: options.flag("ignoreLeadingWhiteSpace", writing)?,
            trim_right: options.flag("ignoreTrailingWhiteSpace", writing)?,
        })
    }
}

/// An option of one character; an empty value or `\u0000` turns it off.
fn character(options: &Options, name: &str, default: Option<char>) -> Result<Option<char>, StoreError> {
    let Some(text) = options.get(name) else {
        return Ok(default);
    };
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (None | Some('\0'), None) => Ok(None),
        (Some(only), None) => Ok(Some(only)),
        _ if text == "\\u0000" => Ok(None),
        _ => Err(options.invalid(name, "one character").into()),
    }
}

/// One field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub text: Cow<'a, str>,
    /// Whether it stood in quotes.
    pub quoted: bool,
}

/// The records of a text, with the number of the line each begins on. Blank and comment lines are left out.
pub(super) struct Records<'a> {
    rest: &'a str,
    line: u64,
    dialect: &'a Dialect,
}

impl<'a> Records<'a> {
    pub(super) fn new(text: &'a str, dialect: &'a Dialect) -> Self {
        Self {
            rest: text.strip_prefix('\u{feff}').unwrap_or(text),
            line: 1,
            dialect,
        }
    }

    /// The end of the record that begins at the start of `rest`, without and with its line end.
    fn record_end(&self) -> (usize, usize) {
        let bytes = self.rest.as_bytes();
        let mut from = 0;
        loop {
            let end = memchr2(bytes, from).unwrap_or(bytes.len());
            let next = match bytes.get(end) {
                Some(b'\r') if bytes.get(end + 1) == Some(&b'\n') => end + 2,
                Some(_) => end + 1,
                None => return (end, end),
            };
            if !(self.dialect.multi_line && split(&self.rest[..end], self.dialect).1) {
                return (end, next);
            }
            from = next;
        }
    }
}

fn memchr2(bytes: &[u8], from: usize) -> Option<usize> {
    bytes[from..]
        .iter()
        .position(|byte| matches!(byte, b'\n' | b'\r'))
        .map(|at| from + at)
}

impl<'a> Iterator for Records<'a> {
    type Item = (u64, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (end, next) = self.record_end();
            let (record, line) = (&self.rest[..end], self.line);
            let breaks = self.rest[..next].matches('\n').count().max(1);
            self.line += u64::try_from(breaks).unwrap_or(1);
            self.rest = &self.rest[next..];
            let comment = self.dialect.comment.is_some_and(|mark| record.starts_with(mark));
            if !comment && !record.trim().is_empty() {
                return Some((line, record));
            }
        }
        None
    }
}

/// The fields of a record, and whether its last one opens a quote and never closes it.
pub(super) fn split<'a>(record: &'a str, dialect: &Dialect) -> (Vec<Token<'a>>, bool) {
    let separator = dialect.separator.as_str();
    let mut tokens = Vec::new();
    let mut rest = record;
    loop {
        let quoted = dialect.quote.and_then(|quote| quoted_field(rest, quote, dialect));
        let (token, after, open) = match quoted {
            Some(QuotedField::Closed { text, after }) => (Token { text, quoted: true }, after, false),
            other => {
                let open = matches!(other, Some(QuotedField::Open));
                // What stands before the stray quote is part of the value, separators too.
                let from = match other {
                    Some(QuotedField::Dirty { at }) => at,
                    _ => 0,
                };
                let end = rest[from..].find(separator).map_or(rest.len(), |at| from + at);
                let text = trim(&rest[..end], dialect);
                (
                    Token {
                        text: Cow::Borrowed(text),
                        quoted: false,
                    },
                    &rest[end..],
                    open,
                )
            }
        };
        tokens.push(token);
        match after.strip_prefix(separator) {
            Some(following) => rest = following,
            None => return (tokens, open),
        }
        if open && dialect.multi_line {
            return (tokens, true);
        }
    }
}

fn trim<'a>(text: &'a str, dialect: &Dialect) -> &'a str {
    let text = if dialect.trim_left { text.trim_start() } else { text };
    if dialect.trim_right { text.trim_end() } else { text }
}

enum QuotedField<'a> {
    /// The value, and what follows the closing quote: nothing or a separator.
    Closed { text: Cow<'a, str>, after: &'a str },
    /// The closing quote is missing.
    Open,
    /// Something follows the quote at that byte, which so closes nothing.
    Dirty { at: usize },
}

/// Reads a field in quotes; none when the text does not begin with one.
fn quoted_field<'a>(text: &'a str, quote: char, dialect: &Dialect) -> Option<QuotedField<'a>> {
    let body = text.strip_prefix(quote)?;
    let escape = dialect.escape.filter(|escape| *escape != quote);
    let doubled = dialect.escape == Some(quote);
    let mut owned = String::new();
    let mut copied = 0;
    let mut chars = body.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next_is_quote = chars.peek().is_some_and(|(_, next)| *next == quote);
        let mut following = body[at..].chars().skip(1);
        let escapes_itself = Some(c) == escape && following.next() == escape && following.next() == Some(quote);
        if escapes_itself {
            owned.push_str(&body[copied..at]);
            chars.next();
            copied = at + c.len_utf8();
        } else if next_is_quote && (Some(c) == escape || (doubled && c == quote)) {
            owned.push_str(&body[copied..at]);
            owned.push(quote);
            chars.next();
            copied = at + c.len_utf8() + quote.len_utf8();
        } else if c == quote {
            let blank = |c: char| c <= ' ' && !dialect.separator.starts_with(c);
            // Of several quotes in a row the last one closes the value.
            let more = body[at + quote.len_utf8()..]
                .chars()
                .take_while(|c| *c == quote)
                .count();
            let last = at + more * quote.len_utf8();
            let after = body[last + quote.len_utf8()..].trim_start_matches(blank);
            if !(after.is_empty() || after.starts_with(&dialect.separator)) {
                return Some(QuotedField::Dirty {
                    at: quote.len_utf8() + at,
                });
            }
            let text = if copied == 0 {
                Cow::Borrowed(&body[..last])
            } else {
                owned.push_str(&body[copied..last]);
                Cow::Owned(owned)
            };
            return Some(QuotedField::Closed { text, after });
        }
    }
    Some(QuotedField::Open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(options: &[(&str, &str)]) -> Dialect {
        Dialect::from_options(&options.iter().copied().collect(), false).unwrap()
    }

    fn fields(record: &str, options: &[(&str, &str)]) -> Vec<String> {
        let dialect = dialect(options);
        split(record, &dialect)
            .0
            .into_iter()
            .map(|token| token.text.into_owned())
            .collect()
    }

    #[test]
    fn quotes_and_escapes_are_read_as_spark_reads_them() {
        for (record, expected) in [
            ("a,b,", vec!["a", "b", ""]),
            (r#""a,b",c"#, vec!["a,b", "c"]),
            (r#""a\"b",c"#, vec![r#"a"b"#, "c"]),
            // A doubled quote is no escape: the field is taken as it stands.
            (r#""a""b",c"#, vec![r#""a""b""#, "c"]),
            (r#"a "b",c"#, vec![r#"a "b""#, "c"]),
            (r#""a, ""b""",c"#, vec![r#""a, ""b""""#, "c"]),
            (r#""a" ,c"#, vec!["a", "c"]),
            (r#""a"",c"#, vec![r#"a""#, "c"]),
            (r#""a\\",c"#, vec![r"a\", "c"]),
            (r#""open,c"#, vec![r#""open"#, "c"]),
            (r#""a\\b""#, vec![r"a\\b"]),
            (" a , b ", vec![" a ", " b "]),
        ] {
            assert_eq!(fields(record, &[]), expected, "{record}");
        }
        assert_eq!(fields(r#""a""b""#, &[("escape", "\"")]), [r#"a"b"#]);
        assert_eq!(fields("a\tb", &[("sep", "\\t")]), ["a", "b"]);
        assert_eq!(fields("a||b|c", &[("delimiter", "||")]), ["a", "b|c"]);
        assert_eq!(fields(" a , b ", &[("ignoreLeadingWhiteSpace", "true")]), ["a ", "b "]);
    }

    #[test]
    fn records_know_their_lines() {
        let plain = dialect(&[("comment", "#")]);
        let found: Vec<_> = Records::new("\u{feff}a\r\n\n#no\nb\n  \n\"c\nd\"", &plain).collect();
        assert_eq!(found, [(1, "a"), (4, "b"), (6, "\"c"), (7, "d\"")]);
        let spanning = dialect(&[("multiLine", "true")]);
        let found: Vec<_> = Records::new("\"c\nd\",1\ne", &spanning).collect();
        assert_eq!(found, [(1, "\"c\nd\",1"), (3, "e")]);
    }
}
