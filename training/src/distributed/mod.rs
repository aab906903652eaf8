//! Several devices training one model: what they say to each other.
//!
//! Each has a *rank* below the *world size*. All call the same operations in the same order. The ranks of a run are threads of one
//! process, each with a device of its own (`launch`); numbers of the host go from thread to thread, tensors through NCCL where the
//! build and the devices have it, else through the host as well. Sums over threads are taken in the order of the ranks, so that a run
//! repeats itself.

mod barrier;
mod launch;
#[cfg(feature = "nccl")]
mod nccl;
#[cfg(not(feature = "nccl"))]
#[path = "no_nccl.rs"]
mod nccl;
mod single;
mod threads;

use candle_core::Tensor;

pub(crate) use launch::{Member, launch};
pub use single::Single;
pub use threads::{ThreadRank, Threads};

use crate::error::Result;

/// A member of a group. Every operation waits until all members have called it.
///
/// # Errors
/// All operations fail with [`crate::Error::ProcessGroup`] where a member is gone or called with another length, and with candle's
/// errors.
pub trait ProcessGroup {
    /// Which member this is, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn world_size(&self) -> usize;

    /// `values` is flat, in f32, of `world_size` parts of one length: the sum over all members of the part of this rank.
    #[allow(clippy::missing_errors_doc)]
    fn reduce_scatter(&self, values: &Tensor) -> Result<Tensor>;

    /// The `part`s of all members, flat, of one length and of f32 or bf16, one after the other by rank.
    #[allow(clippy::missing_errors_doc)]
    fn all_gather(&self, part: &Tensor) -> Result<Tensor>;

    /// The sum over all members of each of `numbers`.
    #[allow(clippy::missing_errors_doc)]
    fn sum(&self, numbers: &[f64]) -> Result<Vec<f64>>;

    /// Waits for all.
    #[allow(clippy::missing_errors_doc)]
    fn barrier(&self) -> Result<()>;
}
