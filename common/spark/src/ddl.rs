//! Spark's schema text (`a INT, b STRUCT<x: STRING>, ...`) as Arrow fields and types.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, IntervalUnit, TimeUnit};

use crate::interval::{self, Range};

/// A schema or type text that could not be read.
///
/// Positions count characters from 1, as an editor's column does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DdlError {
    /// The text goes on in a way the grammar does not allow.
    #[error("schema text, position {position}: expected {expected}, found {found}")]
    Unexpected {
        /// Where, in characters from 1.
        position: usize,
        /// What would have been accepted here.
        expected: &'static str,
        /// What stands there instead, quoted.
        found: String,
    },
    /// A word stands where a type is due, but no type has this name.
    #[error("schema text, position {position}: `{name}` is not a type; expected one of {TYPE_NAMES}")]
    UnknownType {
        /// Where, in characters from 1.
        position: usize,
        /// The unknown word.
        name: String,
    },
    /// A decimal's precision or scale is out of range.
    #[error(
        "schema text, position {position}: DECIMAL({precision}, {scale}) is out of range; expected 1 <= precision <= 38 and 0 <= scale <= precision"
    )]
    DecimalRange {
        /// Where, in characters from 1.
        position: usize,
        /// The precision given.
        precision: u32,
        /// The scale given.
        scale: u32,
    },
    /// A text of limited length stands where only STRING can.
    #[error(
        "schema text, position {position}: {name} says how a table keeps texts; of data that is read, declare STRING"
    )]
    TextLength {
        /// Where, in characters from 1.
        position: usize,
        /// The name of the type.
        name: String,
    },
    /// Types are nested deeper than a sane schema ever is.
    #[error("schema text, position {position}: types are nested deeper than {MAX_DEPTH} levels")]
    TooDeep {
        /// Where, in characters from 1.
        position: usize,
    },
}

const MAX_DEPTH: usize = 100;

const TYPE_NAMES: &str = "BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, FLOAT, DOUBLE, DECIMAL(p,s), STRING, CHAR(n), VARCHAR(n), BINARY, DATE, TIMESTAMP, TIMESTAMP_NTZ, ARRAY<..>, MAP<..,..>, STRUCT<..>";

/// Reads a column list such as `a INT, b ARRAY<STRING> COMMENT 'x'`; `STRUCT<..>` around the whole is accepted too.
///
/// All fields are nullable, whatever `NOT NULL` says: the text describes data that comes from outside.
///
/// # Errors
/// Any [`DdlError`], at the first position that does not fit.
pub fn parse_schema(text: &str) -> Result<Vec<Field>, DdlError> {
    // A column may be called `struct`, so the column list is tried first and its error is the one shown.
    let columns = Parser::new(text).columns();
    if columns.is_err()
        && let Ok(DataType::Struct(fields)) = parse_type(text)
    {
        return Ok(fields.iter().map(|f| f.as_ref().clone()).collect());
    }
    columns
}

/// Reads one type such as `DECIMAL(10,2)` or `map<string, array<int>>`, case-insensitively.
///
/// # Errors
/// Any [`DdlError`], at the first position that does not fit.
pub fn parse_type(text: &str) -> Result<DataType, DdlError> {
    Parser::new(text).whole_type()
}

/// Reads what `from_json` takes as a schema: a type (`ARRAY<INT>`) or a column list, which gives a struct. CHAR and VARCHAR are
/// types of tables only.
///
/// # Errors
/// Any [`DdlError`]; of the two readings, the error of the one that got further.
pub fn parse_schema_or_type(text: &str) -> Result<DataType, DdlError> {
    match Parser::without_lengths(text).whole_type() {
        Ok(data_type) => Ok(data_type),
        Err(as_type) => match Parser::without_lengths(text).columns() {
            Ok(fields) => Ok(DataType::Struct(fields.into())),
            Err(as_columns) if as_columns.position() >= as_type.position() => Err(as_columns),
            Err(_) => Err(as_type),
        },
    }
}

impl DdlError {
    /// Returns where the text stops making sense, in characters from 1.
    pub fn position(&self) -> usize {
        match self {
            Self::Unexpected { position, .. }
            | Self::UnknownType { position, .. }
            | Self::DecimalRange { position, .. }
            | Self::TextLength { position, .. }
            | Self::TooDeep { position } => *position,
        }
    }
}

/// Returns the Arrow type of Spark's `ARRAY<element>`.
pub fn array_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

/// Returns the Arrow type of Spark's `MAP<key, value>`: entries `key` (never null) and `value`.
pub fn map_of(key: DataType, value: DataType) -> DataType {
    let entry = Fields::from(vec![Field::new("key", key, false), Field::new("value", value, true)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false)
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    /// Whether texts may be of limited length.
    lengths: bool,
}

impl Parser {
    fn new(text: &str) -> Self {
        Self {
            chars: text.chars().collect(),
            at: 0,
            lengths: true,
        }
    }

    fn without_lengths(text: &str) -> Self {
        Self {
            lengths: false,
            ..Self::new(text)
        }
    }

    fn whole_type(&mut self) -> Result<DataType, DdlError> {
        let data_type = self.data_type(0)?;
        self.end("end of the type")?;
        Ok(data_type)
    }

    fn columns(&mut self) -> Result<Vec<Field>, DdlError> {
        let mut fields = Vec::new();
        loop {
            fields.push(self.field(0)?);
            if !self.eat(',') {
                break;
            }
        }
        self.end("`,` or the end of the schema")?;
        Ok(fields)
    }

    fn skip_blank(&mut self) {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_blank();
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, wanted: char, expected: &'static str) -> Result<(), DdlError> {
        if self.eat(wanted) {
            Ok(())
        } else {
            Err(self.unexpected(expected))
        }
    }

    fn end(&mut self, expected: &'static str) -> Result<(), DdlError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected(expected)),
        }
    }

    fn unexpected(&mut self, expected: &'static str) -> DdlError {
        let found = match self.peek() {
            None => "the end of the text".to_owned(),
            Some(_) => {
                let word: String = self.chars[self.at..]
                    .iter()
                    .take_while(|c| is_word(**c))
                    .take(40)
                    .collect();
                let shown = if word.is_empty() {
                    self.chars[self.at].to_string()
                } else {
                    word
                };
                format!("`{shown}`")
            }
        };
        DdlError::Unexpected {
            position: self.at + 1,
            expected,
            found,
        }
    }

    fn word(&mut self) -> Option<String> {
        self.skip_blank();
        let word: String = self.chars[self.at..].iter().take_while(|c| is_word(**c)).collect();
        self.at += word.chars().count();
        (!word.is_empty()).then_some(word)
    }

    /// Consumes `wanted` if it is the next word, in any case.
    fn eat_word(&mut self, wanted: &str) -> bool {
        let before = self.at;
        if self.word().is_some_and(|w| w.eq_ignore_ascii_case(wanted)) {
            return true;
        }
        self.at = before;
        false
    }

    fn name(&mut self) -> Result<String, DdlError> {
        if self.eat('`') {
            return self.quoted('`', "a closing backquote");
        }
        match self.word() {
            Some(word) => Ok(word),
            None => Err(self.unexpected("a column name")),
        }
    }

    /// Reads up to the closing `quote`, which is written twice to stand for itself.
    fn quoted(&mut self, quote: char, expected: &'static str) -> Result<String, DdlError> {
        let mut text = String::new();
        while let Some(&c) = self.chars.get(self.at) {
            self.at += 1;
            if c != quote {
                if c == '\\' && quote != '`' {
                    self.at += 1;
                }
                text.push(c);
            } else if self.chars.get(self.at) == Some(&quote) {
                self.at += 1;
                text.push(quote);
            } else {
                return Ok(text);
            }
        }
        Err(self.unexpected(expected))
    }

    /// Reads `name [:] TYPE [NOT NULL] [COMMENT 'text']`.
    fn field(&mut self, depth: usize) -> Result<Field, DdlError> {
        let name = self.name()?;
        self.eat(':');
        let data_type = self.data_type(depth)?;
        if self.eat_word("not") && !self.eat_word("null") {
            return Err(self.unexpected("NULL after NOT"));
        }
        if self.eat_word("comment") {
            match self.peek() {
                Some(quote @ ('\'' | '"')) => {
                    self.at += 1;
                    self.quoted(quote, "the end of the comment's text")?;
                }
                _ => return Err(self.unexpected("the comment's text in quotes")),
            }
        }
        Ok(Field::new(name, data_type, true))
    }

    fn data_type(&mut self, depth: usize) -> Result<DataType, DdlError> {
        self.skip_blank();
        let position = self.at + 1;
        if depth > MAX_DEPTH {
            return Err(DdlError::TooDeep { position });
        }
        let Some(name) = self.word() else {
            return Err(self.unexpected("a type"));
        };
        Ok(match name.to_ascii_lowercase().as_str() {
            "boolean" => DataType::Boolean,
            "tinyint" | "byte" => DataType::Int8,
            "smallint" | "short" => DataType::Int16,
            "int" | "integer" => DataType::Int32,
            "bigint" | "long" => DataType::Int64,
            "float" | "real" => DataType::Float32,
            "double" => DataType::Float64,
            "string" => DataType::Utf8,
            "char" | "character" | "varchar" => {
                if !self.lengths {
                    return Err(DdlError::TextLength {
                        position,
                        name: name.to_ascii_uppercase(),
                    });
                }
                self.need('(', "`(` and a length")?;
                self.number()?;
                self.need(')', "`)`")?;
                DataType::Utf8
            }
            "binary" => DataType::Binary,
            "date" => DataType::Date32,
            "timestamp" | "timestamp_ltz" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            "timestamp_ntz" => DataType::Timestamp(TimeUnit::Microsecond, None),
            "decimal" | "dec" | "numeric" => self.decimal(position)?,
            "void" => DataType::Null,
            "interval" => self.interval(position)?,
            "array" => {
                self.need('<', "`<` and the element's type")?;
                let element = self.data_type(depth + 1)?;
                self.need('>', "`>`")?;
                array_of(element)
            }
            "map" => {
                self.need('<', "`<` and the key's type")?;
                let key = self.data_type(depth + 1)?;
                self.need(',', "`,` and the value's type")?;
                let value = self.data_type(depth + 1)?;
                self.need('>', "`>`")?;
                map_of(key, value)
            }
            "struct" => self.struct_type(depth)?,
            _ => return Err(DdlError::UnknownType { position, name }),
        })
    }

    /// Reads the fields of `INTERVAL DAY TO SECOND`; without any it is the calendar's interval.
    fn interval(&mut self, position: usize) -> Result<DataType, DdlError> {
        let from = self.at;
        let Some(start) = self.word().as_deref().and_then(interval::Field::named) else {
            self.at = from;
            return Ok(DataType::Interval(IntervalUnit::MonthDayNano));
        };
        let mut end = start;
        if self.eat_word("to") {
            let Some(field) = self.word().as_deref().and_then(interval::Field::named) else {
                return Err(self.unexpected("a smaller field of an interval"));
            };
            end = field;
        }
        match Range::new(start, end) {
            Some(range) => Ok(range.data_type()),
            None => Err(DdlError::UnknownType {
                position,
                name: format!("interval {} to {}", start.name(), end.name()),
            }),
        }
    }

    fn struct_type(&mut self, depth: usize) -> Result<DataType, DdlError> {
        self.need('<', "`<` and the struct's fields")?;
        let mut fields = Vec::new();
        if !self.eat('>') {
            loop {
                fields.push(self.field(depth + 1)?);
                if !self.eat(',') {
                    break;
                }
            }
            self.need('>', "`,` or `>`")?;
        }
        Ok(DataType::Struct(fields.into()))
    }

    fn decimal(&mut self, position: usize) -> Result<DataType, DdlError> {
        let (mut precision, mut scale) = (10, 0);
        if self.eat('(') {
            precision = self.number()?;
            if self.eat(',') {
                scale = self.number()?;
            }
            self.need(')', "`)`")?;
        }
        match (u8::try_from(precision), i8::try_from(scale)) {
            (Ok(p @ 1..=38), Ok(s)) if scale <= precision => Ok(DataType::Decimal128(p, s)),
            _ => Err(DdlError::DecimalRange {
                position,
                precision,
                scale,
            }),
        }
    }

    fn number(&mut self) -> Result<u32, DdlError> {
        self.skip_blank();
        let before = self.at;
        match self.word().and_then(|w| w.parse().ok()) {
            Some(number) => Ok(number),
            None => {
                self.at = before;
                Err(self.unexpected("a number"))
            }
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_columns_of_every_type() {
        let fields = parse_schema(
            "a INT, b STRUCT<x: STRING NOT NULL COMMENT 'it''s', y Long>, `odd ``name` ARRAY<MAP<STRING,INT>>, t TIMESTAMP, \
             n timestamp_ntz, d DECIMAL(10,2), e dec, f REAL, g BYTE NOT NULL, h varchar(10), i binary comment \"x\", struct date",
        )
        .unwrap();
        let names: Vec<_> = fields.iter().map(|f| f.name().as_str()).collect();
        assert_eq!(
            names,
            ["a", "b", "odd `name", "t", "n", "d", "e", "f", "g", "h", "i", "struct"]
        );
        assert!(fields.iter().all(Field::is_nullable));
        let inner = vec![
            Field::new("x", DataType::Utf8, true),
            Field::new("y", DataType::Int64, true),
        ];
        assert_eq!(fields[1].data_type(), &DataType::Struct(inner.into()));
        assert_eq!(
            fields[2].data_type(),
            &array_of(map_of(DataType::Utf8, DataType::Int32))
        );
        assert_eq!(
            fields[3].data_type(),
            &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        );
        assert_eq!(fields[4].data_type(), &DataType::Timestamp(TimeUnit::Microsecond, None));
        assert_eq!(fields[5].data_type(), &DataType::Decimal128(10, 2));
        assert_eq!(fields[6].data_type(), &DataType::Decimal128(10, 0));
        assert_eq!(fields[8].data_type(), &DataType::Int8);
        assert_eq!(fields[11].data_type(), &DataType::Date32);
    }

    #[test]
    fn a_struct_or_a_column_list_is_a_schema() {
        assert_eq!(parse_schema("struct<a:int>").unwrap(), parse_schema("a int").unwrap());
        assert_eq!(parse_schema_or_type("array<int>").unwrap(), array_of(DataType::Int32));
        assert!(matches!(parse_schema_or_type("a int, b string").unwrap(), DataType::Struct(f) if f.len() == 2));
        assert_eq!(parse_type("Integer").unwrap(), DataType::Int32);
    }

    #[test]
    fn errors_name_the_place() {
        let shown = |text: &str| parse_schema(text).unwrap_err().to_string();
        assert_eq!(
            shown("a INT b STRING"),
            "schema text, position 7: expected `,` or the end of the schema, found `b`"
        );
        assert!(shown("a INT, b SRTING").starts_with("schema text, position 10: `SRTING` is not a type"));
        assert_eq!(
            shown("a ARRAY<INT"),
            "schema text, position 12: expected `>`, found the end of the text"
        );
        assert_eq!(
            shown("a DECIMAL(40,2)").split(';').next(),
            Some("schema text, position 3: DECIMAL(40, 2) is out of range")
        );
        assert_eq!(
            shown(""),
            "schema text, position 1: expected a column name, found the end of the text"
        );
        assert_eq!(
            shown("a"),
            "schema text, position 2: expected a type, found the end of the text"
        );
        assert_eq!(
            shown("`a INT"),
            "schema text, position 7: expected a closing backquote, found the end of the text"
        );
        assert!(matches!(
            parse_type(&"array<".repeat(200)),
            Err(DdlError::TooDeep { .. })
        ));
    }
}
