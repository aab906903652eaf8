//! The shapes of text-embeddings-inference, for its clients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Texts to embed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct EmbedRequest {
    /// One text or several.
    pub inputs: Inputs,
    /// Scale vectors to length 1 (default). They are made that way, so `false` changes nothing.
    #[serde(default)]
    pub normalize: Option<bool>,
    /// Texts of any length are read whole; nothing is cut off either way.
    #[serde(default)]
    pub truncate: Option<bool>,
    /// `query` for what is looked for, `document` (default) for what is to be found.
    #[serde(default)]
    pub prompt_name: Option<super::embedding::InputType>,
    /// Keep the first so many components, scaled to length 1 again.
    #[serde(default, deserialize_with = "super::whole::option")]
    #[schemars(range(min = 1, max = 4096))]
    pub dimensions: Option<usize>,
}

/// One text or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Inputs {
    /// One.
    One(String),
    /// Several.
    Many(#[schemars(length(min = 1, max = 2048))] Vec<String>),
}

/// One vector for each text.
pub type EmbedAnswer = Vec<Vec<f32>>;

/// Texts to put in order for a query.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(rename = "TeiRerankRequest")]
pub struct RerankRequest {
    /// What is looked for.
    #[schemars(length(min = 1, max = 32768))]
    pub query: String,
    /// The texts.
    #[schemars(length(min = 1, max = 2048))]
    pub texts: Vec<String>,
    /// The cosine itself, -1 to 1, rather than stretched to 0..1.
    #[serde(default)]
    pub raw_scores: bool,
    /// Give the texts back, too.
    #[serde(default)]
    pub return_text: bool,
    /// Texts of any length are read whole; nothing is cut off either way.
    #[serde(default)]
    pub truncate: Option<bool>,
}

/// A text's place.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Rank {
    /// Which text, from 0.
    pub index: usize,
    /// Larger is better.
    pub score: f32,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What this server is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Info {
    /// The model.
    pub model_id: String,
    /// Its fingerprint: vectors of equal fingerprints can be compared.
    pub model_sha: String,
    /// What it is for.
    pub model_type: ModelType,
    /// How `/rerank` and `/v1/rerank` score: `bi-encoder`, the cosine of two vectors made apart from each other.
    pub reranker: &'static str,
    /// Components of a vector.
    pub dimension: usize,
    /// Requests that may wait.
    pub max_concurrent_requests: usize,
    /// Tokens the model reads at once; longer documents are read in windows.
    pub max_input_length: usize,
    /// Tokens of a batch.
    pub max_batch_tokens: usize,
    /// Texts of a request.
    pub max_client_batch_size: usize,
    /// Whether long texts are cut off: no.
    pub auto_truncate: bool,
    /// The version of the server.
    pub version: &'static str,
}

/// What a model is for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ModelType {
    /// Vectors.
    pub embedding: Pooling,
}

/// How states become a vector.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Pooling {
    /// `mean`.
    pub pooling: &'static str,
}
