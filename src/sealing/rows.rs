//! Full rows for segments that keep them in memory: where they are, and whether they are wanted.

use neodex_index::vector::{Rescoring, RowFormat, Segment};
use neodex_storage::Store;

use crate::database::is_damage;
use crate::error::Result;
use crate::load;
use crate::schema::Slot;

/// The full rows of a database's vectors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FullRows {
    /// Where they are.
    pub(crate) slot: Slot,
    /// How they are kept.
    pub(crate) format: RowFormat,
    /// What of them segments keep in memory.
    pub(crate) rescoring: Rescoring,
    /// Whether segments are walked through by signs.
    pub(crate) binary: bool,
}

impl FullRows {
    /// A segment that was built or read, with all that its searches look at again. A row that is damaged is as good as none: the twelve bits that
    /// are stored with its code do.
    ///
    /// # Errors
    /// What the store says, but for damage.
    pub(crate) fn refine(&self, store: &Store, segment: Segment) -> Result<Segment> {
        let segment = if self.binary { segment.with_signs() } else { segment };
        if self.rescoring == Rescoring::TwelveBits {
            return Ok(segment);
        }
        let dimension = segment.dimension();
        segment.refined(|key| match load::row(store, self.slot, key, self.format, dimension) {
            Err(error) if is_damage(&error) => Ok(None),
            row => row,
        })
    }
}
