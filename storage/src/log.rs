//! A look at sled's log before sled has it: would opening it destroy something?
//!
//! When sled recovers its log and comes to a message that is damaged, it takes that for the place where a crash cut the log
//! off, and overwrites everything after it with zeros. After a crash that is right. After a flipped bit it wipes out sound
//! rows, and a repair has nothing left to carve. So the messages since sled's last snapshot are checked here, as sled will
//! read them; where rows lie behind one that does not fit, the file is kept aside (`store.kept`) before sled may touch it.
//!
//! Whether something was lost is only known afterwards: of a group of transactions that was never acknowledged there may
//! be rows, too. But there can be one such group at most, and every group has one row with its last transaction.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::carve::{scan, scan_window};
use crate::durability::{create_directory, remove_directory, rename, sync_files};
use crate::error::{Error, Result};
use crate::numbers::{META, SEQUENCE};
use crate::sequence::Sequence;
use crate::value::TableValue;

/// Where the file is kept, in the database's folder.
pub(crate) const KEPT: &str = "store.kept";

/// The name of a copy that is not complete.
pub(crate) const KEEPING: &str = "store.keeping";

const SEGMENT_BYTES: u64 = 512 * 1024;
const SEGMENT_HEADER_BYTES: usize = 20;
/// Segments before the snapshot that are looked at, to know how far the log had come by then.
const CONTEXT_SEGMENTS: u64 = 2;
/// sled stores log sequence numbers inverted, so that zeros are none.
const MASK: u64 = 0x7FFF_FFFF_FFFF_FFFF;

/// Keeps a copy of the log of the store in `folder` if opening it may destroy rows.
pub(crate) fn keep_if_suspicious(dir: &Path, folder: &Path) -> Result<()> {
    let kept = dir.join(KEPT);
    if kept.exists() || !is_suspicious(folder)? {
        return Ok(());
    }
    let unfinished = dir.join(KEEPING);
    remove_directory(&unfinished)?;
    create_directory(&unfinished)?;
    let log = folder.join("db");
    fs::copy(&log, unfinished.join("db")).map_err(Error::io("copy", &log))?;
    sync_files(&unfinished)?;
    rename(&unfinished, &kept)
}

/// Whether rows of acknowledged transactions are in the kept log and not in the store, which ends at `last`. If not, the
/// kept log goes.
pub(crate) fn has_lost(dir: &Path, last: Sequence) -> Result<bool> {
    let log = dir.join(KEPT).join("db");
    if !log.exists() {
        return Ok(false);
    }
    let mut groups = BTreeSet::new();
    scan(&log, &mut |_| {}, &mut |value| {
        if value.table == META.id()
            && value.key == SEQUENCE.as_bytes()
            && let Ok(sequence) = u64::decode(value.stored.payload)
            && sequence > last.0
        {
            groups.insert(sequence);
        }
    })?;
    if groups.len() > 1 {
        return Ok(true);
    }
    remove_directory(&dir.join(KEPT))?;
    Ok(false)
}

/// Whether, in the order in which sled will read the log, rows come after a message that does not fit that are newer than
/// all before it.
fn is_suspicious(folder: &Path) -> Result<bool> {
    let path = folder.join("db");
    let mut file = File::open(&path).map_err(Error::io("open", &path))?;
    let length = file.metadata().map_err(Error::io("read", &path))?.len();
    let snapshot = snapshot_lsn(folder);
    let first = (snapshot / SEGMENT_BYTES).saturating_sub(CONTEXT_SEGMENTS) * SEGMENT_BYTES;
    let mut segments = Vec::new();
    let mut bytes = Vec::new();
    for offset in (0..length).step_by(SEGMENT_BYTES as usize) {
        bytes.clear();
        read_at(&mut file, &path, offset, SEGMENT_HEADER_BYTES as u64, &mut bytes)?;
        match segment_lsn(&bytes) {
            Some(lsn) if lsn >= first => segments.push((lsn, offset)),
            Some(_) => {}
            // sled zeroes what it frees: rows without a header are damage.
            None if bytes.iter().all(|byte| *byte == 0) => {}
            None => {
                bytes.clear();
                read_at(&mut file, &path, offset, SEGMENT_BYTES, &mut bytes)?;
                if newest_in(&bytes) > 0 {
                    return Ok(true);
                }
            }
        }
    }
    segments.sort_unstable();
    let mut newest = 0;
    let mut damaged = false;
    for (lsn, offset) in segments {
        bytes.clear();
        read_at(&mut file, &path, offset, SEGMENT_BYTES, &mut bytes)?;
        let end = sound_until(&bytes, lsn / SEGMENT_BYTES);
        let (sound, rest) = bytes.split_at(end.at.min(bytes.len()));
        if damaged && newest_in(sound) > newest {
            return Ok(true);
        }
        newest = newest.max(newest_in(sound));
        if end.is_damaged {
            damaged = true;
            if newest_in(rest) > newest {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Where the sound messages of a segment end.
struct End {
    at: usize,
    /// Whether it was not by a message that says so.
    is_damaged: bool,
}

fn sound_until(segment: &[u8], number: u64) -> End {
    const CAP: u8 = 2;
    const LONGEST_HEADER: usize = 32;
    let mut at = SEGMENT_HEADER_BYTES;
    while at + LONGEST_HEADER <= segment.len() {
        match message(segment.get(at..).unwrap_or_default(), number) {
            Some((CAP, _)) => return End { at, is_damaged: false },
            Some((_, length)) => at += length,
            None => return End { at, is_damaged: true },
        }
    }
    End { at, is_damaged: false }
}

/// Kind and length of the message that `bytes` begin with, if it is sound: CRC32, kind, then as variable integers its
/// length, the number of its segment and its page, then its body.
fn message(bytes: &[u8], number: u64) -> Option<(u8, usize)> {
    let (crc, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, mut rest) = rest.split_first()?;
    let length = usize::try_from(integer(&mut rest)?).ok()?;
    let segment = integer(&mut rest)?;
    let _page = integer(&mut rest)?;
    let header_length = bytes.len() - rest.len();
    let body = rest.get(..length)?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(body);
    hasher.update(bytes.get(4..header_length)?);
    let sound = *kind != 0 && segment == number && hasher.finalize() ^ 0xFFFF_FFFF == u32::from_le_bytes(*crc);
    sound.then_some((*kind, header_length + length))
}

/// sled's variable integer.
fn integer(bytes: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = bytes.split_first()?;
    let more = match first {
        0..=240 => 0,
        241..=248 => 1,
        249 => 2,
        long => usize::from(long - 247),
    };
    let (raw, rest) = rest.split_at_checked(more)?;
    *bytes = rest;
    let raw = raw.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    Some(match first {
        0..=240 => u64::from(first),
        241..=248 => 240 + 256 * u64::from(first - 241) + raw,
        // The one that is written with its higher byte first.
        249 => 2288 + 256 * (raw & 0xFF) + (raw >> 8),
        _ => raw,
    })
}

/// The log sequence number of a segment whose header is sound.
fn segment_lsn(header: &[u8]) -> Option<u64> {
    let (crc, rest) = header.split_first_chunk::<4>()?;
    let (lsn, _) = rest.split_first_chunk::<8>()?;
    let sound = rest.len() == 16 && crc32fast::hash(rest) ^ 0xFFFF_FFFF == u32::from_le_bytes(*crc);
    sound.then(|| u64::from_le_bytes(*lsn) ^ MASK)
}

/// From where sled reads the log: what the newest of its snapshots is called.
fn snapshot_lsn(folder: &Path) -> u64 {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let numbers = names.filter_map(|name| u64::from_str_radix(name.strip_prefix("snap.")?, 16).ok());
    numbers.max().unwrap_or_default()
}

/// The newest transaction of any row in these bytes.
fn newest_in(bytes: &[u8]) -> u64 {
    let mut newest = 0;
    scan_window(bytes, bytes.len(), &mut |value| newest = newest.max(value.stored.sequence.0));
    newest
}

fn read_at(file: &mut File, path: &Path, offset: u64, length: u64, bytes: &mut Vec<u8>) -> Result<()> {
    file.seek(SeekFrom::Start(offset)).map_err(Error::io("read", path))?;
    file.take(length).read_to_end(bytes).map_err(Error::io("read", path))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{Error, Store, StoreOptions, Table};

    const ROWS: Table<u64, Vec<u8>> = Table::new(16, "rows");

    fn fill(dir: &Path, rows: u64) {
        let store = Store::open_or_create(dir, Default::default(), StoreOptions::new()).unwrap();
        for id in 0..rows {
            let row = vec![id as u8; 3_000];
            store.commit::<_, Error>(move |transaction| transaction.put(&ROWS, &id, &row)).unwrap();
        }
    }

    #[test]
    fn sleds_integers_are_read_as_they_are_written() {
        let cases: [(&[u8], u64); 6] = [
            (&[240], 240),
            (&[241, 1], 241),
            (&[248, 255], 2287),
            (&[249, 1, 2], 2288 + 256 + 2),
            (&[250, 1, 2, 3], 0x03_02_01),
            (&[251, 1, 2, 3, 4], 0x04_03_02_01),
        ];
        for (bytes, number) in cases {
            let mut rest = bytes;
            assert_eq!((integer(&mut rest), rest.len()), (Some(number), 0), "{bytes:?}");
        }
        assert_eq!(integer(&mut [251u8, 1].as_slice()), None);
    }

    /// A sound log is never copied; one with damage among its newest messages is, and stays until somebody repairs it.
    #[test]
    fn damage_is_seen_before_sled_wipes_out_what_follows() {
        const ROWS_WRITTEN: u64 = 400;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        for _ in 0..3 {
            fill(path, ROWS_WRITTEN);
            assert!(!is_suspicious(&path.join("store")).unwrap());
            assert!(!path.join(KEPT).exists());
        }
        let log = path.join("store/db");
        let mut bytes = fs::read(&log).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        bytes[used - 100_000] ^= 1;
        fs::write(&log, &bytes).unwrap();
        assert!(is_suspicious(&path.join("store")).unwrap());
        for _ in 0..2 {
            let refused = Store::open(path, StoreOptions::new());
            assert!(matches!(refused, Err(Error::Damaged { .. })));
            assert!(fs::read(path.join(KEPT).join("db")).unwrap() == bytes);
        }
    }
}
