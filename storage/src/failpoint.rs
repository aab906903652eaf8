//! Making a write fail on purpose, and ending the process at a named point, so that tests can see what a failing disk
//! and a power cut would do.
//!
//! A failure belongs to one store, not to the process, so that tests can run side by side. An end is the process's, so
//! there is one for all. Unarmed, either costs one atomic load a group.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A step of a group's commit, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// Handing the batch to sled.
    Apply = 1,
    /// Having sled write its buffers to the file.
    Flush = 2,
    /// Forcing the file to the disk.
    Sync = 3,
}

/// Fails the armed step of one store's commits.
#[derive(Clone, Debug, Default)]
pub struct Failpoint {
    armed: Arc<AtomicU8>,
}

impl Failpoint {
    /// Lets the next commit fail at this step, once.
    pub fn arm(&self, step: Step) {
        self.armed.store(step as u8, Ordering::SeqCst);
    }

    /// Fails if this is the armed step.
    pub(crate) fn check(&self, step: Step) -> io::Result<()> {
        let armed = self.armed.compare_exchange(step as u8, 0, Ordering::SeqCst, Ordering::Relaxed);
        match armed {
            Ok(_) => Err(io::Error::other("failed on purpose")),
            Err(_) => Ok(()),
        }
    }
}

/// The points at which a process can be made to end: before and after everything that is written.
pub const POINTS: [&str; 29] = [
    "commit.begin",
    "commit.applied",
    "commit.flushed",
    "commit.synced",
    "close.begin",
    "close.noted",
    "file.written",
    "file.synced",
    "file.renamed",
    "open.created",
    "open.opened",
    "open.noted",
    "snapshot.begin",
    "snapshot.copied",
    "snapshot.synced",
    "compact.begin",
    "compact.copied",
    "compact.named",
    "compact.switched",
    "adopt.named",
    "adopt.switched",
    "index.apply",
    "index.commit",
    "index.committed",
    "journal.marked",
    "journal.trimmed",
    "segment.built",
    "segment.slice",
    "segment.listed",
];

static ARMED: AtomicBool = AtomicBool::new(false);
static END: OnceLock<(String, AtomicU64)> = OnceLock::new();

/// Ends the process, as if it were killed, when `point` is reached for the `nth` time (from 1). Once a process.
pub fn end_at(point: &str, nth: u64) {
    if END.set((point.to_owned(), AtomicU64::new(nth))).is_ok() {
        ARMED.store(true, Ordering::SeqCst);
    }
}

/// Passes a point: ends the process if it is armed and its time has come.
pub fn reach(point: &'static str) {
    if ARMED.load(Ordering::Relaxed)
        && let Some((armed, left)) = END.get()
        && armed == point
        && left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        // Neither destructors nor buffers are run: what is not with the system by now is lost.
        std::process::abort();
    }
}
