//! Vectors for documents that are stored: for those that have none, and those of another model into the [`Slot`](crate::schema::Slot) that does not serve.
//!
//! The document stays the version it is, so that it is found by words all the while. Its vectors count when its head says so, in the
//! transaction that puts the last of them; until then whatever part of them was written is written again by the next run.

use std::sync::Arc;
use std::time::Instant;

use neodex_index::vector::Code;
use neodex_storage::{Pending, Sequence};

use crate::chunking::estimate_tokens;
use crate::database::Inner;
use crate::error::{Error, Result};
use crate::ingest::apply::{Change, Embedded};
use crate::ingest::control::Control;
use crate::ingest::prepare::{Planned, Preparer};
use crate::ingest::report::{Failure, IngestReport};
use crate::ingest::rows::{Row, code_rows};
use crate::load;
use crate::schema::{DOCUMENTS, Head, ONLY, TOTALS};

/// Text bytes that are embedded together, as in an ingest.
const EMBED_BYTES: usize = 64 << 10;
/// Rows of one transaction.
const MOST_ROWS: usize = 2_048;

/// Embeds every document without vectors.
///
/// # Errors
/// [`Error::NoEmbedder`] where there is nothing to embed with; else as [`embed_stored`].
pub(crate) fn reembed(inner: &Inner, control: &Control) -> Result<IngestReport> {
    match inner.embedder {
        Some(_) => embed_stored(inner, &inner.preparer(), control),
        None => Err(Error::NoEmbedder),
    }
}

struct Waiting {
    id: String,
    head: Head,
}

/// Embeds every document that `preparer`'s slot has no vectors of. If that slot serves, searches find by them as they come.
///
/// # Errors
/// When the store refuses, or the embedder fails on every document.
pub(crate) fn embed_stored(inner: &Inner, preparer: &Preparer<'_>, control: &Control) -> Result<IngestReport> {
    let started = Instant::now();
    let slot = preparer.slot;
    let mut bytes = 0;
    for row in inner.store.scan(&DOCUMENTS) {
        let (_, head) = row?;
        bytes += if head.has_vectors(slot) { 0 } else { head.text_bytes };
    }
    control.expect(bytes);
    let mut run = Run { inner, preparer, control, report: IngestReport::default(), first_error: None };
    let (mut batch, mut gathered) = (Vec::new(), 0);
    for row in inner.store.scan(&DOCUMENTS) {
        if control.cancel.is_cancelled() {
            run.report.cancelled = true;
            break;
        }
        let (id, head) = row?;
        if head.has_vectors(slot) {
            continue;
        }
        // A document replaced since the scan came to it is the next run's, or has its vectors by now.
        let Some((document, chunks)) = load::document(&inner.store, head.version, head.text_bytes)? else { continue };
        control.text_read(document.text.len());
        control.source(head.text_bytes);
        gathered += document.text.len();
        let content_hash = head.content_hash;
        let planned = Planned { document: Arc::new(document), chunks: chunks.into(), content_hash, permit: None };
        batch.push((Waiting { id, head }, planned));
        if gathered >= EMBED_BYTES {
            gathered = 0;
            run.embed(std::mem::take(&mut batch))?;
        }
    }
    if !run.report.cancelled {
        run.embed(batch)?;
    }
    let Run { mut report, first_error, .. } = run;
    report.finish(started.elapsed());
    match first_error {
        Some(error) if report.replaced == 0 => Err(error),
        _ => Ok(report),
    }
}

struct Run<'a> {
    inner: &'a Inner,
    preparer: &'a Preparer<'a>,
    control: &'a Control,
    report: IngestReport,
    /// Of the documents that could not be embedded.
    first_error: Option<Error>,
}

impl Run<'_> {
    /// Embeds documents together; where that fails, one by one.
    fn embed(&mut self, batch: Vec<(Waiting, Planned)>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let (waiting, planned): (Vec<Waiting>, Vec<Planned>) = batch.into_iter().unzip();
        let vectors = match self.preparer.embed(&planned) {
            Ok(vectors) => vectors,
            Err(error) if planned.len() == 1 => {
                let source = waiting.into_iter().next().map(|waiting| waiting.id).unwrap_or_default();
                self.report.failed.push(Failure { source, reason: error.to_string() });
                self.control.failure();
                self.first_error.get_or_insert(error);
                return Ok(());
            }
            Err(_) => return waiting.into_iter().zip(planned).try_for_each(|alone| self.embed(vec![alone])),
        };
        let mut submitted = Vec::with_capacity(planned.len());
        for ((waiting, planned), vectors) in waiting.into_iter().zip(planned).zip(vectors) {
            submitted.push((self.put(waiting, &vectors)?, planned));
        }
        for (pending, planned) in submitted {
            let text = &planned.document.text;
            let tokens = self.preparer.embedder.map_or_else(|| estimate_tokens(text), |e| e.count_tokens(text)) as u64;
            if pending.map_or(Ok(false), |pending| pending.wait().map(|committed| committed.value))? {
                self.report.replaced += 1;
                self.report.chunks += planned.chunks.len() as u64;
                self.report.text_bytes += text.len() as u64;
                self.report.tokens += tokens;
            }
            self.control.text_done(text.len());
            self.control.document(1, tokens);
        }
        Ok(())
    }

    /// Submits a document's vectors; `None` when it was replaced or deleted meanwhile. The answer tells whether it was up to the last moment.
    fn put(&self, waiting: Waiting, vectors: &[Vec<f32>]) -> Result<Option<Pending<bool, Error>>> {
        let Waiting { id, head } = waiting;
        let (store, slot, version) = (&self.inner.store, self.preparer.slot, head.version);
        let mut rows = self.preparer.encode_rows(vectors)?;
        while rows.len() > MOST_ROWS {
            let part: Vec<Row> = rows.drain(..MOST_ROWS).collect();
            let id = id.clone();
            // Rows under keys that no version has any more would never be removed.
            let current = store.commit(move |tx| -> Result<bool> {
                let current = tx.get(&DOCUMENTS, id.as_str())?.is_some_and(|now| now.version == version);
                if current {
                    part.iter().try_for_each(|row| row.put(tx, version, slot))?;
                }
                Ok(current)
            })?;
            if !current.value {
                return Ok(None);
            }
        }
        // Only of the slot that serves are there codes.
        let serves = slot == self.inner.slot;
        let codes = if serves { vectors } else { &[] }.iter().map(|vector| Ok(Code::encode(vector)?));
        let codes = codes.collect::<Result<Vec<Code>>>()?;
        code_rows(&codes, &mut rows);
        let outlet = self.inner.applier.outlet();
        Ok(Some(store.submit(move |tx| -> Result<bool> {
            let Some(mut head) = tx.get(&DOCUMENTS, id.as_str())?.filter(|now| now.version == version) else {
                return Ok(false);
            };
            if head.has_vectors(slot) {
                return Ok(false);
            }
            rows.iter().try_for_each(|row| row.put(tx, version, slot))?;
            let mut totals = tx.get(&TOTALS, ONLY)?.unwrap_or_default();
            totals.subtract(&head);
            head.slots |= slot.bit();
            totals.add(&head);
            tx.put(&TOTALS, ONLY, &totals)?;
            tx.put(&DOCUMENTS, id.as_str(), &head)?;
            if serves {
                let embedded = Some(Embedded { version, codes });
                tx.after_durable(move |sequence: Sequence| {
                    outlet.send(Change { sequence, removed: None, added: None, embedded });
                });
            }
            Ok(true)
        })))
    }
}
