//! The bound on an ingest's memory: texts on their way through the pipeline take their bytes from one budget and give them back when both
//! indexes have them.
//!
//! A byte budget rather than bounded queues, because documents differ by six orders of magnitude: a queue of 64 places holds 64 notes or
//! 64 books. It also lets the commit thread hand work on without ever waiting, so that it cannot wait for somebody who waits for it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Bytes that may be in flight at once.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: usize,
    used: Mutex<usize>,
    freed: Condvar,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { shared: Arc::new(Shared { limit, used: Mutex::new(0), freed: Condvar::new() }) }
    }

    /// Waits until `bytes` are free and takes them. Something larger than the whole budget takes all of it, alone.
    pub(crate) fn take(&self, bytes: usize) -> Permit {
        let bytes = bytes.min(self.shared.limit);
        let mut used = self.shared.used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used + bytes > self.shared.limit {
            used = self.shared.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used += bytes;
        Permit { shared: Arc::clone(&self.shared), bytes }
    }
}

/// Bytes taken from a [`Budget`]; dropping it gives them back.
#[derive(Debug)]
pub(crate) struct Permit {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.shared.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.shared.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let budget = Budget::new(10);
        let first = budget.take(7);
        let other = {
            let budget = budget.clone();
            std::thread::spawn(move || drop(budget.take(1_000)))
        };
        drop(first);
        other.join().unwrap();
        drop(budget.take(10));
    }
}
