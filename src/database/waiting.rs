//! Waiting for what the background does: until words and vectors can be found, and until segments are sealed.
//!
//! A write is acknowledged when it is durable, and is found a moment later. A handle waits for its own writes before it searches; others
//! can be waited for.

use std::sync::atomic::Ordering;

use neodex_storage::Sequence;

use super::Database;
use crate::error::{Error, Result};
use crate::sealing::SealProgress;

impl Database {
    /// Waits until searches see everything stored so far, by anybody.
    ///
    /// # Errors
    /// When the indexing thread has failed.
    pub fn flush(&self) -> Result<()> {
        self.inner.applier.wait(self.inner.applier.last_sent())
    }

    /// Waits until every vector that is due has been sealed into a segment, which makes searches among many vectors fast; they are found all the
    /// while. `go_on` hears how far it is, ten times a second, and stops the waiting by returning false: the work goes on.
    ///
    /// # Errors
    /// As [`Database::flush`]; [`Error::IndexingStopped`] with the reason when a segment could not be built.
    pub fn wait_until_sealed(&self, go_on: impl FnMut(&SealProgress) -> bool) -> Result<()> {
        self.flush()?;
        let Some(sealer) = &self.inner.sealer else { return Ok(()) };
        sealer.signal().wait(go_on);
        match sealer.signal().progress().failed {
            Some(reason) => Err(Error::IndexingStopped { reason }),
            None => Ok(()),
        }
    }

    /// Remembers that this handle has written.
    pub(super) fn wrote(&self) {
        self.written.fetch_max(self.inner.applier.last_sent().0, Ordering::AcqRel);
    }

    /// Waits for this handle's own writes.
    pub(crate) fn wait_for_own_writes(&self) -> Result<()> {
        self.inner.applier.wait(Sequence(self.written.load(Ordering::Acquire)))
    }
}
