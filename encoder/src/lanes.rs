//! Batches through the model, a few at a time.
//!
//! candle's matrix products use every thread, its elementwise loops one; two batches side by side keep the cores busy through
//! both. The lanes are threads that take the next batch from a shared counter, and not nested parallel iterators, because
//! a rayon worker that waits inside one batch would start another: then nothing bounds the memory.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use candle_core::{Device, Tensor};
use rayon::ThreadPool;

use crate::batch;
use crate::error::{Error, Result};
use crate::model::{AttentionMask, NeoBert};
use crate::pooling::Rows;

/// Batches at a time, at most, and so the share of the token budget each has. It does not follow the number of threads, so that the
/// same texts make the same batches, and the same bits, on every machine; and small batches stay nearer the caches.
const MOST_LANES: usize = 4;

/// What the lanes share.
pub(crate) struct Lanes<'a> {
    pub(crate) model: &'a NeoBert,
    pub(crate) pool: Option<&'a ThreadPool>,
    pub(crate) batch_tokens: usize,
    /// For filling up a batch.
    pub(crate) pad_token_id: u32,
    pub(crate) limit: usize,
    pub(crate) vocab_size: usize,
}

impl Lanes<'_> {
    /// Runs sequences of `lengths` tokens through the model. `ids` makes a sequence when its batch is due, `reduce` keeps what
    /// is wanted of its last states `(tokens, hidden)`. The results come in the order of the sequences; an empty sequence has none.
    pub(crate) fn run<P: Send>(
        &self,
        lengths: &[usize],
        ids: impl Fn(usize) -> Vec<u32> + Sync,
        reduce: impl Fn(usize, Rows<'_>) -> P + Sync,
    ) -> Result<Vec<Option<P>>> {
        if let Some(&tokens) = lengths.iter().find(|&&tokens| tokens > self.limit) {
            return Err(Error::TooLong { tokens, limit: self.limit });
        }
        let threads = self.pool.map_or_else(rayon::current_num_threads, ThreadPool::current_num_threads);
        let lanes = threads.clamp(1, MOST_LANES);
        let batches = batch::plan(lengths, self.batch_tokens.div_ceil(MOST_LANES));
        let next = AtomicUsize::new(0);
        let results: Mutex<Vec<Option<P>>> = Mutex::new(lengths.iter().map(|_| None).collect());

        let lane = || -> Result<()> {
            while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                let outcome = match self.pool {
                    Some(pool) => pool.install(|| self.batch(batch, &ids, &reduce)),
                    None => self.batch(batch, &ids, &reduce),
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

    /// One batch, padded on the right to its longest sequence.
    fn batch<P>(
        &self,
        batch: &[usize],
        ids: &impl Fn(usize) -> Vec<u32>,
        reduce: &impl Fn(usize, Rows<'_>) -> P,
    ) -> Result<Vec<P>> {
        let sequences: Vec<Vec<u32>> = batch.iter().map(|&i| ids(i)).collect();
        let lengths: Vec<usize> = sequences.iter().map(Vec::len).collect();
        let width = lengths.iter().copied().max().unwrap_or(0);
        if let Some(&id) = sequences.iter().flatten().find(|&&id| id as usize >= self.vocab_size) {
            return Err(Error::TokenOutOfRange { id, vocab_size: self.vocab_size });
        }
        let padding = self.pad_token_id.min(self.vocab_size.saturating_sub(1) as u32);
        let padded =
            sequences.iter().flat_map(|ids| ids.iter().copied().chain(std::iter::repeat_n(padding, width - ids.len())));
        let input_ids = Tensor::from_vec(padded.collect::<Vec<u32>>(), (batch.len(), width), self.model.device())?;
        let mask = AttentionMask::from_lengths(&lengths, width, self.model.device())?;
        let states = self.model.forward(&input_ids, mask.as_ref())?;
        let hidden = states.dim(2)?;
        let states = states.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
        let rows = states.chunks_exact(width * hidden).zip(&lengths).zip(batch);
        Ok(rows
            .map(|((values, length), &i)| {
                let values = values.get(..length * hidden).unwrap_or(values);
                reduce(i, Rows { values, hidden })
            })
            .collect())
    }
}
