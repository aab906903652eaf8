//! The threads of an ingest: whoever produces documents hands them to writers, chosen by the document's id so that two versions of one
//! document in the same stream keep their order.
//!
//! Nobody can wait in a circle: producers wait for the byte budget, writers never do; a writer only waits for more documents after it has
//! submitted what it holds; what is submitted is applied, and its bytes given back, by threads that wait for neither.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use crate::database::Inner;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::ingest::control::Control;
use crate::ingest::report::{Failure, IngestReport};
use crate::ingest::source::Origin;
use crate::ingest::writer::{Item, Writer};

/// Documents queued for one writer; the byte budget is the real bound.
const QUEUE: usize = 64;

/// Where producers put documents.
#[derive(Clone)]
pub(crate) struct Feed<'a> {
    inner: &'a Inner,
    pub(crate) control: &'a Control,
    writers: Vec<Sender<Item>>,
    failures: Sender<Failure>,
}

impl Feed<'_> {
    /// Hands a document over; false when the ingest is stopping.
    pub(crate) fn document(&self, document: Document, source: String, origin: Option<Origin>) -> bool {
        self.hand_over(document, source, origin, None)
    }

    /// Hands over a document with the vector it is to have.
    pub(crate) fn vector(&self, document: Document, source: String, vector: Vec<f32>) -> bool {
        self.hand_over(document, source, None, Some(vector))
    }

    fn hand_over(&self, document: Document, source: String, origin: Option<Origin>, vector: Option<Vec<f32>>) -> bool {
        if self.control.cancel.is_cancelled() {
            return false;
        }
        self.control.text_read(document.text.len());
        // Text, and about as much again for its rows and its way through the lexical index.
        let of_vector = vector.as_ref().map_or(0, |vector| 8 * vector.len());
        let permit = self.inner.budget.take(document.text.len() * 2 + 4_096 + of_vector);
        let hash = BuildHasherDefault::<DefaultHasher>::new().hash_one(document.id.as_str());
        let writer = self.writers.get((hash % self.writers.len() as u64) as usize);
        let item = Item { document, source, origin, permit: Some(permit), vector };
        writer.is_some_and(|writer| writer.send(item).is_ok())
    }

    /// Reports a source or record that could not be read.
    pub(crate) fn failure(&self, source: String, reason: String) {
        self.control.failure();
        let _ = self.failures.send(Failure { source, reason });
    }
}

/// Runs an ingest: `produce` feeds it from the calling thread, and may start threads of its own.
///
/// # Errors
/// What makes going on pointless; single documents that fail are in the report.
pub(crate) fn run(
    inner: &Inner,
    control: &Control,
    produce: impl FnOnce(&Feed<'_>) -> Result<IngestReport>,
) -> Result<IngestReport> {
    let started = Instant::now();
    let count = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8));
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| bounded(QUEUE)).unzip();
    let (failures, failed) = crossbeam_channel::unbounded();
    let mut report = std::thread::scope(|scope| {
        let writers: Vec<_> =
            receivers.into_iter().map(|receiver| scope.spawn(move || write(inner, control, &receiver))).collect();
        let feed = Feed { inner, control, writers: senders, failures };
        let mut outcome = produce(&feed);
        drop(feed);
        for writer in writers {
            let written = writer
                .join()
                .unwrap_or_else(|_| Err(Error::IndexingStopped { reason: "a writing thread panicked".to_owned() }));
            outcome = match (outcome, written) {
                (Ok(mut report), Ok(written)) => {
                    report.merge(written);
                    Ok(report)
                }
                (Err(error), _) | (Ok(_), Err(error)) => Err(error),
            };
        }
        outcome
    })?;
    report.failed.extend(failed.try_iter());
    report.cancelled |= control.cancel.is_cancelled();
    report.finish(started.elapsed());
    Ok(report)
}

fn write(inner: &Inner, control: &Control, receiver: &Receiver<Item>) -> Result<IngestReport> {
    let mut writer = Writer::new(inner, control);
    loop {
        let item = match receiver.try_recv() {
            Ok(item) => item,
            Err(TryRecvError::Disconnected) => return writer.finish(),
            Err(TryRecvError::Empty) => {
                writer.flush()?;
                match receiver.recv() {
                    Ok(item) => item,
                    Err(_) => return writer.finish(),
                }
            }
        };
        if !control.cancel.is_cancelled() {
            writer.push(item)?;
        }
    }
}
