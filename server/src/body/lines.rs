//! Cutting a stream into lines. A line that is too long is passed over without being kept, so it costs its transfer and nothing else.

use bytes::{Bytes, BytesMut};

/// A line of a stream, with its number from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) number: u64,
    /// `None` when it is longer than allowed.
    pub(crate) text: Option<Bytes>,
}

/// Cuts pieces into lines.
#[derive(Debug)]
pub(crate) struct Splitter {
    buffer: BytesMut,
    /// How far the buffer is known to have no line break.
    searched: usize,
    number: u64,
    passing_over: bool,
    most: usize,
}

impl Splitter {
    /// For lines of at most `most` bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self { buffer: BytesMut::new(), searched: 0, number: 0, passing_over: false, most }
    }

    /// Takes the next piece.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next line that is complete. Blank ones count and are passed over.
    pub(crate) fn next(&mut self) -> Option<Line> {
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            let Some(found) = unsearched.iter().position(|&byte| byte == b'\n') else {
                self.searched = self.buffer.len();
                if self.buffer.len() > self.most {
                    self.passing_over = true;
                    self.buffer.clear();
                    self.searched = 0;
                }
                return None;
            };
            let line = self.buffer.split_to(self.searched + found + 1);
            self.searched = 0;
            if let Some(line) = self.finish(line.freeze()) {
                return Some(line);
            }
        }
    }

    /// The last line, which may have no end.
    pub(crate) fn last(&mut self) -> Option<Line> {
        let rest = self.buffer.split().freeze();
        if rest.is_empty() && !self.passing_over {
            return None;
        }
        self.finish(rest)
    }

    fn finish(&mut self, line: Bytes) -> Option<Line> {
        self.number += 1;
        let number = self.number;
        if std::mem::take(&mut self.passing_over) || line.len() > self.most + 1 {
            return Some(Line { number, text: None });
        }
        let mut text = line.trim_ascii();
        if number == 1 {
            text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        }
        (!text.is_empty()).then(|| Line { number, text: Some(line.slice_ref(text)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&str], most: usize) -> Vec<(u64, Option<String>)> {
        let mut splitter = Splitter::new(most);
        let mut lines = Vec::new();
        for piece in pieces {
            splitter.push(piece.as_bytes());
            lines.extend(std::iter::from_fn(|| splitter.next()));
        }
        lines.extend(splitter.last());
        let text = |text: Bytes| String::from_utf8(text.to_vec()).unwrap();
        lines.into_iter().map(|line| (line.number, line.text.map(text))).collect()
    }

    #[test]
    fn lines_may_come_in_any_pieces() {
        let some = |number, text: &str| (number, Some(text.to_owned()));
        let whole = split(&["a\nbb\r\n\n  \nccc"], 10);
        assert_eq!(whole, [some(1, "a"), some(2, "bb"), some(5, "ccc")]);
        assert_eq!(split(&["a", "\nb", "b\r", "\n\n ", " \ncc", "c"], 10), whole);
        assert_eq!(split(&["\u{FEFF}a\n"], 10), [some(1, "a")]);
        assert_eq!(split(&[""], 10), []);
    }

    #[test]
    fn long_lines_are_passed_over_and_the_rest_goes_on() {
        let lines = split(&["abc\n", "0123456789", "0123456789", "\nxyz\n0123456789"], 5);
        assert_eq!(lines, [(1, Some("abc".to_owned())), (2, None), (3, Some("xyz".to_owned())), (4, None)]);
    }
}
