//! Repair of bytes that are not UTF-8, with the same number of replacement characters as a JVM's decoder gives.

const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();

/// Appends `bytes` to `out`, with U+FFFD for what is not UTF-8.
///
/// It differs from [`String::from_utf8_lossy`] in one place: an encoded surrogate gives one U+FFFD, not three.
pub(crate) fn append_repaired(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while !rest.is_empty() {
        match std::str::from_utf8(rest) {
            Ok(_) => {
                out.extend_from_slice(rest);
                return;
            }
            Err(error) => {
                out.extend_from_slice(&rest[..error.valid_up_to()]);
                rest = &rest[error.valid_up_to()..];
                out.extend_from_slice(REPLACEMENT);
                rest = &rest[bad_len(rest).min(rest.len())..];
            }
        }
    }
}

/// Returns how many bytes at the start of `bad` one replacement stands for.
fn bad_len(bad: &[u8]) -> usize {
    let continues = |at: usize| bad.get(at).is_some_and(|b| b & 0xC0 == 0x80);
    match bad[0] {
        0xED if bad.get(1).is_some_and(|b| (0xA0..0xC0).contains(b)) && continues(2) => 3,
        0xE0 if bad.get(1).is_some_and(|b| *b < 0xA0) => 1,
        0xE0..=0xEF => 1 + usize::from(continues(1)),
        0xF0 if bad.get(1).is_some_and(|b| *b < 0x90) => 1,
        0xF4 if bad.get(1).is_some_and(|b| *b > 0x8F) => 1,
        0xF0..=0xF4 if continues(1) => 2 + usize::from(continues(2)),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_replacements_as_the_jvm_does() {
        let repaired = |bytes: &[u8]| {
            let mut out = Vec::new();
            append_repaired(bytes, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(repaired(b"ok \xC3\xA9"), "ok \u{e9}");
        assert_eq!(repaired(b"\xFF\xFE|"), "\u{FFFD}\u{FFFD}|");
        assert_eq!(repaired(b"caf\xE9\""), "caf\u{FFFD}\"");
        assert_eq!(repaired(b"\xED\xA0\x80|"), "\u{FFFD}|");
        assert_eq!(repaired(b"\xE2\x82|"), "\u{FFFD}|");
        assert_eq!(repaired(b"\xC0\x80|"), "\u{FFFD}\u{FFFD}|");
        assert_eq!(repaired(b"\xF0\x9F\x98|"), "\u{FFFD}|");
    }
}
