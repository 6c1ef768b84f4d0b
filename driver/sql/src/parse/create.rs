//! CREATE TABLE and CREATE VIEW.

use sqlparser::tokenizer::{Location, Token};

use super::cursor::Cursor;
use super::statement::{CreateTable, Parsed, TableOption, query_and_clauses};
use crate::error::{Checked, Fault, SqlErrorKind};

pub(super) fn create(cursor: &mut Cursor<'_>) -> Checked<Parsed> {
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

pub(super) fn create_table(cursor: &mut Cursor<'_>, or_replace: bool) -> Checked<Parsed> {
    let if_not_exists = cursor.take(&["IF", "NOT", "EXISTS"]);
    let (name, at) = cursor.name("the table's name")?;
    let columns = match cursor.peek() {
        Some(Token::LParen) => Some(parenthesised(cursor)?),
        _ => None,
    };
    table_body(cursor, name, at, or_replace, if_not_exists, columns)
}

pub(super) fn table_body(
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
pub(super) fn parenthesised(cursor: &mut Cursor<'_>) -> Checked<(String, Location)> {
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

pub(super) fn table_options(cursor: &mut Cursor<'_>, options: &mut Vec<TableOption>) -> Checked<()> {
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

pub(super) fn option_name(cursor: &mut Cursor<'_>) -> Checked<String> {
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

pub(super) fn option_value(cursor: &mut Cursor<'_>, name: &str) -> Checked<String> {
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
