//! Making a snapshot of an open store.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::copy::copy;
use crate::durability::{rename, sync_file};
use crate::error::{Error, Result};
use crate::failpoint::reach;
use crate::sequence::Sequence;
use crate::snapshot::format::SnapshotWriter;
use crate::store::Store;

/// Bytes written at once.
const BUFFER_BYTES: usize = 1 << 20;

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Everything up to this transaction is in it, and nothing after.
    pub sequence: Sequence,
    /// Rows written; those that changed meanwhile are counted again.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
}

impl Store {
    /// Writes a snapshot of the store, as of one moment near the end of the call, while others go on writing. `progress`
    /// hears how many rows have been read. Writers wait only for the last round of rows that changed meanwhile.
    ///
    /// # Errors
    /// [`Error::Corrupted`] where a row is damaged (a copy would hide it); [`Error::Engine`] where sled cannot read;
    /// [`Error::Io`] where `out` fails; [`Error::Poisoned`] after a failed write.
    pub fn snapshot_write(&self, out: &mut dyn Write, progress: &mut dyn FnMut(u64)) -> Result<SnapshotInfo> {
        reach("snapshot.begin");
        let writer = SnapshotWriter::begin(out, &self.manifest())?;
        let (writer, sequence) = copy(self, writer, progress, |_, writer, sequence| Ok((writer, sequence)))?;
        reach("snapshot.copied");
        let (rows, bytes) = writer.end(sequence)?;
        Ok(SnapshotInfo { sequence, rows, bytes })
    }

    /// As [`Store::snapshot_write`], into a file, which is there under its name only once it is complete and on the disk.
    ///
    /// # Errors
    /// As [`Store::snapshot_write`].
    pub fn snapshot_create(&self, file: &Path, progress: &mut dyn FnMut(u64)) -> Result<SnapshotInfo> {
        let mut name = file.file_name().unwrap_or_default().to_os_string();
        name.push(".unfinished");
        let unfinished = file.with_file_name(name);
        let outcome = self.snapshot_into(&unfinished, file, progress);
        if outcome.is_err() {
            // It is of no use to anybody; that it cannot be removed is not the error to tell.
            let _ = std::fs::remove_file(&unfinished);
        }
        outcome
    }

    fn snapshot_into(&self, unfinished: &Path, file: &Path, progress: &mut dyn FnMut(u64)) -> Result<SnapshotInfo> {
        let opened = OpenOptions::new().write(true).create(true).truncate(true).open(unfinished);
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, opened.map_err(Error::io("create", unfinished))?);
        let info = self.snapshot_write(&mut out, progress)?;
        let written = out.into_inner().map_err(|error| Error::io("write", unfinished)(error.into_error()))?;
        sync_file(&written, unfinished)?;
        drop(written);
        reach("snapshot.synced");
        rename(unfinished, file)?;
        Ok(info)
    }
}
