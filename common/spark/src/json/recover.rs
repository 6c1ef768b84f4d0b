//! The second reading of a record that is not JSON: what Spark still makes of it.
//!
//! An error inside a field's value costs that field, and reading goes on behind it. Only an error between the fields of the
//! record itself costs the whole record.

use super::column::{Column, Entries, Repeated, StructColumn};
use super::convert::{Context, read_scalar};
use super::scan::{Leniency, Number, Scanner, Text, Token};
use super::text_out::{push_f64, push_number, push_units};
use super::tokens::{Broken, Kind, Read, Tokens};
use super::units::readable;

/// Reads the object a record starts with into the row under way of `row`; columns it does not mention stay one value short.
///
/// `others` are the declared columns nobody asked for: an error inside one of those costs no more than it either.
/// After an error the row may hold parts of the record: the caller cuts it back.
pub(crate) fn record(
    row: &mut StructColumn,
    others: Option<&mut StructColumn>,
    text: &str,
    rules: Leniency,
    context: &mut Context,
) -> Read<()> {
    let mut tokens = Tokens::new(text, rules);
    match tokens.next()? {
        Some(Kind::Object) => object(row, others, &mut tokens, context),
        _ => Err(Broken),
    }
}

/// Reads an array or a map as the whole record.
pub(crate) fn root(column: &mut Column, text: &str, rules: Leniency, context: &mut Context) -> Read<()> {
    let mut tokens = Tokens::new(text, rules);
    match (tokens.next()?, column) {
        (Some(Kind::Array), Column::List(c)) => list(c, &mut tokens, context),
        (Some(Kind::Object), Column::Map(c)) => map(c, &mut tokens, context),
        // One object stands for an array of one struct.
        (Some(Kind::Object), Column::List(c)) => {
            let Column::Struct(element) = &mut c.child else {
                return Err(Broken);
            };
            object(element, None, &mut tokens, context)?;
            element.complete_row(true);
            let len = element.len;
            c.commit(len);
            Ok(())
        }
        _ => Err(Broken),
    }
}

fn object(
    row: &mut StructColumn,
    mut others: Option<&mut StructColumn>,
    tokens: &mut Tokens,
    context: &mut Context,
) -> Read<()> {
    loop {
        if matches!(tokens.next()?, None | Some(Kind::EndObject)) {
            return Ok(());
        }
        let place = |row: &StructColumn| tokens.name().and_then(|name| row.shape.column(name.as_bytes()));
        let (at, column) = match (place(row), others.as_deref_mut()) {
            (Some(column), _) => (row.len, row.columns.get_mut(column)),
            (None, Some(others)) => (
                others.len,
                place(others).and_then(|column| others.columns.get_mut(column)),
            ),
            (None, None) => (row.len, None),
        };
        let Some(column) = column else {
            tokens.skip_children()?;
            continue;
        };
        let before = (column.len() > at).then(|| tokens.clone());
        let read = match (value(column, tokens, context), before) {
            (Ok(()), Some(before)) => {
                // It fits, so it is read once more in the place of the earlier one.
                column.truncate(at);
                *tokens = before;
                value(column, tokens, context)
            }
            (Err(Broken), Some(_)) => {
                column.truncate(at + 1);
                Err(Broken)
            }
            (read, None) => read,
        };
        if read.is_err() {
            context.partial = true;
            if column.len() <= at {
                column.truncate(at);
            }
            tokens.skip_children()?;
        }
    }
}

fn value(column: &mut Column, tokens: &mut Tokens, context: &mut Context) -> Read<()> {
    if tokens.current() == Some(Kind::Name) {
        tokens.next()?;
    }
    let start = column.len();
    let read = typed(column, tokens, context);
    if read.is_err() {
        column.truncate(start);
    }
    read
}

fn typed(column: &mut Column, tokens: &mut Tokens, context: &mut Context) -> Read<()> {
    match (column, tokens.current()) {
        (column, None | Some(Kind::Null)) => {
            column.push_null();
            Ok(())
        }
        (Column::Text(c), Some(Kind::Text)) => {
            c.push(readable(tokens.text()?).as_bytes());
            Ok(())
        }
        (Column::Text(c), Some(_)) => {
            copy(tokens, &mut c.data)?;
            c.commit();
            Ok(())
        }
        (Column::Struct(c), Some(Kind::Object)) => {
            object(c, None, tokens, context)?;
            c.complete_row(true);
            Ok(())
        }
        (Column::List(c), Some(Kind::Array)) => list(c, tokens, context),
        (Column::Map(c), Some(Kind::Object)) => map(c, tokens, context),
        (Column::Binary(c), Some(Kind::Text)) if tokens.is_unread() => {
            tokens.base64(&mut c.data)?;
            c.commit();
            Ok(())
        }
        (column, Some(kind)) => scalar(column, kind, tokens, context),
    }
}

fn scalar(column: &mut Column, kind: Kind, tokens: &mut Tokens, context: &mut Context) -> Read<()> {
    let fits = match kind {
        Kind::Text => {
            let text = readable(tokens.text()?);
            let (raw, escaped) = (text.as_bytes(), false);
            read_scalar(column, &Token::Text(Text { raw, escaped }), context)
        }
        Kind::Number => with_number(tokens, |n| read_scalar(column, &Token::Number(*n), context))?,
        Kind::NonNumber(v) => read_scalar(column, &Token::NonNumber(v), context),
        Kind::True => read_scalar(column, &Token::True, context),
        Kind::False => read_scalar(column, &Token::False, context),
        _ => false,
    };
    if fits { Ok(()) } else { Err(Broken) }
}

fn with_number<T>(tokens: &Tokens, take: impl FnOnce(&Number<'_>) -> T) -> Read<T> {
    let text = tokens.number();
    match Scanner::new(text.as_bytes(), Leniency::default()).token() {
        Ok(Token::Number(number)) => Ok(take(&number)),
        _ => Err(Broken),
    }
}

/// Reads an array; one element that does not fit spoils the whole, and reading goes on inside it.
fn list(c: &mut Repeated<Column>, tokens: &mut Tokens, context: &mut Context) -> Read<()> {
    while !matches!(tokens.next()?, None | Some(Kind::EndArray)) {
        value(&mut c.child, tokens, context)?;
    }
    let len = c.child.len();
    c.commit(len);
    Ok(())
}

/// Reads a map; one value that does not fit spoils the whole, which is read to its end.
fn map(c: &mut Repeated<Entries>, tokens: &mut Tokens, context: &mut Context) -> Read<()> {
    let mut fits = true;
    while !matches!(tokens.next()?, None | Some(Kind::EndObject)) {
        let name = tokens.name().unwrap_or_default().to_owned();
        if value(&mut c.child.values, tokens, context).is_ok() {
            c.child.keys.push(name.as_bytes());
        } else {
            fits = false;
            tokens.skip_children()?;
        }
    }
    if !fits {
        return Err(Broken);
    }
    let len = c.child.values.len();
    c.commit(len);
    Ok(())
}

/// Appends the current value as JSON text.
fn copy(tokens: &mut Tokens, out: &mut Vec<u8>) -> Read<()> {
    match tokens.current().ok_or(Broken)? {
        Kind::Object => copy_members(tokens, out, true),
        Kind::Array => copy_members(tokens, out, false),
        Kind::Text => {
            push_units(tokens.text()?, out);
            Ok(())
        }
        Kind::Number => with_number(tokens, |number| push_number(number, out)),
        Kind::NonNumber(v) => {
            push_f64(v, out);
            Ok(())
        }
        word @ (Kind::True | Kind::False | Kind::Null) => {
            let word: &[u8] = match word {
                Kind::True => b"true",
                Kind::False => b"false",
                _ => b"null",
            };
            out.extend_from_slice(word);
            Ok(())
        }
        Kind::Name | Kind::EndObject | Kind::EndArray => Err(Broken),
    }
}

fn copy_members(tokens: &mut Tokens, out: &mut Vec<u8>, members: bool) -> Read<()> {
    out.push(if members { b'{' } else { b'[' });
    let mut first = true;
    loop {
        match tokens.next()? {
            Some(Kind::EndObject | Kind::EndArray) => break,
            None => return Err(Broken),
            Some(_) => {}
        }
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        if members {
            let name: Vec<u16> = tokens.name().unwrap_or_default().encode_utf16().collect();
            push_units(&name, out);
            out.push(b':');
            tokens.next()?;
        }
        copy(tokens, out)?;
    }
    out.push(if members { b'}' } else { b']' });
    Ok(())
}
