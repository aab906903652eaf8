//! A corpus as token ids, cut into documents and their parts, mapped into memory.
//!
//! A shard is a folder of plain little-endian arrays and a manifest:
//!
//! | file | rows |
//! |---|---|
//! | `tokens.u16` | the tokens of all documents, one after the other, without special tokens |
//! | `documents.u64` | first token, first segment; one row a document and one for the end |
//! | `segments.u32` | first token within the document, kind (0 paragraph, 1 title, 2 heading) |
//! | `shard.json` | counts, the tokenizer's fingerprint, the sources; written last |

mod build;
mod read;

pub use build::{ShardOptions, build_shards};
pub use read::{Segment, ShardDocument, Shards};

/// What a shard's manifest says.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardManifest {
    /// Of this layout.
    pub format: u32,
    /// Rows of `documents.u64`, less one.
    pub documents: u64,
    /// Length of `tokens.u16`.
    pub tokens: u64,
    /// Rows of `segments.u32`.
    pub segments: u64,
    /// Tokens that are `[UNK]`.
    pub unknown: u64,
    /// Words between white space.
    pub words: u64,
    /// The tokenizer, as [`Vocabulary::fingerprint`](super::Vocabulary::fingerprint) gives it.
    pub tokenizer: String,
    /// Ids the tokenizer has.
    pub vocab_size: u64,
    /// Names of what was read.
    pub sources: Vec<String>,
}

const FORMAT: u32 = 1;
const TOKENS: &str = "tokens.u16";
const DOCUMENTS: &str = "documents.u64";
const SEGMENTS: &str = "segments.u32";
const MANIFEST: &str = "shard.json";
