//! Chunking without late chunking: every passage through the model by itself, with title and headings before it. For comparison only.

use std::sync::Arc;

use neodex::index::vector::Neighbours;
use neodex::{EmbedError, Embedder, NeoBert, Passages};
use neodex_encoder::Role;

/// A model that reads passages and not documents.
#[derive(Debug, Clone)]
pub(crate) struct Plain(pub(crate) NeoBert);

impl Embedder for Plain {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn dimension(&self) -> usize {
        self.0.dimension()
    }

    fn fingerprint(&self) -> String {
        format!("{}-plain", self.0.fingerprint())
    }

    fn neighbours(&self) -> Option<Arc<dyn Neighbours>> {
        self.0.neighbours()
    }

    fn embed_queries(&self, queries: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.0.embed_queries(queries)
    }

    fn embed_documents(&self, documents: &[Passages<'_>], _: usize) -> Result<Vec<Vec<Vec<f32>>>, EmbedError> {
        let texts: Vec<String> = documents
            .iter()
            .flat_map(|document| {
                document.passages.iter().map(|passage| {
                    let text = document.text.get(passage.span.clone()).unwrap_or_default();
                    let parts = [document.title, passage.heading.as_str(), text];
                    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
                })
            })
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut vectors = self.0.encoder().embed(&texts, Role::Document)?.into_iter();
        Ok(documents.iter().map(|document| vectors.by_ref().take(document.passages.len()).collect()).collect())
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.0.count_tokens(text)
    }

    fn unknown_share(&self, text: &str) -> f32 {
        self.0.unknown_share(text)
    }
}
