//! Vectors of queries asked before. People page through results, type the same word again, and share links.

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};

use lru::LruCache;

/// Queries longer than this are not kept: they are pasted texts, and seldom come twice.
const LONGEST: usize = 512;

/// The least recently used go first.
pub(crate) struct Cache {
    vectors: Option<Mutex<LruCache<String, Vec<f32>>>>,
}

impl Cache {
    /// With room for so many; none with 0.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { vectors: NonZero::new(capacity).map(|capacity| Mutex::new(LruCache::new(capacity))) }
    }

    pub(crate) fn get(&self, query: &str) -> Option<Vec<f32>> {
        let vectors = self.vectors.as_ref()?;
        vectors.lock().unwrap_or_else(PoisonError::into_inner).get(query).cloned()
    }

    pub(crate) fn put(&self, query: &str, vector: &[f32]) {
        if let Some(vectors) = &self.vectors
            && query.len() <= LONGEST
        {
            vectors.lock().unwrap_or_else(PoisonError::into_inner).put(query.to_owned(), vector.to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first() {
        let cache = Cache::new(2);
        cache.put("a", &[1.0]);
        cache.put("b", &[2.0]);
        assert_eq!(cache.get("a"), Some(vec![1.0]));
        cache.put("c", &[3.0]);
        assert_eq!((cache.get("b"), cache.get("a")), (None, Some(vec![1.0])));
        let off = Cache::new(0);
        off.put("a", &[1.0]);
        assert_eq!(off.get("a"), None);
    }
}
