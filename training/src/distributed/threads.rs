//! A group of threads in one process: how the arithmetic of several devices is tested on a machine with none.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
        let shared = Shared { barrier: Barrier::new(world), slots: (0..world).map(|_| Mutex::default()).collect() };
        let shared = Arc::new(shared);
        (0..world).map(|rank| ThreadRank { rank, shared: Arc::clone(&shared) }).collect()
    }
}

#[derive(Debug)]
struct Shared {
    barrier: Barrier,
    /// What each rank has to say in the operation under way.
    slots: Vec<Mutex<Vec<f32>>>,
}

/// A member of a group of threads. When it is dropped, the others' next operation fails instead of waiting for ever.
#[derive(Debug)]
pub struct ThreadRank {
    rank: usize,
    shared: Arc<Shared>,
}

impl ThreadRank {
    /// Shows `said` to all, lets `hear` use what each rank said, in order of rank, and waits until all have.
    fn exchange(&self, said: &[f32], mut hear: impl FnMut(usize, &[f32]) -> Result<()>) -> Result<()> {
        if let Some(slot) = self.shared.slots.get(self.rank) {
            let mut slot = lock(slot);
            slot.clear();
            slot.extend_from_slice(said);
        }
        self.barrier()?;
        let heard = self.shared.slots.iter().enumerate().try_for_each(|(rank, slot)| hear(rank, &lock(slot)));
        // Also where hearing failed: the others must not be left waiting, nor a slot be overwritten under them.
        self.barrier()?;
        heard
    }

    fn expect(&self, what: &str, found: usize, expected: usize) -> Result<()> {
        if found == expected {
            return Ok(());
        }
        Err(self.fault(format!("{what} of {found} values where {expected} were expected")))
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
        self.shared.slots.len()
    }

    fn all_reduce_sum(&self, values: &mut [f32]) -> Result<()> {
        let said = values.to_vec();
        self.exchange(&said, |rank, heard| {
            self.expect(&format!("rank {rank} has a sum"), heard.len(), values.len())?;
            add(values, heard, rank);
            Ok(())
        })
    }

    fn reduce_scatter_sum(&self, values: &[f32], part: &mut [f32]) -> Result<()> {
        let length = part.len();
        let whole = length * self.world_size();
        self.exchange(values, |rank, heard| {
            self.expect(&format!("rank {rank} has a sum"), heard.len(), whole)?;
            let own = heard.get(self.rank * length..(self.rank + 1) * length).unwrap_or_default();
            add(part, own, rank);
            Ok(())
        })
    }

    fn all_gather(&self, part: &[f32], values: &mut [f32]) -> Result<()> {
        let (length, found) = (part.len(), values.len());
        self.exchange(part, |rank, heard| {
            self.expect("a place for all parts", found, length * self.world_size())?;
            self.expect(&format!("rank {rank} has a part"), heard.len(), length)?;
            if let Some(place) = values.get_mut(rank * length..(rank + 1) * length) {
                place.copy_from_slice(heard);
            }
            Ok(())
        })
    }

    fn broadcast(&self, values: &mut [f32], root: usize) -> Result<()> {
        if root >= self.world_size() {
            return Err(self.fault(format!("there is no rank {root} in a group of {}", self.world_size())));
        }
        let said = if root == self.rank { values.to_vec() } else { Vec::new() };
        self.exchange(&said, |rank, heard| {
            if rank == root {
                self.expect(&format!("rank {rank} has a message"), heard.len(), values.len())?;
                values.copy_from_slice(heard);
            }
            Ok(())
        })
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

/// Adds what rank `rank` said; the first overwrites. Every member does so in the same order and gets the same bits.
fn add(sum: &mut [f32], said: &[f32], rank: usize) {
    if rank == 0 {
        sum.copy_from_slice(said);
    } else {
        sum.iter_mut().zip(said).for_each(|(sum, said)| *sum += said);
    }
}

fn lock(slot: &Mutex<Vec<f32>>) -> MutexGuard<'_, Vec<f32>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
