//! The database: one folder, one process, any number of handles.
//!
//! A handle is cheap to clone and remembers what it has written: a search through it waits until its own writes can be found, while other
//! handles need not wait for anybody.

mod aftermath;
mod agreement;
mod builder;
mod check;
mod compact;
pub(crate) mod manifest;
mod meaning;
mod recovery;
mod repair;
mod snapshot;
mod stats;
mod switch;
mod transfer;
mod verify;
mod waiting;

pub(crate) use recovery::is_damage;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use neodex_storage::Store;

use crate::chunking::Chunker;
use crate::config::Config;
use crate::database::aftermath::Aftermath;
use crate::document::{Document, DocumentId};
use crate::embedding::Embedder;
use crate::error::{Error, Result};
use crate::ingest::apply::{Applier, Indexes};
use crate::ingest::background::Background;
use crate::ingest::budget::Budget;
use crate::ingest::control::{Cancel, Control, Observer, OnStored};
use crate::ingest::delete::{delete, delete_many};
use crate::ingest::pipeline::run;
use crate::ingest::prepare::Preparer;
use crate::ingest::reembed::reembed;
use crate::ingest::report::IngestReport;
use crate::ingest::sync::{SyncOptions, sync};
use crate::ingest::writer::{Item, Writer};
use crate::load;
use crate::schema::{DOCUMENTS, Slot};
use crate::sealing::Sealer;
use crate::search::filter::FilterCache;
use crate::search::{Search, filter};

pub use aftermath::Health;
pub use builder::DatabaseBuilder;
pub use compact::Compaction;
pub use manifest::{DatabaseModel, database_model, next_database_model};
pub use meaning::Field;
pub use repair::{Damage, Repair, repair};
pub use snapshot::{Snapshot, restore};
pub use stats::{BytesOnDisk, ModelStats, NextModel, Stats};
pub use transfer::{ExportFormat, Exported, Imported};
pub use verify::{Fault, Verification};

/// An open database. Clones are handles to the same one.
#[derive(Debug)]
pub struct Database {
    // The background goes before what it works on.
    background: Arc<Background>,
    pub(crate) inner: Arc<Inner>,
    written: AtomicU64,
}

/// What all handles share.
pub(crate) struct Inner {
    // Ends before anything it looks at is closed.
    pub(crate) aftermath: Aftermath,
    // The applier goes first: it drains into the indexes and the store while both are there.
    pub(crate) applier: Applier,
    /// None in a database without vectors.
    pub(crate) sealer: Option<Sealer>,
    pub(crate) indexes: Indexes,
    pub(crate) filters: FilterCache,
    pub(crate) store: Store,
    pub(crate) path: PathBuf,
    pub(crate) config: Config,
    pub(crate) embedder: Option<Arc<dyn Embedder>>,
    pub(crate) chunker: Arc<dyn Chunker>,
    pub(crate) window_tokens: usize,
    /// Where the vectors that serve lie.
    pub(crate) slot: Slot,
    pub(crate) budget: Budget,
    pub(crate) notices: Vec<String>,
    /// Goes with the last handle.
    #[expect(dead_code, reason = "held for its drop")]
    pub(crate) temporary: Option<tempfile::TempDir>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("path", &self.path).field("config", &self.config).finish_non_exhaustive()
    }
}

impl Inner {
    /// Whether vectors can be made of text here.
    pub(crate) fn embeds_text(&self) -> bool {
        self.embedder.as_ref().is_some_and(|embedder| embedder.embeds_text())
    }

    /// What turns planned documents into rows, with this database's settings.
    pub(crate) fn preparer(&self) -> Preparer<'_> {
        Preparer {
            embedder: self.embedder.as_deref(),
            window_tokens: self.window_tokens,
            rows: self.config.rows,
            slot: self.slot,
        }
    }
}

impl Clone for Database {
    fn clone(&self) -> Self {
        let written = AtomicU64::new(self.written.load(Ordering::Acquire));
        Self { background: Arc::clone(&self.background), inner: Arc::clone(&self.inner), written }
    }
}

impl Database {
    /// Begins to open the database in the folder `path`, which is made if it is not there.
    pub fn builder(path: impl AsRef<Path>) -> DatabaseBuilder {
        DatabaseBuilder::new(path.as_ref())
    }

    /// A database in a folder of its own that goes with the last handle.
    ///
    /// # Errors
    /// When the system gives no temporary folder, or as [`DatabaseBuilder::open`].
    pub fn temporary() -> Result<Self> {
        Self::temporary_builder()?.open()
    }

    /// As [`Database::temporary`], with settings.
    ///
    /// # Errors
    /// When the system gives no temporary folder.
    pub fn temporary_builder() -> Result<DatabaseBuilder> {
        DatabaseBuilder::temporary()
    }

    /// A first handle. With `background` what is missing is made on a thread of its own.
    pub(crate) fn new(inner: Inner, background: bool) -> Result<Self> {
        let inner = Arc::new(inner);
        let background = if background { Background::start(&inner)? } else { Background::none() };
        Ok(Self { background: Arc::new(background), inner, written: AtomicU64::new(0) })
    }

    /// Stores a document, replacing the one with the same id, and returns when it is durable.
    ///
    /// # Errors
    /// When the document cannot be stored, the embedder fails, or the store refuses to write.
    pub fn insert(&self, document: Document) -> Result<()> {
        let control = Control::default();
        let mut writer = Writer::new(&self.inner, &control);
        let source = document.id.to_string();
        document.check()?;
        writer.push(Item { document, source, origin: None, permit: None, vector: None })?;
        let report = writer.finish()?;
        self.wrote();
        match report.failed.into_iter().next() {
            None => Ok(()),
            Some(failure) => Err(Error::Argument { field: "document", reason: failure.reason }),
        }
    }

    /// Stores many documents, each with a vector made elsewhere, for a database opened with [`DatabaseBuilder::vectors`]. A document is one passage
    /// then, whatever its length; its text may be empty, and is searched by words as usual. One of the same id is replaced, even where only its
    /// vector may have changed. Returns when all are durable.
    ///
    /// # Errors
    /// [`Error::Argument`] in a database that makes its own vectors; when the store refuses to write. Documents that cannot be stored, a vector of
    /// another dimension or with a NaN in it for instance, are in the report.
    pub fn insert_vectors(&self, items: impl IntoIterator<Item = (Document, Vec<f32>)>) -> Result<IngestReport> {
        if self.inner.embedder.is_none() || self.inner.embeds_text() {
            let reason =
                "this database makes its own vectors; open one with `vectors(dimension)` to bring them".to_owned();
            return Err(Error::Argument { field: "vector", reason });
        }
        let report = run(&self.inner, &Control::default(), |feed| {
            for (document, vector) in items {
                let source = document.id.to_string();
                if !feed.vector(document, source, vector) {
                    break;
                }
            }
            Ok(IngestReport::default())
        });
        self.wrote();
        report
    }

    /// Stores many documents, on all cores. Later ones replace earlier ones of the same id. Documents that cannot be stored are in the
    /// report, and the rest goes on.
    ///
    /// # Errors
    /// When the store refuses to write; what was acknowledged before is kept.
    pub fn insert_many(&self, documents: impl IntoIterator<Item = Document>) -> Result<IngestReport> {
        self.insert_stream(documents.into_iter().map(Ok), &Cancel::new(), None)
    }

    /// As [`Database::insert_many`], for documents that may have failed to parse (their source and the reason), with progress and
    /// cancellation.
    ///
    /// # Errors
    /// As [`Database::insert_many`].
    pub fn insert_stream(
        &self,
        documents: impl Iterator<Item = Result<Document, crate::parse::RecordError>>,
        cancel: &Cancel,
        observer: Option<Observer>,
    ) -> Result<IngestReport> {
        let control = Control::new(cancel.clone(), observer);
        let report = run(&self.inner, &control, |feed| {
            for document in documents {
                match document {
                    Ok(document) => {
                        let source = document.id.to_string();
                        if !feed.document(document, source, None) {
                            break;
                        }
                    }
                    Err(error) => feed.failure(error.source, error.reason),
                }
            }
            Ok(IngestReport::default())
        });
        self.wrote();
        report
    }

    /// Stores documents and says of each what became of it, as soon as that is certain: durable, unchanged, or refused and why. The name beside
    /// a document is what `on_stored` is told; it is called from several threads, in no order.
    ///
    /// # Errors
    /// As [`Database::insert_many`]; documents `on_stored` was not told of are then not stored.
    pub fn insert_each(
        &self,
        documents: impl IntoIterator<Item = (String, Document)>,
        on_stored: OnStored,
    ) -> Result<IngestReport> {
        let control = Control::telling(on_stored);
        let report = run(&self.inner, &control, |feed| {
            for (name, document) in documents {
                if !feed.document(document, name, None) {
                    break;
                }
            }
            Ok(IngestReport::default())
        });
        self.wrote();
        report
    }

    /// Brings the database up to date with a file or a folder: new and changed documents are stored, unchanged ones skipped, and with
    /// [`SyncOptions::prune`] those whose file is gone are deleted.
    ///
    /// # Errors
    /// When there is nothing at `path` or the store refuses to write; files that cannot be read are in the report.
    pub fn sync(&self, path: impl AsRef<Path>, options: &SyncOptions) -> Result<IngestReport> {
        let started = Instant::now();
        let report = sync(&self.inner, path.as_ref(), options);
        self.wrote();
        let mut report = report?;
        report.finish(started.elapsed());
        Ok(report)
    }

    /// Makes vectors for every document that has none: those stored without a model, and all after [`DatabaseBuilder::replace_model`]. They
    /// are found by words meanwhile; interrupted, it goes on where it stopped when it is run again.
    ///
    /// # Errors
    /// [`Error::NoEmbedder`] where there is nothing to embed with, or when the store refuses to write.
    pub fn reembed(&self, cancel: &Cancel, observer: Option<Observer>) -> Result<IngestReport> {
        self.background.stop();
        let report = reembed(&self.inner, &Control::new(cancel.clone(), observer));
        self.wrote();
        report
    }

    /// Makes vectors for all documents with another embedder, beside those there are, and lets it take over when they are complete.
    ///
    /// The old vectors serve all the while: searches use them, and documents written meanwhile get them too. Interrupted, it goes on where it
    /// stopped when it is called again with the same embedder; with another one it begins again. When every document has its new vectors, one
    /// write to `FORMAT` lets the new embedder take over: open the database again, with it. Handles that are open stay with the old one, and
    /// what they write after that gets its new vectors at the next opening. [`IngestReport::cancelled`] tells that it has not come to that.
    ///
    /// # Errors
    /// When the embedder fails on every document, or the store refuses to write.
    pub fn reembed_with(
        &self,
        embedder: Arc<dyn Embedder>,
        cancel: &Cancel,
        observer: Option<Observer>,
    ) -> Result<IngestReport> {
        self.background.stop();
        switch::reembed_with(&self.inner, embedder.as_ref(), &Control::new(cancel.clone(), observer))
    }

    /// A document exactly as it was stored, or `None`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn get(&self, id: &str) -> Result<Option<Document>> {
        // A replacement between the two reads removes the version; the next head names the new one.
        while let Some(head) = load::head(&self.inner.store, id)? {
            if let Some((document, _)) = load::document(&self.inner.store, head.version, head.text_bytes)? {
                return Ok(Some(document));
            }
            if load::head(&self.inner.store, id)?.is_some_and(|now| now.version == head.version) {
                return Err(Error::Record {
                    what: "document",
                    key: id.to_owned(),
                    reason: "its rows are missing".to_owned(),
                });
            }
        }
        Ok(None)
    }

    /// The ids of all documents, in the order of their bytes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn document_ids(&self) -> Result<Vec<DocumentId>> {
        self.inner.store.scan(&DOCUMENTS).map(|row| Ok(DocumentId::from(row?.0))).collect()
    }

    /// Deletes a document; false when there was none. Returns when the deletion is durable.
    ///
    /// # Errors
    /// When the store refuses to write.
    pub fn delete(&self, id: &str) -> Result<bool> {
        let sequence = delete(&self.inner, &DocumentId::from(id))?;
        self.wrote();
        Ok(sequence.is_some())
    }

    /// Deletes every document that passes a filter, and returns how many there were.
    ///
    /// # Errors
    /// When the filter has a mistake or names an unknown field, or the store refuses to write.
    pub fn delete_where(&self, filter: &str) -> Result<u64> {
        self.flush()?;
        let ids = filter::documents(&self.inner, filter)?;
        let deleted = delete_many(&self.inner, None, ids);
        self.wrote();
        deleted
    }

    /// Begins a search for `query`.
    pub fn search(&self, query: impl Into<String>) -> Search<'_> {
        Search::text(self, query.into())
    }

    /// Begins a search for the neighbours of a vector.
    pub fn search_vector(&self, vector: Vec<f32>) -> Search<'_> {
        Search::vector_only(self, vector)
    }

    /// What happened while opening that a person should know: a rebuilt index, an unclean stop.
    pub fn notices(&self) -> &[String] {
        &self.inner.notices
    }

    /// The folder of the database.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The settings the database was opened with.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Whether the database makes vectors of text, and so can search by meaning.
    pub fn has_embedder(&self) -> bool {
        self.inner.embeds_text()
    }
}
