//! How many tokens a text has, about, without a tokenizer: chunks must be the same whatever model is loaded.
//!
//! A word of up to seven letters counts one, each further seven letters one more (word pieces of an English vocabulary);
//! every third digit begins a token; a mark of punctuation counts one; letters beyond ASCII count double; a Chinese or
//! Japanese character counts one, a Korean syllable two. The estimate of two texts joined by whitespace is the sum of
//! theirs. One pass over the bytes.

/// Letters of a word in one token.
const LETTERS: usize = 7;
/// Digits in one token.
const DIGITS: usize = 3;

/// About how many tokens `text` has.
pub fn estimate_tokens(text: &str) -> usize {
    let mut counter = Counter::default();
    let bytes = text.as_bytes();
    let mut position = 0;
    while let Some(&byte) = bytes.get(position) {
        position += counter.push(byte, bytes, position);
    }
    counter.total()
}

/// The longest start of `text`, at least one character, of at most `limit` tokens, in bytes.
pub(super) fn prefix_within(text: &str, limit: usize) -> usize {
    let mut counter = Counter::default();
    let bytes = text.as_bytes();
    let mut position = 0;
    while let Some(&byte) = bytes.get(position) {
        let width = counter.push(byte, bytes, position);
        if counter.total() > limit && position > 0 {
            break;
        }
        position += width;
    }
    position
}

#[derive(Default)]
struct Counter {
    tokens: usize,
    letters: usize,
    digits: usize,
}

impl Counter {
    /// Counts the character that begins with `byte` and gives its width in bytes.
    #[inline]
    fn push(&mut self, byte: u8, bytes: &[u8], position: usize) -> usize {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {
                self.end_digits();
                self.letters += 1;
                1
            }
            b'0'..=b'9' => {
                self.end_letters();
                self.digits += 1;
                1
            }
            b' ' | b'\t'..=b'\r' => {
                self.end_word();
                1
            }
            0..=0x7F => {
                self.end_word();
                self.tokens += 1;
                1
            }
            _ => self.push_wide(byte, bytes, position),
        }
    }

    fn push_wide(&mut self, byte: u8, bytes: &[u8], position: usize) -> usize {
        let at = |offset: usize| u32::from(bytes.get(position + offset).copied().unwrap_or(0) & 0x3F);
        match byte {
            // U+0080 to U+07FF: Latin with accents, Greek, Cyrillic, Hebrew, Arabic; the first half of a page is signs.
            0xC0..=0xDF => {
                match (u32::from(byte & 0x1F) << 6) | at(1) {
                    0x85 | 0xA0 => self.end_word(),
                    0x80..=0xBF => self.mark(1),
                    _ => {
                        self.end_digits();
                        self.letters += 2;
                    }
                }
                2
            }
            0xE0..=0xEF => {
                match (u32::from(byte & 0x0F) << 12) | (at(1) << 6) | at(2) {
                    0x2000..=0x200A | 0x2028 | 0x2029 | 0x202F | 0x205F | 0x3000 | 0x1680 => self.end_word(),
                    0xAC00..=0xD7A3 => self.mark(2),
                    0x2000..=0x2BFF | 0x2E80..=0x9FFF | 0xF900..=0xFFFF => self.mark(1),
                    _ => {
                        self.end_digits();
                        self.letters += 3;
                    }
                }
                3
            }
            _ => {
                self.mark(1);
                4
            }
        }
    }

    fn mark(&mut self, tokens: usize) {
        self.end_word();
        self.tokens += tokens;
    }

    #[inline]
    fn end_word(&mut self) {
        self.end_letters();
        self.end_digits();
    }

    #[inline]
    fn end_letters(&mut self) {
        self.tokens += self.letters.div_ceil(LETTERS);
        self.letters = 0;
    }

    #[inline]
    fn end_digits(&mut self) {
        self.tokens += self.digits.div_ceil(DIGITS);
        self.digits = 0;
    }

    fn total(&self) -> usize {
        self.tokens + self.letters.div_ceil(LETTERS) + self.digits.div_ceil(DIGITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts() {
        assert_eq!(estimate_tokens(""), 0);
        assert_eq!(estimate_tokens("The cat sat."), 4);
        assert_eq!(estimate_tokens("understanding"), 2);
        assert_eq!(estimate_tokens("Vec::from_raw_parts"), 8);
        assert_eq!(estimate_tokens("1984 31415926"), 5);
        assert_eq!(estimate_tokens("中文字"), 3);
        assert_eq!(estimate_tokens("한국"), 4);
        assert_eq!(estimate_tokens("привет"), 2);
        assert_eq!(estimate_tokens("a\u{3000}b"), 2);
    }

    #[test]
    fn prefixes_keep_to_the_limit() {
        assert_eq!(prefix_within("中文字", 2), 6);
        assert_eq!(prefix_within("abcdefghij", 1), 7);
        assert_eq!(prefix_within("한국", 1), 3, "one character at least");
    }
}
