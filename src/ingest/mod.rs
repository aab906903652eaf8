//! The way in: documents become rows, rows become one transaction, and after its fsync both indexes follow.
//!
//! `sync` and `walk` find files, `pipeline` runs the threads, `writer` batches, `prepare` and `rows` make the bytes, `write` and `delete`
//! are the transactions, `apply` brings the indexes along. `reembed` makes vectors for what is stored, `vacate` removes them, and
//! `background` does both while the database is open.
//! `budget` bounds the memory of all of it.

pub(crate) mod apply;
pub(crate) mod background;
pub(crate) mod budget;
pub(crate) mod control;
pub(crate) mod delete;
pub(crate) mod operation;
pub(crate) mod pipeline;
pub(crate) mod prepare;
pub(crate) mod progress;
pub(crate) mod reembed;
pub(crate) mod report;
pub(crate) mod rows;
pub(crate) mod source;
pub(crate) mod sync;
pub(crate) mod vacate;
pub(crate) mod walk;
pub(crate) mod write;
pub(crate) mod writer;

pub use control::{Cancel, Observer, OnStored};
pub use report::{Failure, IngestProgress, IngestReport, Stored};
pub use sync::SyncOptions;
