//! The names both indexes speak: a chunk's key, a document version's key, and sets of them.
//!
//! Newtypes, because a chunk and a document version are both a `u64` and mixing them up would be silent. A document version owns a
//! contiguous run of keys, so that a document is a range and a set of documents stays small in a compressed bitmap.

use std::fmt;
use std::ops::Range;

use roaring::RoaringTreemap;

/// The key of one chunk, the unit of both indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u64);

/// The key of one version of a document: the key of its chunk 0. Its other chunks follow it without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentKey(pub u64);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl DocumentKey {
    /// The key of the document's first chunk.
    pub fn first(self) -> Key {
        Key(self.0)
    }

    /// The keys of a document of `chunks` chunks, half open.
    pub fn keys(self, chunks: u32) -> Range<u64> {
        self.0..self.0.saturating_add(u64::from(chunks))
    }
}

/// A set of chunk keys, as a compressed bitmap: what a filter allows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeySet {
    keys: RoaringTreemap,
}

impl KeySet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether `key` is in the set.
    pub fn contains(&self, key: Key) -> bool {
        self.keys.contains(key.0)
    }

    /// Adds `key`; true when it was not there.
    pub fn insert(&mut self, key: Key) -> bool {
        self.keys.insert(key.0)
    }

    /// Adds every key of the half-open `range` and returns how many were new.
    pub fn insert_range(&mut self, range: Range<u64>) -> u64 {
        if range.is_empty() { 0 } else { self.keys.insert_range(range) }
    }

    /// Takes `key` out; true when it was there.
    pub fn remove(&mut self, key: Key) -> bool {
        self.keys.remove(key.0)
    }

    /// Takes every key of the half-open `range` out and returns how many were there.
    pub fn remove_range(&mut self, range: Range<u64>) -> u64 {
        if range.is_empty() { 0 } else { self.keys.remove_range(range) }
    }

    /// How many keys the set holds.
    pub fn len(&self) -> u64 {
        self.keys.len()
    }

    /// Whether the set holds no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Key> + '_ {
        self.keys.iter().map(Key)
    }

    /// Keeps only what `other` holds too.
    pub fn intersect(&mut self, other: &KeySet) {
        self.keys &= &other.keys;
    }

    /// Adds everything `other` holds.
    pub fn union(&mut self, other: &KeySet) {
        self.keys |= &other.keys;
    }

    /// Takes out everything `other` holds.
    pub fn subtract(&mut self, other: &KeySet) {
        self.keys -= &other.keys;
    }
}

impl FromIterator<Key> for KeySet {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        Self { keys: keys.into_iter().map(|key| key.0).collect() }
    }
}

impl Extend<Key> for KeySet {
    fn extend<I: IntoIterator<Item = Key>>(&mut self, keys: I) {
        self.keys.extend(keys.into_iter().map(|key| key.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_a_range_of_keys() {
        let mut set = KeySet::new();
        assert_eq!(set.insert_range(DocumentKey(10).keys(3)), 3);
        assert_eq!(set.insert_range(5..5), 0);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Key(10), Key(11), Key(12)]);
        assert!(!set.contains(Key(13)));
        assert!(set.remove(Key(11)));
        assert_eq!(set.len(), 2);
    }

    #[test]
    fn sets_combine() {
        let mut left: KeySet = (0..10).map(Key).collect();
        let right: KeySet = (5..15).map(Key).collect();
        left.intersect(&right);
        assert_eq!(left.len(), 5);
        left.union(&(0..2).map(Key).collect());
        left.subtract(&(6..15).map(Key).collect());
        assert_eq!(left.iter().collect::<Vec<_>>(), [Key(0), Key(1), Key(5)]);
    }
}
