//! Character references: `&amp;`, `&#233;`, `&#xE9;`, and the old ones without a semicolon, as browsers read them.

use crate::parse::encoding;
use html5ever::data::NAMED_ENTITIES;

/// The longest name, `CounterClockwiseContourIntegral`, and its semicolon.
const LONGEST_NAME: usize = 32;
/// The longest name that needs no semicolon, as `Ccedil`.
const LONGEST_BARE: usize = 6;

/// Hands out the text in pieces, references resolved.
pub(super) fn decode(text: &str, each: &mut dyn FnMut(&str)) {
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        let (before, reference) = rest.split_at(start);
        if !before.is_empty() {
            each(before);
        }
        let used = match resolve(reference.get(1..).unwrap_or_default()) {
            Some((characters, used)) => {
                for character in characters.into_iter().flatten() {
                    each(character.encode_utf8(&mut [0; 4]));
                }
                used + 1
            }
            None => {
                each("&");
                1
            }
        };
        rest = reference.get(used..).unwrap_or_default();
    }
    if !rest.is_empty() {
        each(rest);
    }
}

/// The text with its references resolved.
pub(super) fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    decode(text, &mut |piece| out.push_str(piece));
    out
}

/// One or two characters, and the bytes after the `&` that stand for them.
type Resolved = ([Option<char>; 2], usize);

fn resolve(after: &str) -> Option<Resolved> {
    match after.strip_prefix('#') {
        Some(number) => numeric(number),
        None => named(after),
    }
}

fn numeric(number: &str) -> Option<Resolved> {
    let (digits, radix, mark) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16, 2),
        None => (number, 10, 1),
    };
    let length = digits.bytes().take_while(|byte| char::from(*byte).is_digit(radix)).count();
    let digits = digits.get(..length).filter(|digits| !digits.is_empty())?;
    // More digits than fit are no character either.
    let code = u32::from_str_radix(digits, radix).unwrap_or(u32::MAX);
    let character = match code {
        0 => char::REPLACEMENT_CHARACTER,
        0x80..=0x9F => encoding::windows_1252_character(code as u8),
        _ => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    let semicolon = number.as_bytes().get(mark - 1 + length) == Some(&b';');
    Some(([Some(character), None], mark + length + usize::from(semicolon)))
}

fn named(after: &str) -> Option<Resolved> {
    let bytes = after.as_bytes();
    let length = bytes.iter().take(LONGEST_NAME).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    if bytes.get(length) == Some(&b';')
        && let Some(found) = look_up(after, length + 1)
    {
        return Some(found);
    }
    (2..=length.min(LONGEST_BARE)).rev().find_map(|length| look_up(after, length))
}

fn look_up(after: &str, length: usize) -> Option<Resolved> {
    let &(first, second) = NAMED_ENTITIES.get(after.get(..length)?)?;
    // The table also holds the beginnings of names, as zeros.
    let characters = [first, second].map(|code| char::from_u32(code).filter(|&character| character != '\0'));
    characters[0].map(|_| (characters, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        let cases = [
            ("a &amp; b", "a & b"),
            ("&lt;p&gt;", "<p>"),
            ("caf&eacute; &eacute", "café é"),
            ("&#233;&#xE9;&#XE9", "ééé"),
            ("&copy2026 &notit; &notin;", "©2026 ¬it; ∉"),
            ("&NotEqualTilde;", "≂\u{338}"),
            ("&#0; &#xD800; &#99999999999;", "\u{FFFD} \u{FFFD} \u{FFFD}"),
            ("&#147;x&#148;", "“x”"),
            ("a & b &; &#; &#x; &unknown; &&amp;", "a & b &; &#; &#x; &unknown; &&"),
            ("é&", "é&"),
        ];
        for (written, read) in cases {
            assert_eq!(decoded(written), read, "{written}");
        }
    }
}
