//! Deleting documents, one or many, with what is remembered of their sources.

use neodex_storage::{Committed, Pending, Sequence};

use crate::database::Inner;
use crate::document::DocumentId;
use crate::error::{Error, Result};
use crate::ingest::source::source_document;
use crate::ingest::write::{Written, commit_delete, sweep};
use crate::schema::{SOURCE_DOCUMENTS, SOURCES};

/// Submissions waited for together.
const GROUP: usize = 512;

/// Deletes one document; the Sequence of the deletion, or `None` when there was no such document.
///
/// # Errors
/// What the store says.
pub(crate) fn delete(inner: &Inner, id: &DocumentId) -> Result<Option<Sequence>> {
    settle(inner, submit(inner, None, id.clone()).wait()?)
}

/// Deletes several documents, of the file `path` of many records where they come from one, and returns how many there were.
///
/// # Errors
/// What the store says; what was deleted before stays deleted.
pub(crate) fn delete_many(inner: &Inner, path: Option<&str>, ids: Vec<DocumentId>) -> Result<u64> {
    let mut deleted = 0;
    for group in ids.chunks(GROUP) {
        let pending = group.iter().map(|id| submit(inner, path, id.clone())).collect::<Vec<_>>();
        for pending in pending {
            deleted += u64::from(settle(inner, pending.wait()?)?.is_some());
        }
    }
    Ok(deleted)
}

fn submit(inner: &Inner, path: Option<&str>, id: DocumentId) -> Pending<Option<Written>, Error> {
    let outlet = inner.applier.outlet();
    let tie = path.map(|path| source_document(path, id.as_str()));
    inner.store.submit(move |tx| {
        if let Some(tie) = &tie {
            tx.remove(&SOURCE_DOCUMENTS, tie.as_str())?;
        }
        // A file that is one document shares its id: forgetting it lets the next run read it again.
        tx.remove(&SOURCES, id.as_str())?;
        commit_delete(tx, &id, outlet)
    })
}

fn settle(inner: &Inner, committed: Committed<Option<Written>>) -> Result<Option<Sequence>> {
    let Some(written) = committed.value else { return Ok(None) };
    if let Some(version) = written.sweep {
        sweep(&inner.store, version)?;
    }
    Ok(Some(committed.sequence))
}
