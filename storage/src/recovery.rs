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
//! the store gets its name. A `store/` without that id was therefore emptied, or belongs to another database.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::codec::{self, Stored};
use crate::durability::{create_directory, rename, sync_directory};
use crate::engine::Engine;
use crate::error::{Error, Result, panic_message};
use crate::identity::DatabaseId;
use crate::lock::Lock;
use crate::manifest::Manifest;
use crate::numbers::{META, Numbers};
use crate::options::StoreOptions;
use crate::sequence::Sequence;
use crate::table::Table;

/// Holds one row: which database this store belongs to.
const IDENTITY: Table<String, String> = Table::internal(2, "identity");
const DATABASE: &str = "database";

/// What to do about a damaged store.
const RESTORE: &str = "restore it from a snapshot, or make the database again from its sources";

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
    match prepare(dir, mode, &lock, options) {
        Ok((manifest, db, numbers)) => {
            lock.mark_open(numbers.sequence)?;
            let failpoint = options.failpoint.clone();
            let engine = Engine::new(db, dir, manifest, lock, &numbers, failpoint)?;
            Ok((engine, numbers))
        }
        Err(error) => {
            // The first error is the one to tell.
            let _ = lock.put_back();
            Err(error)
        }
    }
}

/// With the lock held: looks again, creates what is to be created, and opens sled.
fn prepare(dir: &Path, mode: Mode, lock: &Lock, options: &StoreOptions) -> Result<(Manifest, sled::Db, Numbers)> {
    let (manifest, known) = match (mode, Manifest::read(dir)?) {
        (Mode::Create(_), Some(_)) => return Err(already_exists(dir)),
        (_, Some(manifest)) => (manifest, lock.known_sequence()),
        // What LOCK says is of a database that is gone.
        (Mode::Create(fields) | Mode::OpenOrCreate(fields), None) => (create(dir, fields, options)?, Sequence::ZERO),
        (Mode::Open, None) => {
            return Err(Error::NotFound { path: dir.to_path_buf() });
        }
    };
    finish_creation(dir)?;
    let db = open_existing(dir, &manifest, options)?;
    let rows = db.range(META.sled_key("")?..vec![META.id() + 1]);
    let mut numbers = Numbers::load(rows.map(|row| {
        let (key, value) = row.map_err(Error::engine("read its numbers"))?;
        META.read_row(&key, &value)
    }))?;
    if numbers.sequence < known && !options.accept_loss {
        return Err(Error::damaged(
            &dir.join("store"),
            format!(
                "it ends at transaction {}, but {known} were on the disk when LOCK was last written: what is in between \
                 is lost; {RESTORE}",
                numbers.sequence
            ),
        ));
    }
    // The numbers of lost transactions are not given again.
    numbers.sequence = numbers.sequence.max(known);
    Ok((manifest, db, numbers))
}

/// Makes the store of a new database and, last of all, its manifest.
fn create(dir: &Path, fields: BTreeMap<String, String>, options: &StoreOptions) -> Result<Manifest> {
    let manifest = Manifest::new(fields);
    manifest.check()?;
    let unfinished = dir.join("store.new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Error::io("remove", &unfinished))?;
    }
    create_directory(&unfinished)?;
    let db = open_sled(&unfinished, options)?;
    let key = IDENTITY.sled_key(DATABASE)?;
    let payload = IDENTITY.payload(&manifest.database.to_string())?;
    let stored = Stored { sequence: Sequence::ZERO, generation: 0, payload: &payload };
    let value = codec::encode(IDENTITY.id(), DATABASE.as_bytes(), stored);
    db.insert(key, value).and_then(|_| db.flush()).map_err(Error::engine("create its tables"))?;
    drop(db);
    let log = unfinished.join("db");
    let file = fs::OpenOptions::new().write(true).open(&log);
    file.and_then(|file| file.sync_all()).map_err(Error::io("sync", &log))?;
    sync_directory(&unfinished)?;
    manifest.write(dir)?;
    Ok(manifest)
}

/// Gives a store that is complete its name.
fn finish_creation(dir: &Path) -> Result<()> {
    let (unfinished, finished) = (dir.join("store.new"), dir.join("store"));
    if unfinished.exists() && !finished.exists() {
        rename(&unfinished, &finished)?;
    }
    Ok(())
}

/// Opens the store that the manifest speaks of, and no other.
fn open_existing(dir: &Path, manifest: &Manifest, options: &StoreOptions) -> Result<sled::Db> {
    let store = dir.join("store");
    if !store.join("db").is_file() {
        return Err(Error::damaged(&store, format!("its file `db` is missing; {RESTORE}")));
    }
    let db = open_sled(&store, options)?;
    let key = IDENTITY.sled_key(DATABASE)?;
    let row = db.get(&key).map_err(Error::engine("read its identity"))?;
    let found = match row {
        Some(value) => DatabaseId::parse(&IDENTITY.read_value(&key, &value)?),
        None => None,
    };
    match found {
        Some(id) if id == manifest.database => Ok(db),
        Some(id) => Err(Error::damaged(
            &store,
            format!(
                "it belongs to database {id}, but FORMAT names {}; put back the FORMAT or the store that belongs here",
                manifest.database
            ),
        )),
        None => Err(Error::damaged(
            &store,
            format!("it does not say which database it belongs to, so rows have been lost; {RESTORE}"),
        )),
    }
}

/// Opens sled, turning its panics into errors and waiting for a moment where this process has only just closed it.
fn open_sled(path: &Path, options: &StoreOptions) -> Result<sled::Db> {
    const PATIENCE: Duration = Duration::from_secs(3);
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(options.cache_capacity_bytes)
        .use_compression(false)
        .flush_every_ms(None);
    let start = Instant::now();
    loop {
        let damaged = |what: &str| Error::damaged(path, format!("sled cannot open it ({what}); {RESTORE}"));
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Ok(db)) => return Ok(db),
            // The folder's lock is ours, so this is sled's last instance in this process on its way out.
            Ok(Err(sled::Error::Io(error)))
                if error.to_string().contains("could not acquire lock") && start.elapsed() < PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(Err(sled::Error::Io(error))) => return Err(Error::io("open", path)(error)),
            Ok(Err(error)) => return Err(damaged(&error.to_string())),
            Err(panic) => return Err(damaged(&panic_message(panic.as_ref()))),
        }
    }
}

fn already_exists(dir: &Path) -> Error {
    Error::AlreadyExists { path: dir.to_path_buf() }
}
