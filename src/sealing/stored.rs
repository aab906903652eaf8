//! Segments in the store: their bytes in checksummed values, and one row a segment that says it counts.
//!
//! The bytes are written first, under a number nobody knows of; one transaction then lists the new segment and strikes out those it takes the
//! place of. Bytes of no listed segment are swept when the database is opened.

use neodex_index::vector::SegmentId;
use neodex_storage::failpoint::reach;
use neodex_storage::{MAX_PAYLOAD_BYTES, Malformed, Store, TableValue};

use crate::bytes::{Reader, Writer};
use crate::error::Result;
use crate::schema::{BURIED_CODES, SEGMENT_BYTES, SEGMENT_COUNTER, SEGMENTS};

/// Bytes written or removed in one transaction.
const SLICE: usize = 1 << 20;

/// A segment that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredSegment {
    /// Vectors it was built with.
    pub(crate) vectors: u64,
    /// Its bytes.
    pub(crate) bytes: u64,
    /// Their hash.
    pub(crate) hash: [u8; 32],
}

impl TableValue for StoredSegment {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.varint(self.vectors);
        writer.varint(self.bytes);
        writer.raw(&self.hash);
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let stored = Self { vectors: reader.varint()?, bytes: reader.varint()?, hash: reader.array()? };
        reader.end()?;
        Ok(stored)
    }
}

/// Stores a segment in the place of those `replaced`, and returns its number.
///
/// # Errors
/// What the store says; nothing counts that did not before.
pub(crate) fn store_segment(store: &Store, vectors: usize, bytes: &[u8], replaced: &[SegmentId]) -> Result<SegmentId> {
    let id = store.commit(|tx| -> Result<u64> { Ok(tx.allocate(SEGMENT_COUNTER, 1)?) })?.value;
    let parts: Vec<(u32, &[u8])> = (0..).zip(bytes.chunks(MAX_PAYLOAD_BYTES)).collect();
    for slice in parts.chunks(SLICE / MAX_PAYLOAD_BYTES) {
        let slice: Vec<(u32, Vec<u8>)> = slice.iter().map(|(part, bytes)| (*part, bytes.to_vec())).collect();
        store.commit(move |tx| -> Result<()> {
            slice.iter().try_for_each(|(part, bytes)| Ok(tx.put(&SEGMENT_BYTES, &(id, *part), bytes)?))
        })?;
        reach("segment.slice");
    }
    let stored =
        StoredSegment { vectors: vectors as u64, bytes: bytes.len() as u64, hash: *blake3::hash(bytes).as_bytes() };
    let gone = replaced.to_vec();
    store.commit(move |tx| -> Result<()> {
        for id in &gone {
            tx.remove(&SEGMENTS, id)?;
        }
        Ok(tx.put(&SEGMENTS, &id, &stored)?)
    })?;
    reach("segment.listed");
    replaced.iter().try_for_each(|&id| remove_bytes(store, id))?;
    Ok(id)
}

/// Strikes a segment out.
///
/// # Errors
/// What the store says.
pub(crate) fn forget(store: &Store, id: SegmentId) -> Result<()> {
    store.commit(move |tx| -> Result<bool> { Ok(tx.remove(&SEGMENTS, &id)?) })?;
    remove_bytes(store, id)
}

/// The bytes of a segment, or why they are not what was stored.
///
/// # Errors
/// When sled cannot read; a damaged value is in the answer.
pub(crate) fn segment_bytes(store: &Store, id: SegmentId, stored: &StoredSegment) -> Result<Result<Vec<u8>, String>> {
    let mut bytes = Vec::new();
    for (expected, row) in (0..).zip(store.range(&SEGMENT_BYTES, (id, 0)..=(id, u32::MAX))?) {
        match row {
            Ok(((_, part), piece)) if part == expected => bytes.extend(piece),
            Ok(((_, part), _)) => return Ok(Err(format!("part {expected} is missing before part {part}"))),
            Err(error) if error.kind() == neodex_storage::ErrorKind::Damaged => return Ok(Err(error.to_string())),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(check(&bytes, stored).map(|()| bytes))
}

/// Whether these are the bytes that were stored; why not, if not.
fn check(bytes: &[u8], stored: &StoredSegment) -> Result<(), String> {
    if bytes.len() as u64 != stored.bytes {
        return Err(format!("it has {} bytes of {}", bytes.len(), stored.bytes));
    }
    if blake3::hash(bytes).as_bytes() != &stored.hash {
        return Err("its hash is not the one it was stored with".to_owned());
    }
    Ok(())
}

/// Segments that count, and what is wrong with those that were struck out.
type Listed = (Vec<(SegmentId, StoredSegment)>, Vec<String>);

/// The listed segments. One whose row is damaged is struck out, and what is wrong with it is in the second list. Nothing is written unless there is
/// one: opening a database is no transaction.
///
/// # Errors
/// What the store says.
pub(crate) fn listed(store: &Store) -> Result<Listed> {
    let (mut sound, mut damaged) = (Vec::new(), Vec::new());
    for row in store.scan(&SEGMENTS) {
        match row {
            Ok(segment) => sound.push(segment),
            Err(error) if error.kind() == neodex_storage::ErrorKind::Damaged => damaged.push(error.to_string()),
            Err(error) => return Err(error.into()),
        }
    }
    if !damaged.is_empty() {
        let kept: Vec<SegmentId> = sound.iter().map(|(id, _)| *id).collect();
        store.commit(move |tx| -> Result<()> {
            let ids = tx.keys(&SEGMENTS, ..)?.collect::<Result<Vec<_>, _>>()?;
            ids.iter().filter(|id| !kept.contains(id)).try_for_each(|id| Ok(tx.remove(&SEGMENTS, id).map(drop)?))
        })?;
    }
    Ok((sound, damaged))
}

/// Removes everything about segments, sound or not: before vectors of another model come.
///
/// # Errors
/// What the store says.
pub(crate) fn forget_all(store: &Store) -> Result<()> {
    remove_all(store, &SEGMENTS)?;
    remove_all(store, &SEGMENT_BYTES)?;
    remove_all(store, &BURIED_CODES)
}

/// Removes the bytes of segments that are not listed.
///
/// # Errors
/// What the store says.
pub(crate) fn sweep_bytes(store: &Store) -> Result<()> {
    let (listed, _) = listed(store)?;
    let parts = |stored: &StoredSegment| stored.bytes.div_ceil(MAX_PAYLOAD_BYTES as u64);
    if store.count(&SEGMENT_BYTES) == listed.iter().map(|(_, stored)| parts(stored)).sum::<u64>() {
        return Ok(());
    }
    let mut from = 0;
    loop {
        let next = store.commit(move |tx| -> Result<Option<(SegmentId, bool)>> {
            let Some(key) = tx.keys(&SEGMENT_BYTES, (from, 0)..)?.next() else { return Ok(None) };
            let (id, _) = key?;
            Ok(Some((id, tx.contains(&SEGMENTS, &id)?)))
        })?;
        let Some((id, is_listed)) = next.value else { return Ok(()) };
        if !is_listed {
            remove_bytes(store, id)?;
        }
        from = id + 1;
    }
}

fn remove_bytes(store: &Store, id: SegmentId) -> Result<()> {
    loop {
        let removed = store.commit(move |tx| -> Result<usize> {
            let keys = tx.keys(&SEGMENT_BYTES, (id, 0)..=(id, u32::MAX))?.take(1_024).collect::<Result<Vec<_>, _>>()?;
            for key in &keys {
                tx.remove(&SEGMENT_BYTES, key)?;
            }
            Ok(keys.len())
        })?;
        if removed.value == 0 {
            return Ok(());
        }
    }
}

/// Removes every row of a table, damaged ones too.
///
/// # Errors
/// What the store says.
pub(crate) fn remove_all<K, V>(store: &Store, table: &neodex_storage::Table<K, V>) -> Result<()>
where
    K: neodex_storage::TableKey + Send + 'static,
    V: TableValue + 'static,
{
    let table = *table;
    loop {
        let removed = store.commit(move |tx| -> Result<usize> {
            let keys = tx.keys(&table, ..)?.take(1_024).collect::<Result<Vec<K>, _>>()?;
            for key in &keys {
                tx.remove(&table, key)?;
            }
            Ok(keys.len())
        })?;
        if removed.value == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes: Vec<u8> = (0..1_500u32).map(|i| (i * i % 251) as u8).collect();
        let stored = StoredSegment { vectors: 3, bytes: 1_500, hash: *blake3::hash(&bytes).as_bytes() };
        assert_eq!(check(&bytes, &stored), Ok(()));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(check(&flipped, &stored).is_err(), "bit {bit}");
        }
        assert!(check(&bytes[..1_499], &stored).is_err());
        let mut row = Vec::new();
        stored.encode(&mut row);
        assert_eq!(StoredSegment::decode(&row).unwrap(), stored);
    }
}
