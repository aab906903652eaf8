//! The newest vectors: codes in memory, searched exactly. No graph, so there is nothing to lose or repair: it is filled again from the
//! store on open.
//!
//! A search takes the lock only to copy a list of pointers and then reads chunks that nobody changes any more; a writer that must change
//! one of those copies it first. So searches and writers wait for each other for microseconds at most, and a search sees one moment.

use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::VectorIndex;
use super::chunk::Chunk;
use super::code::{Code, check_dimension};
use super::distance::Distance;
use super::kernel::Kernel;
use super::query::Query;
use super::rows::Rows;
use super::scan::{Place, Scan};
use super::segment::{FineQuery, looked_at_again};
use crate::error::{Error, Result};
use crate::key::{Key, KeySet};
use crate::scored::{Scored, top_k};

/// Rows written or removed under one hold of the lock.
const BATCH_ROWS: usize = 1024;

/// A scan of every row costs about as much as looking up one row in this many.
const ROWS_PER_LOOKUP: u64 = 16;

/// The best places of a scan, and the chunks they are in.
type Scanned = (Vec<Scored<Place>>, Vec<Arc<Chunk>>);

/// Vectors in memory. Shared between threads as it is: all methods take `&self`.
#[derive(Debug)]
pub struct Memtable {
    dimension: usize,
    distance: Distance,
    rows: RwLock<Rows>,
}

impl Memtable {
    /// An empty memtable for vectors of `dimension` values, 1 to [`MAX_DIMENSION`](super::MAX_DIMENSION).
    ///
    /// # Errors
    /// [`Error::UnsupportedDimension`].
    pub fn new(dimension: usize, distance: Distance) -> Result<Memtable> {
        check_dimension(dimension)?;
        Ok(Memtable { dimension, distance, rows: RwLock::new(Rows::new(dimension, distance)) })
    }

    /// How many values its vectors have.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// How its vectors are compared.
    pub fn distance(&self) -> Distance {
        self.distance
    }

    /// Adds the vector of `key`, in place of the one it had.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`].
    pub fn insert(&self, key: Key, code: &Code) -> Result<()> {
        self.check(code.dimension())?;
        self.write().insert(key, code);
        Ok(())
    }

    /// Adds many vectors. Searches see up to 1,024 of them appear at once, in the order given.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`] at the first that does not fit; those before it are in.
    pub fn insert_many(&self, vectors: impl IntoIterator<Item = (Key, Code)>) -> Result<()> {
        let mut vectors = vectors.into_iter();
        loop {
            // Collected before the lock is taken: what the iterator does may be slow.
            let mut batch = Vec::new();
            let mut fits = Ok(());
            for (key, code) in vectors.by_ref().take(BATCH_ROWS) {
                fits = self.check(code.dimension());
                if fits.is_err() {
                    break;
                }
                batch.push((key, code));
            }
            let mut rows = self.write();
            for (key, code) in &batch {
                rows.insert(*key, code);
            }
            drop(rows);
            fits?;
            if batch.len() < BATCH_ROWS {
                return Ok(());
            }
        }
    }

    /// Takes `key` out; true when it was there.
    pub fn remove(&self, key: Key) -> bool {
        self.write().remove(key)
    }

    /// Takes every key of the half-open range out, a document's for instance, and returns how many there were.
    pub fn remove_range(&self, keys: Range<u64>) -> usize {
        let mut removed = 0;
        loop {
            let batch = self.write().remove_range(keys.clone(), BATCH_ROWS);
            removed += batch;
            if batch < BATCH_ROWS {
                return removed;
            }
        }
    }

    /// The best `limit`, best first, equal scores by key, by all twelve bits.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`].
    pub fn find(&self, query: &Query, limit: usize, allowed: Option<&KeySet>) -> Result<Vec<Scored>> {
        let (candidates, chunks) = self.scan(query, looked_at_again(limit), allowed)?;
        let (kernel, fine) = (Kernel::best(), FineQuery::new(query, self.distance));
        let again = candidates.into_iter().filter_map(|Scored { key: (key, chunk, row), .. }| {
            let chunk = chunks.get(chunk as usize)?;
            Some(Scored::new(key, fine.score_in_chunk(kernel, chunk, row as usize)))
        });
        Ok(top_k(again, limit))
    }

    /// The keys of a half-open range that are here.
    pub(crate) fn keys_in(&self, keys: Range<u64>) -> Vec<Key> {
        self.read().keys_in(keys)
    }

    /// The rows as they are now, with their keys.
    pub(crate) fn chunks(&self) -> Vec<Arc<Chunk>> {
        self.read().chunks()
    }

    /// The best `limit` by eight bits, and the chunks they are in.
    fn scan(&self, query: &Query, limit: usize, allowed: Option<&KeySet>) -> Result<Scanned> {
        self.check(query.dimension())?;
        let rows = self.read();
        let limit = limit.min(rows.len());
        if limit == 0 {
            return Ok((Vec::new(), Vec::new()));
        }
        let scan = Scan::new(query.code(), self.distance, limit);
        let few = allowed.filter(|allowed| allowed.len() < rows.len() as u64 / ROWS_PER_LOOKUP);
        let places = few.map(|few| rows.places(few.iter()));
        let chunks = rows.chunks();
        drop(rows);
        let found = match places {
            Some(places) => scan.some(&chunks, &places),
            None => scan.all(&chunks, allowed),
        };
        Ok((found, chunks))
    }

    /// Bytes of memory reserved.
    pub fn bytes(&self) -> usize {
        self.read().bytes()
    }

    fn check(&self, dimension: usize) -> Result<()> {
        if dimension == self.dimension {
            Ok(())
        } else {
            Err(Error::DimensionMismatch { expected: self.dimension, found: dimension })
        }
    }

    // No caller's code runs under the lock, so a poisoned one can only mean that memory ran out; what is there can still be read.
    fn read(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rows> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VectorIndex for Memtable {
    fn len(&self) -> usize {
        self.read().len()
    }

    fn contains(&self, key: Key) -> bool {
        self.read().contains(key)
    }

    fn search(&self, query: &Query, limit: usize, allowed: Option<&KeySet>) -> Result<Vec<Scored>> {
        let (found, _) = self.scan(query, limit, allowed)?;
        Ok(found.into_iter().map(|found| Scored::new(found.key.0, found.score)).collect())
    }
}
