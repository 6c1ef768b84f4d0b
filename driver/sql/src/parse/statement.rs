//! The statements of a job file.

use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::clauses::{QueryText, StreamClauses};
use super::create::{create, option_name};
use super::cursor::Cursor;
use super::lex::is_keyword;
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

const STATEMENTS: &str = "CREATE TABLE, CREATE TEMPORARY VIEW, INSERT INTO, SELECT, WITH, VALUES, SET, EXPLAIN or DROP";

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

pub(super) fn query_and_clauses(cursor: &mut Cursor<'_>) -> Checked<(QueryText, StreamClauses)> {
    let (end, text) = (cursor.end, cursor.text);
    StreamClauses::split(cursor.rest(), end, text)
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
