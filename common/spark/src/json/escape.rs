//! Escapes in strings.

/// Expands checked escapes.
pub(crate) fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let Some(&kind) = rest.get(at + 1) else { return };
        rest = &rest[at + 2..];
        match kind {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => rest = unescape_unicode(rest, out),
            other => out.push(other),
        }
    }
    out.extend_from_slice(rest);
}

/// Parts a text at its first backslash, which belongs to neither part.
pub(crate) fn next_escape(raw: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b'\\', raw)?;
    Some((&raw[..at], &raw[at + 1..]))
}

/// Returns the UTF-16 unit that a checked escape stands for; `escape` starts behind its backslash. Characters beyond ASCII
/// that were escaped for no reason are cut.
pub(crate) fn unescape_unit(escape: &[u8]) -> u16 {
    match escape.split_first() {
        Some((b'u', digits)) => hex4(digits).map_or(0, |code| code as u16),
        Some((b'b', _)) => 8,
        Some((b'f', _)) => 12,
        Some((b'n', _)) => 10,
        Some((b'r', _)) => 13,
        Some((b't', _)) => 9,
        Some((other, _)) => u16::from(*other),
        None => 0,
    }
}

/// Expands the four digits at the start of `rest`, and the low surrogate's escape if it follows a high one.
fn unescape_unicode<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let unit = hex4(rest).unwrap_or(0xD800);
    let mut rest = rest.get(4..).unwrap_or_default();
    let mut code = unit;
    if (0xD800..0xDC00).contains(&unit)
        && let Some(low) = rest
            .strip_prefix(b"\\u")
            .and_then(hex4)
            .filter(|low| (0xDC00..0xE000).contains(low))
    {
        code = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        rest = &rest[6..];
    }
    let mut encoded = [0; 4];
    let character = char::from_u32(code).unwrap_or('?');
    out.extend_from_slice(character.encode_utf8(&mut encoded).as_bytes());
    rest
}

fn hex4(digits: &[u8]) -> Option<u32> {
    digits
        .get(..4)?
        .iter()
        .try_fold(0, |sum, d| Some(sum * 16 + char::from(*d).to_digit(16)?))
}
