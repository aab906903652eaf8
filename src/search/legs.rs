//! The two legs of a search: a ranked list by words and a ranked list by meaning.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use neodex_index::lexical::{LexicalQuery, TermSet};
use neodex_index::vector::{AllowedKeys, Query, RowFormat, rescore};
use neodex_index::{Key, KeySet, Scored};

use crate::database::Inner;
use crate::error::{Error, Result};
use crate::load;
use crate::search::hit::{SegmentPlan, VectorPlan};
use crate::search::options::Group;

/// The depth of each leg. Fixed, so that fusing gives the same list whichever page is asked for.
pub(crate) const DEPTH: usize = 1_000;
/// Passages the leg by meaning ranks, by the twelve bits a value that are in memory.
const CANDIDATES: usize = 512;
/// Of these, how many are put in order by their full rows where rows are kept in full.
const RESCORED: usize = 64;

/// A ranked list of what was asked for: documents (named by the key of their first chunk) or chunks.
#[derive(Debug, Default)]
pub(crate) struct Leg {
    /// Best first.
    pub(crate) ranked: Vec<Scored>,
    /// For documents, the chunk that speaks for each.
    pub(crate) best_chunk: HashMap<Key, Key>,
    /// See [`crate::search::SearchResults::total`].
    pub(crate) total: u64,
    /// By words, the score that no document can reach.
    pub(crate) bound: f32,
    /// Whether quoted phrases had to be taken apart.
    pub(crate) phrases_relaxed: bool,
    /// By meaning, how the vectors were searched.
    pub(crate) plan: Option<VectorPlan>,
}

/// The leg by words.
pub(crate) fn lexical(
    inner: &Inner,
    terms: &TermSet,
    allowed: Option<&Arc<KeySet>>,
    group: Group,
    depth: usize,
) -> Result<Leg> {
    let query = LexicalQuery { terms: terms.clone(), allowed: allowed.cloned(), ranking: Default::default() };
    let index = &inner.indexes.lexical;
    match group {
        Group::Document => {
            let hits = index.search(&query, depth)?;
            Ok(Leg {
                ranked: hits.documents.iter().map(|hit| Scored::new(hit.document.first(), hit.score)).collect(),
                best_chunk: hits.documents.iter().map(|hit| (hit.document.first(), hit.best_chunk)).collect(),
                total: hits.total,
                bound: hits.bound,
                phrases_relaxed: hits.phrases_relaxed,
                plan: None,
            })
        }
        Group::None => {
            let hits = index.search_chunks(&query, depth)?;
            Ok(Leg {
                ranked: hits.chunks,
                best_chunk: HashMap::new(),
                total: hits.total,
                bound: hits.bound,
                phrases_relaxed: hits.phrases_relaxed,
                plan: None,
            })
        }
    }
}

/// The leg by meaning.
pub(crate) fn dense(inner: &Inner, vector: &[f32], allowed: Option<&AllowedKeys>, group: Group) -> Result<Leg> {
    let vectors = inner.indexes.vectors.as_ref().ok_or(Error::NoEmbedder)?;
    let found = vectors.find(&Query::new(vector)?, CANDIDATES, allowed, &inner.config.search)?;
    let mut ranked = found.best;
    if inner.config.rows == RowFormat::F32 {
        // Whoever keeps rows in full wants near-equal vectors told apart.
        let behind = ranked.split_off(ranked.len().min(RESCORED));
        let row = |key| load::row(&inner.store, inner.slot, key, inner.config.rows, vectors.dimension());
        ranked = rescore(vectors.distance(), vector, &ranked, row, RESCORED)?;
        let floor = ranked.last().map_or(f32::INFINITY, |last| last.score);
        ranked.extend(behind.iter().map(|behind| Scored::new(behind.key, behind.score.min(floor))));
    }
    let segments = found.plans.iter().map(|(vectors, plan)| SegmentPlan { vectors: *vectors, way: plan.to_string() });
    let plan = VectorPlan {
        allowed: allowed.map(|allowed| allowed.keys().len()),
        scanned: found.scanned,
        segments: segments.collect(),
    };
    let leg = match group {
        Group::None => Leg { total: ranked.len() as u64, ranked, ..Leg::default() },
        Group::Document => by_document(inner, &ranked)?,
    };
    Ok(Leg { plan: Some(plan), ..leg })
}

/// A document's place is that of its best chunk.
fn by_document(inner: &Inner, chunks: &[Scored]) -> Result<Leg> {
    let mut leg = Leg::default();
    // The word index has all documents but the newest in memory; a look into the store takes several microseconds.
    let known = inner.indexes.lexical.owners(chunks.iter().map(|chunk| chunk.key));
    for (chunk, known) in chunks.iter().zip(known) {
        let version = match known {
            Some(version) => Some(version),
            None => load::version_of(&inner.store, chunk.key)?,
        };
        let Some(version) = version else { continue };
        if let Entry::Vacant(place) = leg.best_chunk.entry(version.first()) {
            place.insert(chunk.key);
            leg.ranked.push(Scored::new(version.first(), chunk.score));
        }
    }
    leg.total = leg.ranked.len() as u64;
    Ok(leg)
}
