//! Fine-tuning for a task: a classification head on the first token's state, trained together with the encoder.
//!
//! What a task is, and how good an answer to it is, the caller knows; this reads sequences of ids and numbers to be predicted.

mod head;
mod input;
mod settings;
mod tuning;

pub use head::{ClassificationHead, HeadRun, Labels};
pub use input::{Checkpoint, Item, pair};
pub use settings::FinetuneSettings;
pub use tuning::{Evaluated, FinetuneOutcome, Finetuning, Weights};
