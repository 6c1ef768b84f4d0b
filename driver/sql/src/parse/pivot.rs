//! What PIVOT aggregates, for a parser that knows nothing but single calls there.

use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, FunctionArguments};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::lex::is_keyword;
use super::rows::{made, quoted};

/// The name of the call that an expression over aggregates is put into.
const COMPUTED: &str = "\u{1}pivot";

/// The expression that stands in a call made here, or the expression itself.
pub(crate) fn computed(e: &ast::Expr) -> &ast::Expr {
    if let ast::Expr::Function(function) = e
        && let Some(ast::ObjectNamePart::Identifier(name)) = function.name.0.first()
        && name.value == COMPUTED
        && let FunctionArguments::List(list) = &function.args
        && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(inner))] = list.args.as_slice()
    {
        return inner;
    }
    e
}

/// Puts what PIVOT aggregates into a call of [`COMPUTED`] where it is more than a call: `max(v) - min(v)`.
pub(super) fn aggregates(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut i = 0;
    while let Some(token) = tokens.get(i) {
        out.push(token.clone());
        i += 1;
        let open = tokens.get(i).filter(|t| t.token == Token::LParen);
        let (true, Some(open)) = (is_keyword(&token.token, &["PIVOT"]), open) else {
            continue;
        };
        let Some((items, end)) = items(&tokens, i + 1) else {
            continue;
        };
        out.push(open.clone());
        for (n, (from, to)) in items.into_iter().enumerate() {
            if n > 0 {
                out.push(tokens[from - 1].clone());
            }
            push_item(&mut out, &tokens[from..to]);
        }
        i = end;
    }
    out
}

fn push_item(out: &mut Vec<TokenWithSpan>, item: &[TokenWithSpan]) {
    let (expr, alias) = item.split_at(alias_start(item));
    let (Some(first), Some(last), false) = (expr.first(), expr.last(), is_call(expr)) else {
        out.extend_from_slice(item);
        return;
    };
    out.push(quoted(COMPUTED, first.span));
    out.push(made(Token::LParen, first.span));
    out.extend_from_slice(expr);
    out.push(made(Token::RParen, last.span));
    out.extend_from_slice(alias);
}

/// Where the name of an item begins: `AS name` or a name behind a value.
fn alias_start(item: &[TokenWithSpan]) -> usize {
    match item {
        [.., word, _] if is_keyword(&word.token, &["AS"]) => item.len() - 2,
        [.., before, name]
            if matches!(name.token, Token::Word(_))
                && !is_keyword(&name.token, &["END", "NULL", "TRUE", "FALSE"])
                && matches!(before.token, Token::RParen | Token::RBracket | Token::Number(..)) =>
        {
            item.len() - 1
        }
        _ => item.len(),
    }
}

/// The ranges of the items from `start` to FOR, and where FOR is.
fn items(tokens: &[TokenWithSpan], start: usize) -> Option<(Vec<(usize, usize)>, usize)> {
    let (mut depth, mut from) = (0_usize, start);
    let mut found = Vec::new();
    for (i, token) in tokens.iter().enumerate().skip(start) {
        match &token.token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth = depth.checked_sub(1)?,
            Token::Comma if depth == 0 => {
                found.push((from, i));
                from = i + 1;
            }
            word if depth == 0 && is_keyword(word, &["FOR"]) => {
                found.push((from, i));
                return Some((found, i));
            }
            _ => {}
        }
    }
    None
}

/// Whether the tokens are one call and nothing else.
fn is_call(tokens: &[TokenWithSpan]) -> bool {
    let [name, open, rest @ ..] = tokens else { return false };
    if !matches!(name.token, Token::Word(_)) || open.token != Token::LParen {
        return false;
    }
    let mut depth = 1_usize;
    for (i, token) in rest.iter().enumerate() {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            // What may follow the arguments belongs to the call.
            return rest
                .get(i + 1)
                .is_none_or(|t| is_keyword(&t.token, &["FILTER", "WITHIN"]));
        }
    }
    false
}
