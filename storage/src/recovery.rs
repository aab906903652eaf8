//! From a folder to an open store, whatever state the last process left the folder in.
//!
//! ```text
//! FORMAT  store/  store.new/
//!   -       -        any      no database; creating one begins afresh
//!   yes     -        yes      creation was cut short after its last decision: it is finished
//!   yes     yes      -        a database
//!   -       yes      any      damaged: the manifest was lost
//!   yes     -        -        damaged: the store was lost
//! ```
//!
//! A new store is made complete under the name `store.new`, holding the database's id, before `FORMAT` is written and
//! the store gets its name. A `store/` without that id was therefore emptied, or belongs to another database. Where FORMAT
//! names another store (`store.3`), that one counts, and every other is swept.

use std::collections::BTreeMap;
use std::path::Path;

use crate::durability::{create_directory, rename};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::failpoint::reach;
use crate::fresh::{Fresh, UNFINISHED, sweep};
use crate::kept::{forget, keep_if_damaged, lost};
use crate::live::{Live, RESTORE, remove_derived};
use crate::lock::Lock;
use crate::manifest::{FIRST_STORE, Manifest};
use crate::mirror;
use crate::numbers::{META, Numbers};
use crate::options::StoreOptions;
use crate::rebuild;
use crate::sequence::Sequence;

/// What to do where there is, or is not, a database.
pub(crate) enum Mode {
    Open,
    Create(BTreeMap<String, String>),
    OpenOrCreate(BTreeMap<String, String>),
}

/// Opens or creates the database in `dir`.
pub(crate) fn open(dir: &Path, mode: Mode, options: &StoreOptions) -> Result<(Engine, Numbers)> {
    // Before anything is written into a folder that may be no database, or a newer one.
    let found = Manifest::read(dir)?;
    match (&mode, found) {
        (Mode::Open, None) => {
            return Err(Error::NotFound { path: dir.to_path_buf() });
        }
        (Mode::Create(_), Some(_)) => return Err(already_exists(dir)),
        _ => create_directory(dir)?,
    }
    let mut lock = Lock::acquire(dir)?;
    if let Ok(Some(manifest)) = Manifest::read(dir) {
        rebuild::finish(dir, &manifest)?;
    }
    match prepare(dir, mode, &lock, options).map_err(|error| beyond_reading(dir, error)) {
        Ok((manifest, live, numbers)) => {
            reach("open.opened");
            lock.mark_open(numbers.sequence, manifest.database)?;
            reach("open.noted");
            sweep(dir, &manifest);
            Ok((Engine::new(live, dir, manifest, lock, &numbers, options), numbers))
        }
        Err(error) => {
            // The first error is the one to tell.
            let _ = lock.put_back();
            Err(error)
        }
    }
}

/// What sled cannot read while it is opened is told as damage to the whole, with what to do about it.
fn beyond_reading(dir: &Path, error: Error) -> Error {
    match error {
        Error::Engine { action, source, damaged: true } => {
            Error::damaged(dir, format!("sled could not {action} ({source}); {RESTORE}"))
        }
        error => error,
    }
}

/// With the lock held: looks again, creates what is to be created, and opens sled.
fn prepare(dir: &Path, mode: Mode, lock: &Lock, options: &StoreOptions) -> Result<(Manifest, Live, Numbers)> {
    let (manifest, known) = match (mode, Manifest::read(dir)?) {
        (Mode::Create(_), Some(_)) => return Err(already_exists(dir)),
        (_, Some(manifest)) => {
            let known = lock.known_sequence(manifest.database);
            (manifest, known)
        }
        // What LOCK says is of a database that is gone.
        (Mode::Create(fields) | Mode::OpenOrCreate(fields), None) => (create(dir, fields, options)?, Sequence::ZERO),
        (Mode::Open, None) => {
            return Err(Error::NotFound { path: dir.to_path_buf() });
        }
    };
    finish_creation(dir, &manifest)?;
    let live = open_existing(dir, &manifest, options)?;
    let rows = live.range(META.sled_key("")?..vec![META.id() + 1]);
    let mut numbers = Numbers::load(rows.map(|row| {
        let (key, value) = row.map_err(Error::engine("read its numbers"))?;
        META.read_row(&key, &value)
    }))?;
    if numbers.sequence < known && !options.accept_loss {
        return Err(Error::damaged(
            &dir.join(&manifest.store),
            format!(
                "it ends at transaction {}, but {known} were on the disk when LOCK was last written: what is in between \
                 is lost; {RESTORE}",
                numbers.sequence
            ),
        ));
    }
    if options.accept_loss {
        forget(dir)?;
    } else if let Some(reason) = lost(dir, &live, &numbers)? {
        return Err(Error::damaged(&dir.join(&manifest.store), format!("{reason}; {RESTORE}")));
    }
    // The numbers of lost transactions are not given again.
    numbers.sequence = numbers.sequence.max(known);
    Ok((manifest, live, numbers))
}

/// Makes the store of a new database and, last of all, its manifest.
fn create(dir: &Path, fields: BTreeMap<String, String>, options: &StoreOptions) -> Result<Manifest> {
    let manifest = Manifest::new(fields);
    manifest.check()?;
    Fresh::begin(dir, options.cache_capacity_bytes)?.found(&manifest, Sequence::ZERO)?;
    reach("open.created");
    Ok(manifest)
}

/// Gives a store that is complete its name.
fn finish_creation(dir: &Path, manifest: &Manifest) -> Result<()> {
    let (unfinished, finished) = (dir.join(UNFINISHED), dir.join(FIRST_STORE));
    if manifest.store == FIRST_STORE && unfinished.exists() && !finished.exists() {
        rename(&unfinished, &finished)?;
    }
    Ok(())
}

/// Opens the store that the manifest speaks of, and no other.
fn open_existing(dir: &Path, manifest: &Manifest, options: &StoreOptions) -> Result<Live> {
    let folder = dir.join(&manifest.store);
    if !folder.join("db").is_file() {
        return Err(Error::damaged(&folder, format!("its file `db` is missing; {RESTORE}")));
    }
    keep_if_damaged(dir, &folder)?;
    let live = match Live::open(&folder, options.cache_capacity_bytes) {
        // Both are made again: the one from its settings, which are always the same, the other from the log, of which sled
        // then reads more than it would have.
        Err(Error::Damaged { .. }) if remove_derived(&folder)? => {
            keep_if_damaged(dir, &folder)?;
            Live::open(&folder, options.cache_capacity_bytes)?
        }
        opened => opened?,
    };
    match mirror::database(&live)? {
        Some(id) if id == manifest.database => Ok(live),
        Some(id) => Err(Error::damaged(
            &folder,
            format!(
                "it belongs to database {id}, but FORMAT names {}; put back the FORMAT or the store that belongs here",
                manifest.database
            ),
        )),
        None => Err(Error::damaged(
            &folder,
            format!("it does not say which database it belongs to, so rows have been lost; {RESTORE}"),
        )),
    }
}

fn already_exists(dir: &Path) -> Error {
    Error::AlreadyExists { path: dir.to_path_buf() }
}
