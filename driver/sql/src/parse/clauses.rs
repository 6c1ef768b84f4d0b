//! What Millstream adds to a query: `STREAM`, `WATERMARK`, and the settings behind it. They are cut out of the tokens before
//! sqlparser sees them; a marker in a name remembers the place.

use millstream_plan::spec::{OutputMode, Trigger};
use sqlparser::ast::Query;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Word};

use super::cursor::Cursor;
use super::lex::is_keyword;
use super::query::query;
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::interval;
use crate::text::SourceText;

/// Begins a name that carries a marker; cannot be written in a job file without quoting a control character.
const MARK: char = '\u{1}';

/// A parsed query and the watermarks cut out of it.
#[derive(Clone, Debug)]
pub(crate) struct QueryText {
    pub(crate) query: Query,
    pub(crate) watermarks: Vec<Delay>,
    /// Keywords of the query and where they stand, to point at a clause that is refused.
    pub(crate) keywords: Vec<(String, Location)>,
    pub(crate) at: Location,
}

impl QueryText {
    /// Where `word` first stands in the query, else where the query begins.
    pub(crate) fn place_of(&self, word: &str) -> Location {
        self.keywords
            .iter()
            .find(|(w, _)| w.eq_ignore_ascii_case(word))
            .map_or(self.at, |(_, at)| *at)
    }
}

/// `WATERMARK column DELAY OF INTERVAL ...`.
#[derive(Clone, Debug)]
pub(crate) struct Delay {
    pub(crate) column: String,
    pub(crate) at: Location,
    pub(crate) delay_ms: i64,
}

/// The settings behind a query, each with its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamClauses {
    pub(crate) output_mode: Option<(OutputMode, Location)>,
    pub(crate) trigger: Option<(Trigger, Location)>,
    pub(crate) checkpoint: Option<(String, Location)>,
    pub(crate) name: Option<(String, Location)>,
}

/// The table behind `STREAM table`, when the name was marked so.
pub(crate) fn stream_table(name: &str) -> Option<&str> {
    name.strip_prefix(MARK)?.strip_prefix("stream:")
}

/// The alias without its marker (none when there was no alias) and the number of the watermark.
pub(crate) fn watermark_alias(alias: &str) -> (Option<&str>, Option<usize>) {
    match alias.split_once(MARK) {
        Some((alias, mark)) => {
            let number = mark.strip_prefix("wm:").and_then(|n| n.parse().ok());
            ((!alias.is_empty()).then_some(alias), number)
        }
        None => (Some(alias), None),
    }
}

/// Text with the markers taken off, for messages.
pub(crate) fn unmarked(text: &str) -> String {
    text.replace(&format!("{MARK}stream:"), "")
        .split(MARK)
        .next()
        .unwrap_or_default()
        .to_owned()
}

impl StreamClauses {
    /// Cuts the settings off the end of a query and reads both.
    pub(crate) fn split(tokens: &[TokenWithSpan], end: Location, text: &SourceText) -> Checked<(QueryText, Self)> {
        let cut = clauses_start(tokens);
        let (body, settings) = tokens.split_at(cut);
        let mut clauses = Self::default();
        let mut cursor = Cursor::over(settings, end, text);
        while cursor.peek().is_some() {
            clauses.read(&mut cursor)?;
        }
        let at = body.first().map_or(end, |t| t.span.start);
        let body_end = settings.first().map_or(end, |t| t.span.start);
        let mut watermarks = Vec::new();
        let marked = cut_watermarks(&mark_streams(body), body_end, text, &mut watermarks)?;
        let keywords = body
            .iter()
            .filter_map(|t| match &t.token {
                Token::Word(w) if w.quote_style.is_none() => Some((w.value.to_ascii_uppercase(), t.span.start)),
                _ => None,
            })
            .collect();
        Ok((
            QueryText {
                query: query(&marked, body_end)?,
                watermarks,
                keywords,
                at,
            },
            clauses,
        ))
    }

    /// Where the first of the settings stands.
    pub(crate) fn first_place(&self) -> Option<Location> {
        [
            self.output_mode.as_ref().map(|c| c.1),
            self.trigger.as_ref().map(|c| c.1),
            self.checkpoint.as_ref().map(|c| c.1),
            self.name.as_ref().map(|c| c.1),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|l| (l.line, l.column))
    }

    fn read(&mut self, cursor: &mut Cursor<'_>) -> Checked<()> {
        let at = cursor.at();
        let twice = |given: bool, what: &str| {
            if given {
                Err(Fault::new(SqlErrorKind::Syntax, at, format!("{what} is given twice")))
            } else {
                Ok(())
            }
        };
        if cursor.take(&["OUTPUT", "MODE"]) {
            twice(self.output_mode.is_some(), "OUTPUT MODE")?;
            let mode = if cursor.take(&["APPEND"]) {
                OutputMode::Append
            } else if cursor.take(&["UPDATE"]) {
                OutputMode::Update
            } else if cursor.take(&["COMPLETE"]) {
                OutputMode::Complete
            } else {
                return Err(cursor.unexpected("APPEND, UPDATE or COMPLETE"));
            };
            self.output_mode = Some((mode, at));
        } else if cursor.take(&["TRIGGER"]) {
            twice(self.trigger.is_some(), "TRIGGER")?;
            self.trigger = Some((trigger(cursor)?, at));
        } else if cursor.take(&["CHECKPOINT"]) {
            twice(self.checkpoint.is_some(), "CHECKPOINT")?;
            let value_at = cursor.at();
            let place = cursor.string("the checkpoint's folder, quoted")?;
            if place.trim().is_empty() {
                return Err(Fault::new(
                    SqlErrorKind::Option,
                    value_at,
                    "the checkpoint's folder is empty",
                ));
            }
            self.checkpoint = Some((place, at));
        } else if cursor.take(&["QUERY", "NAME"]) {
            twice(self.name.is_some(), "QUERY NAME")?;
            let name = match cursor.peek() {
                Some(Token::Word(_)) => cursor.name("the query's name")?.0,
                _ => cursor.string("the query's name")?,
            };
            self.name = Some((name, at));
        } else {
            return Err(cursor.unexpected("OUTPUT MODE, TRIGGER, CHECKPOINT, QUERY NAME or ';'"));
        }
        Ok(())
    }
}

fn trigger(cursor: &mut Cursor<'_>) -> Checked<Trigger> {
    if cursor.take(&["AVAILABLE", "NOW"]) {
        return Ok(Trigger::AvailableNow);
    }
    if cursor.take(&["ONCE"]) {
        return Ok(Trigger::Once);
    }
    if cursor.take(&["CONTINUOUS"]) {
        return Err(Fault::new(
            SqlErrorKind::Unsupported,
            cursor.at(),
            "TRIGGER CONTINUOUS is not supported",
        )
        .help("TRIGGER PROCESSING TIME '0 seconds' starts the next micro-batch at once"));
    }
    if !cursor.take(&["PROCESSING", "TIME"]) {
        return Err(cursor.unexpected("PROCESSING TIME '...', AVAILABLE NOW or ONCE"));
    }
    let at = cursor.at();
    let us = if cursor.take(&["INTERVAL"]) {
        let text = cursor.string("an interval")?;
        interval::Interval::decode(&text).and_then(interval::Interval::fixed_us)
    } else {
        let text = cursor.string("an interval, quoted: '1 minute'")?;
        interval::parse_text(&text).and_then(interval::Interval::fixed_us)
    };
    us.and_then(|us| u64::try_from(us / 1000).ok().filter(|_| us >= 0))
        .map(|interval_ms| Trigger::ProcessingTime { interval_ms })
        .ok_or_else(|| {
            Fault::new(
                SqlErrorKind::Option,
                at,
                "the trigger's interval is not a positive length of time",
            )
            .help("write it like '10 seconds' or '1 minute'; months have no fixed length")
        })
}

/// The first token of the settings, at parenthesis depth 0.
fn clauses_start(tokens: &[TokenWithSpan]) -> usize {
    let mut depth = 0_i32;
    for (i, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ if depth > 0 || i == 0 => {}
            word => {
                let next = tokens.get(i + 1).map(|t| &t.token);
                let followed = |words: &[&str]| next.is_some_and(|t| is_keyword(t, words));
                let text = matches!(next, Some(Token::SingleQuotedString(_)));
                let starts = is_keyword(word, &["OUTPUT"]) && followed(&["MODE"])
                    || is_keyword(word, &["TRIGGER"]) && followed(&["PROCESSING", "AVAILABLE", "ONCE", "CONTINUOUS"])
                    || is_keyword(word, &["CHECKPOINT"]) && text
                    || is_keyword(word, &["QUERY"]) && followed(&["NAME"]);
                if starts {
                    return i;
                }
            }
        }
    }
    tokens.len()
}

fn marked_word(value: String, span: Span) -> TokenWithSpan {
    let word = Word {
        value,
        quote_style: Some('`'),
        keyword: sqlparser::keywords::Keyword::NoKeyword,
    };
    TokenWithSpan {
        token: Token::Word(word),
        span,
    }
}

/// `STREAM t` and `STREAM(t)` after FROM, JOIN or a comma become one marked name.
fn mark_streams(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let word_at = |i: usize| match tokens.get(i).map(|t| &t.token) {
        Some(Token::Word(w)) => Some(w),
        _ => None,
    };
    // A word that ends a relation cannot be the name of one: `FROM stream WHERE ...` reads a table called stream.
    let ends = |i: usize| {
        tokens.get(i).is_none_or(|t| {
            is_keyword(
                &t.token,
                &[
                    "WHERE",
                    "GROUP",
                    "ORDER",
                    "LIMIT",
                    "JOIN",
                    "LEFT",
                    "RIGHT",
                    "INNER",
                    "FULL",
                    "CROSS",
                    "UNION",
                    "AS",
                    "HAVING",
                    "ON",
                    "USING",
                    "WATERMARK",
                    "LATERAL",
                    "NATURAL",
                    "SEMI",
                    "ANTI",
                    "EXCEPT",
                    "INTERSECT",
                    "MINUS",
                ],
            )
        })
    };
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut i = 0;
    while i < tokens.len() {
        let token = &tokens[i];
        let relation = out
            .last()
            .is_some_and(|t| is_keyword(&t.token, &["FROM", "JOIN"]) || t.token == Token::Comma);
        if relation && is_keyword(&token.token, &["STREAM"]) {
            let open = tokens.get(i + 1).is_some_and(|t| t.token == Token::LParen);
            let mut last = i + 1 + usize::from(open);
            if word_at(last).is_some() && (open || !ends(last)) {
                while tokens.get(last + 1).is_some_and(|t| t.token == Token::Period) && word_at(last + 2).is_some() {
                    last += 2;
                }
                let closed = !open || tokens.get(last + 1).is_some_and(|t| t.token == Token::RParen);
                if let (Some(name), true) = (word_at(last), closed) {
                    out.push(marked_word(format!("{MARK}stream:{}", name.value), tokens[last].span));
                    i = last + 1 + usize::from(open);
                    continue;
                }
            }
        }
        out.push(token.clone());
        i += 1;
    }
    out
}

/// Cuts `WATERMARK column DELAY OF INTERVAL ...` behind a relation and marks the relation's alias.
fn cut_watermarks(
    tokens: &[TokenWithSpan],
    end: Location,
    text: &SourceText,
    watermarks: &mut Vec<Delay>,
) -> Checked<Vec<TokenWithSpan>> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut i = 0;
    while i < tokens.len() {
        let token = &tokens[i];
        let follows = tokens.get(i + 1).is_some_and(|t| matches!(t.token, Token::Word(_)));
        let delay = tokens[i + 1..].iter().take(5).any(|t| is_keyword(&t.token, &["DELAY"]));
        if !(is_keyword(&token.token, &["WATERMARK"]) && follows && delay) {
            out.push(token.clone());
            i += 1;
            continue;
        }
        let mut cursor = Cursor::over(&tokens[i + 1..], end, text);
        let (column, at) = cursor.name("the event-time column")?;
        cursor.expect(&["DELAY", "OF"])?;
        let delay_at = cursor.at();
        let encoded = cursor.take(&["INTERVAL"]);
        let value = cursor.string("INTERVAL and a length of time")?;
        let delay = if encoded {
            interval::Interval::decode(&value)
        } else {
            interval::parse_text(&value)
        };
        let delay_ms = delay.and_then(delay_ms).ok_or_else(|| {
            Fault::new(
                SqlErrorKind::Option,
                delay_at,
                "the watermark's delay is not a length of time",
            )
            .help("for instance: DELAY OF INTERVAL 10 MINUTES")
        })?;
        if delay_ms < 0 {
            return Err(Fault::new(
                SqlErrorKind::Option,
                delay_at,
                "the watermark's delay is negative",
            ));
        }
        let mark = format!("{MARK}wm:{}", watermarks.len());
        watermarks.push(Delay { column, at, delay_ms });
        mark_alias(&mut out, &mark, token.span);
        i += 1 + cursor.next;
        // `WATERMARK .. DELAY OF .. AS alias` puts the alias last.
        let alias_follows = is_alias_after(tokens, i);
        if let Some(alias) = alias_follows {
            if let Some(TokenWithSpan {
                token: Token::Word(w), ..
            }) = out.last_mut()
                && let Token::Word(name) = &tokens[alias].token
                && w.value.starts_with(MARK)
            {
                w.value = format!("{}{mark}", name.value);
            }
            i = alias + 1;
        }
    }
    Ok(out)
}

/// Spark counts a month as 31 days here.
fn delay_ms(delay: interval::Interval) -> Option<i64> {
    let months_us = i64::from(delay.value.months).checked_mul(31 * 86_400_000_000)?;
    let mut rest = delay;
    rest.value.months = 0;
    let rest = rest.fixed_us()?;
    Some(months_us.checked_add(rest)?.div_euclid(1000))
}

fn is_alias_after(tokens: &[TokenWithSpan], i: usize) -> Option<usize> {
    if !tokens.get(i).is_some_and(|t| is_keyword(&t.token, &["AS"])) {
        return None;
    }
    matches!(tokens.get(i + 1).map(|t| &t.token), Some(Token::Word(_))).then_some(i + 1)
}

/// Puts the mark on the alias that ends `out`, or adds an alias that is nothing but the mark.
fn mark_alias(out: &mut Vec<TokenWithSpan>, mark: &str, span: Span) {
    let before = out
        .len()
        .checked_sub(2)
        .and_then(|i| out.get(i))
        .map(|t| t.token.clone());
    // The last word is the relation's name when it follows one of these, else it is an alias.
    let is_name = before.is_none_or(|t| is_keyword(&t, &["FROM", "JOIN"]) || t == Token::Comma || t == Token::Period);
    if let Some(TokenWithSpan {
        token: Token::Word(word),
        ..
    }) = out.last_mut()
        && !is_name
    {
        word.value.push_str(mark);
        word.quote_style = Some('`');
        return;
    }
    out.push(marked_word(mark.to_owned(), span));
}
