//! All rows of a memtable and where each key's row lies: the part that changes.
//!
//! Always dense: a removed row's place is taken by the last row, so there are no tombstones to skip and nothing to compact, at the price
//! of one row's copy for each removal.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::chunk::Chunk;
use super::code::Code;
use super::distance::Distance;
use crate::key::Key;

/// The rows, in chunks that searches may hold on to.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    distance: Distance,
    stride: usize,
    /// All full but the last, which is not empty.
    chunks: Vec<Arc<Chunk>>,
    /// The place of each key's row, counted over all chunks. A tree, because it grows without ever moving everything, and because keys
    /// are removed by ranges.
    places: BTreeMap<Key, usize>,
}

impl Rows {
    pub(super) fn new(dimension: usize, distance: Distance) -> Rows {
        Rows { distance, stride: Chunk::stride(dimension), chunks: Vec::new(), places: BTreeMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn contains(&self, key: Key) -> bool {
        self.places.contains_key(&key)
    }

    pub(super) fn bytes(&self) -> usize {
        // A tree node holds 11 entries and is about three quarters full.
        let tree = self.places.len() * size_of::<(Key, usize)>() * 4 / 3;
        tree + self.chunks.iter().map(|chunk| chunk.bytes()).sum::<usize>()
    }

    /// The chunks as they are now; later changes do not reach the copy.
    pub(super) fn chunks(&self) -> Vec<Arc<Chunk>> {
        self.chunks.clone()
    }

    /// The places (chunk, row) of those of `keys` that are here.
    pub(super) fn places(&self, keys: impl Iterator<Item = Key>) -> Vec<(usize, usize)> {
        keys.filter_map(|key| self.places.get(&key).map(|&place| self.locate(place))).collect()
    }

    fn locate(&self, place: usize) -> (usize, usize) {
        let rows_per_chunk = Chunk::rows_per_chunk(self.stride);
        (place / rows_per_chunk, place % rows_per_chunk)
    }

    /// Puts `code` in the place of what `key` had, or at the end.
    pub(super) fn insert(&mut self, key: Key, code: &Code) {
        if let Some(&place) = self.places.get(&key) {
            let (chunk, row) = self.locate(place);
            Arc::make_mut(&mut self.chunks[chunk]).set(row, key, code, self.distance);
            return;
        }
        self.places.insert(key, self.places.len());
        match self.chunks.last_mut() {
            Some(chunk) if !chunk.is_full() => Arc::make_mut(chunk).push(key, code, self.distance),
            _ => {
                let mut chunk = Chunk::new(self.stride);
                chunk.push(key, code, self.distance);
                self.chunks.push(Arc::new(chunk));
            }
        }
    }

    /// Takes `key` out; true when it was there.
    pub(super) fn remove(&mut self, key: Key) -> bool {
        let Some(place) = self.places.remove(&key) else {
            return false;
        };
        let Some(mut tail) = self.chunks.pop() else {
            return false;
        };
        let last = Arc::make_mut(&mut tail);
        let (chunk, row) = self.locate(place);
        match self.chunks.get_mut(chunk) {
            Some(chunk) => Arc::make_mut(chunk).set_from_last(row, last),
            None => last.set_from_own_last(row),
        }
        if let Some(&moved) = last.keys().last()
            && moved != key
        {
            self.places.insert(moved, place);
        }
        last.pop();
        if !last.is_empty() {
            self.chunks.push(tail);
        }
        true
    }

    /// The keys of the half-open `range` that are here.
    pub(super) fn keys_in(&self, range: Range<u64>) -> Vec<Key> {
        if range.is_empty() {
            return Vec::new();
        }
        self.places.range(Key(range.start)..Key(range.end)).map(|(&key, _)| key).collect()
    }

    /// Takes at most `limit` keys of the half-open `range` out and returns how many that were.
    pub(super) fn remove_range(&mut self, range: Range<u64>, limit: usize) -> usize {
        if range.is_empty() {
            return 0;
        }
        let found: Vec<Key> =
            self.places.range(Key(range.start)..Key(range.end)).map(|(&key, _)| key).take(limit).collect();
        found.into_iter().filter(|&key| self.remove(key)).count()
    }
}
