//! A filter from its text to the keys it allows.

use std::sync::Arc;

use neodex_index::{Key, KeySet};

use crate::database::Inner;
use crate::document::DocumentId;
use crate::error::Result;
use crate::load;
use crate::query;

/// A filter, understood and looked up.
#[derive(Debug, Clone)]
pub(crate) struct Allowed {
    /// The chunks of the documents that pass.
    pub(crate) keys: Arc<KeySet>,
    /// How many documents pass.
    pub(crate) documents: u64,
}

/// What `filter` allows.
///
/// # Errors
/// When the filter has a mistake, or names a field no document has.
pub(crate) fn allowed(inner: &Inner, filter: &str) -> Result<Allowed> {
    let predicate = query::parse(filter)?;
    let lexical = &inner.indexes.lexical;
    Ok(Allowed { keys: Arc::new(lexical.allowed(&predicate)?), documents: lexical.documents_matching(&predicate)? })
}

/// The documents that pass `filter`.
///
/// # Errors
/// As [`allowed`], and when the store cannot be read.
pub(crate) fn documents(inner: &Inner, filter: &str) -> Result<Vec<DocumentId>> {
    let versions = versions(inner, &allowed(inner, filter)?.keys, usize::MAX)?;
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
