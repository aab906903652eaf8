//! From scores to ranked documents or chunks, and the exact count of what matched.

use std::ops::Range;

use tantivy::DocId;

use super::bm25::{self, Scores};
use super::generation::Generation;
use super::phrase::{self, Phrases};
use super::query::{ChunkHits, DocumentHit, DocumentHits, LexicalQuery};
use super::schema::Fields;
use super::segment::Segment;
use crate::key::{DocumentKey, Key, KeySet};
use crate::scored::{Scored, TopK};

/// What matched, before anything is ranked.
pub(super) struct Matches<'a> {
    generation: &'a Generation,
    query: &'a LexicalQuery,
    scores: Vec<Scores>,
    bound: f32,
    phrases: Option<Phrases>,
    /// Whether the phrases were given up.
    pub(super) relaxed: bool,
}

impl<'a> Matches<'a> {
    /// Scores everything for `query`.
    pub(super) fn find(
        generation: &'a Generation,
        fields: &Fields,
        query: &'a LexicalQuery,
    ) -> tantivy::Result<Matches<'a>> {
        let phrases = phrase::find(generation, fields, query.terms.phrases())?;
        let (scores, bound) = bm25::score(generation, fields, query)?;
        let mut matches = Matches { generation, query, scores, bound, phrases, relaxed: false };
        if matches.phrases.is_some() {
            let mut total = 0_u64;
            matches.each(|_, _, _| total += 1);
            if total == 0 {
                matches.phrases = None;
                matches.relaxed = true;
            }
        }
        Ok(matches)
    }

    /// Calls `visit` with every matching document: its segment, its index there, and those of its rows that may be shown.
    pub(super) fn each(&self, mut visit: impl FnMut(usize, usize, Candidates<'_>)) {
        for (at, (segment, scores)) in self.generation.segments.iter().zip(&self.scores).enumerate() {
            let phrases = self.phrases.as_ref().map(|phrases| (&phrases.documents[at], &phrases.rows[at]));
            for (document, &score) in scores.documents.iter().enumerate() {
                if score <= 0.0 || phrases.is_some_and(|(documents, _)| !documents[document]) {
                    continue;
                }
                let candidates = Candidates {
                    segment,
                    scores,
                    rows: segment.layout.rows_of(document),
                    phrase_rows: phrases.map(|(_, rows)| rows.as_slice()),
                    allowed: self.query.allowed.as_deref(),
                };
                if candidates.any() {
                    visit(at, document, candidates);
                }
            }
        }
    }

    /// The best `limit` documents.
    pub(super) fn documents(&self, limit: usize) -> DocumentHits {
        let passage = self.query.ranking.passage;
        let mut best: TopK<(DocumentKey, Key)> = TopK::new(limit);
        let mut total = 0;
        self.each(|at, document, candidates| {
            total += 1;
            let whole = self.scores[at].documents[document];
            let Some((row, chunk)) = candidates.best() else { return };
            let layout = &candidates.segment.layout;
            let key = (layout.key_of(document), layout.chunk_key(row));
            best.push(Scored::new(key, (1.0 - passage) * whole + passage * chunk));
        });
        let documents = best
            .into_sorted()
            .into_iter()
            .map(|hit| DocumentHit { document: hit.key.0, best_chunk: hit.key.1, score: hit.score })
            .collect();
        DocumentHits { documents, total, bound: self.bound, phrases_relaxed: self.relaxed }
    }

    /// The best `limit` chunks. A chunk's score has its document's in it, so that a chunk is read in its context.
    pub(super) fn chunks(&self, limit: usize) -> ChunkHits {
        let passage = self.query.ranking.passage;
        let mut best: TopK<Key> = TopK::new(limit);
        let mut total = 0;
        self.each(|at, document, candidates| {
            total += 1;
            let whole = self.scores[at].documents[document];
            let fallback = candidates.best();
            for (row, chunk) in candidates.iter() {
                if chunk > 0.0 || fallback.is_some_and(|(best, score)| best == row && score <= 0.0) {
                    let key = candidates.segment.layout.chunk_key(row);
                    best.push(Scored::new(key, (1.0 - passage) * whole + passage * chunk));
                }
            }
        });
        ChunkHits { chunks: best.into_sorted(), total, bound: self.bound, phrases_relaxed: self.relaxed }
    }
}

/// The rows of one matching document.
pub(super) struct Candidates<'a> {
    segment: &'a Segment,
    scores: &'a Scores,
    rows: Range<DocId>,
    phrase_rows: Option<&'a [bool]>,
    allowed: Option<&'a KeySet>,
}

impl Candidates<'_> {
    /// The rows that may be shown, with their scores; those without a match of their own have 0.
    fn iter(&self) -> impl Iterator<Item = (DocId, f32)> {
        self.rows.clone().filter_map(|row| {
            let shown = self.phrase_rows.is_none_or(|rows| rows[row as usize])
                && self.allowed.is_none_or(|allowed| allowed.contains(self.segment.layout.chunk_key(row)));
            shown.then(|| (row, self.scores.chunks[row as usize]))
        })
    }

    fn any(&self) -> bool {
        (self.phrase_rows.is_none() && self.allowed.is_none()) || self.iter().next().is_some()
    }

    /// The best row, the first among equals.
    fn best(&self) -> Option<(DocId, f32)> {
        self.iter().reduce(|best, next| if next.1 > best.1 { next } else { best })
    }
}
