//! What can be said of the store without an index: is every document whole, has every vector its row, and is there nothing that belongs to
//! nobody.

use neodex_index::vector::RowFormat;
use neodex_index::{DocumentKey, Key};
use neodex_storage::{Store, Table, TableKey, TableValue};

use crate::database::manifest;
use crate::database::verify::Fault;
use crate::document::content_hash;
use crate::error::{Error, Result};
use crate::load;
use crate::schema::{DOCUMENTS, Head, ONLY, RECORDS, Slot, TEXTS, TOTALS, Totals, UNREFERENCED};

/// The versions that count, by the keys of their chunks.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    /// First key and number of chunks, in order once [`Owners::sort`] has run.
    versions: Vec<(u64, u32)>,
}

impl Owners {
    /// Adds a version.
    pub(crate) fn add(&mut self, version: u64, chunks: u32) {
        self.versions.push((version, chunks));
    }

    /// To be called before asking.
    pub(crate) fn sort(&mut self) {
        self.versions.sort_unstable();
    }

    /// Whether a version of this name counts.
    pub(crate) fn has_version(&self, version: u64) -> bool {
        self.versions.binary_search_by_key(&version, |(first, _)| *first).is_ok()
    }

    /// Whether this is the key of a chunk of a version that counts.
    pub(crate) fn has_chunk(&self, key: u64) -> bool {
        let after = self.versions.partition_point(|(first, _)| *first <= key);
        let before = after.checked_sub(1).and_then(|at| self.versions.get(at));
        before.is_some_and(|(first, chunks)| key - first < u64::from(*chunks))
    }

    /// The first key beyond all versions.
    pub(crate) fn end(&self) -> u64 {
        self.versions.iter().map(|(first, chunks)| first.saturating_add(u64::from(*chunks))).max().unwrap_or_default()
    }
}

/// What was seen of all documents.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) documents: u64,
    pub(crate) totals: Totals,
    pub(crate) faults: Vec<Fault>,
}

/// Reads every document and every vector, and looks for rows that belong to none. `go_on` hears how many documents have been read, and ends
/// it by saying no.
///
/// # Errors
/// When the store cannot be read; damage is in the answer.
pub(crate) fn documents(store: &Store, go_on: &mut dyn FnMut(u64) -> bool) -> Result<Option<Seen>> {
    let mut seen = Seen::default();
    let mut owners = Owners::default();
    let before = store.last_sequence();
    let fields = store.manifest().fields;
    let (vectors, slot) = (manifest::vectors(&fields), manifest::slot(&fields));
    for row in store.scan(&DOCUMENTS) {
        // A damaged head is a fault of the store's own.
        let Ok((id, head)) = row else { continue };
        seen.totals.add(&head);
        seen.documents += 1;
        owners.add(head.version, head.chunks);
        if !go_on(seen.documents) {
            return Ok(None);
        }
        let mut fault = document(store, &id, &head)?;
        // The other slot may be half full or half empty at any time.
        if fault.is_none() && head.has_vectors(slot) {
            fault = match vectors {
                Some((dimension, _, format)) => self::vectors(store, slot, &head, dimension, format)?,
                None => Some("it has vectors, but the database has no model".to_owned()),
            };
        }
        // A document that was replaced since is not at fault.
        if let Some(reason) = fault
            && load::head(store, &id)?.is_some_and(|now| now == head)
        {
            seen.faults.push(Fault { part: "document".to_owned(), key: id, reason });
        }
    }
    for row in store.scan(&UNREFERENCED) {
        let Ok((version, chunks)) = row else { continue };
        owners.add(version, u32::try_from(chunks).unwrap_or(u32::MAX));
    }
    owners.sort();
    let mut orphans = Vec::new();
    let mut more = || go_on(seen.documents);
    for table in [&RECORDS, &TEXTS] {
        if !orphaned(store, table, &mut orphans, &mut more, |(version, _)| owners.has_version(*version))? {
            return Ok(None);
        }
    }
    for slot in Slot::ALL {
        if !orphaned(store, slot.rows(), &mut orphans, &mut more, |(key, _)| owners.has_chunk(*key))? {
            return Ok(None);
        }
    }
    let counted = store.get(&TOTALS, ONLY).unwrap_or_default().unwrap_or_default();
    if counted != seen.totals {
        let reason = format!("they say {counted:?}, the documents say {:?}", seen.totals);
        orphans.push(Fault { part: "totals".to_owned(), key: String::new(), reason });
    }
    // While others write, a row may be newer than the list of documents.
    if store.last_sequence() == before {
        seen.faults.append(&mut orphans);
    }
    Ok(Some(seen))
}

/// What is wrong with a document that can be found by reading it whole.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn document(store: &Store, id: &str, head: &Head) -> Result<Option<String>> {
    let (document, chunks) = match load::document(store, head.version, head.text_bytes) {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(Some("its rows are missing".to_owned())),
        Err(error) if is_unreadable(&error) => return Err(error),
        Err(error) => return Ok(Some(error.to_string())),
    };
    if document.id.as_str() != id {
        return Ok(Some(format!("its rows are those of {:?}", document.id.as_str())));
    }
    if content_hash(&document) != head.content_hash {
        return Ok(Some("its content does not have the hash it was stored with".to_owned()));
    }
    if chunks.len() != head.chunks as usize {
        return Ok(Some(format!("it has {} chunks, its head says {}", chunks.len(), head.chunks)));
    }
    Ok(None)
}

/// What is wrong with the full rows of a document's vectors.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn vectors(
    store: &Store,
    slot: Slot,
    head: &Head,
    dimension: usize,
    format: RowFormat,
) -> Result<Option<String>> {
    for key in DocumentKey(head.version).keys(head.chunks) {
        match load::row(store, slot, Key(key), format, dimension) {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(Some(format!("the vector of its chunk {key} is missing"))),
            Err(error) if is_unreadable(&error) => return Err(error),
            Err(error) => return Ok(Some(error.to_string())),
        }
    }
    Ok(None)
}

/// Whether the store as a whole cannot be read, rather than one row.
fn is_unreadable(error: &Error) -> bool {
    matches!(error, Error::Storage(neodex_storage::Error::Engine { .. } | neodex_storage::Error::Io { .. }))
}

/// Looks for rows that belong to no version; false where it was ended.
fn orphaned<K: TableKey + std::fmt::Debug, V: TableValue>(
    store: &Store,
    table: &Table<K, V>,
    faults: &mut Vec<Fault>,
    go_on: &mut dyn FnMut() -> bool,
    owned: impl Fn(&K) -> bool,
) -> Result<bool> {
    const STEP: usize = 1_024;
    for (number, row) in store.scan(table).enumerate() {
        match row {
            Ok((key, _)) if !owned(&key) => faults.push(Fault {
                part: table.name().to_owned(),
                key: format!("{key:?}"),
                reason: "it belongs to no document".to_owned(),
            }),
            // A damaged row is a fault of the store's own.
            Ok(_) | Err(neodex_storage::Error::Corrupted { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if number % STEP == STEP - 1 && !go_on() {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_know_their_keys() {
        let mut owners = Owners::default();
        owners.add(10, 3);
        owners.add(2, 1);
        owners.sort();
        let chunks: Vec<u64> = (0..20).filter(|key| owners.has_chunk(*key)).collect();
        assert_eq!(chunks, [2, 10, 11, 12]);
        assert!(owners.has_version(10) && !owners.has_version(11));
        assert_eq!(owners.end(), 13);
    }
}
