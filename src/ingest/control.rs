//! What a caller may say to an ingest that runs, and hear from it: progress out, cancellation in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::ingest::report::{IngestProgress, Stored};

/// Stops an ingest from another thread or a signal handler. Clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    asked: Arc<AtomicBool>,
}

impl Cancel {
    /// A switch nobody has pressed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks to stop. What is under way is finished and acknowledged; nothing new is begun.
    pub fn cancel(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Is told how far an ingest is, from whichever thread got further; it must be quick.
pub type Observer = Arc<dyn Fn(IngestProgress) + Send + Sync>;

/// Is told what became of a document: the name it was handed over with, and how it was stored or why it was not. Must be quick.
pub type OnStored = Arc<dyn Fn(&str, Result<Stored, &str>) + Send + Sync>;

/// The counters of one ingest.
#[derive(Default)]
pub(crate) struct Control {
    pub(crate) cancel: Cancel,
    on_stored: Option<OnStored>,
    observer: Option<Observer>,
    documents: AtomicU64,
    tokens: AtomicU64,
    source_bytes: AtomicU64,
    total_source_bytes: AtomicU64,
    text_read: AtomicU64,
    text_done: AtomicU64,
    failed: AtomicU64,
}

impl Control {
    /// Counters that tell `observer`.
    pub(crate) fn new(cancel: Cancel, observer: Option<Observer>) -> Self {
        Self { cancel, observer, ..Self::default() }
    }

    /// Counters that say what became of each document.
    pub(crate) fn telling(on_stored: OnStored) -> Self {
        Self { on_stored: Some(on_stored), ..Self::default() }
    }

    /// All sources together have this many bytes.
    pub(crate) fn expect(&self, bytes: u64) {
        self.total_source_bytes.store(bytes, Ordering::Relaxed);
        self.tell();
    }

    /// One document was acknowledged or skipped.
    pub(crate) fn document(&self, documents: u64, tokens: u64) {
        self.documents.fetch_add(documents, Ordering::Relaxed);
        self.tokens.fetch_add(tokens, Ordering::Relaxed);
        self.tell();
    }

    /// What became of the document called `name`.
    pub(crate) fn stored(&self, name: &str, outcome: Result<Stored, &str>) {
        if let Some(on_stored) = &self.on_stored {
            on_stored(name, outcome);
        }
    }

    /// A source was read to its end.
    pub(crate) fn source(&self, bytes: u64) {
        self.source_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.tell();
    }

    /// A document of so many bytes of text was handed to a writer.
    pub(crate) fn text_read(&self, bytes: usize) {
        self.text_read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The writer is done with it.
    pub(crate) fn text_done(&self, bytes: usize) {
        self.text_done.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of sources that are done: those read, in proportion to what became of their text, since reading is far ahead of embedding.
    fn done(&self, source_bytes: u64) -> u64 {
        let (read, done) = (self.text_read.load(Ordering::Relaxed), self.text_done.load(Ordering::Relaxed));
        if read == 0 { source_bytes } else { (source_bytes as f64 * (done as f64 / read as f64).min(1.0)) as u64 }
    }

    /// Something failed.
    pub(crate) fn failure(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    fn tell(&self) {
        let Some(observer) = &self.observer else { return };
        let total = self.total_source_bytes.load(Ordering::Relaxed);
        let source_bytes = self.source_bytes.load(Ordering::Relaxed);
        observer(IngestProgress {
            documents: self.documents.load(Ordering::Relaxed),
            tokens: self.tokens.load(Ordering::Relaxed),
            source_bytes,
            done_bytes: self.done(source_bytes),
            total_source_bytes: (total > 0).then_some(total),
            failed: self.failed.load(Ordering::Relaxed),
        });
    }
}
