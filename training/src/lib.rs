//! The trainer: NeoBERT from raw text to a retriever, with hand-written backward passes.

pub mod bench;
pub mod checkpoint;
pub mod contrastive;
pub mod data;
pub mod distributed;
mod error;
pub mod metrics;
pub mod model;
pub mod op;
pub mod optimizer;
pub mod pretrain;
mod progress;
mod random;
pub mod recipe;
mod run;
mod schedule;

pub use error::{Error, ErrorKind, Result};
pub use progress::{HeldoutReport, Observer, Pace, Silent, StepReport};
pub use random::Random;
pub use recipe::Recipe;
pub use run::{Phase, RunOptions, Summary, prepared};
pub use schedule::{Decay, Schedule};
