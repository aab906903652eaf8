//! A search and its answer. The answer is what `neodex search --json` prints.

use neodex::{Fusion, Group, Mode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What to look for, and how.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchRequest {
    /// Words. May be empty with a vector, or with a filter, which then lists what passes.
    pub query: String,
    /// A vector to find the neighbours of; with words it stands for their meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vec<f32>>,
    /// Hits of a page; default 10.
    #[schemars(range(min = 1, max = 1000))]
    #[serde(deserialize_with = "super::whole::option")]
    pub limit: Option<usize>,
    /// Hits to pass over.
    #[schemars(range(max = 100_000))]
    #[serde(deserialize_with = "super::whole::number")]
    pub offset: usize,
    /// By words, by meaning, or both; default both, and for a vector alone by meaning.
    #[schemars(with = "Option<ModeName>")]
    pub mode: Option<Mode>,
    /// Only documents whose metadata passes, such as `year >= 2020 AND lang IN ['en', 'de']`.
    pub filter: Option<String>,
    /// A hit a document (default) or a hit a passage.
    #[schemars(with = "Option<GroupName>")]
    pub group: Option<Group>,
    /// Metadata fields to count the values of.
    #[schemars(length(max = 20))]
    pub facets: Vec<String>,
    /// Say for each hit where each side of the search had it.
    pub explain: bool,
    /// How much each side counts.
    pub weights: Option<Weights>,
    /// How the sides are fused; default `auto`.
    #[schemars(with = "Option<FusionName>")]
    pub fusion: Option<Fusion>,
    /// The constant of reciprocal rank fusion; default 60.
    #[schemars(range(max = 1_000_000))]
    #[serde(deserialize_with = "super::whole::option")]
    pub rrf_k: Option<u32>,
}

/// How much each side of a hybrid search counts. With `auto` this comes on top of what the query's own evidence says.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Weights {
    /// Meaning; at least 0.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub dense: f32,
    /// Words; at least 0.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub lexical: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self { dense: 1.0, lexical: 1.0 }
    }
}

/// Which sides of a search run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Mode")]
pub enum ModeName {
    /// By words and by meaning.
    Hybrid,
    /// By meaning.
    Dense,
    /// By words.
    Lexical,
}

/// What a hit is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Group")]
pub enum GroupName {
    /// A document, by its best passage.
    Document,
    /// Every passage by itself.
    None,
}

/// How the sides of a hybrid search become one list.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Fusion")]
pub enum FusionName {
    /// Each side weighed by its own evidence.
    Auto,
    /// Sum of weight / (k + rank).
    Rrf,
    /// Sum of weight × score, each side's scores stretched to 0..1.
    Relative,
}

/// What was found.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchAnswer {
    /// The query as given.
    pub query: String,
    /// How it was searched; `lexical` where `hybrid` was asked of a database without a model.
    pub mode: ModeName,
    /// Documents with at least one match by words, or passing the filter when the query is empty; by meaning alone, the size of the
    /// candidate list. The same on every page.
    pub total: u64,
    /// Milliseconds it took.
    pub took_ms: f64,
    /// The hits of this page, best first.
    pub hits: Vec<Hit>,
    /// The counts asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facets: Vec<Facet>,
    /// How the sides were weighed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<FusionExplain>,
    /// How the vectors were searched, where it was to be explained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<VectorPlan>,
    /// What the searcher should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// How the vectors were searched.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VectorPlan {
    /// Vectors the filter allows; absent without a filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<u64>,
    /// Vectors that are in no segment yet: each is compared with.
    pub scanned: usize,
    /// The segments of the index.
    pub segments: Vec<SegmentPlan>,
}

/// How a segment was searched.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SegmentPlan {
    /// Its vectors.
    pub vectors: usize,
    /// The way, in words.
    pub way: String,
}

/// A passage that was found.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hit {
    /// The document.
    pub document_id: String,
    /// The passage's number, until its document is replaced.
    pub chunk_id: u64,
    /// Larger is better; comparable within one answer only.
    pub score: f32,
    /// The document's title; may be empty.
    pub title: String,
    /// The headings above the passage, outermost first, joined by ` > `.
    pub headings: String,
    /// The passage.
    pub text: String,
    /// Where it is: from and to, in bytes of the document's text.
    pub span: [usize; 2],
    /// The words that matched: from and to, in bytes of `text`.
    pub highlights: Vec<[usize; 2]>,
    /// The sentence that answers best: from and to, in bytes of `text`.
    pub sentence: Option<[usize; 2]>,
    /// The document's metadata.
    pub metadata: Map<String, Value>,
    /// Where each side of the search had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<Explain>,
}

/// Where each side of the search had a hit.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// By meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dense: Option<LegScore>,
    /// By words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lexical: Option<LegScore>,
}

/// A place in a ranked list.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LegScore {
    /// From 1.
    pub rank: usize,
    /// The similarity of the vectors, or BM25.
    pub score: f32,
}

/// How often the values of a field occur among the documents found.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Facet {
    /// The field.
    pub field: String,
    /// Its most frequent values.
    pub values: Vec<FacetValue>,
}

/// A value and how many documents have it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FacetValue {
    /// The value, as text.
    pub value: String,
    /// Documents that have it.
    pub documents: u64,
}

/// How the sides of a hybrid search became one list.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FusionExplain {
    /// The way they were fused.
    pub fusion: FusionName,
    /// What meaning counted.
    pub dense_weight: f32,
    /// What words counted.
    pub lexical_weight: f32,
    /// What the weights of `auto` rest on.
    pub evidence: Map<String, Value>,
}
