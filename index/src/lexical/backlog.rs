//! A limit on the text that waits to be indexed.
//!
//! tantivy's own queue counts documents, ten thousand of them, whatever their size; a folder of long documents would fill the memory.
//! Here every queued chunk holds a permit for its bytes, and adding waits while too many are out.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Give up waiting after this long without any progress: a stuck indexer shows up as an error of the next commit, not as a hang here.
const PATIENCE: Duration = Duration::from_secs(30);

/// Counts the bytes that wait.
#[derive(Debug)]
pub(super) struct Backlog {
    limit: usize,
    waiting: Mutex<usize>,
    shrunk: Condvar,
}

/// Bytes that wait; dropping it says that they no longer do.
#[derive(Debug)]
pub(super) struct Permit {
    backlog: Arc<Backlog>,
    bytes: usize,
}

impl Backlog {
    /// At most `limit` bytes at a time, or one larger document alone.
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, waiting: Mutex::new(0), shrunk: Condvar::new() })
    }

    /// Waits until `bytes` more may come.
    pub(super) fn wait_for(&self, bytes: usize) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while *waiting > 0 && *waiting + bytes > self.limit {
            let before = *waiting;
            let (guard, timeout) = self.shrunk.wait_timeout(waiting, PATIENCE).unwrap_or_else(PoisonError::into_inner);
            waiting = guard;
            if timeout.timed_out() && *waiting >= before {
                return;
            }
        }
    }

    /// A permit for `bytes`, whatever waits.
    pub(super) fn permit(self: &Arc<Self>, bytes: usize) -> Permit {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) += bytes;
        Permit { backlog: Arc::clone(self), bytes }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut waiting = self.backlog.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting = waiting.saturating_sub(self.bytes);
        self.backlog.shrunk.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_waits_for_the_bytes_before_it() {
        let backlog = Backlog::new(10);
        backlog.wait_for(100);
        let permit = backlog.permit(100);
        let waiter = {
            let backlog = Arc::clone(&backlog);
            std::thread::spawn(move || backlog.wait_for(1))
        };
        drop(permit);
        assert!(waiter.join().is_ok());
        assert_eq!(*backlog.waiting.lock().unwrap_or_else(PoisonError::into_inner), 0);
    }
}
