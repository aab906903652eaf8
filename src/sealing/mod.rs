//! From vectors that are scanned to segments that are walked through, in the background: build, store, install.
//!
//! - `codes`: the stored codes of vectors, which a segment's rows are filled from. `rows`: their full rows, where segments keep more of them. `stored`: segments in the store. `recovery`: both together, on
//!   open. `linking`: what segments are linked by. [`Sealer`]: the thread.
//!
//! A segment is derived from the codes, and the codes from the full rows. So one that is damaged or missing costs time only: its vectors
//! are scanned until it has been built again.

pub(crate) mod codes;
mod linking;
pub(crate) mod recovery;
pub(crate) mod rows;
mod sealer;
pub(crate) mod stored;

pub(crate) use linking::Linking;
pub use sealer::SealProgress;
pub(crate) use sealer::{Hear, Sealer, Signal};
