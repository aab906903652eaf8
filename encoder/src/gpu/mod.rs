//! The GPU, through candle and CUDA: one stream, sequences packed, attention by flash-attn where the feature is on.
//!
//! Everything here assumes what [`device::open`] arranges: a device with one stream, on which all work is queued in the order of the
//! calls, so that memory can be given back as soon as the last kernel that uses it is queued.

mod backend;
mod device;
#[cfg(feature = "flash-attn")]
pub(crate) mod flash;
#[cfg(not(feature = "flash-attn"))]
#[path = "no_flash.rs"]
pub(crate) mod flash;
mod launch;
pub(crate) mod nearest;
pub(crate) mod op;
mod staging;

pub(crate) use backend::load;
pub(crate) use device::open;

/// Whether this build can use a GPU.
pub(crate) const BUILT: bool = true;
