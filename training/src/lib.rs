//! The trainer: NeoBERT from raw text to a retriever, with hand-written backward passes.

pub mod data;
pub mod op;
