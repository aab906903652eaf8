//! A filter from its text to the keys it allows.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use neodex_index::vector::AllowedKeys;
use neodex_index::{Key, KeySet};
use neodex_storage::Sequence;

use crate::database::Inner;
use crate::document::DocumentId;
use crate::error::Result;
use crate::load;
use crate::query;

/// A filter, understood and looked up.
#[derive(Debug, Clone)]
pub(crate) struct Allowed {
    /// The chunks of the documents that pass.
    pub(crate) keys: Arc<AllowedKeys>,
    /// How many documents pass.
    pub(crate) documents: u64,
}

/// Filters that were looked up lately: people filter by the same few things, and what a filter allows changes only with what is searchable.
#[derive(Debug, Default)]
pub(crate) struct FilterCache {
    entries: Mutex<VecDeque<Entry>>,
}

#[derive(Debug)]
struct Entry {
    filter: String,
    searchable: Sequence,
    allowed: Allowed,
}

/// Filters that are remembered.
const REMEMBERED: usize = 32;

impl FilterCache {
    fn get(&self, filter: &str, searchable: Sequence) -> Option<Allowed> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.searchable == searchable);
        entries.iter().find(|entry| entry.filter == filter).map(|entry| entry.allowed.clone())
    }

    fn put(&self, filter: &str, searchable: Sequence, allowed: &Allowed) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == REMEMBERED {
            entries.pop_front();
        }
        entries.push_back(Entry { filter: filter.to_owned(), searchable, allowed: allowed.clone() });
    }
}

/// What `filter` allows.
///
/// # Errors
/// When the filter has a mistake, or names a field no document has.
pub(crate) fn allowed(inner: &Inner, filter: &str) -> Result<Allowed> {
    // Read before the index is asked: what becomes searchable in between makes the entry an old one, not a wrong one.
    let searchable = inner.applier.searchable();
    if let Some(allowed) = inner.filters.get(filter, searchable) {
        return Ok(allowed);
    }
    let predicate = query::parse(filter)?;
    let lexical = &inner.indexes.lexical;
    let keys = Arc::new(AllowedKeys::new(Arc::new(lexical.allowed(&predicate)?)));
    let allowed = Allowed { keys, documents: lexical.documents_matching(&predicate)? };
    inner.filters.put(filter, searchable, &allowed);
    Ok(allowed)
}

/// The documents that pass `filter`.
///
/// # Errors
/// As [`allowed`], and when the store cannot be read.
pub(crate) fn documents(inner: &Inner, filter: &str) -> Result<Vec<DocumentId>> {
    let versions = versions(inner, allowed(inner, filter)?.keys.keys(), usize::MAX)?;
    let records = versions.into_iter().map(|key| load::record(&inner.store, key.0));
    records.filter_map(|record| record.map(|record| Some(record?.document.id)).transpose()).collect()
}

/// The first chunks of the first `limit` documents of a set, by key.
pub(crate) fn versions(inner: &Inner, allowed: &KeySet, limit: usize) -> Result<Vec<Key>> {
    let mut versions: Vec<Key> = Vec::new();
    let mut last = None;
    for key in allowed.iter() {
        let Some(version) = load::version_of(&inner.store, key)? else { continue };
        if last != Some(version) {
            if versions.len() == limit {
                break;
            }
            versions.push(version.first());
            last = Some(version);
        }
    }
    Ok(versions)
}
