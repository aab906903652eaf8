//! A group of threads in one process that talk through the host's memory: the way without NCCL, and how the arithmetic of several
//! devices is tested on a machine with none.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Tensor};

use super::ProcessGroup;
use super::barrier::Barrier;
use crate::error::{Error, Result};

/// Makes groups of threads.
#[derive(Clone, Copy, Debug)]
pub struct Threads;

impl Threads {
    /// A group of `world` members, at least one, in the order of their ranks; each goes to a thread of its own.
    #[must_use]
    pub fn group(world: usize) -> Vec<ThreadRank> {
        let world = world.max(1);
        let shared = Arc::new(Shared {
            barrier: Barrier::new(world),
            values: (0..world).map(|_| Mutex::default()).collect(),
            numbers: (0..world).map(|_| Mutex::default()).collect(),
        });
        (0..world).map(|rank| ThreadRank { rank, shared: Arc::clone(&shared) }).collect()
    }
}

/// What each rank has to say in the operation under way.
type Slots<T> = Vec<Mutex<Vec<T>>>;

#[derive(Debug)]
struct Shared {
    barrier: Barrier,
    values: Slots<f32>,
    numbers: Slots<f64>,
}

/// A member of a group of threads. When it is dropped, the others' next operation fails instead of waiting for ever.
#[derive(Debug)]
pub struct ThreadRank {
    rank: usize,
    shared: Arc<Shared>,
}

impl ThreadRank {
    /// Shows `said` to all, lets `hear` use what each rank said, in order of rank, and waits until all have.
    fn exchange<T>(
        &self,
        slots: &Slots<T>,
        said: Vec<T>,
        mut hear: impl FnMut(usize, &[T]) -> Result<()>,
    ) -> Result<()> {
        if let Some(slot) = slots.get(self.rank) {
            *lock(slot) = said;
        }
        self.barrier()?;
        let heard = slots.iter().enumerate().try_for_each(|(rank, slot)| hear(rank, &lock(slot)));
        // Also where hearing failed: the others must not be left waiting, nor a slot be overwritten under them.
        self.barrier()?;
        heard
    }

    fn expect(&self, rank: usize, found: usize, expected: usize) -> Result<()> {
        if found == expected {
            return Ok(());
        }
        Err(self.fault(format!("rank {rank} came with {found} values where {expected} were expected")))
    }

    fn fault(&self, reason: String) -> Error {
        Error::ProcessGroup { rank: self.rank, reason }
    }
}

impl ProcessGroup for ThreadRank {
    fn rank(&self) -> usize {
        self.rank
    }

    fn world_size(&self) -> usize {
        self.shared.values.len()
    }

    fn reduce_scatter(&self, values: &Tensor) -> Result<Tensor> {
        let whole = values.elem_count();
        let length = whole / self.world_size();
        let mut part = vec![0.0_f32; length];
        self.exchange(&self.shared.values, values.to_vec1()?, |rank, heard| {
            self.expect(rank, heard.len(), whole)?;
            let own = heard.get(self.rank * length..(self.rank + 1) * length).unwrap_or_default();
            part.iter_mut().zip(own).for_each(|(sum, said)| *sum += said);
            Ok(())
        })?;
        Ok(Tensor::from_vec(part, length, values.device())?)
    }

    fn all_gather(&self, part: &Tensor) -> Result<Tensor> {
        let length = part.elem_count();
        let mut values = Vec::with_capacity(length * self.world_size());
        self.exchange(&self.shared.values, part.to_dtype(DType::F32)?.to_vec1()?, |rank, heard| {
            self.expect(rank, heard.len(), length)?;
            values.extend_from_slice(heard);
            Ok(())
        })?;
        let count = values.len();
        Ok(Tensor::from_vec(values, count, part.device())?.to_dtype(part.dtype())?)
    }

    fn sum(&self, numbers: &[f64]) -> Result<Vec<f64>> {
        let mut sums = vec![0.0; numbers.len()];
        self.exchange(&self.shared.numbers, numbers.to_vec(), |rank, heard| {
            self.expect(rank, heard.len(), numbers.len())?;
            sums.iter_mut().zip(heard).for_each(|(sum, said)| *sum += said);
            Ok(())
        })?;
        Ok(sums)
    }

    fn barrier(&self) -> Result<()> {
        match self.shared.barrier.wait() {
            true => Ok(()),
            false => Err(self.fault("another member of the group has stopped".to_owned())),
        }
    }
}

impl Drop for ThreadRank {
    fn drop(&mut self) {
        self.shared.barrier.leave();
    }
}

fn lock<T>(slot: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
