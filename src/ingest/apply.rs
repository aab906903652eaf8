//! The one thread that brings both indexes up to date with the store, in Sequence order, after the fsync.
//!
//! Making a change visible to searches costs a commit of the lexical index (tens of milliseconds), so commits are shared: soon when
//! somebody waits, at most every 100 ms; otherwise every two seconds. The queue is unbounded on purpose: the commit thread must never wait
//! for this one (which in turn asks it to trim the journal); the byte budget of the writers is what bounds memory.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use neodex_index::lexical::LexicalIndex;
use neodex_index::vector::{Code, SealPolicy, VectorSet};
use neodex_index::{DocumentKey, Key};
use neodex_storage::failpoint::reach;
use neodex_storage::{Sequence, Store};

use crate::chunking::Chunk;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::ingest::budget::Permit;
use crate::ingest::progress::Progress;
use crate::load;
use crate::schema::{ONLY, TRIMMED};
use crate::sealing::Signal;

/// The shortest time between two commits of the lexical index while somebody waits.
const SOONEST: Duration = Duration::from_millis(100);
/// The longest a change stays invisible when nobody waits.
const LATEST: Duration = Duration::from_secs(2);
/// The journal is trimmed when this many entries are behind both indexes.
const TRIM_EVERY: u64 = 4_096;

/// A change to apply to both indexes.
#[derive(Debug)]
pub(crate) struct Change {
    /// Its place in the order.
    pub(crate) sequence: Sequence,
    /// A version that goes, and its number of chunks.
    pub(crate) removed: Option<(u64, u32)>,
    /// A version that comes.
    pub(crate) added: Option<Added>,
    /// A version that was there and has its vectors now.
    pub(crate) embedded: Option<Embedded>,
}

/// Vectors that came later than their document.
#[derive(Debug)]
pub(crate) struct Embedded {
    /// Key of the version's first chunk.
    pub(crate) version: u64,
    /// Its codes, one a chunk.
    pub(crate) codes: Vec<Code>,
}

/// A version to index.
#[derive(Debug)]
pub(crate) struct Added {
    /// Key of its first chunk.
    pub(crate) version: u64,
    /// The document.
    pub(crate) document: Arc<Document>,
    /// Its chunks.
    pub(crate) chunks: Arc<[Chunk]>,
    /// Its codes, one a chunk, or none while it has no vectors.
    pub(crate) codes: Vec<Code>,
    /// The bytes it holds of the ingest's budget, given back when the indexes have it.
    #[expect(dead_code, reason = "held for its drop")]
    pub(crate) permit: Option<Permit>,
}

enum Message {
    Change(Box<Change>),
    Wake,
}

/// The applier's front: where changes are sent, and where one waits for them.
#[derive(Debug)]
pub(crate) struct Applier {
    sender: Option<Sender<Message>>,
    progress: Arc<Progress>,
    thread: Option<JoinHandle<()>>,
}

/// The indexes a database keeps.
#[derive(Debug, Clone)]
pub(crate) struct Indexes {
    /// BM25.
    pub(crate) lexical: Arc<LexicalIndex>,
    /// Vectors; none in a database without an embedder.
    pub(crate) vectors: Option<Arc<VectorSet>>,
    /// Calls the thread that seals vectors.
    pub(crate) sealing: Arc<Signal>,
}

impl Applier {
    /// Starts the thread. Everything up to `searchable` is in both indexes already.
    ///
    /// # Errors
    /// [`Error::Io`] when the system gives no thread.
    pub(crate) fn start(store: Store, indexes: Indexes, searchable: Sequence, policy: SealPolicy) -> Result<Self> {
        let (sender, receiver) = unbounded();
        let progress = Arc::new(Progress::new(searchable.0));
        let (applied, trimmed) = (searchable.0, searchable.0);
        let worker = Worker { store, indexes, progress: Arc::clone(&progress), applied, trimmed, policy };
        let thread = std::thread::Builder::new()
            .name("neodex-apply".to_owned())
            .spawn(move || worker.run(&receiver))
            .map_err(Error::io("thread"))?;
        Ok(Self { sender: Some(sender), progress, thread: Some(thread) })
    }

    /// Where the commit thread sends changes, in order.
    pub(crate) fn outlet(&self) -> Outlet {
        Outlet { sender: self.sender.clone(), progress: Arc::clone(&self.progress) }
    }

    /// The last change that has been acknowledged.
    pub(crate) fn last_sent(&self) -> Sequence {
        Sequence(self.progress.last_sent())
    }

    /// Waits until searches see everything up to `sequence`.
    ///
    /// # Errors
    /// [`Error::IndexingStopped`] when the thread has failed.
    pub(crate) fn wait(&self, sequence: Sequence) -> Result<()> {
        if self.progress.want(sequence.0) {
            return Ok(());
        }
        if let Some(sender) = &self.sender {
            // A closed channel means that the thread has failed, which the wait reports.
            let _ = sender.send(Message::Wake);
        }
        self.progress.wait(sequence.0)
    }

    /// The last Sequence searches see.
    pub(crate) fn searchable(&self) -> Sequence {
        Sequence(self.progress.searchable())
    }
}

impl Drop for Applier {
    fn drop(&mut self) {
        self.sender.take();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported to the waiters; the store is the truth.
            let _ = thread.join();
        }
    }
}

/// Sends changes to the applier.
#[derive(Debug, Clone)]
pub(crate) struct Outlet {
    sender: Option<Sender<Message>>,
    progress: Arc<Progress>,
}

impl Outlet {
    /// Hands a change over. After a failure of the applier it is dropped: the journal has it.
    pub(crate) fn send(&self, change: Change) {
        self.progress.sent(change.sequence.0);
        if let Some(sender) = &self.sender {
            let _ = sender.send(Message::Change(Box::new(change)));
        }
    }
}

/// Puts a version into both indexes.
///
/// # Errors
/// What the indexes say.
pub(crate) fn add_version(indexes: &Indexes, added: &Added) -> Result<()> {
    add_vectors(indexes, added.version, &added.codes)?;
    load::add_lexical(&indexes.lexical, added.version, &added.document, &added.chunks)
}

fn add_vectors(indexes: &Indexes, version: u64, codes: &[Code]) -> Result<()> {
    if let Some(vectors) = &indexes.vectors {
        for (key, code) in (version..).zip(codes) {
            vectors.insert(Key(key), code)?;
        }
    }
    Ok(())
}

struct Worker {
    store: Store,
    indexes: Indexes,
    progress: Arc<Progress>,
    applied: u64,
    trimmed: u64,
    policy: SealPolicy,
}

impl Worker {
    fn run(mut self, receiver: &Receiver<Message>) {
        let outcome =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.serve(receiver))).unwrap_or_else(|panic| {
                let reason = panic.downcast_ref::<&str>().map_or("it panicked", |text| text).to_owned();
                Err(Error::IndexingStopped { reason })
            });
        if let Err(error) = outcome {
            self.progress.fail(error.to_string());
        } else {
            self.progress.fail("the database is closed".to_owned());
        }
    }

    fn serve(&mut self, receiver: &Receiver<Message>) -> Result<()> {
        let mut committed_at = Instant::now();
        let mut dirty_since: Option<Instant> = None;
        loop {
            let now = Instant::now();
            let due = dirty_since.map(|since| match self.progress.wanted() {
                Some(wanted) if wanted <= self.applied => (committed_at + SOONEST).max(now),
                _ => since + LATEST,
            });
            if let Some(due) = due
                && due <= now
            {
                self.commit()?;
                committed_at = Instant::now();
                dirty_since = None;
                continue;
            }
            let timeout = due.map_or(LATEST, |due| due - now);
            match receiver.recv_timeout(timeout) {
                Ok(Message::Change(change)) => {
                    self.apply(*change)?;
                    dirty_since.get_or_insert(now);
                }
                Ok(Message::Wake) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    if dirty_since.is_some() {
                        self.commit()?;
                    }
                    return Ok(());
                }
            }
        }
    }

    fn apply(&mut self, change: Change) -> Result<()> {
        reach("index.apply");
        if let Some((version, chunks)) = change.removed {
            remove_version(&self.indexes, version, chunks)?;
        }
        if let Some(added) = &change.added {
            add_version(&self.indexes, added)?;
        }
        if let Some(embedded) = &change.embedded {
            add_vectors(&self.indexes, embedded.version, &embedded.codes)?;
        }
        self.applied = change.sequence.0;
        Ok(())
    }

    /// Makes everything applied visible.
    fn commit(&mut self) -> Result<()> {
        reach("index.commit");
        self.indexes.lexical.commit(self.applied)?;
        reach("index.committed");
        // Before anybody who waits goes on, so that they can wait for this, too.
        if self.indexes.vectors.as_ref().is_some_and(|vectors| vectors.has_work(&self.policy)) {
            self.indexes.sealing.call();
        }
        self.progress.advance(self.applied);
        if self.applied >= self.trimmed + TRIM_EVERY {
            self.trimmed = self.applied;
            let trimmed = self.applied;
            // The mark goes first: a journal shorter than the mark says would look complete.
            let marked = self.store.commit(move |tx| -> Result<()> { Ok(tx.put(&TRIMMED, ONLY, &trimmed)?) });
            reach("journal.marked");
            if marked.is_ok() {
                self.store.trim_journal(Sequence(trimmed))?;
                reach("journal.trimmed");
            }
        }
        Ok(())
    }
}

/// Takes a version out of both indexes.
///
/// # Errors
/// What the indexes say.
pub(crate) fn remove_version(indexes: &Indexes, version: u64, chunks: u32) -> Result<()> {
    if let Some(vectors) = &indexes.vectors {
        vectors.remove_range(DocumentKey(version).keys(chunks));
    }
    indexes.lexical.remove(DocumentKey(version));
    Ok(())
}
