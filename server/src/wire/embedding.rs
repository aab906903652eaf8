//! Embeddings in OpenAI's shape, so that its clients work unchanged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Texts to embed. Fields that OpenAI has and this server has no use for (`user`) are passed over.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct EmbeddingsRequest {
    /// One text or several.
    pub input: Input,
    /// Any name: there is one model, and the answer says which.
    #[serde(default)]
    #[schemars(extend("examples" = ["neodex"]))]
    pub model: Option<String>,
    /// How vectors are written; default `float`.
    #[serde(default)]
    pub encoding_format: EncodingFormat,
    /// Keep the first so many components, scaled to length 1 again.
    #[serde(default, deserialize_with = "super::whole::option")]
    #[schemars(range(min = 1, max = 4096))]
    pub dimensions: Option<usize>,
    /// `query` for what is looked for, `document` (default) for what is to be found: models may read them differently.
    #[serde(default)]
    pub input_type: Option<InputType>,
}

/// One text or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Input {
    /// One.
    One(String),
    /// Several.
    Many(#[schemars(length(min = 1, max = 2048))] Vec<String>),
    /// Numbers of tokens, which clients make with a tokenizer of their own.
    #[schemars(skip)]
    Tokens(Vec<u32>),
    /// The same for several texts.
    #[schemars(skip)]
    ManyTokens(Vec<Vec<u32>>),
}

/// How vectors are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EncodingFormat {
    /// As numbers.
    #[default]
    Float,
    /// As base64 of little-endian 32-bit floats.
    Base64,
}

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InputType {
    /// Something to look for.
    #[serde(alias = "search_query")]
    Query,
    /// Something to be found.
    #[serde(alias = "search_document", alias = "passage")]
    Document,
}

/// The vectors.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EmbeddingsAnswer {
    /// `list`.
    pub object: &'static str,
    /// One for each text, in their order.
    pub data: Vec<Embedding>,
    /// The model.
    pub model: String,
    /// What it cost.
    pub usage: Usage,
}

/// The vector of a text.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Embedding {
    /// `embedding`.
    pub object: &'static str,
    /// Which text, from 0.
    pub index: usize,
    /// The vector.
    pub embedding: Vector,
}

/// A vector of length 1.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Vector {
    /// As numbers.
    Float(Vec<f32>),
    /// As base64 of little-endian 32-bit floats.
    Base64(String),
}

/// Tokens.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Usage {
    /// Of the texts.
    pub prompt_tokens: usize,
    /// The same.
    pub total_tokens: usize,
}

/// The models there are: one.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ModelsAnswer {
    /// `list`.
    pub object: &'static str,
    /// The models.
    pub data: Vec<ModelEntry>,
}

/// A model.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ModelEntry {
    /// Its name.
    pub id: String,
    /// `model`.
    pub object: &'static str,
    /// Unknown: 0.
    pub created: u64,
    /// `neodex`.
    pub owned_by: &'static str,
}
