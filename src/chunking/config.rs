//! How large chunks are. Part of a database's fingerprint, since other chunks would need other vectors.

use serde::{Deserialize, Serialize};

/// Sizes of chunks, in tokens as estimated by [`crate::chunking::estimate_tokens`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ChunkingConfig {
    /// The size that chunks come close to (default 200).
    pub target_tokens: usize,
    /// No chunk is larger (default 320).
    pub max_tokens: usize,
    /// Smaller sections and remainders join a neighbour where that fits (default 64).
    pub min_tokens: usize,
}

impl Default for ChunkingConfig {
    fn default() -> Self {
        Self { target_tokens: 200, max_tokens: 320, min_tokens: 64 }
    }
}

impl ChunkingConfig {
    /// The nearest sizes that make sense: `1 <= min <= target <= max`, and room for a token of each kind.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let max_tokens = self.max_tokens.max(8);
        let target_tokens = self.target_tokens.clamp(1, max_tokens);
        Self { target_tokens, max_tokens, min_tokens: self.min_tokens.min(target_tokens) }
    }
}
