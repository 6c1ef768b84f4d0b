//! `encode` and `decode` between text and the bytes of a character set.

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use crate::functions::kernel::{Call, Function, Kind, Result, column};

pub fn functions() -> Vec<ScalarUDF> {
    vec![
        Function::new("encode", &[Kind::Text, Kind::Text], |_| Ok(DataType::Binary), encode).udf(),
        Function::new("decode", &[Kind::Binary, Kind::Text], |_| Ok(DataType::Utf8), decode).udf(),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charset {
    Ascii,
    Latin1,
    Utf8,
    Utf16 { big: bool, mark: bool },
    Utf32 { big: bool },
    Windows1252,
}

/// The characters Windows has where Latin-1 has controls; NUL where it has none.
const WINDOWS: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”', '•',
    '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

impl Charset {
    fn parse(name: &str) -> Result<Self> {
        Ok(match name.to_ascii_uppercase().as_str() {
            "US-ASCII" | "ASCII" | "ISO646-US" | "646" => Self::Ascii,
            "ISO-8859-1" | "ISO8859-1" | "ISO8859_1" | "ISO_8859-1" | "LATIN1" | "L1" => Self::Latin1,
            "UTF-8" | "UTF8" => Self::Utf8,
            "UTF-16" | "UTF16" => Self::Utf16 { big: true, mark: true },
            "UTF-16BE" => Self::Utf16 { big: true, mark: false },
            "UTF-16LE" => Self::Utf16 {
                big: false,
                mark: false,
            },
            "UTF-32" | "UTF32" | "UTF-32BE" => Self::Utf32 { big: true },
            "UTF-32LE" => Self::Utf32 { big: false },
            "WINDOWS-1252" | "CP1252" => Self::Windows1252,
            _ => {
                return exec_err!(
                    "unknown character set {name:?}: use US-ASCII, ISO-8859-1, UTF-8, UTF-16 (BE, LE), UTF-32 (BE, LE) or \
                     windows-1252"
                );
            }
        })
    }

    fn write(self, text: &str, out: &mut Vec<u8>) {
        let narrow = |c: char, last: u32| if u32::from(c) <= last { u32::from(c) as u8 } else { b'?' };
        match self {
            Self::Utf8 => out.extend_from_slice(text.as_bytes()),
            Self::Ascii => out.extend(text.chars().map(|c| narrow(c, 0x7F))),
            Self::Latin1 => out.extend(text.chars().map(|c| narrow(c, 0xFF))),
            Self::Utf16 { big, mark } => {
                if mark && !text.is_empty() {
                    out.extend_from_slice(&[0xFE, 0xFF]);
                }
                for unit in text.encode_utf16() {
                    out.extend_from_slice(&if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
                }
            }
            Self::Utf32 { big } => {
                for code in text.chars().map(u32::from) {
                    out.extend_from_slice(&if big { code.to_be_bytes() } else { code.to_le_bytes() });
                }
            }
            Self::Windows1252 => {
                out.extend(
                    text.chars()
                        .map(|c| match WINDOWS.iter().position(|own| *own == c && c != '\0') {
                            Some(at) => 0x80 + at as u8,
                            None if ('\u{80}'..='\u{9F}').contains(&c) => b'?',
                            None => narrow(c, 0xFF),
                        }),
                )
            }
        }
    }

    fn read(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Self::Ascii => bytes
                .iter()
                .map(|byte| if byte.is_ascii() { char::from(*byte) } else { '\u{FFFD}' })
                .collect(),
            Self::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
            Self::Utf32 { big } => {
                let (words, rest) = bytes.as_chunks::<4>();
                let codes = words.iter().map(|word| match big {
                    true => u32::from_be_bytes(*word),
                    false => u32::from_le_bytes(*word),
                });
                let mut text: String = codes.map(|code| char::from_u32(code).unwrap_or('\u{FFFD}')).collect();
                if !rest.is_empty() {
                    text.push('\u{FFFD}');
                }
                text
            }
            Self::Windows1252 => bytes
                .iter()
                .map(|byte| match byte {
                    0x80..=0x9F => Some(WINDOWS[usize::from(*byte - 0x80)])
                        .filter(|c| *c != '\0')
                        .unwrap_or('\u{FFFD}'),
                    byte => char::from(*byte),
                })
                .collect(),
            Self::Utf16 { big, mark } => {
                let (big, bytes) = match (mark, bytes) {
                    (true, [0xFE, 0xFF, rest @ ..]) => (true, rest),
                    (true, [0xFF, 0xFE, rest @ ..]) => (false, rest),
                    _ => (big, bytes),
                };
                let (pairs, rest) = bytes.as_chunks::<2>();
                let units = pairs.iter().map(|pair| {
                    if big {
                        u16::from_be_bytes(*pair)
                    } else {
                        u16::from_le_bytes(*pair)
                    }
                });
                let mut text: String = char::decode_utf16(units).map(|c| c.unwrap_or('\u{FFFD}')).collect();
                if !rest.is_empty() {
                    text.push('\u{FFFD}');
                }
                text
            }
        }
    }
}

fn encode(call: &Call<'_>) -> Result<ArrayRef> {
    let (texts, charsets) = (call.text(0)?, call.text(1)?);
    let mut builder = BinaryBuilder::with_capacity(texts.len(), texts.value_data().len());
    let mut buffer = Vec::new();
    for (text, charset) in texts.iter().zip(&charsets) {
        match (text, charset) {
            (Some(text), Some(charset)) => {
                buffer.clear();
                Charset::parse(charset)?.write(text, &mut buffer);
                builder.append_value(&buffer);
            }
            _ => builder.append_null(),
        }
    }
    column(builder.finish())
}

fn decode(call: &Call<'_>) -> Result<ArrayRef> {
    let values = call.column(0)?;
    let values = values.as_binary::<i32>();
    let charsets = call.text(1)?;
    let mut builder = StringBuilder::with_capacity(values.len(), values.value_data().len());
    for (bytes, charset) in values.iter().zip(&charsets) {
        match (bytes, charset) {
            (Some(bytes), Some(charset)) => builder.append_value(Charset::parse(charset)?.read(bytes)),
            _ => builder.append_null(),
        }
    }
    column(builder.finish())
}
