//! neodex: an embedded database that reads long documents, embeds them in process, and finds the passage you meant.
//!
//! ```
//! use neodex::{Database, Document};
//!
//! fn main() -> neodex::Result<()> {
//!     let db = Database::temporary()?;
//!     db.insert(Document::new("hnsw", "HNSW is a layered graph for nearest-neighbour search."))?;
//!     db.insert(Document::new("bm25", "BM25 ranks documents by term frequency and rarity."))?;
//!     for hit in db.search("nearest neighbour").limit(5).run()? {
//!         println!("{:.3} {} {}", hit.score, hit.document_id, hit.text);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Calls block, and need no async runtime. [`Database`] is `Clone + Send + Sync`; one process owns a database. A write returns when it is
//! durable, and a search through the handle that wrote finds it.
//!
//! Searches are hybrid: by meaning and by words. Meaning comes from the bundled model, where the build has one, or from an [`Embedder`] given to
//! the builder (a NeoBERT folder through [`load_model`], or your own). Without either a database searches by words, and says so.
#![doc(test(attr(deny(warnings))))]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bytes;
pub mod chunking;
mod config;
mod database;
pub mod document;
mod embedding;
mod error;
#[doc(hidden)]
pub mod fuzzing;
/// The indexes by themselves, for those who want no database around them: bring keys and vectors, keep the rest.
pub mod index {
    pub use neodex_index::vector;
    pub use neodex_index::{Error, ErrorKind, Key, KeySet, Result, Scored, top_k};
}
mod ingest;
mod load;
pub mod parse;
pub mod query;
mod record;
mod schema;
mod sealing;
pub mod search;

pub use config::Config;
pub use database::{
    BytesOnDisk, Compaction, Damage, Database, DatabaseBuilder, DatabaseModel, ExportFormat, Exported, Fault, Field,
    Health, Imported, ModelStats, NextModel, Repair, Snapshot, Stats, Verification, database_model,
    next_database_model, repair, restore,
};
pub use document::{Document, DocumentId, Heading, Metadata};
pub use embedding::{EmbedError, Embedder, Passage, Passages};
#[cfg(feature = "encoder")]
pub use embedding::{GpuNeighbours, NeoBert, load_model, load_model_with};
#[cfg(feature = "bundled-model")]
pub use embedding::{bundled_files, bundled_model, bundled_model_with, has_bundled_model};
pub use error::{Error, ErrorKind, Result};
pub use ingest::{Cancel, Failure, IngestProgress, IngestReport, Observer, OnStored, Stored, SyncOptions};
pub use neodex_index::Scored;
pub use neodex_index::vector::{
    BuildOptions, Distance, Plan, Rescoring, RowFormat, SealPolicy, SearchOptions, instruction_set,
};
pub use sealing::SealProgress;
pub use search::{
    Candidates, Evidence, Explain, Facet, FacetValue, Fusion, FusionExplain, Group, Hit, LegScore, Mode, Search,
    SearchResults, SegmentPlan, VectorPlan,
};
