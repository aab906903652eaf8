//! Sets of positions in a segment: what a filter allows there, and what has been deleted.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A set of positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
    count: usize,
}

impl Bits {
    /// The empty set among `length` positions.
    pub(crate) fn new(length: usize) -> Bits {
        Bits { words: vec![0; length.div_ceil(64)], count: 0 }
    }

    /// Adds a position.
    pub(crate) fn insert(&mut self, position: u32) {
        if let Some(word) = self.words.get_mut(position as usize / 64) {
            let bit = 1 << (position % 64);
            self.count += usize::from(*word & bit == 0);
            *word |= bit;
        }
    }

    #[inline]
    pub(crate) fn contains(&self, position: u32) -> bool {
        self.words.get(position as usize / 64).is_some_and(|word| word >> (position % 64) & 1 == 1)
    }

    /// How many positions are in the set.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The positions, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().zip(0u32..).flat_map(|(&word, at)| {
            std::iter::successors((word != 0).then_some(word), |word| Some(word & (word - 1)).filter(|&word| word != 0))
                .map(move |word| at * 64 + word.trailing_zeros())
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }
}

/// The deleted positions of a segment; set by writers while searches read.
#[derive(Debug)]
pub(crate) struct Tombstones {
    words: Vec<AtomicU64>,
    count: AtomicUsize,
}

impl Tombstones {
    /// None deleted of `length`.
    pub(crate) fn new(length: usize) -> Tombstones {
        Tombstones { words: (0..length.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(), count: AtomicUsize::new(0) }
    }

    /// Deletes a position; true when it was not deleted before.
    pub(crate) fn bury(&self, position: u32) -> bool {
        let bit = 1 << (position % 64);
        let Some(word) = self.words.get(position as usize / 64) else { return false };
        let fresh = word.fetch_or(bit, Ordering::AcqRel) & bit == 0;
        if fresh {
            self.count.fetch_add(1, Ordering::AcqRel);
        }
        fresh
    }

    #[inline]
    pub(crate) fn is_dead(&self, position: u32) -> bool {
        self.words
            .get(position as usize / 64)
            .is_some_and(|word| word.load(Ordering::Acquire) >> (position % 64) & 1 == 1)
    }

    /// How many are deleted.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in() {
        let mut bits = Bits::new(200);
        for position in [0, 63, 64, 130, 199, 64] {
            bits.insert(position);
        }
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 63, 64, 130, 199]);
        assert_eq!(bits.count(), 5);
        assert!(bits.contains(130) && !bits.contains(131) && !bits.contains(9_999));
        let dead = Tombstones::new(70);
        assert!(dead.bury(69) && !dead.bury(69) && !dead.bury(500));
        assert!(dead.is_dead(69) && !dead.is_dead(68) && dead.count() == 1);
    }
}
