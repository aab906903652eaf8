//! Sound bytes made unsound, the same way for the same seed.

/// Bytes and numbers at which readers trip.
const ODD: [u64; 12] = [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 63, u64::MAX];
/// Text at which parsers trip.
const WORDS: [&str; 16] = [
    "(((((((((((((((((((((((((((((((((((",
    "[[[[[[[[[[[[[[[[[[[[[[",
    "{\"a\":",
    "<table><tr><td>",
    "</",
    "<!--",
    "&#x110000;",
    "\"\"\"",
    "NOT NOT NOT ",
    " AND ",
    "1e999",
    "-0",
    "\u{FEFF}",
    "\u{202E}\u{0301}",
    "endstream",
    "\0",
];
/// No input grows beyond this.
const LONGEST: usize = 2 << 20;

/// Makes inputs.
pub(crate) struct Mutator(u64);

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Another input, from one or two of the corpus.
    pub(crate) fn mutate(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = corpus[self.below(corpus.len())].clone();
        if self.below(8) == 0 {
            let other = &corpus[self.below(corpus.len())];
            let (keep, from) = (self.below(bytes.len() + 1), self.below(other.len() + 1));
            bytes.truncate(keep);
            bytes.extend(&other[from..]);
        }
        for _ in 0..=self.below(6) {
            self.once(&mut bytes);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn once(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        let span = at..(at + 1 + self.below(24)).min(bytes.len()).max(at);
        match self.below(9) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            2 if at < bytes.len() => bytes[at] = self.below(256) as u8,
            3 => {
                let odd = ODD[self.below(ODD.len())];
                let width = 1 << self.below(4);
                let number = if self.below(2) == 0 {
                    odd.to_le_bytes()[..width].to_vec()
                } else {
                    odd.to_be_bytes()[8 - width..].to_vec()
                };
                let end = (at + width).min(bytes.len());
                bytes.splice(at..end, number);
            }
            4 => drop(bytes.drain(span)),
            5 => {
                let copied = bytes[span].to_vec();
                let copies = 1 + self.below(64);
                bytes.splice(at..at, copied.repeat(copies));
            }
            6 => drop(bytes.splice(at..at, WORDS[self.below(WORDS.len())].bytes())),
            7 => bytes.truncate(at),
            _ => {
                let to = self.below(bytes.len() + 1);
                let moved: Vec<u8> = bytes[span].to_vec();
                bytes.splice(to..to, moved);
            }
        }
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}
