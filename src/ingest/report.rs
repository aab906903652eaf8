//! What an ingest did, in the numbers people ask for, and how far it is while it runs.

use std::time::Duration;

use serde::Serialize;

/// A file or record that could not be taken in, and why. The rest went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The file, or `file#record`.
    pub source: String,
    /// What was wrong.
    pub reason: String,
}

/// How a document was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stored {
    /// It is new.
    Added,
    /// It replaced one of the same id.
    Replaced,
    /// The same was there already.
    Skipped,
}

/// The sum of an ingest.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct IngestReport {
    /// Documents that are new.
    pub added: u64,
    /// Documents whose content changed.
    pub replaced: u64,
    /// Documents that were there already, unchanged.
    pub skipped: u64,
    /// Documents deleted because their source is gone (with `prune` only).
    pub deleted: u64,
    /// What could not be taken in.
    pub failed: Vec<Failure>,
    /// Files of a folder that are not text (pictures, programs) and were passed over: no failures, since nobody named them.
    pub not_text: Vec<String>,
    /// Files of a folder whose records all lack a text (measurements, settings) and were passed over, too.
    pub without_text: Vec<String>,
    /// Chunks written.
    pub chunks: u64,
    /// Bytes of text written.
    pub text_bytes: u64,
    /// Tokens written: the model's, or an estimate without one.
    pub tokens: u64,
    /// Seconds it took.
    pub seconds: f64,
    /// Tokens per second.
    pub tokens_per_second: f64,
    /// Whether it was stopped before the end.
    pub cancelled: bool,
}

impl IngestReport {
    /// Adds another part of the same ingest.
    pub fn merge(&mut self, other: IngestReport) {
        self.added += other.added;
        self.replaced += other.replaced;
        self.skipped += other.skipped;
        self.deleted += other.deleted;
        self.failed.extend(other.failed);
        self.not_text.extend(other.not_text);
        self.without_text.extend(other.without_text);
        self.chunks += other.chunks;
        self.text_bytes += other.text_bytes;
        self.tokens += other.tokens;
        self.cancelled |= other.cancelled;
    }

    /// Fills in what follows from the time it took.
    pub(crate) fn finish(&mut self, elapsed: Duration) {
        self.seconds = elapsed.as_secs_f64();
        self.tokens_per_second = if self.seconds > 0.0 { self.tokens as f64 / self.seconds } else { 0.0 };
        self.failed.sort_by(|a, b| a.source.cmp(&b.source));
        self.not_text.sort();
        self.without_text.sort();
    }
}

/// How far an ingest is. Totals are known once the folder has been listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestProgress {
    /// Documents acknowledged or skipped.
    pub documents: u64,
    /// Tokens written.
    pub tokens: u64,
    /// Bytes of sources read, or skipped unread.
    pub source_bytes: u64,
    /// About how many of those bytes are stored: what is read waits for the model.
    pub done_bytes: u64,
    /// Bytes of all sources, where known.
    pub total_source_bytes: Option<u64>,
    /// Documents, files or records that failed.
    pub failed: u64,
}
