//! The door between the database and whatever turns text into vectors.
//!
//! A trait, so that people can bring their own model; the NeoBERT encoder is one implementation, chosen by the feature `encoder`. A
//! document is handed over whole with its chunk spans, not as a list of strings: that is what lets an embedder give each passage the
//! context of the document around it (late chunking).

mod brought;
#[cfg_attr(feature = "bundled-model", path = "bundled.rs")]
#[cfg_attr(not(feature = "bundled-model"), path = "unbundled.rs")]
pub(crate) mod bundled;
#[cfg(feature = "encoder")]
mod neighbours;
#[cfg(feature = "encoder")]
mod neobert;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use neodex_index::vector::Neighbours;

pub(crate) use brought::BroughtVectors;
#[cfg(feature = "bundled-model")]
pub use bundled::{bundled_files, bundled_model, bundled_model_with, has_bundled_model};
#[cfg(feature = "encoder")]
pub use neighbours::GpuNeighbours;
#[cfg(feature = "encoder")]
pub use neobert::{NeoBert, load_model, load_model_with};

/// Why an embedder failed: any error of its own.
pub type EmbedError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// One passage of a document: where it is, and under which headings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Bytes of the document's text.
    pub span: Range<usize>,
    /// The headings above it, outermost first, joined by ` > `; empty at the top of a document.
    pub heading: String,
}

/// A document to embed, passage by passage.
#[derive(Debug, Clone, Copy)]
pub struct Passages<'a> {
    /// The document's title; may be empty.
    pub title: &'a str,
    /// The document's text.
    pub text: &'a str,
    /// Its passages, in order.
    pub passages: &'a [Passage],
}

/// Turns text into vectors.
///
/// An implementation must be deterministic up to rounding: the database skips documents whose text did not change.
pub trait Embedder: Send + Sync {
    /// A short name for people, as shown by `stats`.
    fn name(&self) -> &str;

    /// Components of every vector this embedder makes, 1 to 4096.
    fn dimension(&self) -> usize;

    /// A hash of everything that changes the vectors (weights, tokenizer, pooling, prompts), not of the device they are computed on.
    fn fingerprint(&self) -> String;

    /// The largest window this embedder can read at once, in tokens; 0 where windows mean nothing to it.
    fn window_tokens(&self) -> usize {
        0
    }

    /// Whether it makes vectors at all; false for one that only says what vectors brought from outside look like. Documents without a vector are
    /// then found by words.
    fn embeds_text(&self) -> bool {
        true
    }

    /// The folder its files are in, remembered by the database so that it can be found again.
    fn folder(&self) -> Option<PathBuf> {
        None
    }

    /// One vector for each query, of [`Embedder::dimension`] components.
    ///
    /// # Errors
    /// Whatever went wrong in the embedder.
    fn embed_queries(&self, queries: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError>;

    /// For each document one vector for each of its passages, read in windows of at most `window_tokens` tokens.
    ///
    /// # Errors
    /// Whatever went wrong in the embedder.
    fn embed_documents(
        &self,
        documents: &[Passages<'_>],
        window_tokens: usize,
    ) -> Result<Vec<Vec<Vec<f32>>>, EmbedError>;

    /// For each text one vector of the whole of it as a document, for programs that keep vectors themselves. What is longer than the embedder
    /// can read at once counts to that length.
    ///
    /// # Errors
    /// Whatever went wrong in the embedder.
    fn embed_texts(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let passages: Vec<[Passage; 1]> =
            texts.iter().map(|text| [Passage { span: 0..text.len(), heading: String::new() }]).collect();
        let documents: Vec<Passages<'_>> =
            texts.iter().zip(&passages).map(|(text, passages)| Passages { title: "", text, passages }).collect();
        let vectors = self.embed_documents(&documents, self.window_tokens())?;
        Ok(vectors.into_iter().filter_map(|mut own| own.pop()).collect())
    }

    /// What finds the nearest of all vectors, where this embedder computes on something that compares all of them faster than walks find them:
    /// segments of the vector index are then linked by it. Asked whenever one is about to be built.
    fn neighbours(&self) -> Option<Arc<dyn Neighbours>> {
        None
    }

    /// How many tokens `text` has for this embedder, for figures shown to people.
    fn count_tokens(&self, text: &str) -> usize;

    /// The share of `text` that this embedder cannot read (a foreign script, say), 0 to 1. A hybrid search trusts a query's vector the less
    /// the more of the query went by it.
    fn unknown_share(&self, text: &str) -> f32 {
        let _ = text;
        0.0
    }
}
