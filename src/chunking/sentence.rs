//! Where sentences end, in prose, lists and code, without a model: one pass over the bytes.
//!
//! A sentence ends at `.`, `!`, `?` before whitespace, unless the dot belongs to an abbreviation, an initial or a list's
//! number, or what follows goes on in lower case; at `。！？` and their kin; at an empty line; and at a line break where
//! lines mean something (lists, code, verse, one paragraph a line) but not in hard-wrapped prose.

use std::ops::Range;

/// The sentences of a text: byte ranges in order, without the whitespace around them; between them is only whitespace.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    split(text, 0..text.len(), &mut |sentence| found.push(sentence.span));
    found
}

/// A sentence and whether a paragraph begins with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sentence {
    pub(super) span: Range<usize>,
    pub(super) starts_paragraph: bool,
}

/// A line longer than this is not wrapped by hand: it is a paragraph, a log entry or a record.
const LONGEST_WRAPPED: usize = 120;
/// A line shorter than this, followed by a new beginning, is not wrapped either: it is verse, code or an item.
const SHORTEST_WRAPPED: usize = 50;

/// Words before a dot that ends no sentence, in lower case.
const ABBREVIATIONS: [&str; 48] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "vs", "etc", "e.g", "i.e", "fig", "figs", "no", "nos", "vol", "pp", "cf",
    "al", "inc", "ltd", "co", "corp", "jr", "sr", "eq", "eqs", "sec", "ch", "jan", "feb", "mar", "apr", "jun", "jul",
    "aug", "sep", "sept", "oct", "nov", "dec", "approx", "dept", "est", "gen", "gov", "ref", "refs", "resp",
];

/// Hands out the sentences of `text[range]`.
pub(super) fn split(text: &str, range: Range<usize>, each: &mut dyn FnMut(Sentence)) {
    let mut splitter = Splitter {
        text,
        bytes: text.as_bytes().get(..range.end).unwrap_or_default(),
        start: range.start,
        line_start: range.start,
        starts_paragraph: true,
        each,
    };
    splitter.run(range.start);
}

struct Splitter<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// Where the sentence under way begins.
    start: usize,
    line_start: usize,
    starts_paragraph: bool,
    each: &'a mut dyn FnMut(Sentence),
}

impl Splitter<'_> {
    fn run(&mut self, mut position: usize) {
        while let Some(&byte) = self.bytes.get(position) {
            position = match byte {
                b'\n' => self.line_break(position),
                b'.' | b'!' | b'?' => self.mark(position, 1),
                0xC2..=0xF4 => self.wide(position, byte),
                _ => position + 1,
            };
        }
        self.cut(self.bytes.len());
    }

    fn at(&self, position: usize) -> u8 {
        self.bytes.get(position).copied().unwrap_or(0)
    }

    /// Ends the sentence at `end`.
    fn cut(&mut self, end: usize) {
        let piece = self.text.get(self.start..end).unwrap_or_default();
        let trimmed = piece.trim_start();
        let start = end - trimmed.len();
        let trimmed = trimmed.trim_end();
        if !trimmed.is_empty() {
            (self.each)(Sentence {
                span: start..start + trimmed.len(),
                starts_paragraph: std::mem::take(&mut self.starts_paragraph),
            });
        }
        self.start = end;
    }

    /// After a line break, and what whitespace follows it.
    fn line_break(&mut self, position: usize) -> usize {
        let length = position - self.line_start;
        let mut next = position + 1;
        let mut line = next;
        let mut empty = false;
        while matches!(self.at(next), b' ' | b'\t' | b'\r' | b'\n') {
            if self.at(next) == b'\n' {
                empty = true;
                line = next + 1;
            }
            next += 1;
        }
        if empty {
            self.cut(position);
            self.starts_paragraph = true;
        } else if length > LONGEST_WRAPPED
            || next - line >= 2
            || self.is_item(next)
            || (length < SHORTEST_WRAPPED && !self.at(next).is_ascii_lowercase())
            || (length > 0 && matches!(self.at(position - 1), b';' | b'{' | b'}' | b'|'))
        {
            self.cut(position);
        }
        self.line_start = line;
        next
    }

    /// Whether a line that begins here begins an item, a row or a quotation.
    fn is_item(&self, position: usize) -> bool {
        match self.at(position) {
            b'-' | b'*' | b'+' | b'>' => self.at(position + 1) == b' ',
            b'|' | b'#' => true,
            b'0'..=b'9' => {
                let digits = (0..4).take_while(|&offset| self.at(position + offset).is_ascii_digit()).count();
                matches!(self.at(position + digits), b'.' | b')') && self.at(position + digits + 1) == b' '
            }
            _ => false,
        }
    }

    /// A mark of `width` bytes that ends a sentence before whitespace.
    fn mark(&mut self, position: usize, width: usize) -> usize {
        let is_dot = self.at(position) == b'.';
        let mut end = position + width;
        loop {
            end += match self.at(end) {
                b'.' | b'!' | b'?' | b'"' | b'\'' | b')' | b']' | b'}' | b'*' | b'_' | b'`' => 1,
                // ’ and ”
                0xE2 if self.at(end + 1) == 0x80 && matches!(self.at(end + 2), 0x99 | 0x9D) => 3,
                // »
                0xC2 if self.at(end + 1) == 0xBB => 2,
                _ => break,
            };
        }
        if end >= self.bytes.len() {
            return self.bytes.len();
        }
        if !self.at(end).is_ascii_whitespace() {
            return end;
        }
        let mut next = end;
        while matches!(self.at(next), b' ' | b'\t' | b'\r') {
            next += 1;
        }
        if self.at(next) == b'\n' {
            // Prose may be wrapped right after an abbreviation too.
            let following = self.at(next + 1);
            if following.is_ascii_lowercase() || (is_dot && self.is_abbreviation(position)) {
                return next;
            }
            self.cut(end);
            return next;
        }
        let goes_on = self.at(next).is_ascii_lowercase() || (is_dot && self.is_abbreviation(position));
        if !goes_on {
            self.cut(end);
        }
        next
    }

    /// Whether the dot at `position` belongs to the word before it.
    fn is_abbreviation(&self, position: usize) -> bool {
        let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'.' || **byte >= 0x80;
        let before = self.bytes.get(self.start..position).unwrap_or_default();
        let length = before.iter().rev().take(12).take_while(is_word).count();
        let word = before.get(before.len() - length..).unwrap_or_default();
        if word.is_empty() || length == 12 {
            return false;
        }
        if word.iter().all(u8::is_ascii_digit) {
            // `1. First`: the number of an item, if the sentence begins with it.
            let from = self.start..position - length;
            return from.len() <= 16 && self.text.get(from).is_some_and(|text| text.trim().is_empty());
        }
        let is_initial = length == 1 && word.iter().all(u8::is_ascii_uppercase);
        // `U.S.`, `a.m.`: every second byte a dot.
        let is_acronym = length >= 3 && word.iter().skip(1).step_by(2).all(|&byte| byte == b'.');
        is_initial || is_acronym || ABBREVIATIONS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(word))
    }

    /// A character beyond ASCII.
    fn wide(&mut self, position: usize, lead: u8) -> usize {
        let width = match lead {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            _ => 4,
        };
        let rest = (self.at(position + 1), self.at(position + 2));
        match (lead, rest) {
            // 。 ！ ？ ． ｡ and the stops of Burmese, Khmer and Ethiopic, which need no space after them.
            (0xE3, (0x80, 0x82))
            | (0xEF, (0xBC, 0x81 | 0x9F))
            | (0xEF, (0xBD, 0xA1))
            | (0xE1, (0x81, 0x8B) | (0x9F, 0x94) | (0x8D, 0xA2)) => self.full_stop(position + width),
            // ؟ । … take a space, as marks of the alphabets do.
            (0xD8, (0x9F, _)) => self.mark(position, width),
            (0xE0, (0xA5, 0xA4)) | (0xE2, (0x80, 0xA6)) => self.mark(position, width),
            _ => position + width,
        }
    }

    /// Ends the sentence after the closing quotes and brackets that follow `end`.
    fn full_stop(&mut self, mut end: usize) -> usize {
        loop {
            end += match (self.at(end), self.at(end + 1), self.at(end + 2)) {
                (b'"' | b'\'' | b')' | b']', ..) => 1,
                // ” ’
                (0xE2, 0x80, 0x9D | 0x99) => 3,
                // 」 』 】 》 〉 。
                (0xE3, 0x80, 0x8D | 0x8F | 0x91 | 0x8B | 0x89 | 0x82) => 3,
                // ） ！ ？
                (0xEF, 0xBC, 0x89 | 0x81 | 0x9F) => 3,
                _ => break,
            };
        }
        let end = end.min(self.bytes.len());
        self.cut(end);
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|span| &text[span]).collect()
    }

    #[test]
    fn prose() {
        assert_eq!(
            cut("Dr. Smith met J. R. Smith at 3.14 p.m. on Jan. 3. They spoke, e.g. of cats! \"Really?\" Yes."),
            ["Dr. Smith met J. R. Smith at 3.14 p.m. on Jan. 3.", "They spoke, e.g. of cats!", "\"Really?\"", "Yes."]
        );
        assert_eq!(cut("One. two goes on. Three"), ["One. two goes on.", "Three"]);
        assert_eq!(cut("1. First point. 2. Second."), ["1. First point.", "2. Second."]);
        assert_eq!(cut("Wait... what? (Yes.) No"), ["Wait... what?", "(Yes.)", "No"]);
    }

    #[test]
    fn other_scripts() {
        assert_eq!(cut("你好。「再见！」他说。 好"), ["你好。", "「再见！」", "他说。", "好"]);
        assert_eq!(cut("नमस्ते। कैसे हो?"), ["नमस्ते।", "कैसे हो?"]);
        assert_eq!(cut("Было… Потом было."), ["Было…", "Потом было."]);
    }

    #[test]
    fn lines() {
        let wrapped = "This line of prose was wrapped by hand at some column,\nand goes on here\nto its end. New.";
        assert_eq!(cut(wrapped).len(), 2);
        assert_eq!(cut("- one\n- two\n\nthree\n\n\nfour"), ["- one", "- two", "three", "four"]);
        assert_eq!(cut("let a = 1;\nlet b = 2;\n"), ["let a = 1;", "let b = 2;"]);
        assert_eq!(cut(" \n\n \t"), Vec::<&str>::new());
    }
}
