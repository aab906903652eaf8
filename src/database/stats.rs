//! The figures of a database, as `stats` prints them.

use serde::Serialize;

use crate::database::{Database, manifest};
use crate::error::Result;
use crate::schema::{DOCUMENTS, ONLY, TOTALS};

/// The figures of a database. The names are part of the command line's `--json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Live documents.
    pub documents: u64,
    /// Their chunks.
    pub chunks: u64,
    /// Chunks that have a vector.
    pub vectors: u64,
    /// Chunks that wait for one, because they were stored without a model.
    pub pending: u64,
    /// Components of a vector; 0 without a model.
    pub dimension: usize,
    /// How vectors are compared.
    pub distance: String,
    /// The model the vectors were made with.
    pub model: Option<ModelStats>,
    /// The model that is to take over when `reembed` has made all vectors with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_model: Option<NextModel>,
    /// Bytes of text as ingested.
    pub text_bytes: u64,
    /// Bytes on disk and in memory.
    pub bytes: BytesOnDisk,
    /// Segments of the lexical index.
    pub segments: u64,
    /// Segments of the vector index.
    pub vector_segments: u64,
    /// Vectors that are in no segment yet, and are compared with one by one.
    pub unsealed_vectors: u64,
    /// Version of the format on disk.
    pub format_version: u32,
    /// The last committed transaction.
    pub sequence: u64,
    /// The last one that searches see.
    pub searchable_sequence: u64,
}

/// A model as a database remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelStats {
    /// Its name.
    pub name: String,
    /// The hash its vectors are tied to.
    pub fingerprint: String,
}

/// A model whose vectors are being made beside those that serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextModel {
    /// The model.
    pub model: ModelStats,
    /// Chunks that have its vector already.
    pub vectors: u64,
}

/// Bytes by part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BytesOnDisk {
    /// The store on disk.
    pub store: u64,
    /// The lexical index on disk.
    pub lexical: u64,
    /// Both.
    pub total: u64,
    /// The vector codes in memory.
    pub vectors_in_memory: u64,
}

impl Database {
    /// The figures of the database as of now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn stats(&self) -> Result<Stats> {
        let inner = &self.inner;
        let totals = inner.store.get(&TOTALS, ONLY)?.unwrap_or_default();
        let manifest = inner.store.manifest();
        let vectors = manifest::vectors(&manifest.fields);
        let lexical = inner.indexes.lexical.stats();
        let store = inner.store.size_on_disk()?;
        Ok(Stats {
            documents: inner.store.count(&DOCUMENTS),
            chunks: totals.chunks,
            vectors: totals.vectors(inner.slot),
            pending: totals.chunks.saturating_sub(totals.vectors(inner.slot)),
            next_model: manifest::next_model(&manifest.fields).map(|(name, fingerprint)| NextModel {
                model: ModelStats { name, fingerprint },
                vectors: totals.vectors(inner.slot.other()),
            }),
            dimension: vectors.map_or(0, |(dimension, ..)| dimension),
            distance: vectors.map_or(inner.config.distance, |(_, distance, _)| distance).to_string(),
            model: manifest::model(&manifest.fields).map(|(name, fingerprint)| ModelStats { name, fingerprint }),
            text_bytes: totals.text_bytes,
            bytes: BytesOnDisk {
                store,
                lexical: lexical.bytes,
                total: store + lexical.bytes,
                vectors_in_memory: inner.indexes.vectors.as_ref().map_or(0, |set| set.bytes() as u64),
            },
            segments: lexical.segments as u64,
            vector_segments: inner.indexes.vectors.as_ref().map_or(0, |set| set.segments().len() as u64),
            unsealed_vectors: inner.indexes.vectors.as_ref().map_or(0, |set| set.unsealed() as u64),
            format_version: manifest.format,
            sequence: inner.store.last_sequence().0,
            searchable_sequence: inner.applier.searchable().0,
        })
    }
}
