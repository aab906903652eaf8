//! A look at sled's log before sled has it: would opening it destroy something?
//!
//! When sled recovers its log and comes to a message that is damaged, it takes that for the place where a crash cut the log
//! off, and overwrites everything after it with zeros; in a segment that is not the last it skips the rest of the segment.
//! After a crash that is right. After a flipped bit it wipes out sound rows, and a repair has nothing left to carve. So the
//! segments since sled's last snapshot are checked here, as sled will read them; where the log ends otherwise than a log
//! does, the file is kept aside (`store.kept`) before sled may touch it.
//!
//! Whether something was lost is only known afterwards, by comparing (`kept`).

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::carve::scan_window;
use crate::error::{Error, Result};

pub(crate) const SEGMENT_BYTES: u64 = 512 * 1024;
const SEGMENT_HEADER_BYTES: usize = 20;
/// Segments before the snapshot that are looked at, to know how far the transactions had come by then.
const CONTEXT_SEGMENTS: u64 = 2;
/// sled stores log sequence numbers inverted, so that zeros are none.
const MASK: u64 = 0x7FFF_FFFF_FFFF_FFFF;

/// A segment of the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Segment {
    /// Where it is in the log.
    lsn: u64,
    /// Where it is in the file.
    offset: u64,
    /// How far the log was known to be written when it was begun.
    stable: u64,
}

/// Whether opening the store in `folder` may destroy rows: the newest transaction before the place that does not fit.
/// `None` for a log that simply ends.
pub(crate) fn damage(folder: &Path) -> Result<Option<u64>> {
    let path = folder.join("db");
    let mut file = File::open(&path).map_err(Error::io("open", &path))?;
    let snapshot = snapshot_lsn(folder) / SEGMENT_BYTES * SEGMENT_BYTES;
    let (segments, headless) = segments(&mut file, &path, snapshot)?;
    let stable = segments.iter().map(|segment| segment.stable).max().unwrap_or_default();
    let mut previous: Option<u64> = None;
    let mut bytes = Vec::new();
    let mut place = None;
    for (at, segment) in segments.iter().enumerate() {
        let lsn = segment.lsn;
        if lsn < snapshot {
            continue;
        }
        // Beyond what sled knows to be written, a segment that is missing ends the log for it.
        let gap = lsn > stable && previous.is_some_and(|previous| previous + SEGMENT_BYTES != lsn);
        previous = Some(lsn);
        read_at(&mut file, &path, segment.offset, SEGMENT_BYTES, &mut bytes)?;
        let end = sound_until(&bytes, lsn / SEGMENT_BYTES);
        let is_last = at + 1 == segments.len();
        // What a segment held in an earlier life may lie behind the end of the log: that is older.
        let is_end = match newest_in(bytes.get(end.at..).unwrap_or_default()) {
            _ if !end.is_cut => true,
            _ if !is_last => false,
            Some(newest) => Some(newest) < newest_before(&mut file, &path, &segments, lsn)?,
            None => true,
        };
        if gap || !is_end {
            place = Some(lsn);
            break;
        }
    }
    // One whose header is damaged is not there for sled.
    let place = [place, headless].into_iter().flatten().min();
    let before = |lsn| Ok(newest_before(&mut file, &path, &segments, lsn)?.unwrap_or_default());
    place.map(before).transpose()
}

/// The segments that sled will read, a few before them, all in order; and the first that it should read but cannot, as its header is
/// damaged.
fn segments(file: &mut File, path: &Path, snapshot: u64) -> Result<(Vec<Segment>, Option<u64>)> {
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    let first = snapshot.saturating_sub(CONTEXT_SEGMENTS * SEGMENT_BYTES);
    let (mut segments, mut headless) = (Vec::new(), None);
    let mut bytes = Vec::new();
    for offset in (0..length).step_by(SEGMENT_BYTES as usize) {
        read_at(file, path, offset, SEGMENT_HEADER_BYTES as u64, &mut bytes)?;
        match segment_header(&bytes) {
            Some((lsn, stable)) if lsn >= first => segments.push(Segment { lsn, offset, stable }),
            Some(_) => {}
            None => {
                read_at(file, path, offset, SEGMENT_HEADER_BYTES as u64 + LONGEST_MESSAGE, &mut bytes)?;
                // sled zeroes what it frees, so a message that is sound belonged to something. It says to which segment.
                let message = message(bytes.get(SEGMENT_HEADER_BYTES..).unwrap_or_default(), None);
                let lsn = message.map(|message| message.segment.saturating_mul(SEGMENT_BYTES));
                headless = [headless, lsn.filter(|lsn| *lsn >= snapshot)].into_iter().flatten().min();
            }
        }
    }
    segments.sort_unstable();
    Ok((segments, headless))
}

/// The newest transaction of any row in the sound messages of the log up to the segment `lsn` and in it.
fn newest_before(file: &mut File, path: &Path, segments: &[Segment], lsn: u64) -> Result<Option<u64>> {
    let mut newest = None;
    let mut bytes = Vec::new();
    let before = segments.iter().rev().filter(|segment| segment.lsn <= lsn);
    for (at, segment) in before.enumerate() {
        read_at(file, path, segment.offset, SEGMENT_BYTES, &mut bytes)?;
        let end = sound_until(&bytes, segment.lsn / SEGMENT_BYTES);
        newest = newest.max(newest_in(bytes.get(..end.at).unwrap_or_default()));
        // Rows come in their order; what sled moves about is older.
        if newest.is_some() && at as u64 > CONTEXT_SEGMENTS {
            break;
        }
    }
    Ok(newest)
}

/// Where the sound messages of a segment end.
struct End {
    at: usize,
    /// Whether it was not by a message that says so, or by the segment being full.
    is_cut: bool,
}

fn sound_until(segment: &[u8], number: u64) -> End {
    const CAP: u8 = 2;
    const LONGEST_HEADER: usize = 32;
    let mut at = SEGMENT_HEADER_BYTES;
    while at + LONGEST_HEADER <= SEGMENT_BYTES as usize {
        match message(segment.get(at..).unwrap_or_default(), Some(number)) {
            Some(Message { kind: CAP, .. }) => return End { at, is_cut: false },
            Some(message) => at += message.length,
            None => return End { at: at.min(segment.len()), is_cut: true },
        }
    }
    End { at: at.min(segment.len()), is_cut: false }
}

/// Enough for any message that begins a segment: none is longer than a quarter of it.
const LONGEST_MESSAGE: u64 = SEGMENT_BYTES / 4;

struct Message {
    kind: u8,
    length: usize,
    segment: u64,
}

/// The message that `bytes` begin with, if it is sound and of this segment: CRC32, kind, then as variable integers its
/// length, the number of its segment and its page, then its body.
fn message(bytes: &[u8], number: Option<u64>) -> Option<Message> {
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
    let expected = number.is_none_or(|number| segment == number);
    let sound = *kind != 0 && expected && hasher.finalize() ^ 0xFFFF_FFFF == u32::from_le_bytes(*crc);
    sound.then_some(Message { kind: *kind, length: header_length + length, segment })
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

/// The log sequence number of a segment whose header is sound, and the one that was known to be written by then.
fn segment_header(header: &[u8]) -> Option<(u64, u64)> {
    let (crc, rest) = header.split_first_chunk::<4>()?;
    let numbers = rest.first_chunk::<16>()?;
    let (lsn, rest) = numbers.split_first_chunk::<8>()?;
    let stable = rest.first_chunk::<8>()?;
    let sound = crc32fast::hash(numbers) ^ 0xFFFF_FFFF == u32::from_le_bytes(*crc);
    let number = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes) ^ MASK;
    // One that was never stable is below zero.
    sound.then(|| (number(lsn), i64::try_from(number(stable)).unwrap_or_default().max(0) as u64))
}

/// From where sled reads the log: what the newest of its snapshots is called.
fn snapshot_lsn(folder: &Path) -> u64 {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let numbers = names.filter_map(|name| u64::from_str_radix(name.strip_prefix("snap.")?, 16).ok());
    numbers.max().unwrap_or_default()
}

/// The newest transaction of any row in these bytes.
fn newest_in(bytes: &[u8]) -> Option<u64> {
    let mut newest = None;
    scan_window(bytes, bytes.len(), &mut |value| newest = newest.max(Some(value.stored.sequence.0)));
    newest
}

/// Reads so many bytes, or as many as there are.
fn read_at(file: &mut File, path: &Path, offset: u64, length: u64, bytes: &mut Vec<u8>) -> Result<()> {
    bytes.clear();
    file.seek(SeekFrom::Start(offset)).map_err(Error::io("read", path))?;
    file.take(length).read_to_end(bytes).map_err(Error::io("read", path))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::print_stdout)]

    use super::*;
    use crate::kept::KEPT;
    use crate::{Error, ErrorKind, Store, StoreOptions, Table, Transaction};

    const ROWS: Table<u64, Vec<u8>> = Table::new(16, "rows");

    fn fill(dir: &Path, rows: u64) {
        let store = Store::open_or_create(dir, Default::default(), StoreOptions::new()).unwrap();
        for first in (0..rows).step_by(10) {
            let put = move |transaction: &mut Transaction<'_>| -> Result<(), Error> {
                (first..first + 10).try_for_each(|id| transaction.put(&ROWS, &id, &vec![id as u8; 3_000]))
            };
            store.commit(put).unwrap();
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

    /// The segments in the order of the log, and its bytes.
    fn layout(folder: &Path) -> (Vec<Segment>, Vec<u8>) {
        let path = folder.join("db");
        let mut file = File::open(&path).unwrap();
        (segments(&mut file, &path, 0).unwrap().0, fs::read(&path).unwrap())
    }

    /// A sound log is never copied; one with damage since the snapshot is, and stays until somebody repairs it.
    #[test]
    fn damage_is_seen_before_sled_wipes_out_what_follows() {
        let dir = tempfile::tempdir().unwrap();
        let (original, path) = (dir.path().join("original"), dir.path().join("db"));
        for rows in [100, 400, 500] {
            fill(&original, rows);
            assert_eq!(damage(&original.join("store")).unwrap(), None);
            assert!(!original.join(KEPT).exists());
        }
        let (segments, good) = layout(&original.join("store"));
        let used = |segment: &Segment| {
            let start = segment.offset as usize;
            start
                + sound_until(&good[start..good.len().min(start + SEGMENT_BYTES as usize)], segment.lsn / SEGMENT_BYTES)
                    .at
        };
        let (last, before) = (segments[segments.len() - 1], segments[segments.len() - 2]);
        let places = [
            // In the last segment sled takes it for the end of the log, in the one before for the end of that segment.
            (last.offset as usize + SEGMENT_HEADER_BYTES + used(&last)) / 2,
            used(&before) - 100_000,
            used(&before) - 300_000,
            // Headers.
            last.offset as usize + 7,
            before.offset as usize + 7,
        ];
        for place in places {
            copy(&original, &path);
            let mut bytes = good.clone();
            bytes[place] ^= 1;
            fs::write(path.join("store/db"), &bytes).unwrap();
            assert!(damage(&path.join("store")).unwrap().is_some(), "at {place}");
            for _ in 0..2 {
                let refused = Store::open(&path, StoreOptions::new());
                assert!(
                    refused.as_ref().is_err_and(|error| error.kind() == ErrorKind::Damaged),
                    "at {place}: {refused:?}"
                );
                assert!(fs::read(path.join(KEPT).join("db")).unwrap() == bytes);
            }
        }
    }

    /// What a crash leaves is no damage: messages that were begun, or none, behind the last whole one.
    #[test]
    fn a_log_that_was_cut_off_is_no_damage() {
        let dir = tempfile::tempdir().unwrap();
        let (original, path) = (dir.path().join("original"), dir.path().join("db"));
        fill(&original, 300);
        let (segments, good) = layout(&original.join("store"));
        let last = segments[segments.len() - 1].offset as usize;
        let number = segments[segments.len() - 1].lsn / SEGMENT_BYTES;
        let used = last + sound_until(&good[last..], number).at;
        for back in [1, 30, 1_000, 3_000] {
            copy(&original, &path);
            let mut bytes = good.clone();
            bytes[used - back..].fill(0);
            fs::write(path.join("store/db"), &bytes).unwrap();
            assert_eq!(damage(&path.join("store")).unwrap(), None, "{back} bytes");
        }
    }

    /// What the look costs where sled has to read a long log: `cargo test -p neodex-storage --lib large -- --ignored --nocapture`.
    #[test]
    #[ignore = "a measurement, of half a gigabyte"]
    fn a_look_at_a_large_log() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open_or_create(dir.path(), Default::default(), StoreOptions::new()).unwrap();
        for first in (0..160_000u64).step_by(1_000) {
            let put = move |transaction: &mut Transaction<'_>| -> Result<(), Error> {
                (first..first + 1_000).try_for_each(|id| transaction.put(&ROWS, &id, &vec![id as u8; 3_000]))
            };
            store.commit(put).unwrap();
        }
        drop(store);
        // As if it had been killed: sled notes how far it has read when it opens, not when it closes.
        for _ in 0..2 {
            let started = std::time::Instant::now();
            assert_eq!(damage(&dir.path().join("store")).unwrap(), None);
            let looked = started.elapsed();
            let started = std::time::Instant::now();
            drop(Store::open(dir.path(), StoreOptions::new()).unwrap());
            println!(
                "{} MB: looked at in {looked:?}, opened, with another look, in {:?}",
                fs::metadata(dir.path().join("store/db")).unwrap().len() >> 20,
                started.elapsed()
            );
        }
    }

    fn copy(from: &Path, to: &Path) {
        let _ = fs::remove_dir_all(to);
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
}
