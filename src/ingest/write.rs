//! The transactions of a write: put a version, replace the one before it, delete a document, sweep what no head names.
//!
//! The closures run on the store's commit thread one after another, so reading the old head and writing the new one needs no lock.

use std::ops::RangeBounds;
use std::sync::Arc;

use neodex_storage::{Store, Table, TableKey, TableValue, Transaction};

use crate::document::DocumentId;
use crate::error::Result;
use crate::ingest::apply::{Added, Change, Outlet};
use crate::ingest::operation::Operation;
use crate::ingest::prepare::Prepared;
use crate::schema::{
    DELETED, DOCUMENTS, FIRST_CODES, Head, KEY_COUNTER, ONLY, RECORDS, Slot, TEXTS, TOTALS, UNREFERENCED,
};
use crate::sealing::codes::bury;

/// A version with more bytes than this is written in several transactions.
const LARGE_BYTES: usize = 4 << 20;
/// Bytes of one of those transactions.
const SLICE_BYTES: usize = 2 << 20;
/// A version with more rows than this is removed in several transactions.
const LARGE_ROWS: u64 = 4_096;

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The document is new.
    Added,
    /// It replaced another version.
    Replaced,
    /// The stored version is the same.
    Skipped,
}

/// A finished write, and an old version that still has to be swept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    pub(crate) outcome: Outcome,
    pub(crate) sweep: Option<u64>,
}

/// Whether the stored version makes writing this one needless. `wants_vectors` says where vectors are wanted, if at all.
pub(crate) fn is_unchanged(head: &Head, content_hash: [u8; 16], wants_vectors: Option<Slot>) -> bool {
    head.content_hash == content_hash && wants_vectors.is_none_or(|slot| head.has_vectors(slot))
}

/// Puts all rows but the head of a large version, in slices, and returns its version; a small one returns `None` and is left to
/// [`commit_version`].
pub(crate) fn stage_large(store: &Store, prepared: &mut Prepared) -> Result<Option<u64>> {
    let bytes: usize = prepared.rows.iter().map(super::rows::Row::bytes).sum();
    if bytes <= LARGE_BYTES {
        return Ok(None);
    }
    let chunks = prepared.planned.chunks.len() as u64;
    let version = store
        .commit(move |tx| -> Result<u64> {
            let version = tx.allocate(KEY_COUNTER, chunks)?;
            tx.put(&UNREFERENCED, &version, &chunks)?;
            Ok(version)
        })?
        .value;
    let slot = prepared.slot;
    let mut rows = std::mem::take(&mut prepared.rows).into_iter().peekable();
    while rows.peek().is_some() {
        let mut slice = Vec::new();
        let mut bytes = 0;
        while bytes < SLICE_BYTES
            && let Some(row) = rows.next()
        {
            bytes += row.bytes();
            slice.push(row);
        }
        store.commit(move |tx| slice.iter().try_for_each(|row| row.put(tx, version, slot)))?;
    }
    Ok(Some(version))
}

/// The transaction that makes a prepared version the document's: its rows unless `staged` already, the head, the journal entry.
pub(crate) fn commit_version(
    tx: &mut Transaction<'_>,
    prepared: Prepared,
    staged: Option<u64>,
    outlet: Outlet,
) -> Result<Written> {
    let slots = if prepared.has_vectors() { prepared.slot.bit() } else { 0 };
    let wants_vectors = prepared.has_vectors().then_some(prepared.slot);
    let Prepared { planned, rows, record_parts, codes, slot, replaces_same, .. } = prepared;
    let id = planned.document.id.as_str().to_owned();
    let old = tx.get(&DOCUMENTS, id.as_str())?;
    if let Some(head) = &old
        && !replaces_same
        && is_unchanged(head, planned.content_hash, wants_vectors)
    {
        return Ok(Written { outcome: Outcome::Skipped, sweep: staged });
    }
    let chunks = planned.chunks.len() as u32;
    let version = match staged {
        Some(version) => version,
        None => tx.allocate(KEY_COUNTER, chunks.into())?,
    };
    rows.iter().try_for_each(|row| row.put(tx, version, slot))?;
    let head = Head {
        version,
        chunks,
        record_parts,
        text_bytes: planned.document.text.len() as u64,
        content_hash: planned.content_hash,
        slots,
    };
    let mut totals = tx.get(&TOTALS, ONLY)?.unwrap_or_default();
    totals.add(&head);
    let mut sweep = None;
    if let Some(old) = &old {
        totals.subtract(old);
        sweep = retire(tx, old)?;
    }
    tx.put(&TOTALS, ONLY, &totals)?;
    tx.put(&DOCUMENTS, id.as_str(), &head)?;
    tx.remove(&DELETED, id.as_str())?;
    if staged.is_some() {
        tx.remove(&UNREFERENCED, &version)?;
    }
    let removed = old.as_ref().map(|old| (old.version, old.chunks));
    tx.journal(&Operation::Insert { id, version, replaced: removed }.encode())?;
    let added = Added {
        version,
        document: Arc::clone(&planned.document),
        chunks: Arc::clone(&planned.chunks),
        codes,
        permit: planned.permit,
    };
    tx.after_durable(move |sequence| outlet.send(Change { sequence, removed, added: Some(added), embedded: None }));
    Ok(Written { outcome: if old.is_some() { Outcome::Replaced } else { Outcome::Added }, sweep })
}

/// The transaction that deletes a document. `None` when there was none.
pub(crate) fn commit_delete(tx: &mut Transaction<'_>, id: &DocumentId, outlet: Outlet) -> Result<Option<Written>> {
    let Some(old) = tx.get(&DOCUMENTS, id.as_str())? else { return Ok(None) };
    let mut totals = tx.get(&TOTALS, ONLY)?.unwrap_or_default();
    totals.subtract(&old);
    tx.put(&TOTALS, ONLY, &totals)?;
    tx.remove(&DOCUMENTS, id.as_str())?;
    tx.put(&DELETED, id.as_str(), &old.version)?;
    let sweep = retire(tx, &old)?;
    let removed = (old.version, old.chunks);
    tx.journal(&Operation::Delete { version: old.version, chunks: old.chunks }.encode())?;
    tx.after_durable(move |sequence| {
        outlet.send(Change { sequence, removed: Some(removed), added: None, embedded: None })
    });
    Ok(Some(Written { outcome: Outcome::Replaced, sweep }))
}

/// Removes a version's rows, or lists it for the sweep when they are too many for one transaction.
fn retire(tx: &mut Transaction<'_>, old: &Head) -> Result<Option<u64>> {
    let rows = old.text_bytes / 2_000 + u64::from(old.chunks) * 3;
    if rows > LARGE_ROWS {
        tx.put(&UNREFERENCED, &old.version, &old.chunks.into())?;
        return Ok(Some(old.version));
    }
    remove_rows(tx, old.version, old.chunks.into(), usize::MAX)?;
    Ok(None)
}

/// Removes at most `limit` rows of a version; true when none are left.
fn remove_rows(tx: &mut Transaction<'_>, version: u64, chunks: u64, limit: usize) -> Result<bool> {
    let own = || (version, 0)..=(version, u32::MAX);
    let mut left = limit;
    left -= remove_range(tx, &RECORDS, own(), left)?;
    left -= remove_range(tx, &TEXTS, own(), left)?;
    left -= bury(tx, version..version + chunks, left)?;
    // A version that an earlier program left half-written has its codes there.
    left -= remove_range(tx, &FIRST_CODES, version..version + chunks, left)?;
    for slot in Slot::ALL {
        left -= remove_range(tx, slot.rows(), (version, 0)..(version + chunks, 0), left)?;
    }
    Ok(left > 0)
}

/// Removes at most `limit` rows of a range and returns how many there were.
fn remove_range<K: TableKey, V: TableValue>(
    tx: &mut Transaction<'_>,
    table: &Table<K, V>,
    range: impl RangeBounds<K>,
    limit: usize,
) -> Result<usize> {
    let keys = tx.range(table, range)?.take(limit).map(|row| Ok(row?.0)).collect::<Result<Vec<K>>>()?;
    for key in &keys {
        tx.remove(table, key)?;
    }
    Ok(keys.len())
}

/// Removes what is left of a version that no head names, a slice at a time.
///
/// # Errors
/// What the store says.
pub(crate) fn sweep(store: &Store, version: u64) -> Result<()> {
    loop {
        let done = store.commit(move |tx| -> Result<bool> {
            let Some(chunks) = tx.get(&UNREFERENCED, &version)? else { return Ok(true) };
            let done = remove_rows(tx, version, chunks, LARGE_ROWS as usize)?;
            if done {
                tx.remove(&UNREFERENCED, &version)?;
            }
            Ok(done)
        })?;
        if done.value {
            return Ok(());
        }
    }
}
