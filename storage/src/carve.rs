//! Carving rows out of a store's raw files, for when sled will not open them, or opens them without some of their rows.
//!
//! Every value says itself which table, key and transaction it is of, and has a checksum; sled writes them as they are.
//! So the files are read from end to end, whatever their structure says, and of each key the newest value wins. What sled
//! has not overwritten yet is found as well: rows that were removed, and older versions. Which of them count is for the
//! caller to say, who knows what the rows mean.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::codec::{self, BEGINNING, MAX_VALUE_BYTES, Parsed};
use crate::copy::Target;
use crate::error::{Error, Result};
use crate::fresh::{Fresh, renamed};
use crate::key::TableKey;
use crate::manifest::{FORMAT_VERSION, Manifest};
use crate::mirror::{IDENTITY, MANIFEST};
use crate::numbers::{self, META, Numbers};
use crate::options::StoreOptions;
use crate::rebuild::Rebuild;
use crate::sequence::Sequence;
use crate::table::Table;
use crate::value::TableValue;

/// Bytes read at once; far more than the longest value.
const WINDOW: usize = 8 << 20;

/// What was found in the raw files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carved {
    /// Bytes read.
    pub bytes: u64,
    /// Sound values found, older copies among them.
    pub values: u64,
    /// Rows that they make.
    pub rows: u64,
    /// The newest transaction of any of them.
    pub newest: Sequence,
    /// How many rows a table had by the newest word of it that was found; a table of which none was found is left out.
    pub counts: BTreeMap<u8, u64>,
    /// Where FORMAT could not be read: whether the store knew what it said.
    pub manifest_found: Option<bool>,
}

impl Rebuild {
    /// Fills the draft with the newest value of every key in the files of the damaged store. Only rows of the tables for which
    /// `wanted` says so are taken. `progress` hears bytes read and bytes in all.
    ///
    /// # Errors
    /// [`Error::Io`] where files cannot be read, or there is no room for the draft.
    pub fn carve(
        &self,
        options: &StoreOptions,
        wanted: &dyn Fn(u8) -> bool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Carved> {
        let draft = self.empty_draft()?;
        let mut fresh = Fresh::begin(&draft, options.cache_capacity_bytes)?;
        let mut carved = Carved::default();
        let mut counters = Numbers::default();
        let mut counts = BTreeMap::<u8, (Sequence, u64)>::new();
        let mut mirrors: Vec<(Sequence, String, Vec<u8>)> = Vec::new();
        let files = files(&self.sources())?;
        let total: u64 = files.iter().map(|(_, length)| length).sum();
        let mut failed = Ok(());
        for (file, _) in &files {
            let before = carved.bytes;
            let read = scan(file, &mut |bytes| progress(before + bytes, total), &mut |value| {
                carved.values += 1;
                let sequence = value.stored.sequence;
                carved.newest = carved.newest.max(sequence);
                if value.table == META.id() {
                    counters.raise_from_row(value.key, value.stored.payload);
                    if let Some((table, count)) = numbers::count_of_row(value.key, value.stored.payload) {
                        let known = counts.entry(table).or_default();
                        *known = (*known).max((sequence, count));
                    }
                } else if value.table == IDENTITY.id() {
                    if let Some(part) = std::str::from_utf8(value.key).ok().and_then(|key| key.strip_prefix(MANIFEST)) {
                        mirrors.push((sequence, part.to_owned(), value.stored.payload.to_vec()));
                    }
                } else if wanted(value.table) && failed.is_ok() {
                    failed = keep_newest(&mut fresh, value);
                }
            })?;
            carved.bytes += read;
        }
        failed?;
        carved.counts = counts.into_iter().map(|(table, (_, count))| (table, count)).collect();
        let manifest = match self.manifest() {
            Ok(manifest) => manifest.clone(),
            Err(_) => {
                let found = newest_mirror(mirrors);
                carved.manifest_found = Some(found.is_some());
                found.unwrap_or_else(|| Manifest::new(Default::default()))
            }
        };
        counters.sequence = carved.newest.max(self.known_sequence());
        for key in fresh.tree()?.iter().keys() {
            let key = key.map_err(Error::engine("count what was carved"))?;
            counters.count(key.first().copied().unwrap_or_default(), false, true);
            carved.rows += 1;
        }
        for (key, value) in counters.rows()? {
            fresh.put(&key, &value)?;
        }
        fresh.found(&Manifest { format: FORMAT_VERSION, ..renamed(&manifest) }, counters.sequence)?;
        Ok(carved)
    }

    /// Every sound copy, older ones too, of these rows of a table in the raw files: key, transaction and value.
    ///
    /// # Errors
    /// [`Error::Io`] where files cannot be read.
    pub fn copies<K: TableKey + Ord, V: TableValue>(
        &self,
        table: &Table<K, V>,
        keys: &BTreeSet<K>,
    ) -> Result<Vec<(K, Sequence, V)>> {
        let mut found = Vec::new();
        for (file, _) in files(&self.sources())? {
            scan(&file, &mut |_| {}, &mut |value| {
                if value.table == table.id()
                    && let Some(key) = K::decode(value.key)
                    && keys.contains(&key)
                    && let Ok(decoded) = V::decode(value.stored.payload)
                {
                    found.push((key, value.stored.sequence, decoded));
                }
            })?;
        }
        Ok(found)
    }
}

/// Takes a value unless a newer one of its key is there.
fn keep_newest(fresh: &mut Fresh<'_>, value: &Parsed<'_>) -> Result<()> {
    let key = value.sled_key();
    let stored = fresh.tree()?.get(&key).map_err(Error::engine("read what was carved"))?;
    let older = stored.as_deref().and_then(|stored| codec::parse(stored).ok());
    if older.is_some_and(|older| older.stored.sequence >= value.stored.sequence) {
        return Ok(());
    }
    fresh.put(&key, &codec::encode(value.table, value.key, value.stored))
}

/// The manifest's text that was written last, where all of it is there.
fn newest_mirror(mut parts: Vec<(Sequence, String, Vec<u8>)>) -> Option<Manifest> {
    parts.sort();
    parts.dedup();
    let parse = |text: &[u8]| Manifest::parse(text, Path::new("the store")).ok();
    // Nearly always it is one part; the parts of a longer text are of one transaction.
    let single = parts.iter().rev().find_map(|(_, _, bytes)| parse(bytes));
    single.or_else(|| {
        let mut texts = parts.chunk_by(|a, b| a.0 == b.0).rev();
        texts.find_map(|parts| parse(&parts.iter().flat_map(|(_, _, bytes)| bytes.iter().copied()).collect::<Vec<_>>()))
    })
}

/// Every file below these folders, and its length.
fn files(folders: &[PathBuf]) -> Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
            let path = entry.map_err(Error::io("list", folder))?.path();
            let metadata = path.metadata().map_err(Error::io("read", &path))?;
            if metadata.is_dir() {
                files.extend(self::files(&[path])?);
            } else {
                files.push((path, metadata.len()));
            }
        }
    }
    Ok(files)
}

/// Finds every sound value in a file; the bytes that were read.
pub(crate) fn scan(path: &Path, progress: &mut dyn FnMut(u64), found: &mut dyn FnMut(&Parsed<'_>)) -> Result<u64> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let mut window = Vec::new();
    let mut read = 0u64;
    loop {
        let before = window.len();
        let more = (&mut file).take(WINDOW as u64).read_to_end(&mut window).map_err(Error::io("read", path))?;
        read += more as u64;
        // A value that begins near the end may go on in the next window.
        let last = more == 0;
        let end = if last { window.len() } else { window.len().saturating_sub(MAX_VALUE_BYTES) };
        debug_assert!(last || window.len() > before);
        let taken = scan_window(&window, end, found);
        progress(read);
        if last {
            return Ok(read);
        }
        window.drain(..taken);
    }
}

/// Finds the sound values that begin before `end`; where the search has come to.
pub(crate) fn scan_window(window: &[u8], end: usize, found: &mut dyn FnMut(&Parsed<'_>)) -> usize {
    let mut at = 0;
    while at < end {
        let rest = window.get(at..).unwrap_or_default();
        if !rest.starts_with(&BEGINNING) {
            // To the next byte that could begin one.
            at += 1 + rest
                .get(1..)
                .unwrap_or_default()
                .iter()
                .position(|byte| *byte == BEGINNING[0])
                .unwrap_or(rest.len());
            continue;
        }
        match codec::parse(rest) {
            Ok(value) => {
                found(&value);
                at += value.length;
            }
            Err(_) => at += 1,
        }
    }
    at.min(window.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::codec::{Stored, encode};

    fn value(key: &[u8], payload: &[u8]) -> Vec<u8> {
        encode(20, key, Stored { sequence: Sequence(3), generation: 0, payload })
    }

    #[test]
    fn values_are_found_between_rubbish_and_across_windows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let mut bytes = b"nX\x01nXnn".to_vec();
        let mut keys = Vec::new();
        while bytes.len() < 2 * WINDOW + 1_000 {
            let key = format!("key {}", keys.len());
            bytes.extend(value(key.as_bytes(), &vec![b'n'; 3_000]));
            let mut damaged = value(b"damaged", b"payload");
            *damaged.last_mut().unwrap() ^= 1;
            bytes.extend(damaged);
            keys.push(key);
        }
        bytes.extend(&value(b"cut", b"payload")[..30]);
        fs::write(&path, &bytes).unwrap();
        let mut found = Vec::new();
        let read = scan(&path, &mut |_| {}, &mut |value| found.push(String::from_utf8(value.key.to_vec()).unwrap()));
        assert_eq!(read.unwrap(), bytes.len() as u64);
        assert_eq!(found, keys);
    }
}
