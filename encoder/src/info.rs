//! What `model info` prints.

use serde::{Deserialize, Serialize};

use crate::pooling::Pooling;
use crate::precision::Precision;
use crate::sentence::Prompts;

/// A model in figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Its folder's name.
    pub name: String,
    /// The family: `neobert`.
    pub architecture: String,
    /// Parameters, without a language-model head.
    pub parameters: usize,
    /// Width of a token's state.
    pub hidden_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Heads per block.
    pub num_attention_heads: usize,
    /// Inner width of the feed-forward part.
    pub inner_size: usize,
    /// Size of the vocabulary.
    pub vocab_size: usize,
    /// Most tokens of a sequence, special tokens included.
    pub max_tokens: usize,
    /// Components of a vector.
    pub dimension: usize,
    /// How states become a vector.
    pub pooling: Pooling,
    /// What is put before queries and documents.
    pub prompts: Prompts,
    /// How the weights are stored: `f32`, `f16`, `bf16`, `int8`.
    pub stored_as: String,
    /// What is computed in; never [`Precision::Auto`].
    pub precision: Precision,
    /// Where: `cpu`, `cuda:0`.
    pub device: String,
    /// How it came to be there, where that may surprise: a GPU was looked for and not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// See [`Encoder::fingerprint`](crate::Encoder::fingerprint).
    pub fingerprint: String,
}
