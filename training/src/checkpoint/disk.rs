//! Files and folders that are either complete under their name or not there.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes `bytes` to the new file `path` and brings them to the disk.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create(path).map_err(Error::io(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::io(path))
}

/// An empty folder `path`, whatever was left there.
pub(super) fn fresh(path: &Path) -> Result<()> {
    remove(path)?;
    fs::create_dir_all(path).map_err(Error::io(path))
}

/// Gives the complete folder `from` the name `to`. What had that name is replaced.
pub(super) fn publish(from: &Path, to: &Path) -> Result<()> {
    sync(from)?;
    // A folder cannot be renamed over another that is not empty, so the old one steps aside first.
    let aside = to.with_file_name(format!(".{}.replaced", to.file_name().unwrap_or_default().to_string_lossy()));
    remove(&aside)?;
    if to.exists() {
        fs::rename(to, &aside).map_err(Error::io(to))?;
    }
    fs::rename(from, to).map_err(Error::io(to))?;
    if let Some(parent) = to.parent() {
        sync(parent)?;
    }
    remove(&aside)
}

/// Removes the folder `path`, if there is one.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path)(error)),
        _ => Ok(()),
    }
}

/// Brings a folder's entries to the disk. Where a system cannot do that to a folder there is nothing to be done.
fn sync(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io(folder))?;
    }
    Ok(())
}
