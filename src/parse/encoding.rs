//! Bytes to text: UTF-8 first, UTF-16 by its byte order mark, and never a refusal. What cannot be decoded becomes
//! U+FFFD, so that a document with a few bad bytes is still found by the rest.

/// Decodes by byte order mark, else as UTF-8.
pub(super) fn decode(bytes: Vec<u8>) -> String {
    if let Some(rest) = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]) {
        return String::from_utf8_lossy(rest).into_owned();
    }
    if let Some(rest) = bytes.strip_prefix(&[0xFF, 0xFE]) {
        return utf16(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(&[0xFE, 0xFF]) {
        return utf16(rest, u16::from_be_bytes);
    }
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks(2).map(|pair| match pair {
        [first, second] => unit([*first, *second]),
        // Half a unit at the end: a lone surrogate, so that it decodes to U+FFFD.
        _ => 0xD800,
    });
    char::decode_utf16(units).map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// What bytes 0x80 to 0x9F are in windows-1252, which is what pages labelled latin-1 use.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Decodes a page that is not UTF-8 but says that it is latin-1 or windows-1252.
pub(super) fn windows_1252(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| windows_1252_character(byte)).collect()
}

/// The character of a byte in windows-1252.
pub(super) fn windows_1252_character(byte: u8) -> char {
    let special = byte.checked_sub(0x80).and_then(|index| WINDOWS_1252.get(usize::from(index)));
    special.copied().unwrap_or(char::from(byte))
}

/// Whether a file's first bytes look like text: a UTF-16 mark, or no NUL, few control characters, nearly all UTF-8.
pub(super) fn looks_like_text(head: &[u8]) -> bool {
    if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
        return true;
    }
    let strange =
        head.iter().filter(|&&byte| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B)).count();
    let bad: usize = head.utf8_chunks().map(|chunk| usize::from(!chunk.invalid().is_empty())).sum();
    !head.contains(&0) && strange * 20 <= head.len() && bad * 10 <= head.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_bad_bytes() {
        assert_eq!(decode(b"\xEF\xBB\xBFabc".to_vec()), "abc");
        assert_eq!(decode(b"\xFF\xFEa\0\xE9\0".to_vec()), "aé");
        assert_eq!(decode(b"\xFE\xFF\0a\x4E\x2D".to_vec()), "a中");
        assert_eq!(decode(b"\xFF\xFEa\0b".to_vec()), "a\u{FFFD}");
        assert_eq!(decode(b"a\xFFb".to_vec()), "a\u{FFFD}b");
        assert_eq!(windows_1252(b"caf\xE9 \x93x\x94"), "café “x”");
    }

    #[test]
    fn text_or_not() {
        assert!(looks_like_text(b"caf\xE9 au lait, s'il vous pla\xEEt"));
        assert!(!looks_like_text(b"\x89PNG\r\n\x1a\n\0\0"));
        assert!(!looks_like_text(&[0xC0; 50]));
    }
}
