//! What is remembered of the files documents came from, so that the next run knows what it need not read and what to prune.
//!
//! A file that is one document shares its id, and its row is written in the document's own transaction. A file of many records gets its
//! row first without a modification time (so that an interrupted run reads it again) and a complete one when the last of its documents
//! has been acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use neodex_storage::{Store, Transaction};

use crate::document::DocumentId;
use crate::error::Result;
use crate::schema::{SOURCE_DOCUMENTS, SOURCES, Source};

/// A file being read. Clones are the same file; the last one to go marks it done.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    file: Arc<File>,
}

#[derive(Debug)]
struct File {
    store: Store,
    path: String,
    stat: Stat,
    many: AtomicBool,
    documents: AtomicU64,
    incomplete: AtomicBool,
}

/// What tells whether a file changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) root: String,
    pub(crate) length: u64,
    pub(crate) modified_ns: u64,
}

impl Stat {
    /// Whether the file is as it was when `source` was written.
    pub(crate) fn matches(&self, source: &Source) -> bool {
        self.modified_ns != 0
            && self.root == source.root
            && self.length == source.length
            && self.modified_ns == source.modified_ns
    }
}

impl Origin {
    /// Begins with the file at `path`, as the ids of its documents name it.
    pub(crate) fn new(store: Store, path: String, stat: Stat) -> Self {
        Self {
            file: Arc::new(File {
                store,
                path,
                stat,
                many: AtomicBool::new(false),
                documents: AtomicU64::new(0),
                incomplete: AtomicBool::new(false),
            }),
        }
    }

    /// Something of the file failed: it will be read again.
    pub(crate) fn fail(&self) {
        self.file.incomplete.store(true, Ordering::Relaxed);
    }

    /// A document of the file was there already.
    pub(crate) fn skipped(&self, id: &DocumentId) {
        self.count(id);
    }

    /// In a document's transaction: remembers where it came from.
    pub(crate) fn record(&self, tx: &mut Transaction<'_>, id: &DocumentId) -> Result<()> {
        let file = &self.file;
        if id.as_str() == file.path {
            tx.put(&SOURCES, file.path.as_str(), &file.row(true))?;
        } else {
            if !file.many.load(Ordering::Relaxed) {
                tx.put(&SOURCES, file.path.as_str(), &file.row(false))?;
            }
            tx.put(&SOURCE_DOCUMENTS, source_document(&file.path, id.as_str()).as_str(), &())?;
        }
        self.count(id);
        Ok(())
    }

    /// Whether everything of the file could be read so far.
    pub(crate) fn is_complete(&self) -> bool {
        !self.file.incomplete.load(Ordering::Relaxed)
    }

    fn count(&self, id: &DocumentId) {
        let file = &self.file;
        file.documents.fetch_add(1, Ordering::Relaxed);
        if id.as_str() != file.path {
            file.many.store(true, Ordering::Relaxed);
        }
    }
}

impl File {
    fn row(&self, complete: bool) -> Source {
        Source {
            root: self.stat.root.clone(),
            length: self.stat.length,
            modified_ns: if complete { self.stat.modified_ns } else { 0 },
            many: self.many.load(Ordering::Relaxed),
            documents: self.documents.load(Ordering::Relaxed).max(1),
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if self.incomplete.load(Ordering::Relaxed) || self.documents.load(Ordering::Relaxed) == 0 {
            return;
        }
        let (path, row) = (std::mem::take(&mut self.path), self.row(true));
        // Losing this row costs a second reading of an unchanged file, nothing more, so nobody waits for it.
        drop(self.store.submit(move |tx| -> Result<()> { Ok(tx.put(&SOURCES, path.as_str(), &row)?) }));
    }
}

/// The key that ties a document to its file. The path is hashed: together they may be longer than a key.
pub(crate) fn source_document(path: &str, id: &str) -> String {
    format!("{}{id}", source_prefix(path))
}

/// The prefix of all keys of a file.
pub(crate) fn source_prefix(path: &str) -> String {
    let hash = blake3::hash(path.as_bytes()).to_hex();
    format!("{}\0", hash.get(..32).unwrap_or_default())
}
