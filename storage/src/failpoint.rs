//! Making a write fail on purpose, so that tests can see what a failing disk would do.
//!
//! It belongs to one store, not to the process, so that tests can run side by side; unarmed it costs one atomic load
//! a group.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

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
