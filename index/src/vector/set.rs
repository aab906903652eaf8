//! All vectors of a database as one: what the database talks to, whatever they are kept in.
//!
//! Today that is one memtable. Sealed segments will stand beside it behind the same [`VectorIndex`].

use std::ops::Range;

use super::VectorIndex;
use super::code::Code;
use super::distance::Distance;
use super::memtable::Memtable;
use super::query::Query;
use super::rescore::rescore;
use crate::error::{Error, Result};
use crate::key::{Key, KeySet};
use crate::scored::Scored;

/// The vectors of a database, by key. Shared between threads as it is: all methods take `&self`.
#[derive(Debug)]
pub struct VectorSet {
    memtable: Memtable,
}

impl VectorSet {
    /// An empty set of vectors of `dimension` values, 1 to [`MAX_DIMENSION`](super::MAX_DIMENSION).
    ///
    /// # Errors
    /// [`Error::UnsupportedDimension`].
    pub fn new(dimension: usize, distance: Distance) -> Result<VectorSet> {
        Ok(VectorSet { memtable: Memtable::new(dimension, distance)? })
    }

    /// How many values the vectors have.
    pub fn dimension(&self) -> usize {
        self.memtable.dimension()
    }

    /// How the vectors are compared.
    pub fn distance(&self) -> Distance {
        self.memtable.distance()
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.memtable.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.memtable.is_empty()
    }

    /// Whether `key` has a vector.
    pub fn contains(&self, key: Key) -> bool {
        self.memtable.contains(key)
    }

    /// Bytes of memory reserved.
    pub fn bytes(&self) -> usize {
        self.memtable.bytes()
    }

    /// Adds the vector of `key`, in place of the one it had.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`].
    pub fn insert(&self, key: Key, code: &Code) -> Result<()> {
        self.memtable.insert(key, code)
    }

    /// Adds many vectors. Searches see up to 1,024 of them appear at once, in the order given.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`] at the first that does not fit; those before it are in.
    pub fn insert_many(&self, vectors: impl IntoIterator<Item = (Key, Code)>) -> Result<()> {
        self.memtable.insert_many(vectors)
    }

    /// Takes `key` out; true when it was there.
    pub fn remove(&self, key: Key) -> bool {
        self.memtable.remove(key)
    }

    /// Takes every key of the half-open range out, a document's for instance, and returns how many there were.
    pub fn remove_range(&self, keys: Range<u64>) -> usize {
        self.memtable.remove_range(keys)
    }

    /// The candidates among which the best `limit` are: more than `limit`, best first by their codes, for the caller to [`rescore`].
    /// With `allowed`, only keys it holds.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`].
    pub fn candidates(&self, query: &Query, limit: usize, allowed: Option<&KeySet>) -> Result<Vec<Scored>> {
        self.memtable.search(query, candidates_for(limit), allowed)
    }

    /// The best `limit` vectors by their full rows, which `row` gives (`None` for a key that has none any more), best first.
    ///
    /// # Errors
    /// Those of [`Query::new`] and [`rescore`]; [`Error::DimensionMismatch`].
    pub fn search<E: From<Error>>(
        &self,
        query: &[f32],
        limit: usize,
        allowed: Option<&KeySet>,
        row: impl FnMut(Key) -> std::result::Result<Option<Vec<f32>>, E>,
    ) -> std::result::Result<Vec<Scored>, E> {
        let candidates = self.candidates(&Query::new(query)?, limit, allowed)?;
        rescore(self.distance(), query, &candidates, row, limit)
    }
}

/// How many candidates by code hold the best `limit` by row. Each costs a row to read. Measured at 384 dimensions: 1.3 times the limit hold
/// all of the best 10 or 100 of encoder-like data; the constant is for a short list out of many near-equal vectors.
fn candidates_for(limit: usize) -> usize {
    if limit == 0 { 0 } else { limit.saturating_mul(2).saturating_add(64) }
}
