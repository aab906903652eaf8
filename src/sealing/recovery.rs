//! Vectors on open: every code to the segment it belongs to, or to the memtable.
//!
//! One scan over the codes in the order of their keys fills all segments at once. What a segment lists and the codes do not is deleted; what the
//! codes have and no segment lists is newer than all of them, or of a segment that was damaged: it is scanned until it is sealed.

use std::sync::Arc;

use neodex_index::Key;
use neodex_index::vector::{Code, RowFormat, SegmentId, SegmentLoader, VectorSet};
use neodex_storage::Store;

use crate::error::Result;
use crate::schema::{BURIED_CODES, CODES, FIRST_CODES};
use crate::sealing::codes::{self, Codes};
use crate::sealing::stored::{forget, listed, segment_bytes, sweep_bytes};

/// Codes put into the memtable at once.
const BATCH: usize = 1_024;
/// Rows of deleted codes looked at in one transaction of a sweep.
const SWEPT_TOGETHER: usize = 1_024;

/// Fills an empty set from the store. `notices` hears what had to be given up.
///
/// # Errors
/// When a code is damaged or the store cannot be read.
pub(crate) fn load_vectors(
    store: &Store,
    set: &Arc<VectorSet>,
    rows: RowFormat,
    notices: &mut Vec<String>,
) -> Result<()> {
    if store.count(&FIRST_CODES) > 0 {
        codes::renew(store, set.dimension(), rows)?;
    }
    let (segments, mut damaged) = listed(store)?;
    let mut loaders: Vec<(SegmentId, SegmentLoader)> = Vec::new();
    for (id, stored) in segments {
        let loader = match segment_bytes(store, id, &stored)? {
            Ok(bytes) => {
                SegmentLoader::new(&bytes, set.dimension(), set.distance()).map_err(|error| error.to_string())
            }
            Err(reason) => Err(reason),
        };
        match loader {
            Ok(loader) => loaders.push((id, loader)),
            Err(reason) => {
                damaged.push(reason);
                forget(store, id)?;
            }
        }
    }
    let mut batch: Vec<(Key, Code)> = Vec::with_capacity(BATCH);
    for run in Codes::of(store, &CODES, set.dimension()) {
        for (key, code) in run? {
            if !loaders.iter_mut().any(|(_, loader)| loader.offer(key, &code)) {
                batch.push((key, code));
            }
        }
        if batch.len() >= BATCH {
            set.insert_many(batch.drain(..))?;
        }
    }
    set.insert_many(batch)?;
    loaders.iter_mut().for_each(|(_, loader)| loader.end_of_living());
    if loaders.iter().any(|(_, loader)| !loader.is_complete()) {
        for run in Codes::of(store, &BURIED_CODES, set.dimension()) {
            // A damaged one is as good as none: the segment stays incomplete.
            let Ok(run) = run else { continue };
            run.iter().for_each(|(key, code)| loaders.iter_mut().for_each(|(_, loader)| loader.offer_dead(*key, code)));
        }
    }
    let mut incomplete = false;
    for (id, loader) in loaders {
        match loader.finish() {
            Some(segment) => set.add_segment(id, segment),
            None => {
                incomplete = true;
                damaged.push("codes of vectors it was made of are missing".to_owned());
                forget(store, id)?;
            }
        }
    }
    if incomplete {
        for run in Codes::of(store, &CODES, set.dimension()) {
            let run = run?;
            set.insert_many(run.into_iter().filter(|(key, _)| !set.contains(*key)))?;
        }
    }
    for reason in damaged {
        notices.push(format!(
            "a segment of the vector index was damaged ({reason}); it is built again from the vectors, which are scanned meanwhile"
        ));
    }
    sweep_bytes(store)?;
    sweep_buried(store, set)
}

/// Removes the codes of deleted vectors that no segment walks over any more, nor one that is still to be built: what has been deleted in the
/// store may be in the set for a moment longer.
///
/// # Errors
/// What the store says.
pub(crate) fn sweep_buried(store: &Store, set: &Arc<VectorSet>) -> Result<()> {
    let per_run = neodex_storage::MAX_PAYLOAD_BYTES / Code::byte_length(set.dimension());
    let per_run = per_run.max(1) as u64;
    let mut from = Some(0);
    while let Some(begin) = from {
        let set = Arc::clone(set);
        let swept = store.commit(move |tx| -> Result<Option<u64>> {
            let keys = tx.keys(&BURIED_CODES, (begin, 0)..)?.take(SWEPT_TOGETHER).collect::<Result<Vec<_>, _>>()?;
            for key in &keys {
                let run = key.0..key.0.saturating_add(per_run);
                if !set.holds_any(run) {
                    tx.remove(&BURIED_CODES, key)?;
                }
            }
            Ok(keys.last().filter(|_| keys.len() == SWEPT_TOGETHER).map(|last| last.0 + 1))
        })?;
        from = swept.value;
    }
    Ok(())
}
