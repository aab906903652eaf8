//! The trainer: NeoBERT from raw text to a retriever, with hand-written backward passes.

pub mod bench;
pub mod checkpoint;
pub mod contrastive;
pub mod data;
pub mod device;
pub mod distributed;
pub mod error;
pub mod finetune;
pub mod flops;
pub mod metrics;
pub mod model;
pub mod op;
pub mod optimizer;
pub mod prepare;
pub mod pretrain;
pub mod progress;
pub mod random;
pub mod recipe;
pub mod run;
pub mod schedule;
mod session;
pub mod tokenizer;

pub use error::{Error, ErrorKind, Result};
pub use progress::Observer;
pub use random::Random;
pub use recipe::Recipe;
pub use run::{Phase, RunOptions, Summary};
