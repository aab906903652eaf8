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
#[serde(deny_unknown_fields)]
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
    /// The model that is to take over; absent but while `reembed` goes on.
    pub next_model: Option<NextModelName>,
    /// Bytes of text.
    pub text_bytes: u64,
    /// Bytes by part.
    pub bytes: Bytes,
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
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelName {
    /// Its name.
    pub name: String,
    /// The hash its vectors are tied to.
    pub fingerprint: String,
}

/// A model whose vectors are being made beside those that serve.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NextModelName {
    /// The model.
    pub model: ModelName,
    /// Passages that have its vector already.
    pub vectors: u64,
}

/// Bytes by part.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use neodex::{BytesOnDisk, ModelStats, NextModel, Stats};

    /// The schema describes what is sent, field by field.
    #[test]
    fn the_schema_knows_every_figure() {
        let model = || ModelStats { name: "small".to_owned(), fingerprint: "f".to_owned() };
        let stats = Stats {
            documents: 1,
            chunks: 2,
            vectors: 3,
            pending: 4,
            dimension: 5,
            distance: "cosine".to_owned(),
            model: Some(model()),
            next_model: Some(NextModel { model: model(), vectors: 6 }),
            text_bytes: 7,
            bytes: BytesOnDisk { store: 8, lexical: 9, total: 17, vectors_in_memory: 10 },
            segments: 11,
            vector_segments: 12,
            unsealed_vectors: 13,
            format_version: 14,
            sequence: 15,
            searchable_sequence: 16,
        };
        let sent = serde_json::to_value(&stats).unwrap();
        let known: StatsAnswer = serde_json::from_value(sent.clone()).unwrap();
        assert_eq!(serde_json::to_value(known).unwrap(), sent);
    }
}
