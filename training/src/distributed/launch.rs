//! Starts the ranks of a run: a thread each, the first of them the one that asked.

use std::thread;

use candle_core::Device;

use super::nccl::Link;
use super::{ProcessGroup, Single, Threads};
use crate::device;
use crate::error::{Error, Result};
use crate::progress::{Observer, Silent};
use crate::run::RunOptions;

/// A rank at work.
pub(crate) struct Member<'a> {
    /// How it talks to the others.
    pub(crate) group: &'a dyn ProcessGroup,
    /// Where it computes.
    pub(crate) device: Device,
    /// Who listens: nobody to any but the first.
    pub(crate) observer: &'a mut dyn Observer,
}

/// Runs `work` on every rank of the run and gives what the first made of it. Where a rank fails all end, and its error comes back.
pub(crate) fn launch<T: Send>(
    options: &RunOptions,
    observer: &mut dyn Observer,
    work: impl Fn(Member<'_>) -> Result<T> + Sync,
) -> Result<T> {
    let ranks = options.ranks.max(1);
    if ranks == 1 {
        return work(Member { group: &Single, device: options.device.clone(), observer });
    }
    let devices: Vec<Device> = (0..ranks).map(|rank| device::of_rank(&options.device, rank)).collect::<Result<_>>()?;
    let link = Link::new(&devices)?;
    let mut seats = Threads::group(ranks).into_iter().zip(devices);
    let Some((host, device)) = seats.next() else { return Err(lost(0)) };
    let work = &work;
    let outcomes: Vec<Result<T>> = thread::scope(|scope| {
        let others: Vec<_> = seats
            .map(|(host, device)| {
                scope.spawn(move || {
                    let group = link.join(host, &device)?;
                    work(Member { group: group.as_ref(), device, observer: &mut Silent })
                })
            })
            .collect();
        let own = link.join(host, &device).and_then(|group| work(Member { group: group.as_ref(), device, observer }));
        let others = others.into_iter().enumerate();
        let joined = others.map(|(at, thread)| thread.join().unwrap_or_else(|_| Err(lost(at + 1))));
        [own].into_iter().chain(joined).collect()
    });
    // A rank whose neighbour failed says only that the group is broken; the neighbour says why.
    let mut failed: Option<Error> = None;
    let mut first = None;
    for (rank, outcome) in outcomes.into_iter().enumerate() {
        match (outcome, &failed) {
            (Ok(made), _) if rank == 0 => first = Some(made),
            (Ok(_), _) => {}
            (Err(error), None | Some(Error::ProcessGroup { .. })) => failed = Some(error),
            (Err(_), Some(_)) => {}
        }
    }
    match (failed, first) {
        (None, Some(made)) => Ok(made),
        (Some(error), _) => Err(error),
        (None, None) => Err(lost(0)),
    }
}

fn lost(rank: usize) -> Error {
    Error::ProcessGroup { rank, reason: "its thread came to an unexpected end".to_owned() }
}
