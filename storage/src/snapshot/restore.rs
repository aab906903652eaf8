//! A database from a snapshot. Nothing counts before the whole snapshot has been read and found sound.

use std::io::Read;
use std::path::Path;

use crate::copy::Target;
use crate::durability::create_directory;
use crate::error::{Error, Result};
use crate::fresh::{Fresh, renamed};
use crate::identity::DatabaseId;
use crate::lock::Lock;
use crate::manifest::{FORMAT_VERSION, Manifest};
use crate::numbers::{META, Numbers};
use crate::options::StoreOptions;
use crate::rebuild::Rebuild;
use crate::sequence::Sequence;
use crate::snapshot::format::SnapshotReader;

/// Makes a new database in `dir` from a snapshot. It gets an id of its own: from here on it goes its own way.
///
/// # Errors
/// [`Error::AlreadyExists`]; [`Error::BadSnapshot`] where the snapshot is damaged or something else;
/// [`Error::UnsupportedSnapshot`] or [`Error::UnsupportedFormat`] where it is newer; [`Error::Io`]. No database is left then.
pub fn restore_new(
    input: &mut dyn Read,
    dir: &Path,
    options: &StoreOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<()> {
    let reader = SnapshotReader::begin(input)?;
    if Manifest::read(dir)?.is_some() {
        return Err(Error::AlreadyExists { path: dir.to_path_buf() });
    }
    create_directory(dir)?;
    let mut lock = Lock::acquire(dir)?;
    let (sequence, database) = fill(reader, dir, options, progress)?;
    lock.mark_closed(sequence, database)
}

/// Puts the database of a snapshot in the place of the one in `dir`, which may be damaged. The old one counts until the
/// last moment, and is removed then.
///
/// # Errors
/// As [`restore_new`], and [`Error::Locked`] while it is open; the old database is as it was then.
pub fn restore(input: &mut dyn Read, dir: &Path, options: &StoreOptions, progress: &mut dyn FnMut(u64)) -> Result<()> {
    let reader = SnapshotReader::begin(input)?;
    let rebuild = Rebuild::begin(dir)?;
    let draft = rebuild.empty_draft()?;
    fill(reader, &draft, options, progress)?;
    rebuild.adopt(false).map(drop)
}

/// Makes the database of a snapshot in a folder that has none; its last transaction and its id.
fn fill(
    mut reader: SnapshotReader<'_>,
    dir: &Path,
    options: &StoreOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<(Sequence, DatabaseId)> {
    let manifest = Manifest { format: FORMAT_VERSION, ..renamed(&reader.manifest) };
    let mut fresh = Fresh::begin(dir, options.cache_capacity_bytes)?;
    let mut rows = 0u64;
    while let Some(row) = reader.next()? {
        let (key, removed) = (row.sled_key(), row.removed);
        if removed {
            fresh.remove(&key)?;
        } else {
            fresh.put(&key, reader.value())?;
        }
        rows += 1;
        if rows.is_multiple_of(1_024) {
            progress(rows);
        }
    }
    progress(rows);
    let sequence = check_counts(fresh.tree()?)?;
    fresh.found(&manifest, sequence)?;
    Ok((sequence, manifest.database))
}

/// Every table must have as many rows as it was written with. The last transaction.
fn check_counts(tree: &sled::Tree) -> Result<Sequence> {
    let rows = tree.range(META.sled_key("")?..vec![META.id() + 1]);
    let numbers = Numbers::load(rows.map(|row| {
        let (key, value) = row.map_err(Error::engine("read its numbers"))?;
        META.read_row(&key, &value)
    }))?;
    let mut found = [0u64; 256];
    for key in tree.iter().keys() {
        let key = key.map_err(Error::engine("count its rows"))?;
        if let Some(slot) = key.first().and_then(|table| found.get_mut(usize::from(*table))) {
            *slot += 1;
        }
    }
    for (&table, &expected) in &numbers.counts {
        let found = found.get(usize::from(table)).copied().unwrap_or_default();
        if table != META.id() && table != crate::mirror::IDENTITY.id() && found != expected {
            let reason = format!("table {table} has {found} rows in it and should have {expected}");
            return Err(Error::BadSnapshot { reason });
        }
    }
    Ok(numbers.sequence)
}
