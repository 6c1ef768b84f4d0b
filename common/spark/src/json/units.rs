//! What a UTF-16 unit of a record may stand for in the words and names of the grammar.

/// The unit as a byte; what is not ASCII is like nothing the grammar knows.
pub(super) fn ascii(unit: u16) -> u8 {
    u8::try_from(unit).ok().filter(u8::is_ascii).unwrap_or(0x80)
}

pub(super) fn is_digit(unit: u16) -> bool {
    ascii(unit).is_ascii_digit()
}

/// The text of the units, `?` for a surrogate without its pair.
pub(super) fn readable(units: &[u16]) -> String {
    char::decode_utf16(units.iter().copied())
        .map(|c| c.unwrap_or('?'))
        .collect()
}

pub(super) fn is_word_part(unit: u16) -> bool {
    let ignored = matches!(unit, 0..=8 | 0x0E..=0x1B | 0x7F..=0x9F);
    ignored || is_name_start(unit) || char::from_u32(u32::from(unit)).is_some_and(|c| c.is_alphanumeric())
}

pub(super) fn is_name_start(unit: u16) -> bool {
    char::from_u32(u32::from(unit))
        .is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '$' | '\u{A2}'..='\u{A5}' | '\u{20A0}'..='\u{20C0}'))
}

/// What a name without quotes may have anywhere.
pub(super) fn is_name_part(unit: u16) -> bool {
    match u8::try_from(unit) {
        Ok(byte @ 0..=0x7F) => byte.is_ascii_alphanumeric() || b"_$@#*-+".contains(&byte),
        _ => is_word_part(unit) && unit != 0x7F,
    }
}
