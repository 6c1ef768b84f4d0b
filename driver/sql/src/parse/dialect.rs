//! sqlparser's Spark dialect with what it lacks.

use std::any::TypeId;

use sqlparser::ast::{BinaryOperator, Expr, TrimWhereField};
use sqlparser::dialect::{Dialect, SparkSqlDialect};
use sqlparser::keywords::{Keyword, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_TABLE_ALIAS};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

/// Spark SQL as this crate reads it. Differs from sqlparser's own in these things: a backslash escapes in strings, an interval
/// literal has no unit (the tokens before were rewritten to hold it), and DIV binds as tightly as `*`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobDialect;

const SPARK: SparkSqlDialect = SparkSqlDialect;

/// Words that begin a clause in other dialects; in Spark's they are names of tables and columns like others.
const OTHERS_KEYWORDS: [Keyword; 7] = [
    Keyword::END,
    Keyword::SET,
    Keyword::START,
    Keyword::GLOBAL,
    Keyword::ANALYZE,
    Keyword::EXCLUDE,
    Keyword::EXPLAIN,
];

impl Dialect for JobDialect {
    fn dialect(&self) -> TypeId {
        TypeId::of::<SparkSqlDialect>()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        SPARK.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        SPARK.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        SPARK.is_identifier_part(ch)
    }

    fn supports_table_sample_before_alias(&self) -> bool {
        true
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }

    /// Names of date parts keep the case in which they are written.
    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_group_by_with_modifier(&self) -> bool {
        true
    }

    fn supports_lambda_functions(&self) -> bool {
        true
    }

    fn supports_select_wildcard_except(&self) -> bool {
        true
    }

    fn supports_struct_literal(&self) -> bool {
        true
    }

    fn supports_order_by_all(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn supports_values_as_table_factor(&self) -> bool {
        true
    }

    fn supports_long_type_as_bigint(&self) -> bool {
        true
    }

    fn require_interval_qualifier(&self) -> bool {
        false
    }

    fn supports_interval_options(&self) -> bool {
        true
    }

    fn supports_bang_not_operator(&self) -> bool {
        true
    }

    fn supports_select_item_multi_column_alias(&self) -> bool {
        true
    }

    fn supports_cte_without_as(&self) -> bool {
        true
    }

    fn supports_map_literal_with_angle_brackets(&self) -> bool {
        true
    }

    fn supports_from_first_select(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_within_after_array_aggregation(&self) -> bool {
        true
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }

    fn is_table_alias(&self, word: &Keyword, _: &mut Parser) -> bool {
        let name =
            [Keyword::ARRAY, Keyword::FORMAT, Keyword::PARTITION].contains(word) || OTHERS_KEYWORDS.contains(word);
        name || !RESERVED_FOR_TABLE_ALIAS.contains(word)
    }

    fn is_column_alias(&self, word: &Keyword, _: &mut Parser) -> bool {
        let name = [Keyword::VIEW, Keyword::VALUES].contains(word) || OTHERS_KEYWORDS.contains(word);
        name || !RESERVED_FOR_COLUMN_ALIAS.contains(word)
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        trim_of_blanks(parser).or_else(|| struct_of_fields(parser))
    }

    fn parse_infix(&self, parser: &mut Parser, expr: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
        if !parser.parse_keyword(Keyword::DIV) {
            return None;
        }
        Some(parser.parse_subexpr(precedence).map(|right| Expr::BinaryOp {
            left: Box::new(expr.clone()),
            op: BinaryOperator::MyIntegerDivide,
            right: Box::new(right),
        }))
    }
}

/// `TRIM(BOTH FROM x)`: sqlparser wants to be told what to take off.
fn trim_of_blanks(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let mut ahead = (0..4).map(|n| parser.peek_nth_token(n).token);
    let (trim, open, side, from) = (ahead.next()?, ahead.next()?, ahead.next()?, ahead.next()?);
    let is = |token: &Token, keyword| matches!(token, Token::Word(w) if w.keyword == keyword);
    if !is(&trim, Keyword::TRIM) || open != Token::LParen || !is(&from, Keyword::FROM) {
        return None;
    }
    let trim_where = match side {
        Token::Word(w) if w.keyword == Keyword::BOTH => TrimWhereField::Both,
        Token::Word(w) if w.keyword == Keyword::LEADING => TrimWhereField::Leading,
        Token::Word(w) if w.keyword == Keyword::TRAILING => TrimWhereField::Trailing,
        _ => return None,
    };
    for _ in 0..4 {
        parser.advance_token();
    }
    Some(parser.parse_expr().and_then(|expr| {
        parser.expect_token(&Token::RParen)?;
        Ok(Expr::Trim {
            expr: Box::new(expr),
            trim_where: Some(trim_where),
            trim_what: None,
            trim_characters: None,
        })
    }))
}

/// `struct(t.*, x AS name)`: sqlparser has no stars beside names.
fn struct_of_fields(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let Token::Word(word) = parser.peek_nth_token(0).token else {
        return None;
    };
    let call = word.keyword == Keyword::STRUCT && parser.peek_nth_token(1).token == Token::LParen;
    if !call {
        return None;
    }
    parser.advance_token();
    parser.advance_token();
    let fields = parser.parse_comma_separated(|parser| {
        let expr = parser.parse_wildcard_expr()?;
        if !parser.parse_keyword(Keyword::AS) {
            return Ok(expr);
        }
        let name = parser.parse_identifier()?;
        Ok(Expr::Named {
            expr: Box::new(expr),
            name,
        })
    });
    Some(fields.and_then(|values| {
        parser.expect_token(&Token::RParen)?;
        Ok(Expr::Struct {
            values,
            fields: Vec::new(),
        })
    }))
}
