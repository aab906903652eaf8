//! One search: plan the legs, retrieve, fuse, group, load.
//!
//! `legs` retrieves ranked lists, `fusion` makes one of two, `assemble` turns keys into passages, `snippet` cuts a passage for a screen.
//! Each leg is cut at a fixed depth, whatever page is asked for, so that page two follows page one.

mod assemble;
pub mod auto;
mod candidates;
mod evidence;
pub(crate) mod filter;
pub mod fusion;
mod hit;
mod legs;
mod options;
pub mod snippet;

use std::sync::Arc;
use std::time::Instant;

use neodex_index::Key;
use neodex_index::lexical::{Analyzer, LexicalQuery, TermSet};
use neodex_index::vector::AllowedKeys;

use crate::database::{Database, Inner};
use crate::error::{Error, Result};
use crate::schema::{ONLY, TOTALS};
use crate::search::assemble::Found;
use crate::search::auto::Auto;
use crate::search::filter::Allowed;
use crate::search::fusion::Weights;
use crate::search::legs::{DEPTH, Leg};

pub use candidates::Candidates;
pub use evidence::Evidence;
pub use hit::{Explain, Facet, FacetValue, FusionExplain, Hit, LegScore, SearchResults, SegmentPlan, VectorPlan};
pub use options::{Fusion, Group, Mode};

/// The most hits of one answer.
const MOST_HITS: usize = 10_000;
/// The most different values of one facet.
const FACET_VALUES: usize = 100;
/// A query longer than this is cut at a character: no reader of results typed it.
const MOST_QUERY_BYTES: usize = 1 << 20;

/// A search being put together; [`Search::run`] runs it.
#[derive(Debug, Clone)]
#[must_use]
pub struct Search<'a> {
    database: &'a Database,
    query: String,
    vector: Option<Vec<f32>>,
    limit: usize,
    offset: usize,
    mode: Mode,
    filter: Option<String>,
    group: Group,
    explain: bool,
    facets: Vec<String>,
    weights: (f32, f32),
    fusion: Fusion,
    rrf_k: u32,
}

impl<'a> Search<'a> {
    pub(crate) fn text(database: &'a Database, query: String) -> Self {
        Self {
            database,
            query,
            vector: None,
            limit: 10,
            offset: 0,
            mode: Mode::Hybrid,
            filter: None,
            group: Group::Document,
            explain: false,
            facets: Vec::new(),
            weights: (1.0, 1.0),
            fusion: Fusion::Auto,
            rrf_k: fusion::DEFAULT_RRF_K,
        }
    }

    pub(crate) fn vector_only(database: &'a Database, vector: Vec<f32>) -> Self {
        Self { vector: Some(vector), mode: Mode::Dense, ..Self::text(database, String::new()) }
    }

    /// Hits on a page; default 10, at most 10,000. By meaning, alone or in a hybrid search, only the best 1,000 of each side are ranked, so pages
    /// end there.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Hits to pass over; default 0.
    pub fn offset(mut self, offset: usize) -> Self {
        self.offset = offset;
        self
    }

    /// By words, by meaning, or both (default).
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Only documents whose metadata passes, as in `year >= 2020 AND lang = 'en'`.
    pub fn filter(mut self, filter: impl Into<String>) -> Self {
        self.filter = Some(filter.into());
        self
    }

    /// A hit a document (default), or a hit a passage.
    pub fn group(mut self, group: Group) -> Self {
        self.group = group;
        self
    }

    /// Say for each hit where each leg had it.
    pub fn explain(mut self) -> Self {
        self.explain = true;
        self
    }

    /// Count the values of this metadata field among the documents found. May be asked for several fields.
    pub fn facet(mut self, field: impl Into<String>) -> Self {
        self.facets.push(field.into());
        self
    }

    /// The query's vector, so that it need not be computed.
    pub fn vector(mut self, vector: Vec<f32>) -> Self {
        self.vector = Some(vector);
        self
    }

    /// How much each leg counts in a hybrid search; default 1 and 1. [`Fusion::Auto`] multiplies its own weights by these.
    pub fn weights(mut self, dense: f32, lexical: f32) -> Self {
        self.weights = (dense, lexical);
        self
    }

    /// How the legs of a hybrid search are fused; default [`Fusion::Auto`].
    pub fn fusion(mut self, fusion: Fusion) -> Self {
        self.fusion = fusion;
        self
    }

    /// The constant of reciprocal rank fusion; default 60.
    pub fn rrf_k(mut self, k: u32) -> Self {
        self.rrf_k = k;
        self
    }

    /// Runs the search. What this handle has written before is found.
    ///
    /// # Errors
    /// When the limit is 0, the filter has a mistake or names an unknown field, meaning is asked of a database without a model, or the
    /// store cannot be read.
    pub fn run(self) -> Result<SearchResults> {
        let started = Instant::now();
        let weights = self.check()?;
        let inner = &self.database.inner;
        self.database.wait_for_own_writes()?;
        let mut notes = Vec::new();
        let mode = self.effective_mode(inner, &mut notes)?;
        let query = cut(&self.query, MOST_QUERY_BYTES);
        let analyzer = Analyzer::new();
        let terms = analyzer.terms(query);
        let allowed = self.filter.as_deref().map(|filter| filter::allowed(inner, filter)).transpose()?;
        let keys = allowed.as_ref().map(|allowed| &allowed.keys);

        let mut plan = None;
        let (found, total, explain) = if query.trim().is_empty() && self.vector.is_none() {
            let (found, total) = self.browse(inner, allowed.as_ref())?;
            (found, total, None)
        } else {
            self.retrieve(inner, query, mode, weights, &terms, keys, &mut notes, &mut plan)?
        };
        let mut hits = Vec::with_capacity(self.limit.min(found.len()));
        for found in found.into_iter().skip(self.offset).take(self.limit) {
            hits.extend(assemble::hit(inner, &analyzer, found, &terms)?);
        }
        let facets = self.count_facets(inner, mode, &terms, keys.map(Arc::as_ref))?;
        let took_ms = started.elapsed().as_secs_f64() * 1e3;
        Ok(SearchResults { query: self.query, mode, total, took_ms, hits, facets, explain, plan, notes })
    }

    fn check(&self) -> Result<Weights> {
        let argument = |field, reason: String| Err(Error::Argument { field, reason });
        if self.limit == 0 || self.limit > MOST_HITS {
            return argument("limit", format!("{} is not between 1 and {MOST_HITS}", self.limit));
        }
        if self.query.trim().is_empty() && self.vector.is_none() && self.filter.is_none() {
            return argument("query", "there is nothing to look for: give words, a vector or a filter".to_owned());
        }
        let (dense, lexical) = self.weights;
        Weights::new(dense, lexical).map_err(|error| Error::Argument { field: "weights", reason: error.to_string() })
    }

    /// Hybrid becomes lexical in a database that knows no meaning.
    fn effective_mode(&self, inner: &Inner, notes: &mut Vec<String>) -> Result<Mode> {
        let knows_meaning = inner.indexes.vectors.is_some() && (inner.embeds_text() || self.vector.is_some());
        match self.mode {
            Mode::Lexical => Ok(Mode::Lexical),
            mode if knows_meaning => Ok(mode),
            Mode::Dense => Err(Error::NoEmbedder),
            Mode::Hybrid => {
                notes.push("no model: searched by words only".to_owned());
                Ok(Mode::Lexical)
            }
        }
    }

    /// Without words or a vector: what the filter allows, in the order it was stored.
    fn browse(&self, inner: &Inner, allowed: Option<&Allowed>) -> Result<(Vec<Found>, u64)> {
        let Some(allowed) = allowed else { return Ok((Vec::new(), 0)) };
        let wanted = self.offset.saturating_add(self.limit);
        let keys: Vec<Key> = match self.group {
            Group::None => allowed.keys.keys().iter().take(wanted).collect(),
            Group::Document => filter::versions(inner, allowed.keys.keys(), wanted)?,
        };
        let found = keys.into_iter().map(|chunk| Found { chunk, score: 0.0, explain: None });
        Ok((found.collect(), allowed.documents))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one plan, each computed once by run")]
    fn retrieve(
        &self,
        inner: &Inner,
        query: &str,
        mode: Mode,
        weights: Weights,
        terms: &TermSet,
        allowed: Option<&Arc<AllowedKeys>>,
        notes: &mut Vec<String>,
        plan: &mut Option<VectorPlan>,
    ) -> Result<(Vec<Found>, u64, Option<FusionExplain>)> {
        let keys = allowed.map(|allowed| allowed.shared_keys());
        let lexical = match mode {
            Mode::Dense => Leg::default(),
            Mode::Hybrid => legs::lexical(inner, terms, keys.as_ref(), self.group, DEPTH)?,
            Mode::Lexical => {
                let depth = DEPTH.max(self.offset.saturating_add(self.limit));
                legs::lexical(inner, terms, keys.as_ref(), self.group, depth)?
            }
        };
        if lexical.phrases_relaxed {
            notes.push("no document has the quoted words together; they were looked for one by one".to_owned());
        }
        let dense = match mode {
            Mode::Lexical => Leg::default(),
            Mode::Hybrid | Mode::Dense => {
                let vector = self.query_vector(inner, query)?;
                legs::dense(inner, &vector, allowed.map(Arc::as_ref), self.group)?
            }
        };
        *plan = self.explain.then(|| dense.plan.clone()).flatten();
        if mode != Mode::Lexical && self.offset.saturating_add(self.limit) > DEPTH {
            notes.push(format!(
                "{} searches rank the best {DEPTH} of each side; what is further down is found with lexical ones only",
                mode.name()
            ));
        }
        let total = if mode == Mode::Dense { dense.total } else { lexical.total };
        let mut explained = None;
        let fused = match mode {
            Mode::Hybrid => {
                let evidence = self.evidence(inner, query, &dense, &lexical)?;
                let weights = match self.fusion {
                    Fusion::Auto => Auto::default().weights(&evidence, weights),
                    Fusion::Rrf | Fusion::Relative => weights,
                };
                explained = self.explain.then(|| FusionExplain {
                    fusion: self.fusion,
                    dense_weight: weights.dense(),
                    lexical_weight: weights.lexical(),
                    evidence,
                });
                match self.fusion {
                    Fusion::Auto => auto::mixed(&dense.ranked, &lexical.ranked, weights),
                    Fusion::Rrf => fusion::reciprocal_rank(&dense.ranked, &lexical.ranked, weights, self.rrf_k),
                    Fusion::Relative => fusion::relative_score(&dense.ranked, &lexical.ranked, weights),
                }
            }
            Mode::Dense | Mode::Lexical => fusion::alone(&dense.ranked, &lexical.ranked),
        };
        let found = fused.into_iter().map(|fused| {
            let explain = Explain { dense: fused.dense.map(Into::into), lexical: fused.lexical.map(Into::into) };
            let from_dense = match (explain.dense, explain.lexical) {
                (Some(dense), Some(lexical)) => dense.rank <= lexical.rank,
                (dense, _) => dense.is_some(),
            };
            let leg = if from_dense { &dense } else { &lexical };
            let chunk = leg.best_chunk.get(&fused.key).copied().unwrap_or(fused.key);
            Found { chunk, score: fused.score, explain: self.explain.then_some(explain) }
        });
        Ok((found.collect(), total, explained))
    }

    fn query_vector(&self, inner: &Inner, query: &str) -> Result<Vec<f32>> {
        if let Some(vector) = &self.vector {
            return Ok(vector.clone());
        }
        let embedder = inner.embedder.as_ref().ok_or(Error::NoEmbedder)?;
        let vectors = embedder.embed_queries(&[query])?;
        vectors.into_iter().next().ok_or_else(|| Error::Embedding("the embedder returned no vector".into()))
    }

    /// What both legs say about themselves.
    fn evidence(&self, inner: &Inner, query: &str, dense: &Leg, lexical: &Leg) -> Result<Evidence> {
        let unknown = inner.embedder.as_ref().map_or(0.0, |embedder| embedder.unknown_share(query));
        let totals = inner.store.get(&TOTALS, ONLY)?.unwrap_or_default();
        let pending = 1.0 - totals.vectors(inner.slot) as f32 / totals.chunks.max(1) as f32;
        Ok(Evidence::of(&dense.ranked, &lexical.ranked, lexical.bound, unknown, pending))
    }

    fn count_facets(
        &self,
        inner: &Inner,
        mode: Mode,
        terms: &TermSet,
        allowed: Option<&AllowedKeys>,
    ) -> Result<Vec<Facet>> {
        let allowed = allowed.map(AllowedKeys::shared_keys);
        let allowed = allowed.as_ref();
        let by_words = mode != Mode::Dense && !terms.is_empty();
        let query = by_words.then(|| LexicalQuery {
            terms: terms.clone(),
            allowed: allowed.cloned(),
            ranking: Default::default(),
        });
        let count = |field: &String| {
            let values = inner.indexes.lexical.facet(field, query.as_ref(), allowed.map(Arc::as_ref), FACET_VALUES)?;
            let values = values.into_iter().map(|(value, documents)| FacetValue { value, documents }).collect();
            Ok(Facet { field: field.clone(), values })
        };
        self.facets.iter().map(count).collect()
    }
}

/// The beginning of `text`, at most `bytes` long.
fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}
