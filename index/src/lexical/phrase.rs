//! Quoted phrases: which rows hold their terms side by side.

use tantivy::query::{EnableScoring, PhraseQuery, Query};
use tantivy::schema::Field;
use tantivy::{DocId, TERMINATED, Term};

use super::generation::Generation;
use super::schema::Fields;

/// For each segment, which documents hold every phrase and which rows hold any of them.
pub(super) struct Phrases {
    /// By segment, by document.
    pub(super) documents: Vec<Vec<bool>>,
    /// By segment, by row.
    pub(super) rows: Vec<Vec<bool>>,
}

/// Finds the rows of every phrase, in the text, the title or the headings; `None` without phrases.
pub(super) fn find(
    generation: &Generation,
    fields: &Fields,
    phrases: &[Vec<(u32, String)>],
) -> tantivy::Result<Option<Phrases>> {
    if phrases.is_empty() {
        return Ok(None);
    }
    let mut found = Phrases { documents: Vec::new(), rows: Vec::new() };
    for (at, segment) in generation.segments.iter().enumerate() {
        let layout = &segment.layout;
        let mut documents = vec![true; layout.documents()];
        let mut rows = vec![false; layout.rows() as usize];
        for phrase in phrases {
            let mut holds = vec![false; layout.documents()];
            for field in [fields.body, fields.title, fields.headings] {
                for row in rows_of(generation, at, field, phrase)? {
                    rows[row as usize] = true;
                    holds[layout.document_of(row)] = true;
                }
            }
            for (all, this) in documents.iter_mut().zip(holds) {
                *all &= this;
            }
        }
        found.documents.push(documents);
        found.rows.push(rows);
    }
    Ok(Some(found))
}

fn rows_of(
    generation: &Generation,
    segment: usize,
    field: Field,
    phrase: &[(u32, String)],
) -> tantivy::Result<Vec<DocId>> {
    let terms: Vec<(usize, Term)> =
        phrase.iter().map(|(position, term)| (*position as usize, Term::from_field_text(field, term))).collect();
    let mut rows = Vec::new();
    if terms.len() < 2 {
        return Ok(rows);
    }
    let query = PhraseQuery::new_with_offset(terms);
    let weight = query.weight(EnableScoring::disabled_from_searcher(&generation.searcher))?;
    let segment = &generation.segments[segment];
    let mut scorer = weight.scorer(&segment.reader, 1.0)?;
    let mut row = scorer.doc();
    while row != TERMINATED {
        if segment.is_alive(row) {
            rows.push(row);
        }
        row = scorer.advance();
    }
    Ok(rows)
}
