//! Text to tokens as the parser wants them: escapes resolved, numbers with their suffix, intervals in one piece, names that
//! sqlparser would read as keywords made plain.

use std::borrow::Cow;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, Word};

use super::dialect::JobDialect;
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::interval;

/// The tokens of one statement, without white space, comments and the semicolon.
#[derive(Clone, Debug)]
pub(crate) struct StatementTokens {
    pub(crate) tokens: Vec<TokenWithSpan>,
    /// Where the text of the statement ends: the semicolon or the end of the file.
    pub(crate) end: Location,
}

impl StatementTokens {
    pub(crate) fn start(&self) -> Location {
        self.tokens.first().map_or(self.end, |t| t.span.start)
    }
}

/// Reads `text` and cuts it at semicolons; empty statements are left out.
pub(crate) fn statements(text: &str) -> Checked<Vec<StatementTokens>> {
    let tokens = tokenize(text)?;
    let end = tokens.last().map_or_else(|| Location::new(1, 1), |t| t.span.end);
    let mut statements = Vec::new();
    let mut current = Vec::new();
    for token in tokens {
        match token.token {
            Token::SemiColon => push_statement(&mut statements, std::mem::take(&mut current), token.span.start)?,
            Token::EOF => {}
            _ => current.push(token),
        }
    }
    push_statement(&mut statements, current, end)?;
    Ok(statements)
}

/// The tokeniser takes `._name` behind a word for a field, but behind a bracket for a bad number. There the text is read with a
/// blank behind the period, and what follows on the line put back where it stands.
fn tokenize(text: &str) -> Checked<Vec<TokenWithSpan>> {
    let mut text = Cow::Borrowed(text);
    let mut blanks: Vec<Location> = Vec::new();
    let tokens = loop {
        let error = match Tokenizer::new(&JobDialect, &text)
            .with_unescape(false)
            .tokenize_with_location()
        {
            Ok(tokens) => break tokens,
            Err(error) => error,
        };
        let place = offset(&text, error.location).filter(|at| {
            let before = text[..*at].trim_end();
            text[*at..].starts_with("._") && before.ends_with([')', ']'])
        });
        match place {
            Some(at) => {
                text.to_mut().insert(at + 1, ' ');
                blanks.push(error.location);
            }
            None => {
                let at = without(&blanks, error.location);
                return Err(Fault::new(SqlErrorKind::Syntax, at, lower_first(&error.message)));
            }
        }
    };
    let moved = tokens.into_iter().map(|token| TokenWithSpan {
        span: Span::new(without(&blanks, token.span.start), without(&blanks, token.span.end)),
        token: token.token,
    });
    Ok(moved.collect())
}

/// The byte at a place.
fn offset(text: &str, place: Location) -> Option<usize> {
    let line = usize::try_from(place.line).ok()?.checked_sub(1)?;
    let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
    let start = match line {
        0 => 0,
        _ => text.match_indices('\n').nth(line - 1)?.0 + 1,
    };
    let (within, _) = text.get(start..)?.char_indices().nth(column)?;
    Some(start + within)
}

/// A place without the blanks put in before it; the period of each is where it says.
fn without(blanks: &[Location], place: Location) -> Location {
    let before = blanks
        .iter()
        .filter(|blank| blank.line == place.line && blank.column + 1 < place.column)
        .count();
    Location::new(place.line, place.column.saturating_sub(before as u64))
}

fn push_statement(into: &mut Vec<StatementTokens>, raw: Vec<TokenWithSpan>, end: Location) -> Checked<()> {
    let tokens = fix(raw)?;
    if !tokens.is_empty() {
        into.push(StatementTokens { tokens, end });
    }
    Ok(())
}

fn lower_first(message: &str) -> String {
    let mut chars = message.chars();
    chars
        .next()
        .map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

fn fix(raw: Vec<TokenWithSpan>) -> Checked<Vec<TokenWithSpan>> {
    let merged = merge_literals(raw);
    let whole = interval_literals(named_views(plain_names(merged)))?;
    Ok(super::pivot::aggregates(super::rows::nested_sets(super::rows::rows(
        whole,
    ))))
}

/// Strings get their value (adjacent ones are joined, but not a quoted option and its value), numbers their suffix; white space goes.
fn merge_literals(raw: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(raw.len());
    let mut raw = raw.into_iter().peekable();
    while let Some(token) = raw.next() {
        match token.token {
            Token::Whitespace(_) => {}
            Token::Word(ref w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case("r") => {
                match raw.next_if(|n| n.span.start == token.span.end && string_text(&n.token).is_some()) {
                    Some(next) => {
                        let text = string_text(&next.token).unwrap_or_default().to_owned();
                        push_string(&mut out, text, Span::new(token.span.start, next.span.end));
                    }
                    None => out.push(token),
                }
            }
            Token::Word(w) => match (w.quote_style, out.last_mut()) {
                // The tokeniser reads `1S` as a number and a name; nothing but a suffix can touch a number.
                (
                    None,
                    Some(TokenWithSpan {
                        token: Token::Number(n, false),
                        span,
                    }),
                ) if span.end == token.span.start && is_suffix(&w.value) => {
                    n.push_str(&w.value.to_ascii_uppercase());
                    span.end = token.span.end;
                }
                // Doubled backquotes were left doubled, as escapes are not resolved by the tokeniser.
                (Some(quote), _) => out.push(TokenWithSpan {
                    token: Token::Word(Word {
                        value: w.value.replace("``", "`"),
                        quote_style: Some(quote),
                        keyword: w.keyword,
                    }),
                    span: token.span,
                }),
                _ => out.push(TokenWithSpan {
                    token: Token::Word(w),
                    span: token.span,
                }),
            },
            Token::Number(n, true) => out.push(TokenWithSpan {
                token: Token::Number(format!("{n}L"), false),
                span: token.span,
            }),
            Token::SingleQuotedString(ref raw_text) => {
                let text = unescape(raw_text, '\'');
                push_string(&mut out, text, token.span);
            }
            Token::DoubleQuotedString(ref raw_text) => {
                let text = unescape(raw_text, '"');
                push_string(&mut out, text, token.span);
            }
            Token::Lt | Token::Gt => {
                let not =
                    out.pop_if(|before| before.token == Token::ExclamationMark && before.span.end == token.span.start);
                out.push(match not {
                    // `!>` is `<=`.
                    Some(not) => TokenWithSpan {
                        token: if token.token == Token::Gt {
                            Token::LtEq
                        } else {
                            Token::GtEq
                        },
                        span: Span::new(not.span.start, token.span.end),
                    },
                    None => token,
                });
            }
            _ => out.push(token),
        }
    }
    out
}

fn string_text(token: &Token) -> Option<&str> {
    match token {
        Token::SingleQuotedString(s) | Token::DoubleQuotedString(s) => Some(s),
        _ => None,
    }
}

fn push_string(out: &mut Vec<TokenWithSpan>, text: String, span: Span) {
    let pairs = in_options(out);
    if !pairs
        && let Some(TokenWithSpan {
            token: Token::SingleQuotedString(before),
            span: whole,
        }) = out.last_mut()
    {
        before.push_str(&text);
        whole.end = span.end;
        return;
    }
    out.push(TokenWithSpan {
        token: Token::SingleQuotedString(text),
        span,
    });
}

/// Whether the tokens end within `OPTIONS (...)`: there a quoted value follows its quoted name, and nothing is joined.
fn in_options(out: &[TokenWithSpan]) -> bool {
    let open = out
        .iter()
        .rposition(|t| matches!(t.token, Token::LParen | Token::RParen));
    let Some(open) = open.filter(|at| out.get(*at).is_some_and(|t| t.token == Token::LParen)) else {
        return false;
    };
    let before = open.checked_sub(1).and_then(|at| out.get(at));
    matches!(before.map(|t| &t.token), Some(Token::Word(w)) if w.value.eq_ignore_ascii_case("options"))
}

fn is_suffix(word: &str) -> bool {
    ["S", "Y", "L", "D", "F", "BD"]
        .iter()
        .any(|s| s.eq_ignore_ascii_case(word))
}

/// Spark's escapes. A doubled quote is the end of one literal and the start of the next, so it adds nothing.
fn unescape(raw: &str, quote: char) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        if c == quote && chars.next_if_eq(&quote).is_some() {
            continue;
        }
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            None => text.push('\\'),
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some('b') => text.push('\u{8}'),
            Some('Z') => text.push('\u{1a}'),
            // LIKE reads these itself: the backslash stays.
            Some(wild @ ('%' | '_')) => text.extend(['\\', wild]),
            Some(digit @ '0'..='3') => {
                let octal: String = std::iter::once(digit).chain(chars.clone().take(2)).collect();
                match u32::from_str_radix(&octal, 8)
                    .ok()
                    .filter(|_| octal.len() == 3)
                    .and_then(char::from_u32)
                {
                    Some(c) => {
                        text.push(c);
                        chars.nth(1);
                    }
                    None => text.push(if digit == '0' { '\0' } else { digit }),
                }
            }
            Some(unicode @ ('u' | 'U')) => {
                let digits = if unicode == 'u' { 4 } else { 8 };
                let hex: String = chars.clone().take(digits).collect();
                match u32::from_str_radix(&hex, 16)
                    .ok()
                    .filter(|_| hex.len() == digits)
                    .and_then(char::from_u32)
                {
                    Some(c) => {
                        text.push(c);
                        chars.nth(digits - 1);
                    }
                    None => text.push(unicode),
                }
            }
            Some(other) => text.push(other),
        }
    }
    text
}

/// Words that sqlparser treats as the start of special syntax where Spark has a plain function.
const FUNCTIONS_NOT_SYNTAX: [&str; 13] = [
    "array",
    "map",
    "left",
    "right",
    "ceil",
    "floor",
    "convert",
    "filter",
    "if",
    "user",
    "current_user",
    "first",
    "last",
];

/// Words of other dialects that are no keywords of Spark's.
const PLAIN_WORDS: [&str; 9] = [
    "top",
    "open",
    "asof",
    "sample",
    "connect",
    "prewhere",
    "settings",
    "returning",
    "match_recognize",
];

fn plain_names(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    for i in 0..tokens.len() {
        let word = match &tokens[i].token {
            Token::Word(w) if w.quote_style.is_none() => w.value.to_ascii_lowercase(),
            _ => continue,
        };
        let part_of_date = i
            .checked_sub(2)
            .is_some_and(|p| is_keyword(&tokens[p].token, &["EXTRACT"]) && tokens[p + 1].token == Token::LParen);
        if part_of_date && let Token::Word(w) = &mut tokens[i].token {
            w.keyword = Keyword::NoKeyword;
            continue;
        }
        let literal = matches!(tokens.get(i + 1).map(|t| &t.token), Some(Token::SingleQuotedString(_)));
        if literal
            && word == "timestamp_ltz"
            && let Token::Word(w) = &mut tokens[i].token
        {
            // The parser knows literals of TIMESTAMP, which is the same.
            w.keyword = Keyword::TIMESTAMP;
            continue;
        }
        let next = tokens.get(i + 1).map(|t| &t.token);
        let call = next == Some(&Token::LParen);
        let subquery = || {
            tokens
                .get(i + 2)
                .is_some_and(|t| is_keyword(&t.token, &["SELECT", "WITH", "FROM", "VALUES"]))
                || tokens.get(i + 2).is_some_and(|t| t.token == Token::LParen)
                    && tokens
                        .get(i + 3)
                        .is_some_and(|t| is_keyword(&t.token, &["SELECT", "WITH"]))
        };
        let after_operand = i
            .checked_sub(1)
            .and_then(|p| tokens.get(p))
            .is_some_and(|t| matches!(t.token, Token::RParen | Token::RBracket));
        let quote = match word.as_str() {
            // `WINDOW w AS (...)` is the clause; everything else is the function or the column it makes.
            "window" => {
                !tokens.get(i + 2).is_some_and(|t| is_keyword(&t.token, &["AS"]))
                    || next.is_none_or(|t| !matches!(t, Token::Word(_)))
            }
            "exists" => call && !subquery(),
            // `count(*) FILTER (WHERE ..)` is syntax, `filter(xs, x -> ..)` a function.
            "filter" => call && !after_operand,
            // `struct(x AS name)` is syntax, `struct(*)` a function.
            "struct" => call && !names_a_field(&tokens[i + 2..]),
            name => PLAIN_WORDS.contains(&name) || call && FUNCTIONS_NOT_SYNTAX.contains(&name),
        };
        if quote && let Token::Word(w) = &mut tokens[i].token {
            w.quote_style = Some('`');
            w.keyword = Keyword::NoKeyword;
        }
    }
    tokens
}

/// Words that end a LATERAL VIEW and that the parser would take for the name of its column.
const AFTER_VIEW: [&str; 14] = [
    "ORDER",
    "LIMIT",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "MINUS",
    "SORT",
    "DISTRIBUTE",
    "WINDOW",
    "QUALIFY",
    "PIVOT",
    "UNPIVOT",
    "OFFSET",
    "CLUSTER",
];

/// Gives a `LATERAL VIEW f(..) v` with no names for its columns one that is empty where the parser needs one.
fn named_views(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut after = Vec::new();
    for i in 0..tokens.len() {
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|t| is_keyword(&t.token, &[word]));
        if !(is(i, "LATERAL") && is(i + 1, "VIEW")) {
            continue;
        }
        let mut depth = 0;
        let closing = (i + 2..tokens.len()).find(|at| {
            match tokens[*at].token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => return false,
            }
            depth == 0
        });
        let Some(name) = closing.map(|at| at + 1) else { continue };
        let ends = tokens.get(name + 1).is_some_and(|t| is_keyword(&t.token, &AFTER_VIEW));
        if ends && matches!(tokens.get(name).map(|t| &t.token), Some(Token::Word(_))) {
            after.push(name);
        }
    }
    let mut out = Vec::with_capacity(tokens.len() + after.len());
    for (i, token) in tokens.into_iter().enumerate() {
        let span = token.span;
        out.push(token);
        if after.contains(&i) {
            let token = Token::Word(Word {
                value: String::new(),
                quote_style: Some('`'),
                keyword: Keyword::NoKeyword,
            });
            out.push(TokenWithSpan { token, span });
        }
    }
    out
}

/// Whether AS stands among the arguments that begin here, at their own depth.
fn names_a_field(tokens: &[TokenWithSpan]) -> bool {
    let mut depth = 0;
    for token in tokens {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => return false,
            Token::RParen => depth -= 1,
            word if depth == 0 && is_keyword(word, &["AS"]) => return true,
            _ => {}
        }
    }
    false
}

/// Whether the token is one of these unquoted words.
pub(crate) fn is_keyword(token: &Token, words: &[&str]) -> bool {
    matches!(token, Token::Word(w) if w.quote_style.is_none() && words.iter().any(|k| k.eq_ignore_ascii_case(&w.value)))
}

/// Rewrites every interval literal to `INTERVAL '<months>;<days>;<microseconds>'`.
fn interval_literals(tokens: Vec<TokenWithSpan>) -> Checked<Vec<TokenWithSpan>> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut i = 0;
    while i < tokens.len() {
        let token = &tokens[i];
        if is_keyword(&token.token, &["INTERVAL"])
            && let Some((value, used)) = interval::read(&tokens[i + 1..])?
        {
            let until = tokens[i + used].span.end;
            out.push(token.clone());
            out.push(TokenWithSpan {
                token: Token::SingleQuotedString(value.encode()),
                span: Span::new(token.span.start, until),
            });
            i += used + 1;
        } else {
            out.push(token.clone());
            i += 1;
        }
    }
    Ok(out)
}
