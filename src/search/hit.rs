//! What a search answers. The names are those of the JSON on the command line and over HTTP.

use std::ops::Range;

use serde::{Serialize, Serializer};

use crate::document::{DocumentId, Metadata};
use crate::search::evidence::Evidence;
use crate::search::fusion::Place;
use crate::search::options::{Fusion, Mode};

/// The answer to a search: hits in order, and counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchResults {
    /// The query as given.
    pub query: String,
    /// How it was searched; `lexical` where `hybrid` was asked of a database without a model.
    pub mode: Mode,
    /// Documents with at least one match by words, or passing the filter when the query is empty; for `dense`, the size of the candidate
    /// list. The same on every page.
    pub total: u64,
    /// Milliseconds it took.
    pub took_ms: f64,
    /// The hits of this page, best first.
    pub hits: Vec<Hit>,
    /// Counts of the values of the fields asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facets: Vec<Facet>,
    /// How the legs of a hybrid search were weighed; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explain: Option<FusionExplain>,
    /// How the vectors were searched; only when asked for, and where they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<VectorPlan>,
    /// What the searcher should know: a phrase nobody has, a missing model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A passage that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// The document.
    pub document_id: DocumentId,
    /// The chunk, a number that is the document's until it is replaced.
    pub chunk_id: u64,
    /// Larger is better; comparable within one answer only.
    pub score: f32,
    /// The document's title; may be empty.
    pub title: String,
    /// The headings above the passage, outermost first, joined by ` > `.
    pub headings: String,
    /// The passage.
    pub text: String,
    /// Where the passage is: bytes of the document's text.
    #[serde(serialize_with = "pair")]
    pub span: Range<usize>,
    /// Words of the query in the passage: bytes of `text`.
    #[serde(serialize_with = "pairs")]
    pub highlights: Vec<Range<usize>>,
    /// The sentence that answers best: bytes of `text`.
    #[serde(serialize_with = "optional_pair")]
    pub sentence: Option<Range<usize>>,
    /// The document's metadata.
    pub metadata: Metadata,
    /// Where each leg of the search had it; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explain: Option<Explain>,
}

/// How the legs of a hybrid search became one list.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FusionExplain {
    /// The way they were fused.
    pub fusion: Fusion,
    /// What meaning counted.
    pub dense_weight: f32,
    /// What words counted.
    pub lexical_weight: f32,
    /// What the weights of `auto` rest on.
    pub evidence: Evidence,
}

/// How the vectors were searched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VectorPlan {
    /// Vectors the filter allows; absent without a filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<u64>,
    /// Vectors that are in no segment yet: each is compared with.
    pub scanned: usize,
    /// For each segment how many vectors it has, and how it was searched: by a walk over its graph, by one that keeps more than was asked for, by
    /// one among the allowed only, or by comparing with every allowed vector.
    pub segments: Vec<SegmentPlan>,
}

/// How a segment was searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SegmentPlan {
    /// Its vectors.
    pub vectors: usize,
    /// The way, in words.
    pub way: String,
}

/// Rank and score of a hit in each leg.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Explain {
    /// By meaning; absent where this leg did not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dense: Option<LegScore>,
    /// By words; absent where this leg did not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lexical: Option<LegScore>,
}

/// A place in a ranked list.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LegScore {
    /// From 1.
    pub rank: usize,
    /// BM25, or the similarity of the vectors.
    pub score: f32,
}

impl From<Place> for LegScore {
    fn from(place: Place) -> Self {
        Self { rank: place.rank, score: place.score }
    }
}

/// How often the values of a metadata field occur among the documents found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facet {
    /// The field.
    pub field: String,
    /// Its most frequent values.
    pub values: Vec<FacetValue>,
}

/// A value and its count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FacetValue {
    /// The value, as text.
    pub value: String,
    /// Documents that have it.
    pub documents: u64,
}

impl IntoIterator for SearchResults {
    type Item = Hit;
    type IntoIter = std::vec::IntoIter<Hit>;

    fn into_iter(self) -> Self::IntoIter {
        self.hits.into_iter()
    }
}

impl<'a> IntoIterator for &'a SearchResults {
    type Item = &'a Hit;
    type IntoIter = std::slice::Iter<'a, Hit>;

    fn into_iter(self) -> Self::IntoIter {
        self.hits.iter()
    }
}

fn pair<S: Serializer>(range: &Range<usize>, serializer: S) -> Result<S::Ok, S::Error> {
    [range.start, range.end].serialize(serializer)
}

fn pairs<S: Serializer>(ranges: &[Range<usize>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ranges.iter().map(|range| [range.start, range.end]))
}

fn optional_pair<S: Serializer>(range: &Option<Range<usize>>, serializer: S) -> Result<S::Ok, S::Error> {
    range.as_ref().map(|range| [range.start, range.end]).serialize(serializer)
}
