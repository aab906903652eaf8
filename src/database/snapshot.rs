//! A database as one file, made while writers go on, and a database from such a file.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use neodex_storage::{SnapshotInfo, StoreOptions};
use serde::Serialize;

use crate::config::Config;
use crate::database::Database;
use crate::error::{Error, Result};

/// Bytes read at once.
const BUFFER_BYTES: usize = 1 << 20;

/// What a snapshot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Everything up to this transaction is in it, and nothing after.
    pub sequence: u64,
    /// Rows written; those that changed meanwhile are counted again.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
}

impl From<SnapshotInfo> for Snapshot {
    fn from(info: SnapshotInfo) -> Self {
        Self { sequence: info.sequence.0, rows: info.rows, bytes: info.bytes }
    }
}

impl Database {
    /// Writes the database, as of one moment near the end of the call, into a file that can be restored. Reads and writes go on
    /// meanwhile. The file is there under its name only once it is complete and on the disk. `progress` hears how many rows
    /// have been read.
    ///
    /// # Errors
    /// When the file cannot be written, or the database is damaged (a copy would hide it).
    pub fn snapshot_create(&self, file: impl AsRef<Path>, progress: &mut dyn FnMut(u64)) -> Result<Snapshot> {
        Ok(self.inner.store.snapshot_create(file.as_ref(), progress)?.into())
    }

    /// As [`Database::snapshot_create`], to whoever takes the bytes: a socket, a pipe. They are a snapshot only if the call returns
    /// without an error; a cut one is refused by [`restore`].
    ///
    /// # Errors
    /// When `out` fails, or the database is damaged.
    pub fn snapshot_write(&self, out: &mut dyn Write, progress: &mut dyn FnMut(u64)) -> Result<Snapshot> {
        Ok(self.inner.store.snapshot_write(out, progress)?.into())
    }
}

/// Makes the database in the folder `database` from a snapshot. With `replace` it takes the place of one that is there, which counts
/// until the last moment and may be damaged; without, that is an error. Indexes are made again when it is opened. It is another database
/// from here on, with an id of its own. `progress` hears how many rows have been written.
///
/// # Errors
/// When the snapshot is damaged, cut short or newer than this program, the database exists or is open, or there is no room. What was
/// there before is as it was.
pub fn restore(
    snapshot: impl AsRef<Path>,
    database: impl AsRef<Path>,
    replace: bool,
    progress: &mut dyn FnMut(u64),
) -> Result<()> {
    let (snapshot, database) = (snapshot.as_ref(), database.as_ref());
    let file = File::open(snapshot).map_err(Error::io(snapshot))?;
    let mut input = BufReader::with_capacity(BUFFER_BYTES, file);
    let options = StoreOptions::new().cache_capacity_bytes(Config::default().cache_bytes);
    match neodex_storage::is_database(database) {
        true if replace => neodex_storage::restore(&mut input, database, &options, progress)?,
        _ => neodex_storage::restore_new(&mut input, database, &options, progress)?,
    }
    Ok(())
}
