//! The inner products every vector search is made of, in the widest instructions the running processor has.
//!
//! The instruction set is chosen once, at run time, so that one binary runs everywhere. All `unsafe` of this crate lives in this folder;
//! `scalar` says what the others must compute, and a property test holds every path that runs here to it.

mod scalar;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avxvnni;
#[cfg(target_arch = "aarch64")]
mod neon;

mod bits;
mod dispatch;
mod fine;
mod prefetch;

pub(crate) use dispatch::Kernel;
pub use dispatch::instruction_set;
pub(crate) use fine::{NIBBLE_BLOCK, PARTS, pack_nibbles, unpack_nibble};
pub(crate) use prefetch::prefetch;
