//! A data set for contrastive training: queries, passages in their documents, and which belongs to which.
//!
//! A *sequence* is what the model reads at once: a query, or a window of a document, without `[CLS]` and `[SEP]`. Its first `context`
//! tokens (a title, a heading) are read and belong to no passage. A *span* is a passage within a sequence, pooled on its own; a query
//! has one span that is all of it. An *example* names a query's span, the span that answers it, and up to `k` that do not.
//!
//! A set is a folder of plain little-endian arrays, which numpy reads as they are:
//!
//! | file | rows |
//! |---|---|
//! | `tokens.u16` | the tokens of all sequences, one after the other |
//! | `sequences.u32` | first token (low, high half), length, context, role (0 query, 1 document) |
//! | `spans.u32` | sequence, start, end within it; in the order of the sequences |
//! | `examples.u32` | query, positive, `k` negatives: spans, or `u32::MAX` for none |
//! | `teacher.f16` | one vector a span, if a teacher has been asked; written later, by another program |
//! | `set.json` | name, `k`, counts, tokenizer; written last |

mod read;
mod write;

pub use read::{Example, Sequence, Set, Span};
pub use write::SetWriter;

/// What a sequence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Role {
    /// What is asked.
    Query = 0,
    /// What answers.
    Document = 1,
}

/// In place of a negative that there is not.
pub const NO_SPAN: u32 = u32::MAX;

/// What a set's manifest says.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetManifest {
    /// Of this layout.
    pub format: u32,
    /// What to call it.
    pub name: String,
    /// Negatives an example has room for.
    pub k: u32,
    /// Length of `tokens.u16`.
    pub tokens: u64,
    /// Rows of `sequences.u32`.
    pub sequences: u64,
    /// Rows of `spans.u32`.
    pub spans: u64,
    /// Rows of `examples.u32`.
    pub examples: u64,
    /// The tokenizer, as [`Vocabulary::fingerprint`](super::Vocabulary::fingerprint) gives it.
    pub tokenizer: String,
}

const FORMAT: u32 = 1;
const TOKENS: &str = "tokens.u16";
const SEQUENCES: &str = "sequences.u32";
const SPANS: &str = "spans.u32";
const EXAMPLES: &str = "examples.u32";
const TEACHER: &str = "teacher.f16";
const MANIFEST: &str = "set.json";
const SEQUENCE_ROW: usize = 5;
const SPAN_ROW: usize = 3;
