//! NeoBERT (Le Breton et al. 2025, arXiv 2502.19587), the exact forward pass over candle tensors.
//!
//! Pre-norm blocks of rotary attention and SwiGLU over a residual stream, without biases, and one last norm. These are
//! candle's fast operations, some of which have no backward pass: the trainer has a model of its own.

mod attention;
mod block;
mod embedding;
mod feed_forward;
mod head;
mod mask;
mod neobert;
mod norm;
mod rotary;

pub(crate) use embedding::EMBEDDING;
pub(crate) use head::LanguageModelHead;
pub use mask::AttentionMask;
pub use neobert::NeoBert;
