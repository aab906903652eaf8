//! A database as one file: made while writes go on, checked as a whole before anything is restored from it.
//!
//! Only the store is in it; indexes are made again from the store.

mod create;
mod format;
mod restore;

pub use create::SnapshotInfo;
pub(crate) use format::drain;
pub use format::{SNAPSHOT_VERSION, read_snapshot_manifest};
pub use restore::{restore, restore_new};
