//! The one pool of a search: the best nodes found so far, in order, and which of them have been expanded.
//!
//! A sorted array rather than two heaps: at the sizes searches use, moving a few dozen entries costs less than a heap's branches.

/// A node and its score; the top bit of the id says that it has been expanded.
#[derive(Debug, Clone, Copy)]
struct Entry {
    score: f32,
    id: u32,
}

const EXPANDED: u32 = 1 << 31;

/// The most nodes a graph can have: one bit of an id is the pool's.
pub(super) const MOST_NODES: usize = (1 << 31) - 1;

/// The best nodes, best first.
#[derive(Debug, Default)]
pub(super) struct Pool {
    entries: Vec<Entry>,
    capacity: usize,
    /// No entry before this one waits to be expanded.
    cursor: usize,
}

impl Pool {
    /// Empties it, and makes room for `capacity` (at least 1).
    pub(super) fn reset(&mut self, capacity: usize) {
        self.entries.clear();
        self.capacity = capacity.max(1);
        self.entries.reserve(self.capacity + 1);
        self.cursor = 0;
    }

    /// Whether a node of this score would enter.
    #[inline]
    pub(super) fn admits(&self, score: f32) -> bool {
        self.entries.len() < self.capacity || self.entries.last().is_some_and(|last| score > last.score)
    }

    /// Puts a node in its place; the worst one falls out when there are too many.
    #[inline]
    pub(super) fn insert(&mut self, id: u32, score: f32) {
        if !self.admits(score) {
            return;
        }
        let place = self.entries.partition_point(|entry| entry.score >= score);
        if self.entries.len() == self.capacity {
            self.entries.pop();
        }
        self.entries.insert(place, Entry { score, id });
        self.cursor = self.cursor.min(place);
    }

    /// The best node that has not been expanded, which counts as expanded from now on.
    #[inline]
    pub(super) fn next(&mut self) -> Option<u32> {
        let entry = self.entries.get_mut(self.cursor)?;
        let id = entry.id;
        entry.id |= EXPANDED;
        self.cursor += 1;
        while self.entries.get(self.cursor).is_some_and(|entry| entry.id & EXPANDED != 0) {
            self.cursor += 1;
        }
        Some(id)
    }

    /// The node that [`Pool::next`] would give.
    #[inline]
    pub(super) fn peek(&self) -> Option<u32> {
        self.entries.get(self.cursor).map(|entry| entry.id)
    }

    /// What was found, best first.
    pub(super) fn found(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        self.entries.iter().map(|entry| (entry.id & !EXPANDED, entry.score))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_stay_and_each_is_expanded_once() {
        let mut pool = Pool::default();
        pool.reset(3);
        for (id, score) in [(1, 0.1), (2, 0.5), (3, 0.3)] {
            pool.insert(id, score);
        }
        assert_eq!(pool.next(), Some(2));
        assert_eq!(pool.peek(), Some(3));
        pool.insert(4, 0.9);
        pool.insert(5, 0.05);
        assert_eq!(pool.next(), Some(4));
        assert_eq!(pool.next(), Some(3));
        assert_eq!(pool.next(), None);
        assert_eq!(pool.found().map(|(id, _)| id).collect::<Vec<_>>(), [4, 2, 3]);
    }
}
