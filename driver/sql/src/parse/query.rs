//! Queries, read with sqlparser; its messages in our form.

use sqlparser::ast::Query;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use crate::error::{Checked, Fault, SqlErrorKind};

/// Reads a query with sqlparser; it has to take all tokens.
pub(crate) fn query(tokens: &[TokenWithSpan], end: Location) -> Checked<Query> {
    let mut given = tokens.to_vec();
    // An explicit end, so that the parser's own message about it has a place.
    given.push(TokenWithSpan {
        token: Token::EOF,
        span: sqlparser::tokenizer::Span::new(end, end),
    });
    let mut parser = sqlparser::parser::Parser::new(&super::dialect::JobDialect).with_tokens_with_locations(given);
    let query = parser.parse_query().map_err(|e| syntax(&e, tokens, end))?;
    let next = parser.peek_token();
    if next.token != Token::EOF {
        return Err(Fault::new(
            SqlErrorKind::Syntax,
            next.span.start,
            format!("'{}' is not expected here", shown(&next.token)),
        ));
    }
    Ok(*query)
}

/// A token as the user wrote it: markers of ours taken off.
pub(super) fn shown(token: &Token) -> String {
    match token {
        Token::Word(w) => super::clauses::unmarked(&w.value),
        other => other.to_string(),
    }
}

/// sqlparser's message, with its place taken out of the text.
pub(super) fn syntax(error: &sqlparser::parser::ParserError, tokens: &[TokenWithSpan], end: Location) -> Box<Fault> {
    use sqlparser::parser::ParserError;
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
        ParserError::RecursionLimitExceeded => "the expression is nested too deeply".to_owned(),
    };
    let (message, at) = match text.rsplit_once(" at Line: ") {
        Some((message, place)) => {
            let mut numbers = place.split(", Column: ").filter_map(|n| n.trim().parse::<u64>().ok());
            match (numbers.next(), numbers.next()) {
                (Some(line), Some(column)) => (message.to_owned(), Location::new(line, column)),
                _ => (message.to_owned(), end),
            }
        }
        None => (text, tokens.first().map_or(end, |t| t.span.start)),
    };
    let message = super::clauses::unmarked(&message);
    let message = message
        .replace("Expected: ", "expected ")
        .replace("found: EOF", "found the end of the statement")
        .replace("found: ", "found ");
    let mut chars = message.chars();
    let message = chars
        .next()
        .map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect::<String>());
    Fault::new(SqlErrorKind::Syntax, at, message)
}
