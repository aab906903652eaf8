//! The log as it was before sled had it, kept where sled may have destroyed rows of it, and compared with what sled made of it.
//!
//! A group of transactions that was never acknowledged may be in the kept log and not in the store; that is what a crash
//! leaves, and no loss. But there can be one such group at most, and every group has one row with its last transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::carve::scan;
use crate::codec::{self, Parsed};
use crate::durability::{create_directory, remove_directory, rename, sync_files};
use crate::error::{Error, Result};
use crate::journal::JOURNAL;
use crate::log::damage;
use crate::numbers::{META, Numbers, SEQUENCE};
use crate::value::TableValue;

/// Where it is kept, in the database's folder.
pub(crate) const KEPT: &str = "store.kept";
/// The name of a copy that is not complete.
pub(crate) const KEEPING: &str = "store.keeping";
/// Beside the copy: the newest transaction before the damage. What is of later ones must be in the store.
const SINCE: &str = "since";

/// Keeps a copy of the log of the store in `folder` if opening it may destroy rows.
pub(crate) fn keep_if_damaged(dir: &Path, folder: &Path) -> Result<()> {
    let kept = dir.join(KEPT);
    if kept.exists() {
        return Ok(());
    }
    let Some(since) = damage(folder)? else { return Ok(()) };
    let unfinished = dir.join(KEEPING);
    remove_directory(&unfinished)?;
    create_directory(&unfinished)?;
    let log = folder.join("db");
    fs::copy(&log, unfinished.join("db")).map_err(Error::io("copy", &log))?;
    fs::write(unfinished.join(SINCE), since.to_string()).map_err(Error::io("write", &unfinished))?;
    sync_files(&unfinished)?;
    rename(&unfinished, &kept)
}

/// What of the kept log is missing in the store, in words. If nothing is, the kept log goes.
pub(crate) fn lost(dir: &Path, tree: &sled::Tree, numbers: &Numbers) -> Result<Option<String>> {
    let kept = dir.join(KEPT);
    if !kept.exists() {
        return Ok(None);
    }
    let since = fs::read_to_string(kept.join(SINCE)).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let last = numbers.sequence.0;
    let (mut groups, mut newer) = (BTreeSet::new(), 0u64);
    scan(&kept.join("db"), &mut |_| {}, &mut |value| {
        let sequence = value.stored.sequence.0;
        if value.table == META.id() && value.key == SEQUENCE.as_bytes() {
            groups.extend(u64::decode(value.stored.payload).ok().filter(|group| *group > last));
        }
        if sequence > since && sequence <= last && !is_stored(tree, value) {
            newer += 1;
        }
    })?;
    let reason = if groups.len() > 1 {
        let end = groups.last().copied().unwrap_or_default();
        Some(format!("sled goes on from transaction {last} although {end} was acknowledged"))
    } else if newer > 0 {
        Some(format!("sled went back to older states of {newer} rows"))
    } else {
        miscount(tree, &|table| numbers.counts.get(&table).copied().unwrap_or_default())
    };
    if reason.is_none() {
        forget(dir)?;
    }
    Ok(reason)
}

/// Removes what was kept.
pub(crate) fn forget(dir: &Path) -> Result<()> {
    remove_directory(&dir.join(KEPT))
}

/// Whether this value, a newer one of its key, or none is in the store: a row that was removed since leaves no trace in the log, and is
/// counted instead.
fn is_stored(tree: &sled::Tree, value: &Parsed<'_>) -> bool {
    let stored = neodex_guard::call(|| tree.get(value.sled_key()));
    match stored {
        Ok(Ok(Some(stored))) => {
            codec::parse(&stored).is_ok_and(|stored| stored.stored.sequence >= value.stored.sequence)
        }
        Ok(Ok(None)) => true,
        Ok(Err(_)) | Err(_) => false,
    }
}

/// Which table has another number of rows than was written into it.
pub(crate) fn miscount(tree: &sled::Tree, expected: &dyn Fn(u8) -> u64) -> Option<String> {
    let counted = neodex_guard::call(|| {
        let mut counts = BTreeMap::<u8, u64>::new();
        for key in tree.iter().keys() {
            *counts.entry(key?.first().copied().unwrap_or_default()).or_default() += 1;
        }
        Ok::<_, sled::Error>(counts)
    });
    let Ok(Ok(counts)) = counted else { return Some("not every row of it can be read".to_owned()) };
    let counted = |table: u8| table == JOURNAL.id() || table >= crate::FIRST_USER_TABLE;
    (0..=u8::MAX).filter(|table| counted(*table)).find_map(|table| {
        let found = counts.get(&table).copied().unwrap_or_default();
        let expected = expected(table);
        (found != expected).then(|| format!("table {table} has {found} rows of {expected}"))
    })
}
