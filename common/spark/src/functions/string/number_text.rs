//! `to_number`, `try_to_number` and `to_char` of numbers: text by a format of digits, separators and signs.

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, StringBuilder};
use arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use crate::cast::cast_array;
use crate::coerce::decimal_of;
use crate::functions::kernel::{Call, Function, Kind, Result, column};
use crate::number::{self, DecimalLayout};
use crate::types::DECIMAL_PRECISION_MAX;

const TEXT_AND_FORMAT: &[Kind] = &[Kind::Text, Kind::Text];
/// Decimal a double is read as.
const DOUBLE_AS_DECIMAL: DataType = DataType::Decimal128(30, 15);
/// Type of a number whose format is NULL.
const NO_FORMAT: DataType = DataType::Decimal128(10, 0);

pub fn functions() -> Vec<ScalarUDF> {
    let no_format = |_: &[DataType]| Ok(NO_FORMAT);
    vec![
        Function::new("to_number", TEXT_AND_FORMAT, no_format, |call| to_number(call, true))
            .returns_by_constants(number_type)
            .udf(),
        Function::new("try_to_number", TEXT_AND_FORMAT, no_format, |call| {
            to_number(call, false)
        })
        .returns_by_constants(number_type)
        .udf(),
        Function::new("to_char", &[Kind::Number, Kind::Text], |_| Ok(DataType::Utf8), to_char)
            .returns_by_constants(|_, constants| {
                format_of(constants.get(1).copied().flatten())?;
                Ok(DataType::Utf8)
            })
            .aliases(&["to_varchar"])
            .udf(),
    ]
}

/// Digits of a format that stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Digits {
    count: usize,
    /// Begins with `0`: exactly that many digits.
    exact: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// Digits between separators, left to right; before the point or behind it.
    Groups(Vec<Digits>),
    Point,
    Dollar,
    /// `S`.
    Sign,
    /// `MI`.
    Minus,
    Open,
    Close,
}

/// A number format, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Format {
    tokens: Vec<Token>,
    whole: usize,
    places: usize,
}

/// The format of a constant; none when it is NULL.
fn format_of(constant: Option<&ScalarValue>) -> Result<Option<Format>> {
    match constant {
        Some(ScalarValue::Utf8(Some(text))) => Format::parse(text).map(Some),
        Some(_) => Ok(None),
        None => plan_err!("the number format must be a constant"),
    }
}

fn number_type(_: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(match format_of(constants.get(1).copied().flatten())? {
        Some(format) => DataType::Decimal128((format.whole + format.places) as u8, format.places as i8),
        None => NO_FORMAT,
    })
}

impl Format {
    fn parse(text: &str) -> Result<Self> {
        let mut tokens = Vec::new();
        let mut rest = text.to_ascii_uppercase();
        if rest.is_empty() {
            return plan_err!("the number format is empty");
        }
        if rest.ends_with("PR") {
            tokens.push(Token::Open);
        }
        while let Some(first) = rest.chars().next() {
            let (token, length) = match first {
                '0' | '9' | ',' | 'G' => {
                    let end = rest.find(|c| !matches!(c, '0' | '9' | ',' | 'G')).unwrap_or(rest.len());
                    (groups(&rest[..end], text)?, end)
                }
                '.' | 'D' => (Token::Point, 1),
                '$' => (Token::Dollar, 1),
                'S' => (Token::Sign, 1),
                'M' if rest.starts_with("MI") => (Token::Minus, 2),
                'P' if rest.starts_with("PR") => (Token::Close, 2),
                other => return plan_err!("the number format '{text}' holds '{other}', which is no part of a format"),
            };
            tokens.push(token);
            rest.drain(..length);
        }
        Self::checked(tokens, text)
    }

    /// The parts of a format have an order, and most come once.
    fn checked(tokens: Vec<Token>, text: &str) -> Result<Self> {
        let sign = |token: &Token| matches!(token, Token::Sign | Token::Minus);
        let end = |token: &Token| matches!(token, Token::Sign | Token::Minus | Token::Close);
        let digits = |token: &Token| matches!(token, Token::Groups(_));
        let order: [&dyn Fn(&Token) -> bool; 8] = [
            &|token| *token == Token::Open,
            &sign,
            &|token| *token == Token::Dollar,
            &digits,
            &|token| *token == Token::Point,
            &digits,
            &|token| *token == Token::Dollar,
            &end,
        ];
        let mut at = 0;
        for allowed in order {
            if tokens.get(at).is_some_and(allowed) {
                at += 1;
            }
        }
        let signs = tokens.iter().filter(|token| end(token)).count();
        let dollars = tokens.iter().filter(|token| **token == Token::Dollar).count();
        if at < tokens.len() || signs > 1 || dollars > 1 || !tokens.iter().any(digits) {
            return plan_err!(
                "the number format '{text}' is not in the order [MI | S] [$] [0 9 , G]... [. | D] [0 9]... [$] [PR | MI | S]"
            );
        }
        let (mut whole, mut places, mut behind) = (0, 0, false);
        for token in &tokens {
            match token {
                Token::Point => behind = true,
                Token::Groups(groups) => {
                    let count: usize = groups.iter().map(|digits| digits.count).sum();
                    *(if behind { &mut places } else { &mut whole }) += count;
                }
                _ => {}
            }
        }
        if whole + places > usize::from(DECIMAL_PRECISION_MAX) {
            return plan_err!("the number format '{text}' has more than {DECIMAL_PRECISION_MAX} digits");
        }
        Ok(Self { tokens, whole, places })
    }

    /// Reads a text: the unscaled number, none when it does not fit the format.
    fn read(&self, text: &str) -> Option<i128> {
        let mut rest = text;
        let (mut whole, mut places) = (String::new(), String::new());
        let (mut behind, mut negative, mut opened, mut closed) = (false, false, false, false);
        for token in &self.tokens {
            let next = rest.chars().next();
            let taken = match (token, next) {
                (Token::Groups(groups), _) => {
                    rest = read_groups(groups, rest, if behind { &mut places } else { &mut whole })?;
                    false
                }
                (Token::Point, Some('.')) => {
                    behind = true;
                    true
                }
                (Token::Dollar, Some('$')) | (Token::Sign, Some('+')) => true,
                (Token::Dollar, Some(_)) => return None,
                (Token::Sign | Token::Minus, Some('-')) => {
                    negative = true;
                    true
                }
                (Token::Open, Some('<')) => {
                    opened = true;
                    true
                }
                (Token::Close, Some('>')) if opened => {
                    (closed, negative) = (true, true);
                    true
                }
                (Token::Close, Some('>')) => return None,
                _ => false,
            };
            if taken {
                rest = &rest[1..];
            }
        }
        // A text without digits is 0 where the format has places, and no number otherwise.
        let nothing = whole.is_empty() && places.is_empty() && self.places == 0;
        if !rest.is_empty() || opened != closed || nothing {
            return None;
        }
        places.extend(std::iter::repeat_n('0', self.places.saturating_sub(places.len())));
        let unscaled: i128 = format!("{whole}{places}").parse().ok()?;
        Some(if negative { -unscaled } else { unscaled })
    }
}

/// The groups of digits between separators.
fn groups(part: &str, format: &str) -> Result<Token> {
    let mut groups: Vec<Digits> = Vec::new();
    for group in part.split([',', 'G']) {
        if group.is_empty() {
            return plan_err!("a separator of the number format '{format}' has no digits beside it");
        }
        groups.push(Digits {
            count: group.len(),
            exact: group.starts_with('0'),
        });
    }
    Ok(Token::Groups(groups))
}

/// Takes digits, separators and blanks off a text when they fit the groups, the last group first.
fn read_groups<'t>(groups: &[Digits], text: &'t str, digits: &mut String) -> Option<&'t str> {
    let part = |c: char| c.is_whitespace() || c.is_ascii_digit() || c == ',';
    let end = text.find(|c| !part(c)).unwrap_or(text.len());
    let mut sizes = Vec::new();
    for group in text[..end].split(',') {
        let before = digits.len();
        digits.extend(group.chars().filter(char::is_ascii_digit));
        sizes.push(digits.len() - before);
    }
    if sizes.len() > groups.len() {
        return None;
    }
    let sizes = sizes.into_iter().rev().chain(std::iter::repeat(0));
    let fits = groups.iter().rev().zip(sizes).all(|(wanted, size)| match wanted.exact {
        true => size == wanted.count,
        false => size <= wanted.count,
    });
    fits.then(|| &text[end..])
}

fn to_number(call: &Call<'_>, fails: bool) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let format = format_of(call.constant(1))?;
    let DataType::Decimal128(precision, scale) = call.returns else {
        return exec_err!("to_number gives a decimal");
    };
    let mut numbers = Vec::with_capacity(texts.len());
    for text in &texts {
        let (Some(text), Some(format)) = (text, &format) else {
            numbers.push(None);
            continue;
        };
        let number = format.read(text);
        if number.is_none() && fails {
            return exec_err!("the text '{text}' does not fit the number format; try_to_number gives NULL");
        }
        numbers.push(number);
    }
    column(Decimal128Array::from(numbers).with_precision_and_scale(*precision, *scale)?)
}

fn to_char(call: &Call<'_>) -> Result<ArrayRef> {
    let given = call.column(0)?;
    let format = format_of(call.constant(1))?;
    let kind = match given.data_type() {
        DataType::Float32 | DataType::Float64 | DataType::Null => DOUBLE_AS_DECIMAL,
        other => decimal_of(other).map_or(DOUBLE_AS_DECIMAL, |(precision, scale)| {
            DataType::Decimal128(precision, scale)
        }),
    };
    let values = cast_array(&given, &kind, &call.zone)?;
    let values = values.as_primitive::<Decimal128Type>();
    let mut builder = StringBuilder::with_capacity(values.len(), values.len() * 12);
    let mut plain = String::new();
    for row in 0..values.len() {
        match &format {
            Some(format) if values.is_valid(row) => {
                plain.clear();
                number::write_decimal(values.value(row), values.scale(), DecimalLayout::Plain, &mut plain);
                builder.append_value(format.write(&plain));
            }
            _ => builder.append_null(),
        }
    }
    column(builder.finish())
}

impl Format {
    /// Lays out a plain decimal text; `#` stand for digits when there are too many.
    fn write(&self, plain: &str) -> String {
        let negative = plain.starts_with('-') && plain.contains(|c: char| matches!(c, '1'..='9'));
        let digits = plain.trim_start_matches('-');
        let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
        let (whole, places) = (whole.trim_start_matches('0'), places.trim_end_matches('0'));
        let (whole, places) = if whole.len() > self.whole || places.len() > self.places {
            ("#".repeat(self.whole), "#".repeat(self.places))
        } else {
            (
                format!("{whole:>0$}", self.whole),
                format!("{places:0<0$}", self.places),
            )
        };
        let (mut whole, mut places) = (whole.chars(), places.chars());
        let mut out = Vec::new();
        let mut behind = false;
        for token in &self.tokens {
            match token {
                Token::Groups(groups) if behind => {
                    let count = groups.iter().map(|digits| digits.count).sum();
                    out.extend(places.by_ref().take(count));
                }
                Token::Groups(groups) => write_groups(groups, &mut whole, &mut out),
                Token::Point => {
                    // A number below 1 shows a zero before the point.
                    if let Some(last) = out.last_mut().filter(|last| **last == ' ') {
                        *last = '0';
                    }
                    out.push('.');
                    behind = true;
                }
                Token::Dollar => out.push('$'),
                Token::Sign => push_before_blanks(&mut out, if negative { '-' } else { '+' }),
                Token::Minus if negative => push_before_blanks(&mut out, '-'),
                Token::Minus => out.push(' '),
                Token::Open if negative => out.push('<'),
                Token::Open => {}
                Token::Close if negative => push_before_blanks(&mut out, '>'),
                Token::Close => out.extend([' ', ' ']),
            }
        }
        blank_lone_point(&mut out);
        out.into_iter().collect()
    }
}

fn write_groups(groups: &[Digits], whole: &mut std::str::Chars<'_>, out: &mut Vec<char>) {
    for (at, group) in groups.iter().enumerate() {
        if at > 0 {
            match out.last() {
                Some(last) if last.is_ascii_digit() => out.push(','),
                _ => push_behind_sign(out),
            }
        }
        for digit in whole.by_ref().take(group.count) {
            match digit {
                ' ' if group.exact => out.push('0'),
                ' ' => push_behind_sign(out),
                digit => out.push(digit),
            }
        }
    }
}

/// Adds a sign, before the blanks at the end.
fn push_before_blanks(out: &mut Vec<char>, sign: char) {
    let at = out.iter().rposition(|c| *c != ' ').map_or(0, |at| at + 1);
    out.insert(at, sign);
}

/// Adds a blank, before a sign at the end.
fn push_behind_sign(out: &mut Vec<char>) {
    let at = out
        .iter()
        .rposition(|c| !matches!(c, '+' | '-' | '<'))
        .map_or(0, |at| at + 1);
    out.insert(at, ' ');
}

/// A point without places becomes a blank.
fn blank_lone_point(out: &mut [char]) {
    if let Some(at) = out.iter().position(|c| *c == '.')
        && out.get(at + 1).is_none_or(|next| *next == ' ')
    {
        out[at] = ' ';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_follow_the_format() {
        let read = |text: &str, format: &str| Format::parse(format).unwrap().read(text);
        assert_eq!(read("12,454.8-", "99,999.9S"), Some(-124_548));
        assert_eq!(read("454", "9,999"), Some(454));
        assert_eq!(read("1454", "9,999"), None);
        assert_eq!(read("45", "099"), None);
        assert_eq!(read("<454>", "999PR"), Some(-454));
        let write = |plain: &str, format: &str| Format::parse(format).unwrap().write(plain);
        assert_eq!(write("-12454.8", "99,999.9PR"), "<12,454.8>");
        assert_eq!(write("-0.5", "S9.99"), " -.50");
        assert_eq!(write("0.5", "9.99"), "0.50");
        assert_eq!(write("12345", "9,999"), "# ###");
        assert_eq!(write("-234.5", "MI$9,999.99"), "-$  234.50");
        assert!(Format::parse("9.9.9").is_err());
        assert!(Format::parse("x99").is_err());
    }
}
