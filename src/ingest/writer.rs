//! One writing thread of an ingest: skips what did not change, embeds and encodes in batches, submits, and collects the acknowledgements.
//!
//! Submitting does not wait for the fsync, so the commit thread finds many documents at once and one fsync serves them all.

use std::collections::VecDeque;

use neodex_storage::Pending;

use crate::database::Inner;
use crate::document::{Document, DocumentId, content_hash};
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::budget::Permit;
use crate::ingest::control::Control;
use crate::ingest::prepare::{Planned, Prepared, plan, plan_whole};
use crate::ingest::report::{Failure, IngestReport, Stored};
use crate::ingest::source::Origin;
use crate::ingest::write::{Outcome, Written, commit_version, is_unchanged, stage_large, sweep};
use crate::load;

/// Text bytes that are prepared together without an embedder.
const BATCH_BYTES: usize = 256 << 10;
/// Text bytes that are embedded together: some windows, enough to fill the embedder's batches, and few enough that people see it go on.
const EMBED_BYTES: usize = 64 << 10;
/// The first batch is small and each next one four times as large, so that people see it begin.
const FIRST_EMBED_BYTES: usize = 1 << 10;
/// Unacknowledged submissions of one writer.
const MOST_PENDING: usize = 256;

/// A document on its way in.
pub(crate) struct Item {
    pub(crate) document: Document,
    /// What to call it in a failure.
    pub(crate) source: String,
    /// The file it came from, where that is remembered.
    pub(crate) origin: Option<Origin>,
    pub(crate) permit: Option<Permit>,
    /// Its vector, where it was made elsewhere.
    pub(crate) vector: Option<Vec<f32>>,
}

struct Waiting {
    planned: Planned,
    source: String,
    origin: Option<Origin>,
    vector: Option<Vec<f32>>,
}

struct Submitted {
    pending: Pending<Written, Error>,
    source: String,
    chunks: u64,
    text_bytes: u64,
    tokens: u64,
    // Held until the acknowledgement: the last one lets the file be remembered as done.
    origin: Option<Origin>,
}

/// See the module.
pub(crate) struct Writer<'a> {
    inner: &'a Inner,
    control: &'a Control,
    batch: Vec<Waiting>,
    batch_bytes: usize,
    embed_bytes: usize,
    submitted: VecDeque<Submitted>,
    report: IngestReport,
}

impl<'a> Writer<'a> {
    /// A writer into the database.
    pub(crate) fn new(inner: &'a Inner, control: &'a Control) -> Self {
        Self {
            inner,
            control,
            batch: Vec::new(),
            batch_bytes: 0,
            embed_bytes: FIRST_EMBED_BYTES,
            submitted: VecDeque::new(),
            report: IngestReport::default(),
        }
    }

    /// Takes a document. A document that cannot be stored is a failure of the report.
    ///
    /// # Errors
    /// Only what makes going on pointless: the store refuses to write.
    pub(crate) fn push(&mut self, item: Item) -> Result<()> {
        self.inner.store.check_writable()?;
        let Item { document, source, origin, permit, vector } = item;
        if let Err(error) = document.check() {
            self.fail(source, &error.into(), origin.as_ref());
            return Ok(());
        }
        let hash = content_hash(&document);
        // The hash knows nothing of a vector that was brought.
        if vector.is_none() && self.is_known(&document.id, hash)? {
            self.report.skipped += 1;
            self.control.stored(&source, Ok(Stored::Skipped));
            self.control.text_done(document.text.len());
            self.control.document(1, 0);
            if let Some(origin) = &origin {
                origin.skipped(&document.id);
            }
            return Ok(());
        }
        self.batch_bytes += document.text.len();
        let planned = match &vector {
            Some(_) => plan_whole(document, hash, permit),
            None => plan(document, hash, self.inner.chunker.as_ref(), permit),
        };
        self.batch.push(Waiting { planned, source, origin, vector });
        let enough = if self.inner.embeds_text() { self.embed_bytes } else { BATCH_BYTES };
        if self.batch_bytes < enough {
            return Ok(());
        }
        self.embed_bytes = (self.embed_bytes * 4).min(EMBED_BYTES);
        self.flush()
    }

    /// Embeds and submits what has been gathered.
    ///
    /// # Errors
    /// As [`Writer::push`].
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.batch_bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let preparer = self.inner.preparer();
        let (brought, batch): (Vec<Waiting>, Vec<Waiting>) =
            batch.into_iter().partition(|waiting| waiting.vector.is_some());
        for Waiting { planned, source, origin, vector } in brought {
            match preparer.prepare_brought(planned, vector.unwrap_or_default()) {
                Ok(prepared) => self.submit(prepared, source, origin)?,
                Err(error) => self.fail(source, &error, origin.as_ref()),
            }
        }
        let (planned, rest): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.planned, (waiting.source, waiting.origin))).unzip();
        // Before the slow part, so that people see what is done.
        self.settle_ready()?;
        for (prepared, (source, origin)) in preparer.prepare(planned).into_iter().zip(rest) {
            match prepared {
                Ok(prepared) => self.submit(prepared, source, origin)?,
                Err(error) => self.fail(source, &error, origin.as_ref()),
            }
        }
        self.settle_ready()
    }

    /// Takes note of what has been acknowledged.
    fn settle_ready(&mut self) -> Result<()> {
        while self.submitted.front().is_some_and(|oldest| oldest.pending.is_ready())
            && let Some(oldest) = self.submitted.pop_front()
        {
            self.settle(oldest)?;
        }
        Ok(())
    }

    /// Waits for every acknowledgement and gives the report.
    ///
    /// # Errors
    /// As [`Writer::push`].
    pub(crate) fn finish(mut self) -> Result<IngestReport> {
        self.flush()?;
        while let Some(submitted) = self.submitted.pop_front() {
            self.settle(submitted)?;
        }
        Ok(self.report)
    }

    fn is_known(&self, id: &DocumentId, hash: [u8; 16]) -> Result<bool> {
        let head = load::head(&self.inner.store, id.as_str())?;
        let wants_vectors = self.inner.embeds_text().then_some(self.inner.slot);
        Ok(head.is_some_and(|head| is_unchanged(&head, hash, wants_vectors)))
    }

    fn submit(&mut self, mut prepared: Prepared, source: String, origin: Option<Origin>) -> Result<()> {
        let chunks = prepared.planned.chunks.len() as u64;
        let text_bytes = prepared.planned.document.text.len() as u64;
        let tokens = prepared.tokens;
        let staged = stage_large(&self.inner.store, &mut prepared)?;
        let outlet = self.inner.applier.outlet();
        let of = origin.clone();
        let pending = self.inner.store.submit(move |tx| {
            let id = prepared.planned.document.id.clone();
            let written = commit_version(tx, prepared, staged, outlet)?;
            if let Some(origin) = of {
                origin.record(tx, &id)?;
            }
            Ok(written)
        });
        self.submitted.push_back(Submitted { pending, source, chunks, text_bytes, tokens, origin });
        if self.submitted.len() > MOST_PENDING
            && let Some(oldest) = self.submitted.pop_front()
        {
            self.settle(oldest)?;
        }
        Ok(())
    }

    fn settle(&mut self, submitted: Submitted) -> Result<()> {
        let Submitted { pending, source, chunks, text_bytes, tokens, origin } = submitted;
        let committed = match pending.wait() {
            Ok(committed) => committed,
            Err(error) if error.kind() == ErrorKind::Input => {
                self.fail(source, &error, origin.as_ref());
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if let Some(version) = committed.value.sweep {
            sweep(&self.inner.store, version)?;
        }
        let stored = match committed.value.outcome {
            Outcome::Skipped => {
                self.report.skipped += 1;
                Stored::Skipped
            }
            Outcome::Added => {
                self.report.added += 1;
                Stored::Added
            }
            Outcome::Replaced => {
                self.report.replaced += 1;
                Stored::Replaced
            }
        };
        self.control.stored(&source, Ok(stored));
        if committed.value.outcome != Outcome::Skipped {
            self.report.chunks += chunks;
            self.report.text_bytes += text_bytes;
            self.report.tokens += tokens;
        }
        self.control.text_done(text_bytes as usize);
        self.control.document(1, tokens);
        Ok(())
    }

    fn fail(&mut self, source: String, error: &Error, origin: Option<&Origin>) {
        let reason = error.to_string();
        self.control.stored(&source, Err(&reason));
        self.report.failed.push(Failure { source, reason });
        self.control.failure();
        if let Some(origin) = origin {
            origin.fail();
        }
    }
}
