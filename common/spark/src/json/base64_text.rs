//! Base64 straight out of a quoted text, as Spark's tokenizer decodes it: an error leaves the cursor where it was met.

use super::tokens::{Broken, Read, Tokens};
use super::units::ascii;

/// One place of a group of four.
enum Place {
    Bits(u32),
    Padding,
    Quote,
    /// A blank that was written as an escape, allowed before a group only.
    Blank,
}

/// Decodes up to and with the closing quote.
pub(super) fn decode(tokens: &mut Tokens, out: &mut Vec<u8>) -> Read<()> {
    loop {
        let mut unit = tokens.take()?;
        while unit <= u16::from(b' ') {
            unit = tokens.take()?;
        }
        let first = match place(tokens, unit, 0)? {
            Place::Bits(bits) => bits,
            Place::Blank => continue,
            Place::Quote => return Ok(()),
            Place::Padding => return Err(Broken),
        };
        let unit = tokens.take()?;
        let Place::Bits(second) = place(tokens, unit, 1)? else {
            return Err(Broken);
        };
        let two = first << 6 | second;
        let unit = tokens.take()?;
        let three = match place(tokens, unit, 2)? {
            Place::Bits(bits) => two << 6 | bits,
            Place::Padding => {
                let unit = tokens.take()?;
                let Place::Padding = place(tokens, unit, 3)? else {
                    return Err(Broken);
                };
                out.push((two >> 4) as u8);
                continue;
            }
            _ => return unpadded(tokens),
        };
        let unit = tokens.take()?;
        match place(tokens, unit, 3)? {
            Place::Bits(bits) => {
                let four = three << 6 | bits;
                out.extend([(four >> 16) as u8, (four >> 8) as u8, four as u8]);
            }
            Place::Padding => out.extend([(three >> 10) as u8, (three >> 2) as u8]),
            _ => return unpadded(tokens),
        }
    }
}

/// The text ended inside a group: its quote stays to be read.
fn unpadded(tokens: &mut Tokens) -> Read<()> {
    tokens.step_back();
    Err(Broken)
}

fn place(tokens: &mut Tokens, unit: u16, at: usize) -> Read<Place> {
    let (unit, escaped) = match ascii(unit) {
        b'\\' => (tokens.escape()?, true),
        _ => (unit, false),
    };
    Ok(match ascii(unit) {
        byte @ b'A'..=b'Z' => Place::Bits(u32::from(byte - b'A')),
        byte @ b'a'..=b'z' => Place::Bits(u32::from(byte - b'a') + 26),
        byte @ b'0'..=b'9' => Place::Bits(u32::from(byte - b'0') + 52),
        b'+' => Place::Bits(62),
        b'/' => Place::Bits(63),
        b'=' if at >= 2 => Place::Padding,
        b'"' if !escaped && at != 1 => Place::Quote,
        _ if escaped && at == 0 && unit <= u16::from(b' ') => Place::Blank,
        _ => return Err(Broken),
    })
}
