//! The statements of a job file.

use sqlparser::ast::Query;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::clauses::{QueryText, StreamClauses};
use super::lex::{StatementTokens, is_keyword};
use crate::error::{Checked, Fault, SqlErrorKind};
use crate::text::SourceText;

/// A statement and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct ParsedStatement {
    pub(crate) start: Location,
    pub(crate) end: Location,
    pub(crate) body: Parsed,
}

/// What a statement says.
#[derive(Clone, Debug)]
pub(crate) enum Parsed {
    CreateTable(CreateTable),
    CreateView {
        name: String,
        at: Location,
        or_replace: bool,
        columns: Vec<String>,
        query: QueryText,
    },
    Insert {
        table: String,
        at: Location,
        overwrite: bool,
        columns: Vec<(String, Location)>,
        query: QueryText,
        clauses: StreamClauses,
    },
    Select {
        query: QueryText,
        clauses: StreamClauses,
    },
    Set {
        key: String,
        value: Option<String>,
        at: Location,
    },
    Explain {
        extended: bool,
        of: Box<Parsed>,
    },
    Drop {
        name: String,
        at: Location,
        if_exists: bool,
    },
}

/// `CREATE TABLE name (columns) USING provider OPTIONS (...)`.
#[derive(Clone, Debug)]
pub(crate) struct CreateTable {
    pub(crate) name: String,
    pub(crate) at: Location,
    pub(crate) or_replace: bool,
    pub(crate) if_not_exists: bool,
    /// The text between the parentheses and where it begins.
    pub(crate) columns: Option<(String, Location)>,
    pub(crate) provider: String,
    pub(crate) provider_at: Location,
    pub(crate) options: Vec<TableOption>,
}

/// One option, as written.
#[derive(Clone, Debug)]
pub(crate) struct TableOption {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) at: Location,
}

/// Reads all statements of a file.
pub(crate) fn parse(text: &SourceText) -> Checked<Vec<ParsedStatement>> {
    super::lex::statements(&text.read)?
        .into_iter()
        .map(|tokens| {
            let (start, end) = (tokens.start(), tokens.end);
            let body = statement(&mut Cursor::new(&tokens, text))?;
            Ok(ParsedStatement { start, end, body })
        })
        .collect()
}

/// Reads tokens one after the other.
pub(crate) struct Cursor<'a> {
    pub(crate) tokens: &'a [TokenWithSpan],
    pub(crate) next: usize,
    pub(crate) end: Location,
    text: &'a SourceText,
}

impl<'a> Cursor<'a> {
    fn new(statement: &'a StatementTokens, text: &'a SourceText) -> Self {
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

    fn bump(&mut self) -> Option<&'a TokenWithSpan> {
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

    fn rest(&mut self) -> &'a [TokenWithSpan] {
        let rest = &self.tokens[self.next.min(self.tokens.len())..];
        self.next = self.tokens.len();
        rest
    }

    fn done(&self) -> Checked<()> {
        if self.peek().is_none() {
            Ok(())
        } else {
            Err(self.unexpected("the end of the statement or ';'"))
        }
    }
}

const STATEMENTS: &str = "CREATE TABLE, CREATE TEMPORARY VIEW, INSERT INTO, SELECT, WITH, VALUES, SET, EXPLAIN or DROP";

fn statement(cursor: &mut Cursor<'_>) -> Checked<Parsed> {
    if cursor.take(&["CREATE"]) {
        return create(cursor);
    }
    if cursor.take(&["SET"]) {
        return set(cursor);
    }
    if cursor.take(&["EXPLAIN"]) {
        let extended = cursor.take(&["EXTENDED"]) || cursor.take(&["FORMATTED"]) || cursor.take(&["COST"]);
        let of = Box::new(statement(cursor)?);
        return Ok(Parsed::Explain { extended, of });
    }
    if cursor.take(&["DROP"]) {
        let at = cursor.at();
        if !(cursor.take(&["TABLE"]) || cursor.take(&["VIEW"])) {
            return Err(cursor.unexpected("TABLE or VIEW"));
        }
        let if_exists = cursor.take(&["IF", "EXISTS"]);
        let (name, _) = cursor.name("a table's name")?;
        cursor.done()?;
        return Ok(Parsed::Drop { name, at, if_exists });
    }
    if cursor.take(&["INSERT"]) {
        return insert(cursor);
    }
    let query = cursor
        .peek()
        .is_some_and(|t| *t == Token::LParen || is_keyword(t, &["SELECT", "WITH", "VALUES", "FROM", "TABLE"]));
    if !query {
        return Err(cursor.unexpected(STATEMENTS));
    }
    let (query, clauses) = query_and_clauses(cursor)?;
    Ok(Parsed::Select { query, clauses })
}

fn query_and_clauses(cursor: &mut Cursor<'_>) -> Checked<(QueryText, StreamClauses)> {
    let (end, text) = (cursor.end, cursor.text);
    StreamClauses::split(cursor.rest(), end, text)
}

fn create(cursor: &mut Cursor<'_>) -> Checked<Parsed> {
    let or_replace = cursor.take(&["OR", "REPLACE"]);
    let _ = cursor.take(&["GLOBAL"]);
    let temporary = cursor.take(&["TEMPORARY"]) || cursor.take(&["TEMP"]);
    if cursor.take(&["TABLE"]) {
        return create_table(cursor, or_replace);
    }
    if !cursor.take(&["VIEW"]) {
        return Err(cursor.unexpected(if temporary {
            "VIEW or TABLE"
        } else {
            "TABLE or TEMPORARY VIEW"
        }));
    }
    let if_not_exists = cursor.take(&["IF", "NOT", "EXISTS"]);
    let (name, at) = cursor.name("the view's name")?;
    let start = cursor.next;
    if cursor.take(&["USING"]) {
        // `CREATE TEMPORARY VIEW v USING csv OPTIONS (...)` declares a table.
        cursor.next = start;
        return table_body(cursor, name, at, or_replace, if_not_exists, None);
    }
    let mut columns = Vec::new();
    if cursor.peek() == Some(&Token::LParen) {
        let (text, from) = parenthesised(cursor)?;
        if cursor.take(&["USING"]) {
            cursor.next -= 1;
            return table_body(cursor, name, at, or_replace, if_not_exists, Some((text, from)));
        }
        columns = text.split(',').map(|c| c.trim().trim_matches('`').to_owned()).collect();
    }
    if cursor.take(&["COMMENT"]) {
        cursor.string("the comment's text")?;
    }
    cursor.expect(&["AS"])?;
    let query_at = cursor.at();
    let (query, clauses) = query_and_clauses(cursor)?;
    if let Some(at) = clauses.first_place() {
        return Err(Fault::new(
            SqlErrorKind::Syntax,
            at,
            "a view has no OUTPUT MODE, TRIGGER, CHECKPOINT or QUERY NAME",
        )
        .help("write it where the view is used: after the query of INSERT INTO or SELECT")
        .at_least(query_at));
    }
    Ok(Parsed::CreateView {
        name,
        at,
        or_replace,
        columns,
        query,
    })
}

fn create_table(cursor: &mut Cursor<'_>, or_replace: bool) -> Checked<Parsed> {
    let if_not_exists = cursor.take(&["IF", "NOT", "EXISTS"]);
    let (name, at) = cursor.name("the table's name")?;
    let columns = match cursor.peek() {
        Some(Token::LParen) => Some(parenthesised(cursor)?),
        _ => None,
    };
    table_body(cursor, name, at, or_replace, if_not_exists, columns)
}

fn table_body(
    cursor: &mut Cursor<'_>,
    name: String,
    at: Location,
    or_replace: bool,
    if_not_exists: bool,
    columns: Option<(String, Location)>,
) -> Checked<Parsed> {
    if !cursor.take(&["USING"]) {
        return Err(cursor
            .unexpected("USING and what the table is")
            .help("for instance: USING kafka OPTIONS (...), USING csv OPTIONS (path '...'), USING console"));
    }
    let (provider, provider_at) = cursor.name("kafka, csv, json, parquet, rate, console, noop or memory")?;
    let mut options = Vec::new();
    while cursor.peek().is_some() {
        if cursor.take(&["OPTIONS"]) {
            table_options(cursor, &mut options)?;
        } else if cursor.take(&["LOCATION"]) {
            let at = cursor.at();
            options.push(TableOption {
                name: "path".into(),
                value: cursor.string("the path, quoted")?,
                at,
            });
        } else if cursor.take(&["COMMENT"]) {
            cursor.string("the comment's text")?;
        } else {
            return Err(cursor.unexpected("OPTIONS (...), LOCATION '...', COMMENT '...' or ';'"));
        }
    }
    Ok(Parsed::CreateTable(CreateTable {
        name,
        at,
        or_replace,
        if_not_exists,
        columns,
        provider,
        provider_at,
        options,
    }))
}

/// The text between matching parentheses and where it begins.
fn parenthesised(cursor: &mut Cursor<'_>) -> Checked<(String, Location)> {
    let open_at = cursor.at();
    let Some(open) = cursor.bump() else {
        return Err(cursor.unexpected("'('"));
    };
    let mut depth = 1;
    while let Some(token) = cursor.bump() {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok((cursor.text.between(open.span.end, token.span.start), open.span.end));
        }
    }
    Err(Fault::new(SqlErrorKind::Syntax, open_at, "this '(' is never closed"))
}

fn table_options(cursor: &mut Cursor<'_>, options: &mut Vec<TableOption>) -> Checked<()> {
    if !cursor.take_token(&Token::LParen) {
        return Err(cursor.unexpected("'(' after OPTIONS"));
    }
    if cursor.take_token(&Token::RParen) {
        return Ok(());
    }
    loop {
        let at = cursor.at();
        let name = option_name(cursor)?;
        cursor.take_token(&Token::Eq);
        let value = option_value(cursor, &name)?;
        if options.iter().any(|o| o.name.eq_ignore_ascii_case(&name)) {
            return Err(Fault::new(
                SqlErrorKind::Option,
                at,
                format!("option '{name}' is given twice"),
            ));
        }
        options.push(TableOption { name, value, at });
        if cursor.take_token(&Token::Comma) {
            continue;
        }
        if cursor.take_token(&Token::RParen) {
            return Ok(());
        }
        return Err(cursor.unexpected("',' or ')' after an option's value"));
    }
}

fn option_name(cursor: &mut Cursor<'_>) -> Checked<String> {
    if let Some(Token::SingleQuotedString(name)) = cursor.peek() {
        cursor.next += 1;
        return Ok(name.clone());
    }
    let mut name = String::new();
    loop {
        let Some(Token::Word(word)) = cursor.peek() else {
            return Err(cursor
                .unexpected("an option's name")
                .help("names with a dash or other signs are quoted: 'a.b-c' 'value'"));
        };
        name.push_str(&word.value);
        cursor.next += 1;
        // A dotted name may stand without quotes.
        if cursor.take_token(&Token::Period) {
            name.push('.');
        } else {
            return Ok(name);
        }
    }
}

fn option_value(cursor: &mut Cursor<'_>, name: &str) -> Checked<String> {
    let expected = format!("the value of option '{name}': a quoted text, a number, true or false");
    let negative = cursor.take_token(&Token::Minus);
    let value = match cursor.peek() {
        Some(Token::SingleQuotedString(s)) if !negative => s.clone(),
        Some(Token::Number(n, _)) => n.clone(),
        Some(Token::Word(w))
            if !negative
                && w.quote_style.is_none()
                && ["true", "false"].contains(&w.value.to_ascii_lowercase().as_str()) =>
        {
            w.value.to_ascii_lowercase()
        }
        _ => return Err(cursor.unexpected(&expected)),
    };
    cursor.next += 1;
    Ok(if negative { format!("-{value}") } else { value })
}

fn set(cursor: &mut Cursor<'_>) -> Checked<Parsed> {
    let at = cursor.at();
    if cursor.take(&["TIME", "ZONE"]) {
        let value = match cursor.peek() {
            Some(Token::Word(w)) if w.value.eq_ignore_ascii_case("local") => {
                cursor.next += 1;
                "UTC".to_owned()
            }
            _ => cursor.string("a time zone, quoted: 'Europe/Berlin'")?,
        };
        cursor.done()?;
        return Ok(Parsed::Set {
            key: "spark.sql.session.timeZone".into(),
            value: Some(value),
            at,
        });
    }
    let key = match cursor.peek() {
        Some(Token::SingleQuotedString(s)) => {
            cursor.next += 1;
            s.clone()
        }
        _ => option_name(cursor).map_err(|_| cursor.unexpected("a setting's name"))?,
    };
    if cursor.peek().is_none() {
        return Ok(Parsed::Set { key, value: None, at });
    }
    if !cursor.take_token(&Token::Eq) {
        return Err(cursor.unexpected("'='"));
    }
    // As in Spark, the value is the text up to the end of the statement, quoted or not.
    let from = cursor.at();
    let value = match cursor.rest() {
        [] => {
            return Err(Fault::new(
                SqlErrorKind::Syntax,
                from,
                format!("'{key}' is set to nothing"),
            ));
        }
        [
            TokenWithSpan {
                token: Token::SingleQuotedString(s),
                ..
            },
        ] => s.clone(),
        _ => cursor.text.between(from, cursor.end).trim().to_owned(),
    };
    Ok(Parsed::Set {
        key,
        value: Some(value),
        at,
    })
}

fn insert(cursor: &mut Cursor<'_>) -> Checked<Parsed> {
    let overwrite = cursor.take(&["OVERWRITE"]);
    if !overwrite {
        cursor.expect(&["INTO"])?;
    }
    cursor.take(&["TABLE"]);
    let (table, at) = cursor.name("the name of the table to insert into")?;
    let mut columns = Vec::new();
    // `INSERT INTO t (SELECT ...)` is a query in parentheses, `INSERT INTO t (a, b) SELECT ...` a list of columns.
    let list = cursor.peek() == Some(&Token::LParen)
        && cursor.tokens.get(cursor.next + 1).is_some_and(|t| {
            matches!(t.token, Token::Word(_)) && !is_keyword(&t.token, &["SELECT", "WITH", "VALUES", "FROM"])
        });
    if list {
        cursor.next += 1;
        loop {
            columns.push(cursor.name("a column's name")?);
            if cursor.take_token(&Token::Comma) {
                continue;
            }
            if cursor.take_token(&Token::RParen) {
                break;
            }
            return Err(cursor.unexpected("',' or ')'"));
        }
    }
    let (query, clauses) = query_and_clauses(cursor)?;
    Ok(Parsed::Insert {
        table,
        at,
        overwrite,
        columns,
        query,
        clauses,
    })
}

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
fn shown(token: &Token) -> String {
    match token {
        Token::Word(w) => super::clauses::unmarked(&w.value),
        other => other.to_string(),
    }
}

/// sqlparser's message, with its place taken out of the text.
fn syntax(error: &sqlparser::parser::ParserError, tokens: &[TokenWithSpan], end: Location) -> Box<Fault> {
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
