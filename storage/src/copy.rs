//! A consistent copy of everything, made while writes go on: a scan, then what changed meanwhile, then, while the commit
//! thread holds still, what changed since that.

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
    let mut rows = live.iter();
    // sled may panic on a damaged page.
    while let Some(row) = neodex_guard::call(|| rows.next()).map_err(|panic| panicked(&*panic))? {
        let (key, value) = row.map_err(Error::engine("copy every value"))?;
        check(&key, &value)?;
        target.put(&key, &value)?;
        copied += 1;
        if copied % STEP == 0 {
            progress(copied);
        }
    }
    drop(rows);
    drop(live);
    progress(copied);
    let mut changed = watch.take();
    for _ in 0..MOST_ROUNDS {
        if changed.len() <= FEW {
            break;
        }
        catch_up(engine, &changed, &mut target)?;
        changed = watch.take();
    }
    store.hold_still(move |engine| {
        changed.extend(watch.take());
        catch_up(engine, &changed, &mut target)?;
        finish(engine, target, engine.durable())
    })?
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
