//! What waits for the model, and how fast the line moves.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::embed::Role;

/// Texts of one request, or a piece of one.
pub(crate) struct Job {
    pub(crate) role: Role,
    pub(crate) texts: Vec<String>,
    pub(crate) tokens: usize,
    /// The room it takes in the queue, given back when it is done.
    #[expect(dead_code, reason = "held for its drop")]
    pub(crate) room: OwnedSemaphorePermit,
    pub(crate) reply: oneshot::Sender<Result<Vec<Vec<f32>>, String>>,
}

/// Counts a request that is on its way to the queue: as long as there is one, waiting for it may fill a batch.
pub(crate) struct Arriving<'a>(&'a AtomicUsize);

impl<'a> Arriving<'a> {
    pub(crate) fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Tokens per second of late, so that a refused client can be told when to come back.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    bits: AtomicU64,
}

impl Rate {
    /// A batch went through.
    pub(crate) fn observe(&self, tokens: usize, took: Duration) {
        let now = tokens as f64 / took.as_secs_f64().max(1e-6);
        let before = f64::from_bits(self.bits.load(Ordering::Relaxed));
        let mixed = if before > 0.0 { before * 0.8 + now * 0.2 } else { now };
        self.bits.store(mixed.to_bits(), Ordering::Relaxed);
    }

    /// Seconds until `tokens` are through, 1 to 60.
    pub(crate) fn seconds_for(&self, tokens: usize) -> u64 {
        let rate = f64::from_bits(self.bits.load(Ordering::Relaxed));
        if rate > 0.0 { ((tokens as f64 / rate).ceil() as u64).clamp(1, 60) } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_says_when_to_come_back() {
        let rate = Rate::default();
        assert_eq!(rate.seconds_for(1_000), 1, "nothing is known");
        rate.observe(1_000, Duration::from_secs(1));
        assert_eq!(rate.seconds_for(5_000), 5);
        assert_eq!(rate.seconds_for(5_000_000), 60);
        rate.observe(6_000, Duration::from_secs(1));
        assert_eq!(rate.seconds_for(4_000), 2, "a mean that follows");
    }
}
