//! From text to terms: the one analyzer that indexing, queries and highlighting share.
//!
//! It is our own because the stock chain drops what it cannot name: long runs without spaces (Chinese, Japanese), long identifiers, words
//! of other scripts. Here every letter and digit ends in some term, and every term knows its bytes in the original text.

mod fold;
mod scan;
mod script;
mod stem;
mod stop;
mod terms;
mod tokenizer;

use std::ops::Range;

pub use self::terms::{QueryTerm, TermSet};
pub(crate) use self::tokenizer::WordTokenizer;

use self::scan::{Cursor, Unit};

/// One term at one place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// First byte in the original text.
    pub start: usize,
    /// One past the last byte in the original text.
    pub end: usize,
    /// What is indexed: folded and stemmed.
    pub term: &'a str,
    /// Counted in words from 0; several tokens may share one.
    pub position: u32,
    /// What part it plays.
    pub role: Role,
}

/// The part a token plays, which decides whether a query looks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// A word, or a pair of neighbouring characters in a script without spaces.
    Word,
    /// A word so frequent that a query leaves it out unless there is nothing else.
    Stop,
    /// One character inside a longer run of such a script: indexed so that a query for it alone finds it.
    Single,
}

/// Turns text into terms. Stateless and free to copy.
///
/// Words are lower-cased, freed of diacritics and stemmed as English. Chinese, Japanese, Korean, Thai and their like give overlapping
/// pairs of characters beside single ones. `CamelCase` gives the whole and its parts; `snake_case` and `foo.bar` give their parts; `C++`
/// and `C#` stay what they are; 3.14 is one number and 1,000 is 1000. A word longer than 64 bytes is cut, never dropped.
#[derive(Debug, Clone, Copy, Default)]
pub struct Analyzer;

impl Analyzer {
    /// The analyzer; there is only one.
    pub fn new() -> Self {
        Self
    }

    /// Calls `sink` with every token of `text`, in the order of the text.
    pub fn tokens(self, text: &str, sink: &mut impl FnMut(Token<'_>)) {
        let mut cursor = Cursor::new(text);
        let mut unit = Unit::default();
        while cursor.next_unit(&mut unit) {
            for token in unit.tokens() {
                sink(token);
            }
        }
    }

    /// What a query's `text` asks for. Never fails: any text is a query.
    pub fn terms(self, text: &str) -> TermSet {
        TermSet::parse(self, text)
    }

    /// The byte ranges of `text` that `terms` made match: sorted, disjoint, on character borders.
    pub fn highlight(self, text: &str, terms: &TermSet) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        if terms.is_empty() {
            return found;
        }
        self.tokens(text, &mut |token| {
            if !terms.contains(token.term) {
                return;
            }
            match found.last_mut() {
                // Pairs of characters overlap; the parts of an identifier lie inside the whole.
                Some(last) if token.start <= last.end => last.end = last.end.max(token.end),
                _ => found.push(token.start..token.end),
            }
        });
        found
    }
}

#[cfg(test)]
mod tests;
