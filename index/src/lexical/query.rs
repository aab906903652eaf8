//! What is asked and what is answered.

use std::sync::Arc;

use super::analyzer::{Analyzer, TermSet};
use crate::key::{DocumentKey, Key, KeySet};
use crate::scored::Scored;

/// The constants of the ranking. One set of defaults for everything, measured on ten collections from sentences to meeting transcripts:
/// long documents want the best passage, short ones the title and the whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranking {
    /// BM25's saturation: how much a second mention adds.
    pub k1: f32,
    /// BM25's length normalisation, 0 to 1.
    pub b: f32,
    /// How many mentions in the text one mention in the title counts for.
    pub title: f32,
    /// How many mentions in a chunk's text one mention in its headings counts for.
    pub headings: f32,
    /// The part of the best chunk in a document's score, 0 to 1; the whole document has the rest.
    pub passage: f32,
}

impl Default for Ranking {
    fn default() -> Self {
        Self { k1: 1.2, b: 0.5, title: 3.0, headings: 0.5, passage: 0.3 }
    }
}

/// A search by words.
#[derive(Debug, Clone)]
pub struct LexicalQuery {
    /// What to look for.
    pub terms: TermSet,
    /// The only chunks that may be found; `None` allows all.
    pub allowed: Option<Arc<KeySet>>,
    /// The constants of the ranking.
    pub ranking: Ranking,
}

impl LexicalQuery {
    /// A query for the words, and the "quoted phrases", of `text`. Any text is a query.
    pub fn new(text: &str) -> Self {
        Self { terms: Analyzer::new().terms(text), allowed: None, ranking: Ranking::default() }
    }

    /// Finds nothing outside `allowed`.
    #[must_use]
    pub fn allowed(mut self, allowed: Arc<KeySet>) -> Self {
        self.allowed = Some(allowed);
        self
    }

    /// Ranks with other constants.
    #[must_use]
    pub fn ranking(mut self, ranking: Ranking) -> Self {
        self.ranking = ranking;
        self
    }
}

/// A document that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DocumentHit {
    /// The document.
    pub document: DocumentKey,
    /// Its chunk that matches best.
    pub best_chunk: Key,
    /// Its score: comparable within one query only.
    pub score: f32,
}

/// The documents found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DocumentHits {
    /// The best, best first.
    pub documents: Vec<DocumentHit>,
    /// How many documents match at all.
    pub total: u64,
    /// The score of a document that said every term of the query without end: what a score is large or small against.
    pub bound: f32,
    /// Whether no document had the quoted phrases, so that their words alone were looked for.
    pub phrases_relaxed: bool,
}

/// The chunks found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChunkHits {
    /// The best, best first.
    pub chunks: Vec<Scored<Key>>,
    /// How many documents match at all.
    pub total: u64,
    /// The score of a document that said every term of the query without end: what a score is large or small against.
    pub bound: f32,
    /// Whether no document had the quoted phrases, so that their words alone were looked for.
    pub phrases_relaxed: bool,
}
