//! A key with its score, in one total order that every ranking uses: better score first, then the smaller key.
//!
//! Ties broken by key make a ranking a function of its contents alone, so that page 2 never repeats what page 1 showed.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::key::Key;

/// Something found, with how well it matched. Larger scores are better, whatever the index.
///
/// `Ord` is the order of a result list: `a < b` when `a` is shown before `b`. Scores compare by `f32::total_cmp`, so a NaN never
/// breaks a sort.
#[derive(Debug, Clone, Copy)]
pub struct Scored<K = Key> {
    /// What was found.
    pub key: K,
    /// How well it matched; larger is better.
    pub score: f32,
}

impl<K> Scored<K> {
    /// Pairs `key` with `score`.
    pub fn new(key: K, score: f32) -> Self {
        Self { key, score }
    }
}

impl<K: Ord> Ord for Scored<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then_with(|| self.key.cmp(&other.key))
    }
}

impl<K: Ord> PartialOrd for Scored<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord> PartialEq for Scored<K> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<K: Ord> Eq for Scored<K> {}

/// The best `limit` of `candidates`, best first, in `O(n log limit)` time and `O(limit)` memory.
pub fn top_k<K: Ord>(candidates: impl IntoIterator<Item = Scored<K>>, limit: usize) -> Vec<Scored<K>> {
    let mut best = TopK::new(limit);
    for candidate in candidates {
        best.push(candidate);
    }
    best.into_sorted()
}

/// The best `limit` of a stream of candidates: a heap whose head is the worst one kept.
#[derive(Debug, Clone)]
pub struct TopK<K = Key> {
    limit: usize,
    kept: BinaryHeap<Scored<K>>,
}

impl<K: Ord> TopK<K> {
    /// Room for the best `limit`; 0 keeps nothing.
    pub fn new(limit: usize) -> Self {
        // A caller's huge limit must not allocate before there is anything to keep.
        Self { limit, kept: BinaryHeap::with_capacity(limit.min(1024)) }
    }

    /// Offers a candidate.
    pub fn push(&mut self, candidate: Scored<K>) {
        if self.kept.len() < self.limit {
            self.kept.push(candidate);
        } else if let Some(mut worst) = self.kept.peek_mut()
            && candidate < *worst
        {
            *worst = candidate;
        }
    }

    /// The score below which a candidate cannot enter; `None` while there is room.
    pub fn threshold(&self) -> Option<f32> {
        if self.kept.len() < self.limit { None } else { self.kept.peek().map(|worst| worst.score) }
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// What was kept, best first.
    pub fn into_sorted(self) -> Vec<Scored<K>> {
        self.kept.into_sorted_vec()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nan_sorts_without_panicking_and_zero_keeps_nothing() {
        let all = [Scored::new(Key(1), f32::NAN), Scored::new(Key(2), 1.0), Scored::new(Key(3), 1.0)];
        assert_eq!(top_k(all, 3).len(), 3);
        assert!(top_k(all, 0).is_empty());
    }

    proptest! {
        #[test]
        fn the_heap_agrees_with_sorting(scores in prop::collection::vec(-4i8..4, 0..60), limit in 0usize..20) {
            let all: Vec<Scored> =
                scores.iter().enumerate().map(|(i, &s)| Scored::new(Key(i as u64), f32::from(s))).collect();
            let mut sorted = all.clone();
            sorted.sort();
            sorted.truncate(limit);
            prop_assert_eq!(top_k(all, limit), sorted);
        }
    }
}
