//! Vectors for documents that have none: those stored without a model, and all of them after the model was changed.
//!
//! A document goes through the same door as a new one and becomes a new version of itself, so an interruption leaves every document either
//! as it was or done, and running it again does the rest. It is found by words all the time.

use std::ops::ControlFlow;

use neodex_storage::Store;

use crate::database::Inner;
use crate::document::DocumentId;
use crate::error::{Error, Result};
use crate::ingest::control::Control;
use crate::ingest::pipeline::run;
use crate::ingest::report::IngestReport;
use crate::load;
use crate::schema::{CODES, DOCUMENTS, FIRST_CODES, Head, ONLY, ROWS, TOTALS};
use crate::sealing::stored::forget_all;

/// Documents whose vectors are dropped in one transaction.
const DROPPED_TOGETHER: usize = 16;
/// Rows removed in one transaction, so that a document of many chunks does not make an endless one.
const MOST_ROWS: usize = 4_096;

/// Embeds every document without vectors.
///
/// # Errors
/// [`Error::NoEmbedder`] where there is nothing to embed with; else what makes going on pointless.
pub(crate) fn reembed(inner: &Inner, control: &Control) -> Result<IngestReport> {
    if !inner.embeds_text() {
        return Err(Error::NoEmbedder);
    }
    control.expect(pending_bytes(&inner.store)?);
    run(inner, control, |feed| {
        for row in inner.store.scan(&DOCUMENTS) {
            let (id, head) = row?;
            if head.generation > 0 {
                continue;
            }
            // A document replaced since the scan came to it has vectors by now.
            let Some((document, _)) = load::document(&inner.store, head.version, head.text_bytes)? else { continue };
            if !feed.document_of(document, id, head.version) {
                break;
            }
            control.source(head.text_bytes);
        }
        Ok(IngestReport::default())
    })
}

fn pending_bytes(store: &Store) -> Result<u64> {
    let mut bytes = 0;
    each_head(store, |_, head| {
        bytes += if head.generation == 0 { head.text_bytes } else { 0 };
        ControlFlow::Continue(())
    })?;
    Ok(bytes)
}

fn each_head(store: &Store, mut visit: impl FnMut(String, Head) -> ControlFlow<()>) -> Result<()> {
    for row in store.scan(&DOCUMENTS) {
        let (id, head) = row?;
        if visit(id, head).is_break() {
            break;
        }
    }
    Ok(())
}

/// Drops all vectors, document by document, so that another model can make new ones. Interrupted, it leaves a database with fewer vectors and
/// nothing else changed.
///
/// # Errors
/// What the store says.
pub(crate) fn drop_vectors(store: &Store) -> Result<()> {
    // First: without codes a segment is nothing.
    forget_all(store)?;
    loop {
        let mut with_vectors: Vec<String> = Vec::new();
        each_head(store, |id, head| {
            if head.generation > 0 {
                with_vectors.push(id);
            }
            if with_vectors.len() < 4_096 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if with_vectors.is_empty() {
            return Ok(());
        }
        for ids in with_vectors.chunks(DROPPED_TOGETHER) {
            let ids: Vec<DocumentId> = ids.iter().map(|id| DocumentId::from(id.as_str())).collect();
            while !drop_some(store, ids.clone())? {}
        }
    }
}

/// One transaction of it; true when none of these documents has vectors left.
fn drop_some(store: &Store, ids: Vec<DocumentId>) -> Result<bool> {
    let dropped = store.commit(move |tx| -> Result<bool> {
        let mut left = MOST_ROWS;
        for id in &ids {
            let Some(mut head) = tx.get(&DOCUMENTS, id.as_str())?.filter(|head| head.generation > 0) else { continue };
            let (first, end) = (head.version, head.version + u64::from(head.chunks));
            let rows =
                tx.range(&ROWS, (first, 0)..(end, 0))?.take(left).map(|row| Ok(row?.0)).collect::<Result<Vec<_>>>()?;
            left -= rows.len();
            for row in &rows {
                tx.remove(&ROWS, row)?;
            }
            if left == 0 {
                return Ok(false);
            }
            let codes = tx.range(&CODES, (first, 0)..(end, 0))?.map(|row| Ok(row?.0)).collect::<Result<Vec<_>>>()?;
            for code in &codes {
                tx.remove(&CODES, code)?;
            }
            let codes = tx.range(&FIRST_CODES, first..end)?.map(|row| Ok(row?.0)).collect::<Result<Vec<_>>>()?;
            for code in &codes {
                tx.remove(&FIRST_CODES, code)?;
            }
            let mut totals = tx.get(&TOTALS, ONLY)?.unwrap_or_default();
            totals.subtract(&head);
            head.generation = 0;
            totals.add(&head);
            tx.put(&TOTALS, ONLY, &totals)?;
            tx.put(&DOCUMENTS, id.as_str(), &head)?;
        }
        Ok(true)
    })?;
    Ok(dropped.value)
}
