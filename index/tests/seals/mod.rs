//! Sealing without a background thread.
#![allow(clippy::unwrap_used)]

use neodex_index::vector::{BuildOptions, SealPolicy, VectorSet};

/// Does what the background thread of a database does, at once, and returns how many segments it made.
pub(crate) fn seal(set: &VectorSet, policy: &SealPolicy) -> usize {
    let mut sealed = 0;
    while let Some(sealing) = set.begin(policy).unwrap() {
        let segment =
            sealing.build(set.dimension(), set.distance(), &BuildOptions::default(), |_| true).unwrap().unwrap();
        sealed += 1;
        set.install(
            sealing,
            1_000 * set.segments().len() as u64 + sealed as u64 + set.len() as u64 * 1_000_000,
            segment,
        );
    }
    sealed
}

pub(crate) fn policy(seal_at: usize) -> SealPolicy {
    SealPolicy::default().with_seal_at(seal_at)
}
