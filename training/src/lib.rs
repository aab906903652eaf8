//! The trainer: NeoBERT from raw text to a retriever, with hand-written backward passes.

pub mod bench;
pub mod contrastive;
pub mod data;
mod error;
pub mod model;
pub mod op;
pub mod optimizer;
pub mod pretrain;
mod random;
mod schedule;

pub use error::{Error, ErrorKind, Result};
pub use random::Random;
pub use schedule::{Decay, Schedule};
