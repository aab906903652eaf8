//! A filter's keys, with what they are in each segment: worked out once, for as many searches as use the filter.

use std::sync::{Arc, Mutex, PoisonError};

use super::segment::{Allowed, Segment};
use super::set::SegmentId;
use crate::key::KeySet;

/// Keys a search may find. Keep it with the filter it came from: the first search looks its keys up in each segment, later ones do not.
#[derive(Debug)]
pub struct AllowedKeys {
    keys: Arc<KeySet>,
    of_segments: Mutex<Vec<(SegmentId, Arc<Allowed>)>>,
}

impl AllowedKeys {
    /// Searches may find these.
    pub fn new(keys: Arc<KeySet>) -> AllowedKeys {
        AllowedKeys { keys, of_segments: Mutex::default() }
    }

    /// The keys.
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// The keys, shared.
    pub fn shared_keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys)
    }

    /// Bytes of memory that what has been worked out takes.
    pub fn bytes(&self) -> usize {
        let known = self.of_segments.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(_, allowed)| allowed.bytes()).sum()
    }

    /// What they are in a segment.
    pub(super) fn of_segment(&self, id: SegmentId, segment: &Segment) -> Arc<Allowed> {
        let known = || self.of_segments.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, allowed)) = known().iter().find(|(of, _)| *of == id) {
            return Arc::clone(allowed);
        }
        // Outside the lock: another search may do the same meanwhile, and either answer is right.
        let allowed = Arc::new(segment.prepare(&self.keys));
        known().push((id, Arc::clone(&allowed)));
        allowed
    }
}
