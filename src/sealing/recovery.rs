//! Vectors on open: every code to the segment it belongs to, or to the memtable.
//!
//! One scan over the codes in the order of their keys fills all segments at once. What a segment lists and the codes do not is deleted; what the
//! codes have and no segment lists is newer than all of them, or of a segment that was damaged: it is scanned until it is sealed.

use std::sync::Arc;

use neodex_index::Key;
use neodex_index::vector::{Code, SegmentId, SegmentLoader, VectorSet};
use neodex_storage::Store;

use crate::error::Result;
use crate::schema::{BURIED_CODES, CODES, FIRST_CODES};
use crate::sealing::codes::{self, Codes};
use crate::sealing::rows::FullRows;
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
    rows: &FullRows,
    notices: &mut Vec<String>,
) -> Result<()> {
    if store.count(&FIRST_CODES) > 0 {
        codes::renew(store, rows.slot, set.dimension(), rows.format)?;
    }
    let (segments, mut damaged) = listed(store)?;
    let mut loaders: Vec<(SegmentId, SegmentLoader)> = Vec::new();
    for (id, stored) in segments {
        let loader = match segment_bytes(store, id, &stored)? {
            Ok(bytes) => SegmentLoader::new(&bytes, set.dimension(), set.distance()).map_err(|error| error.to_string()),
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
            Some(segment) => set.add_segment(id, rows.refine(store, segment)?),
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
    // Codes of deleted vectors wait for the next sealing: as long as nothing is wrong, opening writes nothing.
    sweep_bytes(store)
}

/// Removes the codes of deleted vectors that no segment walks over any more, nor one that is still to be built: what has been deleted in the
/// store may be in the set for a moment longer.
///
/// # Errors
/// What the store says.
pub(crate) fn sweep_buried(store: &Store, set: &Arc<VectorSet>) -> Result<()> {
    let length = Code::byte_length(set.dimension());
    let mut from = Some(0);
    while let Some(begin) = from {
        let set = Arc::clone(set);
        let swept = store.commit(move |tx| -> Result<Option<u64>> {
            let keys = tx.keys(&BURIED_CODES, (begin, 0)..)?.take(SWEPT_TOGETHER).collect::<Result<Vec<_>, _>>()?;
            for key in &keys {
                let codes = match tx.get(&BURIED_CODES, key) {
                    Ok(bytes) => bytes.map_or(0, |bytes| (bytes.len() / length).max(1)),
                    // As good as none: the segment that needs it finds out.
                    Err(error) if error.kind() == neodex_storage::ErrorKind::Damaged => 0,
                    Err(error) => return Err(error.into()),
                };
                if !set.holds_any(key.0..key.0.saturating_add(codes as u64)) {
                    tx.remove(&BURIED_CODES, key)?;
                }
            }
            Ok(keys.last().filter(|_| keys.len() == SWEPT_TOGETHER).map(|last| last.0 + 1))
        })?;
        from = swept.value;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use neodex_index::vector::{BuildOptions, Distance, Query, Rescoring, RowFormat, SealPolicy, SearchOptions};
    use neodex_storage::StoreOptions;
    use neodex_storage::fuzzing::damage;

    use super::*;
    use crate::schema::{ROWS, SEGMENT_BYTES, SEGMENTS, Slot};
    use crate::sealing::stored::store_segment;

    const DIMENSION: usize = 6;

    fn code(key: u64) -> Code {
        Code::encode(&(0..DIMENSION as u64).map(|i| ((key * 13 + i * 7) % 17) as f32 - 8.0).collect::<Vec<_>>())
            .unwrap()
    }

    /// A store of `count` vectors, one a run, all in one segment.
    fn sealed(folder: &std::path::Path, count: u64) -> (Store, SegmentId) {
        let store = Store::create(folder, Default::default(), StoreOptions::new()).unwrap();
        store.commit(move |tx| (0..count).try_for_each(|key| codes::put(tx, key, &[code(key)]))).unwrap();
        let set = loaded(&store, &mut Vec::new());
        let sealing = set.begin(&SealPolicy::default().with_seal_at(1)).unwrap().unwrap();
        let segment = sealing.build(DIMENSION, Distance::Cosine, &BuildOptions::default(), |_| true).unwrap().unwrap();
        let id = store_segment(&store, segment.len(), &segment.to_bytes(), &[]).unwrap();
        (store, id)
    }

    fn loaded(store: &Store, notices: &mut Vec<String>) -> Arc<VectorSet> {
        loaded_with(store, Rescoring::TwelveBits, notices)
    }

    fn loaded_with(store: &Store, rescoring: Rescoring, notices: &mut Vec<String>) -> Arc<VectorSet> {
        let set = Arc::new(VectorSet::new(DIMENSION, Distance::Cosine).unwrap());
        let rows = FullRows { slot: Slot::First, format: RowFormat::F16, rescoring, binary: false };
        load_vectors(store, &set, &rows, notices).unwrap();
        set
    }

    fn found(set: &VectorSet) -> Vec<u64> {
        let query = Query::new(&[1.0, -1.0, 2.0, 0.5, 0.0, 3.0]).unwrap();
        let found = set.find(&query, 8, None, &SearchOptions::default()).unwrap();
        found.best.iter().map(|best| best.key.0).collect()
    }

    #[test]
    fn a_segment_is_found_again_and_deleted_codes_are_kept_while_it_walks_over_them() {
        let folder = tempfile::tempdir().unwrap();
        let (store, id) = sealed(folder.path(), 40);
        let set = loaded(&store, &mut Vec::new());
        assert_eq!((set.unsealed(), set.segments().len(), set.len()), (0, 1, 40));
        // Two documents go, and one comes that no segment knows.
        store
            .commit(|tx| -> Result<()> {
                codes::bury(tx, 3..5, usize::MAX)?;
                codes::put(tx, 100, &[code(100)])
            })
            .unwrap();
        let mut notices = Vec::new();
        let set = loaded(&store, &mut notices);
        assert_eq!((set.unsealed(), set.segments().len(), set.len()), (1, 1, 39));
        assert!(!set.contains(Key(3)) && set.contains(Key(100)) && notices.is_empty());
        assert_eq!(store.count(&BURIED_CODES), 2);
        forget(&store, id).unwrap();
        let set = loaded(&store, &mut notices);
        assert_eq!((set.unsealed(), set.len(), store.count(&BURIED_CODES)), (39, 39, 2));
        sweep_buried(&store, &set).unwrap();
        assert_eq!(store.count(&BURIED_CODES), 0);
    }

    #[test]
    fn a_flipped_bit_or_a_lost_part_costs_the_segment_and_no_vector() {
        let folder = tempfile::tempdir().unwrap();
        let (store, id) = sealed(folder.path(), 30);
        let expected = found(&loaded(&store, &mut Vec::new()));
        let row = store.get(&SEGMENTS, &id).unwrap().unwrap();
        let sound = store.get(&SEGMENT_BYTES, &(id, 0)).unwrap().unwrap();
        let put = |bytes: Option<Vec<u8>>| {
            let row = row.clone();
            store
                .commit(move |tx| -> Result<()> {
                    tx.put(&SEGMENTS, &id, &row)?;
                    tx.remove(&SEGMENT_BYTES, &(id, 0))?;
                    match bytes {
                        Some(bytes) => Ok(tx.put(&SEGMENT_BYTES, &(id, 0), &bytes)?),
                        None => Ok(()),
                    }
                })
                .unwrap();
        };
        let damaged = (0..sound.len() * 8).step_by(151).map(|bit| {
            let mut bytes = sound.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            Some(bytes)
        });
        for bytes in damaged.chain([None]) {
            put(bytes);
            let mut notices = Vec::new();
            let set = loaded(&store, &mut notices);
            assert!(notices.iter().any(|notice| notice.contains("built again")), "{notices:?}");
            assert_eq!((set.unsealed(), set.len(), found(&set)), (30, 30, expected.clone()));
            assert_eq!((store.count(&SEGMENTS), store.count(&SEGMENT_BYTES)), (0, 0), "what was damaged is gone");
        }
        // A code that is gone, as if its document's deletion had forgotten the segment; one that no other vector equals, and could stand in for.
        put(Some(sound));
        store.commit(|tx| -> Result<bool> { Ok(tx.remove(&CODES, &(15, 0))?) }).unwrap();
        let mut notices = Vec::new();
        let set = loaded(&store, &mut notices);
        assert_eq!((set.unsealed(), set.len(), notices.len()), (29, 29, 1));
    }

    /// Every bit of every value a segment is stored in, what the values say of themselves included.
    #[test]
    fn no_flipped_bit_passes_for_what_was_stored() {
        let folder = tempfile::tempdir().unwrap();
        let (store, id) = sealed(folder.path(), 30);
        let expected = found(&loaded(&store, &mut Vec::new()));
        let (listing, parts) = (store.get(&SEGMENTS, &id).unwrap().unwrap(), store.count(&SEGMENT_BYTES) as u32);
        let flip = |bit: usize| {
            move |value: &mut Vec<u8>| {
                if let Some(byte) = value.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
            }
        };
        for part in 0..parts {
            let mut bits = 0;
            damage(&store, &SEGMENT_BYTES, &(id, part), |value| bits = value.len() * 8).unwrap();
            for bit in 0..bits {
                damage(&store, &SEGMENT_BYTES, &(id, part), flip(bit)).unwrap();
                assert!(store.get(&SEGMENT_BYTES, &(id, part)).is_err(), "bit {bit} of part {part}");
                // One in so many by the way that opening goes.
                if bit % 101 == 0 {
                    assert!(segment_bytes(&store, id, &listing).unwrap().is_err());
                }
                damage(&store, &SEGMENT_BYTES, &(id, part), flip(bit)).unwrap();
            }
        }
        assert!(segment_bytes(&store, id, &listing).unwrap().is_ok());
        let mut bits = 0;
        damage(&store, &SEGMENTS, &id, |value| bits = value.len() * 8).unwrap();
        for bit in 0..bits {
            damage(&store, &SEGMENTS, &id, flip(bit)).unwrap();
            assert!(store.get(&SEGMENTS, &id).is_err(), "bit {bit} of the listing");
            damage(&store, &SEGMENTS, &id, flip(bit)).unwrap();
        }
        damage(&store, &SEGMENTS, &id, flip(77)).unwrap();
        let mut notices = Vec::new();
        let set = loaded(&store, &mut notices);
        assert_eq!((set.unsealed(), found(&set), notices.len()), (30, expected, 1));
        assert_eq!((store.count(&SEGMENTS), store.count(&SEGMENT_BYTES)), (0, 0), "what was damaged is gone");
        assert!(store.verify(&mut |_| ()).unwrap().is_clean());
    }

    /// A database opened for sixteen bits, with a row that is missing, one that is damaged and a document that was deleted.
    #[test]
    fn full_rows_are_kept_in_memory_where_they_are_wanted_and_sound() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = sealed(folder.path(), 40);
        store
            .commit(|tx| -> Result<()> {
                for key in 0..39 {
                    tx.put(&ROWS, &(key, 0), &RowFormat::F16.encode(&code(key).decode_fine())?)?;
                }
                codes::bury(tx, 3..4, usize::MAX).map(drop)
            })
            .unwrap();
        damage(&store, &ROWS, &(7, 0), |value| value[3] ^= 8).unwrap();
        let mut notices = Vec::new();
        let expected = found(&loaded(&store, &mut notices));
        let set = loaded_with(&store, Rescoring::SixteenBits, &mut notices);
        assert!(set.segments().iter().all(|(_, segment)| segment.rescoring() == Rescoring::SixteenBits));
        assert_eq!((found(&set), set.len(), notices.len()), (expected, 39, 0));
    }

    #[test]
    fn codes_of_the_first_kind_are_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path(), Default::default(), StoreOptions::new()).unwrap();
        let vector = |key: u64| (0..DIMENSION as u64).map(|i| (key * 3 + i) as f32 / 8.0).collect::<Vec<f32>>();
        store
            .commit(move |tx| -> Result<()> {
                for key in 0..5 {
                    tx.put(&ROWS, &(key, 0), &RowFormat::F16.encode(&vector(key))?)?;
                }
                tx.put(&FIRST_CODES, &0, &vec![1; 3 * (8 + DIMENSION)])?;
                Ok(tx.put(&FIRST_CODES, &3, &vec![1; 2 * (8 + DIMENSION)])?)
            })
            .unwrap();
        let set = loaded(&store, &mut Vec::new());
        assert_eq!((set.len(), store.count(&FIRST_CODES), store.count(&CODES)), (5, 0, 2));
        let found = set.find(&Query::new(&vector(4)).unwrap(), 1, None, &SearchOptions::default()).unwrap();
        assert!((found.best[0].score - 1.0).abs() < 1e-3);
    }
}
