//! Reranking in Cohere's and Jina's shape.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Texts to put in order for a query.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct RerankRequest {
    /// What is looked for.
    #[schemars(length(min = 1, max = 32768))]
    pub query: String,
    /// The texts.
    #[schemars(length(min = 1, max = 2048))]
    pub documents: Vec<RerankText>,
    /// Any name: there is one model.
    #[serde(default)]
    pub model: Option<String>,
    /// Keep so many; default all.
    #[serde(default, deserialize_with = "super::whole::option")]
    #[schemars(range(min = 1))]
    pub top_n: Option<usize>,
    /// Give the texts back, too.
    #[serde(default)]
    pub return_documents: Option<bool>,
}

/// A text, plain or in an object.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RerankText {
    /// Plain.
    Plain(String),
    /// In an object.
    Object {
        /// The text.
        text: String,
    },
}

/// The texts in order.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RerankAnswer {
    /// The request's id.
    pub id: String,
    /// The model.
    pub model: String,
    /// Best first.
    pub results: Vec<RerankResult>,
    /// What it cost.
    pub usage: super::embedding::Usage,
}

/// A text's place.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RerankResult {
    /// Which text, from 0.
    pub index: usize,
    /// 0 to 1, larger is better: the cosine of both vectors, stretched from -1..1.
    pub relevance_score: f32,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<RerankDocument>,
}

/// A text given back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RerankDocument {
    /// The text.
    pub text: String,
}
