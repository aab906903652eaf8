//! Documents, chunks and vectors out to files that other programs read, and back.
//!
//! ```text
//! export.json        what wrote it, the model and its fingerprint, how many of each
//! documents.jsonl    {"id","title","text","metadata","headings":[{"level","text","offset"}]}
//! chunks.jsonl       {"document_id","chunk","span":[start,end],"heading_path":[..],"vector":[..]}
//! ```
//!
//! or the same two tables as Parquet. Both are in the order of the documents' ids. What comes back is what went out, bit for bit: numbers
//! are written so that they read back as they were (`exact`), where need be with their bits in a further field.

mod exact;
mod export;
mod import;
mod jsonl;
mod manifest;
#[cfg(feature = "formats")]
#[path = "parquet.rs"]
mod parquet;
#[cfg(not(feature = "formats"))]
#[path = "no_parquet.rs"]
mod parquet;
mod record;

pub use export::Exported;
pub use import::Imported;
pub use manifest::ExportFormat;
