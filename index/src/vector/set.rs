//! All vectors of a database as one: the memtable that takes what is new, memtables that wait to be sealed, and sealed segments.
//!
//! A key has its vector in one of these. Writers take the list of them for reading and a moment; only sealing and merging, which put a new
//! list in place of the old one, take it for writing, and do nothing else under it.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use rayon::prelude::*;

use super::VectorIndex;
use super::allowed::AllowedKeys;
use super::code::Code;
use super::distance::Distance;
use super::memtable::Memtable;
use super::query::Query;
use super::rescore::rescore;
use super::segment::{Plan, SearchOptions, Segment};
use crate::error::{Error, Result};
use crate::key::{Key, KeySet};
use crate::scored::{Scored, top_k};

/// The vectors of a database, by key. Shared between threads as it is: all methods take `&self`.
#[derive(Debug)]
pub struct VectorSet {
    dimension: usize,
    distance: Distance,
    pub(super) layers: RwLock<Arc<Layers>>,
    /// Counts the lists there have been, so that a search knows when its list has become an old one.
    pub(super) generation: AtomicU64,
    /// Whether rows are being sealed or merged, and the keys that have been taken out of sealed places since that began.
    pub(super) sealing: AtomicBool,
    pub(super) taken_out: Mutex<Vec<Key>>,
}

/// Where the vectors are.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    /// Takes what is new.
    pub(super) active: Arc<Memtable>,
    /// Full, and being sealed.
    pub(super) frozen: Vec<Arc<Memtable>>,
    pub(super) segments: Vec<(SegmentId, Arc<Segment>)>,
}

/// The name of a segment; never given to another one.
pub type SegmentId = u64;

/// What a search found, and how.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Found {
    /// Best first, equal scores by key.
    pub best: Vec<Scored>,
    /// How each segment was searched, with the number of its vectors; memtables are always scanned.
    pub plans: Vec<(usize, Plan)>,
    /// Vectors in memtables.
    pub scanned: usize,
}

impl VectorSet {
    /// An empty set of vectors of `dimension` values, 1 to [`MAX_DIMENSION`](super::MAX_DIMENSION).
    ///
    /// # Errors
    /// [`Error::UnsupportedDimension`].
    pub fn new(dimension: usize, distance: Distance) -> Result<VectorSet> {
        let active = Arc::new(Memtable::new(dimension, distance)?);
        let layers = Layers { active, frozen: Vec::new(), segments: Vec::new() };
        Ok(VectorSet {
            dimension,
            distance,
            layers: RwLock::new(Arc::new(layers)),
            generation: AtomicU64::new(0),
            sealing: AtomicBool::new(false),
            taken_out: Mutex::default(),
        })
    }

    /// How many values the vectors have.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// How the vectors are compared.
    pub fn distance(&self) -> Distance {
        self.distance
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        let layers = self.read();
        let sealed: usize = layers.segments.iter().map(|(_, segment)| segment.live()).sum();
        layers.memtables().map(|memtable| memtable.len()).sum::<usize>() + sealed
    }

    /// How many of them are not in segments yet.
    pub fn unsealed(&self) -> usize {
        self.read().memtables().map(|memtable| memtable.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `key` has a vector.
    pub fn contains(&self, key: Key) -> bool {
        let layers = self.read();
        layers.memtables().any(|memtable| memtable.contains(key))
            || layers.segments.iter().any(|(_, segment)| segment.contains(key))
    }

    /// Whether any key of a half-open range has a vector, or a segment was built with one that has been taken out since.
    pub fn holds_any(&self, keys: Range<u64>) -> bool {
        let layers = self.read();
        layers.memtables().any(|memtable| !memtable.keys_in(keys.clone()).is_empty())
            || layers.segments.iter().any(|(_, segment)| segment.holds_any(keys.clone()))
    }

    /// Bytes of memory reserved.
    pub fn bytes(&self) -> usize {
        let layers = self.read();
        let sealed: usize = layers.segments.iter().map(|(_, segment)| segment.bytes()).sum();
        layers.memtables().map(|memtable| memtable.bytes()).sum::<usize>() + sealed
    }

    /// The segments there are.
    pub fn segments(&self) -> Vec<(SegmentId, Arc<Segment>)> {
        self.read().segments.clone()
    }

    /// Adds the vector of `key`, in place of the one it had.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`].
    pub fn insert(&self, key: Key, code: &Code) -> Result<()> {
        let layers = self.read();
        layers.active.insert(key, code)?;
        // Not before: a search between the two would miss it.
        self.take_out(&layers, key);
        Ok(())
    }

    /// Adds many vectors. Searches see up to 1,024 of them appear at once, in the order given.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`] at the first that does not fit; those before it are in.
    pub fn insert_many(&self, vectors: impl IntoIterator<Item = (Key, Code)>) -> Result<()> {
        const AT_ONCE: usize = 1_024;
        let mut vectors = vectors.into_iter();
        loop {
            let batch: Vec<(Key, Code)> = vectors.by_ref().take(AT_ONCE).collect();
            let last = batch.len() < AT_ONCE;
            let layers = self.read();
            let keys: Vec<Key> = batch.iter().map(|(key, _)| *key).collect();
            let fit = batch.iter().take_while(|(_, code)| code.dimension() == self.dimension).count();
            let outcome = layers.active.insert_many(batch);
            for &key in keys.iter().take(fit) {
                self.take_out(&layers, key);
            }
            outcome?;
            if last {
                return Ok(());
            }
        }
    }

    /// Takes `key` out; true when it was there.
    pub fn remove(&self, key: Key) -> bool {
        let layers = self.read();
        layers.active.remove(key) | self.take_out(&layers, key)
    }

    /// Takes every key of the half-open range out, a document's for instance, and returns how many there were.
    pub fn remove_range(&self, keys: Range<u64>) -> usize {
        let layers = self.read();
        let mut removed = layers.active.remove_range(keys.clone());
        if self.sealing.load(Ordering::Acquire) {
            let frozen = layers.frozen.iter().flat_map(|memtable| memtable.keys_in(keys.clone()));
            let sealed = layers.segments.iter().flat_map(|(_, segment)| segment.keys_in(keys.clone()));
            let found: Vec<Key> = frozen.chain(sealed).collect();
            return removed + found.into_iter().filter(|&key| self.take_out(&layers, key)).count();
        }
        removed += layers.frozen.iter().map(|memtable| memtable.remove_range(keys.clone())).sum::<usize>();
        removed + layers.segments.iter().map(|(_, segment)| segment.remove_range(keys.clone())).sum::<usize>()
    }

    /// Takes `key` out of everything that takes nothing new; true when it was there.
    fn take_out(&self, layers: &Layers, key: Key) -> bool {
        let mut was_there = false;
        for memtable in &layers.frozen {
            was_there |= memtable.remove(key);
        }
        for (_, segment) in &layers.segments {
            was_there |= segment.remove(key);
        }
        if was_there && self.sealing.load(Ordering::Acquire) {
            self.taken_out.lock().unwrap_or_else(PoisonError::into_inner).push(key);
        }
        was_there
    }

    /// The best `limit` vectors, by twelve bits a value; with `allowed`, only of keys it holds.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`].
    pub fn find(
        &self,
        query: &Query,
        limit: usize,
        allowed: Option<&AllowedKeys>,
        options: &SearchOptions,
    ) -> Result<Found> {
        if query.dimension() != self.dimension {
            return Err(Error::DimensionMismatch { expected: self.dimension, found: query.dimension() });
        }
        loop {
            let generation = self.generation.load(Ordering::Acquire);
            let layers = Arc::clone(&self.read());
            let found = search(&layers, query, limit, allowed, options)?;
            // With an old list a vector that was replaced meanwhile may have been missed.
            if self.generation.load(Ordering::Acquire) == generation {
                return Ok(found);
            }
        }
    }

    /// As [`VectorSet::find`], for many queries on all of rayon's threads. Answers are in the order of the queries.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`].
    pub fn find_many(
        &self,
        queries: &[Query],
        limit: usize,
        allowed: Option<&AllowedKeys>,
        options: &SearchOptions,
    ) -> Result<Vec<Found>> {
        queries.par_iter().with_min_len(4).map(|query| self.find(query, limit, allowed, options)).collect()
    }

    /// The candidates among which the best `limit` are: more than `limit`, best first by twelve bits, for the caller to [`rescore`].
    /// With `allowed`, only keys it holds.
    ///
    /// # Errors
    /// [`Error::DimensionMismatch`].
    pub fn candidates(&self, query: &Query, limit: usize, allowed: Option<&KeySet>) -> Result<Vec<Scored>> {
        let allowed = allowed.map(|keys| AllowedKeys::new(Arc::new(keys.clone())));
        Ok(self.find(query, candidates_for(limit), allowed.as_ref(), &SearchOptions::default())?.best)
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

    // No caller's code runs under the lock, so a poisoned one can only mean that memory ran out; what is there can still be read.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Arc<Layers>> {
        self.layers.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Layers {
    pub(super) fn memtables(&self) -> impl Iterator<Item = &Arc<Memtable>> {
        self.frozen.iter().chain(std::iter::once(&self.active))
    }
}

/// Segments first and the newest memtable last: what moves from one to the other while this runs is then seen in one of them.
fn search(
    layers: &Layers,
    query: &Query,
    limit: usize,
    allowed: Option<&AllowedKeys>,
    options: &SearchOptions,
) -> Result<Found> {
    let mut found = Found::default();
    let mut parts = Vec::with_capacity(layers.segments.len() + 1);
    for (id, segment) in &layers.segments {
        let allowed = allowed.map(|allowed| allowed.of_segment(*id, segment));
        let (best, plan) = segment.search(query, limit, allowed.as_deref(), options);
        parts.push(best);
        found.plans.push((segment.len(), plan));
    }
    for memtable in layers.memtables() {
        parts.push(memtable.find(query, limit, allowed.map(AllowedKeys::keys))?);
        found.scanned += memtable.len();
    }
    if parts.len() == 1 {
        found.best = parts.pop().unwrap_or_default();
        return Ok(found);
    }
    // A key that was just replaced may be in two places; the later place has its newer vector.
    let mut seen = HashSet::with_capacity(2 * limit.min(4_096));
    let newest_first = parts.into_iter().rev().flatten();
    found.best = top_k(newest_first.filter(|found| seen.insert(found.key)), limit);
    Ok(found)
}

/// How many candidates by code hold the best `limit` by row. Each costs a row to read. Measured at 384 dimensions: 1.3 times the limit hold
/// all of the best 10 or 100 of encoder-like data; the constant is for a short list out of many near-equal vectors.
fn candidates_for(limit: usize) -> usize {
    if limit == 0 { 0 } else { limit.saturating_mul(2).saturating_add(64) }
}
