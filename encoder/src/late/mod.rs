//! Late chunking: a document goes through the encoder in windows, and only then is it cut into chunks.
//!
//! A chunk's vector is the mean of its own token states, and each of those has seen the window around it, so that a passage
//! knows the document it stands in. See Guenther et al. 2024 (arXiv 2409.04701).

mod document;
mod embed;
mod window;

pub use document::{ChunkSpan, LateDocument};
pub use window::{Piece, Window, plan};
