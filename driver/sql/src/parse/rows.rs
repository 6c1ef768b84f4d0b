//! `VALUES` as Spark writes it, for a parser that wants every row in parentheses and a table of rows too; sets of keys within sets.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Word};

use super::lex::is_keyword;

/// Rewrites `VALUES 1, 2` to `VALUES (1), (2)` and `FROM VALUES ...` to `FROM (VALUES ...)`.
pub(super) fn rows(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut i = 0;
    while let Some(token) = tokens.get(i) {
        let Some(place) = place_of(&tokens, i) else {
            out.push(token.clone());
            i += 1;
            continue;
        };
        let (items, end) = items(&tokens, i + 1);
        let at = token.span;
        if place == Place::Relation {
            out.push(made(Token::LParen, at));
        }
        out.push(token.clone());
        for (n, item) in items.into_iter().enumerate() {
            let row = rows(tokens[item.0..item.1].to_vec());
            if n > 0 {
                out.push(made(Token::Comma, tokens[item.0 - 1].span));
            }
            if in_parentheses(&row) {
                out.extend(row);
            } else {
                let (first, last) = (tokens[item.0].span, tokens[item.1 - 1].span);
                out.push(made(Token::LParen, first));
                out.extend(row);
                out.push(made(Token::RParen, last));
            }
        }
        i = end;
        if place == Place::Relation {
            out.push(made(Token::RParen, tokens[end - 1].span));
            // AS without a name is the name.
            let bare = tokens.get(i).filter(|t| is_keyword(&t.token, &["AS"]));
            if let (Some(word), Some(Token::LParen)) = (bare, tokens.get(i + 1).map(|t| &t.token)) {
                out.push(word.clone());
                out.push(quoted("as", word.span));
                i += 1;
            }
        }
    }
    out
}

/// Makes `GROUPING SETS (...)` within GROUPING SETS a call, which can stand there.
pub(super) fn nested_sets(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let starts = |i: usize| {
        tokens.get(i).is_some_and(|t| is_keyword(&t.token, &["GROUPING"]))
            && tokens.get(i + 1).is_some_and(|t| is_keyword(&t.token, &["SETS"]))
            && tokens.get(i + 2).is_some_and(|t| t.token == Token::LParen)
    };
    let mut out = Vec::with_capacity(tokens.len());
    let (mut depth, mut open) = (0_usize, Vec::new());
    let mut i = 0;
    while let Some(token) = tokens.get(i) {
        if starts(i) {
            if open.is_empty() {
                out.extend(tokens[i..i + 2].iter().cloned());
            } else {
                out.push(quoted("grouping sets", token.span));
            }
            open.push(depth);
            i += 2;
            continue;
        }
        let empty = token.token == Token::LParen && tokens.get(i + 1).is_some_and(|t| t.token == Token::RParen);
        if empty && open.len() > 1 {
            out.push(quoted(NO_KEYS, token.span));
            i += 2;
            continue;
        }
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => {
                depth = depth.saturating_sub(1);
                if open.last() == Some(&depth) {
                    open.pop();
                }
            }
            _ => {}
        }
        out.push(token.clone());
        i += 1;
    }
    out
}

/// Stands for a set without keys where a call cannot hold one.
pub(crate) const NO_KEYS: &str = "()";

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Query,
    Relation,
}

/// What the VALUES at `i` is, if it is one.
fn place_of(tokens: &[TokenWithSpan], i: usize) -> Option<Place> {
    if !is_keyword(&tokens.get(i)?.token, &["VALUES"]) {
        return None;
    }
    let next = &tokens.get(i + 1)?.token;
    let value = match next {
        Token::LParen
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Minus
        | Token::HexStringLiteral(_) => true,
        Token::Word(w) => {
            w.quote_style.is_none() && !is_keyword(next, &["AS", "FROM", "WHERE", "JOIN", "ON", "GROUP", "ORDER"])
        }
        _ => false,
    };
    if !value {
        return None;
    }
    let Some(before) = i.checked_sub(1).and_then(|b| tokens.get(b)) else {
        return Some(Place::Query);
    };
    match &before.token {
        Token::LParen => Some(Place::Query),
        Token::Comma => (*next == Token::LParen).then_some(Place::Relation),
        word if is_keyword(word, &["FROM", "JOIN"]) => Some(Place::Relation),
        word if is_keyword(word, &["UNION", "ALL", "DISTINCT", "EXCEPT", "INTERSECT", "MINUS"]) => Some(Place::Query),
        // `INSERT INTO t VALUES`, `INSERT INTO t (a) VALUES`.
        Token::RParen | Token::Word(_) => Some(Place::Query),
        _ => None,
    }
}

/// The ranges of the rows that begin at `start`, and where they end.
fn items(tokens: &[TokenWithSpan], start: usize) -> (Vec<(usize, usize)>, usize) {
    const JOINING: [&str; 10] = [
        "AND", "OR", "IS", "IN", "LIKE", "ILIKE", "RLIKE", "BETWEEN", "DIV", "NOT",
    ];
    let mut out = Vec::new();
    let (mut depth, mut from, mut i) = (0_usize, start, start);
    while let Some(token) = tokens.get(i) {
        let ended = i > from
            && match &tokens[i - 1].token {
                Token::Word(_) => !is_keyword(&tokens[i - 1].token, &JOINING),
                Token::Number(..) | Token::SingleQuotedString(_) | Token::RParen | Token::RBracket => true,
                _ => false,
            };
        match &token.token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket if depth == 0 => break,
            Token::RParen | Token::RBracket => depth -= 1,
            Token::Comma if depth == 0 => {
                out.push((from, i));
                from = i + 1;
            }
            word if is_keyword(word, &["CASE"]) => depth += 1,
            word if is_keyword(word, &["END"]) && depth > 0 => depth -= 1,
            Token::Word(_) if depth == 0 && ended && !is_keyword(&token.token, &JOINING) => break,
            _ => {}
        }
        i += 1;
    }
    if i > from {
        out.push((from, i));
    }
    (out, i)
}

/// Whether one pair of parentheses is around all of it.
fn in_parentheses(row: &[TokenWithSpan]) -> bool {
    let mut depth = 0_usize;
    for (i, token) in row.iter().enumerate() {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return i > 0 && i + 1 == row.len();
        }
    }
    false
}

pub(super) fn made(token: Token, span: Span) -> TokenWithSpan {
    TokenWithSpan { token, span }
}

pub(super) fn quoted(name: &str, span: Span) -> TokenWithSpan {
    let word = Word {
        value: name.to_owned(),
        quote_style: Some('`'),
        keyword: Keyword::NoKeyword,
    };
    made(Token::Word(word), span)
}
