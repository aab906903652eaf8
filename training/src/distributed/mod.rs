//! Several devices training one model: what they say to each other.
//!
//! Each has a *rank* below the *world size*. All call the same operations in the same order. Sums are taken in the order of the ranks,
//! so that a run repeats itself.

mod barrier;
mod single;
mod threads;

pub use single::Single;
pub use threads::{ThreadRank, Threads};

use crate::error::Result;

/// A member of a group. Every operation waits until all members have called it.
///
/// # Errors
/// All operations fail with [`crate::Error::ProcessGroup`] where a member is gone or called with another length.
pub trait ProcessGroup: Send {
    /// Which member this is, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn world_size(&self) -> usize;

    /// Every member's `values` become the sum over all members.
    #[allow(clippy::missing_errors_doc)]
    fn all_reduce_sum(&self, values: &mut [f32]) -> Result<()>;

    /// `values` has `world_size` parts as long as `part`; `part` becomes the sum over all members of the part of this rank.
    #[allow(clippy::missing_errors_doc)]
    fn reduce_scatter_sum(&self, values: &[f32], part: &mut [f32]) -> Result<()>;

    /// `values` becomes the `part`s of all members, one after the other by rank.
    #[allow(clippy::missing_errors_doc)]
    fn all_gather(&self, part: &[f32], values: &mut [f32]) -> Result<()>;

    /// Every member's `values` become those of member `root`.
    #[allow(clippy::missing_errors_doc)]
    fn broadcast(&self, values: &mut [f32], root: usize) -> Result<()>;

    /// Waits for all.
    #[allow(clippy::missing_errors_doc)]
    fn barrier(&self) -> Result<()>;
}
