//! sled and its file: reading, and the three steps of a durable write.
//!
//! sled's `flush` hands its buffers to the system but does not force them to the disk, so the file is synced here
//! before anything is acknowledged. sled may also panic where it should fail; a panic during a write counts as one.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::error::{Error, Result, panic_message};
use crate::failpoint::{Failpoint, Step, reach};
use crate::live::Live;
use crate::lock::Lock;
use crate::manifest::Manifest;
use crate::numbers::Numbers;
use crate::options::StoreOptions;
use crate::overlay::Overlay;
use crate::poison::Poison;
use crate::rows::sled_rows;
use crate::sequence::Sequence;
use crate::table::SledRange;
use crate::watch::Watchers;

/// An open store without its commit thread. Fields are dropped in order: sled lets go of its file before the lock.
#[derive(Debug)]
pub(crate) struct Engine {
    live: RwLock<Arc<Live>>,
    pub(crate) watchers: Watchers,
    /// Held by the one compaction there can be.
    pub(crate) compacting: Mutex<()>,
    pub(crate) poison: Poison,
    pub(crate) manifest: RwLock<Manifest>,
    pub(crate) dir: PathBuf,
    pub(crate) recovered: bool,
    pub(crate) options: StoreOptions,
    failpoint: Failpoint,
    visible: AtomicU64,
    durable: AtomicU64,
    counts: [AtomicU64; 256],
    lock: Mutex<Lock>,
}

impl Engine {
    /// Joins what opening has gathered.
    pub(crate) fn new(
        live: Live,
        dir: &Path,
        manifest: Manifest,
        lock: Lock,
        numbers: &Numbers,
        options: &StoreOptions,
    ) -> Self {
        let engine = Self {
            live: RwLock::new(Arc::new(live)),
            watchers: Watchers::default(),
            compacting: Mutex::new(()),
            poison: Poison::default(),
            manifest: RwLock::new(manifest),
            dir: dir.to_path_buf(),
            recovered: lock.was_unclean(),
            options: options.clone(),
            failpoint: options.failpoint.clone(),
            visible: AtomicU64::new(0),
            durable: AtomicU64::new(0),
            counts: [const { AtomicU64::new(0) }; 256],
            lock: Mutex::new(lock),
        };
        engine.show(numbers);
        engine.durable.store(numbers.sequence.0, Ordering::Release);
        engine
    }

    /// sled as it is now. Who holds it reads on in it even if a compaction puts another one in its place.
    pub(crate) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another store in the place of this one. Only while no write is under way.
    pub(crate) fn replace(&self, live: Live, manifest: Manifest) {
        *self.manifest.write().unwrap_or_else(PoisonError::into_inner) = manifest;
        let mut current = self.live.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, Arc::new(live)).outdate();
    }

    /// Writes a group's changes and returns once they are on the disk. After a failure the store is poisoned.
    pub(crate) fn write(&self, changes: Overlay, numbers: &Numbers) -> Result<()> {
        reach("commit.begin");
        let noted = self.watchers.note(&changes);
        let batch = changes.into_batch();
        let live = self.live();
        self.step(Step::Apply, "apply a batch", || Ok(live.apply_batch(batch)?))?;
        drop(noted);
        reach("commit.applied");
        self.show(numbers);
        self.make_durable(&live)?;
        reach("commit.synced");
        self.durable.store(numbers.sequence.0, Ordering::Release);
        Ok(())
    }

    /// Forces everything that sled holds to the disk.
    fn make_durable(&self, live: &Live) -> Result<()> {
        self.step(Step::Flush, "flush", || {
            live.flush()?;
            Ok(())
        })?;
        reach("commit.flushed");
        self.step(Step::Sync, "sync the log file", || Ok(live.log().sync_all()?))
    }

    /// Does one step of a write; a failure or a panic in it poisons the store.
    fn step(&self, step: Step, name: &'static str, work: impl FnOnce() -> Result<(), StepError>) -> Result<()> {
        let outcome = neodex_guard::call(|| {
            self.failpoint.check(step)?;
            work()
        });
        let reason = match outcome {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic_message(panic.as_ref()),
        };
        self.poison.set(format!("could not {name}: {reason}"));
        Err(Error::WriteFailed { step: name, reason })
    }

    /// Lets readers see the numbers that belong to the rows they see.
    fn show(&self, numbers: &Numbers) {
        for (table, count) in &numbers.counts {
            if let Some(slot) = self.counts.get(usize::from(*table)) {
                slot.store(*count, Ordering::Relaxed);
            }
        }
        self.visible.store(numbers.sequence.0, Ordering::Release);
    }

    /// Live rows of a table.
    pub(crate) fn count(&self, table: u8) -> u64 {
        self.counts.get(usize::from(table)).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// The last transaction that readers see.
    pub(crate) fn visible(&self) -> Sequence {
        Sequence(self.visible.load(Ordering::Acquire))
    }

    /// The last transaction that is on the disk.
    pub(crate) fn durable(&self) -> Sequence {
        Sequence(self.durable.load(Ordering::Acquire))
    }

    /// Whether the store has no row in this range.
    pub(crate) fn is_range_empty(&self, range: &SledRange) -> Result<bool> {
        match sled_rows(&self.live(), range).and_then(|mut rows| rows.next()) {
            None => Ok(true),
            Some(Ok(_)) => Ok(false),
            Some(Err(error)) => Err(Error::engine("scan")(error)),
        }
    }

    /// Writes everything out and notes a clean stop; after a failed write there is none.
    pub(crate) fn close(&self) {
        reach("close.begin");
        if self.poison.check().is_err() || self.make_durable(&self.live()).is_err() {
            return;
        }
        let database = self.manifest.read().unwrap_or_else(PoisonError::into_inner).database;
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        // A failure only makes the next opener look closer than it needs to.
        let _ = lock.mark_closed(self.durable(), database);
        reach("close.noted");
    }
}

/// sled's errors and the system's, on their way to becoming a reason.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Sled(#[from] sled::Error),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
