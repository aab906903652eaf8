//! Batches through the backend, a few at a time.
//!
//! The lanes are threads that take the next batch from a shared counter, and not nested parallel iterators, because a rayon worker
//! that waits inside one batch would start another: then nothing bounds the memory.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rayon::ThreadPool;

use crate::backend::{Backend, Sequence};
use crate::batch;
use crate::error::{Error, Result};

/// What the lanes share.
pub(crate) struct Lanes<'a> {
    pub(crate) backend: &'a dyn Backend,
    pub(crate) pool: Option<&'a ThreadPool>,
    pub(crate) batch_tokens: usize,
    pub(crate) limit: usize,
    pub(crate) vocab_size: usize,
}

impl Lanes<'_> {
    /// Runs sequences of `lengths` tokens through the model. `sequence` makes a sequence when its batch is due. The means it asks for
    /// come one after the other, `(spans, hidden)`, in the order of the sequences; an empty sequence has none.
    pub(crate) fn run(
        &self,
        lengths: &[usize],
        sequence: impl Fn(usize) -> Sequence + Sync,
    ) -> Result<Vec<Option<Vec<f32>>>> {
        if let Some(&tokens) = lengths.iter().find(|&&tokens| tokens > self.limit) {
            return Err(Error::TooLong { tokens, limit: self.limit });
        }
        let most = self.backend.lanes().max(1);
        let threads = self.pool.map_or_else(rayon::current_num_threads, ThreadPool::current_num_threads);
        let lanes = threads.clamp(1, most);
        let batches = batch::plan(lengths, self.batch_tokens.div_ceil(most), self.backend.layout());
        let next = AtomicUsize::new(0);
        let results: Mutex<Vec<Option<Vec<f32>>>> = Mutex::new(vec![None; lengths.len()]);

        let lane = || -> Result<()> {
            while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                let outcome = match self.pool {
                    Some(pool) => pool.install(|| self.batch(batch, &sequence)),
                    None => self.batch(batch, &sequence),
                };
                // After a failure the other lanes have nothing more to take.
                let outcome = outcome.inspect_err(|_| next.store(batches.len(), Ordering::Relaxed))?;
                let mut results = results.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                for (&i, result) in batch.iter().zip(outcome) {
                    if let Some(slot) = results.get_mut(i) {
                        *slot = Some(result);
                    }
                }
            }
            Ok(())
        };
        if lanes == 1 || batches.len() <= 1 {
            lane()?;
        } else {
            thread::scope(|scope| {
                let running: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
                let ends = running.into_iter().map(|thread| match thread.join() {
                    Ok(end) => end,
                    Err(panic) => std::panic::resume_unwind(panic),
                });
                ends.collect::<Result<Vec<()>>>()
            })?;
        }
        Ok(results.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// One batch, its ids checked.
    fn batch(&self, batch: &[usize], sequence: &impl Fn(usize) -> Sequence) -> Result<Vec<Vec<f32>>> {
        let sequences: Vec<Sequence> = batch.iter().map(|&i| sequence(i)).collect();
        let ids = sequences.iter().flat_map(|sequence| &sequence.ids);
        if let Some(&id) = ids.into_iter().find(|&&id| id as usize >= self.vocab_size) {
            return Err(Error::TokenOutOfRange { id, vocab_size: self.vocab_size });
        }
        self.backend.means(&sequences)
    }
}
