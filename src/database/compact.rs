//! Giving back the space of what was deleted and replaced.

use serde::Serialize;

use crate::database::Database;
use crate::error::Result;

/// What a compaction has given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Compaction {
    /// Bytes of the store on disk before.
    pub before_bytes: u64,
    /// Bytes of the store on disk after.
    pub after_bytes: u64,
}

impl Database {
    /// Rewrites the store into a fresh one without the room that deleted and replaced documents left, and puts it in the old one's place.
    /// Reads and writes go on meanwhile; it needs room for the live data beside the old. `progress` hears how many rows have been copied.
    ///
    /// # Errors
    /// When the database is damaged or there is no room; the old store goes on then.
    pub fn compact(&self, progress: &mut dyn FnMut(u64)) -> Result<Compaction> {
        let compaction = self.inner.store.compact(progress)?;
        Ok(Compaction { before_bytes: compaction.before_bytes, after_bytes: compaction.after_bytes })
    }
}
