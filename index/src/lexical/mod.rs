//! Finding by words: BM25 over chunks and whole documents, filters, counts and facets, on tantivy.
//!
//! tantivy keeps the postings, the columns and the merging; analysis, scoring and the meaning of a filter are ours. None of its types
//! leave this folder. The index is a cache of the store: whatever is wrong with its folder, `open` answers with an empty index and a
//! reason, and the caller fills it again from its journal.

mod analyzer;
mod backlog;
mod bm25;
mod columns;
mod date;
mod document;
mod facet;
mod filter;
mod generation;
mod index;
mod metadata;
mod options;
mod phrase;
mod query;
mod recovery;
mod removal;
mod schema;
mod search;
mod segment;
mod stats;
mod witness;

pub use self::analyzer::{Analyzer, QueryTerm, Role, TermSet, Token};
pub use self::date::parse_date;
pub use self::document::{LexicalChunk, LexicalDocument};
pub use self::index::LexicalIndex;
pub use self::metadata::FieldType;
pub use self::options::{OpenOptions, Opened};
pub use self::query::{ChunkHits, DocumentHit, DocumentHits, LexicalQuery, Ranking};
pub use self::removal::remove_index;
pub use self::stats::LexicalStats;
pub use self::witness::{Witness, last_commit};
