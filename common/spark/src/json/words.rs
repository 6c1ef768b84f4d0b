//! Search through text eight bytes at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
/// The top bit of each byte: set where text is not ASCII.
pub(crate) const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Returns the value of the digit at `at`, if there is one.
#[inline]
pub(crate) fn digit_at(buf: &[u8], at: usize) -> Option<u64> {
    let digit = buf.get(at)?.wrapping_sub(b'0');
    (digit < 10).then_some(u64::from(digit))
}

/// Returns where the string from `at` first has `quote`, a backslash or a control character.
/// The bytes passed over are gathered in `high`, of which only the top bits matter.
#[inline]
pub(crate) fn find_stop(buf: &[u8], mut at: usize, quote: u8, high: &mut u64) -> Option<usize> {
    let quotes = ONES * u64::from(quote);
    while let Some(chunk) = buf.get(at..at + 8) {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(chunk);
        let word = u64::from_le_bytes(bytes);
        // The lowest flag of each of the three tests is exact: a borrow only disturbs the bytes above.
        let stops =
            (zero_bytes(word ^ quotes) | zero_bytes(word ^ (ONES * 0x5C)) | (word.wrapping_sub(ONES * 0x20) & !word))
                & HIGHS;
        if stops == 0 {
            *high |= word;
            at += 8;
            continue;
        }
        let count = stops.trailing_zeros() / 8;
        *high |= word & !(u64::MAX << (8 * count));
        return Some(at + count as usize);
    }
    while let Some(&byte) = buf.get(at) {
        if byte == quote || byte == b'\\' || byte < 0x20 {
            return Some(at);
        }
        *high |= u64::from(byte);
        at += 1;
    }
    None
}

#[inline]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}
