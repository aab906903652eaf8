//! Both legs of a search before they are fused, for those who fit a fusion or fuse themselves.

use neodex_index::lexical::Analyzer;
use neodex_index::{Key, Scored};

use crate::database::Database;
use crate::document::DocumentId;
use crate::error::Result;
use crate::load;
use crate::search::evidence::Evidence;
use crate::search::legs::{self, DEPTH, Leg};
use crate::search::options::Group;
use crate::search::{MOST_QUERY_BYTES, Search, cut};

/// What each leg found of documents, best first, and what can be said of it. A document stands under the number of its first chunk, which
/// [`Database::document_of`] turns into its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidates {
    /// By meaning: document and similarity; empty in a database without a model.
    pub dense: Vec<(u64, f32)>,
    /// By words: document and BM25.
    pub lexical: Vec<(u64, f32)>,
    /// What `auto` weighs the legs by.
    pub evidence: Evidence,
    /// The score by words that no document can reach.
    pub bound: f32,
}

impl Database {
    /// The id of the document that a chunk belongs to; `None` when it is gone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn document_of(&self, chunk_id: u64) -> Result<Option<DocumentId>> {
        let store = &self.inner.store;
        let Some(version) = load::version_of(store, Key(chunk_id))? else { return Ok(None) };
        Ok(load::record(store, version.0)?.map(|record| record.document.id))
    }
}

impl Search<'_> {
    /// Runs both legs as deep as a hybrid search does, and stops there. Mode, page, grouping and fusion do not count.
    ///
    /// # Errors
    /// As [`Search::run`].
    pub fn candidates(self) -> Result<Candidates> {
        self.check()?;
        let inner = &self.database.inner;
        self.database.wait_for_own_writes()?;
        let query = cut(&self.query, MOST_QUERY_BYTES);
        let terms = Analyzer::new().terms(query);
        let allowed = self.filter.as_deref().map(|filter| super::filter::allowed(inner, filter)).transpose()?;
        let keys = allowed.as_ref().map(|allowed| &allowed.keys);
        let shared = keys.map(|keys| keys.shared_keys());
        let lexical = legs::lexical(inner, &terms, shared.as_ref(), Group::Document, DEPTH)?;
        let knows_meaning = inner.indexes.vectors.is_some() && (inner.embeds_text() || self.vector.is_some());
        let dense = if knows_meaning {
            legs::dense(inner, &self.query_vector(inner, query)?, keys.map(AsRef::as_ref), Group::Document)?
        } else {
            Leg::default()
        };
        let evidence = self.evidence(inner, query, &dense, &lexical)?;
        let plain = |ranked: &[Scored<Key>]| ranked.iter().map(|hit| (hit.key.0, hit.score)).collect();
        Ok(Candidates { dense: plain(&dense.ranked), lexical: plain(&lexical.ranked), evidence, bound: lexical.bound })
    }
}
