//! The removal of vectors from a [`Slot`], document by document, so that an interruption leaves a sound database with some of them gone.

use std::ops::ControlFlow;

use neodex_storage::Store;

use crate::database::manifest;
use crate::document::DocumentId;
use crate::error::Result;
use crate::ingest::control::Cancel;
use crate::schema::{CODES, DOCUMENTS, FIRST_CODES, Head, ONLY, Slot, TOTALS};
use crate::sealing::stored::forget_all;

/// Documents whose vectors are dropped in one transaction.
const DROPPED_TOGETHER: usize = 16;
/// Rows removed in one transaction, so that a document of many chunks does not make an endless one.
const MOST_ROWS: usize = 4_096;

fn each_head(store: &Store, mut visit: impl FnMut(String, Head) -> ControlFlow<()>) -> Result<()> {
    for row in store.scan(&DOCUMENTS) {
        let (id, head) = row?;
        if visit(id, head).is_break() {
            break;
        }
    }
    Ok(())
}

/// Drops all vectors, so that another model can make new ones.
///
/// # Errors
/// What the store says.
pub(crate) fn drop_vectors(store: &Store) -> Result<()> {
    // First: without codes a segment is nothing, and with others under the same keys it would be wrong.
    forget_all(store)?;
    let serving = manifest::slot(&store.manifest().fields);
    drop_slot(store, serving.other(), false, &Cancel::new())?;
    drop_slot(store, serving, true, &Cancel::new())
}

/// Drops what the slot that does not serve holds, until it is done or cancelled.
///
/// # Errors
/// What the store says.
pub(crate) fn drop_rows(store: &Store, slot: Slot, cancel: &Cancel) -> Result<()> {
    drop_slot(store, slot, false, cancel)
}

fn drop_slot(store: &Store, slot: Slot, with_codes: bool, cancel: &Cancel) -> Result<()> {
    loop {
        let mut with_vectors: Vec<String> = Vec::new();
        each_head(store, |id, head| {
            if head.has_vectors(slot) {
                with_vectors.push(id);
            }
            if with_vectors.len() < 4_096 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if with_vectors.is_empty() {
            return Ok(());
        }
        for ids in with_vectors.chunks(DROPPED_TOGETHER) {
            let ids: Vec<DocumentId> = ids.iter().map(|id| DocumentId::from(id.as_str())).collect();
            loop {
                if cancel.is_cancelled() {
                    return Ok(());
                }
                if drop_some(store, ids.clone(), slot, with_codes)? {
                    break;
                }
            }
        }
    }
}

/// One transaction of it; true when none of these documents has vectors left in the slot.
fn drop_some(store: &Store, ids: Vec<DocumentId>, slot: Slot, with_codes: bool) -> Result<bool> {
    let dropped = store.commit(move |tx| -> Result<bool> {
        let mut left = MOST_ROWS;
        for id in &ids {
            let Some(mut head) = tx.get(&DOCUMENTS, id.as_str())?.filter(|head| head.has_vectors(slot)) else {
                continue;
            };
            let (first, end) = (head.version, head.version + u64::from(head.chunks));
            let rows = tx.range(slot.rows(), (first, 0)..(end, 0))?.take(left);
            let rows = rows.map(|row| Ok(row?.0)).collect::<Result<Vec<_>>>()?;
            left -= rows.len();
            for row in &rows {
                tx.remove(slot.rows(), row)?;
            }
            if left == 0 {
                return Ok(false);
            }
            if with_codes {
                let codes = tx.keys(&CODES, (first, 0)..(end, 0))?.collect::<Result<Vec<_>, _>>()?;
                for code in &codes {
                    tx.remove(&CODES, code)?;
                }
                let codes = tx.keys(&FIRST_CODES, first..end)?.collect::<Result<Vec<_>, _>>()?;
                for code in &codes {
                    tx.remove(&FIRST_CODES, code)?;
                }
            }
            let mut totals = tx.get(&TOTALS, ONLY)?.unwrap_or_default();
            totals.subtract(&head);
            head.slots &= !slot.bit();
            totals.add(&head);
            tx.put(&TOTALS, ONLY, &totals)?;
            tx.put(&DOCUMENTS, id.as_str(), &head)?;
        }
        Ok(true)
    })?;
    Ok(dropped.value)
}
