//! BM25 over chunks and over whole documents in one walk over the postings.
//!
//! tantivy's own scorer has its constants built in and counts deleted documents. This one takes the terms one by one and adds each term's
//! part to every chunk and document it occurs in; a document's frequency of a term is the sum over its chunks, which lie side by side, so
//! that whole documents cost no second index. Only the living are counted, everywhere: a score depends on what the index holds and not on
//! how it came to hold it, and a rebuilt index ranks exactly like the one it replaces.

use tantivy::postings::BlockSegmentPostings;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, Term};

use super::analyzer::QueryTerm;
use super::generation::Generation;
use super::query::{LexicalQuery, Ranking};
use super::schema::Fields;
use super::segment::Segment;

/// A query is cut to this many terms, the rarest, which carry nearly all of the score.
const MOST_TERMS: usize = 1024;

/// The scores of one segment. Zero where nothing matched.
pub(super) struct Scores {
    /// By row.
    pub(super) chunks: Vec<f32>,
    /// By document; above zero for every document that matches in any way.
    pub(super) documents: Vec<f32>,
}

/// Where one term occurs in one segment: contributions before the term's weight.
#[derive(Default)]
struct Occurrences {
    chunks: Vec<(DocId, f32)>,
    documents: Vec<(u32, f32)>,
}

/// Average lengths in terms, over the living.
struct Averages {
    chunk: f32,
    document: f32,
}

/// Scores every chunk and document, one [`Scores`] for each segment of `generation`; and the score that no document can reach, because it
/// would have to say every term of the query without end.
pub(super) fn score(
    generation: &Generation,
    fields: &Fields,
    query: &LexicalQuery,
) -> tantivy::Result<(Vec<Scores>, f32)> {
    let ranking = &query.ranking;
    let mut scores: Vec<Scores> = generation
        .segments
        .iter()
        .map(|segment| Scores {
            chunks: vec![0.0; segment.layout.rows() as usize],
            documents: vec![0.0; segment.layout.documents()],
        })
        .collect();
    let totals = &generation.totals;
    let averages = Averages {
        chunk: ratio(totals.body_terms as f32, totals.chunks),
        document: ratio(totals.body_terms as f32 + ranking.title * totals.title_terms as f32, totals.documents),
    };
    let mut bound = 0.0;
    for query_term in chosen(generation, fields, query)? {
        let mut found = Vec::with_capacity(generation.segments.len());
        for segment in &generation.segments {
            found.push(occurrences(segment, fields, &query_term.term, ranking, &averages)?);
        }
        let weight = |held: usize, of: u64| query_term.weight * inverse_frequency(held as u64, of) * (ranking.k1 + 1.0);
        let chunk_weight = weight(found.iter().map(|found| found.chunks.len()).sum(), totals.chunks);
        let document_weight = weight(found.iter().map(|found| found.documents.len()).sum(), totals.documents);
        bound += document_weight;
        for (found, scores) in found.iter().zip(&mut scores) {
            for &(row, part) in &found.chunks {
                scores.chunks[row as usize] += chunk_weight * part;
            }
            for &(document, part) in &found.documents {
                scores.documents[document as usize] += document_weight * part;
            }
        }
    }
    Ok((scores, bound))
}

fn ratio(sum: f32, count: u64) -> f32 {
    if count == 0 { 1.0 } else { (sum / count as f32).max(1.0) }
}

/// Robertson's weight of a term held by `held` of `of`, kept positive as Lucene does.
fn inverse_frequency(held: u64, of: u64) -> f32 {
    let (held, of) = (held as f64, (of as f64).max(held as f64));
    (1.0 + (of - held + 0.5) / (held + 0.5)).ln() as f32
}

/// The query's terms, or the rarest of too many.
fn chosen<'q>(
    generation: &Generation,
    fields: &Fields,
    query: &'q LexicalQuery,
) -> tantivy::Result<Vec<&'q QueryTerm>> {
    let terms: Vec<&QueryTerm> = query.terms.iter().collect();
    if terms.len() <= MOST_TERMS {
        return Ok(terms);
    }
    let mut counted = Vec::with_capacity(terms.len());
    for term in terms {
        let mut held = 0_u64;
        for segment in &generation.segments {
            for field in [fields.body, fields.title, fields.headings] {
                let name = Term::from_field_text(field, &term.term);
                held += u64::from(segment.reader.inverted_index(field)?.doc_freq(&name)?);
            }
        }
        if held > 0 {
            counted.push((held, term));
        }
    }
    counted.sort_by_key(|&(held, _)| held);
    counted.truncate(MOST_TERMS);
    Ok(counted.into_iter().map(|(_, term)| term).collect())
}

/// The rows and frequencies of a term in one field, living rows only.
fn postings(segment: &Segment, field: Field, term: &str) -> tantivy::Result<Vec<(DocId, u32)>> {
    let index = segment.reader.inverted_index(field)?;
    let name = Term::from_field_text(field, term);
    let Some(mut blocks): Option<BlockSegmentPostings> =
        index.read_block_postings(&name, IndexRecordOption::WithFreqs)?
    else {
        return Ok(Vec::new());
    };
    let mut found = Vec::with_capacity(blocks.doc_freq() as usize);
    let alive = segment.reader.alive_bitset();
    loop {
        let rows = blocks.docs();
        if rows.is_empty() {
            return Ok(found);
        }
        let pairs = rows.iter().copied().zip(blocks.freqs().iter().copied());
        match alive {
            Some(alive) => found.extend(pairs.filter(|&(row, _)| alive.is_alive(row))),
            None => found.extend(pairs),
        }
        blocks.advance();
    }
}

fn occurrences(
    segment: &Segment,
    fields: &Fields,
    term: &str,
    ranking: &Ranking,
    averages: &Averages,
) -> tantivy::Result<Occurrences> {
    let layout = &segment.layout;
    let body = postings(segment, fields.body, term)?;
    let headings = postings(segment, fields.headings, term)?;
    let titles = postings(segment, fields.title, term)?;
    let saturate = |frequency: f32, length: f32, average: f32| {
        frequency / (frequency + ranking.k1 * (1.0 - ranking.b + ranking.b * length / average))
    };
    let mut found = Occurrences::default();
    let mut in_documents: Vec<(u32, f32)> = Vec::with_capacity(body.len().min(layout.documents()));
    let mut add = |document: usize, frequency: f32| match in_documents.last_mut() {
        Some(last) if last.0 as usize == document => last.1 += frequency,
        _ => in_documents.push((document as u32, frequency)),
    };
    found.chunks.reserve(body.len() + headings.len());
    let mut visit = |row: DocId, [in_body, in_headings, in_title]: [u32; 3]| {
        let frequency = in_body as f32 + ranking.headings * in_headings as f32;
        if frequency > 0.0 {
            found.chunks.push((row, saturate(frequency, layout.chunk_terms(row) as f32, averages.chunk)));
        }
        add(layout.document_of(row), in_body as f32 + ranking.title * in_title as f32);
    };
    if headings.is_empty() && titles.is_empty() {
        body.iter().for_each(|&(row, frequency)| visit(row, [frequency, 0, 0]));
    } else {
        merge([&body, &headings, &titles]).for_each(|(row, frequencies)| visit(row, frequencies));
    }
    found.documents = in_documents
        .into_iter()
        .map(|(document, frequency)| {
            let length = layout.body_terms_of(document as usize) as f32
                + ranking.title * layout.title_terms_of(document as usize) as f32;
            // A term in nothing but headings still makes its document match.
            let frequency = if frequency > 0.0 { frequency } else { ranking.headings.max(f32::MIN_POSITIVE) };
            (document, saturate(frequency, length, averages.document))
        })
        .collect();
    Ok(found)
}

/// Merges ascending lists by row: each row once, with its frequency in each list.
fn merge<'a>(lists: [&'a [(DocId, u32)]; 3]) -> impl Iterator<Item = (DocId, [u32; 3])> + 'a {
    let mut at = [0_usize; 3];
    std::iter::from_fn(move || {
        let row = (0..3).filter_map(|list| lists[list].get(at[list])).map(|&(row, _)| row).min()?;
        let mut frequencies = [0; 3];
        for list in 0..3 {
            if let Some(&(found, frequency)) = lists[list].get(at[list])
                && found == row
            {
                frequencies[list] = frequency;
                at[list] += 1;
            }
        }
        Some((row, frequencies))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn lists_merge_by_row() {
        let merged: HashMap<DocId, [u32; 3]> = merge([&[(1, 2), (4, 1)], &[(4, 3)], &[(0, 1)]]).collect();
        assert_eq!(merged, HashMap::from([(0, [0, 0, 1]), (1, [2, 0, 0]), (4, [1, 3, 0])]));
    }

    #[test]
    fn a_term_everyone_has_still_weighs_something() {
        assert!(inverse_frequency(10, 10) > 0.0);
        assert!(inverse_frequency(1, 1000) > inverse_frequency(10, 1000));
    }
}
