//! Vectors made elsewhere: the place of an embedder in a database that is given vectors as they are.

use super::{EmbedError, Embedder, Passages};
use crate::chunking::estimate_tokens;

/// Knows how many values the vectors have, and makes none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BroughtVectors {
    dimension: usize,
}

impl BroughtVectors {
    /// Vectors of `dimension` values.
    pub(crate) fn new(dimension: usize) -> Self {
        Self { dimension }
    }
}

fn refused() -> EmbedError {
    "this database takes vectors as they are given and makes none of text: insert with a vector, and search with one"
        .into()
}

impl Embedder for BroughtVectors {
    fn name(&self) -> &str {
        "vectors brought from outside"
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn fingerprint(&self) -> String {
        format!("brought-{}", self.dimension)
    }

    fn embeds_text(&self) -> bool {
        false
    }

    fn embed_queries(&self, _: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Err(refused())
    }

    fn embed_documents(&self, _: &[Passages<'_>], _: usize) -> Result<Vec<Vec<Vec<f32>>>, EmbedError> {
        Err(refused())
    }

    fn count_tokens(&self, text: &str) -> usize {
        estimate_tokens(text)
    }
}
