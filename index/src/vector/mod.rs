//! Vectors by key, found by likeness.
//!
//! - [`Distance`]: what likeness is. [`Code`]: a vector in 8 bits a dimension. [`RowFormat`]: a vector in full, as stored.
//! - [`Query`]: a vector to search with. [`VectorIndex`]: what can be searched. [`rescore()`]: the second look, by full rows.
//! - [`Memtable`]: the newest vectors, scanned exactly. [`Segment`]: vectors that stay, with a graph over them. [`VectorSet`]: everything a
//!   database has; [`Sealing`] makes segments of its memtables. [`Neighbours`]: what a segment may be linked by instead of walks.

use crate::error::Result;
use crate::key::{Key, KeySet};
use crate::scored::Scored;

mod allowed;
mod chunk;
mod code;
mod distance;
mod kernel;
mod memtable;
mod neighbours;
mod query;
mod rescore;
mod row;
mod rows;
mod scan;
mod seal;
mod segment;
mod set;

pub use allowed::AllowedKeys;
pub use code::{Code, MAX_DIMENSION};
pub use distance::{Distance, UnknownName, normalise};
pub use kernel::instruction_set;
pub use memtable::Memtable;
pub use neighbours::{CodedRows, Neighbours, NeighboursError, RowTerms};
pub use query::Query;
pub use rescore::rescore;
pub use row::RowFormat;
pub use seal::{SealPolicy, Sealing};
pub use segment::{Allowed, BuildOptions, Plan, Rescoring, SearchOptions, Segment, SegmentBuilder, SegmentLoader};
pub use set::{Found, SegmentId, VectorSet};

/// A set of vectors that can be searched: the memtable, and sealed segments beside it.
pub trait VectorIndex: Send + Sync {
    /// How many vectors it holds.
    fn len(&self) -> usize;

    /// Whether it holds none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it holds a vector of `key`.
    fn contains(&self, key: Key) -> bool;

    /// The best `limit` vectors by their codes, best first, equal scores by key; with `allowed`, only of keys it holds. The scores are
    /// approximations of [`Distance::score`]: good for choosing candidates, not for showing.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`](crate::error::Error::DimensionMismatch) for a query of another dimension.
    fn search(&self, query: &Query, limit: usize, allowed: Option<&KeySet>) -> Result<Vec<Scored>>;
}
