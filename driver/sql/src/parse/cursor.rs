//! Reads tokens one after the other.

use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::lex::{StatementTokens, is_keyword};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::text::SourceText;

/// Reads tokens one after the other.
pub(crate) struct Cursor<'a> {
    pub(crate) tokens: &'a [TokenWithSpan],
    pub(crate) next: usize,
    pub(crate) end: Location,
    pub(super) text: &'a SourceText,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(statement: &'a StatementTokens, text: &'a SourceText) -> Self {
        Self {
            tokens: &statement.tokens,
            next: 0,
            end: statement.end,
            text,
        }
    }

    pub(crate) fn over(tokens: &'a [TokenWithSpan], end: Location, text: &'a SourceText) -> Self {
        Self {
            tokens,
            next: 0,
            end,
            text,
        }
    }

    pub(crate) fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.next).map(|t| &t.token)
    }

    /// Where the next token stands.
    pub(crate) fn at(&self) -> Location {
        self.tokens.get(self.next).map_or(self.end, |t| t.span.start)
    }

    pub(super) fn bump(&mut self) -> Option<&'a TokenWithSpan> {
        let token = self.tokens.get(self.next);
        self.next += 1;
        token
    }

    /// Takes these words if they come next, all of them or none.
    pub(crate) fn take(&mut self, words: &[&str]) -> bool {
        let all = words.iter().enumerate().all(|(i, w)| {
            self.tokens
                .get(self.next + i)
                .is_some_and(|t| is_keyword(&t.token, &[w]))
        });
        if all {
            self.next += words.len();
        }
        all
    }

    pub(crate) fn take_token(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        if found {
            self.next += 1;
        }
        found
    }

    pub(crate) fn unexpected(&self, expected: &str) -> Box<Fault> {
        let found = match self.peek() {
            Some(token) => format!("'{token}'"),
            None => "the end of the statement".to_owned(),
        };
        Fault::new(
            SqlErrorKind::Syntax,
            self.at(),
            format!("expected {expected}, found {found}"),
        )
    }

    pub(crate) fn expect(&mut self, words: &[&str]) -> Checked<()> {
        if self.take(words) {
            Ok(())
        } else {
            Err(self.unexpected(&words.join(" ")))
        }
    }

    pub(crate) fn string(&mut self, what: &str) -> Checked<String> {
        match self.peek() {
            Some(Token::SingleQuotedString(s)) => {
                self.next += 1;
                Ok(s.clone())
            }
            _ => Err(self.unexpected(what)),
        }
    }

    /// A name of one or several parts; qualifiers such as `default.` are dropped, tables live in one space.
    pub(crate) fn name(&mut self, what: &str) -> Checked<(String, Location)> {
        let at = self.at();
        loop {
            let Some(Token::Word(word)) = self.peek() else {
                return Err(self.unexpected(what));
            };
            self.next += 1;
            if !self.take_token(&Token::Period) {
                return Ok((word.value.clone(), at));
            }
        }
    }

    pub(super) fn rest(&mut self) -> &'a [TokenWithSpan] {
        let rest = &self.tokens[self.next.min(self.tokens.len())..];
        self.next = self.tokens.len();
        rest
    }

    pub(super) fn done(&self) -> Checked<()> {
        if self.peek().is_none() {
            Ok(())
        } else {
            Err(self.unexpected("the end of the statement or ';'"))
        }
    }
}
