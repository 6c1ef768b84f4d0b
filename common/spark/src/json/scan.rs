//! A JSON scanner that borrows: it checks every byte as Spark's parser would and hands out slices of the record.

use super::escape::{next_escape, unescape, unescape_unit};
use super::words::{HIGHS, digit_at, find_stop};

/// Why a record cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The text is not JSON, or breaks one of the parser's limits.
    Malformed,
    /// A string holds bytes that are not UTF-8: the caller repairs the record and reads it again.
    NotUtf8,
}

pub(crate) type Scan<T> = Result<T, Fault>;

/// Objects and arrays open at once before the record counts as malformed.
pub(crate) const MAX_DEPTH: usize = 1000;
/// Digits of one number before the record counts as malformed.
pub(crate) const MAX_NUMBER_LEN: usize = 1000;

/// What the parser lets through beyond strict JSON. The default is Spark's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leniency {
    /// Strings and names in single quotes.
    pub single_quotes: bool,
    /// Names without quotes.
    pub unquoted_names: bool,
    /// `007`.
    pub leading_zeros: bool,
    /// `NaN`, `Infinity`, `-INF` and their like, bare.
    pub non_numeric_numbers: bool,
    /// A backslash before any character.
    pub backslash_any: bool,
    /// `/* */` and `//`.
    pub comments: bool,
    /// Control characters inside strings.
    pub control_characters: bool,
}

impl Default for Leniency {
    fn default() -> Self {
        Self {
            single_quotes: true,
            unquoted_names: false,
            leading_zeros: false,
            non_numeric_numbers: true,
            backslash_any: false,
            comments: false,
            control_characters: false,
        }
    }
}

/// The inside of a quoted string; with `escaped` it still holds its (checked) escapes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub raw: &'a [u8],
    pub escaped: bool,
}

impl Text<'_> {
    /// Appends the characters the string stands for, as UTF-8. A lone surrogate becomes `?`.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        if self.escaped {
            unescape(self.raw, out)
        } else {
            out.extend_from_slice(self.raw)
        }
    }

    /// Tells whether an escape stands for a surrogate without its pair.
    pub fn has_lone_surrogate(&self) -> bool {
        self.escaped
            && memchr::memchr2(b'd', b'D', self.raw).is_some()
            && char::decode_utf16(self.units()).any(|c| c.is_err())
    }

    /// Returns the characters as UTF-16, lone surrogates kept.
    pub fn units(&self) -> Vec<u16> {
        let mut units = Vec::with_capacity(self.raw.len());
        let mut rest = self.raw;
        while let Some((plain, after)) = next_escape(rest).filter(|_| self.escaped) {
            units.extend(String::from_utf8_lossy(plain).encode_utf16());
            let len = if after.starts_with(b"u") { 5 } else { 1 };
            let (escape, behind) = after.split_at(len.min(after.len()));
            units.push(unescape_unit(escape));
            rest = behind;
        }
        units.extend(String::from_utf8_lossy(rest).encode_utf16());
        units
    }

    /// Returns the characters, using `scratch` only if there are escapes.
    pub fn unescaped<'s>(&'s self, scratch: &'s mut Vec<u8>) -> &'s [u8] {
        if !self.escaped {
            return self.raw;
        }
        scratch.clear();
        unescape(self.raw, scratch);
        scratch
    }
}

/// A number as written, with its decimal digits gathered where they fit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number<'a> {
    /// The text, sign included.
    pub text: &'a [u8],
    /// A fraction or an exponent is present.
    pub float: bool,
    pub negative: bool,
    /// All digits before the exponent as one integer; exact only if `exact`.
    pub mantissa: u64,
    pub exact: bool,
    /// The mantissa is to be divided by ten to this power; without an exponent part only.
    pub fraction_digits: u32,
    pub has_exponent: bool,
}

/// The start of a value; containers are entered, everything else is consumed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Token<'a> {
    Null,
    True,
    False,
    Text(Text<'a>),
    Number(Number<'a>),
    /// `NaN` or an infinity, written bare.
    NonNumber(f64),
    /// `{` was consumed.
    Object,
    /// `[` was consumed.
    Array,
}

/// A cursor over one record.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    pub buf: &'a [u8],
    pub pos: usize,
    depth: usize,
    rules: Leniency,
}

impl<'a> Scanner<'a> {
    pub fn new(buf: &'a [u8], rules: Leniency) -> Self {
        Self {
            buf,
            pos: 0,
            depth: 0,
            rules,
        }
    }

    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.buf.get(self.pos).copied()
    }

    /// Moves to the next significant byte and returns it without consuming it; `None` at the end.
    #[inline]
    pub fn skip_blank(&mut self) -> Scan<Option<u8>> {
        match self.peek() {
            Some(b) if b > b' ' && b != b'/' => Ok(Some(b)),
            _ => self.skip_blank_slow(),
        }
    }

    #[cold]
    fn skip_blank_slow(&mut self) -> Scan<Option<u8>> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.pos += 1,
                Some(b'/') if self.rules.comments => self.skip_comment()?,
                other => return Ok(other),
            }
        }
    }

    fn skip_comment(&mut self) -> Scan<()> {
        let rest = self.buf.get(self.pos + 1..).unwrap_or_default();
        let len = match rest.first() {
            Some(b'/') => memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len()),
            Some(b'*') => match memchr::memmem::find(rest.get(1..).unwrap_or_default(), b"*/") {
                Some(at) => at + 3,
                None => return Err(Fault::Malformed),
            },
            _ => return Err(Fault::Malformed),
        };
        self.pos += 1 + len;
        Ok(())
    }

    /// Consumes the next significant byte.
    #[inline]
    pub fn next_significant(&mut self) -> Scan<u8> {
        let byte = self.skip_blank()?.ok_or(Fault::Malformed)?;
        self.pos += 1;
        Ok(byte)
    }

    /// Enters a container whose bracket was just consumed; [`Self::leave`] balances it.
    #[inline]
    fn enter(&mut self) -> Scan<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            Err(Fault::Malformed)
        } else {
            Ok(())
        }
    }

    /// Notes that a container's closing bracket was consumed.
    #[inline]
    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Inside an object: consumes the next name and its colon, or the closing brace (`None`).
    pub fn next_name(&mut self, first: bool) -> Scan<Option<Text<'a>>> {
        let mut byte = self.next_significant()?;
        if byte == b'}' {
            self.leave();
            return Ok(None);
        }
        if !first {
            if byte != b',' {
                return Err(Fault::Malformed);
            }
            byte = self.next_significant()?;
        }
        self.name(byte).map(Some)
    }

    /// Consumes the rest of the name whose first byte was just consumed, and its colon.
    pub fn name(&mut self, first: u8) -> Scan<Text<'a>> {
        let name = match first {
            b'"' => self.string(b'"')?,
            b'\'' if self.rules.single_quotes => self.string(b'\'')?,
            _ if self.rules.unquoted_names => self.unquoted_name()?,
            _ => return Err(Fault::Malformed),
        };
        if self.next_significant()? != b':' {
            return Err(Fault::Malformed);
        }
        Ok(name)
    }

    /// Inside an array: moves to the next element (`true`) or consumes the closing bracket (`false`).
    pub fn next_element(&mut self, first: bool) -> Scan<bool> {
        let byte = self.skip_blank()?.ok_or(Fault::Malformed)?;
        if byte == b']' {
            self.pos += 1;
            self.leave();
            return Ok(false);
        }
        if first {
            return Ok(true);
        }
        if byte != b',' {
            return Err(Fault::Malformed);
        }
        self.pos += 1;
        Ok(true)
    }

    /// Reads the name whose first character was just consumed.
    fn unquoted_name(&mut self) -> Scan<Text<'a>> {
        let start = self.pos - 1;
        let part = |b: u8| b.is_ascii_alphanumeric() || b >= 0x80 || b"_$@#*-+".contains(&b);
        if !part(self.buf[start]) {
            return Err(Fault::Malformed);
        }
        while self.peek().is_some_and(part) {
            self.pos += 1;
        }
        let raw = &self.buf[start..self.pos];
        std::str::from_utf8(raw).map_err(|_| Fault::NotUtf8)?;
        Ok(Text { raw, escaped: false })
    }

    /// Consumes a scalar, or the opening bracket of a container.
    #[inline]
    pub fn token(&mut self) -> Scan<Token<'a>> {
        let byte = self.next_significant()?;
        Ok(match byte {
            b'"' => Token::Text(self.string(b'"')?),
            b'0'..=b'9' | b'-' => return self.number(byte),
            b'{' => {
                self.enter()?;
                Token::Object
            }
            b'[' => {
                self.enter()?;
                Token::Array
            }
            b't' => {
                self.word(b"rue")?;
                Token::True
            }
            b'f' => {
                self.word(b"alse")?;
                Token::False
            }
            b'n' => {
                self.word(b"ull")?;
                Token::Null
            }
            b'\'' if self.rules.single_quotes => Token::Text(self.string(b'\'')?),
            b'N' if self.rules.non_numeric_numbers => {
                self.word(b"aN")?;
                Token::NonNumber(f64::NAN)
            }
            b'I' if self.rules.non_numeric_numbers => {
                self.word(b"nfinity")?;
                Token::NonNumber(f64::INFINITY)
            }
            b'+' => return self.infinity(f64::INFINITY),
            _ => return Err(Fault::Malformed),
        })
    }

    #[inline]
    fn word(&mut self, rest: &[u8]) -> Scan<()> {
        if self.buf[self.pos..].starts_with(rest) {
            self.pos += rest.len();
            Ok(())
        } else {
            Err(Fault::Malformed)
        }
    }

    /// Reads `INF` or `Infinity` after its sign.
    #[cold]
    fn infinity(&mut self, value: f64) -> Scan<Token<'a>> {
        let spelled = self.word(b"Infinity").is_ok() || self.word(b"INF").is_ok();
        if spelled && self.rules.non_numeric_numbers {
            Ok(Token::NonNumber(value))
        } else {
            Err(Fault::Malformed)
        }
    }

    /// Reads a number whose first byte was just consumed.
    #[inline]
    fn number(&mut self, first: u8) -> Scan<Token<'a>> {
        let start = self.pos - 1;
        let negative = first == b'-';
        let mut at = if negative { self.pos } else { start };
        let integer_at = at;
        let mut mantissa = 0u64;
        while let Some(digit) = digit_at(self.buf, at) {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(digit);
            at += 1;
        }
        let mut digits = at - integer_at;
        if digits == 0 {
            return if negative {
                self.infinity(f64::NEG_INFINITY)
            } else {
                Err(Fault::Malformed)
            };
        }
        if digits > 1 && self.buf[integer_at] == b'0' && !self.rules.leading_zeros {
            return Err(Fault::Malformed);
        }
        let (mut fraction_digits, mut has_exponent) = (0, false);
        if self.buf.get(at) == Some(&b'.') {
            at += 1;
            let fraction_at = at;
            while let Some(digit) = digit_at(self.buf, at) {
                mantissa = mantissa.wrapping_mul(10).wrapping_add(digit);
                at += 1;
            }
            fraction_digits = at - fraction_at;
            if fraction_digits == 0 {
                return Err(Fault::Malformed);
            }
            digits += fraction_digits;
        }
        if let Some(b'e' | b'E') = self.buf.get(at) {
            has_exponent = true;
            at += 1;
            if let Some(b'+' | b'-') = self.buf.get(at) {
                at += 1;
            }
            let exponent_at = at;
            while digit_at(self.buf, at).is_some() {
                at += 1;
            }
            if at == exponent_at {
                return Err(Fault::Malformed);
            }
            digits += at - exponent_at;
        }
        if digits > MAX_NUMBER_LEN {
            return Err(Fault::Malformed);
        }
        self.pos = at;
        Ok(Token::Number(Number {
            text: &self.buf[start..at],
            float: fraction_digits > 0 || has_exponent,
            negative,
            mantissa,
            exact: digits <= 19,
            fraction_digits: fraction_digits as u32,
            has_exponent,
        }))
    }

    /// Reads up to the closing `quote`; the opening one was just consumed.
    #[inline]
    fn string(&mut self, quote: u8) -> Scan<Text<'a>> {
        let start = self.pos;
        let mut at = start;
        let mut high = 0u64;
        let mut escaped = false;
        loop {
            let stop = find_stop(self.buf, at, quote, &mut high).ok_or(Fault::Malformed)?;
            at = stop;
            let byte = self.buf[at];
            if byte == quote {
                break;
            }
            if byte == b'\\' {
                escaped = true;
                at = self.escape(at + 1, &mut high)?;
            } else if self.rules.control_characters {
                at += 1;
            } else {
                return Err(Fault::Malformed);
            }
        }
        self.pos = at + 1;
        let raw = &self.buf[start..at];
        if high & HIGHS != 0 && std::str::from_utf8(raw).is_err() {
            return Err(Fault::NotUtf8);
        }
        Ok(Text { raw, escaped })
    }

    /// Checks the escape whose character after the backslash is at `at`; returns where the string goes on.
    #[cold]
    fn escape(&self, at: usize, high: &mut u64) -> Scan<usize> {
        match self.buf.get(at) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
            Some(b'u') => match self.buf.get(at + 1..at + 5) {
                Some(hex) if hex.iter().all(u8::is_ascii_hexdigit) => Ok(at + 5),
                _ => Err(Fault::Malformed),
            },
            Some(b'\'') if self.rules.single_quotes => Ok(at + 1),
            Some(&byte) if self.rules.backslash_any => {
                *high |= u64::from(byte);
                Ok(at + 1)
            }
            _ => Err(Fault::Malformed),
        }
    }

    /// Consumes one value of any kind, checking all of it.
    #[inline]
    pub fn skip_value(&mut self) -> Scan<()> {
        match self.token()? {
            Token::Object => self.skip_object_rest(true),
            Token::Array => self.skip_array_rest(true),
            _ => Ok(()),
        }
    }

    /// Consumes what an entered object still holds, and its brace.
    pub fn skip_object_rest(&mut self, mut first: bool) -> Scan<()> {
        while self.next_name(first)?.is_some() {
            first = false;
            self.skip_value()?;
        }
        Ok(())
    }

    /// Consumes what an entered array still holds, and its bracket.
    pub fn skip_array_rest(&mut self, mut first: bool) -> Scan<()> {
        while self.next_element(first)? {
            first = false;
            self.skip_value()?;
        }
        Ok(())
    }

    /// Consumes what is left of the value that `token` started.
    pub fn skip_rest(&mut self, token: &Token<'_>) -> Scan<()> {
        match token {
            Token::Object => self.skip_object_rest(true),
            Token::Array => self.skip_array_rest(true),
            _ => Ok(()),
        }
    }
}
