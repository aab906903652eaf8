//! How far the indexes are: what has been applied, what searches can see, and who waits for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use crate::error::{Error, Result};

/// Sequence numbers shared by the applier, its waiters and the figures.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    sent: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    searchable: u64,
    wanted: u64,
    failed: Option<String>,
}

impl Progress {
    /// Starts with everything up to `searchable` visible.
    pub(crate) fn new(searchable: u64) -> Self {
        Self {
            sent: AtomicU64::new(searchable),
            state: Mutex::new(State { searchable, ..State::default() }),
            changed: Condvar::new(),
        }
    }

    /// A change of this Sequence is on its way. Called in order, before its writer hears that it is durable.
    pub(crate) fn sent(&self, sequence: u64) {
        self.sent.store(sequence, Ordering::Release);
    }

    /// The last change on its way: what to wait for to see everything acknowledged so far. (Not every Sequence is a change to an index.)
    pub(crate) fn last_sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }

    /// The highest Sequence that somebody waits for and that is not visible yet.
    pub(crate) fn wanted(&self) -> Option<u64> {
        let state = self.lock();
        (state.wanted > state.searchable).then_some(state.wanted)
    }

    /// The highest Sequence whose change searches see.
    pub(crate) fn searchable(&self) -> u64 {
        self.lock().searchable
    }

    /// Asks for `sequence` to become visible soon; true when it is already.
    pub(crate) fn want(&self, sequence: u64) -> bool {
        let mut state = self.lock();
        state.wanted = state.wanted.max(sequence);
        state.searchable >= sequence
    }

    /// Tells the waiters that everything up to `sequence` is visible.
    pub(crate) fn advance(&self, sequence: u64) {
        let mut state = self.lock();
        state.searchable = state.searchable.max(sequence);
        self.changed.notify_all();
    }

    /// Tells the waiters that nothing more will become visible.
    pub(crate) fn fail(&self, reason: String) {
        self.lock().failed.get_or_insert(reason);
        self.changed.notify_all();
    }

    /// Waits until `sequence` is visible.
    ///
    /// # Errors
    /// [`Error::IndexingStopped`] when it never will be.
    pub(crate) fn wait(&self, sequence: u64) -> Result<()> {
        let mut state = self.lock();
        loop {
            if state.searchable >= sequence {
                return Ok(());
            }
            if let Some(reason) = &state.failed {
                return Err(Error::IndexingStopped { reason: reason.clone() });
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
