//! A consistent copy of everything, made while writes go on: a scan, then what changed meanwhile, then, while the commit
//! thread holds still, what changed since that.

use std::ops::Bound;

use sled::IVec;

use crate::codec;
use crate::engine::Engine;
use crate::error::{Error, Result, panic_message};
use crate::sequence::Sequence;
use crate::store::Store;
use crate::watch::Changed;

/// A last round of at most this many rows is done while writers wait.
const FEW: usize = 2_000;
/// Rounds after which the last one is done however long it takes.
const MOST_ROUNDS: usize = 5;
/// Rows between two words on the progress.
const STEP: u64 = 1_024;

/// Where a copy goes. A later row takes the place of an earlier one with its key.
pub(crate) trait Target {
    /// Takes a row.
    fn put(&mut self, sled_key: &[u8], value: &[u8]) -> Result<()>;

    /// Takes the news that there is no such row.
    fn remove(&mut self, sled_key: &[u8]) -> Result<()>;
}

/// Copies all rows into `target` and runs `finish` at the moment when the copy is complete, while no write is under way.
pub(crate) fn copy<T: Target, R>(
    store: &Store,
    mut target: T,
    progress: &mut dyn FnMut(u64),
    finish: impl FnOnce(&Engine, T, Sequence) -> Result<R>,
) -> Result<R> {
    let engine = store.engine();
    let watch = engine.watchers.watch();
    let live = engine.live();
    let mut copied = 0;
    let (mut scanned, mut noted) = ([0u64; 256], [0u64; 256]);
    let mut after: Bound<IVec> = Bound::Unbounded;
    // One copy in thousands, made while others wrote, had only the first 210 of a table's 1,220 rows. What ended its scan was not found, so
    // that the end of a scan is no proof any more: another descent is asked whether there is more.
    while let Some(first) = next_row(&live, &after)? {
        let mut rows = live.range::<IVec, _>((Bound::Included(first), Bound::Unbounded));
        // sled may panic on a damaged page.
        while let Some(row) = neodex_guard::call(|| rows.next()).map_err(|panic| panicked(&*panic))? {
            let (key, value) = row.map_err(Error::engine("copy every value"))?;
            check(&key, &value)?;
            target.put(&key, &value)?;
            count(&mut scanned, &key);
            after = Bound::Excluded(key);
            copied += 1;
            if copied % STEP == 0 {
                progress(copied);
            }
        }
    }
    drop(live);
    progress(copied);
    let mut changed = watch.take();
    for _ in 0..MOST_ROUNDS {
        if changed.len() <= FEW {
            break;
        }
        catch_up(engine, &changed, &mut target)?;
        changed.iter().for_each(|key| count(&mut noted, key));
        changed = watch.take();
    }
    store.hold_still(move |engine| {
        changed.extend(watch.take());
        catch_up(engine, &changed, &mut target)?;
        changed.iter().for_each(|key| count(&mut noted, key));
        enough(engine, &scanned, &noted)?;
        finish(engine, target, engine.durable())
    })?
}

fn count(rows: &mut [u64; 256], sled_key: &[u8]) {
    if let Some(rows) = sled_key.first().and_then(|table| rows.get_mut(usize::from(*table))) {
        *rows += 1;
    }
}

/// A table with more rows than a scan found and changes brought has rows that nobody copied.
fn enough(engine: &Engine, scanned: &[u64; 256], noted: &[u64; 256]) -> Result<()> {
    for ((table, scanned), noted) in (0..=u8::MAX).zip(scanned).zip(noted) {
        let rows = engine.count(table);
        if rows > scanned + noted {
            let reason = format!("table {table} has {rows} rows, of which {scanned} were read and {noted} changed");
            return Err(Error::Engine { action: "copy every value", source: reason.into(), damaged: false });
        }
    }
    Ok(())
}

/// The key of the first row after `after`, by a descent of its own.
fn next_row(live: &sled::Tree, after: &Bound<IVec>) -> Result<Option<IVec>> {
    let next = match after {
        Bound::Excluded(last) => neodex_guard::call(|| live.get_gt(last)),
        Bound::Included(_) | Bound::Unbounded => neodex_guard::call(|| live.first()),
    };
    let next = next.map_err(|panic| panicked(&*panic))?.map_err(Error::engine("copy every value"))?;
    Ok(next.map(|(key, _)| key))
}

/// Copies the present state of these rows, from where it is now: a compaction may have moved it since the scan.
fn catch_up(engine: &Engine, changed: &Changed, target: &mut impl Target) -> Result<()> {
    let live = engine.live();
    for key in changed {
        match live.get(key).map_err(Error::engine("copy what has changed"))? {
            Some(value) => {
                check(key, &value)?;
                target.put(key, &value)?;
            }
            None => target.remove(key)?,
        }
    }
    Ok(())
}

/// A copy of damage would hide it.
fn check(sled_key: &[u8], value: &[u8]) -> Result<()> {
    let (table, key) = sled_key.split_first().map_or((0, sled_key), |(table, key)| (*table, key));
    codec::decode(table, key, value).map(drop).map_err(|reason| Error::Corrupted {
        table: format!("number {table}"),
        key: codec::describe_key(key),
        reason,
    })
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    Error::Engine { action: "copy every value", source: panic_message(panic).into(), damaged: true }
}
