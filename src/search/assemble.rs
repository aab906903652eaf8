//! From keys to what a person sees: the passage, the words of the query in it, and the sentence that answers best.

use std::ops::Range;

use neodex_index::Key;
use neodex_index::lexical::{Analyzer, TermSet};

use crate::chunking::sentences;
use crate::database::Inner;
use crate::error::Result;
use crate::ingest::prepare::heading;
use crate::load;
use crate::search::hit::{Explain, Hit};

/// Something to show.
pub(crate) struct Found {
    /// The chunk.
    pub(crate) chunk: Key,
    /// The fused score.
    pub(crate) score: f32,
    /// Where it came from, when asked for.
    pub(crate) explain: Option<Explain>,
}

/// Loads a hit; `None` when its document went between finding and loading.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn hit(inner: &Inner, analyzer: &Analyzer, found: Found, terms: &TermSet) -> Result<Option<Hit>> {
    let Some(version) = load::version_of(&inner.store, found.chunk)? else { return Ok(None) };
    let Some(record) = load::record(&inner.store, version.0)? else { return Ok(None) };
    let Some(chunk) = record.chunks.get((found.chunk.0 - version.0) as usize) else { return Ok(None) };
    let text = load::text(&inner.store, version.0, chunk.span.clone())?;
    let highlights = analyzer.highlight(&text, terms);
    let sentence = best_sentence(&text, &highlights);
    let headings = heading(&record.document, chunk);
    Ok(Some(Hit {
        document_id: record.document.id,
        chunk_id: found.chunk.0,
        score: found.score,
        title: record.document.title,
        headings,
        span: chunk.span.clone(),
        highlights,
        sentence,
        metadata: record.document.metadata,
        explain: found.explain,
        text,
    }))
}

/// The sentence with the most different words of the query, the earlier and shorter one first among equals.
fn best_sentence(text: &str, highlights: &[Range<usize>]) -> Option<Range<usize>> {
    let mut best: Option<(usize, Range<usize>)> = None;
    for sentence in sentences(text) {
        let inside = highlights.iter().filter(|word| sentence.start <= word.start && word.end <= sentence.end);
        let mut words: Vec<String> = inside.filter_map(|word| text.get(word.clone())).map(str::to_lowercase).collect();
        words.sort();
        words.dedup();
        if !words.is_empty() && best.as_ref().is_none_or(|(most, _)| words.len() > *most) {
            best = Some((words.len(), sentence));
        }
    }
    best.map(|(_, sentence)| sentence)
}
