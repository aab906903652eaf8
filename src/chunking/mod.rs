//! From a document's text to chunks: the unit that is embedded, indexed and shown.

mod config;
mod packing;
mod sentence;
mod structural;
mod tokens;

pub use config::ChunkingConfig;
pub use sentence::sentences;
pub use structural::{Chunk, Chunker, StructuralChunker};
pub use tokens::estimate_tokens;

#[cfg(test)]
mod tests;
