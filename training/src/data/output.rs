//! A folder that appears complete or not at all: written under a temporary name, and renamed when its manifest is in.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::error::{Error, Result};

/// A folder being written. Dropped without [`finish`](Self::finish), it is removed.
pub(crate) struct OutputFolder {
    temporary: PathBuf,
    target: PathBuf,
    finished: bool,
}

impl OutputFolder {
    /// Begins a folder that will be `target`.
    pub(crate) fn create(target: &Path) -> Result<Self> {
        if target.exists() {
            return Err(Error::Exists { path: target.to_owned() });
        }
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".partial-{}", std::process::id()));
        let temporary = target.with_file_name(name);
        if temporary.exists() {
            fs::remove_dir_all(&temporary).map_err(Error::io(&temporary))?;
        }
        fs::create_dir_all(&temporary).map_err(Error::io(&temporary))?;
        Ok(Self { temporary, target: target.to_owned(), finished: false })
    }

    /// Begins a file in it.
    pub(crate) fn file(&self, name: &str) -> Result<NumberFile> {
        let path = self.temporary.join(name);
        let file = File::create(&path).map_err(Error::io(&path))?;
        Ok(NumberFile { file: BufWriter::with_capacity(1 << 20, file), path })
    }

    /// Writes the manifest and gives the folder its name.
    pub(crate) fn finish<M: serde::Serialize>(mut self, name: &str, manifest: &M) -> Result<()> {
        let path = self.temporary.join(name);
        let json = serde_json::to_vec_pretty(manifest).map_err(|source| Error::io(&path)(source.into()))?;
        let mut file = File::create(&path).map_err(Error::io(&path))?;
        file.write_all(&json).and_then(|()| file.sync_all()).map_err(Error::io(&path))?;
        fs::rename(&self.temporary, &self.target).map_err(Error::io(&self.target))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        if !self.finished {
            // Nobody waits for an answer, and a folder of this name is replaced the next time.
            let _ = fs::remove_dir_all(&self.temporary);
        }
    }
}

/// Reads the manifest of a finished folder.
pub(crate) fn read_manifest<M: serde::de::DeserializeOwned>(path: &Path) -> Result<M> {
    let json = fs::read(path).map_err(Error::io(path))?;
    serde_json::from_slice(&json).map_err(|error| Error::damaged(path, error.to_string()))
}

/// A file of little-endian numbers being written.
pub(crate) struct NumberFile {
    file: BufWriter<File>,
    path: PathBuf,
}

impl NumberFile {
    pub(crate) fn u16s(&mut self, numbers: &[u16]) -> Result<()> {
        numbers.iter().try_for_each(|number| self.file.write_all(&number.to_le_bytes())).map_err(Error::io(&self.path))
    }

    pub(crate) fn u32s(&mut self, numbers: &[u32]) -> Result<()> {
        numbers.iter().try_for_each(|number| self.file.write_all(&number.to_le_bytes())).map_err(Error::io(&self.path))
    }

    pub(crate) fn u64s(&mut self, numbers: &[u64]) -> Result<()> {
        numbers.iter().try_for_each(|number| self.file.write_all(&number.to_le_bytes())).map_err(Error::io(&self.path))
    }

    /// Brings everything to the disk.
    pub(crate) fn close(self) -> Result<()> {
        let path = self.path;
        let file = self.file.into_inner().map_err(|error| Error::io(&path)(error.into_error()))?;
        file.sync_all().map_err(Error::io(&path))
    }
}
