//! How the server and the database are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether the server is there, or ready.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthAnswer {
    /// `ok` or `ready`.
    pub status: String,
}

/// The figures of the database, as `neodex stats --json` prints them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StatsAnswer {
    /// Documents.
    pub documents: u64,
    /// Their passages.
    pub chunks: u64,
    /// Passages that have a vector.
    pub vectors: u64,
    /// Passages that wait for one.
    pub pending: u64,
    /// Components of a vector; 0 without a model.
    pub dimension: usize,
    /// How vectors are compared.
    pub distance: String,
    /// The model the vectors were made with.
    pub model: Option<ModelName>,
    /// Bytes of text.
    pub text_bytes: u64,
    /// Bytes by part.
    pub bytes: Bytes,
    /// Segments of the lexical index.
    pub segments: u64,
    /// Version of the format on disk.
    pub format_version: u32,
    /// The last committed transaction.
    pub sequence: u64,
    /// The last one that searches see.
    pub searchable_sequence: u64,
}

/// A model as a database remembers it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ModelName {
    /// Its name.
    pub name: String,
    /// The hash its vectors are tied to.
    pub fingerprint: String,
}

/// Bytes by part.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Bytes {
    /// The store on disk.
    pub store: u64,
    /// The lexical index on disk.
    pub lexical: u64,
    /// Both.
    pub total: u64,
    /// The vector codes in memory.
    pub vectors_in_memory: u64,
}
