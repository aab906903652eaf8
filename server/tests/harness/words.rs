//! A deterministic embedder for tests: a passage's vector is the sum of pseudo-random directions of its words, so that texts which share
//! words are near each other and no model is needed.

use neodex::{EmbedError, Embedder, Passages};

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct WordEmbedder {
    /// Components of a vector.
    pub(crate) dimension: usize,
}

impl Default for WordEmbedder {
    fn default() -> Self {
        Self { dimension: 64 }
    }
}

impl WordEmbedder {
    /// The unit vector of a text.
    pub(crate) fn vector(&self, text: &str) -> Vec<f32> {
        let mut sum = vec![0f32; self.dimension];
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            let mut state = word
                .to_lowercase()
                .bytes()
                .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
            for value in &mut sum {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *value += (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5;
            }
        }
        let norm = sum.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-6);
        sum.iter_mut().for_each(|value| *value /= norm);
        sum
    }
}

impl Embedder for WordEmbedder {
    fn name(&self) -> &str {
        "words"
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn fingerprint(&self) -> String {
        format!("words-{}", self.dimension)
    }

    fn embed_queries(&self, queries: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(queries.iter().map(|query| self.vector(query)).collect())
    }

    fn embed_documents(&self, documents: &[Passages<'_>], _: usize) -> Result<Vec<Vec<Vec<f32>>>, EmbedError> {
        let passages = |document: &Passages<'_>| {
            document.passages.iter().map(|passage| self.vector(&document.text[passage.span.clone()])).collect()
        };
        Ok(documents.iter().map(passages).collect())
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.split_whitespace().count()
    }
}
