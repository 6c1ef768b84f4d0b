//! A tokenizer that can be asked to go on behind an error.
//!
//! Spark keeps reading a record after a field that is not JSON, from wherever its tokenizer stood when it gave up. What the
//! rest of the record means then depends on how far each kind of error reads, on the containers still open and on values that
//! were promised but never read. This tokenizer has the same positions and states; it is for records the scanner refused, so
//! it works on UTF-16 units as the original does and does not hurry.

use super::scan::{Leniency, MAX_DEPTH, MAX_NUMBER_LEN};
use super::units::{ascii, is_digit, is_name_part, is_name_start, is_word_part, readable};

/// The text cannot be read on from here as it should be; asking for the next token goes on behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

pub(crate) type Read<T> = Result<T, Broken>;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Object,
    EndObject,
    Array,
    EndArray,
    Name,
    /// The text is behind [`Tokens::text`].
    Text,
    /// The text is behind [`Tokens::number`].
    Number,
    /// `NaN` or an infinity, written bare.
    NonNumber(f64),
    True,
    False,
    Null,
}

/// An open container.
#[derive(Debug, Clone, Default)]
struct Level {
    object: bool,
    /// Values seen or tried: the first needs no comma.
    begun: bool,
    name: Option<String>,
}

/// A cursor over one record.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    units: Vec<u16>,
    pos: usize,
    rules: Leniency,
    open: Vec<Level>,
    current: Option<Kind>,
    /// The value behind the current name.
    promised: Option<Kind>,
    /// The opening quote of the current text was read, nothing more.
    unread_text: bool,
    text: Vec<u16>,
}

const QUOTE: u16 = b'"' as u16;
const APOSTROPHE: u16 = b'\'' as u16;
const BACKSLASH: u16 = b'\\' as u16;
const BLANK: u16 = b' ' as u16;

impl Tokens {
    pub fn new(text: &str, rules: Leniency) -> Self {
        Self {
            units: text.encode_utf16().collect(),
            pos: 0,
            rules,
            open: Vec::new(),
            current: None,
            promised: None,
            unread_text: false,
            text: Vec::new(),
        }
    }

    pub fn current(&self) -> Option<Kind> {
        self.current
    }

    /// The name the current token belongs to: that of the container for its opening bracket.
    pub fn name(&self) -> Option<&str> {
        let opening = matches!(self.current, Some(Kind::Object | Kind::Array));
        let level = self.open.len().checked_sub(if opening { 2 } else { 1 });
        level.and_then(|at| self.open.get(at))?.name.as_deref()
    }

    /// Moves to the next token; `None` at the end, and behind a name whose value is not one.
    pub fn next(&mut self) -> Read<Option<Kind>> {
        if self.current == Some(Kind::Name) {
            self.current = self.promised.take();
            self.enter_if_container()?;
            return Ok(self.current);
        }
        if std::mem::take(&mut self.unread_text) {
            self.read_text(QUOTE)?;
        }
        let Some(mut unit) = self.skip_blank()? else {
            if !self.open.is_empty() {
                return Err(Broken);
            }
            self.current = None;
            return Ok(None);
        };
        if let Some(object) = match ascii(unit) {
            b']' => Some(false),
            b'}' => Some(true),
            _ => None,
        } {
            return self.close(object).map(Some);
        }
        let in_object = match self.open.last_mut() {
            Some(level) => {
                let object = level.object;
                if std::mem::replace(&mut level.begun, true) {
                    unit = self.behind_comma(unit)?;
                }
                object
            }
            None => false,
        };
        if in_object {
            let name = self.read_name(unit)?;
            if let Some(level) = self.open.last_mut() {
                level.name = Some(name);
            }
            self.current = Some(Kind::Name);
            unit = self.behind_colon()?;
        }
        let value = self.value(unit)?;
        if in_object {
            self.promised = Some(value);
        } else {
            self.current = Some(value);
            self.enter_if_container()?;
        }
        Ok(self.current)
    }

    fn enter_if_container(&mut self) -> Read<()> {
        let object = match self.current {
            Some(Kind::Object) => true,
            Some(Kind::Array) => false,
            _ => return Ok(()),
        };
        self.open.push(Level {
            object,
            ..Level::default()
        });
        if self.open.len() > MAX_DEPTH {
            Err(Broken)
        } else {
            Ok(())
        }
    }

    fn close(&mut self, object: bool) -> Read<Kind> {
        match self.open.last() {
            Some(level) if level.object == object => {}
            _ => return Err(Broken),
        }
        self.open.pop();
        let kind = if object { Kind::EndObject } else { Kind::EndArray };
        self.current = Some(kind);
        Ok(kind)
    }

    /// If the current token opens a container: moves to its end.
    pub fn skip_children(&mut self) -> Read<()> {
        if !matches!(self.current, Some(Kind::Object | Kind::Array)) {
            return Ok(());
        }
        let mut open = 1;
        while open > 0 {
            match self.next()? {
                Some(Kind::Object | Kind::Array) => open += 1,
                Some(Kind::EndObject | Kind::EndArray) => open -= 1,
                Some(_) => {}
                None if self.open.is_empty() => return Ok(()),
                None => return Err(Broken),
            }
        }
        Ok(())
    }

    /// The current text, read to its end if it was not yet.
    pub fn text(&mut self) -> Read<&[u16]> {
        if std::mem::take(&mut self.unread_text) {
            self.read_text(QUOTE)?;
        }
        Ok(&self.text)
    }

    /// The current number as written.
    pub fn number(&self) -> String {
        String::from_utf16_lossy(&self.text)
    }

    /// Whether the current token is a text of which only the quote was read.
    pub fn is_unread(&self) -> bool {
        self.unread_text
    }

    /// Decodes the unread text by Base64. After an error its rest still counts as unread, wherever that begins.
    pub fn base64(&mut self, out: &mut Vec<u8>) -> Read<()> {
        super::base64_text::decode(self, out)?;
        self.unread_text = false;
        Ok(())
    }

    fn peek(&self) -> Option<u16> {
        self.units.get(self.pos).copied()
    }

    pub(super) fn take(&mut self) -> Read<u16> {
        let unit = self.peek().ok_or(Broken)?;
        self.pos += 1;
        Ok(unit)
    }

    pub(super) fn step_back(&mut self) {
        self.pos -= 1;
    }

    /// Consumes blanks and comments and the unit behind them.
    fn skip_blank(&mut self) -> Read<Option<u16>> {
        while let Some(unit) = self.peek() {
            self.pos += 1;
            match ascii(unit) {
                b' ' | b'\t' | b'\n' | b'\r' => {}
                b'/' => self.skip_comment()?,
                _ if unit < BLANK => return Err(Broken),
                _ => return Ok(Some(unit)),
            }
        }
        Ok(None)
    }

    fn skip_comment(&mut self) -> Read<()> {
        if !self.rules.comments {
            return Err(Broken);
        }
        match ascii(self.take()?) {
            b'/' => {
                while self.peek().is_some_and(|unit| !matches!(ascii(unit), b'\n' | b'\r')) {
                    self.pos += 1;
                }
                Ok(())
            }
            b'*' => loop {
                if ascii(self.take()?) == b'*' && self.peek().ok_or(Broken)? == u16::from(b'/') {
                    self.pos += 1;
                    return Ok(());
                }
            },
            _ => Err(Broken),
        }
    }

    fn behind_comma(&mut self, unit: u16) -> Read<u16> {
        if ascii(unit) == b',' {
            self.skip_blank()?.ok_or(Broken)
        } else {
            Err(Broken)
        }
    }

    fn behind_colon(&mut self) -> Read<u16> {
        match self.skip_blank()? {
            Some(unit) if ascii(unit) == b':' => self.skip_blank()?.ok_or(Broken),
            _ => Err(Broken),
        }
    }

    fn read_name(&mut self, first: u16) -> Read<String> {
        let quote = match first {
            QUOTE => QUOTE,
            APOSTROPHE if self.rules.single_quotes => APOSTROPHE,
            _ if self.rules.unquoted_names && is_name_part(first) => {
                let start = self.pos - 1;
                while self.peek().is_some_and(is_name_part) {
                    self.pos += 1;
                }
                return Ok(readable(&self.units[start..self.pos]));
            }
            _ => return Err(Broken),
        };
        let before = std::mem::take(&mut self.text);
        let read = self.read_text(quote);
        let name = readable(&self.text);
        self.text = before;
        read.map(|()| name)
    }

    /// Reads up to the closing quote.
    fn read_text(&mut self, quote: u16) -> Read<()> {
        self.text.clear();
        loop {
            let mut unit = self.take()?;
            if unit == quote {
                return Ok(());
            }
            if unit == BACKSLASH {
                unit = self.escape()?;
            } else if unit < BLANK && !self.rules.control_characters {
                return Err(Broken);
            }
            self.text.push(unit);
        }
    }

    /// Reads what follows a backslash.
    pub(super) fn escape(&mut self) -> Read<u16> {
        let unit = self.take()?;
        Ok(match ascii(unit) {
            b'b' => 8,
            b't' => 9,
            b'n' => 10,
            b'f' => 12,
            b'r' => 13,
            b'"' | b'/' | b'\\' => unit,
            b'u' => {
                let mut code = 0;
                for _ in 0..4 {
                    let digit = char::from(ascii(self.take()?)).to_digit(16).ok_or(Broken)?;
                    code = code * 16 + digit as u16;
                }
                code
            }
            _ if self.rules.backslash_any => unit,
            b'\'' if self.rules.single_quotes => unit,
            _ => return Err(Broken),
        })
    }

    /// Reads the value that begins with `unit`; of a text only the quote.
    fn value(&mut self, unit: u16) -> Read<Kind> {
        match ascii(unit) {
            b'"' => {
                self.unread_text = true;
                Ok(Kind::Text)
            }
            b'[' => Ok(Kind::Array),
            b'{' => Ok(Kind::Object),
            b't' => self.word("true", 1).map(|()| Kind::True),
            b'f' => self.word("false", 1).map(|()| Kind::False),
            b'n' => self.word("null", 1).map(|()| Kind::Null),
            b'-' => self.number_from(self.pos - 1, true),
            b'0'..=b'9' => self.number_from(self.pos - 1, false),
            b'\'' if self.rules.single_quotes => self.read_text(APOSTROPHE).map(|()| Kind::Text),
            b'N' => self.word("NaN", 1).and_then(|()| self.non_number(f64::NAN)),
            b'I' => self.word("Infinity", 1).and_then(|()| self.non_number(f64::INFINITY)),
            b'+' => {
                let next = self.take()?;
                self.infinity(next, false)
            }
            _ => {
                if is_name_start(unit) {
                    self.skip_word();
                }
                Err(Broken)
            }
        }
    }

    fn non_number(&self, value: f64) -> Read<Kind> {
        if self.rules.non_numeric_numbers {
            Ok(Kind::NonNumber(value))
        } else {
            Err(Broken)
        }
    }

    /// Reads the rest of a word of which `at` units were read. An error reads on to the end of what looks like a word.
    fn word(&mut self, word: &str, at: usize) -> Read<()> {
        for expected in word.bytes().skip(at) {
            match self.peek() {
                Some(unit) if unit == u16::from(expected) => self.pos += 1,
                _ => {
                    self.skip_word();
                    return Err(Broken);
                }
            }
        }
        if self
            .peek()
            .is_some_and(|unit| unit >= u16::from(b'0') && is_word_part(unit))
        {
            self.skip_word();
            return Err(Broken);
        }
        Ok(())
    }

    fn skip_word(&mut self) {
        while self.peek().is_some_and(is_word_part) {
            self.pos += 1;
        }
    }

    /// Reads `INF` or `Infinity` behind a sign, of which `unit` was read.
    fn infinity(&mut self, unit: u16, negative: bool) -> Read<Kind> {
        if ascii(unit) != b'I' {
            return Err(Broken);
        }
        let word = match ascii(self.take()?) {
            b'N' => "INF",
            b'n' => "Infinity",
            _ => return Err(Broken),
        };
        self.word(word, 2)?;
        self.non_number(if negative { f64::NEG_INFINITY } else { f64::INFINITY })
    }

    /// Reads the number that starts at `start`, sign included. How far an error reads depends on where a number ends: one
    /// that runs to the end of the record, or starts with a zero, is read again unit by unit.
    fn number_from(&mut self, start: usize, negative: bool) -> Read<Kind> {
        if negative {
            let first = self.take()?;
            if !is_digit(first) {
                return self.infinity(first, true);
            }
        }
        let first = self.pos - 1;
        self.text.clear();
        if ascii(self.units[first]) == b'0' && self.peek().is_some_and(is_digit) {
            if !self.rules.leading_zeros {
                return Err(Broken);
            }
            while ascii(self.units[self.pos - 1]) == b'0' && self.peek().is_some_and(is_digit) {
                self.pos += 1;
            }
        }
        let digits_at = self.pos - 1;
        self.skip_digits();
        let mut digits = self.pos - digits_at;
        let behind_first = self.pos + 1;
        if self.peek().map(ascii) == Some(b'.') {
            self.pos += 1;
            let count = self.skip_digits();
            digits += count;
            if count == 0 {
                return self.broken_number(first, behind_first);
            }
        }
        if matches!(self.peek().map(ascii), Some(b'e' | b'E')) {
            self.pos += 1;
            if matches!(self.peek().map(ascii), Some(b'+' | b'-')) {
                self.pos += 1;
            }
            let count = self.skip_digits();
            digits += count;
            if count == 0 {
                return self.broken_number(first, behind_first);
            }
        }
        let end_is_blank = self
            .peek()
            .is_none_or(|unit| matches!(ascii(unit), b' ' | b'\t' | b'\n' | b'\r'));
        if digits > MAX_NUMBER_LEN || (self.open.is_empty() && !end_is_blank) {
            return Err(Broken);
        }
        if negative {
            self.text.push(self.units[start]);
        }
        self.text.extend_from_slice(&self.units[digits_at..self.pos]);
        Ok(Kind::Number)
    }

    /// Where to go on behind a fraction or an exponent without digits.
    fn broken_number(&mut self, first: usize, behind_first: usize) -> Read<Kind> {
        let unit_by_unit = ascii(self.units[first]) == b'0' || self.pos >= self.units.len();
        self.pos = if unit_by_unit {
            (self.pos + 1).min(self.units.len())
        } else {
            behind_first
        };
        Err(Broken)
    }

    fn skip_digits(&mut self) -> usize {
        let start = self.pos;
        while self.peek().is_some_and(is_digit) {
            self.pos += 1;
        }
        self.pos - start
    }
}
