//! Giving back the space of what was deleted and replaced: sled reuses it, but its file never shrinks.
//!
//! The live rows are copied into a fresh store while reads and writes go on; at the end, while writes hold still for a
//! moment, FORMAT is made to name the new one. Readers that are under way finish in the old store, whose folder goes
//! with the last of them.

use crate::copy::copy;
use crate::error::{Error, Result};
use crate::failpoint::reach;
use crate::fresh::Fresh;
use crate::kept::miscount;
use crate::live::RESTORE;
use crate::store::Store;

/// What a compaction has given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compaction {
    /// Bytes of the store's files before.
    pub before_bytes: u64,
    /// Bytes of the store's files after.
    pub after_bytes: u64,
}

impl Store {
    /// Rewrites the store into a fresh one and puts it in the old one's place, while others read and write. `progress`
    /// hears how many rows have been copied. Needs room for the live rows beside the old store.
    ///
    /// # Errors
    /// [`Error::Corrupted`] where a row is damaged, [`Error::Engine`] where sled cannot read, [`Error::Io`] where there is no
    /// room: the old store goes on. [`Error::WriteFailed`] where it is not known which of the two counts; reopening tells.
    pub fn compact(&self, progress: &mut dyn FnMut(u64)) -> Result<Compaction> {
        let engine = self.engine();
        let _one_at_a_time = engine.compacting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before_bytes = self.size_on_disk()?;
        reach("compact.begin");
        let fresh = Fresh::begin(self.path(), engine.options.cache_capacity_bytes)?;
        copy(self, fresh, progress, |engine, mut fresh, sequence| {
            reach("compact.copied");
            // A store that lost rows must not be the one that is left.
            if let Some(reason) = miscount(fresh.tree()?, &|table| engine.count(table)) {
                return Err(Error::damaged(self.path(), format!("a copy of it is not whole ({reason}); {RESTORE}")));
            }
            let (manifest, live) = fresh.name(&self.manifest(), sequence)?;
            if let Err(error) = manifest.write(self.path()) {
                // It may have been written all the same: what is written to the old store now might be lost.
                engine.poison.set(format!("it is not known which store counts after a compaction: {error}"));
                return Err(Error::WriteFailed { step: "switch to the compacted store", reason: error.to_string() });
            }
            reach("compact.switched");
            engine.replace(live, manifest);
            Ok(())
        })?;
        Ok(Compaction { before_bytes, after_bytes: self.size_on_disk()? })
    }
}
